/* The local account files; see supervisor/watch.h. */
#include "multidird/supervisor/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

#define FOLDER "/etc"
#define FILE_MAX_BYTES (16u << 20)
#define DEBOUNCE_US 20000 /* useradd writes four files in a row */

static const char *const names[] = { "passwd", "group", "subuid", "subgid" };

struct watch {
        sd_event_source *io, *timer;
        void (*changed)(struct service *service);
};

static void local_files_free(struct local_files *local) {
        if (!local)
                return;
        free(local->passwd);
        free(local->group);
        free(local->subuid);
        free(local->subgid);
        local_accounts_free(local->accounts);
        free(local);
}

static int read_all(char *texts[4]) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char path[64] = FOLDER "/";
                size_t len = 0;
                (void)strncat(path, names[i], sizeof path - strlen(path) - 1);
                int r = file_read(path, FILE_MAX_BYTES, &texts[i], &len);
                /* Only the two files of subordinate ids may be missing. */
                if (r == -ENOENT && i >= 2)
                        continue;
                if (r < 0) {
                        log_error("%s: %s", path, strerror(-r));
                        return r;
                }
        }
        return 0;
}

static bool same_text(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_files(const struct local_files *a, const struct local_files *b) {
        return same_text(a->passwd, b->passwd) && same_text(a->group, b->group) && same_text(a->subuid, b->subuid) &&
               same_text(a->subgid, b->subgid);
}

/* 1: read, and something is new; 0: nothing is; negative: the former content stays. */
static int read_again(struct service *service) {
        char *texts[4] = { NULL };
        int r = read_all(texts);
        struct local_files *new = r == 0 ? calloc(1, sizeof *new) : NULL;
        if (!new) {
                for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                        free(texts[i]);
                return r < 0 ? r : -ENOMEM;
        }
        *new = (struct local_files){ .passwd = texts[0], .group = texts[1], .subuid = texts[2], .subgid = texts[3] };
        if (service->local && same_files(service->local, new)) {
                local_files_free(new);
                return 0;
        }
        r = local_accounts_new(new->passwd, new->group, new->subuid, new->subgid, &new->accounts);
        if (r < 0) {
                local_files_free(new);
                return r;
        }
        local_files_free(service->local);
        service->local = new;
        return 1;
}

int watch_read(struct service *service) {
        int r = read_again(service);
        return r < 0 ? r : 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct service *service = userdata;
        int r = read_again(service);
        if (r < 0)
                log_error("the local account files cannot be read, the former content stays: %s", strerror(-r));
        if (r > 0)
                service->watch->changed(service);
        return 0;
}

static int start_timer(struct service *service) {
        struct watch *watch = service->watch;
        uint64_t now = 0;
        int r = sd_event_now(service->event, CLOCK_MONOTONIC, &now);
        if (r < 0)
                return r;
        if (!watch->timer)
                return sd_event_add_time(service->event, &watch->timer, CLOCK_MONOTONIC, now + DEBOUNCE_US, 1000, on_timer, service);
        r = sd_event_source_set_time(watch->timer, now + DEBOUNCE_US);
        return r < 0 ? r : sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        struct service *service = userdata;
        bool ours = (event->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT)) != 0;
        for (size_t i = 0; i < ARRAY_SIZE(names) && event->len > 0 && !ours; i++)
                ours = strcmp(event->name, names[i]) == 0;
        if (ours && start_timer(service) < 0)
                log_error("a change of the local account files was seen, but cannot be followed");
        return 0;
}

int watch_start(struct service *service, void (*changed)(struct service *service)) {
        service->watch = calloc(1, sizeof *service->watch);
        if (!service->watch)
                return -ENOMEM;
        service->watch->changed = changed;
        int r = sd_event_add_inotify(service->event, &service->watch->io, FOLDER,
                                     IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR, on_inotify, service);
        /* What changed between the first reading and the watch. */
        return r < 0 ? r : start_timer(service);
}

void watch_stop(struct service *service) {
        if (service->watch) {
                (void)sd_event_source_disable_unref(service->watch->io);
                (void)sd_event_source_disable_unref(service->watch->timer);
                free(service->watch);
                service->watch = NULL;
        }
        local_files_free(service->local);
        service->local = NULL;
}
