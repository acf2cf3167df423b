/* A delta while it comes; see store_delta.h. */
#include "replica/store_delta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"

struct store_delta *store_delta_new(void) {
        struct store_delta *delta = calloc(1, sizeof *delta);
        if (delta && getrandom(&delta->seed, sizeof delta->seed, 0) != sizeof delta->seed) {
                free(delta);
                return NULL;
        }
        return delta;
}

static void table_done(struct delta_table *table) {
        free(table->added.items);
        free(table->removed.items);
}

void store_delta_free(struct store_delta *delta) {
        if (!delta)
                return;
        free(delta->user_words.words);
        free(delta->user_words.slots);
        free(delta->group_words.words);
        free(delta->group_words.slots);
        free(delta->users);
        free(delta->groups);
        free(delta->references);
        free(delta->users_by_row);
        free(delta->groups_by_row);
        free(delta->left);
        table_done(&delta->members);
        table_done(&delta->children);
        free(delta);
}

static uint32_t *find_slot(const struct delta_words *words, const char *entry_id, uint32_t hash) {
        for (uint32_t at = hash & words->mask;; at = (at + 1) & words->mask) {
                uint32_t *slot = &words->slots[at];
                if (*slot == 0)
                        return slot;
                const struct delta_word *word = &words->words[*slot - 1];
                if (word->hash == hash && strcmp(word->entry_id, entry_id) == 0)
                        return slot;
        }
}

static uint32_t hash_of(const struct store_delta *delta, const char *entry_id) {
        return (uint32_t)hash_bytes(entry_id, strlen(entry_id), delta->seed);
}

struct delta_word *delta_find(const struct store_delta *delta, const struct delta_words *words, const char *entry_id) {
        if (words->mask == 0)
                return NULL;
        uint32_t slot = *find_slot(words, entry_id, hash_of(delta, entry_id));
        return slot > 0 ? &words->words[slot - 1] : NULL;
}

static int grow_slots(struct delta_words *words) {
        uint32_t size = words->mask > 0 ? (words->mask + 1) * 2 : 64;
        if (words->mask > 0 && words->count * 2 <= words->mask)
                return 0;
        uint32_t *slots = calloc(size, sizeof *slots);
        if (!slots)
                return -ENOMEM;
        free(words->slots);
        words->slots = slots;
        words->mask = size - 1;
        for (size_t i = 0; i < words->count; i++)
                *find_slot(words, words->words[i].entry_id, words->words[i].hash) = (uint32_t)i + 1;
        return 0;
}

/* The word about an entry, which is added if it is the first. */
static int get_word(struct store_sync *sync, struct delta_words *words, const char *entry_id, struct delta_word **word) {
        if (words->count >= DELTA_WORDS_MAX || sync->texts.total > STORE_SYNC_TEXT_MAX)
                return sync_refuse(sync, -EFBIG, "more entries are named than there can be");
        int r = grow_slots(words);
        if (r < 0)
                return sync_refuse(sync, r, "%s", strerror(-r));
        uint32_t hash = hash_of(sync->delta, entry_id), *slot = find_slot(words, entry_id, hash);
        if (*slot > 0) {
                *word = &words->words[*slot - 1];
                return 0;
        }
        void *array = words->words;
        r = sync_room(&array, &words->size, words->count, sizeof *words->words);
        words->words = array;
        const char *copy = r == 0 ? arena_strdup(&sync->texts, entry_id) : NULL;
        if (!copy)
                return sync_refuse(sync, -ENOMEM, "%s", strerror(ENOMEM));
        words->words[words->count++] = (struct delta_word){ .entry_id = copy, .hash = hash };
        *slot = (uint32_t)words->count;
        *word = &words->words[words->count - 1];
        return 0;
}

/* Each one its copy in the arena; "" is none. */
static int copy_texts(struct store_sync *sync, const char **const *texts, size_t count) {
        for (size_t i = 0; i < count; i++) {
                const char *text = *texts[i] && **texts[i] ? *texts[i] : NULL;
                *texts[i] = text ? arena_strdup(&sync->texts, text) : NULL;
                if (text && !*texts[i])
                        return sync_refuse(sync, -ENOMEM, "%s", strerror(ENOMEM));
        }
        return 0;
}

static bool same_text(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

int store_delta_user(struct store_sync *sync, const struct sync_user *user) {
        struct store_delta *delta = sync->delta;
        struct sync_user copy = *user;
        const char **const texts[] = { &copy.name, &copy.entry_id, &copy.dn, &copy.display_name, &copy.email, &copy.home, &copy.shell, &copy.ssh_keys, &copy.sid,
                                       &copy.primary_group_sid };
        struct delta_word *word;
        delta->in_group = false;
        int r = get_word(sync, &delta->user_words, user->entry_id, &word);
        if (r == 0)
                r = copy_texts(sync, texts, ARRAY_SIZE(texts));
        if (r < 0)
                return r;
        /* One that came under another DN stays: nobody's words, but what it was called (store_delta_left.c). */
        bool again = word->said == DELTA_CHANGED && same_text(delta->users[word->number].user.dn, copy.dn);
        if (!again && delta->user_count >= STORE_SYNC_USERS_MAX)
                return sync_refuse(sync, -EFBIG, "there are more than %u users", STORE_SYNC_USERS_MAX);
        void *array = delta->users;
        r = sync_room(&array, &delta->user_size, delta->user_count, sizeof *delta->users);
        delta->users = array;
        if (r < 0)
                return sync_refuse(sync, r, "%s", strerror(-r));
        copy.uid = sync_id_of(copy.uid);
        copy.gid = sync_id_of(copy.gid);
        if (!again)
                word->number = delta->user_count++;
        word->said = DELTA_CHANGED;
        delta->told++;
        delta->users[word->number] = (struct delta_user){ .user = copy, .came = again ? delta->users[word->number].came : delta->told };
        return 0;
}

int store_delta_group(struct store_sync *sync, const struct sync_group *group) {
        struct store_delta *delta = sync->delta;
        struct sync_group copy = *group;
        const char **const texts[] = { &copy.name, &copy.entry_id, &copy.dn, &copy.description, &copy.sid };
        struct delta_word *word;
        int r = get_word(sync, &delta->group_words, group->entry_id, &word);
        if (r == 0)
                r = copy_texts(sync, texts, ARRAY_SIZE(texts));
        if (r < 0)
                return r;
        if (delta->group_count >= STORE_SYNC_GROUPS_MAX)
                return sync_refuse(sync, -EFBIG, "there are more than %u groups", STORE_SYNC_GROUPS_MAX);
        void *array = delta->groups;
        r = sync_room(&array, &delta->group_size, delta->group_count, sizeof *delta->groups);
        delta->groups = array;
        if (r < 0)
                return sync_refuse(sync, r, "%s", strerror(-r));
        copy.gid = sync_id_of(copy.gid);
        /* References go to the last one: a group that comes twice is a new one, and its former words are nobody's. */
        bool again = word->said == DELTA_CHANGED && same_text(delta->groups[word->number].group.dn, copy.dn);
        uint32_t came = again ? delta->groups[word->number].came : delta->told + 1;
        word->number = delta->group_count++;
        word->said = DELTA_CHANGED;
        delta->groups[word->number] = (struct delta_group){ .group = copy, .came = came, .told = ++delta->told, .first_reference = delta->reference_count };
        delta->in_group = true;
        return 0;
}

int store_delta_reference(struct store_sync *sync, const char *key) {
        struct store_delta *delta = sync->delta;
        size_t len = strlen(key);
        if (!delta->in_group || len == 0 || len > SYNC_KEY_MAX)
                return sync_refuse(sync, -EINVAL, "a value came of no group, or that is none");
        if (delta->reference_count >= STORE_SYNC_EDGES_MAX || sync->texts.total > STORE_SYNC_TEXT_MAX)
                return sync_refuse(sync, -EFBIG, "there are more than %d memberships", STORE_SYNC_EDGES_MAX);
        void *array = delta->references;
        int r = sync_room(&array, &delta->reference_size, delta->reference_count, sizeof *delta->references);
        delta->references = array;
        const char *copy = r == 0 ? arena_copy(&sync->texts, key, len) : NULL;
        if (!copy)
                return sync_refuse(sync, -ENOMEM, "%s", strerror(ENOMEM));
        delta->references[delta->reference_count++] = copy;
        delta->groups[delta->group_count - 1].reference_count++;
        return 0;
}

int store_delta_word(struct store_sync *sync, enum sync_kind kind, const char *entry_id, bool gone) {
        struct store_delta *delta = sync->delta;
        struct delta_word *word;
        delta->in_group = false;
        int r = get_word(sync, kind == SYNC_KIND_USER ? &delta->user_words : &delta->group_words, entry_id, &word);
        if (r < 0)
                return r;
        /* Who is there is there as it came. */
        if (gone)
                word->said = DELTA_GONE;
        else if (word->said != DELTA_CHANGED)
                word->said = DELTA_PRESENT;
        return 0;
}
