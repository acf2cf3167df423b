/* The checkers of one directory: a bounded pool of processes that ask it whether it has a user, and check passwords.
 * Relies on: multidird/supervisor/process, multidird/channel/protocol, sd-event.
 * Must never: hold up another pool. A process that hangs is killed at its deadline, one that crashes is replaced; their jobs are answered
 * "unavailable". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "config/config.h"
#include "multidird/channel/protocol.h"
#include "multidird/supervisor/service.h"

struct pool;
struct job;

/* answer: what the checker said; all zero (unavailable) when it could not. The job is freed after the call. */
typedef void (*job_done_fn)(const struct protocol_answer *answer, void *userdata);

/* sources: what the checkers get as their configuration; must outlive the pool. check_ms: how long one check may take before its process is
 * killed. NULL when memory is out. */
struct pool *pool_new(struct service *service, const struct config_sources *sources, const char *directory, uint64_t check_ms);
/* Kills its processes. There must be no job left. NULL is fine. */
void pool_free(struct pool *pool);

/* Queues a job: CHECKER_FIND (before all checks), CHECKER_CHECK or CHECKER_DUMMY. password may be NULL. At deadline_ms (monotonic) it is
 * answered unavailable, wherever it is. done is called exactly once, from the loop, unless the job is cancelled.
 * 0, -ENOBUFS (the queue is full), or another negative errno: then done is not called. */
int pool_submit(struct pool *pool, enum protocol_type type, const char *user, const struct secret *password, uint64_t deadline_ms,
                job_done_fn done, void *userdata, struct job **job);
/* before: asked right before a checker gets the job; false: the job ends there, as cancelled, and before has told its owner. NULL: none. */
void job_set_before(struct job *job, bool (*before)(void *userdata));
/* done will not be called. A check that runs goes on, unheard. */
void job_cancel(struct job *job);
