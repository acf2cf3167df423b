/* The keeper's process: started, asked whether it lives, started again, and what it is sent that has no answer; see supervisor/keeper_link.h. */
#include "multidird/supervisor/keeper_link_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/sockets.h"
#include "multidird/supervisor/sync.h"
#include "multidird/supervisor/watch.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000
#define STEADY_MS 10000              /* a keeper that lived this long starts the backoff anew */
#define PULSE_US (5 * 1000000ull)    /* how often a keeper is asked whether it still answers */
#define PATIENCE_MS 15000            /* commands wait for a silent keeper no longer than this and one pulse */
#define SILENCE_MS 120000            /* longer than any build or import takes: such a keeper hangs */
#define KEEPER_QUEUE (256u << 20)    /* bytes waiting for a keeper that does not read */

static void on_gone(struct endpoint *endpoint, int error, void *userdata) {
        struct service *service = userdata;
        struct keeper_link *link = service->keeper;
        if (error != -ECONNRESET)
                log_error("the keeper's channel is broken: %s", strerror(-error));
        link->endpoint = (endpoint_free(link->endpoint), NULL);
        if (link->pid > 0)
                (void)kill(link->pid, SIGKILL);
}

static int start_keeper(struct service *service);

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata) {
        struct service *service = userdata;
        service->keeper->restart = sd_event_source_disable_unref(service->keeper->restart);
        int r = start_keeper(service);
        if (r < 0)
                log_error("cannot start a keeper: %s", strerror(-r));
        return 0;
}

static void schedule_restart(struct service *service) {
        struct keeper_link *link = service->keeper;
        uint64_t now = clock_monotonic_ms();
        if (now - link->started_ms >= STEADY_MS)
                link->backoff_ms = BACKOFF_FIRST_MS;
        link->restart = sd_event_source_disable_unref(link->restart);
        int r = sd_event_add_time(service->event, &link->restart, CLOCK_MONOTONIC, (now + link->backoff_ms) * 1000, 1000, on_restart, service);
        if (r < 0)
                log_error("cannot plan the next keeper: %s", strerror(-r));
        link->backoff_ms = link->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : link->backoff_ms * 2;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct service *service = userdata;
        struct keeper_link *link = service->keeper;
        char how[64];
        process_describe(info, how);
        log_error("the keeper ended with %s; the next one starts in %llu ms", how, (unsigned long long)link->backoff_ms);
        service->replica_changes++;
        link->pid = 0;
        link->child = sd_event_source_disable_unref(link->child);
        link->endpoint = (endpoint_free(link->endpoint), NULL);
        keeper_link_fail_asks(link);
        sockets_keeper_gone(service);
        sync_keeper_gone(service);
        schedule_restart(service);
        /* The service answers with the view that is there. */
        service_ready(service);
        return 0;
}

static void on_pulse_answer(enum gate_answer answer, void *userdata) {
        struct keeper_link *link = userdata;
        link->asked_ms = 0;
}

/* A keeper that does not answer the simplest question is replaced: commands and publishing would wait for it for ever. */
static int on_pulse(sd_event_source *source, uint64_t usec, void *userdata) {
        struct service *service = userdata;
        struct keeper_link *link = service->keeper;
        struct protocol_gate question = { 0 };
        uint64_t now = clock_monotonic_ms();
        uint64_t since = link->heard_ms > link->asked_ms ? link->heard_ms : link->asked_ms;
        uint64_t silent_ms = link->asked_ms == 0 ? 0 : now - since;
        sockets_keeper_pulse(service, silent_ms >= PATIENCE_MS);
        if (silent_ms > SILENCE_MS && link->pid > 0) {
                log_error("the keeper does not answer and is killed");
                (void)kill(link->pid, SIGKILL);
        } else if (link->asked_ms == 0 && keeper_link_is_up(service)) {
                link->asked_ms = now;
                if (keeper_link_gate(service, &question, on_pulse_answer, link, &link->pulse_ask) < 0)
                        link->asked_ms = 0;
        }
        int r = sd_event_source_set_time(source, now * 1000 + PULSE_US);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_keeper(struct service *service) {
        struct keeper_link *link = service->keeper;
        _cleanup_close_ int fd = -1;
        link->started_ms = clock_monotonic_ms();
        int r = process_start(service, &(struct process_role){ .role = SANDBOX_KEEPER }, &link->pid, &fd);
        if (r < 0) {
                schedule_restart(service);
                return r;
        }
        link->incarnation++;
        r = process_watch(service, link->pid, on_child, service, &link->child);
        if (r == 0)
                r = endpoint_new(service->event, TAKE_FD(fd), PROTOCOL_MAX, KEEPER_QUEUE, keeper_link_on_frame, on_gone, service, &link->endpoint);
        if (r < 0) {
                (void)kill(link->pid, SIGKILL);
                return r;
        }
        keeper_link_send_configuration(service);
        if (service->view.base)
                keeper_link_installed(service, link->incarnation, &(struct protocol_installed){ .generation = view_generation(&service->view) });
        keeper_link_send_local(service);
        return 0;
}

int keeper_link_start(struct service *service) {
        service->keeper = calloc(1, sizeof *service->keeper);
        if (!service->keeper)
                return -ENOMEM;
        service->keeper->backoff_ms = BACKOFF_FIRST_MS;
        int r = sd_event_add_time(service->event, &service->keeper->pulse, CLOCK_MONOTONIC, clock_monotonic_ms() * 1000 + PULSE_US, 1000000,
                                  on_pulse, service);
        return r < 0 ? r : start_keeper(service);
}

void keeper_link_stop(struct service *service) {
        struct keeper_link *link = service->keeper;
        if (!link)
                return;
        (void)sd_event_source_disable_unref(link->child);
        (void)sd_event_source_disable_unref(link->restart);
        (void)sd_event_source_disable_unref(link->pulse);
        /* Its stores survive a kill at any point, so nothing waits for it. */
        if (link->pid > 0)
                (void)kill(link->pid, SIGKILL);
        endpoint_free(link->endpoint);
        keeper_link_fail_asks(link);
        sbuf_done(&link->state);
        free(link);
        service->keeper = NULL;
}

bool keeper_link_is_up(const struct service *service) {
        return service->keeper && service->keeper->endpoint;
}

int keeper_link_sent(struct service *service, int r) {
        struct keeper_link *link = service->keeper;
        if (r == 0) {
                endpoint_flush(link->endpoint);
                return 0;
        }
        log_error("the keeper does not take what is sent to it: %s", strerror(-r));
        if (r == -ENOBUFS && link->pid > 0)
                (void)kill(link->pid, SIGKILL);
        return r;
}

void keeper_link_send_configuration(struct service *service) {
        if (keeper_link_is_up(service))
                (void)keeper_link_sent(service, protocol_send_config(endpoint_channel(service->keeper->endpoint), &service->configuration->sources));
}

void keeper_link_send_local(struct service *service) {
        const struct local_files *local = service->local;
        struct protocol_local texts = { local->passwd, local->group, local->subuid, local->subgid };
        if (keeper_link_is_up(service))
                (void)keeper_link_sent(service, protocol_send_local(endpoint_channel(service->keeper->endpoint), &texts));
}

void keeper_link_undone(struct service *service, const struct update_step *steps, size_t count) {
        struct update_step *those = calloc(count + 1, sizeof *those);
        struct protocol_apply apply = { .id = service_id(service), .steps = those };
        for (size_t i = 0; those && i < count; i++)
                if (steps[i].at_server)
                        those[apply.step_count++] = steps[i];
        if (apply.step_count > 0 && keeper_link_is_up(service))
                (void)keeper_link_sent(service, protocol_send_apply(endpoint_channel(service->keeper->endpoint), &apply));
        free(those);
}

int keeper_link_admin(struct service *service, uint64_t connection, uint64_t id, const char *json, size_t len) {
        const struct protocol_admin admin = { connection, id, json, len };
        if (!keeper_link_is_up(service))
                return -EHOSTDOWN;
        return keeper_link_sent(service, protocol_send_admin(endpoint_channel(service->keeper->endpoint), KEEPER_ADMIN, &admin));
}

void keeper_link_admin_closed(struct service *service, uint64_t connection) {
        if (keeper_link_is_up(service))
                (void)keeper_link_sent(service, protocol_send_number(endpoint_channel(service->keeper->endpoint), KEEPER_ADMIN_CLOSED, connection, -1));
}

void keeper_link_session(struct service *service, const struct protocol_session *session) {
        if (keeper_link_is_up(service))
                (void)keeper_link_sent(service, protocol_send_session(endpoint_channel(service->keeper->endpoint), session));
}

void keeper_link_view_file(struct service *service, uint64_t incarnation, uint64_t generation, int fd) {
        _cleanup_close_ int owned = fd;
        if (fd >= 0 && keeper_link_is_up(service) && service->keeper->incarnation == incarnation)
                (void)keeper_link_sent(service, protocol_send_number(endpoint_channel(service->keeper->endpoint), KEEPER_VIEW_FILE, generation, TAKE_FD(owned)));
}

void keeper_link_installed(struct service *service, uint64_t incarnation, const struct protocol_installed *installed) {
        if (keeper_link_is_up(service) && service->keeper->incarnation == incarnation)
                (void)keeper_link_sent(service, protocol_send_installed(endpoint_channel(service->keeper->endpoint), installed));
}

int keeper_link_sync(struct service *service, const struct protocol_sync *sync, int fd) {
        if (!keeper_link_is_up(service)) {
                (void)close(fd);
                return -EHOSTDOWN;
        }
        return keeper_link_sent(service, protocol_send_sync(endpoint_channel(service->keeper->endpoint), sync, fd));
}

const char *keeper_link_state(const struct service *service, size_t *len, uint64_t *since_ms) {
        *len = service->keeper ? service->keeper->state.len : 0;
        *since_ms = service->keeper ? clock_monotonic_ms() - service->keeper->state_ms : 0;
        return *len > 0 ? sbuf_text(&service->keeper->state) : NULL;
}
