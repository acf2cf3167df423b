/* The login machine's hands; see supervisor/login_driver.h. */
#include "multidird/supervisor/login_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "model/name.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/login_answer.h"
#include "multidird/supervisor/pool.h"
#include "multidird/supervisor/watch.h"

#define MARGIN_MS 250 /* the answer must be at the other end of the socket by the deadline */

static void perform(struct login_run *run);

static const struct settings *settings_of(const struct login_run *run) {
        return configuration_settings(run->configuration);
}

static const char *directory_name(const struct login_run *run, size_t directory) {
        return directory == SETTINGS_NONE ? "-" : settings_of(run)->directories[directory].name;
}

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
        const struct settings *settings = settings_of(run);
        char user[WIRE_NAME_MAX + 1], service[WIRE_NAME_MAX + 1], rhost[WIRE_NAME_MAX + 1], tty[WIRE_NAME_MAX + 1];
        login_quote(run->user, user);
        login_quote(run->pam_service, service);
        login_quote(run->rhost, rhost);
        login_quote(run->tty, tty);
        log_line(login->verdict == LOGIN_ALLOW ? LOG_INFO : LOG_NOTICE,
                 "%s: %s user=\"%s\" reason=%s rule=%s owner=%s application=%s service=\"%s\" rhost=\"%s\" tty=\"%s\": %s", run->purpose,
                 login->verdict == LOGIN_ALLOW ? "allow" : "deny", user, reason_name(login->reason), last ? last->rule : "-",
                 directory_name(run, login->owner),
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

static void finish(struct login_run *run) {
        count(run);
        log_decision(run);
        if (run->login.verdict == LOGIN_ALLOW || run->check_ms == 0 || !hold(run))
                deliver(run);
}

/* Ends it outside the machine: what the machine cannot know of (time, memory, a throttle that closed meanwhile). */
static void end_denied(struct login_run *run, const char *rule, enum reason reason, const char *text) {
        struct login *login = &run->login;
        size_t at = login->step_count < LOGIN_STEPS_MAX ? login->step_count++ : LOGIN_STEPS_MAX - 1;
        login->steps[at] = (struct login_step_record){ rule, login->directory, reason, text };
        login->next = LOGIN_DONE;
        login->verdict = LOGIN_DENY;
        login->reason = reason;
        finish(run);
}

static void take_event(struct login_run *run, const struct login_event *event) {
        login_step(&run->login, event);
        perform(run);
}

static void on_answer(const struct protocol_answer *answer, void *userdata) {
        struct login_run *run = userdata;
        struct login_event event = { 0 };
        enum login_next next = run->login.next;
        run->job = NULL;
        if (run->check_ms > 0 && ((next == LOGIN_CHECK_PASSWORD && answer->password != CHECK_UNAVAILABLE) || next == LOGIN_CHECK_DUMMY))
                pace_note(&run->service->pace, clock_monotonic_ms() - run->check_ms, clock_monotonic_ms());
        login_answer(run, answer, &event);
        take_event(run, &event);
}

/* L11 again when the check's turn comes: many tries may have been let in together before the first was found wrong. */
static bool before_check(void *userdata) {
        struct login_run *run = userdata;
        uint64_t now = clock_monotonic_ms();
        if (!throttle_refuses(run->service->throttle, run->user, now)) {
                run->check_ms = now;
                return true;
        }
        run->job = NULL;
        end_denied(run, "L11", REASON_THROTTLED, "too many wrong passwords in a row for this name");
        return false;
}

static void submit(struct login_run *run, enum protocol_type type, struct pool *pool, uint64_t limit_ms) {
        uint64_t now = clock_monotonic_ms();
        bool with_password = type != CHECKER_FIND;
        const struct job_request request = {
                .type = type, .user = run->user, .entry_id = run->entry_id, .dn = run->dn, .password = with_password ? &run->password : NULL,
                .deadline_ms = limit_ms > 0 && now + limit_ms < run->deadline_ms ? now + limit_ms : run->deadline_ms,
        };
        int r = pool ? pool_submit(pool, &request, on_answer, run, &run->job) : -ENOMEM;
        if (r < 0) {
                struct protocol_answer unavailable = { 0 };
                on_answer(&unavailable, run);
        } else if (with_password) {
                secret_done(&run->password);
                job_set_before(run->job, before_check);
        }
}

static uint64_t find_ms(const struct login_run *run) {
        return settings_of(run)->login_deadline_s * 1000 / 4;
}

/* Who knows the directory's users: its checkers, or where the server is the authority, or knows more than this host (D3), its workers. */
static struct pool *live_pool(struct login_run *run) {
        size_t directory = run->login.directory;
        return configuration_is_synchronised(run->configuration, directory) || run->login.newcomer ? configuration_workers(run->configuration, directory)
                                                                            : configuration_checkers(run->configuration, directory);
}

/* L6. Where the replica is no more than that, what it has just said of the user stands until it changes. */
static void ask_replica(struct login_run *run) {
        size_t directory = run->login.directory;
        struct pool *checkers = configuration_checkers(run->configuration, directory);
        struct protocol_answer recent;
        run->entry_id[0] = run->dn[0] = run->external_id[0] = 0;
        if (checkers && configuration_is_synchronised(run->configuration, directory) && pool_recall(checkers, run->user, &recent))
                on_answer(&recent, run);
        else
                submit(run, CHECKER_FIND, checkers, find_ms(run));
}

/* And who knows their passwords. */
static struct pool *password_pool(struct login_run *run) {
        size_t directory = run->login.directory;
        return configuration_has_server(run->configuration, directory) ? configuration_workers(run->configuration, directory)
                                                                       : configuration_checkers(run->configuration, directory);
}

/* L2. An entry without an id is nobody's (N2: the name is another one's as well): its password is sent nowhere. */
static void check_password(struct login_run *run) {
        if (run->entry_id[0] || !configuration_has_server(run->configuration, run->login.directory)) {
                submit(run, CHECKER_CHECK, password_pool(run), 0);
                return;
        }
        run->check_ms = clock_monotonic_ms(); /* L9: a denial like another */
        take_event(run, &(struct login_event){ .password = CHECK_WRONG });
}

/* L9: where the dummy check runs. Any active directory's checkers cost the same. */
static void check_dummy(struct login_run *run) {
        const struct application_settings *application = run->login.application;
        for (size_t i = 0; i < application->mapping_count; i++) {
                size_t directory = application->mappings[i].directory;
                if (settings_of(run)->directories[directory].active) {
                        submit(run, CHECKER_DUMMY, configuration_checkers(run->configuration, directory), 0);
                        return;
                }
        }
        take_event(run, &(struct login_event){ 0 });
}

bool login_view_access(const struct service *service, const char *user, const char *application, struct view_user *found,
                       struct view_access *access) {
        const struct view *view = &service->view;
        if (!view->base || view_user_by_name(view, user, found) != VIEW_FOUND)
                return false;
        uint32_t index = application ? view_application_by_name(view, application) : 0;
        return index != UINT32_MAX && view_user_access(view, found->index, index, access) == VIEW_FOUND;
}

/* Whether the view's pair is the entry that was found at the owner. */
static bool same_entry(const struct login_run *run, const struct view_access *access) {
        return run->entry_id[0] && strcmp(access->directory, directory_name(run, run->login.owner)) == 0 &&
               strcmp(access->entry_id, run->entry_id) == 0;
}

static void on_gate(bool answered, bool member, void *userdata) {
        struct login_run *run = userdata;
        if (answered)
                take_event(run, &(struct login_event){ .gate = member });
        else
                end_denied(run, "L5", REASON_UNAVAILABLE, "the keeper could not be asked for the user's groups");
}

static void ask_gate(struct login_run *run) {
        struct view_user user;
        struct view_access access;
        const char *application = run->login.application->name;
        /* Where this very login may have brought other groups, the view can be older than they are (D3). */
        bool brought = run->login.directory != SETTINGS_NONE && settings_of(run)->directories[run->login.directory].import_groups_on_login;
        if (!brought && login_view_access(run->service, run->user, application, &user, &access) && same_entry(run, &access) &&
            (access.reason == REASON_OK || access.reason == REASON_NO_ACCESS || access.reason == REASON_SEAT_LIMIT)) {
                take_event(run, &(struct login_event){ .gate = access.reason != REASON_NO_ACCESS });
                return;
        }
        struct protocol_gate gate = { 0 };
        (void)snprintf(gate.application, sizeof gate.application, "%s", application);
        (void)snprintf(gate.directory, sizeof gate.directory, "%s", directory_name(run, run->login.directory));
        (void)snprintf(gate.user, sizeof gate.user, "%s", run->user);
        (void)snprintf(gate.entry_id, sizeof gate.entry_id, "%s", run->entry_id);
        if (keeper_link_gate(run->service, &gate, on_gate, run, &run->ask) < 0)
                on_gate(false, false, run);
}

static void ask_published(struct login_run *run) {
        struct view_user user;
        struct view_access access;
        bool published = login_view_access(run->service, run->user, NULL, &user, &access), same = published && same_entry(run, &access);
        take_event(run, &(struct login_event){ .published_same = same, .published_other = published && !same });
}

static void on_admitted(const struct protocol_admitted *admitted, void *userdata) {
        struct login_run *run = userdata;
        struct login_event event = { 0 };
        if (admitted) {
                event.record = admitted->state;
                event.active = admitted->active;
                memcpy(run->entry_id, admitted->entry_id, sizeof run->entry_id);
        }
        take_event(run, &event);
}

static void admit(struct login_run *run) {
        struct protocol_admit admit = { .dry = run->dry, .profile = run->profile };
        (void)snprintf(admit.directory, sizeof admit.directory, "%s", directory_name(run, run->login.directory));
        (void)snprintf(admit.user, sizeof admit.user, "%s", run->user);
        if (!run->login.newcomer)
                memcpy(admit.entry_id, run->entry_id, sizeof admit.entry_id);
        memcpy(admit.external_id, run->external_id, sizeof admit.external_id);
        if (keeper_link_admit(run->service, &admit, on_admitted, run, &run->ask) < 0)
                on_admitted(NULL, run);
}

static void perform(struct login_run *run) {
        const struct login *login = &run->login;
        switch (login->next) {
        case LOGIN_ASK_REPLICA:
                ask_replica(run);
                break;
        case LOGIN_ASK_LIVE:
                submit(run, CHECKER_FIND, live_pool(run), find_ms(run));
                break;
        case LOGIN_CHECK_PASSWORD:
                check_password(run);
                break;
        case LOGIN_CHECK_DUMMY:
                check_dummy(run);
                break;
        case LOGIN_ASK_GATE:
                ask_gate(run);
                break;
        case LOGIN_ASK_PUBLISHED:
                ask_published(run);
                break;
        case LOGIN_ADMIT:
                admit(run);
                break;
        case LOGIN_DONE:
        default:
                finish(run);
        }
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
                perform(run);
        else
                end_denied(run, "L12", REASON_UNAVAILABLE, "no view is published yet");
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        end_denied(userdata, "L5", REASON_UNAVAILABLE, "the login's time is over");
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
        const struct settings *settings = settings_of(run);
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
        new->deadline_ms = new->started_ms + settings_of(new)->login_deadline_s * 1000 - MARGIN_MS;
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
