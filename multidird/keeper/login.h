/* What the keeper does for logins: the gate of an entry that the view does not publish, passwd(1), logins on record.
 * Relies on: rules/gate, rules/update, replica/logins.
 * Must never: let a password change reach another entry than the one that the supervisor checked (L12). */
#pragma once

#include "multidird/keeper/state.h"
#include "multidird/channel/protocol.h"

/* L4: whether the mapping lets the user in, by membership in that directory. Unavailable: the keeper has other gates than it is asked about, or cannot
 * read the directory. Closed for a user or a mapping that there is not. */
enum gate_answer keeper_gate(struct keeper *keeper, const struct protocol_gate *gate);
/* U2. Durable when changed->reason is REASON_OK. */
void keeper_change_password(struct keeper *keeper, const struct protocol_change_password *request, struct protocol_password_changed *changed);
/* Puts a session start on record; a failure is logged. */
void keeper_session(struct keeper *keeper, const struct protocol_session *session);
