/* A hundred threads look up while views are swapped a thousand times: every answer is the old or the new one, whole; nothing grows: no mapping, no
 * descriptor, no memory. Also what a fork in mid-call, a walk during swaps and too many held views come to. Built with ThreadSanitizer too.
 * Relies on: ask.h, world.h. MULTIDIR_SWAPS overrides the number of swaps (200 under a sanitizer). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask.h"
#include "base/cleanup.h"
#include "view/reader.h"
#include "world.h"

enum { THREADS = 100, USERS = 200, GROUPS = 10, EACH = 3 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OWN_ALLOCATOR 1 /* a sanitizer's keeps what was freed: resident memory says nothing */
#elif defined(__has_feature)
#define OWN_ALLOCATOR (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define OWN_ALLOCATOR 0
#endif

static struct world world_of(uint64_t generation) {
        return (struct world) { .users = USERS, .groups = GROUPS, .each = EACH, .tag = (char)('a' + generation % 26), .generation = generation,
                                .all_in_first = 1 };
}

static int set_up(void **state) {
        struct world world = world_of(0);
        ask_enter();
        return world_publish(&world, ASK_PATH, 0444);
}
static int tear_down(void **state) { ask_leave(); return 0; }

static atomic_bool stop;
static atomic_uint published, wrong, answers; /* published: generation whose replacement has returned */

/* Generations only go forward, and never lie behind what was published before the call. */
static void *look_up(void *arg) {
        unsigned seed = (unsigned)(uintptr_t)arg;
        uint64_t newest = 0;
        while (!atomic_load(&stop)) {
                uint32_t i = (uint32_t)rand_r(&seed) % USERS;
                struct view view;
                unsigned before = atomic_load(&published);
                if (!view_current(&view) || view_generation(&view) < before || view_generation(&view) < newest)
                        atomic_fetch_add(&wrong, 1);
                newest = view.base ? view_generation(&view) : 0;
                view_release(&view);
                /* By name and by id may see two generations: each answer is whole by itself, ask_user compares what both share. */
                if (ask_user(i) <= 0 || ask_group(0, USERS) != 1 || ask_groups_of(i, GROUPS, EACH) != 1)
                        atomic_fetch_add(&wrong, 1);
                if (atomic_fetch_add(&answers, 1) % 4 == 0)
                        (void)usleep(2000); /* or the one who publishes gets a hundredth of the processor */
        }
        return NULL;
}

static unsigned swaps(void) {
        const char *text = getenv("MULTIDIR_SWAPS");
        return text ? (unsigned)strtoul(text, NULL, 10) : OWN_ALLOCATOR ? 200 : 1000;
}

static void test_hundred_threads(void **state) {
        pthread_t threads[THREADS];
        assert_int_equal(ask_user(1), 'a');
        int descriptors = ask_descriptors();
        for (uintptr_t t = 0; t < THREADS; t++)
                assert_int_equal(pthread_create(&threads[t], NULL, look_up, (void *)(t + 1)), 0);
        long resident = 0;
        int mappings = 0;
        for (unsigned g = 1; g <= swaps(); g++) {
                struct world world = world_of(g);
                assert_int_equal(world_replace(&world, ASK_PATH), 0);
                atomic_store(&published, g);
                if (g == swaps() / 4)
                        resident = ask_resident();
                if (g % 16 == 0 && ask_mappings() > mappings)
                        mappings = ask_mappings();
        }
        atomic_store(&stop, true);
        for (unsigned t = 0; t < THREADS; t++)
                assert_int_equal(pthread_join(threads[t], NULL), 0);
        assert_int_equal(atomic_load(&wrong), 0);
        assert_true(atomic_load(&answers) > THREADS);
        assert_int_equal(ask_descriptors(), descriptors);
        /* Sixteen slots, and one mapping being opened per thread at most; at rest the newest and nothing else after one more swap. */
        assert_true(mappings <= 16 + THREADS);
        struct world last = world_of(swaps() + 1);
        assert_int_equal(world_replace(&last, ASK_PATH), 0);
        assert_int_equal(ask_user(5), last.tag);
        assert_true(ask_mappings() <= 2);
        if (!OWN_ALLOCATOR)
                assert_true(ask_resident() < resident + 4096);
}

/* A walk shows the generation that it began with, whatever is published meanwhile, and lets go at its end. */
static void test_walk_during_swaps(void **state) {
        struct passwd user;
        char buffer[512], tag = 0;
        int error = 0;
        unsigned count = 0;
        (void)_nss_multidir_setpwent(0);
        while (_nss_multidir_getpwent_r(&user, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS) {
                char seen = user.pw_gecos[strlen(user.pw_gecos) - 1];
                assert_true(tag == 0 || tag == seen);
                tag = seen;
                if (count++ % 10 == 0) {
                        struct world world = world_of(count);
                        assert_int_equal(world_replace(&world, ASK_PATH), 0);
                        assert_int_equal(ask_user(2), world.tag);
                }
        }
        assert_int_equal(count, USERS);
        (void)_nss_multidir_endpwent();
        struct world world = world_of(3);
        assert_int_equal(world_replace(&world, ASK_PATH), 0);
        assert_int_equal(ask_user(2), world.tag);
        assert_true(ask_mappings() <= 2);
}

/* More views held than there are slots: answers stay right, from mappings of one call; all go when let go. */
static void test_many_held(void **state) {
        struct view held[40];
        for (unsigned g = 0; g < ARRAY_SIZE(held); g++) {
                struct world world = world_of(100 + g);
                assert_int_equal(world_replace(&world, ASK_PATH), 0);
                assert_true(view_current(&held[g]));
                assert_int_equal(view_generation(&held[g]), 100 + g);
                assert_int_equal(ask_user(7), world.tag);
        }
        for (unsigned g = 0; g < ARRAY_SIZE(held); g++) {
                struct view_user user;
                assert_int_equal(view_generation(&held[g]), 100 + g);
                assert_int_equal(view_user_by_name(&held[g], "user00007", &user), VIEW_FOUND);
                view_release(&held[g]);
        }
        struct world world = world_of(1);
        assert_int_equal(world_replace(&world, ASK_PATH), 0);
        assert_int_equal(ask_user(7), world.tag);
        assert_true(ask_mappings() <= 2);
}

/* Threads are inside calls while the process forks: the child, where they are gone, answers on and learns of newer views. */
static void test_fork_in_mid_call(void **state) {
        pthread_t threads[8];
        atomic_store(&stop, false);
        atomic_store(&published, 0);
        for (uintptr_t t = 0; t < ARRAY_SIZE(threads); t++)
                assert_int_equal(pthread_create(&threads[t], NULL, look_up, (void *)(t + 1)), 0);
        for (unsigned g = 0; g < 50; g++) {
                struct world first = world_of(200 + 2 * g), second = world_of(201 + 2 * g);
                assert_int_equal(world_replace(&first, ASK_PATH), 0);
                pid_t pid = fork();
                assert_true(pid >= 0);
                if (pid == 0) {
                        bool right = ask_user(9) == first.tag && world_replace(&second, ASK_PATH) == 0 && ask_user(9) == second.tag;
                        _exit(right && ask_walk() == USERS && ask_mappings() <= 12 ? 0 : 1);
                }
                int status = 0;
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_int_equal(status, 0);
        }
        atomic_store(&stop, true);
        for (unsigned t = 0; t < ARRAY_SIZE(threads); t++)
                assert_int_equal(pthread_join(threads[t], NULL), 0);
}

static void *walk(void *arg) {
        struct passwd user;
        char buffer[512];
        int error = 0;
        unsigned *count = arg;
        while (_nss_multidir_getpwent_r(&user, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS)
                (*count)++;
        return NULL;
}

/* One walk shared by threads, without glibc's lock around it: every entry is given once. */
static void test_shared_walk(void **state) {
        pthread_t threads[16];
        unsigned counts[16] = { 0 }, sum = 0;
        (void)_nss_multidir_setpwent(0);
        for (unsigned t = 0; t < ARRAY_SIZE(threads); t++)
                assert_int_equal(pthread_create(&threads[t], NULL, walk, &counts[t]), 0);
        for (unsigned t = 0; t < ARRAY_SIZE(threads); t++) {
                assert_int_equal(pthread_join(threads[t], NULL), 0);
                sum += counts[t];
        }
        assert_int_equal(sum, USERS);
        (void)_nss_multidir_endpwent();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hundred_threads), cmocka_unit_test(test_walk_during_swaps), cmocka_unit_test(test_many_held),
                cmocka_unit_test(test_fork_in_mid_call), cmocka_unit_test(test_shared_walk),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
