/* Commands of multidirctl: the few that the supervisor answers itself; all others go to the keeper as they are.
 * Relies on: jansson, multidird/publisher/publish, multidird/supervisor/login_driver, multidird/supervisor/reload.
 * Must never: read a field that it does not know as if it were not there. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/keeper/command.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/login_driver.h"
#include "multidird/publisher/publish.h"
#include "multidird/supervisor/reload.h"
#include "multidird/supervisor/sync.h"
#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"

#define OWN_COMMAND_MAX 65536 /* bytes: our own commands are short; nothing longer is parsed in the loop */

static void warn(json_t *warnings, const char *text) {
        (void)json_array_append_new(warnings, json_string(text));
}

static json_t *warnings_of(const struct service *service, json_t *state) {
        json_t *warnings = json_array(), *theirs = json_object_get(state, "warnings");
        char text[WIRE_TEXT_MAX + 64];
        if (publish_held(service)) {
                (void)snprintf(text, sizeof text, "publishing is paused by a rollback to view %llu", (unsigned long long)publish_held(service));
                warn(warnings, text);
        }
        if (publish_error(service)[0]) {
                (void)snprintf(text, sizeof text, "the last view was not published: %s", publish_error(service));
                warn(warnings, text);
        }
        if (!keeper_link_is_up(service))
                warn(warnings, "the keeper is not running: changes are not possible");
        if (reload_error(service))
                warn(warnings, "the configuration on disk has errors (`multidirctl check`): the former one is in force");
        if (json_is_array(theirs))
                (void)json_array_extend(warnings, theirs);
        return warnings;
}

/* Exit 7 until each active directory has finished or failed its first synchronisation, and a view was published since the start. */
static int status_exit(const struct service *service, const json_t *directories) {
        size_t index;
        json_t *directory;
        if (!service->view.base || !(publish_has_published(service) || publish_held(service)) || json_array_size(directories) == 0)
                return EXIT_NO_SERVICE;
        json_array_foreach(directories, index, directory) {
                const char *state = json_string_value(json_object_get(directory, "state"));
                const char *name = json_string_value(json_object_get(directory, "name"));
                struct sync_state sync;
                bool is_synchronised = name && sync_get(service, name, &sync);
                if (!state || (is_synchronised ? !sync.settled : strcmp(state, "empty") == 0))
                        return EXIT_NO_SERVICE;
        }
        return EXIT_DONE;
}

static int command_status(struct connection *connection, json_t *request) {
        const struct service *service = connection_service(connection);
        json_t *state = request_state(service), *directories = json_object_get(state, "directories");
        json_t *view = json_null();
        if (service->view.base) {
                uint64_t now = clock_real_s(), built = view_built_s(&service->view);
                view = json_pack("{s:I, s:I}", "generation", (json_int_t)view_generation(&service->view), "age",
                                 (json_int_t)(now > built ? now - built : 0));
        }
        directories = json_is_array(directories) ? json_incref(directories) : json_array();
        int status = status_exit(service, directories);
        reply_object(connection, status, json_pack("{s:o, s:o, s:o}", "view", view, "directories", directories, "warnings", warnings_of(service, state)));
        json_decref(state);
        return 0;
}

/* The object that `multidirctl check` prints for the same errors: a line each. */
static json_t *configuration_errors(const char *text) {
        json_t *lines = json_array();
        for (size_t len; *text; text += len + (text[len] == '\n')) {
                len = strcspn(text, "\n");
                json_t *line = json_stringn(text, len);
                (void)json_array_append_new(lines, line ? line : json_string("(a line that is not UTF-8: see `multidirctl check`)"));
        }
        const char *first = json_array_size(lines) > 0 ? json_string_value(json_array_get(lines, 0)) : "the configuration cannot be read";
        json_t *said = json_array_size(lines) > 1 ? json_sprintf("%zu errors, the first: %s", json_array_size(lines), first) : json_string(first);
        return json_pack("{s:{s:s, s:o}, s:o}", "error", "reason", "configuration", "text", said, "errors", lines);
}

static int command_reload(struct connection *connection, json_t *request) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        int r = reload(connection_service(connection), &errors);
        if (r < 0) {
                reply_object(connection, EXIT_CONFIGURATION, configuration_errors(sbuf_text(&errors)));
                return 0;
        }
        bool force = json_is_true(json_object_get(request, "force"));
        if (force)
                sync_all(connection_service(connection));
        /* The keeper has the new configuration before this, and answers when the view that follows from it is published. */
        const char *barrier = force ? "{\"command\": \"publish\", \"force\": true}" : "{\"command\": \"publish\"}";
        if (connection_pass_to_keeper(connection, barrier, strlen(barrier)) < 0)
                reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE,
                            "the configuration is in force, but the keeper does not run: nothing is published");
        return 0;
}

static json_t *steps_of(const struct login_run *run) {
        const struct settings *settings = configuration_settings(run->configuration);
        json_t *steps = json_array();
        for (size_t i = 0; i < run->login.step_count; i++) {
                const struct login_step_record *step = &run->login.steps[i];
                json_t *directory = step->directory == SETTINGS_NONE ? json_null() : json_string(settings->directories[step->directory].name);
                (void)json_array_append_new(steps, json_pack("{s:s, s:o, s:s, s:s}", "rule", step->rule, "directory", directory, "result",
                                                             reason_name(step->result), "text", step->text));
        }
        return steps;
}

static void on_explained(const struct login_run *run, void *userdata) {
        struct connection *connection = userdata;
        const struct settings *settings = configuration_settings(run->configuration);
        const struct login *login = &run->login;
        bool allow = login->verdict == LOGIN_ALLOW;
        connection_set_work(connection, NULL, NULL);
        json_t *owner = login->owner == SETTINGS_NONE ? json_null() : json_string(settings->directories[login->owner].name);
        reply_object(connection, allow ? EXIT_DONE : EXIT_REFUSED,
              json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "user", run->user, "service", run->pam_service, "application",
                        run->application < settings->application_count ? settings->applications[run->application].name : "", "verdict",
                        allow ? "allow" : "deny", "reason", reason_name(login->reason), "owner", owner, "steps", steps_of(run)));
}

static void cancel_login(void *work) {
        login_run_cancel(work);
}

static int command_explain_login(struct connection *connection, json_t *request) {
        struct service *service = connection_service(connection);
        const json_t *password = json_object_get(request, "password");
        const char *user = json_string_value(json_object_get(request, "user"));
        const char *pam_service = json_string_value(json_object_get(request, "service"));
        const char *application = json_string_value(json_object_get(request, "application"));
        struct secret secret = { 0 };
        struct login_run *run = NULL;
        if (!user || strlen(user) > WIRE_NAME_MAX || (pam_service && strlen(pam_service) > WIRE_NAME_MAX)) {
                reply_usage(connection, "explain login needs a user of at most 255 bytes");
                return 0;
        }
        if (application && settings_application(configuration_settings(service->configuration), application) == SETTINGS_NONE) {
                reply_missing(connection, "application-not-found", "there is no such application");
                return 0;
        }
        bool over_long = password && secret_set(&secret, json_string_value(password), json_string_length(password)) < 0;
        const struct login_request login = {
                .user = user, .service = pam_service ? pam_service : "", .application = application ? application : "",
                .rhost = "", .tty = "", .password = password ? &secret : NULL,
                .over_long = over_long, .purpose = "explain", .dry = true,
        };
        int r = login_run_start(service, &login, on_explained, connection, &run);
        secret_done(&secret);
        if (r < 0)
                reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE, "memory is out");
        else
                connection_set_work(connection, run, cancel_login);
        return 0;
}

/* A connection that waits for a rollback: found again by its number, as its peer may be gone by then. */
struct rollback_waiter { struct service *service; uint64_t connection; };

static void on_rolled_back(int error, const char *text, void *userdata) {
        struct rollback_waiter *waiter = userdata;
        struct connection *connection = connection_find(waiter->service, waiter->connection);
        const struct view *view = &waiter->service->view;
        if (connection && error == -ENOENT)
                reply_missing(connection, "view-not-found", text);
        else if (connection && error < 0)
                reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE, text);
        else if (connection)
                reply_object(connection, EXIT_DONE,
                             json_pack("{s:s, s:s, s:[], s:[], s:I, s:s}", "result", "done", "reason", "ok", "changed", "skipped", "generation",
                                       (json_int_t)view_generation(view), "text",
                                       publish_held(waiter->service) ? "the view is published, and no newer one will be until `multidirctl view rollback --end`"
                                                                     : "the newest view is published"));
        free(waiter);
}

static int command_rollback(struct connection *connection, json_t *request) {
        struct service *service = connection_service(connection);
        json_int_t generation = json_integer_value(json_object_get(request, "generation"));
        bool end = json_is_true(json_object_get(request, "end"));
        if (generation < 0 || (generation == 0) != end) {
                reply_usage(connection, "view rollback needs the number of a kept view, or --end");
                return 0;
        }
        struct rollback_waiter *waiter = calloc(1, sizeof *waiter);
        if (!waiter)
                return -ENOMEM;
        *waiter = (struct rollback_waiter){ service, connection_id(connection) };
        int r = publish_rollback(service, (uint64_t)generation, on_rolled_back, waiter);
        if (r == 0)
                return 0;
        free(waiter);
        if (r == -EALREADY)
                reply_object(connection, EXIT_REFUSED, json_pack("{s:{s:s, s:s}}", "error", "reason", "no-rollback", "text", "no rollback is in force"));
        else
                reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE, strerror(-r));
        return 0;
}

/* A field that a command may have, and its JSON type (JSON_NULL: ends the list). */
struct field { const char *name; json_type type; };

static const struct command {
        const char *name;
        int (*run)(struct connection *connection, json_t *request);
        struct field fields[4];
} commands[] = {
        { "status", command_status, { { NULL, JSON_NULL } } },
        { "reload", command_reload, { { "force", JSON_TRUE } } },
        { "explain login", command_explain_login, { { "user", JSON_STRING }, { "service", JSON_STRING }, { "password", JSON_STRING } } },
        { "directory list", request_directory_list, { { NULL, JSON_NULL } } },
        { "directory show", request_directory_show, { { "directory", JSON_STRING } } },
        { "directory sync", request_directory_sync, { { "directory", JSON_STRING }, { "full", JSON_TRUE } } },
        { "directory test", request_directory_test, { { "directory", JSON_STRING }, { "user", JSON_STRING }, { "password", JSON_STRING } } },
        { "user password", request_user_password, { { "user", JSON_STRING }, { "password", JSON_STRING }, { "directory", JSON_STRING } } },
        { "view rollback", command_rollback, { { "generation", JSON_INTEGER }, { "end", JSON_TRUE } } },
};

static const struct command *find_command(const json_t *request) {
        const char *name = json_string_value(json_object_get(request, "command"));
        for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

static bool has_field(const struct command *command, const char *key, const json_t *value) {
        static const struct field common[] = { { "command", JSON_STRING }, { "application", JSON_STRING } };
        for (size_t i = 0; i < ARRAY_SIZE(common); i++)
                if (strcmp(common[i].name, key) == 0)
                        return json_typeof(value) == common[i].type;
        for (size_t i = 0; i < ARRAY_SIZE(command->fields) && command->fields[i].name; i++)
                if (strcmp(command->fields[i].name, key) == 0)
                        return json_typeof(value) == command->fields[i].type;
        return false;
}

/* The name of a field that the command does not have, or has with another type; NULL: all are good. */
static const char *bad_field(const struct command *command, json_t *request) {
        const char *key;
        json_t *value;
        json_object_foreach(request, key, value)
                if (!has_field(command, key, value))
                        return key;
        return NULL;
}

/* The strings of a parsed command may hold a password. */
static void wipe_password(json_t *request) {
        json_t *password = json_object_get(request, "password");
        if (json_is_string(password) && json_string_length(password) > 0)
                explicit_bzero((char *)(uintptr_t)json_string_value(password), json_string_length(password));
}

int request_admin(struct connection *connection, const unsigned char *payload, size_t len) {
        json_t *request = len <= OWN_COMMAND_MAX ? json_loadb((const char *)payload, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL) : NULL;
        const struct command *command = request ? find_command(request) : NULL;
        const char *bad = command ? bad_field(command, request) : NULL;
        char text[300];
        int r = 0;
        if (len <= OWN_COMMAND_MAX && !json_is_object(request)) {
                r = -EBADMSG;
        } else if (bad) {
                (void)snprintf(text, sizeof text, "%s has no such field, or not of that type: %.200s", command->name, bad);
                reply_usage(connection, text);
        } else if (command) {
                r = command->run(connection, request);
        } else {
                /* What is too long to be looked at here is a list of names, or an import. */
                if (!request || keeper_command_changes(json_string_value(json_object_get(request, "command"))))
                        connection_set_changes(connection);
                request_pass_on(connection, (const char *)payload, len);
        }
        wipe_password(request);
        json_decref(request);
        return r;
}
