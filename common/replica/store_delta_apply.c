/* A delta's steps, and what they came to. See store_delta.h.
 * Relies on: replica/store_delta.
 * Must never: count what was taken away and put back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_delta.h"
#include "replica/store_rows.h"

static int write_users(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct database *database = &sync->store->database;
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->live_users; i++) {
                const struct delta_user *user = delta->users_by_row[i];
                if (delta_user_is_gone(user))
                        r = sync_delete_users(database, &user->row, 1);
        }
        for (size_t i = 0; r == 0 && i < delta->live_users; i++) {
                const struct delta_user *user = delta->users_by_row[i];
                if (!delta_user_is_gone(user) && user->state != SYNC_SAME)
                        r = sync_put_user(sync, &user->user, user->row, user->state == SYNC_NEW);
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int delete_group(struct database *database, int64_t row) {
        sqlite3_stmt *statement = database_statement(database, STORE_DELETE_GROUP);
        database_bind_number(database, statement, 1, row);
        return database_run(database, statement, NULL);
}

static int write_groups(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct database *database = &sync->store->database;
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++)
                if (delta_group_is_gone(delta->groups_by_row[i]))
                        r = delete_group(database, delta->groups_by_row[i]->row);
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++) {
                const struct delta_group *group = delta->groups_by_row[i];
                if (!delta_group_is_gone(group) && group->state != SYNC_SAME)
                        r = sync_put_group(sync, &group->group, group->row, group->state == SYNC_NEW);
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* -ESTALE if one of the sorted SIDs is that of two groups. seen: zeroed, a byte for each. */
static int find_twice(struct store_sync *sync, const char **sids, size_t count, uint8_t *seen) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, DELTA_ALL_GROUPS);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                const char *sid = (const char *)sqlite3_column_text(statement, 2);
                const char **found = sid ? bsearch(&sid, sids, count, sizeof *sids, compare_texts) : NULL;
                if (found && seen[found - sids]++ > 0) {
                        database_reset(statement);
                        return delta_stale(sync, "two groups have one SID");
                }
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

/* Which of two groups with one SID has the users whose primary group it is depends on their order in a full run. */
static int check_sids(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        const char **sids = calloc(2 * delta->live_groups + 1, sizeof *sids);
        uint8_t *seen = calloc(2 * delta->live_groups + 1, 1);
        size_t count = 0;
        int r = sids && seen ? 0 : delta_out_of_memory(sync);
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++) {
                const struct delta_group *group = delta->groups_by_row[i];
                bool same = group->before.sid && group->group.sid && strcmp(group->before.sid, group->group.sid) == 0;
                if (group->group.sid)
                        sids[count++] = group->group.sid;
                if (group->before.sid && !same)
                        sids[count++] = group->before.sid;
        }
        if (r == 0 && count > 1)
                qsort(sids, count, sizeof *sids, compare_texts);
        if (r == 0 && count > 0)
                r = find_twice(sync, sids, count, seen);
        free(sids);
        free(seen);
        return r;
}

/* What was both added and taken away is neither: both lists are left without it, sorted. */
static void cancel(struct delta_table *table) {
        struct delta_pairs *a = &table->added, *b = &table->removed;
        size_t i = 0, j = 0, kept_a = 0, kept_b = 0;
        delta_sort_pairs(a);
        delta_sort_pairs(b);
        while (i < a->count || j < b->count) {
                const struct delta_pair *x = i < a->count ? &a->items[i] : NULL, *y = j < b->count ? &b->items[j] : NULL;
                bool first = x && (!y || x->group < y->group || (x->group == y->group && x->member < y->member));
                if (x && y && x->group == y->group && x->member == y->member)
                        i++, j++;
                else if (first)
                        a->items[kept_a++] = a->items[i++];
                else
                        b->items[kept_b++] = b->items[j++];
        }
        a->count = kept_a;
        b->count = kept_b;
}

static uint64_t count_lost_members(const struct store_delta *delta) {
        uint64_t lost = 0;
        for (size_t i = 0; i < delta->members.removed.count; i++) {
                const struct delta_pair *pair = &delta->members.removed.items[i];
                const struct delta_user *user = delta_user_of(delta, pair->member);
                const struct delta_group *group = delta_group_of(delta, pair->group);
                lost += !(user && delta_user_is_gone(user)) && !(group && delta_group_is_gone(group));
        }
        for (size_t i = 0; i < delta->children.removed.count; i++) {
                const struct delta_pair *pair = &delta->children.removed.items[i];
                const struct delta_group *child = delta_group_of(delta, pair->member), *group = delta_group_of(delta, pair->group);
                lost += !(child && delta_group_is_gone(child)) && !(group && delta_group_is_gone(group));
        }
        return lost;
}

static int count(struct store_sync *sync, enum store_statement which, uint64_t *first, uint64_t *second) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int r = database_step(database, statement);
        if (r <= 0)
                return sync_store_failed(sync, r < 0 ? r : -EBADMSG);
        *first = (uint64_t)sqlite3_column_int64(statement, 0);
        *second = (uint64_t)sqlite3_column_int64(statement, 1);
        database_reset(statement);
        return 0;
}

/* D5: an entry whose name is there under another id was made anew, not lost. */
static int is_lost(struct store_sync *sync, enum store_statement which, const char *name, uint32_t *lost) {
        int64_t row;
        int r = name ? store_find(sync->store, which, name, &row) : -ENOENT;
        *lost += r == -ENOENT;
        return r == -ENOENT || r == -ENOTUNIQ || r == 0 ? 0 : sync_store_failed(sync, r);
}

static int count_entries(struct store_sync *sync, struct store_sync_changes *changes) {
        const struct store_delta *delta = sync->delta;
        uint64_t users = 0, groups = 0;
        int64_t more_users = 0, more_groups = 0;
        int r = count(sync, DELTA_COUNTS, &users, &groups);
        for (size_t i = 0; r == 0 && i < delta->live_users; i++) {
                const struct delta_user *user = delta->users_by_row[i];
                more_users += delta_user_is_gone(user) ? -1 : user->state == SYNC_NEW;
                changes->content = changes->content || user->state <= SYNC_CHANGED;
                r = delta_user_is_gone(user) ? is_lost(sync, STORE_FIND_USER, user->before.name, &changes->lost_users) : 0;
        }
        for (size_t i = 0; r == 0 && i < delta->live_groups; i++) {
                const struct delta_group *group = delta->groups_by_row[i];
                more_groups += delta_group_is_gone(group) ? -1 : group->state == SYNC_NEW;
                changes->content = changes->content || group->state <= SYNC_CHANGED;
                r = delta_group_is_gone(group) ? is_lost(sync, STORE_FIND_GROUP, group->before.name, &changes->lost_groups) : 0;
        }
        if (r < 0)
                return r;
        if (users > STORE_SYNC_USERS_MAX || groups > STORE_SYNC_GROUPS_MAX)
                return sync_refuse(sync, -EFBIG, "there are more than %u users, or %u groups", STORE_SYNC_USERS_MAX, STORE_SYNC_GROUPS_MAX);
        changes->users = (uint32_t)users;
        changes->groups = (uint32_t)groups;
        changes->old_users = (uint32_t)((int64_t)users - more_users);
        changes->old_groups = (uint32_t)((int64_t)groups - more_groups);
        return 0;
}

/* Counting all of them takes a look at all of them: only where some are lost, or many have come. */
static int count_memberships(struct store_sync *sync, struct store_sync_changes *changes) {
        const struct store_delta *delta = sync->delta;
        uint64_t members = 0, children = 0;
        changes->lost_memberships = count_lost_members(delta);
        uint64_t added = delta->members.added.count + delta->children.added.count, removed = delta->members.removed.count + delta->children.removed.count;
        changes->content = changes->content || added + removed > 0;
        if (changes->lost_memberships == 0 && added <= removed)
                return 0;
        int r = count(sync, DELTA_MEMBERSHIPS, &members, &children);
        if (r == 0 && members + children > STORE_SYNC_EDGES_MAX)
                r = sync_refuse(sync, -EFBIG, "there are more than %d memberships", STORE_SYNC_EDGES_MAX);
        changes->old_memberships = members + children + removed - added;
        return r;
}

/* Whoever follows the store row by row (store_rows.h) is told which. Groups are few, and what one is concerns all its members. */
static void note_touched(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        struct store *store = sync->store;
        const struct delta_pairs *const pairs[] = { &delta->members.added, &delta->members.removed };
        bool groups = delta->children.added.count + delta->children.removed.count > 0;
        for (size_t i = 0; !groups && i < delta->live_groups; i++)
                groups = delta->groups_by_row[i]->state <= SYNC_CHANGED;
        if (groups)
                store_touch_everything(store);
        for (size_t i = 0; i < delta->live_users; i++)
                if (delta->users_by_row[i]->state <= SYNC_CHANGED)
                        store_touch_user(store, delta->users_by_row[i]->row);
        for (size_t p = 0; p < ARRAY_SIZE(pairs); p++)
                for (size_t i = 0; i < pairs[p]->count; i++)
                        store_touch_member(store, pairs[p]->items[i].member, pairs[p]->items[i].group);
}

int store_delta_prepare(struct store_sync *sync, struct store_sync_changes *changes) {
        int (*const steps[])(struct store_sync *) = { delta_resolve, check_sids, delta_unlink, write_users, write_groups, check_sids, delta_link, delta_replace_groups };
        struct store_delta *delta = sync->delta;
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
                r = steps[i](sync);
        if (r < 0)
                return r;
        cancel(&delta->members);
        cancel(&delta->children);
        r = count_entries(sync, changes);
        if (r == 0)
                r = count_memberships(sync, changes);
        if (r == 0)
                note_touched(sync);
        changes->unsettled = delta->values_left;
        return r;
}
