/* A synchronisation while it comes, and its steps; see store_sync.h. */
#include "replica/store_sync.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_sync_internal.h"

int sync_refuse(struct store_sync *sync, int error, const char *format, ...) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(sync->error, sizeof sync->error, format, args);
        va_end(args);
        sync->bad = true;
        return error;
}

int sync_store_failed(struct store_sync *sync, int error) {
        const char *words = error == -ENOMEM ? "" : store_error(sync->store);
        return sync_refuse(sync, error, "its store: %s%s%s", strerror(-error), *words ? ": " : "", words);
}

int sync_room(void **array, size_t *size, size_t count, size_t element) {
        if (count < *size)
                return 0;
        size_t bigger = *size < 64 ? 64 : *size * 2;
        void *moved = reallocarray(*array, bigger, element);
        if (!moved)
                return -ENOMEM;
        *array = moved;
        *size = bigger;
        return 0;
}

static int out_of_memory(struct store_sync *sync, int r) {
        return r < 0 ? sync_refuse(sync, r, "%s", strerror(-r)) : 0;
}

static int check_entry(struct store_sync *sync, const char *what, uint32_t count, uint32_t most, const char *name, const char *entry_id) {
        if (sync->bad)
                return -EINVAL;
        if (!name || !*name)
                return sync_refuse(sync, -EINVAL, "a %s came without a name", what);
        if (!entry_id || !*entry_id || strlen(entry_id) > SYNC_ENTRY_ID_MAX)
                return sync_refuse(sync, -EINVAL, "%s %.100s has no immutable id, or one over %d bytes", what, name, SYNC_ENTRY_ID_MAX);
        if (count >= most)
                return sync_refuse(sync, -EFBIG, "there are more than %u %ss", most, what);
        if (sync->replica->text_len + sync->dn_texts.total > STORE_SYNC_TEXT_MAX)
                return sync_refuse(sync, -EFBIG, "the texts of all entries are more than %d MiB", STORE_SYNC_TEXT_MAX >> 20);
        return 0;
}

/* What a column cannot hold, or no id can be, is none. */
static uint32_t id_of(uint32_t number) {
        return number == UINT32_MAX ? 0 : number;
}

static int add_dn(struct store_sync *sync, const char *dn) {
        void *dns = sync->dns;
        int r = sync_room(&dns, &sync->dn_size, sync->users.count, sizeof *sync->dns);
        sync->dns = dns;
        if (r < 0)
                return r;
        sync->dns[sync->users.count] = dn && *dn ? arena_strdup(&sync->dn_texts, dn) : NULL;
        return dn && *dn && !sync->dns[sync->users.count] ? -ENOMEM : 0;
}

static int take_user(void *userdata, const struct sync_user *user) {
        struct store_sync *sync = userdata;
        struct replica *replica = sync->replica;
        struct replica_user row = { .uid = id_of(user->uid), .gid = id_of(user->gid), .active = user->active, .posix_primary = user->posix_primary };
        const struct { const char *text; text_ref *ref; } texts[] = {
                { user->name, &row.name }, { user->entry_id, &row.entry_id }, { user->display_name, &row.display_name }, { user->email, &row.email },
                { user->home, &row.home }, { user->shell, &row.shell }, { user->ssh_keys, &row.ssh_keys }, { user->sid, &row.sid },
        };
        int r = check_entry(sync, "user", sync->users.count, STORE_SYNC_USERS_MAX, user->name, user->entry_id);
        if (r < 0)
                return r;
        if (user->dn && strlen(user->dn) > SYNC_DN_MAX)
                return sync_refuse(sync, -EINVAL, "user %.100s: its DN is over %d bytes", user->name, SYNC_DN_MAX);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(texts); i++)
                r = replica_add_text(replica, texts[i].text, texts[i].ref);
        if (r == 0)
                r = add_dn(sync, user->dn);
        if (r == 0)
                r = replica_add_user(replica, &row, &(uint32_t){ 0 });
        if (r == 0)
                sync->users.count++;
        return out_of_memory(sync, r);
}

static int take_group(void *userdata, const struct sync_group *group) {
        struct store_sync *sync = userdata;
        struct replica *replica = sync->replica;
        struct replica_group row = { .gid = id_of(group->gid), .active = group->active };
        int r = check_entry(sync, "group", sync->groups.count, STORE_SYNC_GROUPS_MAX, group->name, group->entry_id);
        if (r < 0)
                return r;
        r = replica_add_text(replica, group->name, &row.name);
        if (r == 0)
                r = replica_add_text(replica, group->entry_id, &row.entry_id);
        if (r == 0)
                r = replica_add_text(replica, group->description, &row.description);
        if (r == 0)
                r = replica_add_text(replica, group->sid, &row.sid);
        if (r == 0)
                r = replica_add_group(replica, &row, &(uint32_t){ 0 });
        if (r == 0)
                sync->groups.count++;
        return out_of_memory(sync, r);
}

static int check_edge(struct store_sync *sync, uint32_t member, uint32_t members, uint32_t group) {
        if (sync->bad)
                return -EINVAL;
        if (member >= members || group >= sync->groups.count)
                return sync_refuse(sync, -EINVAL, "a membership came of an entry that did not");
        if (sync->replica->user_edge_count + sync->replica->group_edge_count >= STORE_SYNC_EDGES_MAX)
                return sync_refuse(sync, -EFBIG, "there are more than %d memberships", STORE_SYNC_EDGES_MAX);
        return 0;
}

static int take_member(void *userdata, uint32_t user, uint32_t group) {
        struct store_sync *sync = userdata;
        int r = check_edge(sync, user, sync->users.count, group);
        return r < 0 ? r : out_of_memory(sync, replica_add_user_edge(sync->replica, user, group));
}

static int take_child(void *userdata, uint32_t child, uint32_t parent) {
        struct store_sync *sync = userdata;
        int r = check_edge(sync, child, sync->groups.count, parent);
        return r < 0 ? r : out_of_memory(sync, replica_add_group_edge(sync->replica, child, parent));
}

static int take_begin(void *userdata, const struct sync_begin *begin) {
        struct store_sync *sync = userdata;
        return begin->delta ? sync_refuse(sync, -ENOTSUP, "only full runs are taken in") : 0;
}

static int take_stray(void *userdata, uint32_t group, const char *key) {
        return 0;
}

static int take_end(void *userdata, const char *cookie) {
        return 0;
}

struct store_sync *store_sync_new(void) {
        struct store_sync *sync = calloc(1, sizeof *sync);
        if (!sync)
                return NULL;
        sync->sink = (struct sync_sink){ .begin = take_begin, .stray = take_stray, .end = take_end, .user = take_user, .group = take_group, .member = take_member, .child = take_child, .userdata = sync };
        sync->replica = replica_new();
        if (!sync->replica) {
                free(sync);
                return NULL;
        }
        return sync;
}

static void side_done(struct sync_side *side) {
        free(side->rows);
        free(side->states);
        free(side->ranks);
        free(side->gone);
}

static void table_done(struct sync_table *table) {
        free(table->first);
        free(table->members);
        free(table->fresh);
        free(table->gone);
}

void store_sync_free(struct store_sync *sync) {
        if (!sync)
                return;
        if (sync->store)
                store_rollback(sync->store);
        side_done(&sync->users);
        side_done(&sync->groups);
        table_done(&sync->members);
        table_done(&sync->children);
        free(sync->dns);
        arena_done(&sync->dn_texts);
        replica_free(sync->replica);
        free(sync);
}

const struct sync_sink *store_sync_sink(struct store_sync *sync) {
        return &sync->sink;
}

const char *store_sync_error(const struct store_sync *sync) {
        return sync->error;
}

static int compare(struct store_sync *sync) {
        int r = sync_match(sync);
        if (r < 0)
                return r;
        r = replica_finish(sync->replica);
        if (r < 0)
                return sync_refuse(sync, r, "%s", strerror(-r));
        return sync_compare_members(sync);
}

/* D5: an entry whose name is there under another id was made anew, not lost. */
static int count_lost(struct store_sync *sync, struct sync_side *side, enum store_statement which, const struct name_map *names) {
        struct database *database = &sync->store->database;
        for (size_t i = 0; i < side->gone_count; i++) {
                sqlite3_stmt *statement = database_statement(database, which);
                database_bind_number(database, statement, 1, side->gone[i]);
                int r = database_step(database, statement);
                if (r < 0)
                        return sync_store_failed(sync, r);
                const char *name = r > 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
                if (!name || name_map_get(names, name) == NAME_MAP_NONE)
                        side->lost++;
                database_reset(statement);
        }
        return 0;
}

int store_sync_prepare(struct store_sync *sync, struct store *store, struct store_sync_changes *changes) {
        uint64_t revision, synchronised_s = 0;
        *changes = (struct store_sync_changes){ 0 };
        if (sync->bad || sync->store)
                return -EINVAL;
        if (directory_is_kept_here(store->type))
                return sync_refuse(sync, -EINVAL, "a directory that is kept here is not synchronised");
        int r = store_begin(store);
        if (r < 0)
                return sync_refuse(sync, r, "its store: %s (%s)", strerror(-r), store_error(store));
        sync->store = store;
        r = store_state(store, &revision, &synchronised_s);
        r = r < 0 ? sync_store_failed(sync, r) : compare(sync);
        if (r == 0)
                r = count_lost(sync, &sync->users, SYNC_USER_NAME, &sync->replica->user_names);
        if (r == 0)
                r = count_lost(sync, &sync->groups, SYNC_GROUP_NAME, &sync->replica->group_names);
        if (r < 0) {
                store_rollback(TAKE_PTR(sync->store));
                return r;
        }
        sync->replica->revision = revision;
        *changes = (struct store_sync_changes){
                .had_replica = synchronised_s > 0,
                .content = sync->users.differs || sync->groups.differs || sync->members.differs || sync->children.differs,
                .users = sync->users.count, .groups = sync->groups.count, .old_users = sync->users.old_count, .old_groups = sync->groups.old_count,
                .lost_users = sync->users.lost, .lost_groups = sync->groups.lost,
                .old_memberships = sync->members.old_count + sync->children.old_count,
                .lost_memberships = sync->members.lost + sync->children.lost,
        };
        return 0;
}

const struct replica *store_sync_replica(const struct store_sync *sync) {
        return sync->replica;
}

static int write_all(struct store_sync *sync, uint64_t now_s, bool content) {
        struct database *database = &sync->store->database;
        int r = content ? sync_write(sync) : 0;
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(database, SYNC_DONE);
        database_bind_number(database, statement, 1, (int64_t)now_s);
        database_bind_number(database, statement, 2, content);
        return database_run(database, statement, NULL);
}

int store_sync_commit(struct store_sync *sync, uint64_t now_s, struct replica **replica) {
        if (sync->bad || !sync->store || now_s == 0 || now_s > INT64_MAX)
                return -EINVAL;
        bool content = sync->users.differs || sync->groups.differs || sync->members.differs || sync->children.differs;
        int r = write_all(sync, now_s, content);
        if (r == 0)
                r = store_commit(sync->store);
        if (r < 0) {
                r = sync_store_failed(sync, r);
                store_rollback(TAKE_PTR(sync->store));
                return r;
        }
        sync->store = NULL;
        sync->bad = true; /* it is used up */
        sync->replica->revision += content;
        sync->replica->synchronised_s = now_s;
        *replica = TAKE_PTR(sync->replica);
        return 0;
}
