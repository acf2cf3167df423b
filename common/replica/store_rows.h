/* Which rows of a store its transactions have touched, and bringing a replica in memory up to them, row by row, instead of loading it all again.
 * Relies on: model/replica, replica/store.
 * Must never: leave out a row that changed: whoever writes past this notes it (store_touch_*), or the revision gives it away. */
#pragma once

#include "base/arena.h"
#include "base/name_map.h"
#include "replica/store.h"

/* Noted by whoever changes rows, in a transaction or not; more than a few hundred, or no memory: everything. */
void store_touch_user(struct store *store, int64_t user);
void store_touch_member(struct store *store, int64_t user, int64_t group);
void store_touch_everything(struct store *store);

/* Every commit that let the revision grow says so: a growth that nobody noted means rows that nobody noted. */
void store_touch_revision(struct store *store);

/* The replica is as the store is now: nothing is touched. */
void store_touched_clear(struct store *store);

/* Brings a replica that was read from this store, and was up to it at the last clear, up to it again, and clears. The names that touched users had and have
 * go into names (copies in the arena, as they are spelt): nothing else in it has changed. 0; -EAGAIN: it has to be loaded anew, and is as it was; another
 * negative errno likewise, but the replica may be half changed: only replica_free is allowed. */
int store_follow(struct store *store, struct replica *replica, struct name_map *names, struct arena *arena);
