/* What pam_multidir asks: a password to check, a password to change, a session to note.
 * Relies on: multidird/supervisor/login_driver, wire/message.
 * Must never: tell the outside more of a denial than L9 lets it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/login_driver.h"
#include "multidird/requests/requests.h"

static void cancel_login(void *work) {
        login_run_cancel(work);
}

static int reply(struct connection *connection, enum wire_type type, const struct wire_writer *writer) {
        int r = writer->bad ? -EOVERFLOW : channel_send(connection_channel(connection), type, writer->bytes, writer->len);
        if (r == 0)
                connection_replied(connection);
        return r;
}

#define HOUR_S 3600u
#define DAY_S (24u * HOUR_S)

/* L7, for the one whose password was right. */
static void describe_password(const struct login_run *run, char *text, size_t size) {
        const struct password_notice *notice = &run->notice;
        if (run->login.verdict != LOGIN_ALLOW)
                (void)snprintf(text, size, "%s", run->login.reason == REASON_PASSWORD_EXPIRED ?
                               "Your password has expired, and cannot be changed from here." : "");
        else if (run->login.must_change && notice->grace)
                (void)snprintf(text, size, "Your password has expired and must be changed now. Logins left with the old one: %u.", notice->grace_left);
        else if (run->login.must_change)
                (void)snprintf(text, size, "Your password must be changed now.");
        else if (notice->expires_s >= 2 * DAY_S)
                (void)snprintf(text, size, "Your password expires in %u days.", notice->expires_s / DAY_S);
        else if (notice->expires_s > 0)
                (void)snprintf(text, size, "Your password expires in %u hours.", (notice->expires_s + HOUR_S - 1) / HOUR_S);
}

static void reply_authenticated(struct connection *connection, const struct login_run *run) {
        unsigned char bytes[WIRE_AUTH_MAX];
        struct wire_writer writer = { .bytes = bytes, .size = sizeof bytes };
        struct wire_authenticated message = { .reason = run ? login_outside_reason(run) : REASON_UNAVAILABLE };
        if (run)
                describe_password(run, message.text, sizeof message.text);
        if (run && message.reason == REASON_OK) {
                message.must_change = run->login.must_change;
                (void)snprintf(message.name, sizeof message.name, "%s", run->name);
                (void)snprintf(message.directory, sizeof message.directory, "%s",
                               configuration_settings(run->configuration)->directories[run->login.owner].name);
                (void)snprintf(message.entry_id, sizeof message.entry_id, "%s", run->entry_id);
        }
        wire_put_authenticated(&writer, &message);
        if (reply(connection, WIRE_AUTHENTICATED, &writer) < 0)
                log_error("a login's answer could not be sent");
}

static void on_authenticated(const struct login_run *run, void *userdata) {
        struct connection *connection = userdata;
        connection_set_work(connection, NULL, NULL);
        reply_authenticated(connection, run);
}

int request_authenticate(struct connection *connection, const unsigned char *payload, size_t len) {
        struct wire_authenticate message;
        struct login_run *run = NULL;
        int r = wire_get_authenticate(payload, len, &message);
        if (r < 0)
                return r;
        const struct login_request request = {
                .user = message.user, .service = message.service, .application = message.application, .rhost = message.rhost,
                .tty = message.tty, .password = &message.password, .purpose = "login",
        };
        r = login_run_start(connection_service(connection), &request, on_authenticated, connection, &run);
        secret_done(&message.password);
        if (r == 0)
                connection_set_work(connection, run, cancel_login);
        else
                reply_authenticated(connection, NULL);
        return 0;
}

int request_session(struct connection *connection, const unsigned char *payload, size_t len) {
        struct service *service = connection_service(connection);
        struct wire_session message;
        int r = wire_get_session(payload, len, &message);
        if (r < 0)
                return r;
        const struct settings *settings = configuration_settings(service->configuration);
        size_t application = message.application[0] ? settings_application(settings, message.application)
                                                    : settings_application_of_service(settings, message.service);
        struct view_user user;
        struct view_access access;
        if (application != SETTINGS_NONE &&
            login_view_access(service, message.user, settings->applications[application].name, &user, &access)) {
                struct protocol_session session = { 0 };
                (void)snprintf(session.application, sizeof session.application, "%s", settings->applications[application].name);
                (void)snprintf(session.directory, sizeof session.directory, "%s", access.directory);
                (void)snprintf(session.entry_id, sizeof session.entry_id, "%s", access.entry_id);
                (void)snprintf(session.user, sizeof session.user, "%s", user.name);
                (void)snprintf(session.service, sizeof session.service, "%s", message.service);
                if (session.directory[0])
                        keeper_link_session(service, &session);
        }
        r = channel_send(connection_channel(connection), WIRE_SESSION_NOTED, NULL, 0);
        if (r == 0)
                connection_replied(connection);
        return r;
}
