/* Entries that come, go, or are called otherwise: their memberships by value become strays, and strays memberships. See store_delta.h.
 * Relies on: replica/store_delta.
 * Must never: touch the rows of a group that is put together anew. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_delta.h"

enum { FEW = 16 }; /* whose memberships are looked up group by group */

/* What makes members of a group by itself. */
struct derives { int64_t row; uint32_t gid; const char *sid; };

static int read_derives(struct store_sync *sync, int64_t group, struct derives *derives) {
        struct database *database = &sync->store->database;
        if (derives->row == group)
                return 0;
        sqlite3_stmt *statement = database_statement(database, DELTA_GROUP_DERIVES);
        database_bind_number(database, statement, 1, group);
        int r = database_step(database, statement);
        if (r < 0)
                return sync_store_failed(sync, r);
        const char *sid = r > 0 ? (const char *)sqlite3_column_text(statement, 1) : NULL;
        *derives = (struct derives){ .row = group, .gid = r > 0 ? (uint32_t)sqlite3_column_int64(statement, 0) : 0 };
        bool has_sid = sid && *sid;
        derives->sid = has_sid ? arena_strdup(&sync->texts, sid) : NULL;
        database_reset(statement); /* and with it goes the column's text */
        return has_sid && !derives->sid ? delta_out_of_memory(sync) : 0;
}

static int note_row(struct store_sync *sync, int64_t row) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, STORE_NOTE_GONE);
        database_bind_number(database, statement, 1, row);
        int r = database_run(database, statement, NULL);
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int read_pairs(struct store_sync *sync, enum store_statement which, struct delta_pairs *pairs) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                r = delta_add_pair(sync, pairs, sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1));
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        if (r == 0)
                r = database_run(database, database_statement(database, STORE_FORGET_GONE), NULL);
        delta_sort_pairs(pairs);
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

/* A value that stays a value: of whom the entry is called now, where the server's values follow their entries; of the name that it was, where values are names.
 * NULL: it is gone; or, of other DNs, not known: the server may have changed the groups, too, and told nobody (slapd's refint). Until everything is read again
 * nobody is given what such a value gave. */
static const char *value_after(const struct store_sync *sync, const struct delta_before *before, const char *key, bool gone) {
        if (sync->begin.references == SYNC_REFERENCES_NAME)
                return before->key;
        return sync->begin.linked && !gone ? key : NULL;
}

static int has_stray(struct store_sync *sync, int64_t group, const char *key, bool *has) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, DELTA_ONE_STRAY);
        database_bind_number(database, statement, 1, group);
        database_bind_number(database, statement, 2, sync_key_hash(key));
        database_bind_text(database, statement, 3, key);
        int r = database_step(database, statement);
        *has = r > 0;
        database_reset(statement);
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

enum how { BY_VALUE = 0, DERIVED, BOTH };

/* How a user is in a group; a value that follows its entry is taken from under the name that this had. All of them before any is put under its new one, which
 * another entry may have had. */
static int loosen(struct store_sync *sync, const struct delta_pair *pair, struct derives *derives, uint8_t *how) {
        const struct delta_user *user = delta_user_of(sync->delta, pair->member);
        const char *before = user->before.key;
        bool has = false;
        int r = read_derives(sync, pair->group, derives);
        if (r < 0 || !delta_is_derived(sync, user->before.gid, user->before.sid, derives->gid, derives->sid))
                return r;
        *how = DERIVED;
        if (!sync->begin.linked || !before)
                return 0;
        r = has_stray(sync, pair->group, before, &has);
        if (r < 0 || !has)
                return r;
        *how = BOTH;
        return delta_put_stray(sync, SYNC_DELETE_STRAY, pair->group, before);
}

static int unlink_member(struct store_sync *sync, const struct delta_pair *pair, enum how how) {
        const struct delta_user *user = delta_user_of(sync->delta, pair->member);
        const char *value = value_after(sync, &user->before, user->key, delta_user_is_gone(user));
        int r = 0;
        sync->delta->values_left |= how != DERIVED && !delta_is_followed(sync);
        if (how != DERIVED && value)
                r = delta_put_stray(sync, SYNC_INSERT_STRAY, pair->group, value);
        else if (how != DERIVED && delta_is_followed(sync) && !delta_user_is_gone(user))
                return delta_stale(sync, "a user without a name for groups is in one");
        return r < 0 ? r : delta_put_pair(sync, STORE_DELETE_MEMBER, pair->group, pair->member, &sync->delta->members.removed);
}

/* The pairs of groups that are put together anew are left out. */
static int unlink_members(struct store_sync *sync, const struct delta_pairs *pairs) {
        struct derives derives = { .row = -1 };
        _cleanup_free_ uint8_t *how = calloc(pairs->count + 1, 1);
        int r = how ? 0 : delta_out_of_memory(sync);
        for (size_t i = 0; r == 0 && i < pairs->count; i++)
                if (!delta_group_of(sync->delta, pairs->items[i].group))
                        r = loosen(sync, &pairs->items[i], &derives, &how[i]);
        for (size_t i = 0; r == 0 && i < pairs->count; i++)
                if (!delta_group_of(sync->delta, pairs->items[i].group))
                        r = unlink_member(sync, &pairs->items[i], (enum how)how[i]);
        return r;
}

static int unlink_users(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct delta_pairs pairs = { 0 };
        size_t count = 0;
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->live_users; i++) {
                const struct delta_user *user = delta->users_by_row[i];
                if (!user->unlink)
                        continue;
                count++;
                r = user->before.key ? delta_check_alone(sync, user->before.key) : 0;
                if (r == 0)
                        r = note_row(sync, user->row);
        }
        if (r == 0 && count > 0)
                r = read_pairs(sync, count <= FEW ? DELTA_MEMBERS_OF_FEW : DELTA_MEMBERS_OF_MANY, &pairs);
        if (r == 0)
                r = unlink_members(sync, &pairs);
        free(pairs.items);
        return r;
}

static int unlink_child(struct store_sync *sync, const struct delta_pair *pair) {
        const struct delta_group *child = delta_group_of(sync->delta, pair->member);
        const char *value = value_after(sync, &child->before, child->key, delta_group_is_gone(child));
        if (!value && delta_is_followed(sync) && !delta_group_is_gone(child))
                return delta_stale(sync, "a group without a name for groups is in one");
        sync->delta->values_left |= !delta_is_followed(sync);
        int r = value ? delta_put_stray(sync, SYNC_INSERT_STRAY, pair->group, value) : 0;
        return r < 0 ? r : delta_put_pair(sync, STORE_DELETE_CHILD, pair->group, pair->member, &sync->delta->children.removed);
}

static int unlink_groups(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct delta_pairs pairs = { 0 };
        bool any = false;
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++) {
                const struct delta_group *group = delta->groups_by_row[i];
                if (!group->unlink)
                        continue;
                any = true;
                r = group->before.key ? delta_check_alone(sync, group->before.key) : 0;
                if (r == 0)
                        r = note_row(sync, group->row);
        }
        if (r == 0 && any)
                r = read_pairs(sync, DELTA_PARENTS, &pairs);
        for (size_t i = 0; r == 0 && i < pairs.count; i++)
                if (!delta_group_of(delta, pairs.items[i].group))
                        r = unlink_child(sync, &pairs.items[i]);
        free(pairs.items);
        return r;
}

/* Where values follow their entries, what they name beside them is from another time: nothing can be made of it. */
static int check_key(struct store_sync *sync, bool is_new, bool fresh, const struct delta_before *before, const char *key, struct delta_pairs *scratch) {
        if (is_new && !fresh)
                return delta_stale(sync, "an entry has come from elsewhere");
        if (!key || (before->key && strcmp(before->key, key) == 0))
                return 0;
        int r = delta_read_strays(sync, key, scratch);
        return r == 0 && scratch->count > 0 ? delta_stale(sync, "an entry has come to where a group had another one") : r;
}

static int check_linked(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct delta_pairs scratch = { 0 };
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->live_users; i++) {
                const struct delta_user *user = delta->users_by_row[i];
                r = user->link ? check_key(sync, user->state == SYNC_NEW, user->user.fresh, &user->before, user->key, &scratch) : 0;
        }
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++) {
                const struct delta_group *group = delta->groups_by_row[i];
                r = group->link ? check_key(sync, group->state == SYNC_NEW, group->group.fresh, &group->before, group->key, &scratch) : 0;
        }
        free(scratch.items);
        return r;
}

int delta_unlink(struct store_sync *sync) {
        int r = sync->begin.linked ? check_linked(sync) : 0;
        if (r == 0)
                r = delta_gather_left(sync);
        if (r == 0)
                r = unlink_users(sync);
        return r < 0 ? r : unlink_groups(sync);
}

/* The groups that give an entry something by a value that was there before it. Not where others' values do not follow: whom it named then, and whether the
 * server has it still, is not known before everything is read again. */
static int read_values(struct store_sync *sync, const char *key, struct delta_pairs *scratch) {
        int r = delta_check_alone(sync, key);
        if (r == 0)
                r = delta_read_strays(sync, key, scratch);
        if (r < 0 || delta_is_followed(sync))
                return r;
        sync->delta->values_left |= scratch->count > 0;
        scratch->count = 0;
        return 0;
}

static int link_values(struct store_sync *sync, const struct delta_user *user, struct delta_pairs *scratch) {
        struct derives derives = { .row = -1 };
        scratch->count = 0;
        int r = user->key ? read_values(sync, user->key, scratch) : 0;
        for (size_t i = 0; r == 0 && i < scratch->count; i++) {
                int64_t group = scratch->items[i].group;
                r = delta_put_pair(sync, DELTA_ADD_MEMBER, group, user->row, &sync->delta->members.added);
                if (r == 0)
                        r = read_derives(sync, group, &derives);
                if (r == 0 && !delta_is_derived(sync, user->user.gid, user->user.primary_group_sid, derives.gid, derives.sid))
                        r = delta_put_stray(sync, SYNC_DELETE_STRAY, group, user->key);
        }
        return r;
}

/* All groups with a gid or SID, in two orders. */
struct derivations { struct derives *by_gid, *by_sid; size_t count, size; };

static int by_gid(const void *a, const void *b) {
        const struct derives *x = a, *y = b;
        return (x->gid > y->gid) - (x->gid < y->gid);
}

static int by_sid(const void *a, const void *b) {
        const struct derives *x = a, *y = b;
        return strcmp(x->sid, y->sid);
}

static int add_derivation(struct store_sync *sync, struct derivations *all, sqlite3_stmt *row) {
        const char *sid = (const char *)sqlite3_column_text(row, 2);
        void *array = all->by_gid;
        int r = sync_room(&array, &all->size, all->count, sizeof *all->by_gid);
        all->by_gid = array;
        char *copy = r == 0 ? arena_strdup(&sync->texts, sid ? sid : "") : NULL;
        if (!copy)
                return delta_out_of_memory(sync);
        all->by_gid[all->count++] = (struct derives){ sqlite3_column_int64(row, 0), (uint32_t)sqlite3_column_int64(row, 1), copy };
        return 0;
}

static int read_derivations(struct store_sync *sync, struct derivations *all) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, DELTA_ALL_GROUPS);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                r = add_derivation(sync, all, statement);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        if (r < 0)
                return sync_store_failed(sync, r);
        if (all->count == 0)
                return 0;
        all->by_sid = malloc(all->count * sizeof *all->by_sid);
        if (!all->by_sid)
                return delta_out_of_memory(sync);
        memcpy(all->by_sid, all->by_gid, all->count * sizeof *all->by_sid);
        qsort(all->by_gid, all->count, sizeof *all->by_gid, by_gid);
        qsort(all->by_sid, all->count, sizeof *all->by_sid, by_sid);
        return 0;
}

/* The first of those that compare equal; the count is in *found. */
static const struct derives *find_derives(const struct derives *sorted, size_t count, const struct derives *wanted, int (*compare)(const void *, const void *),
                                          size_t *found) {
        size_t low = 0, high = count;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (compare(&sorted[middle], wanted) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (*found = 0; low + *found < count && compare(&sorted[low + *found], wanted) == 0; ++*found)
                ;
        return sorted + low;
}

static int add_to(struct store_sync *sync, const struct derives *groups, size_t count, const struct delta_user *user) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < count; i++)
                if (!delta_group_of(sync->delta, groups[i].row))
                        r = delta_put_pair(sync, DELTA_ADD_MEMBER, groups[i].row, user->row, &sync->delta->members.added);
        return r;
}

static int link_derived(struct store_sync *sync, const struct delta_user *user, const struct derivations *all) {
        const struct derives wanted = { .gid = user->user.gid, .sid = user->user.primary_group_sid };
        size_t count;
        int r = 0;
        if (sync->begin.references == SYNC_REFERENCES_NAME && wanted.gid != 0) {
                const struct derives *first = find_derives(all->by_gid, all->count, &wanted, by_gid, &count);
                r = add_to(sync, first, count, user);
        }
        if (r < 0 || !wanted.sid)
                return r;
        const struct derives *first = find_derives(all->by_sid, all->count, &wanted, by_sid, &count);
        return count > 1 ? delta_stale(sync, "two groups have one SID") : add_to(sync, first, count, user);
}

static int link_users(struct store_sync *sync, struct delta_pairs *scratch) {
        const struct store_delta *delta = sync->delta;
        struct derivations all = { 0 };
        bool read = false;
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->live_users; i++) {
                const struct delta_user *user = delta->users_by_row[i];
                bool derives = user->user.primary_group_sid || (sync->begin.references == SYNC_REFERENCES_NAME && user->user.gid != 0);
                if (!user->link)
                        continue;
                r = link_values(sync, user, scratch);
                if (r == 0 && derives && !read)
                        r = read_derivations(sync, &all);
                read = read || derives;
                if (r == 0 && derives)
                        r = link_derived(sync, user, &all);
        }
        free(all.by_gid);
        free(all.by_sid);
        return r;
}

static int link_group(struct store_sync *sync, const struct delta_group *group, struct delta_pairs *scratch) {
        int r = read_values(sync, group->key, scratch);
        for (size_t i = 0; r == 0 && i < scratch->count; i++) {
                r = delta_put_pair(sync, DELTA_ADD_CHILD, scratch->items[i].group, group->row, &sync->delta->children.added);
                if (r == 0)
                        r = delta_put_stray(sync, SYNC_DELETE_STRAY, scratch->items[i].group, group->key);
        }
        return r;
}

int delta_link(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct delta_pairs scratch = { 0 };
        int r = link_users(sync, &scratch);
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++)
                if (delta->groups_by_row[i]->link && delta->groups_by_row[i]->key)
                        r = link_group(sync, delta->groups_by_row[i], &scratch);
        free(scratch.items);
        return r;
}
