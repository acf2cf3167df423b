/* The view file, read: everything that NSS, the account phase and the command need, from one mapped file.
 * Relies on: libc system calls only (open, fstat, mmap); base/text, base/hash. Linked into the NSS module: no allocation, no lock, no
 * thread-local storage, no environment, no descriptor kept.
 * Must never: trust a byte of the file. Every offset and count is checked before use; a damaged record is NOT_FOUND or UNAVAILABLE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#ifndef VIEW_PATH /* tests build the same sources with a path of their own */
#define VIEW_PATH "/var/lib/multidir/view"
#endif

/* One mapping; immutable but for the superseded mark. pin: whose it is, for view_release. */
struct view { const unsigned char *base; size_t size; uint32_t pin; };

enum view_answer { VIEW_UNAVAILABLE = 0, VIEW_FOUND, VIEW_NOT_FOUND };

/* A published user. Texts point into the mapping, NUL-terminated, valid as long as the mapping; they lie in one run, name first, shell last. */
struct view_user {
        const char *name; uint32_t name_len;
        const char *gecos; uint32_t gecos_len;
        const char *home; uint32_t home_len;
        const char *shell; uint32_t shell_len;
        uint32_t uid, gid;
        const uint32_t *gids; uint32_t gid_count; /* supplementary: without the primary gid, in ascending order */
        bool primary_listed;                      /* the user is a listed member of the primary group too */
        bool private_group;                       /* gid == uid, group of the user's name, no listed members (M10) */
        uint32_t index;                           /* in enumeration order; for view_user_access, view_user_keys */
};

struct view_group {
        const char *name; uint32_t name_len;
        uint32_t gid;
        uint32_t member_count;
        const char *members; uint32_t members_len; /* member names in a row, each NUL-terminated: members_len bytes in all, below 2^31 */
        const uint32_t *member_offsets;            /* member_count offsets into members (NULL when there are none). Checked by the caller:
                                                    * one below members_len is a NUL-terminated text, others are damage */
};

/* What an application says of a user (account phase, L3, L4, L12, C1). directory and entry_id are "" (and reason is not OK) when it has no owner. */
struct view_access {
        enum reason reason;      /* REASON_OK, inactive, no-access, seat-limit, id-conflict; zero: unavailable */
        const char *directory;   /* the owner in that application */
        const char *entry_id;    /* the owner's entry */
};

/* Opens, maps and checks a file of its own (multidirctl, the installer, tests). The caller unmaps with view_close.
 * 0, -EBADMSG (not a view, damaged header), -EPROTONOSUPPORT (another version), or a negative errno. */
int view_open(const char *path, struct view *view);
int view_open_fd(int fd, struct view *view);
void view_close(struct view *view);
/* The checksum over the whole file, and every record, index and vector walked. 0 or -EBADMSG; *what says where. */
int view_verify(const struct view *view, const char **what);

/* The process's shared mapping of VIEW_PATH: the newest view, learnt without a system call in the common case. Thread-safe, fork-safe, lock-free.
 * false: no usable view (absent, damaged, another version, not root's, writable by others). A view that cannot be opened any more goes on serving.
 * On true the mapping stays valid until view_release(view); a caller that never releases keeps one old mapping alive, no more. errno is preserved. */
bool view_current(struct view *view);
void view_release(struct view *view);

/* A place in an enumeration, shared by all threads of a process: pins one view from the first step to the end, so that a walk shows one generation.
 * Zeroed memory is "before the first". */
struct view_cursor { _Atomic uint64_t word; };
/* The view that the cursor walks (the current one if it has none yet), pinned for the caller, and the place. false: no usable view. */
bool view_cursor_get(struct view_cursor *cursor, struct view *view, uint32_t *index);
/* One step forward, if the cursor still is where view_cursor_get said. false: another thread moved it; get again. */
bool view_cursor_advance(struct view_cursor *cursor, const struct view *view, uint32_t index);
/* Back to "before the first". */
void view_cursor_reset(struct view_cursor *cursor);

/* Look-ups: by name (any case, N1), by id, by place in the enumeration. VIEW_FOUND and *out, whose texts point into the view and are valid while it
 * is mapped; VIEW_NOT_FOUND; VIEW_UNAVAILABLE: the file is damaged there. *out is untouched but on VIEW_FOUND. A private group is found by name and
 * by gid. */
enum view_answer view_user_by_name(const struct view *view, const char *name, struct view_user *user);
enum view_answer view_user_by_uid(const struct view *view, uint32_t uid, struct view_user *user);
enum view_answer view_user_at(const struct view *view, uint32_t index, struct view_user *user);
enum view_answer view_group_by_name(const struct view *view, const char *name, struct view_group *group);
enum view_answer view_group_by_gid(const struct view *view, uint32_t gid, struct view_group *group);
enum view_answer view_group_at(const struct view *view, uint32_t index, struct view_group *group);
/* How many can be enumerated. */
uint32_t view_user_count(const struct view *view);
uint32_t view_group_count(const struct view *view);  /* private groups are not counted and not enumerated */

/* The header's own words. */
uint64_t view_generation(const struct view *view);
uint64_t view_built_s(const struct view *view);      /* wall clock */
/* Seconds after view_built_s from which the account phase no longer relies on the view; 0: no limit. */
uint32_t view_account_max_age_s(const struct view *view);
/* The gates of the configuration that it was built from (gate_digest in rules/gate.h); 0: it does not say. */
uint64_t view_gates(const struct view *view);
/* Whether a newer view has taken its place. */
bool view_superseded(const struct view *view);

/* Applications: index 0 is `host`. */
uint32_t view_application_count(const struct view *view);
const char *view_application_name(const struct view *view, uint32_t index);  /* NULL: no such index */
/* Index by name; UINT32_MAX: unknown (PAM_SERVICE_ERR). */
uint32_t view_application_by_name(const struct view *view, const char *name);
/* Index of the application that serves a PAM service; 0 when none names it. */
uint32_t view_application_of_service(const struct view *view, const char *service);
/* What the login and the account phase need of a user (the index in struct view_user) in an application. As the look-ups. */
enum view_answer view_user_access(const struct view *view, uint32_t user, uint32_t application, struct view_access *access);
/* The user's SSH public keys, one per line with '\n' after each. As the look-ups. */
enum view_answer view_user_keys(const struct view *view, uint32_t user, const char **keys, size_t *len);
