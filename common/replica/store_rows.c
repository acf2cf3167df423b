/* Single rows from the store to a replica; see store_rows.h.
 * Relies on: replica/store_internal.
 * Must never: believe that a touched row is there: what is not has gone. */
#include "replica/store_rows.h"

#include <errno.h>
#include <stdlib.h>

#include "replica/store_internal.h"

static void touch(struct store *store, int64_t user, int64_t group) {
        struct store_touched *touched = &store->touched;
        if (touched->everything)
                return;
        if (touched->count == STORE_TOUCHED_MAX)
                touched->everything = true;
        else
                touched->rows[touched->count++] = (struct store_touched_row){ user, group };
}

void store_touch_user(struct store *store, int64_t user) {
        touch(store, user, 0);
}

void store_touch_member(struct store *store, int64_t user, int64_t group) {
        touch(store, user, group);
}

void store_touch_everything(struct store *store) {
        store->touched.everything = true;
}

void store_touch_revision(struct store *store) {
        store->touched.revisions++;
}

void store_touched_clear(struct store *store) {
        store->touched.everything = false;
        store->touched.count = 0;
        store->touched.revisions = 0;
}

static uint32_t number_at(sqlite3_stmt *row, int column) {
        int64_t number = sqlite3_column_int64(row, column);
        return number > 0 && number < UINT32_MAX ? (uint32_t)number : 0;
}

static const char *text_at(sqlite3_stmt *row, int column) {
        const char *text = (const char *)sqlite3_column_text(row, column);
        return text ? text : "";
}

/* The name of a row in the replica as it is, into names. */
static int note_name(const struct replica *replica, int64_t row, struct name_map *names, struct arena *arena) {
        uint32_t index = replica_row_index(replica->user_rows, replica->user_count, row);
        if (index == REPLICA_NONE)
                return 0;
        const char *name = replica_text(replica, replica->users[index].name);
        if (name_map_get(names, name) != NAME_MAP_NONE)
                return 0;
        const char *copy = arena_strdup(arena, name);
        return copy ? name_map_add(names, copy, 0) : -ENOMEM;
}

static int follow_user(struct store *store, int64_t id, struct replica *replica) {
        struct database *database = &store->database;
        sqlite3_stmt *row = database_statement(database, STORE_ROW_USER);
        database_bind_number(database, row, 1, id);
        int r = database_step(database, row);
        if (r <= 0)
                return r < 0 ? r : replica_drop_person(replica, id);
        struct replica_person person = {
                .uid = number_at(row, 1), .gid = number_at(row, 2), .active = sqlite3_column_int(row, 3) == 1,
                .posix_primary = sqlite3_column_int(row, 4) == 1, .name = text_at(row, 5), .entry_id = text_at(row, 6),
                .display_name = text_at(row, 7), .email = text_at(row, 8), .home = text_at(row, 9), .shell = text_at(row, 10),
                .ssh_keys = text_at(row, 11), .sid = text_at(row, 12),
        };
        /* As for a user that is loaded with all others (store_load.c). */
        if (directory_is_kept_here(store->type) && person.gid != 0)
                person.posix_primary = true;
        r = *person.name && *person.entry_id ? replica_put_person(replica, id, &person)
                                             : database_refuse(database, -EBADMSG, "a user in it has no name or no id");
        database_reset(row);
        return r;
}

static int follow_member(struct store *store, const struct store_touched_row *touched, struct replica *replica) {
        struct database *database = &store->database;
        sqlite3_stmt *row = database_statement(database, STORE_ROW_MEMBER);
        database_bind_number(database, row, 1, touched->group);
        database_bind_number(database, row, 2, touched->user);
        int r = database_step(database, row);
        if (r < 0)
                return r;
        database_reset(row);
        return replica_set_member(replica, touched->user, touched->group, r > 0);
}

static int follow_rows(struct store *store, struct replica *replica, struct name_map *names, struct arena *arena) {
        const struct store_touched *touched = &store->touched;
        int r = 0;
        for (size_t i = 0; r == 0 && i < touched->count; i++)
                r = note_name(replica, touched->rows[i].user, names, arena);
        /* Users first: a membership of one that is not there yet would be dropped. */
        for (size_t i = 0; r == 0 && i < touched->count; i++)
                if (touched->rows[i].group == 0)
                        r = follow_user(store, touched->rows[i].user, replica);
        for (size_t i = 0; r == 0 && i < touched->count; i++)
                if (touched->rows[i].group != 0)
                        r = follow_member(store, &touched->rows[i], replica);
        for (size_t i = 0; r == 0 && i < touched->count; i++)
                r = note_name(replica, touched->rows[i].user, names, arena);
        return r;
}

int store_follow(struct store *store, struct replica *replica, struct name_map *names, struct arena *arena) {
        struct database *database = &store->database;
        uint64_t revision = 0, synchronised_s = 0;
        if (store->touched.everything || !replica->user_rows || !replica->group_rows || database_in_transaction(database))
                return -EAGAIN;
        int r = database_exec(database, "BEGIN");
        if (r < 0)
                return -EAGAIN;
        r = store_state(store, &revision, &synchronised_s);
        /* A change that nobody noted. */
        if (r < 0 || synchronised_s == 0 || revision != replica->revision + store->touched.revisions) {
                database_rollback(database);
                return -EAGAIN;
        }
        r = follow_rows(store, replica, names, arena);
        database_rollback(database);
        if (r < 0)
                return r == -EAGAIN ? -EIO : r;
        replica->revision = revision;
        replica->synchronised_s = synchronised_s;
        store_touched_clear(store);
        return 0;
}
