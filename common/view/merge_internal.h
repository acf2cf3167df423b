/* What the parts of a merge share: merge.c (the course, users), merge_groups.c (members), merge_index.c (the indexes of the file at hand).
 * Relies on: view/format.h, view/reader_internal.h.
 * Must never: be included outside view/merge*.c. */
#pragma once

#include "view/merge.h"
#include "view/reader_internal.h"

/* The view at hand, changed in place; base and to are the same bytes. The header there is the former one until the end; `header` is what it will be. */
struct merge {
        const struct view *base, *part;
        const struct name_map *names;
        struct view_header header;
        unsigned char *to;
        uint64_t size;
        uint8_t *dirty; /* a bit for each page */
};

/* To be called of all bytes that change. Gives `at` back. */
static inline void *merge_touch(struct merge *m, void *at, uint64_t len) {
        uint64_t start = (uint64_t)((unsigned char *)at - m->to);
        for (uint64_t page = start / VIEW_PAGE; len > 0 && page <= (start + len - 1) / VIEW_PAGE; page++)
                m->dirty[page / 8] |= (uint8_t)(1u << page % 8);
        return at;
}

static inline unsigned char *merge_at(const struct merge *m, uint32_t position) {
        return m->to + (uint64_t)position * VIEW_UNIT;
}
static inline void *merge_section(const struct merge *m, enum view_section_id id) {
        return merge_at(m, m->header.sections[id].start);
}

/* Room for size bytes (a multiple of `to`) at the end of a section that counts units: its position. 0: none is left. */
uint32_t merge_append(struct merge *m, enum view_section_id id, uint32_t size);

/* One record under its folded name and its id. */
struct merge_entry { const char *name; uint32_t name_len, id, position; };

/* 0; -EAGAIN: the index is too full, or knows the name or id already. */
int merge_index_add(struct merge *m, enum view_section_id names, enum view_section_id ids, const struct merge_entry *entry);
/* 0, or -EAGAIN: the entry is not there. The record must still be as it was. */
int merge_index_remove(struct merge *m, enum view_section_id names, enum view_section_id ids, const struct merge_entry *entry);
/* The record has moved to entry->position; from: where it was. As above. */
int merge_index_move(struct merge *m, enum view_section_id names, enum view_section_id ids, const struct merge_entry *entry, uint32_t from);

/* Whether both views have the same groups in the same order. */
bool merge_same_groups(const struct view *base, const struct view *part);
/* Brings the member lists of base's groups up to part's. 0, -EAGAIN or -ENOMEM. */
int merge_groups(struct merge *m);
