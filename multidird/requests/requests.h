/* The handlers of requests, one per type; the table that says who may ask what is in supervisor/sockets.c.
 * Relies on: jansson, multidird/supervisor/sockets.
 * Must never: block; reply more than once. Each handler ends, now or later, with connection_replied(), or returns a negative errno. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "multidird/channel/update.h"
#include "multidird/supervisor/sockets.h"

/* payload: as it came. 0: replied, or work is under way. -EBADMSG: malformed, the connection is closed. Other errnos: closed too. */
typedef int (*request_fn)(struct connection *connection, const unsigned char *payload, size_t len);

/* From pam_multidir: a login, a password change, the start of a session. */
int request_authenticate(struct connection *connection, const unsigned char *payload, size_t len);
int request_change_password(struct connection *connection, const unsigned char *payload, size_t len);
int request_session(struct connection *connection, const unsigned char *payload, size_t len);
/* From multidirctl: any command. */
int request_admin(struct connection *connection, const unsigned char *payload, size_t len);

/* Passes a command on to the keeper, or to the next one within 5 s; replies itself when there is none then. json is copied where it must be. */
void request_pass_on(struct connection *connection, const char *json, size_t len);

/* A command of multidirctl that the supervisor answers itself; its fields are of the types that requests/admin.c says. As above. */
int request_directory_test(struct connection *connection, json_t *request);
int request_directory_list(struct connection *connection, json_t *request);
int request_directory_show(struct connection *connection, json_t *request);
int request_directory_sync(struct connection *connection, json_t *request);
int request_user_password(struct connection *connection, json_t *request);

/* A command that the keeper has planned: does what is to be done at servers, and replies. planned is copied where it must be. */
void request_update(struct connection *connection, const struct protocol_planned *planned);
/* The service ends: what workers still do for commands that nobody waits for is not waited for either. */
void request_update_stop(struct service *service);

/* What `status` says of the directories: the keeper's last word, with what only the supervisor knows of synchronisations. A new reference to an
 * object as KEEPER_STATE's; an empty one when there is none yet. */
json_t *request_state(const struct service *service);
/* Of that, the row of one directory. A new reference; NULL: the keeper has said nothing of it. */
json_t *request_state_row(const struct service *service, const char *name);
