/* Jobs that wait for a worker: a queue's time is not the server's. A change has its time from the moment in which a worker gets it (U12), one that no worker
 * got was not made, and neither is held against the server. The workers are children of this test that take their time.
 * Relies on: cmocka, wrapped calls (worker_start and what is told of servers), multidird/supervisor/pool.h alone.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "multidird/channel/update.h"
#include "multidird/requests/server_change.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/outage.h"
#include "multidird/supervisor/pool.h"
#include "multidird/supervisor/server_notes.h"
#include "multidird/supervisor/worker_start.h"

/* --- the workers */

static unsigned started, startable;

/* What a job says to its worker: how long it takes, and whether the server answers in the end. In a change these are its bytes, in a find its name. */
static void work(struct channel *channel, const struct channel_frame *frame) {
        struct protocol_answer answer = { .unreachable = true };
        struct protocol_change change = { 0 };
        struct protocol_check check = { 0 };
        char say[32] = "";
        if (frame->type == WORKER_CHANGE && protocol_get_change(frame->payload, frame->len, &change) == 0 && change.change_len < sizeof say)
                memcpy(say, change.change, change.change_len);
        else if (frame->type == CHECKER_FIND && protocol_get_check(frame->payload, frame->len, &check) == 0)
                memcpy(say, check.user, sizeof say);
        else
                return;
        answer.id = frame->type == WORKER_CHANGE ? change.id : check.id;
        char *word = NULL;
        (void)poll(NULL, 0, (int)strtol(say, &word, 10));
        if (strcmp(word, " yes") == 0) {
                answer.unreachable = false;
                answer.change = CHANGE_DONE;
                answer.presence = PRESENCE_FOUND;
        }
        (void)protocol_send_answer(channel, &answer);
        (void)channel_write(channel);
}

static void be_worker(int fd) {
        struct channel *channel = NULL;
        struct channel_frame frame;
        int r = channel_new(fd, 1 << 20, 0, &channel);
        while (r == 0) {
                (void)poll(&(struct pollfd){ .fd = channel_fd(channel), .events = POLLIN }, 1, -1);
                r = channel_read(channel);
                while (channel_next(channel, &frame) > 0)
                        work(channel, &frame);
        }
        _exit(0);
}

int __wrap_worker_start(const struct configuration *configuration, size_t directory, pid_t *pid, int *fd);
int __wrap_worker_start(const struct configuration *configuration, size_t directory, pid_t *pid, int *fd) {
        int pair[2];
        if (started == startable)
                return -EAGAIN;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        *pid = fork();
        assert_true(*pid >= 0);
        if (*pid == 0) {
                (void)close(pair[0]);
                be_worker(pair[1]);
        }
        (void)close(pair[1]);
        *fd = pair[0];
        started++;
        return 0;
}

int __wrap_worker_greet(const struct configuration *configuration, size_t directory, struct channel *channel, struct sbuf *why);
int __wrap_worker_greet(const struct configuration *configuration, size_t directory, struct channel *channel, struct sbuf *why) { return 0; }

/* --- what is told of the server */

static unsigned answered, silent, suspected;

void __wrap_outage_answered(struct service *service, const char *directory);
void __wrap_outage_answered(struct service *service, const char *directory) { answered++; }
void __wrap_outage_silent(struct service *service, const char *directory);
void __wrap_outage_silent(struct service *service, const char *directory) { silent++; }
void __wrap_outage_suspect(struct service *service, const char *directory);
void __wrap_outage_suspect(struct service *service, const char *directory) { suspected++; }
bool __wrap_outage_is_down(const struct service *service, const char *directory);
bool __wrap_outage_is_down(const struct service *service, const char *directory) { return false; }
bool __wrap_server_notes_is_refused(struct service *service, const char *directory);
bool __wrap_server_notes_is_refused(struct service *service, const char *directory) { return false; }
void __wrap_server_notes_try(struct service *service, const char *directory);
void __wrap_server_notes_try(struct service *service, const char *directory) {}
void __wrap_server_notes_taken(struct service *service, const char *directory);
void __wrap_server_notes_taken(struct service *service, const char *directory) {}

/* --- the rows */

#define JOBS_MAX 3
#define LONG 60000u
enum outcome { NOT_THERE = 0, DONE, UNKNOWN, NOT_MADE, FOUND, UNAVAILABLE };

struct asked {
        const char *change, *find;   /* one of the two */
        uint64_t deadline_ms;        /* from when it is submitted */
        enum outcome outcome;
        unsigned turn;               /* in which it is answered: the first is 1 */
};

/* One worker at the most. Where an answer must come before or after something else, a second or more lies between: this machine may be busy. */
static const struct { const char *rule; unsigned workers; struct asked jobs[JOBS_MAX]; unsigned silent, suspected; } rows[] = {
        { "a change that is answered", 1, { { "10 yes", NULL, LONG, DONE, 1 } }, 0, 0 },
        { "the server does not answer: nobody knows, and it is asked whether it lives", 1, { { "10 no", NULL, LONG, UNKNOWN, 1 } }, 0, 1 },
        { "U12: its deadline passes while it is made, after it has waited: its answer counts, and nothing is the server's fault", 1,
          { { "500 yes", NULL, LONG, DONE, 1 }, { "2500 yes", NULL, 2000, DONE, 2 } }, 0, 0 },
        { "... however many wait", 1, { { "300 yes", NULL, LONG, DONE, 1 }, { "300 yes", NULL, LONG, DONE, 2 }, { "2500 yes", NULL, 2200, DONE, 3 } }, 0, 0 },
        { "one that no worker got in time was not made, and that says nothing of the server", 1,
          { { "2000 yes", NULL, LONG, DONE, 2 }, { "10 yes", NULL, 300, NOT_MADE, 1 } }, 0, 0 },
        { "there is no worker at all", 0, { { "10 yes", NULL, LONG, NOT_MADE, 1 } }, 0, 0 },
        { "a change is no proof of silence, however long it takes", 1, { { "400 no", NULL, LONG, UNKNOWN, 1 } }, 0, 1 },
        { "a login that waits in vain is", 1, { { NULL, "400 no", LONG, UNAVAILABLE, 1 } }, 1, 0 },
        { "... but not one that waited while the server answered others", 1, { { NULL, "50 yes", LONG, FOUND, 1 }, { NULL, "400 no", LONG, UNAVAILABLE, 2 } }, 0, 1 },
};

struct waiting { const struct asked *asked; struct job *job; bool given; enum outcome outcome; unsigned turn; };
static unsigned turns;

static bool on_given(void *userdata) {
        ((struct waiting *)userdata)->given = true;
        return true;
}

static void on_done(const struct protocol_answer *answer, void *userdata) {
        struct waiting *waiting = userdata;
        const struct directory_settings directory = { .name = "corp", .type = DIRECTORY_LDAP };
        _cleanup_sbuf_ struct sbuf text = { 0 };
        enum reason reason;
        assert_int_equal(waiting->outcome, NOT_THERE);
        waiting->turn = ++turns;
        if (waiting->asked->find) {
                waiting->outcome = answer->presence == PRESENCE_FOUND ? FOUND : UNAVAILABLE;
                return;
        }
        enum change_state state = server_change_outcome(answer, waiting->given, &directory, "user ann", "modify-user", &reason, &text);
        waiting->outcome = state == CHANGE_DONE ? DONE : state == CHANGE_REFUSED ? NOT_MADE : UNKNOWN;
}

static void submit(struct pool *pool, const struct asked *asked, struct waiting *waiting) {
        const struct job_request request = {
                .type = asked->change ? WORKER_CHANGE : CHECKER_FIND, .user = asked->find ? asked->find : "", .change = (const unsigned char *)asked->change,
                .change_len = asked->change ? strlen(asked->change) : 0, .deadline_ms = clock_monotonic_ms() + asked->deadline_ms,
        };
        *waiting = (struct waiting){ .asked = asked };
        assert_int_equal(pool_submit(pool, &request, on_done, waiting, &waiting->job), 0);
        job_set_before(waiting->job, on_given);
}

static void each_row(void **state) {
        struct directory_settings directory = { .name = "corp", .type = DIRECTORY_LDAP, .active = true };
        struct config config = { .settings = { .directories = &directory, .directory_count = 1, .login_deadline_s = 8 } };
        struct service service = { 0 };
        struct configuration configuration = { .service = &service, .config = &config };
        assert_true(sd_event_new(&service.event) >= 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct waiting waiting[JOBS_MAX] = { 0 };
                unsigned count = 0;
                started = answered = silent = suspected = turns = 0;
                startable = rows[i].workers;
                struct pool *pool = pool_new(&configuration, 0, SANDBOX_WORKER);
                assert_non_null(pool);
                for (; count < JOBS_MAX && rows[i].jobs[count].outcome != NOT_THERE; count++)
                        submit(pool, &rows[i].jobs[count], &waiting[count]);
                for (uint64_t end = clock_monotonic_ms() + 30000; turns < count && clock_monotonic_ms() < end;)
                        assert_true(sd_event_run(service.event, 100000) >= 0);
                for (unsigned k = 0; k < count; k++)
                        if (waiting[k].outcome != rows[i].jobs[k].outcome || waiting[k].turn != rows[i].jobs[k].turn)
                                fail_msg("%s: job %u: outcome %d in turn %u", rows[i].rule, k, waiting[k].outcome, waiting[k].turn);
                if (silent != rows[i].silent || suspected != rows[i].suspected)
                        fail_msg("%s: silent %u, suspected %u", rows[i].rule, silent, suspected);
                pool_free(pool);
        }
        sd_event_unref(service.event);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_row) };
        sigset_t child;
        (void)sigemptyset(&child);
        (void)sigaddset(&child, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &child, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
