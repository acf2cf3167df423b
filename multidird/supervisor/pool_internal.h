/* The insides of a pool: what its queue (pool.c) and its processes (pool_process.c) share.
 * Relies on: multidird/supervisor/pool.
 * Must never: be included elsewhere. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "multidird/channel/endpoint.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/pool.h"
#include "multidird/supervisor/recent.h"

struct member;

struct job {
        struct job *next;             /* in a queue */
        struct pool *pool;
        struct member *member;        /* that works on it; NULL: queued */
        enum protocol_type type;
        struct protocol_check check;
        unsigned char *change;        /* WORKER_CHANGE; else NULL */
        size_t change_len;
        uint64_t queued_ms, given_ms; /* when it came, and when a member got it */
        uint64_t replica_changes;     /* the service's, when it came */
        sd_event_source *deadline;
        bool (*before)(void *userdata);
        job_done_fn done;             /* NULL: nobody listens any more */
        void *userdata;
};

/* A process of the pool. */
struct member {
        struct member *next;
        struct pool *pool;
        pid_t pid;
        struct endpoint *endpoint;    /* NULL: it is to end */
        sd_event_source *child, *timer; /* timer: the end of the job, or of idleness */
        struct job *job;
        bool proven;                  /* it has answered something */
        bool heard;                   /* ... and the last time the server did: a worker's connection is open, and was bound */
};

struct queue { struct job *first, *last; size_t count; };

struct pool {
        struct configuration *configuration; /* that owns the pool */
        struct service *service;
        size_t directory;
        enum sandbox_role role;              /* checker or worker */
        uint64_t check_ms, find_ms, broken_until_ms;
        char trouble[WIRE_TEXT_MAX + 1];     /* why the last process could not be started; "": it was */
        uint64_t heard_ms;                   /* when the server was last known to answer anything */
        struct queue finds, checks;
        struct recent *recent;               /* what its checkers have said of a replica; NULL: nothing */
        struct member *members;
        size_t member_count, member_max, at_once; /* at_once: so many are started without waiting to see whether they are needed */
        sd_event_source *wake;
        sd_event_source *hurry;       /* starts what may not be started at once */
        sd_event_source *stuck;       /* answers what waits for a pool that can start nothing */
};

/* pool.c */
/* The member's job is answered, and gone. It must not be the member's any more. */
void job_finish(struct job *job, const struct protocol_answer *answer);
void job_free(struct job *job);
const char *pool_name(const struct pool *pool);

/* pool_process.c: starts a member. 0, or a negative errno, and why in pool->trouble. */
int member_start(struct pool *pool);
/* Gives the job to an idle member. */
void member_give(struct member *member, struct job *job);
/* What the answer, or its lateness, says of the server. */
void pool_note(const struct job *job, const struct protocol_answer *answer);
/* Kills it and forgets it at once. */
void member_abandon(struct member *member);
