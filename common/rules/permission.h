/* Permissions (rules P1 to P6).
 * Relies on: model/settings, base/reason.
 * Must never: guess; whatever is not clearly on is off. */
#pragma once

#include <stdbool.h>

#include "base/reason.h"
#include "model/settings.h"

enum permission_level { LEVEL_NONE = 0, LEVEL_DIRECTORY, LEVEL_APPLICATION, LEVEL_KIND, LEVEL_SERVER };

/* "directory", "application", "kind", "server"; "" for LEVEL_NONE. */
const char *permission_level_name(enum permission_level level);

/* ok(D, p) of the rule book. application NULL: the console (P3), and mapping is ignored.
 * sets_password: P5: a delegated directory never sets one.
 * REASON_OK, REASON_PERMISSION_DENIED (*level directory or application), or REASON_READ_ONLY_KIND (*level kind). */
enum reason permission_check(const struct directory_settings *directory, const struct application_settings *application,
                             const struct mapping_settings *mapping, enum permission permission, bool sets_password,
                             enum permission_level *level);

/* P6: one sentence naming what was refused and what an administrator can change. Writes to out[size]. subject: "user jsmith". */
void permission_text(const char *subject, const struct directory_settings *directory, const struct application_settings *application,
                     enum permission permission, enum permission_level level, char *out, size_t size);
