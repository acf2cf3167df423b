/* What a worker's answer to a change means for the administrator who asked for it.
 * Relies on: multidird/channel/jobs, rules/permission.
 * Must never: say that nothing was changed when nobody knows. */
#pragma once

#include <stdbool.h>

#include "base/sbuf.h"
#include "model/settings.h"
#include "multidird/channel/jobs.h"

/* What was to be removed is not there: the replica is going to lose it all the same, and that is no sign that the server hides something (D5). */
static inline bool server_change_is_gone(enum reason reason) {
        return reason == REASON_USER_NOT_FOUND || reason == REASON_GROUP_NOT_FOUND || reason == REASON_NOT_A_MEMBER;
}

/* given: a process got the job. *reason with CHANGE_REFUSED and CHANGE_UNKNOWN: why it is refused, or unavailable. *text gets a sentence (P6), also with
 * CHANGE_PARTLY; nothing with CHANGE_DONE. what: as the answer names the change. */
enum change_state server_change_outcome(const struct protocol_answer *answer, bool given, const struct directory_settings *directory, const char *subject,
                                        const char *what, enum reason *reason, struct sbuf *text);
