/* user import, group import: rows gathered over several requests of one connection, checked as a whole, written in one transaction.
 * Relies on: multidird/keeper/command, replica/store.
 * Must never: write anything while one row is bad, or after the connection that began it is gone. */
#pragma once

#include "multidird/keeper/state.h"

/* Gives up what a connection began. */
void keeper_import_drop(struct keeper *keeper, uint64_t connection);
void keeper_import_drop_all(struct keeper *keeper);
