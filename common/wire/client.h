/* The client of both sockets: connect, check that the server is root, one request, one reply, a deadline.
 * Relies on: wire/message, poll. Used by the PAM module: no signal, no environment, no descriptor left open.
 * Must never: talk to a server whose uid is not 0; wait past the deadline. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire/message.h"

#define WIRE_AUTH_SOCKET "/run/multidir/auth.sock"
#define WIRE_ADMIN_SOCKET "/run/multidir/admin.sock"

/* Connects. The descriptor (CLOEXEC, never 0 to 2) or a negative errno: -ENOENT and -ECONNREFUSED: the service is down;
 * -EPERM: the server is not uid 0; -ETIMEDOUT. deadline_ms: on the monotonic clock. */
int wire_connect(const char *path, uint64_t deadline_ms);
/* Sends one frame. 0 or a negative errno (-ETIMEDOUT, -EPIPE). */
int wire_send(int fd, enum wire_type type, const void *payload, size_t len, uint64_t deadline_ms);
/* Receives one frame's header and payload into buffer[size]; *len: the payload's bytes. 0, -ETIMEDOUT, -EBADMSG, -ECONNRESET. */
int wire_receive(int fd, enum wire_type *type, unsigned char *buffer, size_t size, size_t *len, uint64_t deadline_ms);
