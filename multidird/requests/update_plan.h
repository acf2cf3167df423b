/* The steps of a change, as the keeper has planned them and the supervisor has looked at them.
 * Relies on: multidird/channel/update, multidird/supervisor/configuration.
 * Must never: have a step at a directory that is not written. */
#pragma once

#include "multidird/channel/update.h"
#include "multidird/supervisor/configuration.h"

/* name: "user ann", for sentences. bytes: update_pack()'s. */
struct step { size_t directory; bool at_server, takes_password; char *what, *name, *bytes; size_t len; };

/* Zeroed: none. */
struct plan { struct configuration *configuration; struct step *steps; size_t count; };

/* Copies the steps; the configuration is referred to. False: one of them is none, or memory is out; plan_done() all the same. */
bool plan_take(struct plan *plan, struct configuration *configuration, const struct protocol_planned *planned);
void plan_done(struct plan *plan);
const struct directory_settings *plan_directory(const struct plan *plan, size_t step);
/* Tells the keeper, which has counted on all of it, that the steps at servers from that one on were not done. */
void plan_tell_undone(const struct plan *plan, struct service *service, size_t from);
