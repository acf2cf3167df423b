/* The checkers or workers of one directory: what waits for them; see supervisor/pool.h.
 * Relies on: supervisor/pool_process.c.
 * Must never: wait for a process; start more than its bound; start again and again what dies at once. */
#include "multidird/supervisor/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/supervisor/outage.h"
#include "multidird/supervisor/pool_internal.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/server_notes.h"

#define QUEUE_MAX 4096            /* jobs waiting in one pool */
#define BACKOFF_MS 1000           /* after a process that could not be started */
#define CHECKERS_MAX 64
#define WORKERS_AT_ONCE 8         /* each is a connection to the server: as many as a quick one has a use for */
#define WORKERS_MAX 128           /* ... and as many as a slow one gets, where logins do nothing but wait */
#define PATIENCE_MS 100           /* how long a job waits before one more than WORKERS_AT_ONCE is started for it */
#define STARTS_PER_TURN 4         /* of those beyond: other directories' logins wait for the loop meanwhile */
#define TURN_MS 10

static void queue_add(struct queue *queue, struct job *job) {
        if (queue->last)
                queue->last->next = job;
        else
                queue->first = job;
        queue->last = job;
        queue->count++;
}

static bool queue_remove(struct queue *queue, struct job *job) {
        struct job *before = NULL;
        for (struct job *j = queue->first; j; before = j, j = j->next) {
                if (j != job)
                        continue;
                if (before)
                        before->next = j->next;
                else
                        queue->first = j->next;
                if (queue->last == j)
                        queue->last = before;
                j->next = NULL;
                queue->count--;
                return true;
        }
        return false;
}

void job_free(struct job *job) {
        (void)sd_event_source_disable_unref(job->deadline);
        secret_done(&job->check.password);
        secret_done(&job->check.new_password);
        free(job->change);
        free(job);
}

static void job_dequeue(struct job *job) {
        if (!queue_remove(&job->pool->finds, job))
                (void)queue_remove(&job->pool->checks, job);
}

void job_finish(struct job *job, const struct protocol_answer *answer) {
        job_done_fn done = job->done;
        void *userdata = job->userdata;
        job_free(job);
        if (done)
                done(answer, userdata);
}

const char *pool_name(const struct pool *pool) {
        return configuration_settings(pool->configuration)->directories[pool->directory].name;
}

/* heard: one that the server has just answered. */
static struct member *idle_member(struct pool *pool, bool heard) {
        for (struct member *m = pool->members; m; m = m->next)
                if (m->endpoint && !m->job && (m->heard || !heard))
                        return m;
        return NULL;
}

/* Who may be given what uses the server. */
enum use {
        USE_NONE = 0, /* it is known to be away, or refuses the service's own account: nobody need wait for it */
        USE_HEARD,    /* it refuses the account, but answers those that were bound before: nobody binds anew */
        USE_ANY,
};

static enum use use_now(const struct pool *pool) {
        if (pool->role != SANDBOX_WORKER)
                return USE_ANY;
        if (outage_is_down(pool->service, pool_name(pool)))
                return USE_NONE;
        if (!server_notes_is_refused(pool->service, pool_name(pool)))
                return USE_ANY;
        for (const struct member *m = pool->members; m; m = m->next)
                if (m->endpoint && m->heard)
                        return USE_HEARD;
        return USE_NONE;
}

/* The first that waits: all finds before the first check. tests: those that try the server; else those that use it. */
static struct job *first_job(const struct pool *pool, bool tests) {
        if (pool->finds.first && !tests)
                return pool->finds.first;
        for (struct job *job = pool->checks.first; job; job = job->next)
                if ((job->type == WORKER_TEST) == tests)
                        return job;
        return NULL;
}

/* The next job that still wants to run. usable: also of those that use the server; else only what asks for its trouble. */
static struct job *next_job(struct pool *pool, bool usable) {
        for (;;) {
                struct job *job = usable ? first_job(pool, false) : NULL;
                if (!job)
                        job = first_job(pool, true);
                if (!job)
                        return NULL;
                job_dequeue(job);
                if (!job->before || job->before(job->userdata))
                        return job;
                job_free(job);
        }
}

static int on_stuck(sd_event_source *source, void *userdata) {
        struct pool *pool = userdata;
        struct protocol_answer unavailable = { 0 };
        pool->stuck = sd_event_source_disable_unref(pool->stuck);
        /* Only what waits now: an answer may queue the next job of the same login. */
        for (size_t left = pool->finds.count + pool->checks.count; left > 0; left--) {
                struct job *job = first_job(pool, false);
                if (!job && pool->member_count == 0)
                        job = first_job(pool, true);
                if (!job)
                        break;
                job_dequeue(job);
                (void)snprintf(unavailable.text, sizeof unavailable.text, "%s", job->type == WORKER_TEST ? pool->trouble : "");
                job_finish(job, &unavailable);
        }
        return 0;
}

static int on_hurry(sd_event_source *source, uint64_t usec, void *userdata) {
        struct pool *pool = userdata;
        pool->hurry = sd_event_source_disable_unref(pool->hurry);
        pool_run(pool);
        return 0;
}

/* Whether a job that waits gets another process now. hurried: how many of this turn's are beyond at_once; jobs that have to wait for theirs are
 * looked at again. */
static bool may_start(struct pool *pool, unsigned *hurried) {
        uint64_t now = clock_monotonic_ms();
        const struct job *job = first_job(pool, false);
        if (pool->member_count >= pool->member_max || now < pool->broken_until_ms)
                return false;
        if (pool->member_count < pool->at_once)
                return true;
        uint64_t due = job ? job->queued_ms + PATIENCE_MS : now;
        if (now >= due && (*hurried)++ < STARTS_PER_TURN)
                return true;
        if (!pool->hurry)
                (void)sd_event_add_time(pool->service->event, &pool->hurry, CLOCK_MONOTONIC, (now < due ? due : now + TURN_MS) * 1000, 1000, on_hurry, pool);
        return false;
}

static struct member *new_member(struct pool *pool, unsigned *hurried) {
        if (!may_start(pool, hurried))
                return NULL;
        int r = member_start(pool);
        if (r < 0) {
                log_error("directory %s: cannot start a %s: %s", pool_name(pool), process_role_name(pool->role), pool->trouble);
                pool->broken_until_ms = clock_monotonic_ms() + BACKOFF_MS;
        }
        return idle_member(pool, false);
}

/* Gives one waiting job to somebody. False: there is none, or nobody for it. */
static bool run_one(struct pool *pool, enum use use, unsigned *hurried) {
        bool usable = use != USE_NONE && first_job(pool, false), heard = usable && use == USE_HEARD;
        if (!usable && !first_job(pool, true))
                return false;
        struct member *member = idle_member(pool, heard);
        if (!member && !heard)
                member = new_member(pool, hurried);
        struct job *job = member ? next_job(pool, usable) : NULL;
        if (job)
                member_give(member, job);
        return job != NULL;
}

void pool_run(struct pool *pool) {
        unsigned hurried = 0;
        enum use use = use_now(pool);
        (void)sd_event_source_set_enabled(pool->wake, SD_EVENT_OFF);
        while (run_one(pool, use, &hurried))
                use = use_now(pool);
        /* Nothing works on them and nothing may be started now: waiting would only spend the logins' time. */
        bool stuck = pool->member_count == 0 ? pool->finds.first || pool->checks.first : use == USE_NONE && first_job(pool, false);
        if (stuck && !pool->stuck)
                (void)sd_event_add_defer(pool->service->event, &pool->stuck, on_stuck, pool);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;
        struct protocol_answer unavailable = { .unreachable = true };
        if (!job->member) {
                job_dequeue(job);
                job_finish(job, &unavailable);
                return 0;
        }
        /* The process has its own limit; it keeps the job until it answers or is killed. */
        pool_note(job, &unavailable);
        job_done_fn done = job->done;
        job->done = NULL;
        if (done)
                done(&unavailable, job->userdata);
        return 0;
}

static int on_wake(sd_event_source *source, void *userdata) {
        pool_run(userdata);
        return 0;
}

/* Runs the pool once, from the loop. */
static int pool_wake(struct pool *pool) {
        int r = pool->wake ? 0 : sd_event_add_defer(pool->service->event, &pool->wake, on_wake, pool);
        return r < 0 ? r : sd_event_source_set_enabled(pool->wake, SD_EVENT_ONESHOT);
}

int pool_submit(struct pool *pool, const struct job_request *request, job_done_fn done, void *userdata, struct job **job) {
        if (pool->finds.count + pool->checks.count >= QUEUE_MAX)
                return -ENOBUFS;
        if (strlen(request->user) > WIRE_NAME_MAX)
                return -ENAMETOOLONG;
        struct job *new = calloc(1, sizeof *new);
        if (!new)
                return -ENOMEM;
        *new = (struct job){ .pool = pool, .type = request->type, .queued_ms = clock_monotonic_ms(), .done = done, .userdata = userdata,
                              .replica_changes = pool->service->replica_changes };
        new->check.id = service_id(pool->service);
        memcpy(new->check.user, request->user, strlen(request->user) + 1);
        (void)snprintf(new->check.entry_id, sizeof new->check.entry_id, "%s", request->entry_id ? request->entry_id : "");
        (void)snprintf(new->check.dn, sizeof new->check.dn, "%s", request->dn ? request->dn : "");
        if (request->password)
                (void)secret_set(&new->check.password, request->password->bytes, request->password->len);
        if (request->new_password)
                (void)secret_set(&new->check.new_password, request->new_password->bytes, request->new_password->len);
        new->change_len = request->change_len;
        new->change = request->change ? malloc(request->change_len + 1) : NULL;
        if (request->change && !new->change) {
                job_free(new);
                return -ENOMEM;
        }
        if (request->change)
                memcpy(new->change, request->change, request->change_len);
        int r = sd_event_add_time(pool->service->event, &new->deadline, CLOCK_MONOTONIC, request->deadline_ms * 1000, 10000, on_deadline, new);
        if (r < 0) {
                job_free(new);
                return r;
        }
        /* Not at once: the caller has yet to keep the job, and to say what is asked before. */
        r = pool_wake(pool);
        if (r < 0) {
                job_free(new);
                return r;
        }
        queue_add(request->type == CHECKER_FIND ? &pool->finds : &pool->checks, new);
        *job = new;
        return 0;
}

bool pool_recall(const struct pool *pool, const char *user, struct protocol_answer *answer) {
        return recent_find(pool->recent, user, pool->service->replica_changes, clock_monotonic_ms(), answer);
}

void job_set_before(struct job *job, bool (*before)(void *userdata)) {
        job->before = before;
}

void job_cancel(struct job *job) {
        if (!job)
                return;
        job->done = NULL;
        job->before = NULL;
        if (job->member)
                return;
        job_dequeue(job);
        job_free(job);
}

struct pool *pool_new(struct configuration *configuration, size_t directory, enum sandbox_role role) {
        struct pool *pool = calloc(1, sizeof *pool);
        if (!pool)
                return NULL;
        uint64_t check_ms = configuration_settings(configuration)->login_deadline_s * 1000;
        *pool = (struct pool){ .service = configuration->service, .configuration = configuration, .directory = directory, .role = role,
                               .check_ms = check_ms, .find_ms = role == SANDBOX_WORKER ? check_ms : check_ms / 4 };
        /* A worker waits for its server, a checker computes. */
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        pool->at_once = role == SANDBOX_WORKER ? WORKERS_AT_ONCE : processors < 2 ? 2 : processors > CHECKERS_MAX ? CHECKERS_MAX : (size_t)processors;
        pool->member_max = role == SANDBOX_WORKER ? WORKERS_MAX : pool->at_once;
        return pool;
}

void pool_free(struct pool *pool) {
        if (!pool)
                return;
        while (pool->members)
                member_abandon(pool->members);
        (void)sd_event_source_disable_unref(pool->stuck);
        (void)sd_event_source_disable_unref(pool->hurry);
        (void)sd_event_source_disable_unref(pool->wake);
        recent_free(pool->recent);
        free(pool);
}
