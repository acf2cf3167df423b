/* A checker: the process (user multidir, no network, nothing opened for writing) that asks one directory for users and checks passwords.
 * Relies on: directory/directory.h, replica/store (of a directory with a server of its own it knows the replica only), multidird/channel/channel.
 * Must never: write; look at another directory. */
#pragma once

/* Runs until the other end of fd closes. fd is taken. directory: its name in the configuration that comes as the first message. The caller has
 * dropped all privileges and set the filter before. Returns the process's exit status. */
int checker_main(int fd, const char *directory);
