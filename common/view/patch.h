/* The difference between one view file and the next: whole pages. What the keeper sends when little has changed.
 * Relies on: view/format.h.
 * Must never: be believed: whoever applies one checks the view that comes of it as any other (view_verify).
 *
 * The file: struct view_patch_header, padded to a page; count page numbers (uint32_t), ascending, padded to a page; count pages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIEW_PATCH_MAGIC "MDPATCH\n"
#define VIEW_PATCH_VERSION 1u

struct view_patch_header {
        char magic[8];
        uint32_t version, count;
        uint64_t base_generation, base_checksum; /* of the view that it applies to: header_checksum */
        uint64_t file_size;                      /* of both views */
};

/* One that was checked: everything lies inside the bytes, which stay the caller's. */
struct view_patch {
        const struct view_patch_header *header;
        const uint32_t *pages;
        const unsigned char *bytes;
};

/* Whether the bytes begin as a patch does. */
bool view_is_patch(const void *bytes, size_t size);
/* 0 or -EBADMSG: sizes do not add up, or pages do not ascend or lie outside the file. */
int view_patch_parse(const void *bytes, size_t size, struct view_patch *patch);
/* Puts the pages into a copy of the base. base_checksum and file_size were compared by the caller. 0 or a negative errno. */
int view_patch_apply(const struct view_patch *patch, int fd);
/* Writes a patch: the pages of `to` (file_size bytes) whose bits are set. fd: empty. 0 or a negative errno. */
int view_patch_write(int fd, const struct view_patch_header *header, const unsigned char *to, const uint8_t *dirty);
