/* What building and changing a replica share.
 * Relies on: model/replica.
 * Must never: be included outside model/replica*.c. */
#pragma once

#include "model/replica.h"

/* A replica while it grows: the public part first, so that one pointer stands for both. */
struct building {
        struct replica replica;
        size_t text_size, user_size, group_size, user_edge_size, group_edge_size; /* room, in elements */
        size_t text_read; /* of text, when it was finished: what is more came with changes */
        bool too_long; /* more text than a text_ref can point into */
};

static inline struct building *building_of(struct replica *replica) {
        return (struct building *)(void *)replica;
}

/* Room for `need` elements in *array; doubles, so that adding stays linear. 0 or -ENOMEM. */
int replica_reserve(void **array, size_t *size, size_t need, size_t element);

#define RESERVE(array, size, need) \
        ({ void *_array = (array); int _r = replica_reserve(&_array, &(size), (need), sizeof *(array)); (array) = _array; _r; })
