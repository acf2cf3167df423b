/* What a synchronisation writes: the rows that differ. See store_sync.h.
 * Relies on: replica/store_sync_internal; a transaction that the caller opened and ends.
 * Must never: write a row that is as it should be. */
#include <errno.h>
#include <string.h>

#include "replica/store_sync_internal.h"

enum { USER_TEXTS = 7, GROUP_TEXTS = 3 };

static void user_texts(const struct store_sync *sync, uint32_t number, const char *texts[USER_TEXTS + 1]) {
        const struct replica *replica = sync->replica;
        const struct replica_user *user = &replica->users[number];
        const text_ref refs[USER_TEXTS] = { user->name, user->display_name, user->email, user->home, user->shell, user->ssh_keys, user->sid };
        for (size_t i = 0; i < USER_TEXTS; i++)
                texts[i] = replica_text(replica, refs[i]);
        texts[USER_TEXTS] = sync->dns[number] ? sync->dns[number] : "";
}

static void group_texts(const struct store_sync *sync, uint32_t number, const char *texts[GROUP_TEXTS]) {
        const struct replica *replica = sync->replica;
        const struct replica_group *group = &replica->groups[number];
        const text_ref refs[GROUP_TEXTS] = { group->name, group->description, group->sid };
        for (size_t i = 0; i < GROUP_TEXTS; i++)
                texts[i] = replica_text(replica, refs[i]);
}

static bool same_texts(sqlite3_stmt *row, int column, const char *const *texts, size_t count) {
        for (size_t i = 0; i < count; i++, column++) {
                size_t len = strlen(texts[i]);
                const void *bytes = sqlite3_column_blob(row, column);
                if ((size_t)sqlite3_column_bytes(row, column) != len || (len > 0 && memcmp(bytes, texts[i], len) != 0))
                        return false;
        }
        return true;
}

bool sync_same_user(const struct store_sync *sync, uint32_t number, sqlite3_stmt *row) {
        const struct replica_user *user = &sync->replica->users[number];
        const char *texts[USER_TEXTS + 1];
        if (sqlite3_column_int64(row, 2) != user->uid || sqlite3_column_int64(row, 3) != user->gid || sqlite3_column_int64(row, 4) != user->active ||
            sqlite3_column_int64(row, 5) != user->posix_primary)
                return false;
        user_texts(sync, number, texts);
        return same_texts(row, 6, texts, ARRAY_SIZE(texts));
}

bool sync_same_group(const struct store_sync *sync, uint32_t number, sqlite3_stmt *row) {
        const struct replica_group *group = &sync->replica->groups[number];
        const char *texts[GROUP_TEXTS];
        if (sqlite3_column_int64(row, 2) != group->gid || sqlite3_column_int64(row, 3) != group->active)
                return false;
        group_texts(sync, number, texts);
        return same_texts(row, 4, texts, ARRAY_SIZE(texts));
}

static void bind_texts(struct database *database, sqlite3_stmt *statement, int parameter, const char *const *texts, size_t count) {
        for (size_t i = 0; i < count; i++)
                database_bind_text(database, statement, parameter + (int)i, *texts[i] ? texts[i] : NULL);
}

void sync_bind_user(struct store_sync *sync, uint32_t number, sqlite3_stmt *statement) {
        struct database *database = &sync->store->database;
        const struct replica_user *user = &sync->replica->users[number];
        const char *texts[USER_TEXTS + 1];
        database_bind_number(database, statement, 1, sync->users.rows[number]);
        database_bind_text(database, statement, 2, replica_text(sync->replica, user->entry_id));
        database_bind_number(database, statement, 3, user->uid);
        database_bind_number(database, statement, 4, user->gid);
        database_bind_number(database, statement, 5, user->active);
        database_bind_number(database, statement, 6, user->posix_primary);
        user_texts(sync, number, texts);
        bind_texts(database, statement, 7, texts, ARRAY_SIZE(texts));
}

void sync_bind_group(struct store_sync *sync, uint32_t number, sqlite3_stmt *statement) {
        struct database *database = &sync->store->database;
        const struct replica_group *group = &sync->replica->groups[number];
        const char *texts[GROUP_TEXTS];
        database_bind_number(database, statement, 1, sync->groups.rows[number]);
        database_bind_text(database, statement, 2, replica_text(sync->replica, group->entry_id));
        database_bind_number(database, statement, 3, group->gid);
        database_bind_number(database, statement, 4, group->active);
        group_texts(sync, number, texts);
        bind_texts(database, statement, 5, texts, ARRAY_SIZE(texts));
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

static int write_side(struct store_sync *sync, const struct sync_side *side, bool is_group) {
        struct database *database = &sync->store->database;
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < side->count; i++) {
                if (side->states[i] == SYNC_SAME)
                        continue;
                bool new = side->states[i] == SYNC_NEW;
                sqlite3_stmt *statement = database_statement(database, is_group ? new ? SYNC_INSERT_GROUP : SYNC_UPDATE_GROUP
                                                                               : new ? SYNC_INSERT_USER : SYNC_UPDATE_USER);
                if (is_group)
                        sync_bind_group(sync, i, statement);
                else
                        sync_bind_user(sync, i, statement);
                r = database_run(database, statement, NULL);
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

static int run_pairs(struct database *database, enum store_statement which, const struct sync_pair *pairs, size_t count) {
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
                r = run_pairs(batch->database, batch->which->insert, &batch->pairs[i], 1);
        batch->count = 0;
        return r;
}

static int batch_add(struct batch *batch, int64_t group, int64_t member) {
        batch->pairs[batch->count++] = (struct sync_pair){ group, member };
        if (batch->count < SYNC_BATCH)
                return 0;
        batch->count = 0;
        return run_pairs(batch->database, batch->which->insert_batch, batch->pairs, SYNC_BATCH);
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
                r = run_pairs(batch.database, which->delete, &table->gone[i], 1);
        if (r == 0 && table->replace)
                r = insert_all(sync, table, members, &batch);
        for (size_t i = 0; r == 0 && i < table->fresh_count; i++)
                r = batch_add(&batch, sync->groups.rows[table->fresh[i].group], members[table->fresh[i].member]);
        return r < 0 ? r : batch_end(&batch);
}

int sync_write(struct store_sync *sync) {
        static const struct table_statements member_statements = { SYNC_DELETE_MEMBERS, STORE_INSERT_MEMBER, SYNC_INSERT_MEMBERS, STORE_DELETE_MEMBER };
        static const struct table_statements child_statements = { SYNC_DELETE_CHILDREN, STORE_INSERT_CHILD, SYNC_INSERT_CHILDREN, STORE_DELETE_CHILD };
        static const enum store_statement user_deletes[] = { STORE_DELETE_USER, STORE_DELETE_HASH, STORE_DELETE_ATTRIBUTES };
        struct database *database = &sync->store->database;
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(user_deletes); i++)
                r = delete_rows(database, user_deletes[i], sync->users.gone, sync->users.gone_count);
        if (r == 0)
                r = delete_rows(database, STORE_DELETE_GROUP, sync->groups.gone, sync->groups.gone_count);
        if (r == 0)
                r = write_side(sync, &sync->users, false);
        if (r == 0)
                r = write_side(sync, &sync->groups, true);
        if (r == 0)
                r = write_table(sync, &sync->members, sync->users.rows, &member_statements);
        if (r == 0)
                r = write_table(sync, &sync->children, sync->groups.rows, &child_statements);
        return r;
}
