/* The synchronisations of directories that have a server of their own: when, one at a time for each, by a worker of its own, into the keeper.
 * Relies on: multidird/supervisor/worker_start, multidird/supervisor/keeper_link, sd-event.
 * Must never: look at an entry; let one server's slowness hold up a login, or another directory's synchronisation for longer than its limit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/sync.h"
#include "multidird/channel/protocol.h"
#include "multidird/supervisor/service.h"

/* Once, after the keeper's start, and after each reload: directories that are new are synchronised soon, and all of them if changed; a run
 * by settings of the directory that have changed is given up. 0 or -ENOMEM. */
int sync_configure(struct service *service, bool changed);
void sync_stop(struct service *service);

/* A login has seen that the directory's replica is wrong. Soon, but not more often than every half minute. */
void sync_wanted(struct service *service, const char *directory);

/* The directory's server answers again: what failed without it is done now. */
void sync_server_back(struct service *service, const char *directory);

struct sync_state {
        bool running;
        bool settled;          /* one has ended, well or not, since the service knows the directory */
        bool failed;           /* the last one that ended */
        bool full_due;         /* ... found, for the reason in error, that changes cannot be told: a full one follows, and nothing has failed */
        bool unsettled;        /* what it was told of is perhaps not all that changed: everything is to be read again */
        enum sync_keeping keeping; /* how the next change will be seen, if one was complete */
        uint64_t full_s;       /* when everything was read last, wall clock; 0: that is not known */
        uint64_t done, total;  /* of the one that runs: entries read, and how many there are (0: not known) */
        const char *error;     /* why it failed, or why what it brought is not published; else "". Until the next turn of the loop */
};
/* False: no directory of that name is synchronised. */
bool sync_get(const struct service *service, const char *directory, struct sync_state *state);

/* Called once, from the loop, when a synchronisation has ended that began after the wait did: sync_get() says how. Or when the directory is gone. */
typedef void (*sync_done_fn)(void *userdata);
/* Embedded in what waits; zeroed memory is no wait. */
struct sync_wait { struct sync_wait *next; struct sync *sync; uint64_t run; sync_done_fn done; void *userdata; };

/* Begins one now, or after the one that runs. full: of everything, whatever can be told of changes. -ENOENT: no directory of that name is synchronised. */
int sync_now(struct service *service, const char *directory, bool full, sync_done_fn done, void *userdata, struct sync_wait *wait);
/* Likewise, not of everything, and nobody waits for it. One that is not known is fine. */
void sync_again(struct service *service, const char *directory);
/* Begins one of everything for each directory, likewise; nobody waits for them. */
void sync_all(struct service *service);
/* done will not be called. One that does not wait is fine. */
void sync_wait_cancel(struct sync_wait *wait);

/* From the keeper. */
void sync_keeper_answer(struct service *service, const struct protocol_keeper_synced *synced);
void sync_keeper_gone(struct service *service);
