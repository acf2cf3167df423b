/* What a synchronisation writes: the rows that differ. See store_sync.h.
 * Relies on: replica/store_sync_internal; a transaction that the caller opened and ends.
 * Must never: write a row that is as it should be. */
#include <errno.h>
#include <string.h>

#include "model/sync_key.h"
#include "replica/store_sync_internal.h"

enum { USER_TEXTS = 8, GROUP_TEXTS = 3 }; /* of what is content; after them in a row come the quiet ones */

static const char *text_or_none(const struct replica *replica, text_ref ref) {
        return ref ? replica_text(replica, ref) : NULL;
}

void sync_get_user(const struct store_sync *sync, uint32_t number, struct sync_user *user) {
        const struct replica *replica = sync->replica;
        const struct replica_user *row = &replica->users[number];
        *user = (struct sync_user){
                .name = replica_text(replica, row->name), .entry_id = replica_text(replica, row->entry_id), .dn = sync->user_dns.texts[number],
                .display_name = text_or_none(replica, row->display_name), .email = text_or_none(replica, row->email),
                .home = text_or_none(replica, row->home), .shell = text_or_none(replica, row->shell), .ssh_keys = text_or_none(replica, row->ssh_keys),
                .sid = text_or_none(replica, row->sid), .primary_group_sid = sync->user_primaries.texts[number],
                .uid = row->uid, .gid = row->gid, .active = row->active, .posix_primary = row->posix_primary,
        };
}

void sync_get_group(const struct store_sync *sync, uint32_t number, struct sync_group *group) {
        const struct replica *replica = sync->replica;
        const struct replica_group *row = &replica->groups[number];
        *group = (struct sync_group){
                .name = replica_text(replica, row->name), .entry_id = replica_text(replica, row->entry_id), .dn = sync->group_dns.texts[number],
                .description = text_or_none(replica, row->description), .sid = text_or_none(replica, row->sid), .gid = row->gid, .active = row->active,
        };
}

static bool same_texts(sqlite3_stmt *row, int column, const char *const *texts, size_t count) {
        for (size_t i = 0; i < count; i++, column++) {
                size_t len = texts[i] ? strlen(texts[i]) : 0;
                const void *bytes = sqlite3_column_blob(row, column);
                if ((size_t)sqlite3_column_bytes(row, column) != len || (len > 0 && memcmp(bytes, texts[i], len) != 0))
                        return false;
        }
        return true;
}

enum sync_state sync_compare_user(const struct store_sync *sync, const struct sync_user *user, sqlite3_stmt *row) {
        const char *const texts[USER_TEXTS] = { user->name, user->display_name, user->email, user->home, user->shell, user->ssh_keys, user->sid, user->dn };
        if (sqlite3_column_int64(row, 2) != user->uid || sqlite3_column_int64(row, 3) != user->gid || sqlite3_column_int64(row, 4) != user->active ||
            sqlite3_column_int64(row, 5) != user->posix_primary || !same_texts(row, 6, texts, USER_TEXTS))
                return SYNC_CHANGED;
        return sync->rekey || !same_texts(row, 6 + USER_TEXTS, &user->primary_group_sid, 1) ? SYNC_QUIET : SYNC_SAME;
}

enum sync_state sync_compare_group(const struct store_sync *sync, const struct sync_group *group, sqlite3_stmt *row) {
        const char *const texts[GROUP_TEXTS] = { group->name, group->description, group->sid };
        if (sqlite3_column_int64(row, 2) != group->gid || sqlite3_column_int64(row, 3) != group->active || !same_texts(row, 4, texts, GROUP_TEXTS))
                return SYNC_CHANGED;
        return sync->rekey || !same_texts(row, 4 + GROUP_TEXTS, &group->dn, 1) ? SYNC_QUIET : SYNC_SAME;
}

static void bind_texts(struct database *database, sqlite3_stmt *statement, int parameter, const char *const *texts, size_t count) {
        for (size_t i = 0; i < count; i++)
                database_bind_text(database, statement, parameter + (int)i, texts[i] && *texts[i] ? texts[i] : NULL);
}

/* Users are found by name without it. */
static void bind_dn_hash(const struct store_sync *sync, sqlite3_stmt *statement, int parameter, const char *dn) {
        char key[SYNC_KEY_MAX + 1];
        if (sync->begin.references == SYNC_REFERENCES_DN && sync_key(SYNC_REFERENCES_DN, dn, NULL, key) == 0)
                database_bind_number(&sync->store->database, statement, parameter, sync_key_hash(key));
}

int sync_put_user(struct store_sync *sync, const struct sync_user *user, int64_t row, bool new) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, new ? SYNC_INSERT_USER : SYNC_UPDATE_USER);
        const char *const texts[] = { user->name, user->display_name, user->email, user->home, user->shell, user->ssh_keys, user->sid, user->dn,
                                      user->primary_group_sid };
        database_bind_number(database, statement, 1, row);
        database_bind_text(database, statement, 2, user->entry_id);
        database_bind_number(database, statement, 3, user->uid);
        database_bind_number(database, statement, 4, user->gid);
        database_bind_number(database, statement, 5, user->active);
        database_bind_number(database, statement, 6, user->posix_primary);
        bind_texts(database, statement, 7, texts, ARRAY_SIZE(texts));
        bind_dn_hash(sync, statement, 16, user->dn);
        return database_run(database, statement, NULL);
}

int sync_put_group(struct store_sync *sync, const struct sync_group *group, int64_t row, bool new) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, new ? SYNC_INSERT_GROUP : SYNC_UPDATE_GROUP);
        const char *const texts[] = { group->name, group->description, group->sid, group->dn };
        database_bind_number(database, statement, 1, row);
        database_bind_text(database, statement, 2, group->entry_id);
        database_bind_number(database, statement, 3, group->gid);
        database_bind_number(database, statement, 4, group->active);
        bind_texts(database, statement, 5, texts, ARRAY_SIZE(texts));
        bind_dn_hash(sync, statement, 9, group->dn);
        return database_run(database, statement, NULL);
}

static int delete_rows(struct database *database, enum store_statement which, const int64_t *rows, size_t count) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < count; i++) {
                sqlite3_stmt *statement = database_statement(database, which);
                database_bind_number(database, statement, 1, rows[i]);
                r = database_run(database, statement, NULL);
        }
        return r;
}

int sync_delete_users(struct database *database, const int64_t *rows, size_t count) {
        static const enum store_statement deletes[] = { STORE_DELETE_USER, STORE_DELETE_HASH, STORE_DELETE_ATTRIBUTES };
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(deletes); i++)
                r = delete_rows(database, deletes[i], rows, count);
        return r;
}

static int write_side(struct store_sync *sync, const struct sync_side *side, bool is_group) {
        struct sync_user user;
        struct sync_group group;
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < side->count; i++) {
                bool new = side->states[i] == SYNC_NEW;
                if (side->states[i] == SYNC_SAME)
                        continue;
                if (is_group) {
                        sync_get_group(sync, i, &group);
                        r = sync_put_group(sync, &group, side->rows[i], new);
                } else {
                        sync_get_user(sync, i, &user);
                        r = sync_put_user(sync, &user, side->rows[i], new);
                }
        }
        return r;
}

struct table_statements { enum store_statement clear, insert, insert_batch, delete; };

/* Pairs on their way into a table. */
struct batch {
        struct database *database;
        const struct table_statements *which;
        struct sync_pair pairs[SYNC_BATCH];
        size_t count;
};

int sync_put_pairs(struct database *database, enum store_statement which, const struct sync_pair *pairs, size_t count) {
        sqlite3_stmt *statement = database_statement(database, which);
        for (size_t i = 0; i < count; i++) {
                database_bind_number(database, statement, (int)(2 * i + 1), pairs[i].group);
                database_bind_number(database, statement, (int)(2 * i + 2), pairs[i].member);
        }
        return database_run(database, statement, NULL);
}

/* What does not fill a statement goes one by one. */
static int batch_end(struct batch *batch) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < batch->count; i++)
                r = sync_put_pairs(batch->database, batch->which->insert, &batch->pairs[i], 1);
        batch->count = 0;
        return r;
}

static int batch_add(struct batch *batch, int64_t group, int64_t member) {
        batch->pairs[batch->count++] = (struct sync_pair){ group, member };
        if (batch->count < SYNC_BATCH)
                return 0;
        batch->count = 0;
        return sync_put_pairs(batch->database, batch->which->insert_batch, batch->pairs, SYNC_BATCH);
}

static int insert_all(struct store_sync *sync, const struct sync_table *table, const int64_t *members, struct batch *batch) {
        int r = 0;
        for (uint32_t g = 0; g < sync->groups.count; g++)
                for (size_t i = table->first[g]; r == 0 && i < table->first[g + 1]; i++)
                        r = batch_add(batch, sync->groups.rows[g], members[table->members[i]]);
        return r;
}

static int write_table(struct store_sync *sync, const struct sync_table *table, const int64_t *members, const struct table_statements *which) {
        struct batch batch = { .database = &sync->store->database, .which = which };
        int r = 0;
        if (table->replace)
                r = database_run(batch.database, database_statement(batch.database, which->clear), NULL);
        for (size_t i = 0; r == 0 && i < table->gone_count; i++)
                r = sync_put_pairs(batch.database, which->delete, &table->gone[i], 1);
        if (r == 0 && table->replace)
                r = insert_all(sync, table, members, &batch);
        for (size_t i = 0; r == 0 && i < table->fresh_count; i++)
                r = batch_add(&batch, sync->groups.rows[table->fresh[i].group], members[table->fresh[i].member]);
        return r < 0 ? r : batch_end(&batch);
}

int sync_write(struct store_sync *sync) {
        static const struct table_statements member_statements = { SYNC_DELETE_MEMBERS, STORE_INSERT_MEMBER, SYNC_INSERT_MEMBERS, STORE_DELETE_MEMBER };
        static const struct table_statements child_statements = { SYNC_DELETE_CHILDREN, STORE_INSERT_CHILD, SYNC_INSERT_CHILDREN, STORE_DELETE_CHILD };
        struct database *database = &sync->store->database;
        int r = sync->ahead.on ? 0 : sync_delete_users(database, sync->users.gone, sync->users.gone_count);
        if (r == 0 && !sync->ahead.on)
                r = delete_rows(database, STORE_DELETE_GROUP, sync->groups.gone, sync->groups.gone_count);
        if (r == 0 && !sync->ahead.on)
                r = write_side(sync, &sync->users, false);
        if (r == 0 && !sync->ahead.on)
                r = write_side(sync, &sync->groups, true);
        if (r == 0 && !sync->ahead.on)
                r = write_table(sync, &sync->members, sync->users.rows, &member_statements);
        if (r == 0)
                r = write_table(sync, &sync->children, sync->groups.rows, &child_statements);
        return r < 0 ? r : sync_write_strays(sync);
}
