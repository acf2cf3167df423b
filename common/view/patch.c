/* Differences between views; see patch.h.
 * Relies on: pwrite.
 * Must never: use a number of the patch before it was compared with the sizes. */
#include "view/patch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/format.h"

static int write_at(int fd, const void *bytes, size_t len, uint64_t at) {
        for (size_t done = 0; done < len;) {
                ssize_t n = pwrite(fd, (const char *)bytes + done, len - done, (off_t)(at + done));
                if (n < 0 && errno != EINTR)
                        return -errno;
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

/* Where the pages begin. */
static uint64_t pages_start(uint64_t count) {
        return VIEW_PAGE + (count * 4 + VIEW_PAGE - 1) / VIEW_PAGE * VIEW_PAGE;
}

bool view_is_patch(const void *bytes, size_t size) {
        return size >= sizeof(struct view_patch_header) && memcmp(bytes, VIEW_PATCH_MAGIC, sizeof VIEW_PATCH_MAGIC - 1) == 0;
}

int view_patch_parse(const void *bytes, size_t size, struct view_patch *patch) {
        const struct view_patch_header *header = bytes;
        if (!view_is_patch(bytes, size) || size < VIEW_PAGE || header->version != VIEW_PATCH_VERSION)
                return -EBADMSG;
        uint64_t count = header->count, start = pages_start(count), pages = header->file_size / VIEW_PAGE;
        if (header->file_size == 0 || header->file_size % VIEW_PAGE != 0 || header->file_size > VIEW_SIZE_MAX || count == 0 || count > pages ||
            size != start + count * VIEW_PAGE)
                return -EBADMSG;
        const uint32_t *numbers = (const void *)((const char *)bytes + VIEW_PAGE);
        for (uint64_t i = 0; i < count; i++)
                if (numbers[i] >= pages || (i > 0 && numbers[i] <= numbers[i - 1]))
                        return -EBADMSG;
        *patch = (struct view_patch){ .header = header, .pages = numbers, .bytes = (const unsigned char *)bytes + start };
        return 0;
}

int view_patch_apply(const struct view_patch *patch, int fd) {
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < patch->header->count; i++)
                r = write_at(fd, patch->bytes + (size_t)i * VIEW_PAGE, VIEW_PAGE, (uint64_t)patch->pages[i] * VIEW_PAGE);
        return r;
}

static bool is_dirty(const uint8_t *dirty, uint64_t page) {
        return dirty[page / 8] & 1u << page % 8;
}

int view_patch_write(int fd, const struct view_patch_header *header, const unsigned char *to, const uint8_t *dirty) {
        uint64_t pages = header->file_size / VIEW_PAGE;
        struct view_patch_header written = *header;
        written.count = 0;
        memcpy(written.magic, VIEW_PATCH_MAGIC, sizeof written.magic);
        written.version = VIEW_PATCH_VERSION;
        for (uint64_t i = 0; i < pages; i++)
                written.count += is_dirty(dirty, i);
        uint64_t at = pages_start(written.count);
        _cleanup_free_ uint32_t *numbers = calloc((size_t)written.count + 1, sizeof *numbers);
        int r = numbers ? write_at(fd, &written, sizeof written, 0) : -ENOMEM;
        for (uint64_t i = 0, n = 0; r == 0 && i < pages; i++) {
                if (!is_dirty(dirty, i))
                        continue;
                numbers[n++] = (uint32_t)i;
                r = write_at(fd, to + i * VIEW_PAGE, VIEW_PAGE, at);
                at += VIEW_PAGE;
        }
        return r == 0 ? write_at(fd, numbers, (size_t)written.count * 4, VIEW_PAGE) : r;
}
