/* What the login machine wants to know, asked of whoever knows it: a checker, a worker, the view, the keeper.
 * Relies on: multidird/supervisor/pool, supervisor/login_answer, supervisor/keeper_link.
 * Must never: decide; have a password checked anywhere but at the owner of the name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "multidird/supervisor/login_answer.h"
#include "multidird/supervisor/login_internal.h"
#include "multidird/supervisor/pool.h"

static void on_answer(const struct protocol_answer *answer, void *userdata) {
        struct login_run *run = userdata;
        struct login_event event = { 0 };
        enum login_next next = run->login.next;
        run->job = NULL;
        if (run->check_ms > 0 && ((next == LOGIN_CHECK_PASSWORD && answer->password != CHECK_UNAVAILABLE) || next == LOGIN_CHECK_DUMMY))
                pace_note(&run->service->pace, clock_monotonic_ms() - run->check_ms, clock_monotonic_ms());
        login_answer(run, answer, &event);
        login_take_event(run, &event);
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
        login_end_denied(run, "L11", REASON_THROTTLED, "too many wrong passwords in a row for this name");
        return false;
}

/* The run may be over, and freed, when it returns. */
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
                return;
        }
        if (with_password) {
                secret_done(&run->password);
                job_set_before(run->job, before_check);
        }
        pool_run(pool);
}

static uint64_t find_ms(const struct login_run *run) {
        return login_settings(run)->login_deadline_s * 1000 / 4;
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
        login_take_event(run, &(struct login_event){ .password = CHECK_WRONG });
}

/* L9: where the dummy check runs. Any active directory's checkers cost the same. */
static void check_dummy(struct login_run *run) {
        const struct application_settings *application = run->login.application;
        for (size_t i = 0; i < application->mapping_count; i++) {
                size_t directory = application->mappings[i].directory;
                if (login_settings(run)->directories[directory].active) {
                        submit(run, CHECKER_DUMMY, configuration_checkers(run->configuration, directory), 0);
                        return;
                }
        }
        login_take_event(run, &(struct login_event){ 0 });
}

/* Whether the view's pair is the entry that was found at the owner. */
static bool same_entry(const struct login_run *run, const struct view_access *access) {
        return run->entry_id[0] && strcmp(access->directory, login_directory_name(run, run->login.owner)) == 0 &&
               strcmp(access->entry_id, run->entry_id) == 0;
}

static void on_gate(enum gate_answer answer, void *userdata) {
        struct login_run *run = userdata;
        if (answer == GATE_OPEN || answer == GATE_CLOSED)
                login_take_event(run, &(struct login_event){ .gate = answer == GATE_OPEN });
        else
                login_end_denied(run, "L5", REASON_UNAVAILABLE, "the keeper could not say whether the user is in one of the groups that are let in");
}

/* Whether the view says what the gates in force say: the view of before a reload stays as long as a newer one cannot be built or written, a rollback's
 * can be of any time, and one that lay here at the start may be of what the configuration was then. */
static bool view_has_gates(const struct login_run *run) {
        uint64_t gates = run->service->view.base ? view_gates(&run->service->view) : 0;
        return gates != 0 && gates == run->service->configuration->gates;
}

/* What the view says of the gate; false: it does not. */
static bool read_gate(const struct login_run *run, bool *open) {
        struct view_user user;
        struct view_access access;
        if (!view_has_gates(run) || !login_view_access(run->service, run->user, run->login.application->name, &user, &access) || !same_entry(run, &access))
                return false;
        *open = access.reason != REASON_NO_ACCESS;
        return access.reason == REASON_OK || access.reason == REASON_NO_ACCESS || access.reason == REASON_SEAT_LIMIT;
}

/* L4, by the gates in force now. One that began before a reload, and with allow_all, does not come here (rules/login.c): the reload came after it. */
static void ask_gate(struct login_run *run) {
        /* Where this very login may have brought other groups, the view can be older than they are (D3). */
        bool brought = run->login.directory != SETTINGS_NONE && login_settings(run)->directories[run->login.directory].import_groups_on_login, open;
        if (!brought && read_gate(run, &open)) {
                login_take_event(run, &(struct login_event){ .gate = open });
                return;
        }
        struct protocol_gate gate = { .gates = run->service->configuration->gates };
        (void)snprintf(gate.application, sizeof gate.application, "%s", run->login.application->name);
        (void)snprintf(gate.directory, sizeof gate.directory, "%s", login_directory_name(run, run->login.directory));
        (void)snprintf(gate.user, sizeof gate.user, "%s", run->user);
        (void)snprintf(gate.entry_id, sizeof gate.entry_id, "%s", run->entry_id);
        if (keeper_link_gate(run->service, &gate, on_gate, run, &run->ask) < 0)
                on_gate(GATE_UNAVAILABLE, run);
}

static void name_user(const struct login_run *run, size_t directory, struct protocol_admit *admit) {
        (void)snprintf(admit->directory, sizeof admit->directory, "%s", login_directory_name(run, directory));
        (void)snprintf(admit->user, sizeof admit->user, "%s", run->user);
        memcpy(admit->external_id, run->external_id, sizeof admit->external_id);
}

static void ask_published(struct login_run *run);

static void on_awaited(_unused_ const struct protocol_admitted *admitted, void *userdata) {
        ask_published(userdata);
}

/* D3: a user whom another login has just put on record is not shown yet. The keeper answers when it is; once, whatever it says. */
static bool await_view(struct login_run *run) {
        bool first = !run->awaited && run->external_id[0] && run->login.owner != SETTINGS_NONE;
        run->awaited = true;
        if (!first)
                return false;
        struct protocol_admit admit = { .dry = true };
        name_user(run, run->login.owner, &admit);
        memcpy(admit.entry_id, run->entry_id, sizeof admit.entry_id);
        return keeper_link_admit(run->service, &admit, on_awaited, run, &run->ask) == 0;
}

static void ask_published(struct login_run *run) {
        struct view_user user;
        struct view_access access;
        bool published = login_view_access(run->service, run->user, NULL, &user, &access), same = published && same_entry(run, &access);
        if (!published && await_view(run))
                return;
        login_take_event(run, &(struct login_event){ .published_same = same, .published_other = published && !same });
}

static void on_admitted(const struct protocol_admitted *admitted, void *userdata) {
        struct login_run *run = userdata;
        struct login_event event = { 0 };
        if (admitted) {
                event.record = admitted->state;
                event.active = admitted->active;
                memcpy(run->entry_id, admitted->entry_id, sizeof run->entry_id);
        }
        login_take_event(run, &event);
}

static void admit(struct login_run *run) {
        struct protocol_admit admit = { .dry = run->dry, .profile = run->profile };
        name_user(run, run->login.directory, &admit);
        if (!run->login.newcomer)
                memcpy(admit.entry_id, run->entry_id, sizeof admit.entry_id);
        if (keeper_link_admit(run->service, &admit, on_admitted, run, &run->ask) < 0)
                on_admitted(NULL, run);
}

void login_perform(struct login_run *run) {
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
                login_finish(run);
        }
}
