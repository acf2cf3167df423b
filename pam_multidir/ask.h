/* One question to the service on auth.sock, and its answer.
 * Relies on: wire/client.
 * Must never: outlast its deadline, leave a password in memory, or take an answer of another type for its own. */
#pragma once

#include <stdint.h>

#include "wire/client.h"

/* A bit over the service's own default deadline for a login, so that its answer (unavailable) comes first; the module never hangs. */
#define ASK_DEADLINE_MS 10000
/* A change is a login and then a transaction at the owner: it must not be given up while it may still land. */
#define ASK_CHANGE_DEADLINE_MS 20000
/* A session start waits for nobody: it is noted if the service is there. */
#define ASK_SESSION_DEADLINE_MS 1000

/* Each: 0 and *reply filled, or a negative errno: the service is down (-ENOENT, -ECONNREFUSED), not root's (-EPERM), too slow (-ETIMEDOUT) or
 * answered nonsense (-EBADMSG, -EPROTONOSUPPORT, -ECONNRESET). *reply is untouched on failure. */
int ask_authenticate(const struct wire_authenticate *request, struct wire_authenticated *reply);
int ask_change_password(const struct wire_change_password *request, struct wire_changed *reply);
int ask_session(const struct wire_session *request);

/* The same on a connection that is given, for tests; fd stays open. */
int ask_authenticate_on(int fd, const struct wire_authenticate *request, struct wire_authenticated *reply, uint64_t deadline_ms);
int ask_change_password_on(int fd, const struct wire_change_password *request, struct wire_changed *reply, uint64_t deadline_ms);
int ask_session_on(int fd, const struct wire_session *request, uint64_t deadline_ms);
