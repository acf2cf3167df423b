/* The throttle (L11).
 * Relies on: rules/throttle.
 * Must never: sleep; time is a number here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "rules/throttle.h"

static int setup(void **state) {
        *state = throttle_new();
        return *state ? 0 : -1;
}

static int teardown(void **state) {
        throttle_free(*state);
        return 0;
}

static void delays(void **state) {
        static const uint64_t after[] = { 0, 0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000, 60000, 60000, 60000, 60000,
                60000, 60000, 60000, 60000, 60000, 60000 };
        struct throttle *throttle = *state;
        uint64_t now = 5000;
        assert_false(throttle_refuses(throttle, "ann", 0));
        for (size_t i = 0; i < ARRAY_SIZE(after); i++) {
                throttle_wrong(throttle, "ann", now);
                if (after[i] > 0) {
                        assert_true(throttle_refuses(throttle, "ann", now));
                        assert_true(throttle_refuses(throttle, "ann", now + after[i] - 1));
                }
                assert_false(throttle_refuses(throttle, "ann", now + after[i]));
                now += after[i];
        }
}

static void wrong_times(struct throttle *throttle, const char *name, int times, uint64_t now) {
        for (int i = 0; i < times; i++)
                throttle_wrong(throttle, name, now);
}

static void success_clears(void **state) {
        struct throttle *throttle = *state;
        wrong_times(throttle, "ann", 9, 100);
        throttle_right(throttle, "ann");
        assert_false(throttle_refuses(throttle, "ann", 100));
        wrong_times(throttle, "ann", 5, 100);
        assert_false(throttle_refuses(throttle, "ann", 100));
        throttle_wrong(throttle, "ann", 100);
        assert_true(throttle_refuses(throttle, "ann", 1099));
        assert_false(throttle_refuses(throttle, "ann", 1100));
        throttle_right(throttle, "nobody");
}

/* Names fold (N1), and one name's count is not another's. */
static void by_folded_name(void **state) {
        struct throttle *throttle = *state;
        wrong_times(throttle, "ann", 3, 0);
        wrong_times(throttle, "ANN", 3, 0);
        assert_true(throttle_refuses(throttle, "Ann", 1));
        assert_false(throttle_refuses(throttle, "anne", 1));
        throttle_right(throttle, "aNN");
        assert_false(throttle_refuses(throttle, "ann", 1));
}

/* N3 refuses over-long names before they come here; they neither count nor overflow anything. */
static void over_long_names(void **state) {
        struct throttle *throttle = *state;
        char name[400];
        memset(name, 'x', sizeof name - 1);
        name[sizeof name - 1] = 0;
        wrong_times(throttle, name, 9, 0);
        assert_false(throttle_refuses(throttle, name, 1));
        throttle_right(throttle, name);
        name[255] = 0;
        wrong_times(throttle, name, 6, 0);
        assert_true(throttle_refuses(throttle, name, 1));
}

static void numbered(char *name, size_t size, int number) {
        (void)snprintf(name, size, "user%d", number);
}

/* Past THROTTLE_NAMES_MAX the oldest names go, those under a delay last. */
static void bounded(void **state) {
        struct throttle *throttle = *state;
        char name[32];
        wrong_times(throttle, "guarded", 9, 0); /* under a delay until 8000, and the oldest */
        wrong_times(throttle, "old", 5, 0);
        wrong_times(throttle, "renewed", 4, 0);
        for (int i = 0; i < THROTTLE_NAMES_MAX - 4; i++) {
                numbered(name, sizeof name, i);
                throttle_wrong(throttle, name, 1);
        }
        throttle_wrong(throttle, "renewed", 2);
        throttle_wrong(throttle, "one more", 3);    /* the last free place */
        throttle_wrong(throttle, "and another", 3); /* "old" goes */
        assert_true(throttle_refuses(throttle, "guarded", 7999));
        throttle_wrong(throttle, "old", 4); /* counted from the start again; "user0" goes */
        assert_false(throttle_refuses(throttle, "old", 4));
        throttle_wrong(throttle, "renewed", 4);
        assert_true(throttle_refuses(throttle, "renewed", 5));
        throttle_wrong(throttle, "x", 8000); /* the delay is over: "guarded", the oldest, goes */
        assert_false(throttle_refuses(throttle, "guarded", 7999));
        throttle_right(throttle, "x"); /* a freed place is used again */
        throttle_wrong(throttle, "y", 8000);
        wrong_times(throttle, "renewed", 1, 8000);
        assert_true(throttle_refuses(throttle, "renewed", 8001));
}

/* When everybody is under a delay the oldest goes all the same. */
static void all_under_a_delay(void **state) {
        struct throttle *throttle = *state;
        char name[32];
        for (int i = 0; i < THROTTLE_NAMES_MAX; i++) {
                numbered(name, sizeof name, i);
                wrong_times(throttle, name, 7, 10);
        }
        assert_true(throttle_refuses(throttle, "user0", 11));
        throttle_wrong(throttle, "newcomer", 11);
        assert_false(throttle_refuses(throttle, "user0", 11));
        assert_true(throttle_refuses(throttle, "user1", 11));
        throttle_right(throttle, "user1");
        throttle_right(throttle, "user65535");
        throttle_right(throttle, "user777");
        wrong_times(throttle, "user1", 5, 12);
        assert_false(throttle_refuses(throttle, "user1", 12));
        assert_true(throttle_refuses(throttle, "user2", 12));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(delays, setup, teardown),
                cmocka_unit_test_setup_teardown(success_clears, setup, teardown),
                cmocka_unit_test_setup_teardown(by_folded_name, setup, teardown),
                cmocka_unit_test_setup_teardown(over_long_names, setup, teardown),
                cmocka_unit_test_setup_teardown(bounded, setup, teardown),
                cmocka_unit_test_setup_teardown(all_under_a_delay, setup, teardown),
        };
        return cmocka_run_group_tests_name("L11", tests, NULL, NULL);
}
