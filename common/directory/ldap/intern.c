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

int intern_put(struct intern *intern, const void *bytes, size_t len, uint32_t *number) {
        if (intern->count >= COUNT_MAX || len >= UINT32_MAX)
                return -E2BIG;
        if (intern->count >= intern->texts_size) {
                int r = grow(intern);
                if (r < 0)
                        return r;
        }
        uint32_t hash = (uint32_t)hash_bytes(bytes, len, intern->seed);
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

uint32_t intern_get(const struct intern *intern, const void *bytes, size_t len) {
        if (intern->slots_size == 0)
                return INTERN_NONE;
        uint64_t slot = *find(intern, bytes, len, (uint32_t)hash_bytes(bytes, len, intern->seed));
        return slot == 0 ? INTERN_NONE : number_in(slot);
}
