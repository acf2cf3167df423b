/* A group put together anew: from its values, and from who is in it by gid or primary group; written as what differs. See store_delta.h.
 * Relies on: replica/store_delta; all entries of the delta are written already.
 * Must never: change a table while it is read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_delta.h"

struct rows { int64_t *items; size_t count, size; };
struct keys { const char **items; size_t count, size; };

/* Who is in it by derivation: the group's number among the live ones, and the user. Of a group whose gid and SID are what they were, only users who are new
 * or changed: the others are in it already. */
struct derived { struct delta_pairs pairs; };

struct replacing {
        struct store_sync *sync;
        const struct delta_group *group;
        size_t number;            /* among the live ones */
        const struct derived *derived;
        struct rows members, children, old_members, old_children;
        struct keys strays, old_strays;
};

static void replacing_done(struct replacing *replacing) {
        free(replacing->members.items);
        free(replacing->children.items);
        free(replacing->old_members.items);
        free(replacing->old_children.items);
        free(replacing->strays.items);
        free(replacing->old_strays.items);
}

static int add_row(struct store_sync *sync, struct rows *rows, int64_t row) {
        void *array = rows->items;
        int r = sync_room(&array, &rows->size, rows->count, sizeof *rows->items);
        rows->items = array;
        if (r < 0)
                return delta_out_of_memory(sync);
        rows->items[rows->count++] = row;
        return 0;
}

static int add_key(struct store_sync *sync, struct keys *keys, const char *key) {
        void *array = keys->items;
        int r = sync_room(&array, &keys->size, keys->count, sizeof *keys->items);
        keys->items = array;
        if (r < 0 || !key)
                return delta_out_of_memory(sync);
        keys->items[keys->count++] = key;
        return 0;
}

static int compare_rows(const void *a, const void *b) {
        const int64_t *x = a, *y = b;
        return (*x > *y) - (*x < *y);
}

static int compare_keys(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_rows(struct rows *rows) {
        size_t kept = 0;
        if (rows->count > 1)
                qsort(rows->items, rows->count, sizeof *rows->items, compare_rows);
        for (size_t i = 0; i < rows->count; i++)
                if (kept == 0 || rows->items[kept - 1] != rows->items[i])
                        rows->items[kept++] = rows->items[i];
        rows->count = kept;
}

static void sort_keys(struct keys *keys) {
        size_t kept = 0;
        if (keys->count > 1)
                qsort(keys->items, keys->count, sizeof *keys->items, compare_keys);
        for (size_t i = 0; i < keys->count; i++)
                if (kept == 0 || strcmp(keys->items[kept - 1], keys->items[i]) != 0)
                        keys->items[kept++] = keys->items[i];
        keys->count = kept;
}

static bool had_stray(const struct replacing *replacing, const char *key) {
        const struct keys *old = &replacing->old_strays;
        return old->count > 0 && bsearch(&key, old->items, old->count, sizeof *old->items, compare_keys);
}

/* Whether somebody came with this delta whom the value cannot be trusted to mean. */
static bool is_doubtful(const struct replacing *replacing, const struct delta_holders *holders, const char *key) {
        const struct store_sync *sync = replacing->sync;
        const struct delta_user *user = holders->users > 0 ? delta_user_of(sync->delta, holders->user) : NULL;
        const struct delta_group *group = holders->groups > 0 ? delta_group_of(sync->delta, holders->group) : NULL;
        uint32_t told = replacing->group->told;
        bool was = (user || group) && had_stray(replacing, key);
        return (user && delta_waits(sync, user->link, user->came, told, was)) || (group && delta_waits(sync, group->link, group->came, told, was));
}

/* A value to whom it names; as ldap/members.c does it for a full run. Which of two entries that were called so within the delta a value means, or whether the
 * server has taken it away since, is not known. */
static int resolve(struct replacing *replacing, const char *key) {
        struct store_sync *sync = replacing->sync;
        const struct sync_group *group = &replacing->group->group;
        struct delta_holders holders;
        bool stands = false;
        if (delta_is_left(sync->delta, key) && sync->begin.linked)
                return delta_stale(sync, "a group names an entry that is called otherwise by now");
        if (delta_is_left(sync->delta, key)) {
                sync->delta->values_left = true;
                return 0;
        }
        int r = delta_holders(sync, key, &holders);
        if (r == 0 && (holders.users > 1 || holders.groups > 1))
                return delta_stale(sync, "two entries have one name");
        if (r == 0 && is_doubtful(replacing, &holders, key)) {
                sync->delta->values_left = true;
                return add_key(sync, &replacing->strays, key);
        }
        if (r == 0 && holders.users == 1) {
                stands = !delta_is_derived(sync, holders.gid, holders.primary, group->gid, group->sid);
                r = add_row(sync, &replacing->members, holders.user);
        }
        if (r == 0 && holders.groups == 1 && holders.group != replacing->group->row) {
                stands = true;
                r = add_row(sync, &replacing->children, holders.group);
        }
        return r == 0 && !stands ? add_key(sync, &replacing->strays, key) : r;
}

static int resolve_references(struct replacing *replacing) {
        struct keys keys = { 0 };
        int r = 0;
        for (size_t i = 0; r == 0 && i < replacing->group->reference_count; i++)
                r = add_key(replacing->sync, &keys, replacing->sync->delta->references[replacing->group->first_reference + i]);
        sort_keys(&keys);
        for (size_t i = 0; r == 0 && i < keys.count; i++)
                r = resolve(replacing, keys.items[i]);
        free(keys.items);
        return r;
}

/* Whether the group's derivation is what it was: then whoever is in it by it is there already, unless it came in this delta. */
static bool derives_as_before(const struct delta_group *group) {
        const char *sid = group->group.sid, *before = group->before.sid;
        return group->state != SYNC_NEW && group->group.gid == group->before.gid && (sid && before ? strcmp(sid, before) == 0 : sid == before);
}

static int read_members(struct replacing *replacing) {
        struct store_sync *sync = replacing->sync;
        struct database *database = &sync->store->database;
        const struct sync_group *group = &replacing->group->group;
        bool same = !delta_group_is_gone(replacing->group) && derives_as_before(replacing->group);
        sqlite3_stmt *statement = database_statement(database, DELTA_GROUP_MEMBERS);
        int r;
        database_bind_number(database, statement, 1, replacing->group->row);
        while ((r = database_step(database, statement)) > 0) {
                int64_t user = sqlite3_column_int64(statement, 0);
                r = add_row(sync, &replacing->old_members, user);
                if (r == 0 && same && delta_is_derived(sync, (uint32_t)sqlite3_column_int64(statement, 1), (const char *)sqlite3_column_text(statement, 2), group->gid, group->sid))
                        r = add_row(sync, &replacing->members, user);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int read_others(struct replacing *replacing, enum store_statement which) {
        struct store_sync *sync = replacing->sync;
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int r;
        database_bind_number(database, statement, 1, replacing->group->row);
        while ((r = database_step(database, statement)) > 0) {
                const char *key = which == DELTA_GROUP_STRAYS ? (const char *)sqlite3_column_text(statement, 1) : NULL;
                if (which == DELTA_GROUP_STRAYS)
                        r = add_key(sync, &replacing->old_strays, key ? arena_strdup(&sync->texts, key) : NULL);
                else
                        r = add_row(sync, &replacing->old_children, sqlite3_column_int64(statement, 0));
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static size_t first_pair(const struct delta_pairs *pairs, int64_t group) {
        size_t low = 0, high = pairs->count;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (pairs->items[middle].group < group)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int add_derived(struct replacing *replacing) {
        const struct delta_pairs *pairs = &replacing->derived->pairs;
        int64_t number = (int64_t)replacing->number;
        int r = 0;
        for (size_t i = first_pair(pairs, number); r == 0 && i < pairs->count && pairs->items[i].group == number; i++)
                r = add_row(replacing->sync, &replacing->members, pairs->items[i].member);
        return r;
}

static int write_rows(struct replacing *replacing, const struct rows *old, const struct rows *new, enum store_statement delete, enum store_statement insert,
                      struct delta_table *table) {
        struct store_sync *sync = replacing->sync;
        int64_t group = replacing->group->row;
        size_t i = 0, j = 0;
        int r = 0;
        while (r == 0 && (i < old->count || j < new->count)) {
                if (j == new->count || (i < old->count && old->items[i] < new->items[j]))
                        r = delta_put_pair(sync, delete, group, old->items[i++], &table->removed);
                else if (i == old->count || new->items[j] < old->items[i])
                        r = delta_put_pair(sync, insert, group, new->items[j++], &table->added);
                else
                        i++, j++;
        }
        return r;
}

static int write_strays(struct replacing *replacing) {
        const struct keys *old = &replacing->old_strays, *new = &replacing->strays;
        int64_t group = replacing->group->row;
        size_t i = 0, j = 0;
        int r = 0;
        while (r == 0 && (i < old->count || j < new->count)) {
                int order = j == new->count ? -1 : i == old->count ? 1 : strcmp(old->items[i], new->items[j]);
                if (order < 0)
                        r = delta_put_stray(replacing->sync, SYNC_DELETE_STRAY, group, old->items[i++]);
                else if (order > 0)
                        r = delta_put_stray(replacing->sync, SYNC_INSERT_STRAY, group, new->items[j++]);
                else
                        i++, j++;
        }
        return r;
}

static int replace(struct replacing *replacing) {
        struct store_delta *delta = replacing->sync->delta;
        bool gone = delta_group_is_gone(replacing->group);
        int r = read_members(replacing);
        if (r == 0)
                r = read_others(replacing, DELTA_GROUP_CHILDREN);
        if (r == 0)
                r = read_others(replacing, DELTA_GROUP_STRAYS);
        sort_keys(&replacing->old_strays);
        if (r == 0 && !gone)
                r = resolve_references(replacing);
        if (r == 0 && !gone)
                r = add_derived(replacing);
        sort_rows(&replacing->members);
        sort_rows(&replacing->children);
        sort_keys(&replacing->strays);
        if (r == 0)
                r = write_rows(replacing, &replacing->old_members, &replacing->members, STORE_DELETE_MEMBER, DELTA_ADD_MEMBER, &delta->members);
        if (r == 0)
                r = write_rows(replacing, &replacing->old_children, &replacing->children, STORE_DELETE_CHILD, DELTA_ADD_CHILD, &delta->children);
        return r < 0 ? r : write_strays(replacing);
}

/* ---- Who is in which group by gid or SID ---- */

/* By gid, or by SID: the number of the live group. */
struct wanted { uint32_t gid; const char *sid; size_t number; };
struct all_wanted { struct wanted *gids, *sids; size_t gid_count, sid_count; };

static int by_gid(const void *a, const void *b) {
        const struct wanted *x = a, *y = b;
        return (x->gid > y->gid) - (x->gid < y->gid);
}

static int by_sid(const void *a, const void *b) {
        const struct wanted *x = a, *y = b;
        return strcmp(x->sid, y->sid);
}

/* The groups that derive as before, or the others. */
static int gather_wanted(struct store_sync *sync, bool as_before, struct all_wanted *all) {
        const struct store_delta *delta = sync->delta;
        all->gids = calloc(delta->live_groups + 1, sizeof *all->gids);
        all->sids = calloc(delta->live_groups + 1, sizeof *all->sids);
        if (!all->gids || !all->sids)
                return delta_out_of_memory(sync);
        for (size_t i = 0; i < delta->live_groups; i++) {
                const struct delta_group *group = delta->groups_by_row[i];
                if (delta_group_is_gone(group) || derives_as_before(group) != as_before)
                        continue;
                if (sync->begin.references == SYNC_REFERENCES_NAME && group->group.gid != 0)
                        all->gids[all->gid_count++] = (struct wanted){ .gid = group->group.gid, .number = i };
                if (group->group.sid)
                        all->sids[all->sid_count++] = (struct wanted){ .sid = group->group.sid, .number = i };
        }
        if (all->gid_count > 1)
                qsort(all->gids, all->gid_count, sizeof *all->gids, by_gid);
        if (all->sid_count > 1)
                qsort(all->sids, all->sid_count, sizeof *all->sids, by_sid);
        return 0;
}

static int add_equal(struct store_sync *sync, const struct wanted *sorted, size_t count, const struct wanted *key, int (*compare)(const void *, const void *),
                     int64_t user, struct derived *derived) {
        size_t low = 0, high = count;
        int r = 0;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (compare(&sorted[middle], key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; r == 0 && low < count && compare(&sorted[low], key) == 0; low++)
                r = delta_add_pair(sync, &derived->pairs, (int64_t)sorted[low].number, user);
        return r;
}

static int add_user(struct store_sync *sync, const struct all_wanted *all, const struct wanted *key, int64_t user, struct derived *derived) {
        int r = key->gid != 0 ? add_equal(sync, all->gids, all->gid_count, key, by_gid, user, derived) : 0;
        return r == 0 && key->sid ? add_equal(sync, all->sids, all->sid_count, key, by_sid, user, derived) : r;
}

static int scan_all_users(struct store_sync *sync, const struct all_wanted *all, struct derived *derived) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, DELTA_ALL_USERS);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                int64_t user = sqlite3_column_int64(statement, 0);
                const struct wanted key = { .gid = (uint32_t)sqlite3_column_int64(statement, 1), .sid = (const char *)sqlite3_column_text(statement, 2) };
                r = add_user(sync, all, &key, user, derived);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int scan_linked_users(struct store_sync *sync, const struct all_wanted *all, struct derived *derived) {
        const struct store_delta *delta = sync->delta;
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->live_users; i++) {
                const struct delta_user *user = delta->users_by_row[i];
                const struct wanted key = { .gid = user->user.gid, .sid = user->user.primary_group_sid };
                if (user->link && !delta_user_is_gone(user))
                        r = add_user(sync, all, &key, user->row, derived);
        }
        return r;
}

static int find_derived(struct store_sync *sync, struct derived *derived) {
        int r = 0;
        for (int as_before = 0; r == 0 && as_before <= 1; as_before++) {
                struct all_wanted all = { 0 };
                r = gather_wanted(sync, as_before, &all);
                if (r == 0 && all.gid_count + all.sid_count > 0)
                        r = (as_before ? scan_linked_users : scan_all_users)(sync, &all, derived);
                free(all.gids);
                free(all.sids);
        }
        delta_sort_pairs(&derived->pairs);
        return r;
}

int delta_replace_groups(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct derived derived = { 0 };
        int r = find_derived(sync, &derived);
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++) {
                struct replacing replacing = { .sync = sync, .group = delta->groups_by_row[i], .number = i, .derived = &derived };
                r = replace(&replacing);
                replacing_done(&replacing);
        }
        free(derived.pairs.items);
        return r;
}
