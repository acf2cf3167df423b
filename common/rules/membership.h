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

/* The nesting of one directory: cycles condensed, unlimited depth, no recursion (M1). Kept small for any shape of nesting: a chain of
 * 50,000 groups takes tens of megabytes, not the gigabytes that all its answers would. */
struct closure; /* opaque, immutable */

/* nested_groups = no: every group is above itself only. Ambiguous (N2) groups and, with ignore_inactive_groups (M6), inactive ones grant
 * nothing, neither themselves nor what they are nested in: they are above nobody and below nobody. The replica is not kept. 0 or -ENOMEM. */
int closure_new(const struct replica *replica, const struct directory_settings *directory, struct closure **closure);
/* The same with another bound on the answers kept (pairs of groups); every bound gives the same answers. For tests. */
int closure_new_bounded(const struct replica *replica, const struct directory_settings *directory, size_t room, struct closure **closure);
void closure_free(struct closure *closure); /* NULL is fine */

/* Marks the groups whose members are members of group: group itself and all nested in it; none if it grants nothing. below has group_count
 * entries, all of them written. The reading of the relation the other way round (M5). */
void closure_below(const struct closure *closure, uint32_t group, bool *below);
/* Whether upper is group or above it: 1 or 0, or -ENOMEM. Linear in the groups. */
int closure_is_above(const struct closure *closure, uint32_t group, uint32_t upper);

/* The direct groups of every user of a replica, as one table (CSR): the memberships on record, and by number the group of a posix_primary user's
 * gidNumber (M9); each once, in no order. Made once per build. Ambiguous users have none. */
struct direct_groups {
        size_t *first;    /* user_count + 1 offsets into groups */
        uint32_t *groups;
};
/* 0 or -ENOMEM, the table is then untouched. */
int direct_groups_new(const struct replica *replica, struct direct_groups *table);
void direct_groups_done(struct direct_groups *table);

/* All groups of one user in one directory, direct and nested, each once, ascending. scratch has group_count entries, zeroed before the
 * first call; stamp is a number, not 0, not used with it before. out has room for group_count. Returns how many. No allocation: the cost is that
 * of the answer (beyond a nesting of some millions of pairs also that of the nesting edges passed). */
size_t membership_in_directory(const struct closure *closure, const uint32_t *direct, size_t direct_count, uint32_t *scratch, uint32_t stamp,
                               uint32_t *out);

/* How much a directory's memberships, nesting resolved, may be. A few thousand groups in a chain with a few thousand users make billions of them. */
struct membership_bounds { size_t per_user, total; };
/* Whether a replica is within: 0; -EFBIG: not, and *user is the one with too many, REPLICA_NONE where it is all together; -ENOMEM. Asked before anything
 * is made of memberships: the cost is that of the answers up to the bound, without nesting that of the users. */
int membership_within(const struct replica *replica, const struct directory_settings *directory, const struct membership_bounds *bounds, uint32_t *user);

/* M2, M3: whether the copy of a user in the directory at order position `position` counts towards their groups, the owner being at
 * position `owner`. Positions count active mappings only. */
static inline bool membership_counts(enum membership_scheme scheme, size_t owner, size_t position) {
        return scheme == AGGREGATING ? position >= owner : position == owner;
}

/* A small world, asked about one user or group at a time (explain, show, update, tests): the active mappings in order, down to the first that
 * has no complete replica yet and no on_unavailable = next (D6). Which names are refused (N3, N4) or withheld (I) is the view's to say. */
struct world {
        const struct settings *settings;
        const struct application_settings *application;
        const struct replica *const *replicas;       /* by directory index of settings; NULL: no complete replica yet */
        const struct closure *const *closures;       /* likewise */
        const struct direct_groups *direct;          /* likewise; zeroed where there is no replica */
};

/* The owner of a user (group): index of the directory, SETTINGS_NONE if no active directory has the name. *entry: index in its replica, untouched
 * with SETTINGS_NONE; an ambiguous entry (N2) owns the name too, and publishes nothing under it. */
size_t world_owner_of_user(const struct world *world, const char *name, uint32_t *entry);
size_t world_owner_of_group(const struct world *world, const char *name, uint32_t *entry);

/* The names (owned by the replicas, as the groups' owners spell them) of the groups of a user by M2 or M3, in folded order, each folded name
 * once; none for a user that nobody has. *names is malloc'ed, NULL with count 0; 0 or -ENOMEM. */
int world_groups_of_user(const struct world *world, const char *user, const char ***names, size_t *count);
/* The names of the members of a group by M4, as their owners spell them: unmasked members only, folded order. As above. */
int world_members_of_group(const struct world *world, const char *group, const char ***names, size_t *count);
