/* The keeper's loop: what the supervisor sends, in order; then one build for all of it; replies only after the view is installed. See keeper/keeper.h.
 * Relies on: multidird/channel/protocol, multidird/keeper/state, multidird/keeper/build, multidird/keeper/loop (messages.c).
 * Must never: exit because of a request; build per request (changes that come together share a build). */
#include "multidird/keeper/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "multidird/channel/protocol.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"
#include "multidird/keeper/loop.h"

#define REST_MS 2000              /* without a message: memory that was needed for work is given back. The supervisor asks every few seconds whether it lives */

static void send_progress(void *data, uint64_t done, uint64_t total) {
        struct loop *loop = data;
        char json[96];
        int len = snprintf(json, sizeof json, "{\"done\":%llu,\"total\":%llu}", (unsigned long long)done, (unsigned long long)total);
        struct protocol_admin admin = { .connection = loop->progress_connection, .id = loop->progress_id, .json = json, .json_len = (size_t)len };
        if (protocol_send_admin(loop->channel, KEEPER_ADMIN_PROGRESS, &admin) == 0)
                (void)channel_write(loop->channel);
}

static void send_admitted(void *data, const struct protocol_admitted *admitted) {
        struct loop *loop = data;
        int r = protocol_send_admitted(loop->channel, admitted);
        if (r < 0)
                log_error("a login cannot be answered: %s", strerror(-r));
}

static void send_synced(void *data, const struct protocol_keeper_synced *synced) {
        struct loop *loop = data;
        int r = protocol_send_keeper_synced(loop->channel, synced);
        if (r < 0)
                log_error("what became of a synchronisation cannot be told: %s", strerror(-r));
}

void loop_release(struct loop *loop, uint64_t built, const char *failure) {
        replies_release(loop->replies, built, failure);
        admissions_release(loop->admissions, built, failure);
        intakes_release(loop->intakes, built, failure);
}

void loop_send_state(struct loop *loop) {
        if (!loop->keeper->config)
                return;
        json_auto_t *state = keeper_state_json(loop->keeper);
        char *json = state ? json_dumps(state, JSON_COMPACT) : NULL;
        if (json)
                (void)protocol_send_state(loop->channel, json, strlen(json));
        secret_free(json);
}

static void publish(struct loop *loop) {
        uint64_t generation;
        int fd = keeper_take_view(loop->keeper, &generation);
        if (fd < 0)
                return;
        int r = protocol_send_number(loop->channel, KEEPER_VIEW, generation, fd);
        if (r < 0) {
                log_error("view %llu cannot be handed over: %s", (unsigned long long)generation, strerror(-r));
                loop_release(loop, loop->keeper->built, strerror(-r));
                loop->retry_ms = clock_monotonic_ms() + RETRY_MS;
                return;
        }
        loop->in_flight = true;
        loop->in_flight_built = loop->keeper->built;
}

/* After a drain: one build for whatever came, unless the last one failed and it is not yet time to try again. */
static void build_and_publish(struct loop *loop) {
        struct keeper *keeper = loop->keeper;
        uint64_t now = clock_monotonic_ms();
        if (loop->retry_ms != 0 && now >= loop->retry_ms) {
                loop->retry_ms = 0;
                keeper_touch(keeper);
        }
        if (!keeper->config || !keeper->local)
                return;
        /* While a view is with the supervisor, what comes meanwhile is gathered for the next. */
        if (!loop->in_flight && keeper_is_dirty(keeper) && keeper_build(keeper) < 0) {
                loop_release(loop, keeper->wanted, keeper->build_error);
                loop->retry_ms = now + RETRY_MS;
                keeper->built = keeper->wanted; /* until then, or until the next change */
                loop_send_state(loop);
        }
        if (!loop->in_flight && keeper->view_fd >= 0) {
                loop_send_state(loop);
                publish(loop);
        }
        /* A synchronisation that changed nothing waits for no view. */
        if (!loop->in_flight && !keeper_is_dirty(keeper))
                intakes_release(loop->intakes, keeper->built, NULL);
}

/* What is there to read, as far as it is whole. 0, or why the channel is of no use any more. */
static int drain(struct loop *loop) {
        struct channel_frame frame;
        int r = channel_read(loop->channel), next;
        while ((next = channel_next(loop->channel, &frame)) > 0)
                loop_handle(loop, &frame);
        return r < 0 ? r : next;
}

static int wait_for_input(struct loop *loop) {
        size_t count = 1 + intakes_poll(loop->intakes, NULL, 0);
        if (count > loop->fd_size) {
                struct pollfd *bigger = reallocarray(loop->fds, count, sizeof *bigger);
                if (!bigger)
                        return -ENOMEM;
                loop->fds = bigger;
                loop->fd_size = count;
        }
        loop->fds[0] = (struct pollfd){ .fd = channel_fd(loop->channel), .events = POLLIN };
        if (channel_wants_write(loop->channel))
                loop->fds[0].events |= POLLOUT;
        (void)intakes_poll(loop->intakes, loop->fds + 1, count - 1);
        uint64_t now = clock_monotonic_ms();
        int timeout = loop->retry_ms == 0 ? -1 : loop->retry_ms <= now ? 0 : (int)(loop->retry_ms - now);
        bool may_rest = !loop->rested && !loop->in_flight && (timeout < 0 || timeout > REST_MS);
        int n = poll(loop->fds, count, may_rest ? REST_MS : timeout);
        if (n == 0 && may_rest)
                keeper_rest(loop->keeper);
        loop->rested |= n == 0 && may_rest;
        return n < 0 && errno != EINTR ? -errno : 0;
}

static int run(struct loop *loop) {
        for (;;) {
                int r = wait_for_input(loop);
                if (r == 0)
                        r = drain(loop);
                if (r == 0) {
                        if (intakes_read(loop->intakes)) {
                                loop->rested = false;
                                loop_send_state(loop);
                        }
                        build_and_publish(loop);
                        r = channel_write(loop->channel);
                }
                if (r < 0)
                        return r;
        }
}

int keeper_serve(int fd, const char *stores) {
        json_set_alloc_funcs(malloc, secret_free); /* requests and replies hold passwords and hashes */
        struct loop loop = { 0 };
        int r = channel_new(fd, PROTOCOL_MAX, 0, &loop.channel);
        if (r == 0 && (!(loop.keeper = keeper_new(stores)) || !(loop.replies = replies_new(loop.keeper, loop.channel)) ||
                       !(loop.intakes = intakes_new(loop.keeper, send_synced, &loop)) || !(loop.admissions = admissions_new(loop.keeper, send_admitted, &loop))))
                r = -ENOMEM;
        if (r == 0) {
                loop.keeper->progress = send_progress;
                loop.keeper->progress_data = &loop;
                r = run(&loop);
        }
        if (r != -ECONNRESET)
                log_error("the keeper ends: %s", strerror(-r));
        replies_free(loop.replies);
        admissions_free(loop.admissions);
        intakes_free(loop.intakes);
        free(loop.fds);
        keeper_free(loop.keeper);
        channel_free(loop.channel);
        return r == -ECONNRESET ? 0 : 1;
}

int keeper_main(int fd) {
        return keeper_serve(fd, KEEPER_STORES);
}
