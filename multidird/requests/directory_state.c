/* What `status`, `directory show` and `directory sync` say of a directory: the keeper's last word, and what only the supervisor knows of its server and
 * its synchronisations.
 * Relies on: multidird/supervisor/sync, multidird/supervisor/outage, multidird/supervisor/server_notes, multidird/supervisor/keeper_link, jansson.
 * Must never: take the keeper's last word for a directory's state while the supervisor knows better. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/outage.h"
#include "multidird/supervisor/server_notes.h"
#include "multidird/supervisor/sync.h"

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
        if (is_synchronised && state.running)
                (void)json_object_set_new(directory, "read", json_integer(state.done < INT64_MAX ? (json_int_t)state.done : INT64_MAX));
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

json_t *request_state_row(const struct service *service, const char *name) {
        json_t *state = request_state(service), *row, *found = NULL;
        size_t index;
        json_array_foreach(json_object_get(state, "directories"), index, row) {
                const char *its = json_string_value(json_object_get(row, "name"));
                if (its && strcmp(its, name) == 0)
                        found = json_incref(row);
        }
        json_decref(state);
        return found;
}

static int pass_on(struct connection *connection, json_t *request) {
        char *json = json_dumps(request, JSON_COMPACT);
        if (json)
                request_pass_on(connection, json, strlen(json));
        else
                reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE, "memory is out");
        free(json);
        return 0;
}

/* The settings are the keeper's to show. */
int request_directory_show(struct connection *connection, json_t *request) {
        const char *name = json_string_value(json_object_get(request, "directory"));
        json_t *row = name ? request_state_row(connection_service(connection), name) : NULL;
        if (row)
                (void)json_object_set_new(request, "status", row);
        return pass_on(connection, request);
}

/* Which directories there are is the keeper's to say. */
int request_directory_list(struct connection *connection, json_t *request) {
        json_t *state = request_state(connection_service(connection)), *rows = json_object(), *row;
        size_t index;
        json_array_foreach(json_object_get(state, "directories"), index, row)
                if (json_is_string(json_object_get(row, "name")))
                        (void)json_object_set(rows, json_string_value(json_object_get(row, "name")), row);
        (void)json_object_set_new(request, "status", rows);
        json_decref(state);
        return pass_on(connection, request);
}
