/* DNs that entries have left in a delta: nobody is given what a value of these gave, before it is known what the server made of it. See store_delta.h.
 * Relies on: replica/store_delta; the live entries are in order, and nothing is written yet.
 * Must never: leave out a DN that an entry had only within the delta. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_delta.h"

static int add(struct store_sync *sync, const char *key) {
        struct store_delta *delta = sync->delta;
        void *array = delta->left;
        int r = sync_room(&array, &delta->left_size, delta->left_count, sizeof *delta->left);
        delta->left = array;
        if (r < 0 || !key)
                return delta_out_of_memory(sync);
        delta->left[delta->left_count++] = key;
        return 0;
}

/* key: of the entry now; NULL: it has none, or is gone. */
static int add_before(struct store_sync *sync, const char *before, const char *key) {
        return before && !(key && strcmp(before, key) == 0) ? add(sync, before) : 0;
}

/* What an entry was called by a word that was not the last one about it. */
static int add_meanwhile(struct store_sync *sync, const char *dn, const char *key) {
        char meanwhile[SYNC_KEY_MAX + 1];
        if (!dn || sync_key(SYNC_REFERENCES_DN, dn, NULL, meanwhile) < 0 || (key && strcmp(meanwhile, key) == 0))
                return 0;
        return add(sync, arena_strdup(&sync->texts, meanwhile));
}

static int gather_users(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->user_count; i++) {
                const struct delta_user *user = &delta->users[i];
                const struct delta_word *word = user->live || !user->user.name ? NULL : delta_find(delta, &delta->user_words, user->user.entry_id);
                if (user->live)
                        r = add_before(sync, user->before.key, delta_user_is_gone(user) ? NULL : user->key);
                else if (word)
                        r = add_meanwhile(sync, user->user.dn, word->said == DELTA_CHANGED ? delta->users[word->number].key : NULL);
        }
        return r;
}

static int gather_groups(struct store_sync *sync) {
        const struct store_delta *delta = sync->delta;
        int r = 0;
        for (size_t i = 0; r == 0 && sync->begin.nested && i < delta->group_count; i++) {
                const struct delta_group *group = &delta->groups[i];
                const struct delta_word *word = group->live || !group->group.name ? NULL : delta_find(delta, &delta->group_words, group->group.entry_id);
                if (group->live)
                        r = add_before(sync, group->before.key, delta_group_is_gone(group) ? NULL : group->key);
                else if (word)
                        r = add_meanwhile(sync, group->group.dn, word->said == DELTA_CHANGED ? delta->groups[word->number].key : NULL);
        }
        return r;
}

static int compare(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool delta_is_left(const struct store_delta *delta, const char *key) {
        return delta->left_count > 0 && bsearch(&key, delta->left, delta->left_count, sizeof *delta->left, compare);
}

int delta_read_strays(struct store_sync *sync, const char *key, struct delta_pairs *groups) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, DELTA_STRAYS_BY_KEY);
        int r;
        database_bind_number(database, statement, 1, sync_key_hash(key));
        database_bind_text(database, statement, 2, key);
        groups->count = 0;
        while ((r = database_step(database, statement)) > 0) {
                int64_t group = sqlite3_column_int64(statement, 0);
                r = delta_group_of(sync->delta, group) ? 0 : delta_add_pair(sync, groups, group, 0);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int drop_strays(struct store_sync *sync) {
        struct store_delta *delta = sync->delta;
        struct delta_pairs groups = { 0 };
        int r = 0;
        for (size_t i = 0; r == 0 && i < delta->left_count; i++) {
                r = delta_read_strays(sync, delta->left[i], &groups);
                delta->values_left |= groups.count > 0;
                for (size_t g = 0; r == 0 && g < groups.count; g++)
                        r = delta_put_stray(sync, SYNC_DELETE_STRAY, groups.items[g].group, delta->left[i]);
        }
        free(groups.items);
        return r;
}

int delta_gather_left(struct store_sync *sync) {
        struct store_delta *delta = sync->delta;
        if (sync->begin.references != SYNC_REFERENCES_DN)
                return 0;
        int r = gather_users(sync);
        if (r == 0)
                r = gather_groups(sync);
        if (r == 0 && delta->left_count > 1)
                qsort(delta->left, delta->left_count, sizeof *delta->left, compare);
        return r < 0 || delta_is_followed(sync) ? r : drop_strays(sync);
}
