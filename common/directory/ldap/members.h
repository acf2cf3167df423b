/* Who is a member of what, from what servers say in either direction: DNs or names in groups, memberOf in users, gidNumber, primaryGroupID.
 * Users come before groups: who is in a group is told as soon as its values are there, so that the keeper takes it in while the next group is read. Which of
 * them are groups themselves, or nobody, is told at the end, when all groups are known (M1, M9).
 * Relies on: ldap/intern, model/sync_key.
 * Must never: make a member of what is not an entry of this directory; deliver a pair twice, or a group as a member of itself. */
#pragma once

#include <lber.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "directory/ldap/intern.h"
#include "model/sync.h"

struct members_target { uint32_t user, group; };  /* INTERN_NONE: it is none. Of a sid: only group is used */
struct members_pair { uint32_t from, to; };
struct members_pairs { struct members_pair *items; size_t count, size; };

struct members_group {
        uint32_t gid;                     /* by name; 0: none */
        uint32_t sid;                     /* its number, of the first group that has it; INTERN_NONE */
        bool delivered;
};

/* Zeroed but for the two settings. */
struct members {
        bool by_name;                     /* LDAP_MEMBERS_NAME: values are user names, and equal gid numbers count (M9) */
        bool nested;                      /* groups may be members of groups */
        struct intern names;              /* normal DNs, or folded user names */
        struct members_target *targets;   /* what each name is */
        size_t targets_size;
        struct members_group *groups;
        size_t groups_size;
        struct members_pairs values;      /* group -> name: the last group's from `from` on; before them, where groups nest, those of groups that were delivered */
        size_t from;
        struct members_pairs late;        /* likewise, of groups that are delivered at the end */
        struct members_pairs open;        /* group -> name: no membership of a user stands for it */
        struct members_pairs backward;    /* user -> name: a user's memberOf */
        struct intern sids;               /* of groups, and of what users say is their primary one */
        struct members_target *sid_targets;
        size_t sid_targets_size;
        struct members_pairs primaries;   /* sid -> user */
        struct members_pairs gids;        /* gid -> user */
        bool sorted;                      /* the two above are */
        bool twofold;                     /* a name is a user's and a group's */
        uint32_t *users;                  /* scratch: of one group */
        size_t users_size;
        uint32_t user_count, group_count;
};
#define MEMBERS_PAIRS_MAX ((size_t)1 << 28)

void members_done(struct members *members);

/* The next user or group, in the order of the sink's numbers. 0, -ENOMEM, -E2BIG;
 * -EEXIST: another entry of the same kind has the DN already (it is added all the same). */
int members_add_user(struct members *members, const struct sync_user *user);
int members_add_group(struct members *members, const struct sync_group *group);
/* Values of a group's member attribute; one of the user's memberOf. What is no DN is ignored. 0, -ENOMEM, -E2BIG. */
int members_add_values(struct members *members, uint32_t group, const struct berval *values, size_t count);
int members_add_member_of(struct members *members, uint32_t user, const struct berval *value);

/* The users in the last group into the sink, each once: all users and all values of the group were added. A group that this is not called for is delivered at
 * the end. 0, -ENOMEM, or what the sink says. */
int members_deliver_group(struct members *members, const struct sync_sink *sink);
/* All memberships that the sink does not have yet, each once, then the strays (a sink without a function for them gets none). *all_strays: false: they are more
 * than SYNC_STRAYS_MAX, and none was told. 0, -ENOMEM, or what the sink says. */
int members_deliver(struct members *members, const struct sync_sink *sink, bool *all_strays);

/* For this module's own files: one pair more; and the last group's values, if it was not delivered, wait for the end. 0, -ENOMEM, -E2BIG. */
int members_add_pair(struct members_pairs *pairs, uint32_t from, uint32_t to);
int members_put_off(struct members *members);
