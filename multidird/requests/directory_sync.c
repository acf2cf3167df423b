/* directory sync: reads directories with a server of their own again, and waits for what comes of it; the others are the keeper's.
 * Relies on: multidird/supervisor/sync, multidird/supervisor/sync_progress, multidird/requests/directory_state, jansson.
 * Must never: answer before what was asked for has ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/sync.h"
#include "multidird/supervisor/sync_progress.h"

#define PULSE_US (500 * 1000ull)

struct resync {
        struct connection *connection;
        sd_event_source *pulse;
        char directory[WIRE_NAME_MAX + 1]; /* "": all of them */
        bool full;                         /* everything, not only what has changed */
        size_t count, left;
        struct sync_wait *waits;           /* count of them */
        char (*names)[WIRE_NAME_MAX + 1];
};

static void resync_free(struct resync *resync) {
        (void)sd_event_source_disable_unref(resync->pulse);
        for (size_t i = 0; i < resync->count; i++)
                sync_wait_cancel(&resync->waits[i]);
        free(resync->waits);
        free(resync->names);
        free(resync);
}

static void cancel_resync(void *work) {
        resync_free(work);
}

/* The one directory's row, as the keeper gives the others'. */
static void reply_row(struct connection *connection, const char *name) {
        json_t *row = request_state_row(connection_service(connection), name), *rows = json_array();
        int exit_status = row && json_is_null(json_object_get(row, "error")) ? EXIT_DONE : EXIT_UNAVAILABLE;
        if (row)
                (void)json_array_append_new(rows, row);
        reply_object(connection, exit_status, json_pack("{s:o}", "directories", rows));
}

static void pass_on(struct connection *connection, const char *name) {
        json_t *request = name ? json_pack("{s:s, s:s}", "command", "directory sync", "directory", name) : json_pack("{s:s}", "command", "directory sync");
        char *json = request ? json_dumps(request, JSON_COMPACT) : NULL;
        if (json)
                request_pass_on(connection, json, strlen(json));
        else
                reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE, "memory is out");
        free(json);
        json_decref(request);
}

/* The last one has ended. Internal directories are the keeper's, and its answer has all rows. */
static void end(struct resync *resync) {
        struct connection *connection = resync->connection;
        char name[WIRE_NAME_MAX + 1];
        memcpy(name, resync->directory, sizeof name);
        connection_set_work(connection, NULL, NULL);
        resync_free(resync);
        if (name[0])
                reply_row(connection, name);
        else
                pass_on(connection, NULL);
}

static void on_done(void *userdata) {
        struct resync *resync = userdata;
        if (--resync->left == 0)
                end(resync);
}

/* How many entries its replica has, as the keeper said last; 0: it has said nothing. */
static uint64_t count_of(json_t *state, const char *name) {
        json_t *row;
        size_t index;
        json_array_foreach(json_object_get(state, "directories"), index, row) {
                const char *its = json_string_value(json_object_get(row, "name"));
                json_int_t users = json_integer_value(json_object_get(row, "users")), groups = json_integer_value(json_object_get(row, "groups"));
                if (its && strcmp(its, name) == 0 && users >= 0 && groups >= 0)
                        return (uint64_t)users + (uint64_t)groups;
        }
        return 0;
}

static int on_pulse(sd_event_source *source, uint64_t usec, void *userdata) {
        struct resync *resync = userdata;
        const struct service *service = connection_service(resync->connection);
        json_t *said = request_state(service);
        struct sync_progress progress = { 0 };
        char json[SYNC_PROGRESS_TEXT];
        for (size_t i = 0; i < resync->count; i++) {
                struct sync_state state = { 0 };
                bool runs = resync->waits[i].sync && sync_get(service, resync->names[i], &state) && state.running;
                uint64_t had = runs && state.total > 0 ? state.total : count_of(said, resync->names[i]);
                sync_progress_add(&progress, !resync->waits[i].sync, runs ? state.done : 0, had);
        }
        json_decref(said);
        sync_progress_text(&progress, json);
        connection_progress(resync->connection, json);
        int r = sd_event_source_set_time_relative(source, PULSE_US);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static struct resync *resync_new(struct connection *connection, const char *name, size_t room) {
        struct resync *resync = calloc(1, sizeof *resync);
        if (!resync)
                return NULL;
        *resync = (struct resync){ .connection = connection, .waits = calloc(room, sizeof *resync->waits), .names = calloc(room, sizeof *resync->names) };
        (void)snprintf(resync->directory, sizeof resync->directory, "%s", name ? name : "");
        if (resync->waits && resync->names)
                return resync;
        resync_free(resync);
        return NULL;
}

/* name NULL: all that are synchronised, then the keeper's own. */
static int start(struct connection *connection, const char *name, bool full) {
        struct service *service = connection_service(connection);
        const struct settings *settings = configuration_settings(service->configuration);
        struct resync *resync = resync_new(connection, name, settings->directory_count + 1);
        if (!resync)
                return -ENOMEM;
        resync->full = full;
        connection_set_work(connection, resync, cancel_resync);
        for (size_t i = 0; i < settings->directory_count; i++) {
                const char *its = settings->directories[i].name;
                size_t at = resync->count;
                if ((name && strcmp(name, its) != 0) || sync_now(service, its, resync->full, on_done, resync, &resync->waits[at]) < 0)
                        continue;
                (void)snprintf(resync->names[at], sizeof resync->names[at], "%s", its);
                resync->left = ++resync->count;
        }
        if (resync->left == 0) {
                resync->directory[0] = 0;
                connection_set_work(connection, NULL, NULL);
                resync_free(resync);
                pass_on(connection, name);
                return 0;
        }
        int r = sd_event_add_time_relative(service->event, &resync->pulse, CLOCK_MONOTONIC, PULSE_US, 0, on_pulse, resync);
        return r < 0 ? r : 0;
}

int request_directory_sync(struct connection *connection, json_t *request) {
        const struct settings *settings = configuration_settings(connection_service(connection)->configuration);
        const char *name = json_string_value(json_object_get(request, "directory"));
        bool full = json_is_true(json_object_get(request, "full"));
        if (name && strlen(name) <= WIRE_NAME_MAX && settings_directory(settings, name) != SETTINGS_NONE)
                return start(connection, name, full);
        if (!name)
                return start(connection, NULL, full);
        reply_no_directory(connection, name);
        return 0;
}
