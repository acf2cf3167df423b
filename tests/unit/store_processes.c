/* The store between processes: a writer killed at any moment, and a reader locked into what a password checker may do (D1).
 * Relies on: cmocka; libseccomp.
 * Must never: leave its folders or children behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

#include "replica/store.h"
#include "unit/store_help.h"

enum { KILLS = 250, COMMITS = 400 };

static int open_staff(const char *folder, enum store_mode mode, struct store **store) {
        return store_open(folder, "staff", DIRECTORY_INTERNAL, mode, store);
}

static void number_name(char *name, size_t size, const char *prefix, unsigned n) {
        (void)snprintf(name, size, "%s%u", prefix, n);
}

/* Adds user and group number n in one transaction, so that a reader that sees one must see the other. */
static int add_number(struct store *store, unsigned n) {
        char user[16], group[16];
        number_name(user, sizeof user, "u", n);
        number_name(group, sizeof group, "g", n);
        int r = store_begin(store);
        r = r < 0 ? r : store_add_user(store, &(struct store_user){ .name = user });
        r = r < 0 ? r : store_add_group(store, &(struct store_group){ .name = group });
        r = r < 0 ? r : store_add_member(store, group, user);
        return r < 0 ? r : store_commit(store);
}

static void write_until_killed(const char *folder, unsigned first, int acknowledge) {
        struct store *store = NULL;
        if (open_staff(folder, STORE_READ_WRITE, &store) < 0)
                _exit(2);
        for (unsigned n = first;; n++)
                if (add_number(store, n) < 0 || write(acknowledge, "+", 1) != 1)
                        _exit(3);
}

/* Starts a writer, waits until it has answered for so many changes and that much longer, kills it. Gives how many it answered for. */
static unsigned killed_writer(const char *folder, unsigned first, unsigned changes, long microseconds) {
        int pipe_fds[2], status;
        unsigned count = 0;
        char byte;
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                (void)close(pipe_fds[0]);
                write_until_killed(folder, first, pipe_fds[1]);
        }
        (void)close(pipe_fds[1]);
        while (count < changes && read(pipe_fds[0], &byte, 1) == 1)
                count++;
        (void)nanosleep(&(struct timespec){ .tv_nsec = microseconds * 1000 }, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(pipe_fds[0], &byte, 1) == 1)
                count++;
        (void)close(pipe_fds[0]);
        return count;
}

static void expect_sound(const char *folder) {
        char path[128];
        sqlite3 *handle = NULL;
        sqlite3_stmt *statement = NULL;
        (void)snprintf(path, sizeof path, "%s/staff.db", folder);
        assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_string_equal(sqlite3_column_text(statement, 0), "ok");
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(handle);
}

/* After each kill everything that was answered for is there, at most one change more, and nothing by halves. */
static void killed_at_random_moments(void **state) {
        char folder[64];
        unsigned total = 0;
        help_folder(folder, sizeof folder);
        srand(20240229);
        for (int i = 0; i < KILLS; i++) {
                struct store *store = NULL;
                struct replica *replica = NULL;
                unsigned acknowledged = total + killed_writer(folder, total, (unsigned)rand() % 5, rand() % 3000);
                assert_int_equal(open_staff(folder, STORE_READ_WRITE, &store), 0);
                assert_int_equal(store_load(store, &replica), 0);
                total = replica->user_count;
                assert_true(total == acknowledged || total == acknowledged + 1);
                assert_int_equal(replica->group_count, total);
                assert_int_equal(replica->user_edge_count, total);
                replica_free(replica);
                store_close(store);
                expect_sound(folder);
        }
        assert_true(total > KILLS);
        help_remove_folder(folder);
}

/* What a checker's filter forbids, and more: no file is opened for writing, created, shortened, removed; no socket, no new program. (SQLite
 * calls fchown where it runs as root, as this test may; a checker never does.) */
static void lock_down(void) {
        static const int forbidden[] = {
                SCMP_SYS(socket), SCMP_SYS(execve), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat2),
                SCMP_SYS(ftruncate), SCMP_SYS(truncate), SCMP_SYS(fallocate), SCMP_SYS(pwrite64), SCMP_SYS(mkdir), SCMP_SYS(fchmod),
                SCMP_SYS(creat), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
        };
        static const unsigned long writing[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int r = filter ? 0 : -1;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(forbidden); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, forbidden[i], 0);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(writing); i++) {
                r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, writing[i], writing[i]));
                if (r == 0)
                        r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(openat), 1,
                                             SCMP_A2(SCMP_CMP_MASKED_EQ, writing[i], writing[i]));
        }
        if (r < 0 || seccomp_load(filter) < 0)
                _exit(9);
        seccomp_release(filter);
}

/* Answers a number from the parent: 1 when the user of that number is found, 0 when not, 2 on an error. The first question only says
 * that the store can be opened, the last one is ~0. */
static void read_locked_down(const char *folder, int questions, int answers) {
        struct store *store = NULL;
        unsigned n;
        lock_down();
        if (read(questions, &n, sizeof n) != sizeof n || open_staff(folder, STORE_READ_ONLY, &store) < 0)
                _exit(8);
        while (read(questions, &n, sizeof n) == sizeof n && n != ~0u) {
                char name[16];
                struct store_login login;
                number_name(name, sizeof name, "U", n);
                int r = store_login_by_name(store, name, &login);
                char answer = r == 0 ? 1 : r == -ENOENT ? 0 : 2;
                if (write(answers, &answer, 1) != 1)
                        _exit(7);
        }
        store_close(store);
        _exit(0);
}

struct reader {
        pid_t pid;
        int questions, answers;
};

/* To be called while this process has no store open: SQLite must not be carried across a fork. */
static struct reader start_reader(const char *folder) {
        int questions[2], answers[2];
        assert_int_equal(pipe(questions), 0);
        assert_int_equal(pipe(answers), 0);
        struct reader reader = { fork(), questions[1], answers[0] };
        assert_true(reader.pid >= 0);
        if (reader.pid == 0) {
                (void)close(questions[1]);
                (void)close(answers[0]);
                read_locked_down(folder, questions[0], answers[1]);
        }
        (void)close(questions[0]);
        (void)close(answers[1]);
        return reader;
}

static void tell(const struct reader *reader, unsigned n) {
        assert_int_equal(write(reader->questions, &n, sizeof n), sizeof n);
}

static int ask(const struct reader *reader, unsigned n) {
        char answer = 0;
        tell(reader, n);
        assert_int_equal(read(reader->answers, &answer, 1), 1);
        return answer;
}

static void end_reader(struct reader *reader) {
        int status;
        tell(reader, ~0u);
        assert_int_equal(waitpid(reader->pid, &status, 0), reader->pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        (void)close(reader->questions);
        (void)close(reader->answers);
}

static void add_many(struct store *store, unsigned first, unsigned count) {
        assert_int_equal(store_begin(store), 0);
        for (unsigned n = first; n < first + count; n++) {
                char name[16];
                number_name(name, sizeof name, "u", n);
                assert_int_equal(store_add_user(store, &(struct store_user){ .name = name, .display_name = "a name of some length" }), 0);
        }
        assert_int_equal(store_commit(store), 0);
}

/* Every commit is seen at once: small ones, one that outgrows the log's first index page, the log starting over, the writer closed and
 * opened again, and killed. */
static void a_locked_reader_sees_every_commit(void **state) {
        char folder[64];
        struct store *store = NULL;
        help_folder(folder, sizeof folder);
        struct reader reader = start_reader(folder);
        assert_int_equal(open_staff(folder, STORE_READ_WRITE, &store), 0);
        tell(&reader, 0);
        for (unsigned n = 0; n < 200; n++) {
                assert_int_equal(ask(&reader, n), 0);
                assert_int_equal(add_number(store, n), 0);
                assert_int_equal(ask(&reader, n), 1);
        }
        for (unsigned round = 1; round <= 3; round++) {
                add_many(store, round * 1000000, 60000);
                assert_int_equal(ask(&reader, round * 1000000 + 59999), 1);
        }
        for (unsigned n = 300; n < 310; n++) {
                store_close(store);
                assert_int_equal(ask(&reader, n), 0); /* the writer is away: what was committed can still be read */
                assert_int_equal(ask(&reader, 0), 1);
                assert_int_equal(open_staff(folder, STORE_READ_WRITE, &store), 0);
                assert_int_equal(add_number(store, n), 0);
                assert_int_equal(ask(&reader, n), 1);
        }
        store_close(store);
        unsigned last = 1000 + killed_writer(folder, 1000, 10, 0) - 1;
        assert_int_equal(ask(&reader, last), 1);
        end_reader(&reader);
        for (int closed = 0; closed < 2; closed++) { /* one that starts while no writer is there: killed, then closed */
                reader = start_reader(folder);
                tell(&reader, 0);
                assert_int_equal(ask(&reader, 309), 1);
                assert_int_equal(ask(&reader, last), 1);
                end_reader(&reader);
                assert_int_equal(open_staff(folder, STORE_READ_WRITE, &store), 0);
                store_close(store);
        }
        help_remove_folder(folder);
}

/* A reader that loads all the time never sees half a transaction, and never fails. */
static void load_all_the_time(const char *folder, int ready) {
        struct store *store = NULL;
        uint32_t seen = 0;
        if (open_staff(folder, STORE_READ_ONLY, &store) < 0 || write(ready, "+", 1) != 1)
                _exit(2);
        while (seen < COMMITS) {
                struct replica *replica = NULL;
                if (store_load(store, &replica) < 0)
                        _exit(3);
                if (replica->user_count < seen || replica->user_count != replica->group_count ||
                    replica->user_edge_count != replica->user_count || replica->revision != replica->user_count)
                        _exit(4);
                seen = replica->user_count;
                replica_free(replica);
        }
        _exit(0);
}

/* One that only asks how far the store is, as often as it can: it meets the log's index while it is written, and its first writer (it is
 * looked at again, database.c). */
static void look_all_the_time(const char *folder, int ready) {
        struct store *store = NULL;
        uint64_t seen = 0, revision;
        if (open_staff(folder, STORE_READ_ONLY, &store) < 0 || write(ready, "+", 1) != 1)
                _exit(2);
        while (seen < COMMITS) {
                if (store_revision(store, &revision) < 0)
                        _exit(3);
                if (revision < seen)
                        _exit(4);
                seen = revision;
        }
        _exit(0);
}

static void beside_a_writer(void (*read_all_the_time)(const char *folder, int ready)) {
        char folder[64], byte;
        struct store *store = NULL;
        int pipe_fds[2], status;
        pid_t children[3];
        help_folder(folder, sizeof folder);
        assert_int_equal(open_staff(folder, STORE_READ_WRITE, &store), 0);
        store_close(store);
        assert_int_equal(pipe(pipe_fds), 0);
        for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
                children[i] = fork();
                assert_true(children[i] >= 0);
                if (children[i] == 0)
                        read_all_the_time(folder, pipe_fds[1]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(children); i++)
                assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
        assert_int_equal(open_staff(folder, STORE_READ_WRITE, &store), 0);
        for (unsigned n = 0; n < COMMITS; n++)
                assert_int_equal(add_number(store, n), 0);
        for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
                assert_int_equal(waitpid(children[i], &status, 0), children[i]);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        (void)close(pipe_fds[0]);
        (void)close(pipe_fds[1]);
        store_close(store);
        help_remove_folder(folder);
}

static void readers_and_writer_at_once(void **state) {
        beside_a_writer(load_all_the_time);
}

static void lookers_and_writer_at_once(void **state) {
        for (unsigned round = 0; round < 10; round++)
                beside_a_writer(look_all_the_time);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(killed_at_random_moments),
                cmocka_unit_test(a_locked_reader_sees_every_commit),
                cmocka_unit_test(readers_and_writer_at_once),
                cmocka_unit_test(lookers_and_writer_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
