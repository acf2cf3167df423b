/* A channel in the supervisor's loop; see channel/endpoint.h.
 * Relies on: level-triggered epoll through sd-event. Frames that were read but not delivered (a pause, or the bound per turn) have no
 * epoll event of their own: a defer source delivers them.
 * Must never: deliver without bound in one turn: a busy peer gets its share, not the loop. */
#include "multidird/channel/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define FRAMES_PER_TURN 32

struct endpoint {
        struct channel *channel;
        sd_event_source *io, *again;
        endpoint_frame_fn on_frame;
        endpoint_gone_fn on_gone;
        void *userdata;
        bool paused;
        bool pressed; /* something came while it was paused: the socket is not listened to until the pause is over */
        int broken; /* a write failed: told at the next turn */
};

static void watch(struct endpoint *endpoint) {
        /* Most pauses end before anything comes: what is asked of the kernel then stays as it is. */
        uint32_t events = endpoint->pressed ? 0 : EPOLLIN;
        if (channel_wants_write(endpoint->channel))
                events |= EPOLLOUT;
        (void)sd_event_source_set_io_events(endpoint->io, events);
}

/* Delivers what was read. Returns false if the endpoint is gone. */
static bool deliver(struct endpoint *endpoint) {
        struct channel_frame frame;
        int r = 0;
        for (int i = 0; i < FRAMES_PER_TURN && !endpoint->paused; i++) {
                r = channel_next(endpoint->channel, &frame);
                if (r <= 0)
                        break;
                if (!endpoint->on_frame(endpoint, &frame, endpoint->userdata))
                        return false;
        }
        if (r < 0) {
                endpoint->on_gone(endpoint, r, endpoint->userdata);
                return false;
        }
        (void)sd_event_source_set_enabled(endpoint->again, r > 0 && !endpoint->paused ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        return true;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct endpoint *endpoint = userdata;
        int r = endpoint->broken;
        if (r == 0 && (revents & EPOLLOUT))
                r = channel_write(endpoint->channel);
        int gone = 0;
        /* A hang-up is read to its end first: a last frame may lie before it. While paused it must end the request at once. */
        if (r == 0 && !endpoint->paused && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                gone = channel_read(endpoint->channel);
        else if (r == 0 && (revents & (EPOLLHUP | EPOLLERR)))
                r = -ECONNRESET;
        else if (r == 0 && (revents & EPOLLIN))
                endpoint->pressed = true;
        if (r == 0 && !deliver(endpoint))
                return 0;
        if (r == 0)
                r = gone;
        if (r < 0)
                endpoint->on_gone(endpoint, r, endpoint->userdata);
        else
                watch(endpoint);
        return 0;
}

static int on_again(sd_event_source *source, void *userdata) {
        struct endpoint *endpoint = userdata;
        if (endpoint->broken < 0)
                endpoint->on_gone(endpoint, endpoint->broken, endpoint->userdata);
        else if (deliver(endpoint))
                watch(endpoint);
        return 0;
}

int endpoint_new(sd_event *event, int fd, size_t max_payload, size_t max_queued, endpoint_frame_fn on_frame, endpoint_gone_fn on_gone,
                 void *userdata, struct endpoint **endpoint) {
        struct channel *channel = NULL;
        int r = channel_new(fd, max_payload, max_queued, &channel);
        if (r < 0)
                return r;
        struct endpoint *new = calloc(1, sizeof *new);
        if (!new) {
                channel_free(channel);
                return -ENOMEM;
        }
        *new = (struct endpoint){ .channel = channel, .on_frame = on_frame, .on_gone = on_gone, .userdata = userdata };
        r = sd_event_add_io(event, &new->io, channel_fd(channel), EPOLLIN, on_io, new);
        if (r >= 0)
                r = sd_event_add_defer(event, &new->again, on_again, new);
        if (r >= 0)
                r = sd_event_source_set_enabled(new->again, SD_EVENT_OFF);
        if (r < 0) {
                endpoint_free(new);
                return r;
        }
        *endpoint = new;
        return 0;
}

void endpoint_free(struct endpoint *endpoint) {
        if (!endpoint)
                return;
        (void)sd_event_source_disable_unref(endpoint->io);
        (void)sd_event_source_disable_unref(endpoint->again);
        channel_free(endpoint->channel);
        free(endpoint);
}

int endpoint_prefer(struct endpoint *endpoint) {
        int r = sd_event_source_set_priority(endpoint->io, SD_EVENT_PRIORITY_NORMAL - 1);
        if (r >= 0)
                r = sd_event_source_set_priority(endpoint->again, SD_EVENT_PRIORITY_NORMAL - 1);
        return r < 0 ? r : 0;
}

struct channel *endpoint_channel(struct endpoint *endpoint) {
        return endpoint->channel;
}

void endpoint_flush(struct endpoint *endpoint) {
        if (endpoint->broken == 0)
                endpoint->broken = channel_write(endpoint->channel);
        if (endpoint->broken < 0)
                (void)sd_event_source_set_enabled(endpoint->again, SD_EVENT_ONESHOT);
        else
                watch(endpoint);
}

void endpoint_pause(struct endpoint *endpoint, bool paused) {
        if (endpoint->paused == paused)
                return;
        endpoint->paused = paused;
        if (paused)
                return;
        endpoint->pressed = false;
        if (channel_has_unread(endpoint->channel))
                (void)sd_event_source_set_enabled(endpoint->again, SD_EVENT_ONESHOT);
        watch(endpoint);
}
