/* ids.db: the id registry on disk (I2, I5). It never forgets, never reuses.
 * Relies on: SQLite, model/registry.
 * Must never: delete a row. */
#pragma once

#include "model/registry.h"

struct registry_store;
/* Opens, or makes, ids.db in the folder. 0 or a negative errno; *store is then untouched. */
int registry_store_open(const char *folder, struct registry_store **store);
/* NULL is fine. */
void registry_store_close(struct registry_store *store);
/* All rows into a new registry, the caller's to free. 0 or a negative errno; *registry is then untouched. */
int registry_store_load(struct registry_store *store, struct registry **registry);
/* The registry's pending rows in one durable transaction, then registry_saved(). On failure nothing is marked saved. */
int registry_store_save(struct registry_store *store, struct registry *registry);
