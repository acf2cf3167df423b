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

static int run_pair(struct database *database, sqlite3_stmt *statement, int64_t group, int64_t member) {
        database_bind_number(database, statement, 1, group);
        database_bind_number(database, statement, 2, member);
        int r = database_step(database, statement); /* there are no rows: it is reset */
        return r > 0 ? -EBADMSG : r;
}

static int insert_all(struct store_sync *sync, const struct sync_table *table, const int64_t *members, sqlite3_stmt *statement) {
        int r = 0;
        for (uint32_t g = 0; g < sync->groups.count; g++)
                for (size_t i = table->first[g]; r == 0 && i < table->first[g + 1]; i++)
                        r = run_pair(&sync->store->database, statement, sync->groups.rows[g], members[table->members[i]]);
        return r;
}

struct table_statements { enum store_statement clear, insert, delete; };

static int write_table(struct store_sync *sync, const struct sync_table *table, const int64_t *members, struct table_statements which) {
        struct database *database = &sync->store->database;
        if (table->replace) {
                int r = database_run(database, database_statement(database, which.clear), NULL);
                return r < 0 ? r : insert_all(sync, table, members, database_statement(database, which.insert));
        }
        int r = 0;
        sqlite3_stmt *delete = database_statement(database, which.delete), *insert = database_statement(database, which.insert);
        for (size_t i = 0; r == 0 && i < table->gone_count; i++)
                r = run_pair(database, delete, table->gone[i].group, table->gone[i].member);
        for (size_t i = 0; r == 0 && i < table->fresh_count; i++)
                r = run_pair(database, insert, sync->groups.rows[table->fresh[i].group], members[table->fresh[i].member]);
        return r;
}

int sync_write(struct store_sync *sync) {
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
                r = write_table(sync, &sync->members, sync->users.rows,
                                (struct table_statements){ SYNC_DELETE_MEMBERS, STORE_INSERT_MEMBER, STORE_DELETE_MEMBER });
        if (r == 0)
                r = write_table(sync, &sync->children, sync->groups.rows,
                                (struct table_statements){ SYNC_DELETE_CHILDREN, STORE_INSERT_CHILD, STORE_DELETE_CHILD });
        return r;
}
