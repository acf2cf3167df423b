/* Strings to numbers; see ldap/intern.h. */
#include "directory/ldap/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"

#define COUNT_MAX (UINT32_C(1) << 30)

void intern_done(struct intern *intern) {
        arena_done(&intern->arena);
        free(intern->texts);
        free(intern->slots);
        *intern = (struct intern){ 0 };
}

static uint64_t slot_of(uint32_t hash, uint32_t number) {
        return (uint64_t)hash << 32 | (number + 1);
}

static uint32_t number_in(uint64_t slot) {
        return (uint32_t)slot - 1;
}

static uint64_t *find(const struct intern *intern, const void *bytes, size_t len, uint32_t hash) {
        uint32_t mask = intern->slots_size - 1;
        for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
                uint64_t *slot = &intern->slots[i];
                if (*slot == 0)
                        return slot;
                if (*slot >> 32 != hash)
                        continue;
                const struct intern_text *text = &intern->texts[number_in(*slot)];
                if (text->len == len && memcmp(text->bytes, bytes, len) == 0)
                        return slot;
        }
}

static int grow(struct intern *intern) {
        uint32_t size = intern->slots_size > 0 ? intern->slots_size * 2 : 64;
        uint64_t *slots = calloc(size, sizeof *slots);
        struct intern_text *texts = reallocarray(intern->texts, size / 2, sizeof *texts);
        if (texts)
                intern->texts = texts;
        if (!slots || !texts) {
                free(slots);
                return -ENOMEM;
        }
        if (intern->slots_size == 0 && getrandom(&intern->seed, sizeof intern->seed, GRND_NONBLOCK) < 0)
                intern->seed = (uintptr_t)slots;
        free(intern->slots);
        intern->slots = slots;
        intern->slots_size = size;
        intern->texts_size = size / 2;
        for (uint32_t n = 0; n < intern->count; n++) {
                uint32_t i = intern->texts[n].hash & (size - 1);
                while (slots[i] != 0)
                        i = (i + 1) & (size - 1);
                slots[i] = slot_of(intern->texts[n].hash, n);
        }
        return 0;
}

static uint32_t hash_of(const struct intern *intern, const void *bytes, size_t len) {
        return (uint32_t)hash_bytes(bytes, len, intern->seed);
}

static int put(struct intern *intern, const void *bytes, size_t len, uint32_t hash, uint32_t *number) {
        uint64_t *slot = find(intern, bytes, len, hash);
        if (*slot == 0) {
                char *copy = arena_copy(&intern->arena, bytes, len);
                if (!copy)
                        return -ENOMEM;
                intern->texts[intern->count] = (struct intern_text){ .bytes = copy, .len = (uint32_t)len, .hash = hash };
                *slot = slot_of(hash, intern->count++);
        }
        *number = number_in(*slot);
        return 0;
}

/* Room for so many more. */
static int make_room(struct intern *intern, size_t count) {
        if (intern->count + count > COUNT_MAX)
                return -E2BIG;
        int r = 0;
        while (r == 0 && intern->count + count > intern->texts_size)
                r = grow(intern);
        return r;
}

int intern_put(struct intern *intern, const void *bytes, size_t len, uint32_t *number) {
        int r = len >= UINT32_MAX ? -E2BIG : make_room(intern, 1);
        return r < 0 ? r : put(intern, bytes, len, hash_of(intern, bytes, len), number);
}

/* What is most likely the string of that hash. */
static const struct intern_text *likely(const struct intern *intern, uint32_t hash) {
        uint64_t slot = intern->slots[hash & (intern->slots_size - 1)];
        return slot >> 32 == hash && slot != 0 ? &intern->texts[number_in(slot)] : NULL;
}

int intern_put_many(struct intern *intern, const struct intern_key *keys, size_t count, uint32_t *numbers) {
        uint32_t hashes[INTERN_MANY];
        int r = count > INTERN_MANY ? -E2BIG : make_room(intern, count);
        for (size_t i = 0; i < count && r == 0; i++) {
                r = keys[i].len >= UINT32_MAX ? -E2BIG : 0;
                hashes[i] = hash_of(intern, keys[i].bytes, keys[i].len);
                __builtin_prefetch(&intern->slots[hashes[i] & (intern->slots_size - 1)]);
        }
        for (size_t i = 0; i < count && r == 0; i++)
                __builtin_prefetch(likely(intern, hashes[i]));
        for (size_t i = 0; i < count && r == 0; i++) {
                const struct intern_text *text = likely(intern, hashes[i]);
                if (text)
                        __builtin_prefetch(text->bytes);
        }
        for (size_t i = 0; i < count && r == 0; i++)
                r = put(intern, keys[i].bytes, keys[i].len, hashes[i], &numbers[i]);
        return r;
}

uint32_t intern_get(const struct intern *intern, const void *bytes, size_t len) {
        if (intern->slots_size == 0)
                return INTERN_NONE;
        uint64_t slot = *find(intern, bytes, len, hash_of(intern, bytes, len));
        return slot == 0 ? INTERN_NONE : number_in(slot);
}
