/* A login from its start to its answer; see supervisor/login_driver.h. */
#include "multidird/supervisor/login_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "model/name.h"
#include "multidird/supervisor/login_internal.h"
#include "multidird/supervisor/pool.h"
#include "multidird/supervisor/watch.h"

#define MARGIN_MS 250 /* the answer must be at the other end of the socket by the deadline */

static void run_free(struct login_run *run) {
        (void)sd_event_source_disable_unref(run->start);
        (void)sd_event_source_disable_unref(run->deadline);
        (void)sd_event_source_disable_unref(run->held);
        job_cancel(run->job);
        ask_cancel(run->service, &run->ask);
        configuration_unref(run->configuration);
        secret_done(&run->password);
        free(run);
}

void login_run_cancel(struct login_run *run) {
        if (run)
                run_free(run);
}

void login_quote(const char *text, char out[WIRE_NAME_MAX + 1]) {
        size_t i = 0;
        for (; text[i] && i < WIRE_NAME_MAX; i++)
                out[i] = text[i] == '"' ? '?' : text[i];
        out[i] = 0;
}

static void log_decision(const struct login_run *run) {
        const struct login *login = &run->login;
        const struct login_step_record *last = login->step_count > 0 ? &login->steps[login->step_count - 1] : NULL;
        const struct settings *settings = login_settings(run);
        char user[WIRE_NAME_MAX + 1], service[WIRE_NAME_MAX + 1], rhost[WIRE_NAME_MAX + 1], tty[WIRE_NAME_MAX + 1];
        login_quote(run->user, user);
        login_quote(run->pam_service, service);
        login_quote(run->rhost, rhost);
        login_quote(run->tty, tty);
        log_line(login->verdict == LOGIN_ALLOW ? LOG_INFO : LOG_NOTICE,
                 "%s: %s user=\"%s\" reason=%s rule=%s owner=%s application=%s service=\"%s\" rhost=\"%s\" tty=\"%s\": %s", run->purpose,
                 login->verdict == LOGIN_ALLOW ? "allow" : "deny", user, reason_name(login->reason), last ? last->rule : "-",
                 login_directory_name(run, login->owner),
                 run->application < settings->application_count ? settings->applications[run->application].name : "-", service, rhost, tty,
                 last ? last->text : "-");
}

/* L11: only wrong passwords count, for unknown names as for others (L9); a success clears the count. */
static void count(struct login_run *run) {
        const struct login *login = &run->login;
        if (login->password_state != PASSWORD_GIVEN)
                return;
        if (login->verdict == LOGIN_ALLOW)
                throttle_right(run->service->throttle, run->user);
        else if (login->reason == REASON_WRONG_PASSWORD || login->reason == REASON_USER_NOT_FOUND)
                throttle_wrong(run->service->throttle, run->user, clock_monotonic_ms());
}

static void deliver(struct login_run *run) {
        struct view_user user;
        struct view_access access;
        if (login_view_access(run->service, run->user, NULL, &user, &access) && user.name_len <= WIRE_NAME_MAX)
                memcpy(run->name, user.name, user.name_len + 1);
        run->done(run, run->userdata);
        run_free(run);
}

static int on_held(sd_event_source *source, uint64_t usec, void *userdata) {
        deliver(userdata);
        return 0;
}

/* L9. False: it is time already. */
static bool hold(struct login_run *run) {
        uint64_t now = clock_monotonic_ms(), due = run->started_ms + pace_of(&run->service->pace, now);
        if (due > run->deadline_ms)
                due = run->deadline_ms;
        if (due <= now || sd_event_add_time(run->service->event, &run->held, CLOCK_MONOTONIC, due * 1000, 1000, on_held, run) < 0)
                return false;
        run->deadline = sd_event_source_disable_unref(run->deadline);
        return true;
}

void login_finish(struct login_run *run) {
        count(run);
        log_decision(run);
        if (run->login.verdict == LOGIN_ALLOW || run->check_ms == 0 || !hold(run))
                deliver(run);
}

void login_end_denied(struct login_run *run, const char *rule, enum reason reason, const char *text) {
        struct login *login = &run->login;
        size_t at = login->step_count < LOGIN_STEPS_MAX ? login->step_count++ : LOGIN_STEPS_MAX - 1;
        login->steps[at] = (struct login_step_record){ rule, login->directory, reason, text };
        login->next = LOGIN_DONE;
        login->verdict = LOGIN_DENY;
        login->reason = reason;
        login_finish(run);
}

void login_take_event(struct login_run *run, const struct login_event *event) {
        login_step(&run->login, event);
        login_perform(run);
}

bool login_view_access(const struct service *service, const char *user, const char *application, struct view_user *found,
                       struct view_access *access) {
        const struct view *view = &service->view;
        if (!view->base || view_user_by_name(view, user, found) != VIEW_FOUND)
                return false;
        uint32_t index = application ? view_application_by_name(view, application) : 0;
        return index != UINT32_MAX && view_user_access(view, found->index, index, access) == VIEW_FOUND;
}

static enum reason judge_name(const struct service *service, const char *user) {
        const char *why;
        enum reason reason = name_check(NAME_OF_USER, user, &why);
        if (reason != REASON_OK)
                return reason;
        if (local_accounts_has_name(service->local->accounts, user))
                return REASON_LOCAL_ACCOUNT;
        return name_is_reserved(user) ? REASON_RESERVED_NAME : REASON_OK;
}

static int on_start(sd_event_source *source, void *userdata) {
        struct login_run *run = userdata;
        if (run->service->view.base)
                login_perform(run);
        else
                login_end_denied(run, "L12", REASON_UNAVAILABLE, "no view is published yet");
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        login_end_denied(userdata, "L5", REASON_UNAVAILABLE, "the login's time is over");
        return 0;
}

static enum password_state state_of(const struct login_request *request) {
        const struct secret *password = request->password;
        if (!password)
                return PASSWORD_NOT_GIVEN;
        if (request->over_long)
                return PASSWORD_REFUSED;
        if (password->len == 0)
                return PASSWORD_EMPTY;
        return secret_has_nul(password) ? PASSWORD_REFUSED : PASSWORD_GIVEN;
}

static void start_machine(struct login_run *run, const struct login_request *request) {
        const struct settings *settings = login_settings(run);
        bool throttled = request->password && throttle_refuses(run->service->throttle, run->user, clock_monotonic_ms());
        run->application = request->application[0] ? settings_application(settings, request->application)
                                                   : settings_application_of_service(settings, request->service);
        login_start(&run->login, settings, run->application, judge_name(run->service, run->user), state_of(request), throttled);
}

int login_run_start(struct service *service, const struct login_request *request, login_done_fn done, void *userdata, struct login_run **run) {
        struct login_run *new = calloc(1, sizeof *new);
        if (!new)
                return -ENOMEM;
        new->service = service;
        new->configuration = configuration_ref(service->configuration);
        new->done = done;
        new->userdata = userdata;
        new->purpose = request->purpose;
        new->dry = request->dry;
        (void)snprintf(new->user, sizeof new->user, "%s", request->user);
        (void)snprintf(new->pam_service, sizeof new->pam_service, "%s", request->service);
        (void)snprintf(new->rhost, sizeof new->rhost, "%s", request->rhost);
        (void)snprintf(new->tty, sizeof new->tty, "%s", request->tty);
        if (request->password)
                (void)secret_set(&new->password, request->password->bytes, request->password->len);
        new->started_ms = clock_monotonic_ms();
        new->deadline_ms = new->started_ms + login_settings(new)->login_deadline_s * 1000 - MARGIN_MS;
        start_machine(new, request);
        int r = sd_event_add_defer(service->event, &new->start, on_start, new);
        if (r >= 0)
                r = sd_event_add_time(service->event, &new->deadline, CLOCK_MONOTONIC, new->deadline_ms * 1000, 10000, on_deadline, new);
        if (r < 0) {
                run_free(new);
                return r;
        }
        *run = new;
        return 0;
}

enum reason login_outside_reason(const struct login_run *run) {
        const struct login *login = &run->login;
        if (login->verdict == LOGIN_ALLOW)
                return REASON_OK;
        switch (login->reason) {
        case REASON_USER_NOT_FOUND:
        case REASON_INVALID_NAME:
        case REASON_RESERVED_NAME:
        case REASON_LOCAL_ACCOUNT:
                return REASON_USER_NOT_FOUND;
        case REASON_UNAVAILABLE:
        case REASON_THROTTLED:
        case REASON_PASSWORD_EXPIRED:
                return login->reason;
        default:
                return REASON_WRONG_PASSWORD;
        }
}
