/* Whether a name is a local account: /etc/passwd itself, read line by line.
 * Relies on: read. Not getpwnam: that would ask every source of names, ours included.
 * Must never: allocate, keep its descriptor, or take a name's other spelling for another name (N1, N4). */
#pragma once

#define LOCAL_PASSWD "/etc/passwd"

/* 1: path has a line of that name, in any case; 0: it has none, or the file does not exist; another negative errno: it could not be read. */
int local_has_name(const char *path, const char *name);
