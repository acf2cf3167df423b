/* A user's groups as a delegated directory's server has them, into its store (D3).
 * Relies on: replica/store.
 * Must never: put anybody into a group, or take anybody out of one, that was not imported: such a group is this host's, whoever has the same name. */
#pragma once

#include "model/profile.h"
#include "multidird/keeper/state.h"

/* Inside a transaction of that store. A group is the server's entry, by its external id, under the name that the server gives it in this list: one that has
 * another here is renamed, one whose name the list gives to another entry is removed, and so is one that cannot be called as the server calls it. Two entries
 * of one name are nobody's (N2). *visible is set if anything has changed. 0 or a negative errno; -EBADMSG for a list that is none. */
int import_user_groups(struct keeper *keeper, size_t directory, const char *user, const struct user_profile *profile, bool *visible);
