/* Opening a view file and checking its header; see reader.h.
 * Relies on: open, fstat, mmap, munmap, close; view/format.h.
 * Must never: keep the descriptor, or let a file through whose header does not add up. Linked into the NSS module. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "view/reader.h"
#include "view/reader_internal.h"

int view_check_header(const struct view *view) {
        const struct view_header *header = view_header_of(view);
        if (view->size < sizeof(*header) || memcmp(header->magic, VIEW_MAGIC, sizeof(header->magic)) != 0)
                return -EBADMSG;
        if (header->version != VIEW_VERSION)
                return -EPROTONOSUPPORT;
        if (header->file_size != view->size || header->header_checksum != view_header_checksum(header))
                return -EBADMSG;
        return 0;
}

int view_map(int fd, uint64_t size, struct view *view) {
        if (size < VIEW_PAGE || size % VIEW_PAGE != 0 || size > VIEW_SIZE_MAX || size > SIZE_MAX)
                return -EBADMSG;
        void *base = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
        if (base == MAP_FAILED)
                return -errno;
        struct view mapped = { .base = base, .size = (size_t)size, .pin = VIEW_PIN_OWN };
        int r = view_check_header(&mapped);
        if (r < 0) {
                view_close(&mapped);
                return r;
        }
        *view = mapped;
        return 0;
}

int view_open_fd(int fd, struct view *view) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        return view_map(fd, (uint64_t)st.st_size, view);
}

int view_open(const char *path, struct view *view) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        int r = view_open_fd(fd, view);
        (void)close(fd);
        return r;
}

void view_close(struct view *view) {
        if (view->base)
                (void)munmap((void *)(uintptr_t)view->base, view->size);
        *view = (struct view) { 0 };
}
