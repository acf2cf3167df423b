/* multidirctl user password: the keeper says, by the rules, whose password it would be. Where a server keeps that, a worker sets it with the directory's
 * own account (U12); in every other case, refusals too, the command is the keeper's as it stands.
 * Relies on: jansson, multidird/supervisor/keeper_link, multidird/supervisor/pool.
 * Must never: set a password that the rules have not allowed; leave a copy of it behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"
#include "multidird/requests/server_password.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/login_driver.h"
#include "multidird/supervisor/pool.h"

struct setting {
        struct connection *connection;
        struct configuration *configuration; /* a reference */
        size_t directory;
        struct ask ask;
        struct job *job;
        bool given;                          /* a worker has it */
        char user[WIRE_NAME_MAX + 1];
        struct secret password;
        size_t len;
        char *json;                          /* the command, for the keeper */
};

static void setting_free(struct setting *setting) {
        ask_cancel(connection_service(setting->connection), &setting->ask);
        job_cancel(setting->job);
        configuration_unref(setting->configuration);
        secret_done(&setting->password);
        if (setting->json)
                explicit_bzero(setting->json, setting->len);
        free(setting->json);
        free(setting);
}

static void cancel_setting(void *work) {
        setting_free(work);
}

static const struct directory_settings *directory_of(const struct setting *setting) {
        return &configuration_settings(setting->configuration)->directories[setting->directory];
}

static int exit_of(enum reason reason) {
        switch (reason) {
        case REASON_OK: return EXIT_DONE;
        case REASON_USER_NOT_FOUND: return EXIT_NOT_FOUND;
        case REASON_PERMISSION_DENIED: return EXIT_PERMISSION;
        case REASON_UNAVAILABLE: return EXIT_UNAVAILABLE;
        default: return EXIT_REFUSED;
        }
}

static void on_set(const struct protocol_answer *answer, void *userdata) {
        struct setting *setting = userdata;
        struct connection *connection = setting->connection;
        const struct directory_settings *directory = directory_of(setting);
        char text[WIRE_TEXT_MAX + 1], user[WIRE_NAME_MAX + 1];
        setting->job = NULL;
        enum reason reason = server_password_outcome(answer, setting->given, directory, setting->user, text, sizeof text);
        login_quote(setting->user, user);
        log_notice("password set by an administrator: user=\"%s\" directory=%s reason=%s%s%s", user, directory->name, reason_name(reason), text[0] ? ": " : "", text);
        json_t *object = reason == REASON_OK ? json_pack("{s:s, s:s, s:[{s:s, s:s}], s:[]}", "result", "done", "reason", "ok", "changed", "directory",
                                                         directory->name, "what", "set-password", "skipped")
                                             : json_pack("{s:s, s:s, s:[], s:[], s:s}", "result", "refused", "reason", reason_name(reason), "changed",
                                                         "skipped", "text", text);
        connection_set_work(connection, NULL, NULL);
        setting_free(setting);
        reply_object(connection, exit_of(reason), object);
}

/* The keeper allowed it by that configuration (P1, P2). */
static bool before_set(void *userdata) {
        struct setting *setting = userdata;
        if (configuration_is_in_force(setting->configuration)) {
                setting->given = true;
                return true;
        }
        on_set(&(struct protocol_answer){ 0 }, setting);
        return false;
}

/* The keeper does it, refuses it, or is not there. */
static void pass_on(struct setting *setting) {
        struct connection *connection = setting->connection;
        char *json = setting->json;
        size_t len = setting->len;
        setting->json = NULL;
        connection_set_work(connection, NULL, NULL);
        setting_free(setting);
        request_pass_on(connection, json, len);
        explicit_bzero(json, len);
        free(json);
}

static void on_allowed(const struct protocol_password_changed *allowed, void *userdata) {
        struct setting *setting = userdata;
        size_t directory = allowed && allowed->reason == REASON_OK ?
                           settings_directory(configuration_settings(setting->configuration), allowed->directory) : SETTINGS_NONE;
        if (directory == SETTINGS_NONE || !configuration_has_server(setting->configuration, directory)) {
                pass_on(setting);
                return;
        }
        setting->directory = directory;
        struct pool *pool = configuration_workers(setting->configuration, directory);
        const struct job_request request = {
                .type = WORKER_SET_PASSWORD, .user = setting->user, .entry_id = allowed->entry_id, .new_password = &setting->password,
                .deadline_ms = clock_monotonic_ms() + configuration_settings(setting->configuration)->login_deadline_s * 1000,
        };
        int r = pool ? pool_submit(pool, &request, on_set, setting, &setting->job) : -ENOMEM;
        if (r < 0)
                on_set(&(struct protocol_answer){ 0 }, setting);
        else
                job_set_before(setting->job, before_set);
}

/* A name as a question to the keeper has it; false: too long to be one. */
static bool take_name(const json_t *request, const char *key, char out[WIRE_NAME_MAX + 1]) {
        const char *name = json_string_value(json_object_get(request, key));
        if (name && strlen(name) > WIRE_NAME_MAX)
                return false;
        (void)snprintf(out, WIRE_NAME_MAX + 1, "%s", name ? name : "");
        return true;
}

static struct setting *setting_new(struct connection *connection, const json_t *request) {
        struct setting *setting = calloc(1, sizeof *setting);
        if (!setting)
                return NULL;
        setting->connection = connection;
        setting->configuration = configuration_ref(connection_service(connection)->configuration);
        /* Into memory of our own, and no more than once: it holds the password. */
        setting->len = json_dumpb(request, NULL, 0, JSON_COMPACT);
        setting->json = setting->len > 0 ? malloc(setting->len) : NULL;
        if (!setting->json || json_dumpb(request, setting->json, setting->len, JSON_COMPACT) != setting->len) {
                setting_free(setting);
                return NULL;
        }
        return setting;
}

int request_user_password(struct connection *connection, json_t *request) {
        struct service *service = connection_service(connection);
        const json_t *password = json_object_get(request, "password");
        struct protocol_change_password question = { .check_only = 1, .as_administrator = 1 };
        struct setting *setting = setting_new(connection, request);
        if (!setting)
                return -ENOMEM;
        connection_set_work(connection, setting, cancel_setting);
        bool good = take_name(request, "user", setting->user) && setting->user[0] && take_name(request, "application", question.application) &&
                    take_name(request, "directory", question.directory) && !(question.application[0] && question.directory[0]);
        /* L8 is the keeper's to say. */
        good = good && password && json_string_length(password) > 0 &&
               secret_set(&setting->password, json_string_value(password), json_string_length(password)) == 0 && !secret_has_nul(&setting->password);
        if (!question.application[0] && !question.directory[0])
                (void)snprintf(question.application, sizeof question.application, "host");
        (void)snprintf(question.user, sizeof question.user, "%s", setting->user);
        if (!good || keeper_link_change_password(service, &question, on_allowed, setting, &setting->ask) < 0)
                pass_on(setting);
        return 0;
}
