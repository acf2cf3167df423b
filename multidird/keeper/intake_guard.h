/* Which synchronisations are whole, and are refused all the same (D5): what an ACL or a filter hides looks like what was removed.
 * Relies on: replica/store_sync, model/settings.
 * Must never: change anything. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/settings.h"
#include "replica/store_sync.h"

/* False: it has no users at all, or more than shrink_guard percent of the users, of the groups or of the memberships would be lost; why, and what to
 * do, is in text. shrink_guard = 100 lets everything pass. */
bool intake_guard_passes(const struct directory_settings *settings, const struct store_sync_changes *changes, char *text, size_t size);
