/* Which synchronisations are whole, and are refused all the same (D5): what an ACL or a filter hides looks like what was removed.
 * Relies on: replica/store_sync, rules/membership, model/settings.
 * Must never: change anything. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/settings.h"
#include "multidird/keeper/state.h"
#include "replica/store_sync.h"

/* False: it has no users at all, or more than shrink_guard percent of the users, of the groups or of the memberships would be lost; why, and what to
 * do, is in text. shrink_guard = 100 lets everything pass. */
bool intake_guard_passes(const struct directory_settings *settings, const struct store_sync_changes *changes, char *text, size_t size);

/* Many small steps are as good as a large one: whether shrink_guard would let pass what went in all deltas since the last full run, within an hour, this one
 * included. False: a full run has to tell whether that is so. */
bool intake_guard_adds_up(const struct directory_settings *settings, const struct keeper_losses *losses, const struct store_sync_changes *changes, uint64_t now_ms);
/* What was taken in; a full run begins anew. */
void intake_guard_count(struct keeper_losses *losses, const struct store_sync_changes *changes, uint64_t now_ms);

/* Of one directory, nesting resolved. A view with more could not be built, and with it none of the other directories' changes. */
#define INTAKE_GROUPS_PER_USER 65536u
#define INTAKE_MEMBERSHIPS (128u << 20)
/* 0: within these; -EFBIG: why, and what to look at, is in text; -ENOMEM, in text too. */
int intake_guard_bounds(const struct directory_settings *settings, const struct replica *replica, char *text, size_t size);
