/* Large arrays; see bulk.h.
 * Relies on: the order of blocks is of no meaning, and there are few (hundreds).
 * Must never: map a part of the file that has no room on the disk yet: a full disk must be an error here, not a signal later. */
#include "base/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SMALL = 256 * 1024, PAGE = 4096, RESERVE = 64 << 20 };

/* offset: in the file; -1: memory. size: whole pages. */
struct block { unsigned char *base; size_t size; off_t offset; };

static struct block *blocks;
static size_t block_count, block_size;
static int file = -1;
static off_t file_end;
static size_t in_file; /* blocks */

static size_t whole_pages(size_t size) {
        return (size + PAGE - 1) / PAGE * PAGE;
}

static struct block *find(const void *p) {
        for (size_t i = block_count; i > 0; i--)
                if (blocks[i - 1].base == p)
                        return &blocks[i - 1];
        return NULL;
}

static void *block_new(size_t size) {
        if (size > SIZE_MAX - PAGE)
                return NULL;
        if (block_count == block_size) {
                size_t bigger = block_size ? block_size * 2 : 64;
                struct block *moved = reallocarray(blocks, bigger, sizeof *moved);
                if (!moved)
                        return NULL;
                blocks = moved;
                block_size = bigger;
        }
        void *base = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (base == MAP_FAILED)
                return NULL;
        blocks[block_count++] = (struct block){ .base = base, .size = whole_pages(size), .offset = -1 };
        return base;
}

static void block_free(struct block *block) {
        (void)munmap(block->base, block->size);
        if (block->offset >= 0) {
                (void)fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, block->offset, (off_t)block->size);
                /* A service runs for years: the largest file that the file system can have would be reached. */
                if (--in_file == 0)
                        file_end = 0;
        }
        *block = blocks[--block_count];
        if (block_count == 0) {
                free(blocks);
                blocks = NULL;
                block_size = 0;
        }
}

void *bulk_alloc(size_t size) {
        return size < SMALL ? calloc(1, size) : block_new(size);
}

void bulk_free(void *p, size_t size) {
        struct block *block = p && size >= SMALL ? find(p) : NULL;
        if (block)
                block_free(block);
        else
                free(p);
}

/* Another size for a block that is one and stays one, without copying where that can be. NULL: it cannot. */
static void *block_resize(struct block *block, size_t size) {
        size = whole_pages(size);
        if (size == block->size)
                return block->base;
        if (block->offset >= 0 || size < block->size / 2)
                return NULL;
        void *base = mremap(block->base, block->size, size, MREMAP_MAYMOVE);
        if (base == MAP_FAILED)
                return NULL;
        block->base = base;
        block->size = size;
        return base;
}

void *bulk_resize(void *p, size_t old, size_t size) {
        if (old < SMALL && size < SMALL)
                return realloc(p, size);
        if (size > SIZE_MAX - PAGE)
                return NULL;
        struct block *block = old >= SMALL ? find(p) : NULL;
        void *same = block && size >= SMALL ? block_resize(block, size) : NULL;
        if (same)
                return same;
        void *fresh = bulk_alloc(size);
        if (!fresh)
                return NULL;
        if (p)
                memcpy(fresh, p, old < size ? old : size);
        bulk_free(p, old);
        return fresh;
}

/* The block's bytes into the file, and the file's pages in their place. */
static int put_down(struct block *block) {
        int r;
        do
                r = posix_fallocate(file, file_end, (off_t)block->size);
        while (r == EINTR);
        for (size_t done = 0; r == 0 && done < block->size;) {
                ssize_t n = pwrite(file, block->base + done, block->size - done, file_end + (off_t)done);
                if (n < 0 && errno != EINTR)
                        r = errno;
                done += n > 0 ? (size_t)n : 0;
        }
        if (r == 0 && mmap(block->base, block->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, file_end) == MAP_FAILED)
                r = errno;
        if (r != 0) {
                (void)fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, file_end, (off_t)block->size);
                return -r;
        }
        block->offset = file_end;
        in_file++;
        file_end += (off_t)block->size;
        return 0;
}

/* Whether the disk has room for all of it, and as much again for those who write there for a better reason. */
static bool has_room(void) {
        uint64_t needed = 0;
        struct statvfs room;
        for (size_t i = 0; i < block_count; i++)
                if (blocks[i].offset < 0)
                        needed += blocks[i].size;
        return needed == 0 || (fstatvfs(file, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize > 2 * needed + RESERVE);
}

int bulk_rest(const char *folder) {
        int r = 0;
        if (block_count == 0)
                return 0;
        if (file < 0)
                file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (file < 0)
                return -errno;
        if (!has_room())
                r = -ENOSPC;
        for (size_t i = 0; r == 0 && i < block_count; i++)
                if (blocks[i].offset < 0)
                        r = put_down(&blocks[i]);
        /* What is in the file need not be in the process: its pages stay the file's. */
        for (size_t i = 0; i < block_count; i++)
                if (blocks[i].offset >= 0)
                        (void)madvise(blocks[i].base, blocks[i].size, MADV_DONTNEED);
        return r;
}
