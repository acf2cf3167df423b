/* The keeper: the process (user multidir, no network) that has the stores. It holds the replicas, decides changes by the rules, and builds views.
 * Relies on: multidird/channel/protocol (fd is the socket pair to the supervisor), replica/, view/compile, rules/, jansson.
 * Must never: open a file outside /var/lib/multidir/stores; say that a change is published before the supervisor has installed it. */
#pragma once

#define KEEPER_STORES "/var/lib/multidir/stores"

/* Runs until the other end of fd closes. fd is taken. The caller has dropped all privileges and set the syscall filter before.
 * Returns the process's exit status: 0, or 1 after a failure that was logged. */
int keeper_main(int fd);
/* The same over another stores folder, for tests. */
int keeper_serve(int fd, const char *stores);
