/* An arena; see arena.h. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct arena_block {
        struct arena_block *next;
        alignas(max_align_t) char bytes[];
};

void arena_done(struct arena *arena) {
        struct arena_block *block = arena->blocks;
        while (block) {
                struct arena_block *next = block->next;
                free(block);
                block = next;
        }
        *arena = (struct arena){ 0 };
}

void arena_join(struct arena *into, struct arena *from) {
        if (!into->blocks) {
                *into = *from;
        } else {
                /* Behind the newest block: the room that is left in it is still to be used. */
                struct arena_block **end = &into->blocks->next;
                while (*end)
                        end = &(*end)->next;
                *end = from->blocks;
                into->total += from->total;
        }
        *from = (struct arena){ 0 };
}

void *arena_alloc(struct arena *arena, size_t size) {
        const size_t align = alignof(max_align_t);
        if (size > SIZE_MAX - sizeof(struct arena_block) - align)
                return NULL;
        size = (size + align - 1) / align * align;
        if (!arena->blocks || arena->size - arena->used < size) {
                size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
                struct arena_block *block = malloc(sizeof *block + room);
                if (!block)
                        return NULL;
                block->next = arena->blocks;
                arena->blocks = block;
                arena->used = 0;
                arena->size = room;
        }
        void *p = arena->blocks->bytes + arena->used;
        arena->used += size;
        arena->total += size;
        return memset(p, 0, size);
}

char *arena_copy(struct arena *arena, const char *text, size_t len) {
        char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;
        if (copy && len > 0)
                memcpy(copy, text, len);
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text) {
        return arena_copy(arena, text, strlen(text));
}
