/* Reloading the configuration: a good one replaces the one in force, a bad one changes nothing.
 * Relies on: multidird/supervisor/configuration.
 * Must never: touch the configuration in force. */
#pragma once

#include "base/sbuf.h"
#include "multidird/supervisor/service.h"

/* Reads the files again, puts the result in force and sends it to the keeper. 0; -EINVAL: *errors says what is wrong, a line each; -ENOMEM. */
int reload(struct service *service, struct sbuf *errors);
/* Whether the last reload failed. */
bool reload_error(const struct service *service);
