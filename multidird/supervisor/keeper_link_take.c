/* What the keeper sends, checked as an attacker's, and where it goes; see supervisor/keeper_link.h. */
#include "multidird/supervisor/keeper_link_internal.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/publisher/publish.h"
#include "multidird/requests/requests.h"
#include "multidird/supervisor/sockets.h"
#include "multidird/supervisor/sync.h"

#define STATE_MAX (1u << 20)

static bool take_planned(struct service *service, const struct channel_frame *frame) {
        struct protocol_planned planned;
        if (protocol_get_planned(frame->payload, frame->len, &planned) < 0)
                return false;
        struct connection *connection = NULL;
        int r = sockets_take_back(service, planned.connection, planned.request, &connection);
        if (r == 0)
                request_update(connection, &planned);
        else if (r == -ENOENT)
                keeper_link_undone(service, planned.steps, planned.step_count);
        protocol_planned_done(&planned);
        return r != -EPERM;
}

static bool take_admin(struct service *service, const struct channel_frame *frame) {
        struct protocol_admin admin;
        if (protocol_get_admin(frame->payload, frame->len, &admin) < 0 || admin.json_len > WIRE_ADMIN_MAX)
                return false;
        sockets_admin_reply(service, admin.connection, admin.id, frame->type == KEEPER_ADMIN_REPLY, admin.json, admin.json_len);
        return true;
}

static bool take_view(struct service *service, const struct channel_frame *frame) {
        struct keeper_link *link = service->keeper;
        uint64_t generation;
        int fd = channel_take_fd(endpoint_channel(link->endpoint));
        if (fd < 0 || protocol_get_number(frame->payload, frame->len, &generation) < 0) {
                if (fd >= 0)
                        (void)close(fd);
                return false;
        }
        publish_view(service, link->incarnation, generation, fd);
        return true;
}

static bool take_state(struct service *service, const struct channel_frame *frame) {
        struct keeper_link *link = service->keeper;
        if (frame->len > STATE_MAX)
                return false;
        sbuf_done(&link->state);
        sbuf_add_bytes(&link->state, frame->payload, frame->len);
        link->state_ms = clock_monotonic_ms();
        /* A first build that failed: the service answers with the view that is there. */
        json_t *state = service->ready ? NULL : json_loadb((const char *)frame->payload, frame->len, JSON_REJECT_DUPLICATES, NULL);
        if (json_array_size(json_object_get(state, "warnings")) > 0)
                service_ready(service);
        json_decref(state);
        return true;
}

static bool take_synced(struct service *service, const struct channel_frame *frame) {
        struct protocol_keeper_synced synced;
        if (protocol_get_keeper_synced(frame->payload, frame->len, &synced) < 0)
                return false;
        sync_keeper_answer(service, &synced);
        return true;
}

bool keeper_link_on_frame(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata) {
        struct service *service = userdata;
        struct keeper_link *link = service->keeper;
        bool good = false;
        link->heard_ms = clock_monotonic_ms();
        /* Before anybody is told: who hears of a change must not meet what was there before it. */
        if (frame->type != KEEPER_GATE_REPLY && frame->type != KEEPER_ADMIN_PROGRESS)
                service->replica_changes++;
        if (frame->type == KEEPER_GATE_REPLY)
                good = keeper_link_take_gate_reply(link, frame);
        else if (frame->type == KEEPER_PASSWORD_CHANGED)
                good = keeper_link_take_changed(link, frame);
        else if (frame->type == KEEPER_ADMITTED)
                good = keeper_link_take_admitted(link, frame);
        else if (frame->type == KEEPER_ADMIN_REPLY || frame->type == KEEPER_ADMIN_PROGRESS)
                good = take_admin(service, frame);
        else if (frame->type == KEEPER_PLANNED)
                good = take_planned(service, frame);
        else if (frame->type == KEEPER_APPLIED)
                good = keeper_link_take_applied(link, frame);
        else if (frame->type == KEEPER_VIEW)
                good = take_view(service, frame);
        else if (frame->type == KEEPER_STATE)
                good = take_state(service, frame);
        else if (frame->type == KEEPER_SYNCED)
                good = take_synced(service, frame);
        if (good)
                return true;
        log_error("the keeper sent nonsense (type %u) and is killed", frame->type);
        endpoint_pause(endpoint, true);
        if (link->pid > 0)
                (void)kill(link->pid, SIGKILL);
        return true;
}
