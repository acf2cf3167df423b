/* Tests of common/wire's client against servers of this very process: deadlines, halves of frames, descriptors, no signal.
 * Relies on: cmocka, UNIX sockets in a temporary folder. Runs as any user: what needs a server of another uid runs as root only.
 * Must never: leave its folder behind. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "wire/client.h"

struct world { char folder[64], path[96]; int listener; };

static int listen_at(const char *path, int backlog) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        memcpy(address.sun_path, path, strlen(path) + 1);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(fd, backlog), 0);
        return fd;
}

static int set_up(void **state) {
        static struct world world;
        snprintf(world.folder, sizeof world.folder, "/tmp/wire-client-XXXXXX");
        assert_non_null(mkdtemp(world.folder));
        snprintf(world.path, sizeof world.path, "%s/sock", world.folder);
        world.listener = listen_at(world.path, 8);
        *state = &world;
        return 0;
}

static int tear_down(void **state) {
        struct world *world = *state;
        (void)close(world->listener);
        (void)unlink(world->path);
        return rmdir(world->folder);
}

static uint64_t in_ms(uint64_t ms) { return clock_monotonic_ms() + ms; }

static bool is_root(void) {
        if (geteuid() == 0)
                return true;
        print_message("only root can stand in for the service: skipped\n");
        return false;
}

static void test_connect(void **state) {
        struct world *world = *state;
        if (!is_root())
                skip();
        _cleanup_close_ int fd = wire_connect(world->path, in_ms(1000));
        assert_true(fd > STDERR_FILENO);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

/* A program with its standard descriptors closed keeps them closed. */
static void test_descriptors_above_two(void **state) {
        struct world *world = *state;
        if (!is_root())
                skip();
        pid_t pid = fork();
        if (pid == 0) {
                (void)close(STDIN_FILENO);
                (void)close(STDOUT_FILENO);
                (void)close(STDERR_FILENO);
                int fd = wire_connect(world->path, in_ms(1000));
                bool right = fd > STDERR_FILENO && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && fcntl(STDIN_FILENO, F_GETFD) < 0 &&
                        fcntl(STDOUT_FILENO, F_GETFD) < 0 && fcntl(STDERR_FILENO, F_GETFD) < 0;
                _exit(right ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_nobody_there(void **state) {
        struct world *world = *state;
        char path[128], longest[200];
        snprintf(path, sizeof path, "%s/none", world->folder);
        assert_int_equal(wire_connect(path, in_ms(1000)), -ENOENT);
        memset(longest, 'x', sizeof longest - 1);
        longest[sizeof longest - 1] = 0;
        assert_int_equal(wire_connect(longest, in_ms(1000)), -ENAMETOOLONG);
        (void)close(listen_at(path, 1));
        assert_int_equal(wire_connect(path, in_ms(1000)), -ECONNREFUSED);
        assert_int_equal(unlink(path), 0);
}

/* A socket that another user listens on is refused, whatever its path. */
static void test_server_not_root(void **state) {
        struct world *world = *state;
        char path[128];
        if (!is_root())
                skip();
        snprintf(path, sizeof path, "%s/theirs", world->folder);
        assert_int_equal(chown(world->folder, 65534, 65534), 0);
        pid_t pid = fork();
        if (pid == 0) {
                if (setuid(65534) < 0)
                        _exit(2);
                int fd = listen_at(path, 1);
                (void)pause();
                (void)close(fd);
                _exit(0);
        }
        int r = -ENOENT;
        for (int i = 0; i < 200 && (r == -ENOENT || r == -ECONNREFUSED); i++) {
                r = wire_connect(path, in_ms(1000));
                (void)usleep(5000);
        }
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)unlink(path);
        assert_int_equal(r, -EPERM);
}

/* A full backlog is waited out, but not past the deadline. */
static void test_full_backlog(void **state) {
        struct world *world = *state;
        char path[128];
        int fds[16];
        size_t count = 0;
        if (!is_root())
                skip();
        snprintf(path, sizeof path, "%s/full", world->folder);
        _cleanup_close_ int listener = listen_at(path, 1);
        for (; count < ARRAY_SIZE(fds); count++)
                if ((fds[count] = wire_connect(path, in_ms(50))) < 0)
                        break;
        assert_true(count < ARRAY_SIZE(fds));
        assert_int_equal(fds[count], -ETIMEDOUT);
        pid_t pid = fork();
        if (pid == 0) {
                (void)usleep(100000);
                _exit(accept(listener, NULL, NULL) >= 0 ? 0 : 1);
        }
        _cleanup_close_ int late = wire_connect(path, in_ms(5000));
        assert_true(late >= 0);
        (void)waitpid(pid, NULL, 0);
        for (size_t i = 0; i < count; i++)
                (void)close(fds[i]);
        (void)unlink(path);
}

struct pair { int ours, theirs; };

static struct pair pair_new(void) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        return (struct pair) { .ours = fds[0], .theirs = fds[1] };
}

static void pair_done(struct pair *pair) {
        (void)close(pair->ours);
        if (pair->theirs >= 0)
                (void)close(pair->theirs);
}

static void test_frame_both_ways(void **state) {
        struct pair pair = pair_new();
        unsigned char buffer[64];
        enum wire_type type;
        size_t len;
        assert_int_equal(wire_send(pair.ours, WIRE_SESSION, "abc", 3, in_ms(1000)), 0);
        assert_int_equal(wire_send(pair.ours, WIRE_SESSION_NOTED, NULL, 0, in_ms(1000)), 0);
        assert_int_equal(wire_receive(pair.theirs, &type, buffer, sizeof buffer, &len, in_ms(1000)), 0);
        assert_int_equal(type, WIRE_SESSION);
        assert_int_equal(len, 3);
        assert_memory_equal(buffer, "abc", 3);
        assert_int_equal(wire_receive(pair.theirs, &type, buffer, sizeof buffer, &len, in_ms(1000)), 0);
        assert_int_equal(type, WIRE_SESSION_NOTED);
        assert_int_equal(len, 0);
        pair_done(&pair);
}

static void test_receive_deadline(void **state) {
        unsigned char header[WIRE_HEADER], buffer[64];
        wire_make_header(header, WIRE_CHANGED, 4);
        for (size_t given = 0; given <= sizeof header; given++) {
                struct pair pair = pair_new();
                enum wire_type type;
                size_t len;
                assert_int_equal(write(pair.theirs, header, given), given);
                uint64_t start = clock_monotonic_ms();
                assert_int_equal(wire_receive(pair.ours, &type, buffer, sizeof buffer, &len, start + 30), -ETIMEDOUT);
                assert_true(clock_monotonic_ms() - start >= 30);
                assert_true(clock_monotonic_ms() - start < 2000);
                pair_done(&pair);
        }
}

static void test_receive_cut_at_every_byte(void **state) {
        unsigned char frame[WIRE_HEADER + 4] = { 0 }, buffer[64];
        wire_make_header(frame, WIRE_CHANGED, 4);
        for (size_t given = 0; given <= sizeof frame; given++) {
                struct pair pair = pair_new();
                enum wire_type type;
                size_t len;
                assert_int_equal(write(pair.theirs, frame, given), given);
                (void)close(pair.theirs);
                pair.theirs = -1;
                int expected = given == sizeof frame ? 0 : -ECONNRESET;
                assert_int_equal(wire_receive(pair.ours, &type, buffer, sizeof buffer, &len, in_ms(1000)), expected);
                pair_done(&pair);
        }
}

static void test_receive_too_large(void **state) {
        struct pair pair = pair_new();
        unsigned char buffer[8];
        enum wire_type type;
        size_t len;
        assert_int_equal(wire_send(pair.theirs, WIRE_CHANGED, "123456789", 9, in_ms(1000)), 0);
        assert_int_equal(wire_receive(pair.ours, &type, buffer, sizeof buffer, &len, in_ms(1000)), -EBADMSG);
        pair_done(&pair);
}

/* The other end is gone: an error, and no SIGPIPE for the program that loaded us. */
static void test_send_without_signal(void **state) {
        struct pair pair = pair_new();
        (void)close(pair.theirs);
        pair.theirs = -1;
        assert_int_equal(wire_send(pair.ours, WIRE_SESSION, "abc", 3, in_ms(1000)), -EPIPE);
        pair_done(&pair);
}

/* A reader that does not read: the sender stops at its deadline. */
static void test_send_deadline(void **state) {
        struct pair pair = pair_new();
        size_t len = 8u << 20;
        _cleanup_free_ unsigned char *bytes = calloc(1, len);
        assert_non_null(bytes);
        uint64_t start = clock_monotonic_ms();
        assert_int_equal(wire_send(pair.ours, WIRE_ADMIN, bytes, len, start + 50), -ETIMEDOUT);
        assert_true(clock_monotonic_ms() - start < 2000);
        pair_done(&pair);
}

static void on_alarm(int number) { (void)number; }

/* Signals of the program interrupt waits without shortening or lengthening them. */
static void test_interrupted(void **state) {
        struct pair pair = pair_new();
        struct sigaction action = { .sa_handler = on_alarm }, before;
        struct itimerval every = { .it_interval = { .tv_usec = 2000 }, .it_value = { .tv_usec = 2000 } }, never = { 0 };
        unsigned char buffer[8];
        enum wire_type type;
        size_t len;
        assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
        assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
        uint64_t start = clock_monotonic_ms();
        int r = wire_receive(pair.ours, &type, buffer, sizeof buffer, &len, start + 60);
        uint64_t took = clock_monotonic_ms() - start;
        assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
        assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
        assert_int_equal(r, -ETIMEDOUT);
        assert_true(took >= 60 && took < 2000);
        pair_done(&pair);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_connect),
                cmocka_unit_test(test_descriptors_above_two),
                cmocka_unit_test(test_nobody_there),
                cmocka_unit_test(test_server_not_root),
                cmocka_unit_test(test_full_backlog),
                cmocka_unit_test(test_frame_both_ways),
                cmocka_unit_test(test_receive_deadline),
                cmocka_unit_test(test_receive_cut_at_every_byte),
                cmocka_unit_test(test_receive_too_large),
                cmocka_unit_test(test_send_without_signal),
                cmocka_unit_test(test_send_deadline),
                cmocka_unit_test(test_interrupted),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
