/* A worker: the process (user multidir-worker, a network, no stores) that asks one directory's server: has it the user, is this the password, what
 * is all that it has.
 * Relies on: directory/directory.h, multidird/channel/channel.
 * Must never: write a file; look at another directory; keep a password longer than its job. */
#pragma once

/* Runs until the other end of fd closes. fd is taken. directory: its name in the configuration that comes as the first message. The caller has
 * dropped all privileges and set the filter before. Returns the process's exit status. */
int worker_main(int fd, const char *directory);
