/* The administrator's word that a name may change its owner or id (I5), kept until the build that uses it, over a crash too: it is given before
 * the change that needs it, and that change may be on disk while the build is not.
 * Relies on: base/file, model/registry.
 * Must never: outlive the build that used it. */
#pragma once

#include "multidird/keeper/state.h"

/* From now on the next build may give the name a new owner or id. On disk when it returns 0; else a negative errno, and nothing is accepted. */
int keeper_accept_name(struct keeper *keeper, enum name_kind kind, const char *name);
/* Takes the last one back (the change that needed it was not made). */
void keeper_accept_undo(struct keeper *keeper);

/* For the build: tells the registry (0 or -ENOMEM); and, once its ids are on disk, forgets all. */
int keeper_accepted_apply(struct keeper *keeper);
void keeper_accepted_used(struct keeper *keeper);
void keeper_accepted_done(struct keeper *keeper);
