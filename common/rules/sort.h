/* Sorting the short lists of indexes that memberships are made of.
 * Relies on: nothing.
 * Must never: allocate or recurse. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Ascending, in place. A shell sort: lists of ten to some hundreds are the common case, millions of times in one build. */
static inline void sort_u32(uint32_t *list, size_t count) {
        static const size_t gaps[] = { 8858, 3937, 1750, 701, 301, 132, 57, 23, 10, 4, 1 };
        for (size_t k = 0; k < sizeof gaps / sizeof gaps[0]; k++)
                for (size_t i = gaps[k]; i < count; i++) {
                        uint32_t value = list[i];
                        size_t at = i;
                        for (; at >= gaps[k] && list[at - gaps[k]] > value; at -= gaps[k])
                                list[at] = list[at - gaps[k]];
                        list[at] = value;
                }
}
