/* A password change, as passwd(1) asks for it through PAM: the old password is checked like a login, then the keeper changes it at the owner.
 * Relies on: multidird/supervisor/login_driver, multidird/supervisor/keeper_link.
 * Must never: change a password whose old one was not checked, unless root changes it; change another entry's than the one checked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/login_driver.h"
#include "multidird/requests/requests.h"

#define CHANGE_LIMIT_US (10 * 1000000ull) /* one hash and one transaction */

struct change {
        struct connection *connection;
        struct wire_change_password message;
        struct login_run *run;
        struct ask ask;
        sd_event_source *limit;
};

static void change_free(struct change *change) {
        login_run_cancel(change->run);
        ask_cancel(connection_service(change->connection), &change->ask);
        (void)sd_event_source_disable_unref(change->limit);
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

static void on_changed(const struct protocol_password_changed *changed, void *userdata) {
        struct change *change = userdata;
        if (changed)
                end(change, changed->reason, changed->text);
        else
                end(change, REASON_UNAVAILABLE, "The service was interrupted; please see whether the new password works.");
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        end(userdata, REASON_UNAVAILABLE, "The service did not answer in time.");
        return 0;
}

static void ask_keeper(struct change *change, const char *application, const char *directory, const char *entry_id) {
        struct service *service = connection_service(change->connection);
        struct protocol_change_password ask = { .check_only = change->message.check_only };
        uint64_t now = 0;
        (void)snprintf(ask.application, sizeof ask.application, "%s", application);
        (void)snprintf(ask.user, sizeof ask.user, "%s", change->message.user);
        (void)snprintf(ask.directory, sizeof ask.directory, "%s", directory);
        (void)snprintf(ask.entry_id, sizeof ask.entry_id, "%s", entry_id);
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
        if (run->login.verdict == LOGIN_ALLOW)
                ask_keeper(change, settings->applications[run->application].name, settings->directories[run->login.owner].name, run->entry_id);
        else
                end(change, login_outside_reason(run), "");
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
        if (application == SETTINGS_NONE)
                end(change, REASON_UNAVAILABLE, "There is no such application.");
        else if (!login_view_access(service, message->user, settings->applications[application].name, &user, &access) || !access.directory[0])
                end(change, REASON_USER_NOT_FOUND, "");
        else
                ask_keeper(change, settings->applications[application].name, access.directory, access.entry_id);
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
                const struct login_request request = {
                        .user = message->user, .service = message->service, .application = message->application, .rhost = "", .tty = "",
                        .password = &message->old_password, .purpose = "password change",
                };
                if (login_run_start(connection_service(connection), &request, on_old_checked, change, &change->run) < 0)
                        end(change, REASON_UNAVAILABLE, "The service cannot check passwords now.");
        }
        return 0;
}
