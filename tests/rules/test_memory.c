/* Every allocation of the rules fails once: -ENOMEM comes out, nothing leaks, nothing given back is half made.
 * Relies on: the linker's --wrap for calloc and realloc; the leak checker of the sanitized build.
 * Must never: fail an allocation that is not the rules' own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "made_world.h"
#include "rules/throttle.h"

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long until_failure = -1; /* allocations left that succeed; negative: all do */

static bool fails_now(void) {
        return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_calloc(size_t count, size_t size) {
        return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
        return fails_now() ? NULL : __real_realloc(old, size);
}

static struct made_world made;

static int closure_twice(void) {
        struct closure *closure = NULL;
        int r = closure_new(made.replicas[0], &made.directories[0], &closure);
        assert_true((r == 0) == (closure != NULL));
        closure_free(closure);
        return r;
}

static int direct_again(void) {
        struct direct_groups direct = { 0 };
        int r = direct_groups_new(made.replicas[0], &direct);
        assert_true((r == 0) == (direct.first != NULL));
        direct_groups_done(&direct);
        return r;
}

static int above(void) {
        int r = closure_is_above(made.closures[0], 0, 1);
        return r < 0 ? r : 0;
}

static int groups(void) {
        const char **names = NULL;
        size_t count = 99;
        int r = world_groups_of_user(&made.world, user_names[0], &names, &count);
        assert_int_equal(count, r == 0 ? 2 : 99);
        free(names);
        return r;
}

static int members(void) {
        const char **names = NULL;
        size_t count = 99;
        int r = world_members_of_group(&made.world, group_names[1], &names, &count);
        assert_int_equal(count, r == 0 ? 1 : 99);
        free(names);
        return r;
}

static int throttle(void) {
        struct throttle *throttle = throttle_new();
        throttle_free(throttle);
        return throttle ? 0 : -ENOMEM;
}

static void each_allocation_fails(void **state) {
        int (*const functions[])(void) = { closure_twice, direct_again, above, groups, members, throttle };
        const struct naive_world naive = { .count = 1, .aggregating = true, .directory = { { .on = true, .replica = true, .nested = true,
                .users = 1, .groups = 2, .user = { { .name = 0, .active = true } },
                .group = { { .name = 0, .active = true }, { .name = 1, .active = true } }, .direct = { { true } }, .nest = { { false, true } } } } };
        struct random random = { .state = 1 };
        made_world_init(&made, &naive, &random);
        for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
                int failures = 0, r;
                do {
                        until_failure = failures;
                        r = functions[f]();
                        assert_true(r == 0 || r == -ENOMEM);
                        failures += r < 0;
                } while (r < 0);
                until_failure = -1;
                assert_true(failures > 0);
        }
        made_world_done(&made);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_allocation_fails) };
        return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
