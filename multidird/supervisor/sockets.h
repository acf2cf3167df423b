/* The two sockets: who may ask what, one request at a time per connection, and the connections' limits.
 * Relies on: multidird/channel/endpoint, SO_PEERCRED.
 * Must never: read a byte of a peer that may not ask; let one peer keep others out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "multidird/channel/endpoint.h"
#include "multidird/supervisor/service.h"

struct connection;

/* Makes both sockets (0600, root) and listens. 0 or a negative errno. */
int sockets_start(struct service *service);
/* Closes them and every connection; removes the files. */
void sockets_stop(struct service *service);

/* The connection with that number, NULL: it is gone. */
struct connection *connection_find(const struct service *service, uint64_t id);

/* What a handler needs of its connection. */
struct service *connection_service(const struct connection *connection);
uint64_t connection_id(const struct connection *connection);
struct channel *connection_channel(struct connection *connection);
/* The work under way for the connection's request, and how to end it when the peer goes away. */
void connection_set_work(struct connection *connection, void *work, void (*cancel)(void *work));
/* The reply was put into the channel: sends it; the next request may come. */
void connection_replied(struct connection *connection);

/* A sign of life, or of progress, before the reply. json: {} or {"done":N,"total":N}. */
void connection_progress(struct connection *connection, const char *json);

/* Passes the connection's command to the keeper, which replies by itself. -EHOSTDOWN: no keeper; or another negative errno. */
int connection_pass_to_keeper(struct connection *connection, const char *json, size_t len);
/* The command under way may change something at a directory's server; before it is passed on. */
void connection_set_changes(struct connection *connection);
/* Whether the configuration is still the one that was in force then. */
bool connection_is_current(const struct connection *connection);

/* From the keeper: json is a progress line, or (last) the reply. Unknown connections and ids are ignored. */
void sockets_admin_reply(struct service *service, uint64_t connection, uint64_t id, bool last, const char *json, size_t len);
/* The keeper has handed its command back: *connection, whose reply is now the caller's. -ENOENT: there is no such one any more; -EPERM: its command changes
 * nothing. */
int sockets_take_back(struct service *service, uint64_t id, uint64_t request, struct connection **connection);
/* The keeper died: commands that wait for it are answered. */
void sockets_keeper_gone(struct service *service);
/* Time passed. silent: the keeper has not answered for too long, and commands that wait for it are told so; else their peers get a sign of
 * life, so that a long command is not taken for a hung service. */
void sockets_keeper_pulse(struct service *service, bool silent);
