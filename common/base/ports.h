/* Which ports of this host nobody but root can listen on.
 * Relies on: the kernel's net.ipv4.ip_unprivileged_port_start, which is of this process's network namespace, and counts for IPv6 as well.
 * Must never: take a port for root's that the kernel, where it can be asked, gives to anybody. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PORTS_FILE "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define PORTS_UNPRIVILEGED 1024 /* the kernel's own choice */

/* Reads the first port that anybody may listen on from path, PORTS_FILE, for the rest of this process: once its file rules are in force it is out of
 * reach. What cannot be read, or is no number, counts as 1024; so does what is above: a limit that was raised may be lowered again under a running service,
 * and a configuration that hangs on it would be looked at by nobody then. */
void ports_read(const char *path);
/* That port: 0 to 1024. 1024 before ports_read. */
uint16_t ports_first_unprivileged(void);
