/* Tests of multidird/supervisor/pace: how long a denial takes (L9).
 * Relies on: cmocka. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "multidird/supervisor/pace.h"

#define MINUTE 60000u

/* One check that took so long at minute 5, and the pace at a later minute. */
static const struct row { const char *name; uint64_t took_ms; unsigned minute; uint64_t want_ms; } rows[] = {
        { "L9 a fast check: the least", 20, 5, PACE_LEAST_MS },
        { "L9 a slow one: a quarter more", 240, 5, 300 },
        { "L9 to the end of its period", 240, 9, 300 },
        { "L9 and through the next", 240, 19, 300 },
        { "L9 then it is forgotten", 240, 20, PACE_LEAST_MS },
        { "L9 also after a long silence", 240, 500, PACE_LEAST_MS },
        { "L9 the slowest that counts", PACE_MOST_MS, 5, PACE_MOST_MS + PACE_MOST_MS / 4 },
        { "L9 slower is no hash", PACE_MOST_MS + 1, 5, PACE_LEAST_MS },
};

static void test_rows(void **state) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct pace pace = { 0 };
                pace_note(&pace, rows[i].took_ms, 5 * MINUTE);
                pace_note(&pace, 10, 5 * MINUTE);
                if (pace_of(&pace, (uint64_t)rows[i].minute * MINUTE) != rows[i].want_ms)
                        fail_msg("%s: %llu", rows[i].name, (unsigned long long)pace_of(&pace, (uint64_t)rows[i].minute * MINUTE));
        }
}

static void test_unmeasured(void **state) {
        struct pace pace = { 0 };
        assert_int_equal(pace_of(&pace, 0), PACE_LEAST_MS);
        assert_int_equal(pace_of(&pace, 7777777), PACE_LEAST_MS);
}

/* A slower one of this period and a fast one of the last: the slower. */
static void test_two_periods(void **state) {
        struct pace pace = { 0 };
        pace_note(&pace, 200, 5 * MINUTE);
        pace_note(&pace, 400, 15 * MINUTE);
        assert_int_equal(pace_of(&pace, 15 * MINUTE), 500);
        assert_int_equal(pace_of(&pace, 25 * MINUTE), 500);
        pace_note(&pace, 100, 25 * MINUTE);
        assert_int_equal(pace_of(&pace, 35 * MINUTE), 125);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows), cmocka_unit_test(test_unmeasured), cmocka_unit_test(test_two_periods) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
