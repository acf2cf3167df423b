/* From a synchronisation's whole run to the directory's store and the keeper's replica, if it is not refused (D5).
 * Relies on: replica/store_sync, keeper/intake_guard, keeper/follow.
 * Must never: change the replica before the store has it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "multidird/keeper/state.h"
#include "replica/store_sync.h"

/* content: a whole run, its basis set. The replica is as old as began_s: the first entries were read then (L6). 0, or why not is in text (of size bytes);
 * -ESTALE: only a full run can follow; -ECANCELED: shrink_guard refuses it; -EFBIG: it is larger than can be built; or as store_sync_prepare. */
int intake_take(struct keeper *keeper, size_t directory, struct store_sync *content, uint64_t began_s, char *text, size_t size);
