/* What both ends of the sync stream share; see sync_wire.h.
 * Relies on: wire/codec. A text is its bytes and a NUL, so that the receiver's sink gets it where it lies; no bytes at all: there is none.
 * Must never: be included from outside this folder. */
#pragma once

#include "multidird/channel/sync_wire.h"

enum { SYNC_FLAG_ACTIVE = 1, SYNC_FLAG_POSIX_PRIMARY = 2, SYNC_FLAG_FRESH = 4 };
enum { SYNC_FLAG_DELTA = 1, SYNC_FLAG_NESTED = 2, SYNC_FLAG_SWEEP_USERS = 4, SYNC_FLAG_SWEEP_GROUPS = 8, SYNC_FLAG_UNKNOWN_OK = 16,
       SYNC_FLAG_LINKED = 32 };

/* What a row of CHANGES is. */
enum sync_change { SYNC_CHANGE_NONE = 0, SYNC_CHANGE_USER, SYNC_CHANGE_GROUP, SYNC_CHANGE_REFERENCE, SYNC_CHANGE_GONE, SYNC_CHANGE_PRESENT };
