/* The supervisor; see supervisor/supervisor.h. */
#include "multidird/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/keeper/keeper.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/publisher/publish.h"
#include "multidird/supervisor/reload.h"
#include "multidird/sandbox/sandbox.h"
#include "multidird/supervisor/sockets.h"
#include "multidird/supervisor/outage.h"
#include "multidird/supervisor/server_notes.h"
#include "multidird/supervisor/sync.h"
#include "multidird/supervisor/watch.h"

#define SERVICE_USER "multidir"
#define WORKER_USER "multidir-worker"
#define READY_LIMIT_US (30 * 1000000ull)
#define LOCK_FILE RUN_FOLDER "/lock"
#define LOCK_WAIT_MS 2000
#define LOCK_PAUSE_MS 20

void service_ready(struct service *service) {
        if (service->ready)
                return;
        service->ready = true;
        (void)sd_notify(0, "READY=1\nSTATUS=Answering");
        log_info("ready");
}

static void log_errors(const struct sbuf *errors) {
        const char *text = sbuf_text(errors);
        while (*text) {
                size_t len = strcspn(text, "\n");
                if (len > 0)
                        log_error("%.*s", (int)len, text);
                text += len + (text[len] == '\n');
        }
}

static bool same_sources(const struct config_sources *a, const struct config_sources *b) {
        bool same = a->count == b->count;
        for (size_t i = 0; same && i < a->count; i++)
                same = strcmp(a->items[i].path, b->items[i].path) == 0 && a->items[i].len == b->items[i].len &&
                       memcmp(a->items[i].text, b->items[i].text, a->items[i].len) == 0;
        return same;
}

int reload(struct service *service, struct sbuf *errors) {
        struct configuration *configuration = NULL;
        int r = configuration_load(service, errors, &configuration);
        service->reload_failed = r < 0;
        if (r < 0) {
                log_errors(errors);
                log_error("the configuration is not reloaded, the former one stays in force");
                return r;
        }
        bool changed = !same_sources(&service->configuration->sources, &configuration->sources);
        if (!changed)
                configuration->identity = service->configuration->identity;
        configuration_unref(service->configuration);
        service->configuration = configuration;
        keeper_link_send_configuration(service);
        if (sync_configure(service, changed) < 0 || outage_configure(service, changed) < 0 || server_notes_configure(service) < 0)
                log_error("memory is out: not every directory will be synchronised");
        log_info("the configuration is reloaded");
        return 0;
}

bool reload_error(const struct service *service) {
        return service->reload_failed;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_monotonic_ms() * 1000);
        (void)reload(userdata, &errors);
        (void)sd_notify(0, "READY=1");
        return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        struct service *service = userdata;
        (void)sd_notify(0, "STOPPING=1");
        return sd_event_exit(service->event, 0);
}

static void on_local_changed(struct service *service) {
        log_info("the local account files have changed");
        keeper_link_send_local(service);
}

/* A first build that neither succeeds nor fails for this long: whoever waits for the service should not wait any more. */
static int on_ready_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        service_ready(userdata);
        return 0;
}

static int watch_signals(struct service *service) {
        sigset_t blocked;
        (void)sigemptyset(&blocked);
        const int signals[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGPIPE };
        for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
                (void)sigaddset(&blocked, signals[i]);
        if (sigprocmask(SIG_BLOCK, &blocked, NULL) < 0)
                return -errno;
        int r = sd_event_add_signal(service->event, NULL, SIGHUP, on_hangup, service);
        if (r >= 0)
                r = sd_event_add_signal(service->event, NULL, SIGTERM, on_stop, service);
        if (r >= 0)
                r = sd_event_add_signal(service->event, NULL, SIGINT, on_stop, service);
        return r < 0 ? r : 0;
}

/* One supervisor per host: a second one would take the first one's sockets. The lock is held until the process ends. */
/* A process that the former service had just forked holds the lock until it begins its own program, or is killed after its parent: a restart waits for that. */
static int wait_for_lock(int fd) {
        const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000 };
        for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_PAUSE_MS) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return -errno;
                if (waited_ms >= LOCK_WAIT_MS)
                        return -EADDRINUSE;
                (void)nanosleep(&pause, NULL);
        }
        return 0;
}

static int take_lock(void) {
        if (mkdir(RUN_FOLDER, 0755) < 0 && errno != EEXIST)
                return -errno;
        int fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        int r = wait_for_lock(fd);
        if (r < 0)
                (void)close(fd);
        return r;
}

/* The folders, in case no package or unit has made them. The keeper's own belongs to it, and the file system may be read-only. */
static int make_folders(const struct service *service) {
        if (mkdir(STATE_FOLDER, 0755) < 0 && errno != EEXIST && errno != EROFS)
                return -errno;
        if (mkdir(KEEPER_STORES, 0700) < 0)
                return errno == EEXIST || errno == EROFS ? 0 : -errno;
        return chown(KEEPER_STORES, service->keeper_uid, service->keeper_gid) < 0 ? -errno : 0;
}

static int find_users(struct service *service) {
        int r = sandbox_find_user(SERVICE_USER, &service->keeper_uid, &service->keeper_gid);
        if (r == -ENOENT)
                log_error("there is no user %s on this host: run `systemd-sysusers multidir.conf`, or `useradd --system %s`", SERVICE_USER,
                          SERVICE_USER);
        else if (r < 0)
                log_error("the user %s cannot be used: %s", SERVICE_USER, r == -EPERM ? "it is root" : strerror(-r));
        if (r < 0)
                return r;
        /* Without it the service does all but ask servers: names and the logins of internal directories do not hang on it. */
        if (sandbox_find_user(WORKER_USER, &service->worker_uid, &service->worker_gid) < 0) {
                service->worker_uid = 0;
                log_warning("there is no user %s on this host: no directory with a server of its own can be asked; run `systemd-sysusers multidir.conf`",
                            WORKER_USER);
        }
        return 0;
}

static int prepare(struct service *service) {
        if (geteuid() != 0) {
                log_error("the service must be started by root");
                return -EPERM;
        }
        int r = find_users(service);
        if (r < 0)
                return r;
        r = take_lock();
        if (r < 0) {
                log_error("%s: %s", LOCK_FILE, r == -EADDRINUSE ? "another multidird is running" : strerror(-r));
                return r;
        }
        r = make_folders(service);
        if (r < 0)
                log_error("%s: %s", STATE_FOLDER, strerror(-r));
        return r;
}

static void raise_limits(void) {
        struct rlimit files;
        if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
                files.rlim_cur = files.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &files);
        }
        /* Passwords pass through: no core of this process, not even to a program of the administrator's (which the limit does not stop). */
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int load_configuration(struct service *service) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        int r = configuration_load(service, &errors, &service->configuration);
        if (r < 0)
                log_errors(&errors);
        if (r < 0)
                log_error("the configuration has errors: the service does not start");
        return r;
}

static int start(struct service *service) {
        raise_limits();
        json_set_alloc_funcs(malloc, secret_free); /* what it frees may have been a password */
        service->self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
        service->throttle = throttle_new();
        if (service->self < 0 || !service->throttle)
                return service->self < 0 ? -errno : -ENOMEM;
        int r = sd_event_default(&service->event);
        if (r >= 0)
                r = sd_event_set_watchdog(service->event, true);
        if (r >= 0)
                r = watch_signals(service);
        if (r >= 0)
                r = load_configuration(service);
        if (r >= 0)
                r = watch_read(service);
        if (r >= 0)
                r = publish_start(service);
        if (r >= 0)
                r = sockets_start(service);
        if (r >= 0)
                r = watch_start(service, on_local_changed);
        if (r >= 0)
                r = keeper_link_start(service);
        if (r >= 0)
                r = server_notes_configure(service);
        if (r >= 0)
                r = sync_configure(service, false);
        if (r >= 0)
                r = outage_configure(service, false);
        if (r >= 0)
                r = sd_event_add_time_relative(service->event, NULL, CLOCK_MONOTONIC, READY_LIMIT_US, 0, on_ready_limit, service);
        return r < 0 ? r : 0;
}

/* Peers first, so that nothing new begins; views stay as they are. */
static void stop(struct service *service) {
        sockets_stop(service);
        sync_stop(service);
        outage_stop(service);
        server_notes_stop(service);
        keeper_link_stop(service);
        publish_stop(service);
        watch_stop(service);
        configuration_unref(service->configuration);
        throttle_free(service->throttle);
        if (service->self >= 0)
                (void)close(service->self);
        sd_event_unref(service->event);
}

int supervisor_main(void) {
        struct service service = { .self = -1, .started_s = clock_real_s() };
        log_open("multidird", false);
        int r = prepare(&service);
        if (r < 0)
                return EXIT_FAILURE;
        r = start(&service);
        if (r < 0)
                log_error("the service cannot start: %s", strerror(-r));
        else
                r = sd_event_loop(service.event);
        stop(&service);
        log_info("stopped");
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
