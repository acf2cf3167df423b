/* directory sync: reads directories with a server of their own again, and waits for what comes of it; the others are the keeper's. And what `status`
 * says of synchronisations.
 * Relies on: multidird/supervisor/sync, multidird/supervisor/keeper_link, jansson.
 * Must never: take the keeper's last word for a directory's state while the supervisor knows better. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/outage.h"
#include "multidird/supervisor/server_notes.h"
#include "multidird/supervisor/sync.h"

#define PULSE_US (500 * 1000ull)

/* How changes at the server come here, and when everything was read last; state NULL: there is no server. */
static void put_keeping(json_t *directory, const struct sync_state *state) {
        static const char *const words[] = { [SYNC_KEPT_FULL] = "full", [SYNC_KEPT_CHANGES] = "changes", [SYNC_KEPT_WATCH] = "watch" };
        uint64_t now = clock_real_s();
        bool known = state && state->settled && !state->failed;
        (void)json_object_set_new(directory, "kept_by", known ? json_string(words[state->keeping]) : json_null());
        (void)json_object_set_new(directory, "full_age", state && state->full_s > 0 && now >= state->full_s ? json_integer((json_int_t)(now - state->full_s)) : json_null());
}

/* passed_s: how long ago the keeper said it. */
static void put_sync(const struct service *service, json_t *directory, uint64_t passed_s) {
        const char *name = json_string_value(json_object_get(directory, "name")), *said = json_string_value(json_object_get(directory, "state"));
        struct sync_state state;
        bool is_synchronised = name && sync_get(service, name, &state);
        put_keeping(directory, is_synchronised ? &state : NULL);
        if (!said || strcmp(said, "off") == 0 || !is_synchronised)
                return;
        json_t *age = json_object_get(directory, "age");
        const char *error = json_string_value(json_object_get(directory, "error"));
        if (json_is_integer(age))
                (void)json_integer_set(age, json_integer_value(age) + (json_int_t)passed_s);
        if (state.running && (!state.settled || strcmp(said, "empty") == 0)) {
                (void)json_object_set_new(directory, "state", json_string("syncing"));
        } else if (state.failed) {
                (void)json_object_set_new(directory, "state", json_string("failed"));
                (void)json_object_set_new(directory, "error", json_string(state.error));
        } else if (state.full_due && json_is_integer(age) && error && strcmp(error, state.error) == 0) {
                /* What the keeper says of that run is true, but no failure; whatever else it has to say stays. */
                (void)json_object_set_new(directory, "state", json_string("ready"));
                (void)json_object_set_new(directory, "error", json_null());
        }
}

static void put_warning(json_t *state, const char *name, const char *text) {
        if (text[0] && json_is_array(json_object_get(state, "warnings")))
                (void)json_array_append_new(json_object_get(state, "warnings"), json_sprintf("directory %s: %s", name, text));
}

/* Among the warnings, and as the directory's last error where there is none of its own. */
static void put_outage(const struct service *service, json_t *state, json_t *directory) {
        const char *name = json_string_value(json_object_get(directory, "name"));
        struct outage_state outage;
        if (!name || !outage_get(service, name, &outage))
                return;
        char since[32] = "";
        time_t at = (time_t)outage.since_s;
        struct tm utc;
        if (gmtime_r(&at, &utc))
                (void)strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", &utc);
        json_t *text = json_sprintf("its server has not answered since %s (%llu s): %s", since, (unsigned long long)(outage.for_ms / 1000), outage.error);
        if (json_is_null(json_object_get(directory, "error")))
                (void)json_object_set(directory, "error", text);
        if (text)
                put_warning(state, name, json_string_value(text));
        json_decref(text);
}

/* What else is known of the server, and of what was read there. */
static void put_notes(const struct service *service, json_t *state, json_t *directory) {
        const char *name = json_string_value(json_object_get(directory, "name"));
        struct server_notes_state notes;
        char text[WIRE_TEXT_MAX + 64];
        if (!name || !server_notes_get(service, name, &notes))
                return;
        put_warning(state, name, notes.remark);
        if (!notes.refusal[0])
                return;
        (void)snprintf(text, sizeof text, "%s; tried again in %llu s, or after a reload", notes.refusal, (unsigned long long)notes.again_s);
        put_warning(state, name, text);
        if (json_is_null(json_object_get(directory, "error")))
                (void)json_object_set_new(directory, "error", json_string(text));
}

json_t *request_state(const struct service *service) {
        size_t len = 0, index;
        uint64_t since_ms;
        json_t *directory;
        const char *text = keeper_link_state(service, &len, &since_ms);
        json_t *state = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
        if (!json_is_object(state)) {
                json_decref(state);
                return json_object();
        }
        json_array_foreach(json_object_get(state, "directories"), index, directory) {
                put_sync(service, directory, since_ms / 1000);
                put_outage(service, state, directory);
                put_notes(service, state, directory);
        }
        return state;
}

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
        json_t *state = request_state(connection_service(connection)), *rows = json_array(), *row;
        int exit_status = EXIT_UNAVAILABLE;
        size_t index;
        json_array_foreach(json_object_get(state, "directories"), index, row) {
                const char *its = json_string_value(json_object_get(row, "name"));
                if (!its || strcmp(its, name) != 0)
                        continue;
                exit_status = json_is_null(json_object_get(row, "error")) ? EXIT_DONE : EXIT_UNAVAILABLE;
                (void)json_array_append(rows, row);
        }
        json_decref(state);
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

static int on_pulse(sd_event_source *source, uint64_t usec, void *userdata) {
        struct resync *resync = userdata;
        struct sync_state state;
        uint64_t done = 0, total = 0;
        bool known = true;
        char json[96] = "{}";
        for (size_t i = 0; i < resync->count; i++)
                if (resync->waits[i].sync && sync_get(connection_service(resync->connection), resync->names[i], &state)) {
                        done += state.done;
                        total += state.total;
                        known = known && state.total > 0;
                }
        if (known && total > 0 && done <= total)
                (void)snprintf(json, sizeof json, "{\"done\":%llu,\"total\":%llu}", (unsigned long long)done, (unsigned long long)total);
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
        reply_missing(connection, "directory-not-found", "there is no such directory");
        return 0;
}
