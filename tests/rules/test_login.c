/* The login's truth table, every row against the naive model (L1 to L8, L12, M8).
 * Relies on: login_run, naive.
 * Must never: leave out a row because it looks like another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "login_run.h"

/* The ways in which one directory can answer for a user. */
static const struct naive_login_directory answers[] = {
        /* found active: known by a fresh replica, or asked live */
        { .on = true, .replica = 'h', .live = '?', .check = 'r', .replica_active = true, .check_active = true },
        { .on = true, .replica = 'H', .live = 'y', .check = 'r', .live_active = true, .check_active = true },
        { .on = true, .replica = 'L', .live = 'y', .check = 'r', .live_active = true, .check_active = true },
        { .on = true, .replica = '-', .live = 'y', .check = 'r', .live_active = true, .check_active = true },
        /* found inactive */
        { .on = true, .replica = 'h', .live = '?', .check = 'r' },
        { .on = true, .replica = 'H', .live = 'y', .check = 'r' },
        { .on = true, .replica = '-', .live = 'y', .check = 'r' },
        /* not found */
        { .on = true, .replica = 'l', .live = '?', .check = 'r' },
        { .on = true, .replica = 'L', .live = 'n', .check = 'r' },
        { .on = true, .replica = 'H', .live = 'n', .check = 'r' },
        { .on = true, .replica = '-', .live = 'n', .check = 'r' },
        /* unavailable: when searched, or when the password is to be checked */
        { .on = true, .replica = '-', .live = '?', .check = 'r' },
        { .on = true, .replica = 'L', .live = '?', .check = 'r' },
        { .on = true, .replica = 'H', .live = '?', .check = 'r' },
        { .on = true, .replica = 'h', .live = '?', .check = '?', .replica_active = true },
        /* switched off: takes part in nothing, whatever it would say */
        { .on = false, .replica = 'h', .live = 'y', .check = 'r', .replica_active = true, .check_active = true },
};
#define ANSWERS ((int)ARRAY_SIZE(answers))

/* One row: `row` counts through answers^3 x gates^3 x next^3 x right, wrong, empty. A wrong password is wrong where it is asked, and right
 * everywhere else. */
static void fill(struct naive_login *in, int row) {
        static const char gates[] = { 'a', 'i', 'o' }, passwords[] = { 'r', 'w', 'e' };
        int password = row % 3;
        *in = (struct naive_login){ .count = 3, .name = "ok", .password = passwords[password] == 'e' ? 'e' : 'g', .published_same = true,
                .is_host = true };
        row /= 3;
        for (int i = 0; i < 3; i++, row /= ANSWERS * 6) {
                struct naive_login_directory *d = &in->directory[i];
                *d = answers[row % ANSWERS];
                d->gate = gates[row / ANSWERS % 3];
                d->next = row / ANSWERS / 3 % 2;
        }
        int owner = naive_login(in).owner;
        if (passwords[password] == 'w' && owner >= 0 && in->directory[owner].check == 'r')
                in->directory[owner].check = 'w';
}

static void truth_table(void **state) {
        int rows = 3;
        for (int i = 0; i < 3; i++)
                rows *= ANSWERS * 6;
        for (int row = 0; row < rows; row++) {
                struct naive_login in;
                fill(&in, row);
                login_compare(&in, NON_AGGREGATING, "L1 to L6, non-aggregating");
                login_compare(&in, AGGREGATING, "L1 to L6, aggregating");
        }
        printf("%d rows, two schemes each\n", rows);
}

/* The row's digits, one for each size. */
static void take_apart(int row, const int *sizes, size_t count, int *pick) {
        for (size_t i = 0; i < count; row /= sizes[i++])
                pick[i] = row % sizes[i];
}

static int count_rows(const int *sizes, size_t count) {
        int rows = 1;
        for (size_t i = 0; i < count; i++)
                rows *= sizes[i];
        return rows;
}

/* Everything that can happen at the owner and before the search: names, the password's form, the throttle, expiry, the published pair. */
static void rest_of_the_chain(void **state) {
        static const char gates[] = "aio-", checks[] = "rwmxgd?DANK", passwords[] = "gneb"; /* D to K: 'm', and fixed */
        static const char *const names[] = { "ok", "invalid-name", "reserved-name", "local-account", "unavailable" };
        static const int below[] = { 0, 7, 11 };
        const int sizes[] = { ANSWERS, ARRAY_SIZE(below), 4, 4, ARRAY_SIZE(checks) - 1, 3, 4, 2, ARRAY_SIZE(names), 2, 4 };
        const int rows = count_rows(sizes, ARRAY_SIZE(sizes));
        for (int row = 0; row < rows; row++) {
                int pick[ARRAY_SIZE(sizes)];
                take_apart(row, sizes, ARRAY_SIZE(sizes), pick);
                struct naive_login in = { .count = 2, .directory = { answers[pick[0]], answers[below[pick[1]]] }, .name = names[pick[8]],
                        .password = passwords[pick[6]], .throttled = pick[7], .published_same = pick[5] == 0, .published_other = pick[5] == 1,
                        .allow_other_owner = pick[10] & 1, .is_host = pick[10] & 2 };
                in.directory[0].gate = gates[pick[2]];
                in.directory[1].gate = gates[pick[3]];
                char check = checks[pick[4]];
                bool fixed = check >= 'A' && check <= 'N';
                in.directory[0].check = in.directory[1].check = fixed ? 'm' : check;
                in.directory[0].fixed = in.directory[1].fixed = fixed ? (char)(check - 'A' + 'a') : 0;
                in.directory[0].next = pick[9];
                login_compare(&in, NON_AGGREGATING, "L3 to L8, L11, L12");
        }
        printf("%d rows\n", rows);
}

/* D3, U1, L5: names that nobody has, and delegated directories that create users, with others beside them that have the user, have not, or cannot answer. */
static void newcomers(void **state) {
        static const struct naive_login_directory kinds[] = {
                { .on = true, .replica = 'l' }, { .on = true, .replica = '-', .live = 'n' }, { .on = true, .replica = '-', .live = '?' },
                { .on = true, .replica = 'L', .live = '?', .next = true }, { .on = true, .replica = 'H', .live = '?', .next = true },
                { .on = true, .replica = 'h', .replica_active = true }, { .on = false, .replica = '-', .live = '?', .next = true },
                { .on = true, .replica = 'l', .live = 'y', .creates = true }, { .on = true, .replica = 'l', .live = 'n', .creates = true },
                { .on = true, .replica = 'l', .live = '?', .creates = true }, { .on = true, .replica = 'l', .live = '?', .creates = true, .next = true },
                { .on = true, .replica = 'h', .replica_active = true, .live = '?', .creates = true }, { .on = false, .replica = 'l', .live = 'y', .creates = true },
        };
        static const char checks[] = "rwxd?", gates[] = "ao", passwords[] = "gn";
        const int sizes[] = { ARRAY_SIZE(kinds), ARRAY_SIZE(kinds), ARRAY_SIZE(kinds), 5, 2, 2, 2 };
        const int rows = count_rows(sizes, ARRAY_SIZE(sizes));
        for (int row = 0; row < rows; row++) {
                int pick[ARRAY_SIZE(sizes)];
                take_apart(row, sizes, ARRAY_SIZE(sizes), pick);
                struct naive_login in = { .count = 3, .name = "ok", .password = passwords[pick[5]], .published_same = true, .is_host = true };
                for (int i = 0; i < 3; i++) {
                        in.directory[i] = kinds[pick[i]];
                        in.directory[i].check = checks[pick[3]];
                        in.directory[i].gate = gates[pick[4]];
                        in.directory[i].check_active = pick[6];
                }
                login_compare(&in, NON_AGGREGATING, "D3, U1, L5");
        }
        printf("%d rows\n", rows);
}

/* What explain says without a password is what a login with the right one would be told. */
static void explain_says_what_login_does(void **state) {
        static struct login_run with, without;
        for (int row = 0; row < 3 * ANSWERS * 6 * ANSWERS * 6; row += 3) {
                struct naive_login in;
                fill(&in, row);
                if (in.directory[0].check == '?' || in.directory[1].check == '?')
                        continue;
                login_run(&in, NON_AGGREGATING, &with);
                in.password = 'n';
                login_run(&in, NON_AGGREGATING, &without);
                assert_int_equal(with.login.verdict, without.login.verdict);
                assert_int_equal(with.login.reason, without.login.reason);
                assert_int_equal(with.login.owner, without.login.owner);
                assert_int_equal(without.asked, 0);
        }
}

/* Zeroed events, and events out of range, deny. */
static void nonsense_denies(void **state) {
        static struct login login;
        const char *group = "g";
        struct directory_settings directory = { .name = "d", .active = true };
        struct mapping_settings mapping = { .allow_groups = &group, .allow_group_count = 1 };
        struct application_settings application = { .mappings = &mapping, .mapping_count = 1 };
        struct settings settings = { .directories = &directory, .directory_count = 1, .applications = &application, .application_count = 1 };
        struct login_event zero = { 0 }, odd = { .replica = 99, .presence = 99, .password = 99, .active = true };
        struct login_event found = { .replica = REPLICA_HAS_USER };
        login_start(&login, &settings, 7, REASON_OK, PASSWORD_GIVEN, false);
        assert_true(login.next == LOGIN_DONE && login.verdict == LOGIN_DENY && login.reason == REASON_UNAVAILABLE);
        login_start(&login, &settings, 0, REASON_OK, (enum password_state)9, false);
        assert_true(login.next == LOGIN_DONE && login.reason == REASON_BAD_PASSWORD);
        for (int i = 0; i < 2; i++) {
                const struct login_event *event = i == 0 ? &zero : &odd;
                login_start(&login, &settings, 0, REASON_OK, PASSWORD_GIVEN, false);
                for (int k = 0; k < 4; k++)
                        login_step(&login, event);
                assert_true(login.next == LOGIN_DONE && login.verdict == LOGIN_DENY && login.reason == REASON_UNAVAILABLE);
                login_start(&login, &settings, 0, REASON_OK, PASSWORD_GIVEN, false);
                login_step(&login, &found);
                login_step(&login, event);
                assert_true(login.next == LOGIN_DONE && login.verdict == LOGIN_DENY && login.reason == REASON_UNAVAILABLE);
        }
        login.next = (enum login_next)99;
        login_step(&login, &odd);
        assert_int_equal(login.verdict, LOGIN_DENY);
        assert_int_equal(login.reason, REASON_UNAVAILABLE);
}

/* An order longer than the record of steps: the verdict is the last record all the same. */
static void steps_are_bounded(void **state) {
        enum { MANY = LOGIN_STEPS_MAX + 40 };
        static struct login login;
        static struct directory_settings directories[MANY];
        static struct mapping_settings mappings[MANY];
        struct application_settings application = { .mappings = mappings, .mapping_count = MANY };
        struct settings settings = { .directories = directories, .directory_count = MANY, .applications = &application, .application_count = 1 };
        struct login_event lacks = { .replica = REPLICA_LACKS_FRESH };
        for (uint32_t i = 0; i < MANY; i++) {
                directories[i] = (struct directory_settings){ .name = "d", .active = true };
                mappings[i].directory = i;
        }
        login_start(&login, &settings, 0, REASON_OK, PASSWORD_GIVEN, false);
        for (int i = 0; i < MANY; i++) {
                assert_int_equal(login.next, LOGIN_ASK_REPLICA);
                login_step(&login, &lacks);
        }
        assert_int_equal(login.next, LOGIN_CHECK_DUMMY);
        login_step(&login, &lacks);
        assert_int_equal(login.reason, REASON_USER_NOT_FOUND);
        assert_int_equal(login.step_count, LOGIN_STEPS_MAX);
        assert_int_equal(login.steps[LOGIN_STEPS_MAX - 1].result, REASON_USER_NOT_FOUND);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(truth_table),
                cmocka_unit_test(rest_of_the_chain),
                cmocka_unit_test(newcomers),
                cmocka_unit_test(explain_says_what_login_does),
                cmocka_unit_test(nonsense_denies),
                cmocka_unit_test(steps_are_bounded),
        };
        return cmocka_run_group_tests_name("L", tests, NULL, NULL);
}
