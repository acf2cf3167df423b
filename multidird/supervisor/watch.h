/* The local account files, as last read, and the watch on them (N4).
 * Relies on: inotify on /etc (the files are replaced by rename), model/local.
 * Must never: go on with nothing when a file cannot be read for a moment: the former content stays. */
#pragma once

#include "model/local.h"
#include "multidird/supervisor/service.h"

struct local_files {
        char *passwd, *group, *subuid, *subgid; /* NULL: absent */
        struct local_accounts *accounts;
};

/* Reads the files for the first time. 0 or a negative errno (logged). */
int watch_read(struct service *service);
/* Watches them from now on; changed is called after each real change, soon. 0 or a negative errno. */
int watch_start(struct service *service, void (*changed)(struct service *service));
void watch_stop(struct service *service);
