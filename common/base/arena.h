/* An arena: many small allocations that die together (what one synchronisation or one build reads).
 * Relies on: malloc.
 * Must never: be used in a shim. Not thread-safe. */
#pragma once

#include <stddef.h>

struct arena {
        struct arena_block *blocks;
        size_t used, size; /* of the newest block, bytes */
        size_t total;      /* bytes handed out */
};

/* Zeroed memory is an empty arena. Frees everything that came from it. */
void arena_done(struct arena *arena);

/* What came from `from` is `into`'s from now on; `from` is empty. */
void arena_join(struct arena *into, struct arena *from);

/* size bytes, zeroed, aligned for any type; NULL when memory is out. Owned by the arena. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of text[0..len) with a terminating NUL; NULL when memory is out. */
char *arena_copy(struct arena *arena, const char *text, size_t len);
char *arena_strdup(struct arena *arena, const char *text);
