/* What is asked of the keeper, and its answers, each to the one who asked; see supervisor/keeper_link.h. */
#include "multidird/supervisor/keeper_link_internal.h"

#include <errno.h>

/* Takes the question out of the list; it is then not under way. NULL: there is none of that number. */
static struct ask *ask_take(struct keeper_link *link, uint64_t id) {
        for (struct ask **at = &link->asks; id != 0 && *at; at = &(*at)->next) {
                struct ask *ask = *at;
                if (ask->id != id)
                        continue;
                *at = ask->next;
                ask->id = 0;
                return ask;
        }
        return NULL;
}

/* *id: the number that the message must carry. 0, or -EHOSTDOWN: there is no keeper. */
static int ask_begin(struct service *service, const struct ask *question, uint64_t *id, struct ask *ask) {
        if (!keeper_link_is_up(service))
                return -EHOSTDOWN;
        *ask = *question;
        ask->id = *id = service_id(service);
        ask->next = service->keeper->asks;
        service->keeper->asks = ask;
        return 0;
}

/* r: what became of sending the message; it is returned. */
static int ask_sent(struct service *service, int r, struct ask *ask) {
        r = keeper_link_sent(service, r);
        if (r < 0)
                ask_cancel(service, ask);
        return r;
}

void ask_cancel(struct service *service, struct ask *ask) {
        if (service->keeper)
                (void)ask_take(service->keeper, ask->id);
}

void keeper_link_fail_asks(struct keeper_link *link) {
        while (link->asks) {
                struct ask *ask = link->asks;
                link->asks = ask->next;
                ask->id = 0;
                if (ask->gate_done)
                        ask->gate_done(GATE_UNAVAILABLE, ask->userdata);
                else if (ask->admitted_done)
                        ask->admitted_done(NULL, ask->userdata);
                else if (ask->applied_done)
                        ask->applied_done(NULL, ask->userdata);
                else
                        ask->changed_done(NULL, ask->userdata);
        }
}

bool keeper_link_take_gate_reply(struct keeper_link *link, const struct channel_frame *frame) {
        struct protocol_gate_reply reply;
        if (protocol_get_gate_reply(frame->payload, frame->len, &reply) < 0)
                return false;
        struct ask *ask = ask_take(link, reply.id);
        if (ask && ask->gate_done)
                ask->gate_done(reply.answer, ask->userdata);
        return true;
}

bool keeper_link_take_changed(struct keeper_link *link, const struct channel_frame *frame) {
        struct protocol_password_changed changed;
        if (protocol_get_password_changed(frame->payload, frame->len, &changed) < 0)
                return false;
        struct ask *ask = ask_take(link, changed.id);
        if (ask && ask->changed_done)
                ask->changed_done(&changed, ask->userdata);
        return true;
}

bool keeper_link_take_admitted(struct keeper_link *link, const struct channel_frame *frame) {
        struct protocol_admitted admitted;
        if (protocol_get_admitted(frame->payload, frame->len, &admitted) < 0)
                return false;
        struct ask *ask = ask_take(link, admitted.id);
        if (ask && ask->admitted_done)
                ask->admitted_done(&admitted, ask->userdata);
        return true;
}

bool keeper_link_take_applied(struct keeper_link *link, const struct channel_frame *frame) {
        struct protocol_applied applied;
        if (protocol_get_applied(frame->payload, frame->len, &applied) < 0)
                return false;
        struct ask *ask = ask_take(link, applied.id);
        if (ask && ask->applied_done)
                ask->applied_done(&applied, ask->userdata);
        return true;
}

int keeper_link_gate(struct service *service, struct protocol_gate *gate, gate_done_fn done, void *userdata, struct ask *ask) {
        int r = ask_begin(service, &(struct ask){ .gate_done = done, .userdata = userdata }, &gate->id, ask);
        return r < 0 ? r : ask_sent(service, protocol_send_gate(endpoint_channel(service->keeper->endpoint), gate), ask);
}

int keeper_link_admit(struct service *service, struct protocol_admit *admit, admitted_done_fn done, void *userdata, struct ask *ask) {
        int r = ask_begin(service, &(struct ask){ .admitted_done = done, .userdata = userdata }, &admit->id, ask);
        return r < 0 ? r : ask_sent(service, protocol_send_admit(endpoint_channel(service->keeper->endpoint), admit), ask);
}

int keeper_link_change_password(struct service *service, struct protocol_change_password *change, changed_done_fn done, void *userdata,
                                struct ask *ask) {
        int r = ask_begin(service, &(struct ask){ .changed_done = done, .userdata = userdata }, &change->id, ask);
        return r < 0 ? r : ask_sent(service, protocol_send_change_password(endpoint_channel(service->keeper->endpoint), change), ask);
}

int keeper_link_apply(struct service *service, struct protocol_apply *apply, applied_done_fn done, void *userdata, struct ask *ask) {
        int r = ask_begin(service, &(struct ask){ .applied_done = done, .userdata = userdata }, &apply->id, ask);
        return r < 0 ? r : ask_sent(service, protocol_send_apply(endpoint_channel(service->keeper->endpoint), apply), ask);
}
