/* Whether the servers of directories answer: who is known to be away, since when, and when one is back.
 * Relies on: multidird/supervisor/worker_start, sd-event.
 * Must never: take a login's or a synchronisation's trouble for the server's without having asked it; try so often that a hundred servers that are
 * away are felt on this host; give the process that tries a password.
 *
 * While a server is away, a short-lived worker tries it every other second (its look at name servers and certificates is always a new one), so that
 * no login has to find out, and none has to wait. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "multidird/supervisor/service.h"

/* Once, after sync_configure, and after each reload; changed: what was known is forgotten, and asked anew. 0 or -ENOMEM. */
int outage_configure(struct service *service, bool changed);
void outage_stop(struct service *service);

/* All of these do nothing for a directory that has no server, or is not active. */

/* Something failed, perhaps by the server's fault: it is asked, and known to be away if it does not answer. */
void outage_suspect(struct service *service, const char *directory);
/* The server let somebody wait in vain: away, from now on, until it has answered. */
void outage_silent(struct service *service, const char *directory);
/* It has answered a question proper. */
void outage_answered(struct service *service, const char *directory);

bool outage_is_down(const struct service *service, const char *directory);

struct outage_state {
        uint64_t since_s;  /* wall clock */
        uint64_t for_ms;
        const char *error; /* what was seen last, printable; until the next turn of the loop */
};
/* False: it is not known to be away. */
bool outage_get(const struct service *service, const char *directory, struct outage_state *state);
