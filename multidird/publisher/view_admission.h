/* What the supervisor asks of a view before it becomes one: the last word on ids and names, whoever built it.
 * Relies on: view/reader, model/.
 * Must never: trust the builder. A taken-over keeper may have made every byte. */
#pragma once

#include "model/local.h"
#include "model/settings.h"
#include "view/reader.h"

/* Checks every user and group: ids (I3, N4), names (N3, N4), homes and shells (N5), that a local group is in a user's groups only where
 * local_groups gives it away (N4), and that members and groups are two readings of one relation among published users (M4, M5). The view must have passed view_verify. 0, or -EPERM and text[size] says what is wrong. */
int view_admit(const struct view *view, const struct settings *settings, const struct local_accounts *local, char *text, size_t size);
