/* Delegated directories (D3): which entry of the server each of their users is.
 * Relies on: replica/store.
 * Must never: bind a user to a second entry, or an entry to a second user. */
#pragma once

#include "multidird/channel/protocol.h"
#include "multidird/keeper/state.h"

/* Puts it on record, durable, or (dry) says what would come of that: RECORD_SAME: it is on record, from now or before; RECORD_OTHER: another entry is
 * on record for the user, or this one for another user; RECORD_UNKNOWN: there is no such user, or it cannot be written (logged). */
enum record_state keeper_record(struct keeper *keeper, const struct protocol_record *record);
