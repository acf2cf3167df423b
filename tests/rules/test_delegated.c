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
        { "L4 and nothing is put on record", CHECK_RIGHT, true, RECORD_NONE, false, true, RECORD_SAME, "no-access", 0 },
        { "L7 and nothing is put on record", CHECK_EXPIRED, true, RECORD_NONE, true, true, RECORD_SAME, "password-expired", 0 },
        { "L12 and nothing is put on record", CHECK_RIGHT, true, RECORD_NONE, true, false, RECORD_SAME, "id-conflict", 0 },
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
                const struct login_event put = { .record = rows[i].put };
                unsigned puts = 0, steps = 0;
                login_start(&login, &settings, 0, REASON_OK, PASSWORD_GIVEN, false);
                for (; login.next != LOGIN_DONE && steps < 10; steps++) {
                        bool is_put = login.next == LOGIN_PUT_ON_RECORD;
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

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_row) };
        return cmocka_run_group_tests_name("D3", tests, NULL, NULL);
}
