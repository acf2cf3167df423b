/* Memberships: nesting inside one directory, then the merge over directories (rules M1 to M6, M9).
 * Relies on: model/replica, model/settings.
 * Must never: do I/O, read a clock, or cross a directory while resolving nesting (M1).
 *
 * Two readings of one relation (M5): every function here is built on the same closure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/replica.h"
#include "model/settings.h"

/* The groups above each group of one directory, itself included: cycles condensed, unlimited depth, no recursion (M1). */
struct closure; /* opaque, immutable */

/* nested_groups = no: every group is above itself only. Ambiguous (N2) groups and, with ignore_inactive_groups (M6), inactive ones
 * grant nothing: they are above nobody. 0 or -ENOMEM. */
int closure_new(const struct replica *replica, const struct directory_settings *directory, struct closure **closure);
void closure_free(struct closure *closure);
/* The groups above group, ascending indexes, group itself included unless it grants nothing. Owned by the closure. */
const uint32_t *closure_above(const struct closure *closure, uint32_t group, size_t *count);

/* The user's direct groups of every user of a replica, as one table (CSR). Made once per build. Ambiguous users have none. */
struct direct_groups {
        size_t *first;    /* user_count + 1 offsets into groups */
        uint32_t *groups;
};
int direct_groups_new(const struct replica *replica, struct direct_groups *table);
void direct_groups_done(struct direct_groups *table);

/* All groups of one user in one directory, direct and nested, each once, ascending. scratch has group_count entries, zeroed before the
 * first call; stamp is a number not used with it before. out has room for group_count. Returns how many. */
size_t membership_in_directory(const struct closure *closure, const uint32_t *direct, size_t direct_count, uint32_t *scratch, uint32_t stamp,
                               uint32_t *out);

/* M2, M3: whether the copy of a user in the directory at order position `position` counts towards their groups, the owner being at
 * position `owner`. Positions count active mappings only. */
static inline bool membership_counts(enum membership_scheme scheme, size_t owner, size_t position) {
        return scheme == AGGREGATING ? position >= owner : position == owner;
}

/* A small world, asked about one user or group at a time (explain, show, update, tests): the active mappings in order. */
struct world {
        const struct settings *settings;
        const struct application_settings *application;
        const struct replica *const *replicas;       /* by directory index of settings; NULL: no complete replica yet */
        const struct closure *const *closures;       /* likewise */
        const struct direct_groups *direct;          /* likewise */
};

/* The owner of a user (group): index of the directory, SETTINGS_NONE if no active directory has the name. *entry: index in its replica. */
size_t world_owner_of_user(const struct world *world, const char *name, uint32_t *entry);
size_t world_owner_of_group(const struct world *world, const char *name, uint32_t *entry);

/* The names (owned by the replicas) of the groups of a user by M2 or M3, in folded order, each folded name once.
 * *names is malloc'ed; 0 or -ENOMEM. */
int world_groups_of_user(const struct world *world, const char *user, const char ***names, size_t *count);
/* The names of the members of a group by M4: unmasked members only, folded order. */
int world_members_of_group(const struct world *world, const char *group, const char ***names, size_t *count);
