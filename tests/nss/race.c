/* A view published while a thread looks at the path, between what the kernel told it and what it makes of that: the next look-up has the new view.
 * Relies on: ask.h, world.h; linked with --wrap=syscall, through which the reader looks at the path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask.h"
#include "base/cleanup.h"
#include "world.h"

static const struct world old_world = { .users = 50, .groups = 5, .each = 2, .tag = 'a', .generation = 1, .all_in_first = 1 };
static const struct world new_world = { .users = 50, .groups = 5, .each = 2, .tag = 'b', .generation = 2, .all_in_first = 1 };

static int set_up(void **state) { ask_enter(); return 0; }
static int tear_down(void **state) { ask_leave(); return 0; }

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);

static long publish_after; /* the system call after which new_world is published, once; 0: none */
static unsigned published;

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
        long r = __real_syscall(number, a, b, c, d, e, f);
        if (number == publish_after) {
                publish_after = 0;
                published += world_replace(&new_world, ASK_PATH) == 0;
        }
        return r;
}

/* Waits for the beginning of a second of the clock that the reader reads: then it looks at the path although nothing is marked. */
static void next_second(void) {
        struct timespec began, now;
        assert_int_equal(clock_gettime(CLOCK_MONOTONIC_COARSE, &began), 0);
        do {
                (void)usleep(1000);
                assert_int_equal(clock_gettime(CLOCK_MONOTONIC_COARSE, &now), 0);
        } while (now.tv_sec == began.tv_sec);
}

static void test_published_after_the_look(void **state) {
        static const struct { long number; const char *what; } rows[] = {
                { SYS_newfstatat, "the path was the old file a moment ago" }, { SYS_close, "the old file was opened once more" },
        };
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(world_replace(&old_world, ASK_PATH), 0);
                assert_int_equal(ask_user(3), 'a');
                if (rows[i].number == SYS_close) /* another file of the same content: it is opened, not only looked at */
                        assert_int_equal(world_publish(&old_world, ASK_PATH, 0444), 0);
                next_second();
                published = 0;
                publish_after = rows[i].number;
                int during = ask_user(3), after = ask_user(3);
                if (published != 1 || (during != 'a' && during != 'b') || after != 'b')
                        fail_msg("%s: published %u times, found %c, then %c", rows[i].what, published, during, after);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_published_after_the_look) };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
