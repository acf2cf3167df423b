/* The insides of synchronisations: what the schedule (sync.c) and one run (sync_run.c) share.
 * Relies on: multidird/supervisor/sync.
 * Must never: be included elsewhere. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "multidird/channel/endpoint.h"
#include "multidird/channel/jobs.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/sync.h"

/* The one that is under way. */
struct sync_run {
        uint64_t id;                         /* 0: none is */
        struct configuration *configuration; /* a reference */
        uint64_t began_ms;
        bool full;                           /* it was asked to be a full one */
        size_t directory;
        pid_t pid;                           /* 0: the worker is gone, or was never there */
        struct endpoint *endpoint;
        sd_event_source *child, *limit;
        bool written;                        /* the worker has written all; the keeper has the word */
        enum sync_keeping keeping;           /* what the worker said of its runs */
        uint64_t end_s;                      /* likewise: when an account ends, by the wall clock; 0: none is known to */
        uint64_t told, answered;             /* runs: that the worker has ended, and that the keeper has taken */
        uint64_t watching_ms;                /* since when it watches: a run is complete, and the worker stays; 0: it does not */
        bool full_needed;                    /* the worker says that only a full one will do */
        bool lost;                           /* ... that its watch has ended; reason says why */
        char text[WIRE_TEXT_MAX + 1];        /* what the keeper said of the last run that it took */
        uint64_t done, total;
        char reason[WIRE_TEXT_MAX + 1];      /* why it fails, as far as we know better than the keeper; "": we do not */
};

/* One directory. */
struct sync {
        struct sync *next;
        struct service *service;
        char *name;
        bool kept;                           /* while sync_configure looks who is still there */
        sd_event_source *due;
        bool pending;                        /* due, but others run */
        struct sync_run run;
        uint64_t runs;                       /* begun so far */
        bool settled, failed;
        bool full_due;                       /* since changes could not be told, none has ended; error says why */
        unsigned failures;                   /* in a row */
        bool keeper_lost;                    /* the last one ended with its keeper */
        uint64_t ended_ms;
        bool again;                          /* another one follows the one that is under way */
        bool full_wanted;                    /* the next one that begins is a full one */
        uint64_t full_s;                     /* the last one, as the keeper says, by the wall clock; 0: it does not */
        uint64_t full_took_ms, full_ended_ms; /* the last one of this service: for how long it was read, and when it was there */
        unsigned fulls;                      /* that were necessary because changes cannot be told, one soon after the other: sync_full_count() */
        uint64_t known_ms;                   /* since when the service knows the directory */
        enum sync_keeping keeping;           /* of the last run that was complete */
        uint64_t end_s;                      /* likewise */
        bool empty;                          /* the last run that was complete brought nobody */
        bool unsettled;                      /* since the last full run the keeper asks for another one */
        bool restarted;                      /* the last one ended as a watch, and was begun again at once */
        char error[WIRE_TEXT_MAX + 1];
        struct sync_wait *waits, *answered;  /* answered: to be told now */
};

struct syncs { struct sync *first; };

/* sync.c; NULL: none of that name is synchronised. */
struct sync *sync_find(const struct service *service, const char *name);
/* sync.c: begins one as planned, or sooner. One that runs is followed by another. */
void sync_plan_sooner(struct sync *sync, uint64_t in_ms);

/* Begins a run. 0, or a negative errno: nothing is under way then, and *why says more. */
int sync_run_begin(struct sync *sync, struct sbuf *why);
/* Ends whatever is under way, without a word. */
void sync_run_drop(struct sync *sync);
/* sync_wait.c: whether somebody waits for another run than those that have begun. */
bool sync_waits_more(const struct sync *sync);
/* sync_wait.c: the waits that this run, or the directory's end, answers. Each may cancel others. */
void sync_waits_answer(struct sync *sync, uint64_t run);
/* sync_run.c: the keeper has taken a run, or has not. */
void sync_run_answered(struct sync *sync, const struct protocol_keeper_synced *synced);
/* Whether it is complete and goes on as a watch. */
static inline bool sync_run_is_watch(const struct sync_run *run) { return run->watching_ms > 0; }
/* A watch is no more under way than a directory that waits for its time. */
static inline bool sync_is_busy(const struct sync *sync) { return sync->run.id != 0 && !sync_run_is_watch(&sync->run); }
/* sync.c: a run is complete, and its worker watches; again for each run after it. text: why its view is not published; or "". */
void sync_watches(struct sync *sync, const char *text);
/* sync.c: a watch has ended: another one is begun from where it was. */
void sync_watch_lost(struct sync *sync, const char *why);
/* sync.c: what had changed could not be told exactly: everything is read. */
void sync_full_needed(struct sync *sync, const char *why);
/* sync.c: the run has ended. complete: the store has it. text: why not; or why its view is not published; or "". */
void sync_ended(struct sync *sync, bool complete, const char *text);
