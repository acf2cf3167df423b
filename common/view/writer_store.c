/* A growing run of bytes; see writer_store.h. */
#include "view/writer_store.h"

#include <errno.h>
#include <sys/mman.h>

enum { FIRST_SIZE = 1 << 20, DROP_UNIT = 1 << 20 };

static int store_grow(struct store *store, size_t least) {
        size_t size = store->size ? store->size : FIRST_SIZE;
        while (size < least) {
                if (size > SIZE_MAX / 2)
                        return -ENOMEM;
                size *= 2;
        }
        void *base = store->base ? mremap(store->base, store->size, size, MREMAP_MAYMOVE)
                                 : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED)
                return -ENOMEM;
        store->base = base;
        store->size = size;
        return 0;
}

int store_take(struct store *store, size_t len, unsigned char **at) {
        if (len > SIZE_MAX - store->used)
                return -ENOMEM;
        if (!store->base || store->used + len > store->size) {
                int r = store_grow(store, store->used + len);
                if (r < 0)
                        return r;
        }
        *at = store->base + store->used;
        store->used += len;
        return 0;
}

void store_drop_front(struct store *store, size_t upto) {
        size_t whole = upto / DROP_UNIT * DROP_UNIT;
        if (whole > 0)
                (void)madvise(store->base, whole, MADV_DONTNEED);
}

void store_done(struct store *store) {
        if (store->base)
                (void)munmap(store->base, store->size);
        *store = (struct store) { 0 };
}
