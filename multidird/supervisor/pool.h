/* The checkers, or the workers, of one directory: a bounded pool of processes that ask it whether it has a user, and check passwords.
 * Relies on: multidird/supervisor/process, multidird/channel/channel, sd-event.
 * Must never: hold up another pool. A process that hangs is killed at its deadline, one that crashes is replaced; their jobs are answered
 * "unavailable". A server that is known not to answer costs a login no time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "multidird/channel/jobs.h"
#include "multidird/sandbox/sandbox.h"
#include "multidird/supervisor/service.h"

struct pool;
struct job;
struct configuration;

/* answer: what the process said; all zero (unavailable) when it could not. The job is freed after the call. */
typedef void (*job_done_fn)(const struct protocol_answer *answer, void *userdata);

/* Of the directory (an index in the settings) and the role, checker or worker. The configuration must outlive it. NULL when memory is out. */
struct pool *pool_new(struct configuration *configuration, size_t directory, enum sandbox_role role);
/* Kills its processes. There must be no job left. NULL is fine. */
void pool_free(struct pool *pool);

struct job_request {
        enum protocol_type type;       /* CHECKER_FIND (before all others), CHECKER_CHECK, CHECKER_DUMMY (no worker), WORKER_TEST, _CHANGE_PASSWORD, _SET_PASSWORD,
                                          _CHANGE (no checker) */
        const char *user;
        const char *entry_id, *dn;     /* to a worker: what is known of the user; may be NULL */
        const struct secret *password; /* may be NULL */
        const struct secret *new_password; /* the same */
        const unsigned char *change;   /* WORKER_CHANGE: update_pack()'s bytes; its password is new_password. Else NULL */
        size_t change_len;
        uint64_t deadline_ms;          /* monotonic: then it is answered unavailable, wherever it is */
};

#define POOL_CHANGE_MS 25000u /* a change may take so long: the groups that name an entry may be many */

/* Queues a job; the request is copied. done is called exactly once, from the loop, unless the job is cancelled.
 * 0, -ENOBUFS (the queue is full), or another negative errno: then done is not called. */
int pool_submit(struct pool *pool, const struct job_request *request, job_done_fn done, void *userdata, struct job **job);
/* Of checkers: what one would answer to CHECKER_FIND, if one has just been asked and nothing has changed since (supervisor/recent.h). False: submit it. */
bool pool_recall(const struct pool *pool, const char *user, struct protocol_answer *answer);
/* before: asked right before a process gets the job; false: the job ends there, as cancelled, and before has told its owner. NULL: none. */
void job_set_before(struct job *job, bool (*before)(void *userdata));
/* Gives waiting jobs to idle members, and starts members for the rest as far as the bound goes: now, not at the loop's next turn. Whatever job is given away
 * has its before() asked, and may be gone afterwards; nobody's done() is called. */
void pool_run(struct pool *pool);
/* done will not be called. A check that runs goes on, unheard. */
void job_cancel(struct job *job);
