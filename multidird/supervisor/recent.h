/* What a directory's checkers have lately said of users in its replica: the next login of the same user need not ask one of them again.
 * Relies on: multidird/channel/jobs. The caller counts what may have changed a replica (service.h: replica_changes), and reads the clock.
 * Must never: say what was said before a change, or that somebody is not there; grow with the number of users. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "multidird/channel/jobs.h"

#define RECENT_SLOTS 4096u
#define RECENT_MS 60000u /* no longer: the time at which the replica was complete is told along, and goes on */

struct recent; /* opaque; one directory's */

/* NULL is fine. */
void recent_free(struct recent *recent);

/* Keeps what answer says of the user: presence FOUND, an entry of its own (N2), by a replica that was once complete; nothing of any other answer. changes:
 * the count from before the checker was asked. *recent is made when there is something to keep; without memory nothing is kept. */
void recent_note(struct recent **recent, const char *user, const struct protocol_answer *answer, uint64_t changes, uint64_t now_ms);

/* The answer of a checker to CHECKER_FIND, as it was noted under the very name, if nothing has changed since (changes: the count now) and it is not older
 * than RECENT_MS. False: ask. recent may be NULL. */
bool recent_find(const struct recent *recent, const char *user, uint64_t changes, uint64_t now_ms, struct protocol_answer *answer);
