/* The supervisor's parts, and the one struct through which they meet.
 * Relies on: sd-event. Everything here runs in one thread, in one loop.
 * Must never: be included by the keeper or a checker. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "multidird/supervisor/pace.h"
#include "rules/throttle.h"
#include "view/reader.h"

#define STATE_FOLDER "/var/lib/multidir"
#define RUN_FOLDER "/run/multidir"

struct configuration; /* supervisor/configuration.h */
struct local_files;   /* supervisor/watch.h */
struct keeper_link;   /* supervisor/keeper_link.h */
struct outages;       /* supervisor/outage.h */
struct server_notes;  /* supervisor/server_notes.h */
struct publisher;     /* publisher/publish.h */
struct sockets;       /* supervisor/sockets.h */
struct syncs;         /* supervisor/sync.h */
struct watch;         /* supervisor/watch.h */
struct updating;      /* requests/update.c */

struct service {
        sd_event *event;
        struct configuration *configuration; /* the current one; requests in flight may hold an older one */
        struct local_files *local;           /* the local account files as last read */
        struct keeper_link *keeper;
        struct outages *outages;
        struct server_notes *notes;
        struct publisher *publisher;
        struct sockets *sockets;
        struct syncs *syncs;
        struct watch *watch;
        struct updating *unheard;            /* changes that a worker has, and nobody waits for any more */
        struct throttle *throttle;           /* L11 */
        struct pace pace;                    /* L9 */
        struct view view;                    /* the installed view; base NULL: none */
        uid_t keeper_uid;                    /* user multidir */
        gid_t keeper_gid;
        uid_t worker_uid;                    /* user multidir-worker; 0: there is none on this host */
        gid_t worker_gid;
        int self;                            /* O_PATH of our own binary, for the other roles */
        bool ready;                          /* READY=1 was said */
        bool reload_failed;                  /* the configuration on disk has errors */
        uint64_t started_s;
        uint64_t serial;                     /* for service_id() */
        uint64_t replica_changes;            /* counts what may have changed a replica; see supervisor/recent.h */
};

/* A number that was not used before in this process. */
static inline uint64_t service_id(struct service *service) {
        return ++service->serial;
}

/* Says READY=1 once: after the first view was published, or when that failed (the service then answers with what it has). */
void service_ready(struct service *service);
