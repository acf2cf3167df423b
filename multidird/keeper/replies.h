/* Answers to commands: at once, or after the view that has what the command changed.
 * Relies on: multidird/channel/protocol, jansson.
 * Must never: say that a change is published before the supervisor has installed it. */
#pragma once

#include <jansson.h>

#include "multidird/channel/channel.h"
#include "multidird/keeper/state.h"

/* Whom an answer is for: a connection's command; or, applied, the supervisor, whose number id is (KEEPER_APPLY). */
struct asker { bool applied; uint64_t connection, id; };

struct replies;

/* keeper and channel stay the caller's. NULL when memory is out. */
struct replies *replies_new(struct keeper *keeper, struct channel *channel);
/* Those that wait are not answered any more. */
void replies_free(struct replies *replies);

/* Sends exit and object (NULL: memory is out), which stays the caller's. What cannot be sent is logged. */
void replies_send(struct replies *replies, const struct asker *asker, int exit, json_t *object);
/* The same (object is taken) when the view has all that was changed up to now. name: whose fate in that view the answer tells; NULL: nobody's. */
void replies_wait(struct replies *replies, const struct asker *asker, int exit, json_t *object, enum name_kind kind, const char *name);
/* Answers those whose change the view of `built` has. failure: it could not be published, the change is made all the same. */
void replies_release(struct replies *replies, uint64_t built, const char *failure);
