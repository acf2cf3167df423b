/* Starting a worker for a directory, and giving it what it needs: the configuration, and the password that root alone can read.
 * Relies on: multidird/supervisor/process, config/config.h.
 * Must never: keep that password; log it; read it from a file that others can read or write. */
#pragma once

#include <sys/types.h>

#include "multidird/channel/channel.h"
#include "multidird/supervisor/configuration.h"

/* As process_start. */
int worker_start(const struct configuration *configuration, size_t directory, pid_t *pid, int *fd);
/* Queues the first messages. 0, or a negative errno: of reading the password's file, too, whose words *why then has (those of base/secret_file). */
int worker_greet(const struct configuration *configuration, size_t directory, struct channel *channel, struct sbuf *why);
