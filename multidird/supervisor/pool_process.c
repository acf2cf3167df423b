/* The processes of a pool; see supervisor/pool.h.
 * Relies on: a member answers one job at a time, in order.
 * Must never: wait for a member; keep one whose word was nonsense. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sbuf.h"
#include "multidird/channel/update.h"
#include "multidird/supervisor/outage.h"
#include "multidird/supervisor/pool_internal.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/server_notes.h"
#include "multidird/supervisor/worker_start.h"

#define IDLE_US (60 * 1000000ull) /* a member without work ends after this */
#define LEAVE_US (5 * 1000000ull) /* ... and is killed when it does not */
#define BACKOFF_MS 1000           /* after a member that died before its first answer */
#define ANSWER_MAX (8192 + sizeof(struct user_profile)) /* bytes of the largest message that a member has to send */
#define SLOW_MS 250               /* an answer "unavailable" that took longer is the server's fault until that is found out */

static void member_free(struct member *member) {
        for (struct member **at = &member->pool->members; *at; at = &(*at)->next)
                if (*at == member) {
                        *at = member->next;
                        member->pool->member_count--;
                        break;
                }
        (void)sd_event_source_disable_unref(member->child);
        (void)sd_event_source_disable_unref(member->timer);
        endpoint_free(member->endpoint);
        free(member);
}

/* It writes: what an answer of it says is of another kind. */
static bool is_setting(const struct job *job) {
        return job->type == WORKER_CHANGE_PASSWORD || job->type == WORKER_SET_PASSWORD || job->type == WORKER_CHANGE;
}

static bool is_in_vain(const struct job *job, const struct protocol_answer *answer) {
        if (job->type == WORKER_CHANGE)
                return answer->change == CHANGE_UNKNOWN || (answer->change == CHANGE_REFUSED && answer->reason == REASON_UNAVAILABLE);
        if (is_setting(job))
                return answer->set == PASSWORD_SET_UNAVAILABLE || answer->set == PASSWORD_SET_UNKNOWN;
        return job->type == CHECKER_CHECK ? answer->password == CHECK_UNAVAILABLE : answer->presence == PRESENCE_UNAVAILABLE;
}

/* A change that was refused, perhaps on this host, before any server was asked: what it says is about the change only. */
static bool says_nothing(const struct job *job, const struct protocol_answer *answer) {
        return job->type == WORKER_CHANGE && answer->change == CHANGE_REFUSED && answer->reason != REASON_UNAVAILABLE && !answer->refused;
}

/* Whether the server takes the service's own account. What was done on a connection that was bound before says nothing of that. */
static void note_account(const struct job *job, const struct protocol_answer *answer) {
        if (answer->refused)
                server_notes_refused(job->pool->service, pool_name(job->pool), answer->text);
        else if (answer->taken)
                server_notes_taken(job->pool->service, pool_name(job->pool));
}

/* One that hangs costs every login its time: it is not asked again before it has answered a try. One that refuses at once is tried, and so is one at
 * which a user's bind hangs: that may be this user's alone. So is one that answered others while this job waited, for a worker or for its answer: a
 * queue's time is not the server's. An entry that is of no use, or a bind that goes oddly, says nothing of the server. */
void pool_note(const struct job *job, const struct protocol_answer *answer) {
        struct pool *pool = job->pool;
        bool setting = is_setting(job), in_vain = is_in_vain(job, answer);
        uint64_t now = clock_monotonic_ms();
        if (pool->role != SANDBOX_WORKER)
                return;
        note_account(job, answer);
        if (says_nothing(job, answer))
                return;
        bool answered = !in_vain || answer->refused || (!setting && !answer->unreachable), read = !setting && answer->presence != PRESENCE_UNAVAILABLE;
        if (answered)
                outage_answered(pool->service, pool_name(pool));
        else if (!setting && !read && now - job->given_ms >= SLOW_MS && pool->heard_ms <= job->queued_ms)
                outage_silent(pool->service, pool_name(pool));
        else
                outage_suspect(pool->service, pool_name(pool));
        if (answered || read)
                pool->heard_ms = now;
}

/* Lets the process end by itself. One that stays is killed: it would hold its place for ever. */
static void member_leave(struct member *member);

/* The process is over. Its job, if any, is answered unavailable, and another process may take its place. */
static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct member *member = userdata;
        struct pool *pool = member->pool;
        struct job *job = member->job;
        char how[64];
        process_describe(info, how);
        if (job || !member->proven || info->si_code != CLD_EXITED || info->si_status != 0)
                log_warning("directory %s: a %s ended with %s", pool_name(pool), process_role_name(pool->role), how);
        if (!member->proven)
                pool->broken_until_ms = clock_monotonic_ms() + BACKOFF_MS;
        member_free(member);
        if (job) {
                struct protocol_answer unavailable = { .unreachable = true };
                if (pool->role == SANDBOX_WORKER)
                        outage_suspect(pool->service, pool_name(pool));
                job_finish(job, &unavailable);
        }
        pool_run(pool);
        return 0;
}

/* The exit is seen by on_child; until then it counts against the bound, so that a process that cannot die is not multiplied. */
static void member_kill(struct member *member) {
        if (member->pid > 0)
                (void)kill(member->pid, SIGKILL);
}

static int member_set_timer(struct member *member, uint64_t usec);

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct member *member = userdata;
        struct job *job = member->job;
        if (!job && member->endpoint) {
                member_leave(member);
                return 0;
        }
        log_warning("directory %s: a %s did not %s in time and is killed", pool_name(member->pool), process_role_name(member->pool->role),
                    job ? "answer" : "end");
        member_kill(member);
        return 0;
}

static int member_set_timer(struct member *member, uint64_t usec) {
        uint64_t now = 0;
        int r = sd_event_now(member->pool->service->event, CLOCK_MONOTONIC, &now);
        if (r < 0)
                return r;
        if (!member->timer)
                return sd_event_add_time(member->pool->service->event, &member->timer, CLOCK_MONOTONIC, now + usec, 10000, on_timer, member);
        r = sd_event_source_set_time(member->timer, now + usec);
        return r < 0 ? r : sd_event_source_set_enabled(member->timer, SD_EVENT_ONESHOT);
}

static void member_leave(struct member *member) {
        member->endpoint = (endpoint_free(member->endpoint), NULL);
        if (member_set_timer(member, LEAVE_US) < 0)
                member_kill(member);
}

/* Whether the next job is better given to another process: this one's look at the world (which name server, which certificates) may be an old one. */
static bool is_spent(const struct pool *pool, const struct job *job, const struct protocol_answer *answer) {
        return pool->role == SANDBOX_WORKER && answer->unreachable && job->type != WORKER_CHANGE &&
               (job->type == CHECKER_CHECK ? answer->password == CHECK_UNAVAILABLE : answer->presence == PRESENCE_UNAVAILABLE);
}

static bool on_frame(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata) {
        struct member *member = userdata;
        struct pool *pool = member->pool;
        struct protocol_answer answer;
        struct job *job = member->job;
        if (frame->type != CHECKER_ANSWER || protocol_get_answer(frame->payload, frame->len, &answer) < 0 || !job || answer.id != job->check.id) {
                log_error("directory %s: a %s sent nonsense and is killed", pool_name(pool), process_role_name(pool->role));
                member_kill(member);
                endpoint_pause(endpoint, true);
                return true;
        }
        member->job = NULL;
        member->proven = true;
        bool spent = is_spent(pool, job, &answer);
        if (!says_nothing(job, &answer))
                member->heard = !is_in_vain(job, &answer);
        pool_note(job, &answer);
        if (job->type == CHECKER_FIND && pool->role == SANDBOX_CHECKER)
                recent_note(&pool->recent, job->check.user, &answer, job->replica_changes, clock_monotonic_ms());
        if (spent)
                member_leave(member);
        else
                (void)member_set_timer(member, IDLE_US);
        /* The next job first: its check runs while the answer of this one is worked on. */
        pool_run(pool);
        job_finish(job, &answer);
        return !spent;
}

static void on_gone(struct endpoint *endpoint, int error, void *userdata) {
        struct member *member = userdata;
        member->endpoint = (endpoint_free(member->endpoint), NULL);
        member_kill(member);
}

/* Queues the first messages. */
static int greet(struct member *member) {
        struct pool *pool = member->pool;
        _cleanup_sbuf_ struct sbuf why = { 0 };
        if (pool->role != SANDBOX_WORKER)
                return protocol_send_config(endpoint_channel(member->endpoint), &pool->configuration->sources);
        int r = worker_greet(pool->configuration, pool->directory, endpoint_channel(member->endpoint), &why);
        (void)snprintf(pool->trouble, sizeof pool->trouble, "%s", sbuf_text(&why));
        return r;
}

static int start_process(struct pool *pool, struct member *member, int *fd) {
        if (pool->role == SANDBOX_WORKER)
                return worker_start(pool->configuration, pool->directory, &member->pid, fd);
        return process_start(pool->service, &(struct process_role){ .role = pool->role, .directory = pool_name(pool) }, &member->pid, fd);
}

static int start(struct pool *pool) {
        struct member *member = calloc(1, sizeof *member);
        if (!member)
                return -ENOMEM;
        _cleanup_close_ int fd = -1;
        member->pool = pool;
        int r = start_process(pool, member, &fd);
        if (r < 0) {
                free(member);
                return r;
        }
        member->next = pool->members;
        pool->members = member;
        pool->member_count++;
        r = process_watch(pool->service, member->pid, on_child, member, &member->child);
        if (r == 0)
                r = endpoint_new(pool->service->event, TAKE_FD(fd), ANSWER_MAX, 0, on_frame, on_gone, member, &member->endpoint);
        if (r == 0)
                r = greet(member);
        if (r == 0)
                r = member_set_timer(member, IDLE_US);
        if (r < 0) {
                member->endpoint = (endpoint_free(member->endpoint), NULL);
                member_kill(member);
        }
        return r;
}

int member_start(struct pool *pool) {
        pool->trouble[0] = 0;
        int r = start(pool);
        if (r < 0 && !pool->trouble[0])
                (void)snprintf(pool->trouble, sizeof pool->trouble, "%s", process_start_problem(pool->service, pool->role, r));
        return r;
}

static int send_change(struct member *member, const struct job *job) {
        struct protocol_change message = { .id = job->check.id, .change = job->change, .change_len = job->change_len };
        (void)secret_set(&message.password, job->check.new_password.bytes, job->check.new_password.len);
        int r = protocol_send_change(endpoint_channel(member->endpoint), &message);
        secret_done(&message.password);
        return r;
}

void member_give(struct member *member, struct job *job) {
        uint64_t limit_ms = job->type == CHECKER_FIND ? member->pool->find_ms : job->type == WORKER_CHANGE ? POOL_CHANGE_MS : member->pool->check_ms;
        member->job = job;
        job->member = member;
        job->given_ms = clock_monotonic_ms();
        /* What waited long for a worker is not given up while that writes: then its answer would be lost, and what it wrote not read again. */
        if (job->type == WORKER_CHANGE)
                (void)sd_event_source_set_time(job->deadline, (job->given_ms + POOL_CHANGE_MS + 1000) * 1000);
        /* Who is bound tries nothing: the turn is for who binds. */
        if (member->pool->role == SANDBOX_WORKER && !member->heard)
                server_notes_try(member->pool->service, pool_name(member->pool));
        int r = job->type == WORKER_CHANGE ? send_change(member, job) : protocol_send_check(endpoint_channel(member->endpoint), job->type, &job->check);
        secret_done(&job->check.password);
        secret_done(&job->check.new_password);
        if (r == 0)
                r = member_set_timer(member, limit_ms * 1000);
        if (r < 0)
                member_kill(member);
        else
                endpoint_flush(member->endpoint);
}


void member_abandon(struct member *member) {
        struct service *service = member->pool->service;
        pid_t pid = member->pid;
        member_kill(member);
        if (member->job)
                job_free(member->job);
        member_free(member);
        process_forget(service, pid);
}
