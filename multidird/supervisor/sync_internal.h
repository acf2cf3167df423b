/* The insides of synchronisations: what the schedule (sync.c) and one run (sync_run.c) share.
 * Relies on: multidird/supervisor/sync.
 * Must never: be included elsewhere. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "multidird/channel/endpoint.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/sync.h"

/* The one that is under way. */
struct sync_run {
        uint64_t id;                         /* 0: none is */
        struct configuration *configuration; /* a reference */
        size_t directory;
        pid_t pid;                           /* 0: the worker is gone, or was never there */
        struct endpoint *endpoint;
        sd_event_source *child, *limit;
        bool written;                        /* the worker has written all; the keeper has the word */
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
        unsigned failures;                   /* in a row */
        bool keeper_lost;                    /* the last one ended with its keeper */
        uint64_t ended_ms;
        char error[WIRE_TEXT_MAX + 1];
        struct sync_wait *waits, *answered;  /* answered: to be told now */
};

/* Begins a run. 0, or a negative errno: nothing is under way then, and *why says more. */
int sync_run_begin(struct sync *sync, struct sbuf *why);
/* Ends whatever is under way, without a word. */
void sync_run_drop(struct sync *sync);
/* sync.c: the run has ended. complete: the store has it. text: why not; or why its view is not published; or "". */
void sync_ended(struct sync *sync, bool complete, const char *text);
