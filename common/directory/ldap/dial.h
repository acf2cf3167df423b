/* A TCP or UNIX connection before a deadline.
 * Relies on: getaddrinfo (the only call here that has no deadline of its own: its resolver is told to give up early), poll.
 * Must never: leave a descriptor that a child inherits; look up users (this host's own name service module must not be asked). */
#pragma once

#include <stdint.h>

#include "base/sbuf.h"
#include "model/ldap_uri.h"

/* Connects; every address of a name gets its share of the time. Returns the descriptor (non-blocking, close-on-exec, no delay), or -ETIMEDOUT,
 * -EHOSTUNREACH (the name has no address), -EPERM (a socket that others can put there, or that neither root nor its owner listens on) or another negative errno, with a sentence in *why. */
int dial(const struct ldap_uri *uri, uint64_t deadline_ms, struct sbuf *why);

/* Likewise, to whoever is at the other end of fd, which is a connection to that server: a name can stand for several. */
int dial_beside(int fd, const struct ldap_uri *uri, uint64_t deadline_ms, struct sbuf *why);

/* Milliseconds until the deadline, 0 when it has passed; at most INT_MAX. */
int deadline_left_ms(uint64_t deadline_ms);
