/* After a change to a directory's store: the replica follows it, row by row where the store knows which, and so does the next view.
 * Relies on: replica/store_rows, multidird/keeper/state.
 * Must never: leave a replica that is older than its store for a good one. */
#pragma once

#include "multidird/keeper/state.h"

/* Once a transaction of the directory's store has ended, either way. The view is out of date from now on. A failure is in directory->error. */
void keeper_follow(struct keeper *keeper, size_t directory);
/* The next build need not ask what changed before: it has been built, or everybody will be. */
void keeper_changed_clear(struct keeper *keeper);
