/* Memory runs out at every allocation of a build in turn: each build fails with -ENOMEM and leaves nothing behind (the sanitizers look), the
 * registry is as it was after the revert, and the next build gives what an undisturbed one gives.
 * Relies on: the linker's --wrap for malloc and its kin.
 * Must never: count the test's own allocations. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/compile_world.h"

static bool counting;
static uint32_t countdown; /* allocations until one fails; 0: none does */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static bool fails(void) {
        if (!counting || countdown == 0)
                return false;
        return --countdown == 0;
}

void *__wrap_malloc(size_t size) {
        return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
        return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
        return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size) {
        return fails() ? NULL : __real_reallocarray(old, count, size);
}

static const char script[] =
        "dir A ids=attribute primary=ops\ndir B range=5000-5999\ndir C complete=no\ndir D\n"
        "app host A+,B:gate,C+,D+ membership=aggregating local=A/ops:locals\napp ssh B+,A:ops\n"
        "group-file locals:x:150:\npasswd loc:x:2003:2003::/:/bin/sh\n"
        "user A ann uid=2000 gid=3000 key=ssh-rsa%20AAAA home=bad\nuser A root uid=2001\nuser A eve uid=2000\nuser B ann\nuser B bob\nuser D zoe\n"
        "group A ops gid=3000 users=ann groups=inner\ngroup A inner gid=3001 users=ann,eve\ngroup B gate users=bob,ann\ngroup B ops users=bob\nbuild\n";

static int build(const struct compile_input *input, struct compile_result *result, struct view *view) {
        int fd = memfd_create("view", MFD_CLOEXEC);
        assert_true(fd >= 0);
        counting = true;
        int r = compile_view(input, fd, result);
        counting = false;
        if (r == 0)
                assert_int_equal(view_open_fd(fd, view), 0);
        close(fd);
        return r;
}

static void test_memory(void **state) {
        struct test_world *world = test_world_new();
        struct local_accounts *local;
        uint32_t failures = 0;
        (void)state;
        test_world_run(world, "memory", script);
        assert_int_equal(local_accounts_new("loc:x:2003:2003::/:/bin/sh\n", "locals:x:150:\n", NULL, NULL, &local), 0);
        for (uint32_t nth = 1;; nth++) {
                struct registry *registry = registry_new();
                struct compile_input input = { .settings = test_world_settings(world), .replicas = test_world_replicas(world), .local = local,
                                               .registry = registry, .generation = 1, .built_s = 1 };
                struct compile_result result = { 0 };
                struct view view;
                assert_int_equal(registry_accept(registry, NAME_OF_USER, "ann"), 0);
                countdown = nth;
                int r = build(&input, &result, &view);
                bool all_went_well = countdown > 0;
                countdown = 0;
                if (!all_went_well) {
                        failures++;
                        assert_int_equal(r, -ENOMEM);
                        assert_null(result.rows);
                        registry_revert(registry);
                        assert_int_equal(registry_pending_count(registry), 0);
                        assert_true(registry_is_accepted(registry, NAME_OF_USER, "ann"));
                        assert_int_equal(build(&input, &result, &view), 0);
                }
                assert_int_equal(view_user_count(&view), view_user_count(test_world_view(world)));
                assert_int_equal(view_group_count(&view), view_group_count(test_world_view(world)));
                assert_int_equal(result.row_count, test_world_result(world)->row_count);
                view_close(&view);
                compile_result_done(&result);
                registry_free(registry);
                if (all_went_well)
                        break;
        }
        assert_true(failures > 50);
        local_accounts_free(local);
        test_world_free(world);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_memory) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
