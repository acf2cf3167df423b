/* View builds: from what the keeper holds to sealed memory, and what can be asked about the result.
 * Relies on: view/compile, view/reader, replica/registry_store.
 * Must never: hand out a view whose ids are not yet on disk (I2). */
#pragma once

#include <jansson.h>

#include "multidird/keeper/state.h"

/* Builds if the view is out of date. 0: the view is up to date; else a negative errno and keeper->build_error, the former view stays. */
int keeper_build(struct keeper *keeper);
/* The built view as sealed memory, or the patch that makes it of the one before (keeper->view_patch), once per build; the caller owns the descriptor.
 * -ENOENT: nothing new since the last call. */
int keeper_take_view(struct keeper *keeper, uint64_t *generation);
/* The published file of the view that was taken last: the keeper's view is mapped from there from now on, which needs no memory of its own, and the next
 * one may be made of it. Not so if it is another view, or one was built since. fd stays the caller's. */
void keeper_use_file(struct keeper *keeper, uint64_t generation, int fd);
/* Unmaps and forgets the view. */
void keeper_drop_view(struct keeper *keeper);

/* The up-to-date view, building when needed; the former one when the build fails; NULL: there has never been one. */
const struct view *keeper_view(struct keeper *keeper);
/* Why a name is not published in that view, from its rows: an owner's row before a masked one's. NULL: no row. Owned by the keeper. */
const struct masked_row *keeper_masked_row(const struct keeper *keeper, enum name_kind kind, const char *name, size_t owner);

/* The text of KEEPER_STATE (see channel/protocol.h). NULL when memory is out. */
json_t *keeper_state_json(const struct keeper *keeper);
