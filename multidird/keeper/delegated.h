/* Delegated directories (D3): which entry of the server each of their users is, and what a login does with them: users that it creates, renames and updates,
 * groups that it joins.
 * Relies on: replica/store.
 * Must never: bind a user to a second entry, or an entry to a second user; touch the active flag (L3). */
#pragma once

#include "multidird/channel/admit.h"
#include "multidird/keeper/state.h"

/* What comes of a login whose password was right; durable. The view is out of date afterwards if anything in it has changed. Failures are logged. */
void keeper_admit(struct keeper *keeper, const struct protocol_admit *admit, struct protocol_admitted *admitted);
