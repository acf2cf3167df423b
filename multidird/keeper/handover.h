/* Changes that directories with a server of their own take part in (U12): the keeper decides them as all others, and hands the steps over to the
 * supervisor, which has workers do what is to be done at servers, and gives the rest back.
 * Relies on: multidird/keeper/change, multidird/channel/update.
 * Must never: touch the replica of such a directory (only a synchronisation does); hand over what the rules have not allowed. */
#pragma once

#include "multidird/channel/update.h"
#include "multidird/keeper/change.h"

/* What the last command left for the supervisor to do; the message's texts and bytes are its own, but for the directories' names (the configuration's). */
struct keeper_planned { struct protocol_planned message; char *skipped; };
/* NULL is fine. */
void keeper_planned_free(struct keeper_planned *planned);

/* Whether a step is to be done at a server. */
bool change_has_server(const struct change *change);
/* Leaves the steps in keeper->planned and gives an object that stands for them, or a refusal. accept: a name that may have another owner afterwards
 * (I5); NULL: none. */
json_t *change_hand_over(struct change *change, const struct update_subject *accept);

/* The keeper's own part of such a change: does the steps, as they were planned, and accepts the name; steps at servers are those that were not done. The answer as a command's, and its exit status.
 * NULL only when memory is out. */
json_t *keeper_apply(struct keeper *keeper, const struct protocol_apply *apply, int *exit);
