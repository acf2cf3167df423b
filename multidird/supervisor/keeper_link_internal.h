/* The insides of the keeper's link: what its process (keeper_link.c), what is asked of it (keeper_link_ask.c) and what it sends
 * (keeper_link_take.c) share.
 * Relies on: multidird/supervisor/keeper_link.
 * Must never: be included elsewhere. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/sbuf.h"
#include "multidird/channel/endpoint.h"
#include "multidird/supervisor/keeper_link.h"

struct keeper_link {
        pid_t pid;
        struct endpoint *endpoint;    /* NULL: no keeper, or one that is to be killed */
        sd_event_source *child, *restart, *pulse;
        uint64_t incarnation, started_ms, backoff_ms;
        uint64_t asked_ms;            /* when the pulse was asked for; 0: it was answered */
        uint64_t heard_ms;            /* the last frame of any kind */
        struct ask pulse_ask;
        struct ask *asks;
        struct sbuf state;            /* the last KEEPER_STATE */
        uint64_t state_ms;            /* when it came */
};

/* r: what became of queueing a message to the keeper, which is up; it is returned. What cannot be queued means a keeper that does not read:
 * another one is better. */
int keeper_link_sent(struct service *service, int r);
/* Nobody will answer what was asked of the keeper that died. */
void keeper_link_fail_asks(struct keeper_link *link);

/* For its endpoint: one message of the keeper's. Nonsense is its end. */
bool keeper_link_on_frame(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata);
/* The answers to what was asked. False: nonsense. One that nobody waits for any more is fine. */
bool keeper_link_take_gate_reply(struct keeper_link *link, const struct channel_frame *frame);
bool keeper_link_take_changed(struct keeper_link *link, const struct channel_frame *frame);
bool keeper_link_take_admitted(struct keeper_link *link, const struct channel_frame *frame);
bool keeper_link_take_applied(struct keeper_link *link, const struct channel_frame *frame);
