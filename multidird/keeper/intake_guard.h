/* Which synchronisations are whole, and are refused all the same (D5): what an ACL or a filter hides looks like what was removed.
 * Relies on: replica/store_sync, rules/membership, model/settings.
 * Must never: change anything. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/settings.h"
#include "replica/store_sync.h"

/* False: it has no users at all, or more than shrink_guard percent of the users, of the groups or of the memberships would be lost; why, and what to
 * do, is in text. shrink_guard = 100 lets everything pass. */
bool intake_guard_passes(const struct directory_settings *settings, const struct store_sync_changes *changes, char *text, size_t size);

/* Of one directory, nesting resolved. A view with more could not be built, and with it none of the other directories' changes. */
#define INTAKE_GROUPS_PER_USER 65536u
#define INTAKE_MEMBERSHIPS (128u << 20)
/* 0: within these; -EFBIG: why, and what to look at, is in text; -ENOMEM, in text too. */
int intake_guard_bounds(const struct directory_settings *settings, const struct replica *replica, char *text, size_t size);
