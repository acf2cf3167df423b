/* Replies to commands of multidirctl that the supervisor itself gives.
 * Relies on: jansson, multidird/supervisor/sockets.
 * Must never: be called twice for one request. */
#pragma once

#include <jansson.h>

#include "base/reason.h"
#include "multidird/supervisor/sockets.h"
#include "wire/exit.h"

/* The object that --json prints; taken. NULL: memory is out, and an empty object is sent. */
void reply_object(struct connection *connection, int exit_status, json_t *object);
/* An error (exit 3) with a reason that is none of the rules': application-not-found, directory-not-found, view-not-found. */
void reply_missing(struct connection *connection, const char *reason, const char *text);
/* That there is no directory of that name. */
void reply_no_directory(struct connection *connection, const char *name);
/* {"error":{"reason","text"}}; bytes of text that are not UTF-8 make it an empty object. */
void reply_error(struct connection *connection, int exit_status, enum reason reason, const char *text);
/* The same with the reason "usage" and its exit status. */
void reply_usage(struct connection *connection, const char *text);
