/* The view file, written: from a list of effective users and groups to bytes in a file descriptor.
 * Relies on: base. view/compile.c decides what goes in, this module only how it lies there.
 * Must never: publish (that is the installer's), or accept two users (groups) of one folded name or one id. */
#pragma once

#include <stdint.h>

#include "base/reason.h"

/* Called in this order: view_writer_new, then add_directory and add_application…, add_group…, add_user…, finish. Texts are copied. All calls
 * return 0 or a negative errno: -EINVAL (a name of 0 or more than 255 bytes, an index out of range, "ok" without a directory; also a call out of
 * order), -EOVERFLOW, -ENOMEM. After a failure only view_writer_free is of use. */
struct view_writer;

struct view_writer_user {
        const char *name, *gecos, *home, *shell; /* as published */
        const char *keys;            /* SSH keys, '\n' after each; "" none */
        uint32_t uid, gid;           /* gid: the primary group's published gid, or uid with private_group */
        int private_group;
        const uint32_t *groups; uint32_t group_count; /* indexes given by add_group, each once, any order: every group of M2/M3, listed */
        const uint32_t *extra_gids; uint32_t extra_gid_count; /* local_groups (N4, M11): in initgroups only */
        const struct view_writer_access *access; /* one per application */
};
struct view_writer_access { enum reason reason; uint32_t directory; const char *entry_id; }; /* directory: index given by add_directory; UINT32_MAX: none */

/* An empty view. generation: greater than any before it; built_s: wall clock; seed: of its hash indexes. 0 or -ENOMEM. */
int view_writer_new(uint64_t generation, uint64_t built_s, uint64_t seed, struct view_writer **writer);
/* NULL is fine. */
void view_writer_free(struct view_writer *writer);
/* Seconds; 0 (as without the call): no limit. See view_account_max_age_s. Never fails; at any time before finish. */
void view_writer_set_account_max_age(struct view_writer *writer, uint32_t seconds);
/* See view_gates; 0 as without the call. Likewise. */
void view_writer_set_gates(struct view_writer *writer, uint64_t gates);
/* Adding, in this order: directories, applications (`host` first), groups, users. Texts and vectors are copied; *index is what later calls name it
 * by. 0, -ENOMEM, -EINVAL (an empty name, or out of order) or -EOVERFLOW (more than the
 * format can hold). */
int view_writer_add_directory(struct view_writer *writer, const char *name, uint32_t *index);
int view_writer_add_application(struct view_writer *writer, const char *name, const char *const *services, uint32_t service_count);
int view_writer_add_group(struct view_writer *writer, const char *name, uint32_t gid, uint32_t *index);
int view_writer_add_user(struct view_writer *writer, const struct view_writer_user *user, uint32_t *index);
/* Once. Lays everything out (member vectors are the inverse of the users' groups, M5) and writes it to fd from offset 0. The fd is grown with
 * fallocate first; it must be empty and open for reading and writing. 0 or a negative errno (-EEXIST: a name or id twice; -ENOSPC; -ENOMEM; -EOVERFLOW). */
int view_writer_finish(struct view_writer *writer, int fd);

/* Sets the superseded mark of a published view: readers that map it then look at the path again. Call it after the newer view was renamed into
 * place. fd: open for writing. 0 or a negative errno (-EBADMSG: not a view). */
int view_mark_superseded(int fd);
