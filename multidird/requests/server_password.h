/* What a worker's answer to a password change means for whoever asked for it.
 * Relies on: multidird/channel/jobs, rules/permission.
 * Must never: say that nothing was changed when nobody knows; tell of an account more than a login would (L9). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"
#include "model/settings.h"
#include "multidird/channel/jobs.h"

/* given: a process got the job. REASON_OK: done. Else why not, and a text for the user, or the administrator, in text[size] (P6; the server's own words where its policy
 * refuses); it may be "". */
enum reason server_password_outcome(const struct protocol_answer *answer, bool given, const struct directory_settings *directory, const char *user,
                                    char *text, size_t size);
