/* Whom a key names, and the small steps of a delta. See store_delta.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_delta.h"

int delta_out_of_memory(struct store_sync *sync) {
        return sync_refuse(sync, -ENOMEM, "%s", strerror(ENOMEM));
}

int delta_stale(struct store_sync *sync, const char *why) {
        return sync_refuse(sync, -ESTALE, "%s: the directory must be read in full", why);
}

int delta_add_pair(struct store_sync *sync, struct delta_pairs *pairs, int64_t group, int64_t member) {
        void *array = pairs->items;
        int r = sync_room(&array, &pairs->size, pairs->count, sizeof *pairs->items);
        pairs->items = array;
        if (r < 0)
                return delta_out_of_memory(sync);
        pairs->items[pairs->count++] = (struct delta_pair){ group, member };
        return 0;
}

static int compare_pairs(const void *a, const void *b) {
        const struct delta_pair *x = a, *y = b;
        if (x->group != y->group)
                return x->group < y->group ? -1 : 1;
        return (x->member > y->member) - (x->member < y->member);
}

void delta_sort_pairs(struct delta_pairs *pairs) {
        if (pairs->count > 1)
                qsort(pairs->items, pairs->count, sizeof *pairs->items, compare_pairs);
}

struct delta_user *delta_user_of(const struct store_delta *delta, int64_t row) {
        size_t low = 0, high = delta->live_users;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (delta->users_by_row[middle]->row < row)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < delta->live_users && delta->users_by_row[low]->row == row ? delta->users_by_row[low] : NULL;
}

struct delta_group *delta_group_of(const struct store_delta *delta, int64_t row) {
        size_t low = 0, high = delta->live_groups;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (delta->groups_by_row[middle]->row < row)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < delta->live_groups && delta->groups_by_row[low]->row == row ? delta->groups_by_row[low] : NULL;
}

/* A hash may be of several keys. */
static bool has_key(const struct store_sync *sync, sqlite3_stmt *row, const char *key) {
        char own[SYNC_KEY_MAX + 1];
        const char *text = (const char *)sqlite3_column_text(row, 1);
        return text && sync_key(sync->begin.references, text, text, own) == 0 && strcmp(own, key) == 0;
}

static int hold_user(struct store_sync *sync, struct delta_holders *holders, sqlite3_stmt *row) {
        const char *primary = (const char *)sqlite3_column_text(row, 3);
        holders->users++;
        holders->user = sqlite3_column_int64(row, 0);
        holders->gid = (uint32_t)sqlite3_column_int64(row, 2);
        holders->primary = primary && *primary ? arena_strdup(&sync->texts, primary) : NULL;
        return primary && *primary && !holders->primary ? delta_out_of_memory(sync) : 0;
}

static int find_holders(struct store_sync *sync, enum store_statement which, const char *key, struct delta_holders *holders) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int r;
        if (which == DELTA_USERS_BY_NAME)
                database_bind_text(database, statement, 1, key);
        else
                database_bind_number(database, statement, 1, sync_key_hash(key));
        while ((r = database_step(database, statement)) > 0) {
                if (!has_key(sync, statement, key))
                        continue;
                if (which == DELTA_GROUPS_BY_DN) {
                        holders->groups++;
                        holders->group = sqlite3_column_int64(statement, 0);
                        continue;
                }
                r = hold_user(sync, holders, statement);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

int delta_holders(struct store_sync *sync, const char *key, struct delta_holders *holders) {
        *holders = (struct delta_holders){ 0 };
        bool by_name = sync->begin.references == SYNC_REFERENCES_NAME;
        int r = find_holders(sync, by_name ? DELTA_USERS_BY_NAME : DELTA_USERS_BY_DN, key, holders);
        return r == 0 && sync->begin.nested ? find_holders(sync, DELTA_GROUPS_BY_DN, key, holders) : r;
}

int delta_check_alone(struct store_sync *sync, const char *key) {
        struct delta_holders holders;
        int r = delta_holders(sync, key, &holders);
        if (r == 0 && holders.users + holders.groups != 1)
                return delta_stale(sync, "two entries have one name, or one that changed had");
        return r;
}

bool delta_is_derived(const struct store_sync *sync, uint32_t gid, const char *primary, uint32_t group_gid, const char *group_sid) {
        if (sync->begin.references == SYNC_REFERENCES_NAME && gid != 0 && gid == group_gid)
                return true;
        return primary && group_sid && strcmp(primary, group_sid) == 0;
}

int delta_put_stray(struct store_sync *sync, enum store_statement which, int64_t group, const char *key) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        database_bind_number(database, statement, 1, group);
        database_bind_number(database, statement, 2, sync_key_hash(key));
        database_bind_text(database, statement, 3, key);
        int r = database_run(database, statement, NULL);
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

int delta_put_pair(struct store_sync *sync, enum store_statement which, int64_t group, int64_t member, struct delta_pairs *log) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int changed = 0;
        database_bind_number(database, statement, 1, group);
        database_bind_number(database, statement, 2, member);
        int r = database_run(database, statement, &changed);
        if (r < 0)
                return sync_store_failed(sync, r);
        return changed > 0 ? delta_add_pair(sync, log, group, member) : 0;
}
