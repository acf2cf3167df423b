/* Byte strings to small numbers: each string once, numbered from 0 in the order in which it was first seen.
 * Relies on: base/arena, base/hash (seeded, so that a server cannot choose the buckets).
 * Must never: shrink; not thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define INTERN_NONE UINT32_MAX

struct intern_text { const char *bytes; uint32_t len, hash; }; /* the hash: to grow without reading all strings again */

/* Zeroed memory is an empty one. */
struct intern {
        struct arena arena;
        struct intern_text *texts;
        uint32_t count, texts_size;
        uint64_t *slots;          /* the hash above, number + 1 below (so that a look at another string's slot costs no more than that); 0: free */
        uint32_t slots_size;      /* a power of two, or 0 */
        uint64_t seed;
};

void intern_done(struct intern *intern);
/* The number of a string, which is added if it is new. 0, -ENOMEM, -E2BIG (above 2^30 strings). */
int intern_put(struct intern *intern, const void *bytes, size_t len, uint32_t *number);
/* As intern_put of each in turn, at most INTERN_MANY; numbers has room for as many. In a large table each step to a string is a wait for memory: here the waits
 * for all of them pass together. */
#define INTERN_MANY 16
struct intern_key { const void *bytes; size_t len; };
int intern_put_many(struct intern *intern, const struct intern_key *keys, size_t count, uint32_t *numbers);
/* Its number, or INTERN_NONE. */
uint32_t intern_get(const struct intern *intern, const void *bytes, size_t len);
