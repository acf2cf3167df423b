/* Starting the other roles: the same binary again, with one socket pair, a user of its own and nothing else.
 * Relies on: multidird/sandbox/sandbox.
 * Must never: let a descriptor, an environment variable or a privilege of the supervisor reach a role. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "multidird/sandbox/sandbox.h"
#include "multidird/supervisor/service.h"

#define ROLE_FD 3 /* the role's end of the socket pair */

struct process_role {
        enum sandbox_role role;
        const char *directory;   /* checker, worker */
        const char *authorities; /* worker: the file of certification authorities that it may read; NULL or "": none */
        bool unix_sockets;       /* worker: its server is on this host (ldapi) */
};

/* Starts the role: keeper and checkers as user multidir without a network, workers as multidir-worker with one. *fd: our end of the socket
 * pair, CLOEXEC, owned by the caller. 0, -ENOENT (there is no such user), or another negative errno; what fails in the child itself ends it. */
int process_start(const struct service *service, const struct process_role *what, pid_t *pid, int *fd);

/* Why process_start failed, in words. Static storage, or strerror's. */
const char *process_start_problem(const struct service *service, enum sandbox_role role, int error);

/* The role's word on the command line, as in --role=WORD. Static storage. */
const char *process_role_name(enum sandbox_role role);

/* Watches a child: callback gets the siginfo, once. As sd_event_add_child. */
int process_watch(struct service *service, pid_t pid, sd_event_child_handler_t callback, void *userdata, sd_event_source **source);

/* Reaps a killed child whose watch is gone. */
void process_forget(struct service *service, pid_t pid);

/* "exit status 1", "signal 9 (Killed)": into text[64]. */
void process_describe(const siginfo_t *info, char text[64]);
