/* Which rows a delta is about, and what they were before. See store_delta.h.
 * Relies on: replica/store_delta.
 * Must never: write. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_delta.h"

static int copy_column(struct store_sync *sync, sqlite3_stmt *row, int column, const char **text) {
        const char *found = (const char *)sqlite3_column_text(row, column);
        *text = found && *found ? arena_strdup(&sync->texts, found) : NULL;
        return found && *found && !*text ? -ENOMEM : 0;
}

/* The key of an entry, copied. NULL: it has none. */
static int copy_key(struct store_sync *sync, enum sync_references references, const char *dn, const char *name, const char **text) {
        char key[SYNC_KEY_MAX + 1];
        *text = NULL;
        if (sync_key(references, dn, name, key) < 0)
                return 0;
        *text = arena_strdup(&sync->texts, key);
        return *text ? 0 : -ENOMEM;
}

/* Groups are members of groups by their DN only, and only where they may be. */
static enum sync_references group_references(const struct store_sync *sync) {
        return sync->begin.nested ? SYNC_REFERENCES_DN : SYNC_REFERENCES_NONE;
}

static bool same_text(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static int read_user(struct store_sync *sync, struct delta_user *user, sqlite3_stmt *row) {
        enum { NAME = 6, DN = 13, PRIMARY = 14 };
        user->row = sqlite3_column_int64(row, 0);
        user->before.gid = (uint32_t)sqlite3_column_int64(row, 3);
        user->state = delta_user_is_gone(user) ? SYNC_CHANGED : sync_compare_user(sync, &user->user, row);
        int r = copy_column(sync, row, NAME, &user->before.name);
        if (r == 0)
                r = copy_column(sync, row, PRIMARY, &user->before.sid);
        return r < 0 ? r : copy_key(sync, sync->begin.references, (const char *)sqlite3_column_text(row, DN), user->before.name, &user->before.key);
}

static int read_group(struct store_sync *sync, struct delta_group *group, sqlite3_stmt *row) {
        enum { NAME = 4, SID = 6, DN = 7 };
        group->row = sqlite3_column_int64(row, 0);
        group->before.gid = (uint32_t)sqlite3_column_int64(row, 2);
        group->state = delta_group_is_gone(group) ? SYNC_CHANGED : sync_compare_group(sync, &group->group, row);
        int r = copy_column(sync, row, NAME, &group->before.name);
        if (r == 0)
                r = copy_column(sync, row, SID, &group->before.sid);
        return r < 0 ? r : copy_key(sync, group_references(sync), (const char *)sqlite3_column_text(row, DN), NULL, &group->before.key);
}

/* 1: the store has it; 0: it is new. */
static int look_up(struct store_sync *sync, enum store_statement which, const char *entry_id, void *entry) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        database_bind_text(database, statement, 1, entry_id);
        int r = database_step(database, statement);
        if (r < 0)
                return sync_store_failed(sync, r);
        if (r > 0 && (which == DELTA_USER ? read_user(sync, entry, statement) : read_group(sync, entry, statement)) < 0)
                r = delta_out_of_memory(sync);
        database_reset(statement);
        return r;
}

static int change_user(struct store_sync *sync, struct delta_user *user) {
        bool by_name = sync->begin.references == SYNC_REFERENCES_NAME;
        int r = copy_key(sync, sync->begin.references, user->user.dn, user->user.name, &user->key);
        if (r == 0)
                r = look_up(sync, DELTA_USER, user->user.entry_id, user);
        if (r < 0)
                return r == -ENOMEM ? delta_out_of_memory(sync) : r;
        if (r == 0)
                user->row = sync->store->next_user++;
        user->unlink = r > 0 && (!same_text(user->key, user->before.key) || (by_name && user->user.gid != user->before.gid) ||
                                 !same_text(user->user.primary_group_sid, user->before.sid));
        user->link = r == 0 || user->unlink;
        user->live = true;
        return 0;
}

static int change_group(struct store_sync *sync, struct delta_group *group) {
        int r = copy_key(sync, group_references(sync), group->group.dn, NULL, &group->key);
        if (r == 0)
                r = look_up(sync, DELTA_GROUP, group->group.entry_id, group);
        if (r < 0)
                return r == -ENOMEM ? delta_out_of_memory(sync) : r;
        if (r == 0)
                group->row = sync->store->next_group++;
        group->unlink = r > 0 && !same_text(group->key, group->before.key);
        group->link = r == 0 || group->unlink;
        group->live = true;
        return 0;
}

static int remove_user(struct store_sync *sync, const char *entry_id) {
        struct store_delta *delta = sync->delta;
        struct delta_user user = { .live = true, .unlink = true };
        int r = look_up(sync, DELTA_USER, entry_id, &user);
        if (r <= 0)
                return r;
        void *array = delta->users;
        r = sync_room(&array, &delta->user_size, delta->user_count, sizeof *delta->users);
        delta->users = array;
        if (r < 0)
                return delta_out_of_memory(sync);
        delta->users[delta->user_count++] = user;
        return 0;
}

static int remove_group(struct store_sync *sync, const char *entry_id) {
        struct store_delta *delta = sync->delta;
        struct delta_group group = { .live = true, .unlink = true };
        int r = look_up(sync, DELTA_GROUP, entry_id, &group);
        if (r <= 0)
                return r;
        void *array = delta->groups;
        r = sync_room(&array, &delta->group_size, delta->group_count, sizeof *delta->groups);
        delta->groups = array;
        if (r < 0)
                return delta_out_of_memory(sync);
        delta->groups[delta->group_count++] = group;
        return 0;
}

/* Ids of the store that nobody spoke of: they are gone; and marks the others as known. */
struct unnamed { const char **ids; size_t count, size; };

static int note_unnamed(struct store_sync *sync, struct unnamed *unnamed, const char *entry_id) {
        void *array = unnamed->ids;
        int r = sync_room(&array, &unnamed->size, unnamed->count, sizeof *unnamed->ids);
        unnamed->ids = array;
        const char *copy = r == 0 ? arena_strdup(&sync->texts, entry_id) : NULL;
        if (!copy)
                return delta_out_of_memory(sync);
        unnamed->ids[unnamed->count++] = copy;
        return 0;
}

static int find_unnamed(struct store_sync *sync, struct delta_words *words, enum store_statement which, struct unnamed *unnamed) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                const char *entry_id = (const char *)sqlite3_column_text(statement, 0);
                struct delta_word *word = entry_id ? delta_find(sync->delta, words, entry_id) : NULL;
                if (word)
                        word->known = true;
                r = !entry_id ? delta_out_of_memory(sync) : word ? 0 : note_unnamed(sync, unnamed, entry_id);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int sweep(struct store_sync *sync, struct delta_words *words, bool is_group) {
        struct unnamed unnamed = { 0 };
        int r = find_unnamed(sync, words, is_group ? DELTA_GROUP_IDS : DELTA_USER_IDS, &unnamed);
        for (size_t i = 0; r == 0 && i < unnamed.count; i++)
                r = is_group ? remove_group(sync, unnamed.ids[i]) : remove_user(sync, unnamed.ids[i]);
        free(unnamed.ids);
        for (size_t i = 0; r == 0 && !sync->begin.unknown_ok && i < words->count; i++)
                if (words->words[i].said == DELTA_PRESENT && !words->words[i].known)
                        r = delta_stale(sync, "the server names an entry that never came");
        return r;
}

static int resolve_words(struct store_sync *sync, const struct delta_words *words, bool is_group) {
        struct store_delta *delta = sync->delta;
        int r = 0;
        for (size_t i = 0; r == 0 && i < words->count; i++) {
                const struct delta_word *word = &words->words[i];
                if (word->said == DELTA_CHANGED)
                        r = is_group ? change_group(sync, &delta->groups[word->number]) : change_user(sync, &delta->users[word->number]);
                else if (word->said == DELTA_GONE)
                        r = is_group ? remove_group(sync, word->entry_id) : remove_user(sync, word->entry_id);
        }
        return r;
}

static int compare_users(const void *a, const void *b) {
        const struct delta_user *x = *(const struct delta_user *const *)a, *y = *(const struct delta_user *const *)b;
        return (x->row > y->row) - (x->row < y->row);
}

static int compare_groups(const void *a, const void *b) {
        const struct delta_group *x = *(const struct delta_group *const *)a, *y = *(const struct delta_group *const *)b;
        return (x->row > y->row) - (x->row < y->row);
}

static int order(struct store_sync *sync) {
        struct store_delta *delta = sync->delta;
        delta->users_by_row = calloc((size_t)delta->user_count + 1, sizeof(void *));
        delta->groups_by_row = calloc((size_t)delta->group_count + 1, sizeof(void *));
        if (!delta->users_by_row || !delta->groups_by_row)
                return delta_out_of_memory(sync);
        for (uint32_t i = 0; i < delta->user_count; i++)
                if (delta->users[i].live)
                        delta->users_by_row[delta->live_users++] = &delta->users[i];
        for (uint32_t i = 0; i < delta->group_count; i++)
                if (delta->groups[i].live)
                        delta->groups_by_row[delta->live_groups++] = &delta->groups[i];
        if (delta->live_users > 1)
                qsort(delta->users_by_row, delta->live_users, sizeof(void *), compare_users);
        if (delta->live_groups > 1)
                qsort(delta->groups_by_row, delta->live_groups, sizeof(void *), compare_groups);
        return 0;
}

int delta_resolve(struct store_sync *sync) {
        struct store_delta *delta = sync->delta;
        int r = resolve_words(sync, &delta->user_words, false);
        if (r == 0)
                r = resolve_words(sync, &delta->group_words, true);
        if (r == 0 && sync->begin.sweep_users)
                r = sweep(sync, &delta->user_words, false);
        if (r == 0 && sync->begin.sweep_groups)
                r = sweep(sync, &delta->group_words, true);
        return r < 0 ? r : order(sync);
}
