/* Starting the other roles: the same binary again, with one socket pair, a user of its own and nothing else.
 * Relies on: multidird/sandbox/sandbox.
 * Must never: let a descriptor, an environment variable or a privilege of the supervisor reach a role. */
#pragma once

#include <sys/types.h>

#include "multidird/supervisor/service.h"

#define ROLE_FD 3 /* the role's end of the socket pair */

/* Starts --role=ROLE (with --directory=DIRECTORY unless NULL) as user multidir, without a network. *fd: our end, CLOEXEC, owned by the caller.
 * 0 or a negative errno; what fails in the child itself ends the child. */
int process_start(const struct service *service, const char *role, const char *directory, pid_t *pid, int *fd);

/* Watches a child: callback gets the siginfo, once. As sd_event_add_child. */
int process_watch(struct service *service, pid_t pid, sd_event_child_handler_t callback, void *userdata, sd_event_source **source);

/* Reaps a killed child whose watch is gone. */
void process_forget(struct service *service, pid_t pid);

/* "exit status 1", "signal 9 (Killed)": into text[64]. */
void process_describe(const siginfo_t *info, char text[64]);
