/* When a directory whose changes are told is read in full (supervisor/sync_full.h).
 * Relies on: cmocka.
 * Must never: look at a clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "multidird/supervisor/sync_full.h"

enum { NOW = 1800000000 };

static void since(void **state) {
        static const struct { const char *what; uint64_t full_s, known_ms, wanted; } rows[] = {
                { "not known", 0, 7000, 7000 }, { "just now", NOW, 7000, 0 }, { "an hour ago", NOW - 3600, 7000, 3600000 },
                { "two days ago", NOW - 2 * 86400, 7000, 2 * SYNC_FULL_MS }, { "in a second", NOW + 1, 7000, SYNC_FULL_MS },
                { "next year", NOW + 365 * 86400, 7000, SYNC_FULL_MS },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t is = sync_full_since_ms(rows[i].full_s, NOW, rows[i].known_ms);
                if (is != rows[i].wanted)
                        fail_msg("%s: %llu", rows[i].what, (unsigned long long)is);
        }
}

static void wait_for(void **state) {
        static const struct { const char *what; uint64_t took_ms, ago_ms, wanted; } rows[] = {
                { "a short one, just now", 100, 0, 15000 }, { "... a while ago", 100, 6000, 9000 }, { "... long ago", 100, 60000, 1000 },
                { "... almost over", 100, 14500, 1000 }, { "a long one, just now", 20000, 0, 200000 }, { "... as long ago as it took", 20000, 20000, 180000 },
                { "... long ago", 20000, 900000, 1000 }, { "none", 0, UINT64_MAX / 2, 1000 }, { "one without an end", UINT64_MAX, 0, SYNC_FULL_MS },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t is = sync_full_wait_ms(rows[i].took_ms, rows[i].ago_ms);
                if (is != rows[i].wanted)
                        fail_msg("%s: %llu", rows[i].what, (unsigned long long)is);
        }
}

static void wait_for_end(void **state) {
        static const struct { const char *what; uint64_t end_s, took_ms, ago_ms, wanted; } rows[] = {
                { "in ten seconds", NOW + 10, 100, 60000, 10000 }, { "... and a full one just ended", NOW + 10, 100, 0, 10000 },
                { "now", NOW, 100, 60000, 1000 }, { "... and a full one just ended", NOW, 100, 0, 2500 }, { "... a while ago", NOW, 100, 1000, 1500 },
                { "long ago", 1, 100, 60000, 1000 }, { "in ten seconds, a long one just ended", NOW + 10, 20000, 0, 200000 },
                { "... as long ago as it took", NOW + 10, 20000, 20000, 180000 }, { "... long ago", NOW + 10, 20000, 900000, 10000 },
                { "in a year", NOW + 365 * 86400, 100, 0, SYNC_FULL_MS }, { "at the end of time", UINT64_MAX, 0, UINT64_MAX / 2, SYNC_FULL_MS },
                { "one without an end", NOW, UINT64_MAX, 0, SYNC_FULL_MS },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t is = sync_full_end_wait_ms(rows[i].end_s, NOW, rows[i].took_ms, rows[i].ago_ms);
                if (is != rows[i].wanted)
                        fail_msg("%s: %llu", rows[i].what, (unsigned long long)is);
        }
}

/* Changes that cannot be told: each is found so long after the end of the full run before. */
static void again(void **state) {
        static const struct { const char *what; unsigned times; uint64_t took_ms, ago_ms, pause_ms; } rows[] = {
                { "the first", 1, 1000, 2000, 0 }, { "the third", 3, 1000, 2000, 0 }, { "the fourth", 4, 1000, 2000, 30000 },
                { "the tenth", 10, 1000, 59000, 30000 }, { "rare ones", 10, 1000, 60000, 0 },
                { "long ones: their own time is no pause", 10, 45000, 20000, 45000 }, { "very long ones", 10, 3600000, 20000, 300000 },
                { "one that did not end yet", 10, 0, UINT64_MAX, 0 },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                unsigned fulls = 0;
                for (unsigned n = 0; n < rows[i].times; n++)
                        fulls = sync_full_count(fulls, rows[i].ago_ms);
                uint64_t is = sync_full_pause_ms(fulls, rows[i].took_ms);
                if (is != rows[i].pause_ms)
                        fail_msg("%s: %llu", rows[i].what, (unsigned long long)is);
        }
        assert_int_equal(sync_full_pause_ms(sync_full_count(UINT32_MAX, 0), 0), 30000);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(since), cmocka_unit_test(wait_for), cmocka_unit_test(wait_for_end), cmocka_unit_test(again) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
