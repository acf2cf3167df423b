/* A command that finds no keeper: it waits a little for the next one, which starts within a moment when the last has crashed.
 * Relies on: sd-event, multidird/supervisor/keeper_link, multidird/supervisor/sockets.
 * Must never: give a command to two keepers (what was with one that died is answered as unknown); keep the copy, which may hold a password. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "multidird/supervisor/keeper_link.h"
#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"

#define STEP_US (50 * 1000ull)
#define STEPS 100 /* 5 s in all */

struct wait {
        struct connection *connection;
        sd_event_source *timer;
        unsigned step;
        size_t len;
        char json[];
};

static void wait_free(void *work) {
        struct wait *wait = work;
        (void)sd_event_source_disable_unref(wait->timer);
        explicit_bzero(wait->json, wait->len);
        free(wait);
}

static void refuse(struct connection *connection) {
        reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE, "the keeper is not running; it is started again by itself");
}

static int on_step(sd_event_source *source, uint64_t usec, void *userdata) {
        struct wait *wait = userdata;
        struct connection *connection = wait->connection;
        if (!keeper_link_is_up(connection_service(connection)) && ++wait->step < STEPS) {
                int r = sd_event_source_set_time_relative(source, STEP_US);
                if (r >= 0)
                        r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
                if (r >= 0)
                        return 0;
        }
        connection_set_work(connection, NULL, NULL);
        if (connection_pass_to_keeper(connection, wait->json, wait->len) < 0)
                refuse(connection);
        wait_free(wait);
        return 0;
}

void request_pass_on(struct connection *connection, const char *json, size_t len) {
        struct service *service = connection_service(connection);
        if (keeper_link_is_up(service)) {
                if (connection_pass_to_keeper(connection, json, len) < 0)
                        refuse(connection);
                return;
        }
        struct wait *wait = malloc(sizeof *wait + len);
        if (!wait) {
                refuse(connection);
                return;
        }
        *wait = (struct wait){ .connection = connection, .len = len };
        memcpy(wait->json, json, len);
        if (sd_event_add_time_relative(service->event, &wait->timer, CLOCK_MONOTONIC, STEP_US, 0, on_step, wait) < 0) {
                wait_free(wait);
                refuse(connection);
                return;
        }
        connection_set_work(connection, wait, wait_free);
}
