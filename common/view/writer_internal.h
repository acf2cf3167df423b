/* What the writer's two halves share: what was added so far.
 * Relies on: view/writer_store.h.
 * Must never: be included outside common/view. */
#pragma once

#include "view/format.h"
#include "view/writer.h"
#include "view/writer_store.h"

/* A group while its members are counted and, in finish, filled in. */
struct group_build {
        uint32_t name; /* offset in group_names */
        uint32_t name_len, gid;
        uint32_t member_count;
        uint32_t last_user; /* index + 1 of the last user added to it, to see one group named twice */
        uint64_t members_len;
        uint32_t position;  /* finish: of its record, units */
        uint32_t filled, filled_len;
};

struct view_writer {
        uint64_t generation, built_s, seed, gates;
        uint32_t account_max_age_s;
        struct store directories, applications, services; /* uint32_t, struct view_application_entry, uint32_t: offsets into texts */
        struct store texts;
        struct store groups, group_names;                 /* struct group_build; names with their NULs */
        struct store users, accounts;                     /* records as in the file */
        struct store lists;                               /* per user: a count, then that many group indexes (uint32_t) */
        uint32_t user_count, private_count;
        int finished;
};

static inline uint32_t writer_directory_count(const struct view_writer *w) { return (uint32_t)(w->directories.used / 4); }
static inline uint32_t writer_application_count(const struct view_writer *w) {
        return (uint32_t)(w->applications.used / sizeof(struct view_application_entry));
}
static inline uint32_t writer_service_count(const struct view_writer *w) { return (uint32_t)(w->services.used / 4); }
static inline uint32_t writer_group_count(const struct view_writer *w) {
        return (uint32_t)(w->groups.used / sizeof(struct group_build));
}
static inline struct group_build *writer_group(const struct view_writer *w, uint32_t index) {
        return (struct group_build *)(void *)w->groups.base + index;
}
