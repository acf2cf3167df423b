/* What this host's own changes take away from directories at their servers, told to the shrink guard (D5; struct keeper_leaving): each entry once,
 * however many commands remove it, and taken back when none of them did.
 * Relies on: multidird/keeper/state, multidird/channel/update.
 * Must never: forgive the loss of more than was handed over to be removed. */
#pragma once

#include "multidird/channel/update.h"
#include "multidird/keeper/state.h"

/* The steps at servers that remove something are about to be done: a synchronisation may be faster than the worker's answer. Others are ignored. */
void leaving_note(struct keeper *keeper, const struct update_step *steps, size_t count);
/* Such a step was not done, and its entry may be there still: once for each time that it was noted. Unknown ones are ignored. */
void leaving_take_back(struct keeper *keeper, const struct update_step *step);
void leaving_done(struct keeper *keeper);
