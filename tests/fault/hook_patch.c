/* Spoilt patches; see hook_patch.h. */
#include "fault/hook_patch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "view/format.h"
#include "view/patch.h"

static unsigned char *map(int fd, size_t size) {
        unsigned char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        return bytes == MAP_FAILED ? NULL : bytes;
}

/* What the word makes wrong with it. */
static int spoil(const char *word, int fd) {
        const uint32_t far = 1u << 20;
        ssize_t n = 1;
        if (strcmp(word, "patch-outside") == 0)
                n = pwrite(fd, &far, sizeof far, VIEW_PAGE);
        else if (strcmp(word, "patch-cut") == 0)
                n = ftruncate(fd, lseek(fd, 0, SEEK_END) - VIEW_PAGE) == 0;
        else if (strcmp(word, "patch-marked") == 0)
                n = pwrite(fd, "\1", 1, (off_t)2 * VIEW_PAGE + 12);
        (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
        return n > 0 ? fd : -1;
}

int evil_patch(const char *word, int base, int next) {
        size_t size = (size_t)lseek(base, 0, SEEK_END);
        unsigned char *from = map(base, size), *to = map(next, size);
        uint8_t *dirty = calloc(size / VIEW_PAGE / 8 + 1, 1);
        int fd = memfd_create("patch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (!from || !to || !dirty || fd < 0 || (size_t)lseek(next, 0, SEEK_END) != size)
                return -1;
        for (size_t page = 0; page < size / VIEW_PAGE; page++)
                if (memcmp(from + page * VIEW_PAGE, to + page * VIEW_PAGE, VIEW_PAGE) != 0)
                        dirty[page / 8] |= (uint8_t)(1u << page % 8);
        const struct view_header *header = (const void *)from;
        struct view_patch_header patch = { .base_generation = header->generation, .base_checksum = header->header_checksum, .file_size = size };
        if (strcmp(word, "patch-foreign") == 0)
                patch.base_checksum++;
        if (strcmp(word, "patch-of-nothing") == 0)
                patch.base_generation = 5;
        if (view_patch_write(fd, &patch, to, dirty) < 0)
                return -1;
        free(dirty);
        (void)close(base);
        (void)close(next);
        return spoil(word, fd);
}
