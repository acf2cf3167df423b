/* The local account files, as far as they bind us: names and ids of /etc/passwd and /etc/group, ranges of /etc/subuid and /etc/subgid.
 * Relies on: base.
 * Must never: open a file (the callers read them); fail on a bad line (it is skipped, as libc does). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name_map.h"

struct local_accounts; /* opaque; immutable */

/* From the texts of the four files (NULL: absent). Each text may be anything. Returns 0 or -ENOMEM. */
int local_accounts_new(const char *passwd, const char *group, const char *subuid, const char *subgid, struct local_accounts **accounts);
void local_accounts_free(struct local_accounts *accounts);

/* N4: whether a folded name is a local user or group (both files are compared, for users and groups alike). */
bool local_accounts_has_name(const struct local_accounts *accounts, const char *name);
/* N4, I3: whether an id is a local uid or gid. */
bool local_accounts_has_id(const struct local_accounts *accounts, uint32_t id);
/* I3: whether an id lies in a range of /etc/subuid or /etc/subgid. */
bool local_accounts_in_subids(const struct local_accounts *accounts, uint32_t id);
/* The gid of a local group by exact name; false if there is none. For local_groups (N4). */
bool local_accounts_group_id(const struct local_accounts *accounts, const char *group, uint32_t *gid);
/* Whether /etc/passwd itself has the name (folded). */
bool local_accounts_has_user(const struct local_accounts *accounts, const char *name);
