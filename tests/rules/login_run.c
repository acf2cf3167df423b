/* See login_run.h. */
#include "login_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const groups[] = { "linux" };

/* With external_writes = never where a directory says so. */
static void describe(const struct naive_login *in, enum membership_scheme scheme, struct directory_settings *directories,
                     struct mapping_settings *mappings, struct application_settings *applications, struct settings *settings) {
        bool never = false;
        for (int i = 0; i < in->count; i++) {
                char gate = in->directory[i].gate;
                directories[i] = (struct directory_settings){ .name = "d", .type = in->directory[i].creates ? DIRECTORY_DELEGATED : DIRECTORY_LDAP,
                        .active = in->directory[i].on, .create_on_login = in->directory[i].creates };
                directories[i].on_unavailable = in->directory[i].next ? ON_UNAVAILABLE_NEXT : ON_UNAVAILABLE_STOP;
                mappings[i] = (struct mapping_settings){ .directory = (uint32_t)i, .allow_all = gate == 'a', .allow_groups = groups };
                mappings[i].allow_group_count = gate == 'i' || gate == 'o';
                /* All the others are on: only this one may count. */
                char fixed = in->directory[i].fixed;
                permission_set off = (permission_set)~PERMISSION_BIT(PERMISSION_MODIFY_USER);
                directories[i].permissions = fixed == 'd' ? off : PERMISSIONS_ALL;
                directories[i].read_only_kind = fixed == 'k';
                mappings[i].permissions = fixed == 'a' ? off : PERMISSIONS_ALL;
                never |= fixed == 'n';
        }
        for (int i = 0; i < 2; i++)
                applications[i] = (struct application_settings){ .mappings = mappings, .mapping_count = (size_t)in->count,
                        .membership = scheme, .allow_other_owner = in->allow_other_owner,
                        .external_writes = never ? EXTERNAL_WRITES_NEVER : EXTERNAL_WRITES_ALLOWED };
        *settings = (struct settings){ .directories = directories, .directory_count = (size_t)in->count, .applications = applications,
                .application_count = 2, .host = 0 };
}

static enum password_result check_of(char letter) {
        switch (letter) {
        case 'r': return CHECK_RIGHT;
        case 'w': return CHECK_WRONG;
        case 'm': return CHECK_MUST_CHANGE;
        case 'x': return CHECK_EXPIRED;
        case 'g': return CHECK_NOT_FOUND;
        case 'd': return CHECK_DENIED;
        default: return CHECK_UNAVAILABLE;
        }
}

static enum replica_knowledge replica_of(char letter) {
        switch (letter) {
        case 'h': return REPLICA_HAS_USER;
        case 'l': return REPLICA_LACKS_FRESH;
        case 'H': return REPLICA_HAS_STALE;
        case 'L': return REPLICA_LACKS_STALE;
        default: return REPLICA_ABSENT;
        }
}

static void answer(const struct naive_login *in, struct login_run *run, struct login_event *event) {
        const struct login *login = &run->login;
        const struct naive_login_directory *d = login->directory < (size_t)in->count ? &in->directory[login->directory] : NULL;
        *event = (struct login_event){ 0 };
        switch (login->next) {
        case LOGIN_ASK_REPLICA:
                event->replica = replica_of(d->replica);
                event->active = d->replica_active;
                break;
        case LOGIN_ASK_LIVE:
                event->presence = d->live == 'y' ? PRESENCE_FOUND : d->live == 'n' ? PRESENCE_NOT_FOUND : PRESENCE_UNAVAILABLE;
                event->active = d->live_active;
                break;
        case LOGIN_CHECK_PASSWORD:
                run->asked++;
                run->asked_other |= login->directory != login->owner;
                event->password = check_of(d->check);
                event->active = d->check_active;
                event->record = login->newcomer ? RECORD_NONE : RECORD_SAME;
                break;
        case LOGIN_ADMIT:
                run->created++;
                event->record = RECORD_SAME;
                event->active = d->check_active;
                break;
        case LOGIN_CHECK_DUMMY:
                run->dummy = true;
                break;
        case LOGIN_ASK_GATE:
                event->gate = d->gate == 'i';
                break;
        case LOGIN_ASK_PUBLISHED:
                event->published_same = in->published_same;
                event->published_other = in->published_other;
                break;
        case LOGIN_DONE:
        default:
                break;
        }
}

void login_run(const struct naive_login *in, enum membership_scheme scheme, struct login_run *run) {
        struct directory_settings directories[NAIVE_DIRECTORIES];
        struct mapping_settings mappings[NAIVE_DIRECTORIES];
        struct application_settings applications[2];
        struct settings settings;
        enum password_state password = in->password == 'g' ? PASSWORD_GIVEN : in->password == 'e' ? PASSWORD_EMPTY :
                in->password == 'n' ? PASSWORD_NOT_GIVEN : PASSWORD_REFUSED;
        describe(in, scheme, directories, mappings, applications, &settings);
        run->asked = run->questions = run->created = 0;
        run->asked_other = run->dummy = false;
        login_start(&run->login, &settings, in->is_host ? 0 : 1, strcmp(in->name, "ok") == 0 ? REASON_OK : reason_from_name(in->name), password,
                    in->throttled);
        while (run->login.next != LOGIN_DONE && run->questions++ < 4 * NAIVE_DIRECTORIES + 5) {
                struct login_event event;
                answer(in, run, &event);
                login_step(&run->login, &event);
        }
        run->login.settings = NULL;
        run->login.application = NULL;
}

static void explain(const struct naive_login *in, const struct login *login, const struct naive_login_answer *want, const char *what) {
        print_error("%s: password %c name %s throttled %d published %d other %d host %d\n", what, in->password, in->name, in->throttled,
                    in->published_same, in->allow_other_owner, in->is_host);
        for (int i = 0; i < in->count; i++) {
                const struct naive_login_directory *d = &in->directory[i];
                print_error("  d%d: on %d next %d creates %d replica %c live %c gate %c check %c fixed %c active %d %d %d\n", i, d->on, d->next, d->creates, d->replica, d->live,
                            d->gate, d->check, d->fixed ? d->fixed : '-', d->replica_active, d->live_active, d->check_active);
        }
        print_error("  want %s owner %d, got %s owner %d\n", want->reason, want->owner, reason_name(login->reason), (int)login->owner);
        for (size_t i = 0; i < login->step_count; i++)
                print_error("  %s d%d %s: %s\n", login->steps[i].rule, (int)login->steps[i].directory, reason_name(login->steps[i].result),
                            login->steps[i].text);
}

/* The chain's end is the verdict, and nothing before it ended it. */
static bool steps_agree(const struct login *login) {
        size_t last = login->step_count - 1;
        if (login->step_count == 0 || login->steps[last].result != login->reason || !login->steps[last].text || !*login->steps[last].rule)
                return false;
        for (size_t i = 0; i < last; i++)
                if (login->steps[i].result != REASON_OK && login->steps[i].result != REASON_NOT_CHECKED)
                        return false;
        return true;
}

void login_compare(const struct naive_login *in, enum membership_scheme scheme, const char *what) {
        static struct login_run run; /* large */
        struct naive_login_answer want = naive_login(in);
        login_run(in, scheme, &run);
        const struct login *login = &run.login;
        size_t owner = want.owner < 0 ? SETTINGS_NONE : (size_t)want.owner;
        if (login->next == LOGIN_DONE && (login->verdict == LOGIN_ALLOW) == want.allow && strcmp(reason_name(login->reason), want.reason) == 0 &&
            login->owner == owner && login->must_change == want.must_change && run.asked == want.asked && !run.asked_other &&
            run.dummy == want.dummy && run.created == want.created && steps_agree(login))
                return;
        explain(in, login, &want, what);
        fail();
}
