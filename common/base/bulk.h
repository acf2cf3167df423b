/* Large arrays that a process keeps and seldom looks at. While it works they are ordinary memory; at rest their pages are those of an unlinked file,
 * which the kernel writes out and drops as it likes, and come back as they are touched: pointers stay valid throughout.
 * Relies on: mmap, mremap, O_TMPFILE. Small arrays are malloc's.
 * Must never: hold a secret; be used in a shim, or by two threads. */
#pragma once

#include <stddef.h>

/* size bytes, zeroed; NULL when memory is out. The owner remembers the size. */
void *bulk_alloc(size_t size);
/* As realloc: more bytes are not zeroed. old: the size it has; p NULL with old 0. NULL: memory is out, p stays as it is. size > 0. */
void *bulk_resize(void *p, size_t old, size_t size);
/* NULL is fine. */
void bulk_free(void *p, size_t size);
/* Nothing will be looked at for a while. folder: where the file may lie (first call; not at home on a disk that is full, or where such files cannot be,
 * memory stays memory). 0, or a negative errno and some or all of it is as before. */
int bulk_rest(const char *folder);
