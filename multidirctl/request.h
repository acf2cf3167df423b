/* Requests to the service: one JSON object each way over admin.sock.
 * Relies on: wire/client.
 * Must never: believe a reply that is not an object of the agreed shape. */
#pragma once

#include "multidirctl/ctl.h"

/* Connects. *fd (close it), or NULL is given back only on success; else the error object and *exit: 7 when the service does not run. */
json_t *request_connect(const struct ctl *ctl, int *fd, int *exit);

/* Sends {"command": words, fields…} and gives the reply's object (NULL when memory is out) and exit status. Progress is drawn on a terminal
 * after a second. The text sent is wiped: it may hold a password. */
json_t *request_on(const struct ctl *ctl, int fd, const char *words, const json_t *fields, int *exit);

/* Both: connect, one request, close. */
json_t *request_service(const struct ctl *ctl, const char *words, const json_t *fields, int *exit);
