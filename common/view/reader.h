/* The view file, read: everything that NSS, the account phase and the command need, from one mapped file.
 * Relies on: libc system calls only (open, fstat, mmap); base/text, base/hash. Linked into the NSS module: no allocation, no lock, no
 * thread-local storage, no environment, no descriptor kept.
 * Must never: trust a byte of the file. Every offset and count is checked before use; a damaged record is NOT_FOUND or UNAVAILABLE. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

#define VIEW_PATH "/var/lib/multidir/view"

struct view { const unsigned char *base; size_t size; }; /* one mapping; immutable but for the superseded mark */

enum view_answer { VIEW_UNAVAILABLE = 0, VIEW_FOUND, VIEW_NOT_FOUND };

/* A published user. Texts point into the mapping, NUL-terminated, valid as long as the mapping. */
struct view_user {
        const char *name; uint32_t name_len;
        const char *gecos; uint32_t gecos_len;
        const char *home; uint32_t home_len;
        const char *shell; uint32_t shell_len;
        uint32_t uid, gid;
        const uint32_t *gids; uint32_t gid_count; /* supplementary: without the primary gid, in ascending order */
        bool private_group;                       /* gid == uid, group of the user's name, no listed members (M10) */
        uint32_t index;                           /* in enumeration order; for view_user_access, view_user_keys */
};

struct view_group {
        const char *name; uint32_t name_len;
        uint32_t gid;
        uint32_t member_count;
        const char *members; uint32_t members_len; /* member names in a row, each NUL-terminated: members_len bytes in all */
        const uint32_t *member_offsets;            /* member_count offsets into members (NULL when there are none) */
};

/* What an application says of a user (account phase, L3, L4, L12, C1). */
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

/* The process's shared mapping of VIEW_PATH (or of the path set at build time for tests): the newest view, learnt without a system call in the
 * common case. Thread-safe, fork-safe. false: no usable view. The copy stays valid for the life of the process. */
bool view_current(struct view *view);

enum view_answer view_user_by_name(const struct view *view, const char *name, struct view_user *user);
enum view_answer view_user_by_uid(const struct view *view, uint32_t uid, struct view_user *user);
enum view_answer view_user_at(const struct view *view, uint32_t index, struct view_user *user);
enum view_answer view_group_by_name(const struct view *view, const char *name, struct view_group *group);
enum view_answer view_group_by_gid(const struct view *view, uint32_t gid, struct view_group *group);
enum view_answer view_group_at(const struct view *view, uint32_t index, struct view_group *group);
uint32_t view_user_count(const struct view *view);
uint32_t view_group_count(const struct view *view);  /* private groups are not counted and not enumerated */

uint64_t view_generation(const struct view *view);
uint64_t view_built_s(const struct view *view);      /* wall clock */
bool view_superseded(const struct view *view);

/* Applications: index 0 is `host`. */
uint32_t view_application_count(const struct view *view);
const char *view_application_name(const struct view *view, uint32_t index);  /* NULL: no such index */
/* Index by name; UINT32_MAX: unknown (PAM_SERVICE_ERR). */
uint32_t view_application_by_name(const struct view *view, const char *name);
/* Index of the application that serves a PAM service; 0 when none names it. */
uint32_t view_application_of_service(const struct view *view, const char *service);
enum view_answer view_user_access(const struct view *view, uint32_t user, uint32_t application, struct view_access *access);
/* The user's SSH public keys, one per line with '\n' after each. */
enum view_answer view_user_keys(const struct view *view, uint32_t user, const char **keys, size_t *len);
