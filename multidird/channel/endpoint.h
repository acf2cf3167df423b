/* A channel in the supervisor's loop: frames come as calls, what is queued is written as the socket takes it.
 * Relies on: multidird/channel/channel, sd-event.
 * Must never: call back from endpoint_flush or endpoint_new; touch itself after a call back that freed it. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "multidird/channel/channel.h"

struct endpoint;

/* A frame came. Return false if the endpoint was freed meanwhile. */
typedef bool (*endpoint_frame_fn)(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata);
/* The other end is gone (-ECONNRESET), or sent what is no frame (error). The receiver frees the endpoint. */
typedef void (*endpoint_gone_fn)(struct endpoint *endpoint, int error, void *userdata);

/* Takes fd, also on failure. max_payload, max_queued: as channel_new. 0 or a negative errno. */
int endpoint_new(sd_event *event, int fd, size_t max_payload, size_t max_queued, endpoint_frame_fn on_frame, endpoint_gone_fn on_gone,
                 void *userdata, struct endpoint **endpoint);
void endpoint_free(struct endpoint *endpoint);

/* Its frames come before those of others that are there at the same time. 0 or a negative errno. */
int endpoint_prefer(struct endpoint *endpoint);

/* For the protocol_send_X functions; call endpoint_flush after. */
struct channel *endpoint_channel(struct endpoint *endpoint);
/* Writes what can be written now, and watches for the rest. A dead peer is told through on_gone, later. */
void endpoint_flush(struct endpoint *endpoint);
/* While paused no frame is delivered and nothing is read: one request at a time. Frames that are there already come after the end of the pause. */
void endpoint_pause(struct endpoint *endpoint, bool paused);
