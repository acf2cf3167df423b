/* The checkers of one directory; see supervisor/pool.h.
 * Relies on: checkers answer one job at a time, in order.
 * Must never: wait for a checker; start more than its bound; start again and again what dies at once. */
#include "multidird/supervisor/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/channel/endpoint.h"
#include "multidird/supervisor/process.h"

#define QUEUE_MAX 4096            /* jobs waiting in one pool */
#define IDLE_US (60 * 1000000ull) /* a checker without work ends after this */
#define LEAVE_US (5 * 1000000ull) /* ... and is killed when it does not */
#define BACKOFF_MS 1000           /* after a checker that died before its first answer */
#define CHECKERS_MAX 64
#define ANSWER_MAX 1024           /* bytes of the largest message that a checker has to send */

struct job {
        struct job *next;             /* in a queue */
        struct pool *pool;
        struct checker *checker;      /* that works on it; NULL: queued */
        enum protocol_type type;
        struct protocol_check check;
        sd_event_source *deadline;
        bool (*before)(void *userdata);
        job_done_fn done;             /* NULL: nobody listens any more */
        void *userdata;
};

struct checker {
        struct checker *next;
        struct pool *pool;
        pid_t pid;
        struct endpoint *endpoint;
        sd_event_source *child, *timer; /* timer: the end of the job, or of idleness */
        struct job *job;
        bool proven;                  /* it has answered something */
};

struct queue { struct job *first, *last; size_t count; };

struct pool {
        struct service *service;
        const struct config_sources *sources;
        char *directory;
        uint64_t check_ms, find_ms, broken_until_ms;
        struct queue finds, checks;
        struct checker *checkers;
        size_t checker_count, checker_max;
        sd_event_source *wake;
        sd_event_source *stuck;       /* answers what waits for a pool that can start nothing */
};

static void pool_run(struct pool *pool);

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

static void job_free(struct job *job) {
        (void)sd_event_source_disable_unref(job->deadline);
        secret_done(&job->check.password);
        free(job);
}

static void job_dequeue(struct job *job) {
        if (!queue_remove(&job->pool->finds, job))
                (void)queue_remove(&job->pool->checks, job);
}

/* Answers; then the job is gone. It must be neither queued nor a checker's. */
static void job_finish(struct job *job, const struct protocol_answer *answer) {
        job_done_fn done = job->done;
        void *userdata = job->userdata;
        job_free(job);
        if (done)
                done(answer, userdata);
}

static void checker_free(struct checker *checker) {
        for (struct checker **at = &checker->pool->checkers; *at; at = &(*at)->next)
                if (*at == checker) {
                        *at = checker->next;
                        checker->pool->checker_count--;
                        break;
                }
        (void)sd_event_source_disable_unref(checker->child);
        (void)sd_event_source_disable_unref(checker->timer);
        endpoint_free(checker->endpoint);
        free(checker);
}

/* The process is over. Its job, if any, is answered unavailable, and another process may take its place. */
static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct checker *checker = userdata;
        struct pool *pool = checker->pool;
        struct job *job = checker->job;
        char how[64];
        process_describe(info, how);
        if (job || !checker->proven || info->si_code != CLD_EXITED || info->si_status != 0)
                log_warning("directory %s: a checker ended with %s", pool->directory, how);
        if (!checker->proven)
                pool->broken_until_ms = clock_monotonic_ms() + BACKOFF_MS;
        checker_free(checker);
        if (job) {
                struct protocol_answer unavailable = { 0 };
                job_finish(job, &unavailable);
        }
        pool_run(pool);
        return 0;
}

/* The exit is seen by on_child; until then it counts against the bound, so that a process that cannot die is not multiplied. */
static void checker_kill(struct checker *checker) {
        if (checker->pid > 0)
                (void)kill(checker->pid, SIGKILL);
}

static int checker_set_timer(struct checker *checker, uint64_t usec);

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct checker *checker = userdata;
        struct job *job = checker->job;
        if (!job && checker->endpoint) {
                /* Idle for long: closing its socket lets it end by itself. One that stays would hold its place for ever. */
                checker->endpoint = (endpoint_free(checker->endpoint), NULL);
                if (checker_set_timer(checker, LEAVE_US) < 0)
                        checker_kill(checker);
                return 0;
        }
        log_warning("directory %s: a checker did not %s in time and is killed", checker->pool->directory, job ? "answer" : "end");
        checker_kill(checker);
        return 0;
}

static int checker_set_timer(struct checker *checker, uint64_t usec) {
        uint64_t now = 0;
        int r = sd_event_now(checker->pool->service->event, CLOCK_MONOTONIC, &now);
        if (r < 0)
                return r;
        if (!checker->timer)
                return sd_event_add_time(checker->pool->service->event, &checker->timer, CLOCK_MONOTONIC, now + usec, 10000, on_timer, checker);
        r = sd_event_source_set_time(checker->timer, now + usec);
        return r < 0 ? r : sd_event_source_set_enabled(checker->timer, SD_EVENT_ONESHOT);
}

static bool on_frame(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata) {
        struct checker *checker = userdata;
        struct pool *pool = checker->pool;
        struct protocol_answer answer;
        struct job *job = checker->job;
        if (frame->type != CHECKER_ANSWER || protocol_get_answer(frame->payload, frame->len, &answer) < 0 || !job || answer.id != job->check.id) {
                log_error("directory %s: a checker sent nonsense and is killed", pool->directory);
                checker_kill(checker);
                endpoint_pause(endpoint, true);
                return true;
        }
        checker->job = NULL;
        checker->proven = true;
        (void)checker_set_timer(checker, IDLE_US);
        /* The next job first: its check runs while the answer of this one is worked on. */
        pool_run(pool);
        job_finish(job, &answer);
        return true;
}

static void on_gone(struct endpoint *endpoint, int error, void *userdata) {
        struct checker *checker = userdata;
        checker->endpoint = (endpoint_free(checker->endpoint), NULL);
        checker_kill(checker);
}

static int checker_start(struct pool *pool) {
        struct checker *checker = calloc(1, sizeof *checker);
        if (!checker)
                return -ENOMEM;
        _cleanup_close_ int fd = -1;
        checker->pool = pool;
        int r = process_start(pool->service, "checker", pool->directory, &checker->pid, &fd);
        if (r < 0) {
                free(checker);
                return r;
        }
        checker->next = pool->checkers;
        pool->checkers = checker;
        pool->checker_count++;
        r = process_watch(pool->service, checker->pid, on_child, checker, &checker->child);
        if (r == 0)
                r = endpoint_new(pool->service->event, TAKE_FD(fd), ANSWER_MAX, 0, on_frame, on_gone, checker, &checker->endpoint);
        if (r == 0)
                r = protocol_send_config(endpoint_channel(checker->endpoint), pool->sources);
        if (r == 0)
                r = checker_set_timer(checker, IDLE_US);
        if (r < 0)
                checker_kill(checker);
        return r;
}

static struct checker *idle_checker(struct pool *pool) {
        for (struct checker *c = pool->checkers; c; c = c->next)
                if (c->endpoint && !c->job)
                        return c;
        return NULL;
}

/* Gives the job to the checker. */
static void checker_give(struct checker *checker, struct job *job) {
        uint64_t limit_ms = job->type == CHECKER_FIND ? checker->pool->find_ms : checker->pool->check_ms;
        checker->job = job;
        job->checker = checker;
        int r = protocol_send_check(endpoint_channel(checker->endpoint), job->type, &job->check);
        secret_done(&job->check.password);
        if (r == 0)
                r = checker_set_timer(checker, limit_ms * 1000);
        if (r < 0)
                checker_kill(checker);
        else
                endpoint_flush(checker->endpoint);
}

/* The next job that still wants to run: all finds before the first check. */
static struct job *next_job(struct pool *pool) {
        for (;;) {
                struct job *job = pool->finds.first ? pool->finds.first : pool->checks.first;
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
                struct job *job = pool->finds.first ? pool->finds.first : pool->checks.first;
                if (!job)
                        break;
                job_dequeue(job);
                job_finish(job, &unavailable);
        }
        return 0;
}

/* Gives waiting jobs to idle checkers, and starts checkers for the rest as far as the bound goes. */
static void pool_run(struct pool *pool) {
        while (pool->finds.first || pool->checks.first) {
                struct checker *checker = idle_checker(pool);
                if (!checker && pool->checker_count < pool->checker_max && clock_monotonic_ms() >= pool->broken_until_ms) {
                        int r = checker_start(pool);
                        if (r < 0)
                                log_error("directory %s: cannot start a checker: %s", pool->directory, strerror(-r));
                        if (r < 0)
                                pool->broken_until_ms = clock_monotonic_ms() + BACKOFF_MS;
                        checker = idle_checker(pool);
                }
                if (!checker)
                        break;
                struct job *job = next_job(pool);
                if (job)
                        checker_give(checker, job);
        }
        /* Nothing works on them and nothing may be started now: waiting would only spend the logins' time. */
        if (pool->checker_count == 0 && (pool->finds.first || pool->checks.first) && !pool->stuck)
                (void)sd_event_add_defer(pool->service->event, &pool->stuck, on_stuck, pool);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        struct job *job = userdata;
        struct protocol_answer unavailable = { 0 };
        if (!job->checker) {
                job_dequeue(job);
                job_finish(job, &unavailable);
                return 0;
        }
        /* The checker has its own limit; it keeps the job until it answers or is killed. */
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

int pool_submit(struct pool *pool, enum protocol_type type, const char *user, const struct secret *password, uint64_t deadline_ms,
                job_done_fn done, void *userdata, struct job **job) {
        if (pool->finds.count + pool->checks.count >= QUEUE_MAX)
                return -ENOBUFS;
        if (strlen(user) > WIRE_NAME_MAX)
                return -ENAMETOOLONG;
        struct job *new = calloc(1, sizeof *new);
        if (!new)
                return -ENOMEM;
        *new = (struct job){ .pool = pool, .type = type, .done = done, .userdata = userdata };
        new->check.id = service_id(pool->service);
        memcpy(new->check.user, user, strlen(user) + 1);
        if (password)
                (void)secret_set(&new->check.password, password->bytes, password->len);
        int r = sd_event_add_time(pool->service->event, &new->deadline, CLOCK_MONOTONIC, deadline_ms * 1000, 10000, on_deadline, new);
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
        queue_add(type == CHECKER_FIND ? &pool->finds : &pool->checks, new);
        *job = new;
        return 0;
}

void job_set_before(struct job *job, bool (*before)(void *userdata)) {
        job->before = before;
}

void job_cancel(struct job *job) {
        if (!job)
                return;
        job->done = NULL;
        job->before = NULL;
        if (job->checker)
                return;
        job_dequeue(job);
        job_free(job);
}

struct pool *pool_new(struct service *service, const struct config_sources *sources, const char *directory, uint64_t check_ms) {
        struct pool *pool = calloc(1, sizeof *pool);
        if (!pool)
                return NULL;
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        *pool = (struct pool){ .service = service, .sources = sources, .check_ms = check_ms, .find_ms = check_ms / 4 };
        pool->checker_max = processors < 2 ? 2 : processors > CHECKERS_MAX ? CHECKERS_MAX : (size_t)processors;
        pool->directory = strdup(directory);
        if (!pool->directory) {
                free(pool);
                return NULL;
        }
        return pool;
}

void pool_free(struct pool *pool) {
        if (!pool)
                return;
        while (pool->checkers) {
                struct checker *checker = pool->checkers;
                checker_kill(checker);
                if (checker->job)
                        job_free(checker->job);
                pid_t pid = checker->pid;
                checker_free(checker);
                process_forget(pool->service, pid);
        }
        (void)sd_event_source_disable_unref(pool->stuck);
        (void)sd_event_source_disable_unref(pool->wake);
        free(pool->directory);
        free(pool);
}
