/* Publishing; see publisher/publish.h. */
#include "multidird/publisher/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/publisher/installer.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/watch.h"

#define TASKS_MAX 8 /* the keeper has one view under way at most; the rest are rollbacks */
#define INSTALLER_LIMIT_US (120 * 1000000ull) /* a disk that takes longer than this is as good as gone */

/* The installer's descriptors. */
enum { INSTALLER_OUT = 3, INSTALLER_SOURCE = 4 };

/* What the child says, through a pipe, in one piece. */
struct outcome { int error; char text[WIRE_TEXT_MAX + 1]; };

struct task {
        uint64_t incarnation, generation; /* generation 0: the end of a rollback */
        int source;                       /* the keeper's memory, or -1 */
        enum installer_pause pause;
        publish_done_fn done;             /* NULL: a keeper waits for the answer */
        void *userdata;
};

struct publisher {
        struct task tasks[TASKS_MAX];     /* in order; the first is under way when pid is set */
        size_t task_count;
        pid_t pid;
        int result;                       /* the pipe's reading end */
        sd_event_source *child, *limit;
        uint64_t held;                    /* a rollback's generation, 0: none */
        struct task waiting;              /* the keeper's newest view while a rollback holds; source -1: none */
        char error[WIRE_TEXT_MAX + 1];
        bool published;
};

static void run_next(struct service *service);

static void task_done(struct task *task) {
        if (task->source >= 0)
                (void)close(TAKE_FD(task->source));
}

static void map_view(struct service *service) {
        struct view view;
        int r = view_open(VIEW_PATH, &view);
        if (r < 0) {
                log_error("the view cannot be mapped: %s", strerror(-r));
                return;
        }
        if (service->view.base)
                view_close(&service->view);
        service->view = view;
}

int publish_start(struct service *service) {
        struct publisher *publisher = calloc(1, sizeof *publisher);
        char text[WIRE_TEXT_MAX + 1] = "";
        if (!publisher)
                return -ENOMEM;
        publisher->result = publisher->waiting.source = -1;
        service->publisher = publisher;
        int r = installer_tidy(STATE_FOLDER, text);
        if (r < 0 && r != -ENOENT) {
                log_error("%s", text);
                (void)snprintf(publisher->error, sizeof publisher->error, "%s", text);
        }
        if (r == 0)
                map_view(service);
        publisher->held = installer_held(STATE_FOLDER);
        if (publisher->held)
                log_warning("a rollback to view %llu is in force: nothing is published until it is ended", (unsigned long long)publisher->held);
        return 0;
}

void publish_stop(struct service *service) {
        struct publisher *publisher = service->publisher;
        if (!publisher)
                return;
        /* The installer may be killed at any step; the view stays the old or the new one. */
        if (publisher->pid > 0)
                (void)kill(publisher->pid, SIGKILL);
        (void)sd_event_source_disable_unref(publisher->child);
        (void)sd_event_source_disable_unref(publisher->limit);
        for (size_t i = 0; i < publisher->task_count; i++)
                task_done(&publisher->tasks[i]);
        task_done(&publisher->waiting);
        if (publisher->result >= 0)
                (void)close(publisher->result);
        if (service->view.base)
                view_close(&service->view);
        service->view = (struct view){ 0 };
        free(publisher);
        service->publisher = NULL;
}

/* In the child: everything of the service but the two descriptors that it works with is closed, and it does not outlive its parent. */
static bool let_go(pid_t parent, int source, int out) {
        int high_source = source < 0 ? -1 : fcntl(source, F_DUPFD, 10), high_out = fcntl(out, F_DUPFD, 10);
        if (high_out < 0 || dup2(high_out, INSTALLER_OUT) < 0)
                return false;
        if (source >= 0 && (high_source < 0 || dup2(high_source, INSTALLER_SOURCE) < 0))
                return false;
        if (close_range(INSTALLER_SOURCE + 1, ~0u, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return false;
        return getppid() == parent;
}

/* In the child. */
static void run_installer(const struct service *service, const struct task *task, int out, pid_t parent) {
        struct outcome outcome = { 0 };
        if (!let_go(parent, task->source, out))
                _exit(1);
        struct installer_job job = {
                .folder = STATE_FOLDER, .source = task->source < 0 ? -1 : INSTALLER_SOURCE, .generation = task->generation, .pause = task->pause,
                .settings = configuration_settings(service->configuration), .local = service->local->accounts,
        };
        /* The end of a rollback without a newer view from the keeper: the newest one that is kept. */
        if (job.generation == 0)
                job.generation = installer_newest(STATE_FOLDER);
        outcome.error = installer_install(&job, outcome.text);
        ssize_t n = write(INSTALLER_OUT, &outcome, sizeof outcome);
        _exit(n == (ssize_t)sizeof outcome ? 0 : 1);
}

/* The newest view may have come while the end of the rollback was on its way: its turn is now. */
static void publish_waiting(struct publisher *publisher) {
        if (publisher->waiting.source < 0 || publisher->task_count == TASKS_MAX)
                return;
        publisher->tasks[publisher->task_count++] = publisher->waiting;
        publisher->waiting.source = -1;
}

static void answer(struct service *service, struct task *task, int error, const char *text) {
        struct publisher *publisher = service->publisher;
        if (error == 0) {
                map_view(service);
                publisher->published = true;
                if (task->pause == PAUSE_BEGIN)
                        publisher->held = task->generation;
                if (task->pause == PAUSE_END) {
                        publisher->held = 0;
                        publish_waiting(publisher);
                }
                log_info("view %llu is published", (unsigned long long)view_generation(&service->view));
        } else {
                log_error("view %llu is not published: %s", (unsigned long long)task->generation, text);
        }
        (void)snprintf(publisher->error, sizeof publisher->error, "%s", error ? text : "");
        if (task->incarnation > 0) {
                struct protocol_installed installed = { .generation = task->generation, .error = error };
                (void)snprintf(installed.text, sizeof installed.text, "%s", error ? text : "");
                if (!error)
                        keeper_link_view_file(service, task->incarnation, task->generation, open(VIEW_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
                keeper_link_installed(service, task->incarnation, &installed);
        }
        if (task->done)
                task->done(error, text, task->userdata);
        service_ready(service);
        task_done(task);
}

static struct task take_first(struct publisher *publisher) {
        struct task task = publisher->tasks[0];
        publisher->task_count--;
        memmove(publisher->tasks, publisher->tasks + 1, publisher->task_count * sizeof publisher->tasks[0]);
        return task;
}

/* The first task is over. */
static void finish_first(struct service *service, int error, const char *text) {
        struct task task = take_first(service->publisher);
        answer(service, &task, error, text);
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct service *service = userdata;
        struct publisher *publisher = service->publisher;
        struct outcome outcome = { 0 };
        ssize_t n = read(publisher->result, &outcome, sizeof outcome);
        publisher->pid = 0;
        (void)close(TAKE_FD(publisher->result));
        publisher->child = sd_event_source_disable_unref(publisher->child);
        publisher->limit = sd_event_source_disable_unref(publisher->limit);
        outcome.text[WIRE_TEXT_MAX] = 0;
        if (n != (ssize_t)sizeof outcome || outcome.error > 0) {
                char how[64];
                process_describe(info, how);
                outcome.error = -EIO;
                (void)snprintf(outcome.text, sizeof outcome.text, "the installer ended with %s", how);
        }
        finish_first(service, outcome.error, outcome.text);
        run_next(service);
        return 0;
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        struct service *service = userdata;
        log_error("the installer takes too long and is killed");
        (void)kill(service->publisher->pid, SIGKILL);
        return 0;
}

static int start_installer(struct service *service, const struct task *task) {
        struct publisher *publisher = service->publisher;
        int pipe_fds[2];
        if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        _cleanup_close_ int reading = pipe_fds[0];
        _cleanup_close_ int writing = pipe_fds[1];
        pid_t parent = getpid(), pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_installer(service, task, writing, parent);
        publisher->pid = pid;
        publisher->result = TAKE_FD(reading);
        int r = process_watch(service, pid, on_child, service, &publisher->child);
        if (r < 0)
                return r;
        uint64_t now = 0;
        r = sd_event_now(service->event, CLOCK_MONOTONIC, &now);
        if (r >= 0)
                r = sd_event_add_time(service->event, &publisher->limit, CLOCK_MONOTONIC, now + INSTALLER_LIMIT_US, 0, on_limit, service);
        return r < 0 ? r : 0;
}

static void refuse_view(struct service *service, const struct task *task, int error, const char *text) {
        struct protocol_installed installed = { .generation = task->generation, .error = error };
        (void)snprintf(installed.text, sizeof installed.text, "%s", text);
        keeper_link_installed(service, task->incarnation, &installed);
}

/* While a rollback holds, the newest view waits; its sender is told, so that no command waits with it. */
static void hold(struct service *service, const struct task *task) {
        struct publisher *publisher = service->publisher;
        char text[WIRE_TEXT_MAX + 1];
        (void)snprintf(text, sizeof text, "publishing is paused by a rollback to view %llu; `multidirctl view rollback --end` ends it",
                       (unsigned long long)publisher->held);
        refuse_view(service, task, -ECANCELED, text);
        task_done(&publisher->waiting);
        publisher->waiting = *task;
        publisher->waiting.incarnation = 0;
        service_ready(service);
}

static void run_next(struct service *service) {
        struct publisher *publisher = service->publisher;
        while (publisher->task_count > 0 && publisher->pid == 0) {
                /* It came before the rollback was in force. */
                if (publisher->held && publisher->tasks[0].pause == PAUSE_AS_IT_IS) {
                        struct task task = take_first(publisher);
                        hold(service, &task);
                        continue;
                }
                int r = start_installer(service, &publisher->tasks[0]);
                if (r == 0)
                        return;
                if (publisher->pid > 0) {
                        /* It runs, but nobody would see its end. */
                        (void)kill(publisher->pid, SIGKILL);
                        publisher->child = sd_event_source_disable_unref(publisher->child);
                        process_forget(service, publisher->pid);
                        publisher->pid = 0;
                        (void)close(TAKE_FD(publisher->result));
                }
                finish_first(service, r, "the installer cannot be started");
        }
}

/* 0 or -EBUSY. Takes the task's source, also on failure. */
static int add_task(struct service *service, struct task *task) {
        struct publisher *publisher = service->publisher;
        if (publisher->task_count == TASKS_MAX) {
                task_done(task);
                return -EBUSY;
        }
        publisher->tasks[publisher->task_count++] = *task;
        run_next(service);
        return 0;
}

void publish_view(struct service *service, uint64_t incarnation, uint64_t generation, int fd) {
        struct task task = { .incarnation = incarnation, .generation = generation, .source = fd };
        if (service->publisher->held)
                hold(service, &task);
        else if (add_task(service, &task) < 0)
                refuse_view(service, &task, -EBUSY, "too many views at once");
}

int publish_rollback(struct service *service, uint64_t generation, publish_done_fn done, void *userdata) {
        struct publisher *publisher = service->publisher;
        struct task task = { .generation = generation, .source = -1 };
        if (generation == 0 && publisher->held == 0)
                return -EALREADY;
        if (generation == 0 && publisher->waiting.source >= 0) {
                task = publisher->waiting;
                publisher->waiting.source = -1;
        }
        task.pause = generation == 0 ? PAUSE_END : PAUSE_BEGIN;
        task.done = done;
        task.userdata = userdata;
        return add_task(service, &task);
}

uint64_t publish_held(const struct service *service) {
        return service->publisher->held;
}

const char *publish_error(const struct service *service) {
        return service->publisher->error;
}

bool publish_has_published(const struct service *service) {
        return service->publisher->published;
}
