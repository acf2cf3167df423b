/* A password change, as passwd(1) asks for it through PAM: the old password is checked like a login, then the keeper changes it at the owner; where a
 * server is the owner, the keeper only says whether it may be done, and a worker does it, old password and all: each login with an expired one may be
 * the last.
 * Relies on: multidird/supervisor/login_driver, multidird/supervisor/keeper_link, multidird/supervisor/pool, rules/throttle.
 * Must never: change a password whose old one was not checked, unless root changes it; change another entry's than the one checked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/login_driver.h"
#include "multidird/supervisor/pool.h"
#include "multidird/supervisor/sync.h"
#include "multidird/requests/requests.h"
#include "multidird/requests/server_password.h"
#include "rules/throttle.h"

#define CHANGE_LIMIT_US (10 * 1000000ull) /* one hash and one transaction */
#define TOTAL_LIMIT_MS 18000              /* all of it: pam_multidir waits for 20 s */

struct change {
        struct connection *connection;
        struct wire_change_password message;
        struct login_run *run;
        struct ask ask;
        sd_event_source *limit;
        struct configuration *configuration; /* a reference, once the owner is known */
        size_t directory;
        bool unchecked;                      /* the old password is left to the worker */
        bool at_server;                      /* that directory's own server sets it */
        char entry_id[WIRE_NAME_MAX + 1], dn[SYNC_DN_MAX + 1];
        struct job *job;
        bool given;                          /* a worker has it */
        uint64_t started_ms;
};

static void change_free(struct change *change) {
        login_run_cancel(change->run);
        ask_cancel(connection_service(change->connection), &change->ask);
        (void)sd_event_source_disable_unref(change->limit);
        job_cancel(change->job);
        configuration_unref(change->configuration);
        explicit_bzero(change, sizeof *change);
        free(change);
}

static void cancel_change(void *work) {
        change_free(work);
}

/* Replies and ends the work. change may be NULL. */
static void reply_changed(struct connection *connection, struct change *change, enum reason reason, const char *text) {
        unsigned char bytes[WIRE_AUTH_MAX];
        struct wire_writer writer = { .bytes = bytes, .size = sizeof bytes };
        struct wire_changed message = { .reason = reason };
        (void)snprintf(message.text, sizeof message.text, "%s", text);
        wire_put_changed(&writer, &message);
        if (change)
                change_free(change);
        connection_set_work(connection, NULL, NULL);
        if (writer.bad || channel_send(connection_channel(connection), WIRE_CHANGED, writer.bytes, writer.len) < 0)
                log_error("a password change's answer could not be sent");
        else
                connection_replied(connection);
}

static void end(struct change *change, enum reason reason, const char *text) {
        const struct wire_change_password *message = &change->message;
        char user[WIRE_NAME_MAX + 1];
        login_quote(message->user, user);
        if (!message->check_only || reason != REASON_OK)
                log_notice("password change: user=\"%s\" reason=%s as_root=%d%s%s", user, reason_name(reason), message->as_root,
                           text[0] ? ": " : "", text);
        reply_changed(change->connection, change, reason, text);
}

static void on_set(const struct protocol_answer *answer, void *userdata) {
        struct change *change = userdata;
        struct service *service = connection_service(change->connection);
        const struct directory_settings *directory = &configuration_settings(change->configuration)->directories[change->directory];
        char text[WIRE_TEXT_MAX + 1];
        enum reason reason = server_password_outcome(answer, change->given, directory, change->message.user, text, sizeof text);
        change->job = NULL;
        if (reason == REASON_OK && !change->message.as_root)
                throttle_right(service->throttle, change->message.user);
        /* L11: an account that the server has closed says nothing of the password; root gave none. */
        if (answer->set == PASSWORD_SET_WRONG && change->given && !change->message.as_root)
                throttle_wrong(service->throttle, change->message.user, clock_monotonic_ms());
        if (reason == REASON_USER_NOT_FOUND)
                sync_wanted(service, directory->name);
        end(change, reason, text);
}

/* P1, P2: the keeper allowed it by that configuration. L11: the worker tries the old password. */
static bool before_set(void *userdata) {
        struct change *change = userdata;
        if (!configuration_is_in_force(change->configuration)) {
                change->job = NULL;
                end(change, REASON_UNAVAILABLE, "The service was configured anew meanwhile; nothing was changed. Please try again.");
                return false;
        }
        change->given = true;
        if (change->message.as_root || !throttle_refuses(connection_service(change->connection)->throttle, change->message.user, clock_monotonic_ms()))
                return true;
        change->job = NULL;
        end(change, REASON_THROTTLED, "");
        return false;
}

/* U12: the server first. Its replica holds no passwords. */
static void set_at_server(struct change *change) {
        const struct wire_change_password *message = &change->message;
        struct pool *pool = configuration_workers(change->configuration, change->directory);
        uint64_t last_ms = change->started_ms + TOTAL_LIMIT_MS;
        uint64_t deadline_ms = clock_monotonic_ms() + configuration_settings(change->configuration)->login_deadline_s * 1000;
        const struct job_request request = {
                .type = message->as_root ? WORKER_SET_PASSWORD : WORKER_CHANGE_PASSWORD, .user = message->user, .entry_id = change->entry_id,
                .dn = change->dn, .password = message->as_root ? NULL : &message->old_password, .new_password = &message->new_password,
                .deadline_ms = deadline_ms < last_ms ? deadline_ms : last_ms,
        };
        int r = pool ? pool_submit(pool, &request, on_set, change, &change->job) : -ENOMEM;
        if (r < 0)
                end(change, REASON_UNAVAILABLE, "The service cannot change passwords now.");
        else
                job_set_before(change->job, before_set);
}

static void on_changed(const struct protocol_password_changed *changed, void *userdata) {
        struct change *change = userdata;
        change->limit = sd_event_source_disable_unref(change->limit);
        if (changed && changed->reason == REASON_OK && change->at_server && !change->message.check_only)
                set_at_server(change);
        else if (changed)
                end(change, changed->reason, changed->text);
        else
                end(change, REASON_UNAVAILABLE, "The service was interrupted; please see whether the new password works.");
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        end(userdata, REASON_UNAVAILABLE, "The service did not answer in time.");
        return 0;
}

/* Of the entry change->entry_id of change->directory. */
static void ask_keeper(struct change *change, const char *application) {
        struct service *service = connection_service(change->connection);
        const char *directory = configuration_settings(change->configuration)->directories[change->directory].name;
        change->at_server = configuration_has_server(change->configuration, change->directory);
        struct protocol_change_password ask = { .check_only = change->message.check_only || change->at_server };
        uint64_t now = 0;
        (void)snprintf(ask.application, sizeof ask.application, "%s", application);
        (void)snprintf(ask.user, sizeof ask.user, "%s", change->message.user);
        (void)snprintf(ask.directory, sizeof ask.directory, "%s", directory);
        (void)snprintf(ask.entry_id, sizeof ask.entry_id, "%s", change->entry_id);
        if (!change->at_server)
                (void)secret_set(&ask.new_password, change->message.new_password.bytes, change->message.new_password.len);
        int r = sd_event_now(service->event, CLOCK_MONOTONIC, &now);
        if (r >= 0)
                r = sd_event_add_time(service->event, &change->limit, CLOCK_MONOTONIC, now + CHANGE_LIMIT_US, 0, on_limit, change);
        if (r >= 0)
                r = keeper_link_change_password(service, &ask, on_changed, change, &change->ask);
        secret_done(&ask.new_password);
        if (r < 0)
                end(change, REASON_UNAVAILABLE, "The service cannot change passwords now.");
}

static void on_old_checked(const struct login_run *run, void *userdata) {
        struct change *change = userdata;
        const struct settings *settings = configuration_settings(run->configuration);
        change->run = NULL;
        if (run->login.verdict != LOGIN_ALLOW) {
                enum reason reason = login_outside_reason(run);
                end(change, reason, reason == REASON_PASSWORD_EXPIRED ? "The password has expired, and cannot be changed from here." : "");
                return;
        }
        change->configuration = configuration_ref(run->configuration);
        change->directory = run->login.owner;
        (void)snprintf(change->entry_id, sizeof change->entry_id, "%s", run->entry_id);
        (void)snprintf(change->dn, sizeof change->dn, "%s", run->dn);
        if (change->unchecked && !configuration_has_server(change->configuration, change->directory))
                end(change, REASON_UNAVAILABLE, "The owner of the name has just changed.");
        else
                ask_keeper(change, settings->applications[run->application].name);
}

/* Whether the second pass leaves the old password to the worker: where the view says that a server keeps it. */
static bool worker_checks_old(const struct change *change, const struct configuration *configuration) {
        const struct wire_change_password *message = &change->message;
        const struct settings *settings = configuration_settings(configuration);
        size_t application = message->application[0] ? settings_application(settings, message->application)
                                                     : settings_application_of_service(settings, message->service);
        struct view_user user;
        struct view_access access;
        if (message->check_only || message->old_password.len == 0 || secret_has_nul(&message->old_password) || application == SETTINGS_NONE ||
            !login_view_access(connection_service(change->connection), message->user, settings->applications[application].name, &user, &access))
                return false;
        size_t directory = access.directory[0] ? settings_directory(settings, access.directory) : SETTINGS_NONE;
        return directory != SETTINGS_NONE && configuration_has_server(configuration, directory);
}

/* The old password was not asked for: the entry is the one that the view gives the application. */
static void change_as_root(struct change *change) {
        struct service *service = connection_service(change->connection);
        const struct wire_change_password *message = &change->message;
        const struct settings *settings = configuration_settings(service->configuration);
        size_t application = message->application[0] ? settings_application(settings, message->application)
                                                     : settings_application_of_service(settings, message->service);
        struct view_user user;
        struct view_access access;
        if (application == SETTINGS_NONE) {
                end(change, REASON_UNAVAILABLE, "There is no such application.");
                return;
        }
        bool found = login_view_access(service, message->user, settings->applications[application].name, &user, &access);
        size_t directory = found && access.directory[0] ? settings_directory(settings, access.directory) : SETTINGS_NONE;
        if (directory == SETTINGS_NONE) {
                end(change, REASON_USER_NOT_FOUND, "");
                return;
        }
        change->configuration = configuration_ref(service->configuration);
        change->directory = directory;
        (void)snprintf(change->entry_id, sizeof change->entry_id, "%s", access.entry_id);
        ask_keeper(change, settings->applications[application].name);
}

/* L8, before anybody is asked. */
static enum reason refuse_new(const struct wire_change_password *message) {
        if (message->check_only)
                return REASON_OK;
        if (message->new_password.len == 0)
                return REASON_EMPTY_PASSWORD;
        return secret_has_nul(&message->new_password) ? REASON_BAD_PASSWORD : REASON_OK;
}

int request_change_password(struct connection *connection, const unsigned char *payload, size_t len) {
        struct change *change = calloc(1, sizeof *change);
        if (!change)
                return -ENOMEM;
        change->connection = connection;
        change->started_ms = clock_monotonic_ms();
        int r = wire_get_change_password(payload, len, &change->message);
        if (r < 0) {
                change_free(change);
                return r;
        }
        const struct wire_change_password *message = &change->message;
        enum reason refusal = refuse_new(message);
        connection_set_work(connection, change, cancel_change);
        if (refusal != REASON_OK) {
                end(change, refusal, "");
        } else if (message->as_root) {
                change_as_root(change);
        } else {
                struct service *service = connection_service(connection);
                change->unchecked = worker_checks_old(change, service->configuration);
                const struct login_request request = {
                        .user = message->user, .service = message->service, .application = message->application, .rhost = "", .tty = "",
                        .password = change->unchecked ? NULL : &message->old_password, .purpose = "password change",
                };
                if (login_run_start(service, &request, on_old_checked, change, &change->run) < 0)
                        end(change, REASON_UNAVAILABLE, "The service cannot check passwords now.");
        }
        return 0;
}
