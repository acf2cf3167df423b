/* What the reader's own files share: sections and records as checked byte ranges.
 * Relies on: view/format.h.
 * Must never: be included outside common/view and its tests. */
#pragma once

#include "view/format.h"
#include "view/reader.h"

#define VIEW_PIN_OWN UINT32_MAX /* struct view.pin of a mapping that nobody shares */

static inline const struct view_header *view_header_of(const struct view *view) {
        return (const void *)view->base;
}

/* The bytes of a section and its count of elements (of that size in bytes). NULL: it does not lie inside the mapping. */
const unsigned char *view_section_bytes(const struct view *view, enum view_section_id id, uint32_t element, uint32_t *count);

/* The record at a position: at least `least` bytes (4 or more), its own size inside the mapping. NULL: it is not. */
const unsigned char *view_record_bytes(const struct view *view, uint32_t position, size_t least);

/* The record at a position as a user, as a group (or a user's private group). false: it is damaged, or something else. */
bool view_parse_user(const struct view *view, uint32_t position, struct view_user *user);
bool view_parse_group(const struct view *view, uint32_t position, struct view_group *group);

/* Whether a mapping of view->size bytes is a view: magic, version, checksum, sizes. 0, -EBADMSG or -EPROTONOSUPPORT. */
int view_check_header(const struct view *view);

/* Maps a regular file. 0, -EBADMSG (not a file that can be a view), or the negative errno of mmap. */
int view_map(int fd, uint64_t size, struct view *view);
