/* What processes do to a module that lives in them: close every descriptor, change root, give up rights, vfork, cancel threads, unload it, run
 * without standard descriptors. Each in a child of its own.
 * Relies on: ask.h, world.h; root (for chroot and setuid). argv[1]: the module as a shared object, for dlclose. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask.h"
#include "base/cleanup.h"
#include "world.h"

static const struct world old_world = { .users = 50, .groups = 5, .each = 2, .tag = 'a', .generation = 1, .all_in_first = 1 };
static const struct world new_world = { .users = 50, .groups = 5, .each = 2, .tag = 'b', .generation = 2, .all_in_first = 1 };
static const char *module_path;

static int set_up(void **state) { ask_enter(); return 0; }
static int tear_down(void **state) { ask_leave(); return 0; }

/* A claim that does not hold ends the child with the line's number. */
#define CLAIM(what) do { if (!(what)) { (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); _exit(1); } } while (0)

static void in_child(void (*function)(void)) {
        int status = 0;
        assert_int_equal(world_publish(&old_world, ASK_PATH, 0444), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)alarm(60);
                function();
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void close_everything(void) {
        int descriptors = ask_descriptors();
        CLAIM(ask_user(3) == 'a' && ask_descriptors() == descriptors);
        for (int fd = 0; fd < 1024; fd++)
                (void)close(fd);
        CLAIM(ask_user(3) == 'a');
        CLAIM(world_replace(&new_world, ASK_PATH) == 0);
        /* The numbers are the application's now: the module must neither read nor close them. */
        int mine[8];
        for (unsigned i = 0; i < ARRAY_SIZE(mine); i++)
                CLAIM((mine[i] = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0);
        CLAIM(ask_user(3) == 'b');
        for (unsigned i = 0; i < ARRAY_SIZE(mine); i++)
                CLAIM(fcntl(mine[i], F_GETFD) >= 0);
        CLAIM(open("/dev/null", O_RDWR | O_CLOEXEC) == mine[7] + 1);
}
static void test_close_everything(void **state) { in_child(close_everything); }

/* The first look-up of all without standard descriptors. */
static void first_without_descriptors(void) {
        for (int fd = 0; fd < 3; fd++)
                (void)close(fd);
        CLAIM(ask_user(3) == 'a' && open("/dev/null", O_RDWR | O_CLOEXEC) == 0);
}
static void test_first_without_descriptors(void **state) { in_child(first_without_descriptors); }

/* Inside the new root the path leads nowhere: the mapped view goes on serving, marked or not. */
static void change_root(void) {
        CLAIM(ask_user(3) == 'a' && mkdir("root", 0755) == 0);
        int old = open(ASK_PATH, O_RDWR | O_CLOEXEC);
        CLAIM(old >= 0 && chroot("root") == 0 && chdir("/") == 0);
        CLAIM(ask_user(3) == 'a' && ask_walk() == 50);
        const uint32_t mark = 1;
        CLAIM(pwrite(old, &mark, sizeof(mark), 12) == (ssize_t)sizeof(mark));
        errno = 0;
        CLAIM(ask_user(3) == 'a' && ask_user(4) == 'a' && errno == 0);
}
static void test_chroot(void **state) {
        in_child(change_root);
        (void)rmdir("root");
}

/* Descriptors are used up: the mapped view serves, and the newer one comes when there is room again. */
static void out_of_descriptors(void) {
        CLAIM(ask_user(3) == 'a' && world_replace(&new_world, ASK_PATH) == 0);
        int last = -1;
        for (int fd; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
                last = fd;
        CLAIM(ask_user(3) == 'a' && close(last) == 0);
        for (int i = 0; i < 30 && ask_user(3) == 'a'; i++)
                (void)usleep(100000);
        CLAIM(ask_user(3) == 'b');
}
static void test_out_of_descriptors(void **state) { in_child(out_of_descriptors); }

static void give_up_rights(void) {
        CLAIM(chmod(".", 0755) == 0 && setgid(65534) == 0 && setuid(65534) == 0);
        CLAIM(ask_user(3) == 'a' && ask_group(0, 50) == 1 && ask_groups_of(3, 5, 2) == 1);
}
static void test_setuid(void **state) { in_child(give_up_rights); }

static void with_vfork(void) {
        CLAIM(ask_user(3) == 'a');
        volatile int found = 0;
        for (int i = 0; i < 100; i++) {
                pid_t pid = vfork();
                CLAIM(pid >= 0);
                if (pid == 0) {
                        found += ask_user(3) == 'a';
                        _exit(0);
                }
                CLAIM(waitpid(pid, NULL, 0) == pid);
        }
        CLAIM(found == 100 && world_replace(&new_world, ASK_PATH) == 0 && ask_user(3) == 'b' && ask_mappings() <= 2);
}
static void test_vfork(void **state) { in_child(with_vfork); }

static atomic_uint rounds;
static void *look_up_for_ever(void *arg) {
        for (;;) {
                (void)ask_user(3);
                atomic_fetch_add(&rounds, 1);
                pthread_testcancel();
        }
        return NULL;
}

/* A cancelled thread leaves neither a descriptor nor a held view behind: no entry point is a cancellation point. */
static void cancel_threads(void) {
        CLAIM(ask_user(3) == 'a');
        int descriptors = ask_descriptors();
        for (unsigned i = 0; i < 200; i++) {
                pthread_t thread;
                struct world world = i % 2 ? old_world : new_world;
                CLAIM(pthread_create(&thread, NULL, look_up_for_ever, NULL) == 0);
                CLAIM(world_replace(&world, ASK_PATH) == 0);
                CLAIM(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
        }
        CLAIM(ask_descriptors() == descriptors && world_replace(&new_world, ASK_PATH) == 0);
        CLAIM(ask_user(3) == 'b' && ask_mappings() <= 2);
}
static void test_cancel(void **state) { in_child(cancel_threads); }

/* A cancellation that is pending already at the call: the whole look-up, with the opening, still comes to its end. */
static void *look_up_cancelled(void *arg) {
        (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
        while (!atomic_load(&rounds))
                (void)usleep(100);
        (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
        struct passwd user;
        char buffer[512];
        int error;
        *(int *)arg = (int)_nss_multidir_getpwnam_r("user00003", &user, buffer, sizeof(buffer), &error);
        return NULL;
}
static void cancelled_before(void) {
        pthread_t thread;
        int status = 99;
        atomic_store(&rounds, 0);
        CLAIM(pthread_create(&thread, NULL, look_up_cancelled, &status) == 0 && pthread_cancel(thread) == 0);
        atomic_store(&rounds, 1);
        CLAIM(pthread_join(thread, NULL) == 0 && status == NSS_STATUS_SUCCESS);
}
static void test_cancelled_before(void **state) { in_child(cancelled_before); }

static sigjmp_buf away;
static void jump(int number) { siglongjmp(away, 1); }

/* A signal handler that jumps out of a look-up: the view that was held stays mapped, and everything else goes on. */
static void jump_out(void) {
        struct sigaction action = { .sa_handler = jump };
        CLAIM(sigaction(SIGPROF, &action, NULL) == 0);
        struct timeval often = { .tv_usec = 1000 };
        struct itimerval timer = { .it_interval = often, .it_value = often };
        for (volatile int i = 0; i < 200; i++) {
                if (sigsetjmp(away, 1) == 0) {
                        CLAIM(setitimer(ITIMER_PROF, &timer, NULL) == 0);
                        for (;;)
                                (void)ask_user(3);
                }
        }
        timer = (struct itimerval) { 0 };
        CLAIM(setitimer(ITIMER_PROF, &timer, NULL) == 0);
        for (unsigned i = 0; i < 40; i++) {
                struct world world = i % 2 ? old_world : new_world;
                CLAIM(world_replace(&world, ASK_PATH) == 0 && ask_user(3) == world.tag);
        }
        CLAIM(ask_mappings() <= 3);
}
static void test_jump_out(void **state) { in_child(jump_out); }

typedef enum nss_status getpwnam_function(const char *, struct passwd *, char *, size_t, int *);

/* Unloaded and loaded again a hundred times: -z nodelete keeps the one mapping. */
static void unload(void) {
        for (int i = 0; i < 100; i++) {
                struct passwd user;
                char buffer[512];
                int error;
                void *module = dlopen(module_path, RTLD_NOW);
                CLAIM(module);
                void *symbol = dlsym(module, "_nss_multidir_getpwnam_r");
                getpwnam_function *look_up;
                CLAIM(symbol);
                memcpy(&look_up, &symbol, sizeof(look_up));
                CLAIM(look_up("user00003", &user, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS);
                CLAIM(dlclose(module) == 0);
        }
        CLAIM(ask_mappings() == 1);
}
static void test_dlclose(void **state) { in_child(unload); }

/* A million look-ups later nothing has grown. */
static void million(void) {
        CLAIM(ask_user(3) == 'a');
        int descriptors = ask_descriptors(), mappings = ask_mappings();
        long resident = ask_resident();
        for (int i = 0; i < 500000; i++)
                CLAIM(ask_user((uint32_t)i % 50) == 'a');
        CLAIM(ask_descriptors() == descriptors && ask_mappings() == mappings && ask_resident() < resident + 1024);
}
static void test_million(void **state) { in_child(million); }

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_close_everything), cmocka_unit_test(test_first_without_descriptors), cmocka_unit_test(test_chroot),
                cmocka_unit_test(test_out_of_descriptors), cmocka_unit_test(test_setuid), cmocka_unit_test(test_vfork),
                cmocka_unit_test(test_cancel), cmocka_unit_test(test_cancelled_before), cmocka_unit_test(test_jump_out),
                cmocka_unit_test(test_dlclose), cmocka_unit_test(test_million),
        };
        module_path = argc > 1 ? argv[1] : "";
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
