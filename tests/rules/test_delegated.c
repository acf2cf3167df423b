/* D3 in the login: whose password it was, beside who is on record; what is asked, in which order, and what ends it.
 * Relies on: cmocka, rules/login.
 * Must never: leave out an answer that the machine could get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "rules/login.h"

static const struct {
        const char *rule;
        enum password_result password;
        bool active;                 /* the local flag */
        enum record_state record;    /* beside the check */
        bool gate, published;
        enum record_state put;       /* what comes of putting it on record */
        const char *reason;
        unsigned puts;               /* how often that was asked for */
} rows[] = {
        { "D3 the same entry", CHECK_RIGHT, true, RECORD_SAME, true, true, RECORD_UNKNOWN, "ok", 0 },
        { "D3 the first login is put on record", CHECK_RIGHT, true, RECORD_NONE, true, true, RECORD_SAME, "ok", 1 },
        { "D3 it cannot be", CHECK_RIGHT, true, RECORD_NONE, true, true, RECORD_UNKNOWN, "unavailable", 1 },
        { "D3 the entry is another user's", CHECK_RIGHT, true, RECORD_NONE, true, true, RECORD_OTHER, "id-conflict", 1 },
        { "D3 still nothing on record is no answer", CHECK_RIGHT, true, RECORD_NONE, true, true, RECORD_NONE, "unavailable", 1 },
        { "D3 another entry", CHECK_RIGHT, true, RECORD_OTHER, true, true, RECORD_SAME, "id-conflict", 0 },
        { "D3 another entry, expired: no word of that", CHECK_EXPIRED, true, RECORD_OTHER, true, true, RECORD_SAME, "id-conflict", 0 },
        { "D3 another entry, wrong password", CHECK_WRONG, true, RECORD_OTHER, true, true, RECORD_SAME, "wrong-password", 0 },
        { "D3 not told which", CHECK_RIGHT, true, RECORD_UNKNOWN, true, true, RECORD_SAME, "unavailable", 0 },
        { "D3 nonsense", CHECK_RIGHT, true, (enum record_state)9, true, true, RECORD_SAME, "unavailable", 0 },
        { "L3 the local flag", CHECK_RIGHT, false, RECORD_SAME, true, true, RECORD_SAME, "inactive", 0 },
        { "L3 and nothing is put on record", CHECK_RIGHT, false, RECORD_NONE, true, true, RECORD_SAME, "inactive", 0 },
        { "L3 the server's own", CHECK_DENIED, true, RECORD_NONE, true, true, RECORD_SAME, "inactive", 0 },
        { "L4 after that: groups may have come with it", CHECK_RIGHT, true, RECORD_NONE, false, true, RECORD_SAME, "no-access", 1 },
        { "L7 P5 what must be changed cannot be from here", CHECK_MUST_CHANGE, true, RECORD_NONE, true, true, RECORD_SAME, "password-expired", 0 },
        { "L7 and nothing is put on record", CHECK_EXPIRED, true, RECORD_NONE, true, true, RECORD_SAME, "password-expired", 0 },
        { "L12 after that", CHECK_RIGHT, true, RECORD_NONE, true, false, RECORD_SAME, "id-conflict", 1 },
        { "L1 gone from the server", CHECK_NOT_FOUND, true, RECORD_NONE, true, true, RECORD_SAME, "wrong-password", 0 },
        { "L5", CHECK_UNAVAILABLE, true, RECORD_SAME, true, true, RECORD_SAME, "unavailable", 0 },
};

static void each_row(void **state) {
        static struct login login; /* large */
        (void)state;
        const char *group = "linux";
        struct directory_settings directory = { .name = "d", .type = DIRECTORY_DELEGATED, .active = true };
        struct mapping_settings mapping = { .allow_groups = &group, .allow_group_count = 1 };
        struct application_settings application = { .mappings = &mapping, .mapping_count = 1 };
        const struct settings settings = { .directories = &directory, .directory_count = 1, .applications = &application, .application_count = 1 };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct login_event event = { .replica = REPLICA_HAS_USER, .password = rows[i].password, .active = rows[i].active, .record = rows[i].record,
                                                   .gate = rows[i].gate, .published_same = rows[i].published };
                const struct login_event put = { .record = rows[i].put, .active = true };
                unsigned puts = 0, steps = 0;
                login_start(&login, &settings, 0, REASON_OK, PASSWORD_GIVEN, false);
                for (; login.next != LOGIN_DONE && steps < 10; steps++) {
                        bool is_put = login.next == LOGIN_ADMIT;
                        puts += is_put;
                        login_step(&login, is_put ? &put : &event);
                }
                bool allow = strcmp(rows[i].reason, "ok") == 0;
                if (login.next != LOGIN_DONE || (login.verdict == LOGIN_ALLOW) != allow || strcmp(reason_name(login.reason), rows[i].reason) != 0 || puts != rows[i].puts)
                        fail_msg("%s: %s, put on record %u times", rows[i].rule, reason_name(login.reason), puts);
                if (login.steps[login.step_count - 1].result != login.reason)
                        fail_msg("%s: the last step is not the verdict's", rows[i].rule);
        }
}

/* Names that no directory has: which servers are asked, and what a first login comes to. n: next directory; the server: 'y' has the name, 'n', '?'. */
static const struct {
        const char *rule;
        enum password_state given;
        char server[2];
        bool create[2], update[2], next[2];
        enum password_result password;
        enum record_state admitted;
        bool active;
        const char *reason;
        int owner;       /* -1: nobody */
        unsigned asked, checked, admits;
} newcomers[] = {
        { "D3 without the options no server is asked", PASSWORD_GIVEN, "yy", { 0 }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "user-not-found", -1, 0, 0, 0 },
        { "D3 created", PASSWORD_GIVEN, "yy", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "ok", 0, 1, 1, 1 },
        { "D3 by the second", PASSWORD_GIVEN, "ny", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "ok", 1, 2, 1, 1 },
        { "D3 only where it is wanted", PASSWORD_GIVEN, "yy", { false, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "ok", 1, 1, 1, 1 },
        { "D3 a new name", PASSWORD_GIVEN, "yn", { 0 }, { true, false }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "ok", 0, 1, 1, 1 },
        { "D3 a new name of an inactive user", PASSWORD_GIVEN, "yn", { 0 }, { true, false }, { 0 }, CHECK_RIGHT, RECORD_SAME, false, "inactive", 0, 1, 1, 1 },
        { "D3 nobody", PASSWORD_GIVEN, "nn", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "user-not-found", -1, 2, 0, 0 },
        { "D3 none created", PASSWORD_GIVEN, "yy", { 0 }, { true, true }, { 0 }, CHECK_RIGHT, RECORD_NONE, true, "user-not-found", 0, 1, 1, 1 },
        { "D3 another user's", PASSWORD_GIVEN, "yy", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_OTHER, true, "id-conflict", 0, 1, 1, 1 },
        { "D3 not written", PASSWORD_GIVEN, "yy", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_UNKNOWN, true, "unavailable", 0, 1, 1, 1 },
        { "L2 a wrong password is final", PASSWORD_GIVEN, "yy", { true, true }, { 0 }, { 0 }, CHECK_WRONG, RECORD_SAME, true, "wrong-password", 0, 1, 1, 0 },
        { "L3 closed at the server", PASSWORD_GIVEN, "yy", { true, true }, { 0 }, { 0 }, CHECK_DENIED, RECORD_SAME, true, "inactive", 0, 1, 1, 0 },
        { "L7 nobody is created with a password that has expired", PASSWORD_GIVEN, "yy", { true, true }, { 0 }, { 0 }, CHECK_EXPIRED, RECORD_SAME, true, "password-expired", 0, 1, 1, 0 },
        { "L5", PASSWORD_GIVEN, "?y", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "unavailable", -1, 1, 0, 0 },
        { "U1 a server that is passed over may have the name: nobody is created below it", PASSWORD_GIVEN, "?y", { true, true }, { 0 }, { true, false }, CHECK_RIGHT,
                RECORD_SAME, true, "user-not-found", -1, 1, 0, 0 },
        { "U1 nor renamed", PASSWORD_GIVEN, "?y", { true, false }, { false, true }, { true, false }, CHECK_RIGHT, RECORD_SAME, true, "user-not-found", -1, 1, 0, 0 },
        { "U1 the one below is not asked before it", PASSWORD_GIVEN, "y?", { true, true }, { 0 }, { true, true }, CHECK_RIGHT, RECORD_SAME, true, "ok", 0, 1, 1, 1 },
        { "explain creates nobody", PASSWORD_NOT_GIVEN, "yy", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "user-not-found", 0, 1, 0, 0 },
        { "L8", PASSWORD_EMPTY, "yy", { true, true }, { 0 }, { 0 }, CHECK_RIGHT, RECORD_SAME, true, "empty-password", -1, 0, 0, 0 },
};

static void each_newcomer(void **state) {
        static struct login login; /* large */
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(newcomers); i++) {
                struct directory_settings directories[2];
                struct mapping_settings mappings[2];
                unsigned asked = 0, checked = 0, admits = 0, steps = 0;
                for (uint32_t d = 0; d < 2; d++) {
                        directories[d] = (struct directory_settings){ .name = "d", .type = DIRECTORY_DELEGATED, .active = true, .create_on_login = newcomers[i].create[d],
                                .update_on_login = newcomers[i].update[d], .on_unavailable = newcomers[i].next[d] ? ON_UNAVAILABLE_NEXT : ON_UNAVAILABLE_STOP };
                        mappings[d] = (struct mapping_settings){ .directory = d, .allow_all = true };
                }
                struct application_settings application = { .mappings = mappings, .mapping_count = 2 };
                const struct settings settings = { .directories = directories, .directory_count = 2, .applications = &application, .application_count = 1 };
                login_start(&login, &settings, 0, REASON_OK, newcomers[i].given, false);
                for (; login.next != LOGIN_DONE && steps < 20; steps++) {
                        struct login_event event = { .replica = REPLICA_LACKS_FRESH, .password = newcomers[i].password, .record = RECORD_NONE, .published_same = true };
                        if (login.next == LOGIN_ASK_LIVE) {
                                char server = newcomers[i].server[login.directory];
                                event.presence = server == 'y' ? PRESENCE_FOUND : server == 'n' ? PRESENCE_NOT_FOUND : PRESENCE_UNAVAILABLE;
                                asked++;
                        }
                        checked += login.next == LOGIN_CHECK_PASSWORD;
                        if (login.next == LOGIN_ADMIT) {
                                event.record = newcomers[i].admitted;
                                event.active = newcomers[i].active;
                                admits++;
                        }
                        login_step(&login, &event);
                }
                bool allow = strcmp(newcomers[i].reason, "ok") == 0;
                int owner = login.owner == SETTINGS_NONE ? -1 : (int)login.owner;
                if (login.next != LOGIN_DONE || (login.verdict == LOGIN_ALLOW) != allow || strcmp(reason_name(login.reason), newcomers[i].reason) != 0 ||
                    owner != newcomers[i].owner || asked != newcomers[i].asked || checked != newcomers[i].checked || admits != newcomers[i].admits)
                        fail_msg("%s: %s, owner %d, asked %u, checked %u, admitted %u", newcomers[i].rule, reason_name(login.reason), owner, asked, checked, admits);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_row), cmocka_unit_test(each_newcomer) };
        return cmocka_run_group_tests_name("D3", tests, NULL, NULL);
}
