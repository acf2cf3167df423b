/* The whole content of a store as a replica; see store.h.
 * Relies on: model/replica.
 * Must never: read a password hash; believe a number or text of the file further than it was checked here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_internal.h"
#include "replica/store_rows.h"

/* From the file's row ids, which come in ascending order, to the replica's indexes. */
struct id_map {
        int64_t *ids;
        uint32_t *direct; /* by id, where the ids are dense enough (they are, unless somebody else wrote the file) */
        size_t count, size, direct_size;
};

enum { DENSITY = 8, DIRECT_MIN = 1 << 16 };

static void id_map_done(struct id_map *map) {
        free(map->ids);
        free(map->direct);
}

static int id_map_add(struct id_map *map, int64_t id) {
        if (map->count == map->size) {
                size_t size = map->size > 0 ? map->size * 2 : 1024;
                int64_t *bigger = reallocarray(map->ids, size, sizeof *bigger);
                if (!bigger)
                        return -ENOMEM;
                map->ids = bigger;
                map->size = size;
        }
        map->ids[map->count++] = id;
        return 0;
}

static int id_map_finish(struct id_map *map) {
        if (map->count == 0)
                return 0;
        uint64_t highest = (uint64_t)map->ids[map->count - 1];
        if (map->ids[0] < 0 || highest > map->count * DENSITY + DIRECT_MIN)
                return 0;
        map->direct = malloc((highest + 1) * sizeof *map->direct);
        if (!map->direct)
                return -ENOMEM;
        map->direct_size = highest + 1;
        memset(map->direct, 0xff, map->direct_size * sizeof *map->direct);
        for (size_t i = 0; i < map->count; i++)
                if ((uint64_t)map->ids[i] <= highest) /* a damaged tree may be out of order */
                        map->direct[map->ids[i]] = (uint32_t)i;
        return 0;
}

/* The ids for the replica to keep; NULL where they do not ascend, as they do unless the tree is damaged. */
static int64_t *take_rows(struct id_map *map) {
        for (size_t i = 1; i < map->count; i++)
                if (map->ids[i - 1] >= map->ids[i])
                        return NULL;
        int64_t *rows = realloc(map->ids, (map->count + 1) * sizeof *rows);
        if (rows)
                map->ids = NULL;
        return rows;
}

static uint32_t id_map_get(const struct id_map *map, int64_t id) {
        if (map->direct)
                return (uint64_t)id < map->direct_size ? map->direct[id] : REPLICA_NONE;
        size_t low = 0, high = map->count;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (map->ids[middle] == id)
                        return (uint32_t)middle;
                if (map->ids[middle] < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return REPLICA_NONE;
}

struct loading {
        struct store *store;
        struct replica *replica;
        struct id_map users, groups;
        char *text;        /* room for one text with its NUL */
        size_t text_size;
};

/* Most columns are NULL or short; asking for SQLite's NUL-terminated form would allocate for each. */
static int load_text(struct loading *loading, sqlite3_stmt *statement, int column, text_ref *ref) {
        if (sqlite3_column_type(statement, column) == SQLITE_NULL)
                return 0;
        const void *bytes = sqlite3_column_blob(statement, column);
        size_t len = (size_t)sqlite3_column_bytes(statement, column);
        if (!bytes || len == 0)
                return 0;
        if (!loading->text || len >= loading->text_size) {
                char *bigger = realloc(loading->text, len * 2);
                if (!bigger)
                        return -ENOMEM;
                loading->text = bigger;
                loading->text_size = len * 2;
        }
        memcpy(loading->text, bytes, len);
        loading->text[len] = 0;
        return replica_add_text(loading->replica, loading->text, ref);
}

static uint32_t load_u32(sqlite3_stmt *statement, int column) {
        int64_t number = sqlite3_column_int64(statement, column);
        return number > 0 && number < UINT32_MAX ? (uint32_t)number : 0;
}

static int load_user(struct loading *loading, sqlite3_stmt *row) {
        uint32_t index;
        struct replica_user user = {
                .uid = load_u32(row, 1), .gid = load_u32(row, 2),
                .active = sqlite3_column_int(row, 3) == 1, .posix_primary = sqlite3_column_int(row, 4) == 1,
        };
        /* What an administrator gives a user that is kept here as gid is a gidNumber (M9, M10). */
        if (directory_is_kept_here(loading->store->type) && user.gid != 0)
                user.posix_primary = true;
        text_ref *const texts[] = { &user.name, &user.entry_id, &user.display_name, &user.email, &user.home, &user.shell, &user.ssh_keys,
                                    &user.sid };
        for (int i = 0; i < (int)ARRAY_SIZE(texts); i++) {
                int r = load_text(loading, row, 5 + i, texts[i]);
                if (r < 0)
                        return r;
        }
        if (!user.name || !user.entry_id)
                return database_refuse(&loading->store->database, -EBADMSG, "a user in it has no name or no id");
        int r = replica_add_user(loading->replica, &user, &index);
        return r < 0 ? r : id_map_add(&loading->users, sqlite3_column_int64(row, 0));
}

static int load_group(struct loading *loading, sqlite3_stmt *row) {
        uint32_t index;
        struct replica_group group = { .gid = load_u32(row, 1), .active = sqlite3_column_int(row, 2) == 1 };
        text_ref *const texts[] = { &group.name, &group.entry_id, &group.description, &group.sid };
        for (int i = 0; i < (int)ARRAY_SIZE(texts); i++) {
                int r = load_text(loading, row, 3 + i, texts[i]);
                if (r < 0)
                        return r;
        }
        if (!group.name || !group.entry_id)
                return database_refuse(&loading->store->database, -EBADMSG, "a group in it has no name or no id");
        int r = replica_add_group(loading->replica, &group, &index);
        return r < 0 ? r : id_map_add(&loading->groups, sqlite3_column_int64(row, 0));
}

/* A pair whose user or group is not there says nothing. */
static int load_member(struct loading *loading, sqlite3_stmt *row) {
        uint32_t user = id_map_get(&loading->users, sqlite3_column_int64(row, 0));
        uint32_t group = id_map_get(&loading->groups, sqlite3_column_int64(row, 1));
        return user == REPLICA_NONE || group == REPLICA_NONE ? 0 : replica_add_user_edge(loading->replica, user, group);
}

static int load_child(struct loading *loading, sqlite3_stmt *row) {
        uint32_t child = id_map_get(&loading->groups, sqlite3_column_int64(row, 0));
        uint32_t parent = id_map_get(&loading->groups, sqlite3_column_int64(row, 1));
        return child == REPLICA_NONE || parent == REPLICA_NONE ? 0 : replica_add_group_edge(loading->replica, child, parent);
}

static int load_rows(struct loading *loading, enum store_statement which, int (*load)(struct loading *, sqlite3_stmt *)) {
        struct database *database = &loading->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                r = load(loading, statement);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r;
}

static int load_all(struct loading *loading) {
        int r = load_rows(loading, STORE_LOAD_USERS, load_user);
        if (r == 0)
                r = id_map_finish(&loading->users);
        if (r == 0)
                r = load_rows(loading, STORE_LOAD_GROUPS, load_group);
        if (r == 0)
                r = id_map_finish(&loading->groups);
        if (r == 0)
                r = load_rows(loading, STORE_LOAD_MEMBERS, load_member);
        if (r == 0)
                r = load_rows(loading, STORE_LOAD_CHILDREN, load_child);
        if (r == 0)
                r = store_state(loading->store, &loading->replica->revision, &loading->replica->synchronised_s);
        if (r == 0) {
                loading->replica->user_rows = take_rows(&loading->users);
                loading->replica->group_rows = take_rows(&loading->groups);
        }
        id_map_done(&loading->users);
        id_map_done(&loading->groups);
        free(loading->text);
        loading->users = loading->groups = (struct id_map){ 0 };
        return r == 0 ? replica_finish(loading->replica) : r;
}

int store_load(struct store *store, struct replica **replica) {
        struct database *database = &store->database;
        bool own = !database_in_transaction(database);
        struct loading loading = { .store = store, .replica = replica_new() };
        if (!loading.replica)
                return -ENOMEM;
        int r = own ? database_exec(database, "BEGIN") : 0;
        if (r == 0)
                r = load_all(&loading);
        if (own)
                database_rollback(database);
        (void)sqlite3_db_release_memory(database->handle);
        if (r < 0) {
                replica_free(loading.replica);
                return r;
        }
        store_touched_clear(store);
        *replica = loading.replica;
        return 0;
}
