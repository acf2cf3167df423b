/* ids.db: the id registry on disk (I2, I5). It never forgets, never reuses.
 * Relies on: SQLite, model/registry.
 * Must never: delete a row. */
#pragma once

#include "model/registry.h"

struct registry_store;
int registry_store_open(const char *folder, struct registry_store **store);
void registry_store_close(struct registry_store *store);
/* All rows into a new registry. */
int registry_store_load(struct registry_store *store, struct registry **registry);
/* The registry's pending rows in one durable transaction, then registry_saved(). On failure nothing is marked saved. */
int registry_store_save(struct registry_store *store, struct registry *registry);
