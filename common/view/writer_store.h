/* A growing run of bytes for the writer: anonymous memory that grows in place or moves by page tables, and can be given back from the front.
 * Relies on: mmap, mremap, madvise.
 * Must never: be used in a shim; pointers into it die at the next reserve. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct store { unsigned char *base; size_t used, size; };

/* Room for len more bytes, zeroed, at *at; used grows by len. 0, -ENOMEM. */
int store_take(struct store *store, size_t len, unsigned char **at);
/* Gives the memory of [0, upto) back to the system; those bytes are then zeros. */
void store_drop_front(struct store *store, size_t upto);
void store_done(struct store *store);
