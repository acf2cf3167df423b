/* The store against a full disk, a broken disk and a power cut at every single write: the old or the new state, never another,
 * and never without what was acknowledged (D1).
 * Relies on: cmocka; unit/store_fault.
 * Must never: leave its folders behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "replica/store.h"
#include "unit/store_fault.h"
#include "unit/store_help.h"

enum { STEPS = 9, REOPEN_AFTER = 5 }; /* closing in between moves the log into the file: those writes fail too */

/* Step n adds a user and a group with a membership, and removes the user of two steps before. */
static int step(struct store *store, int n) {
        char user[16], group[16], gone[16];
        (void)snprintf(user, sizeof user, "u%d", n);
        (void)snprintf(group, sizeof group, "g%d", n);
        (void)snprintf(gone, sizeof gone, "u%d", n - 2);
        int r = store_begin(store);
        if (r < 0)
                return r;
        r = store_add_user(store, &(struct store_user){ .name = user, .entry_id = user, .hash = "$y$" });
        r = r < 0 ? r : store_add_group(store, &(struct store_group){ .name = group, .entry_id = group });
        r = r < 0 ? r : store_add_member(store, group, user);
        r = r < 0 || n < 3 ? r : store_remove_user(store, gone);
        if (r < 0) {
                store_rollback(store);
                return r;
        }
        return store_commit(store);
}

/* Whether the store holds exactly what n steps leave. */
static bool holds(struct store *store, int n) {
        char users[256], edges[256], expected_users[256] = "", expected_edges[256] = "";
        struct replica *replica = NULL;
        if (store_load(store, &replica) < 0)
                return false;
        help_users(replica, users, sizeof users);
        help_edges(replica, edges, sizeof edges);
        bool same = replica->group_count == (uint32_t)n && replica->revision == (uint64_t)n;
        replica_free(replica);
        if (n == 1) {
                (void)snprintf(expected_users, sizeof expected_users, "u1:u1:1");
                (void)snprintf(expected_edges, sizeof expected_edges, "u1>g1");
        } else if (n > 1) {
                (void)snprintf(expected_users, sizeof expected_users, "u%d:u%d:1 u%d:u%d:1", n - 1, n - 1, n, n);
                (void)snprintf(expected_edges, sizeof expected_edges, "u%d>g%d u%d>g%d", n - 1, n - 1, n, n);
        }
        return same && strcmp(users, expected_users) == 0 && strcmp(edges, expected_edges) == 0;
}

static void expect_sound(const char *folder) {
        char path[128];
        sqlite3 *handle = NULL;
        sqlite3_stmt *statement = NULL;
        (void)snprintf(path, sizeof path, "%s/staff.db", folder);
        assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_string_equal(sqlite3_column_text(statement, 0), "ok");
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(handle);
}

static int open_staff(const char *folder, struct store **store) {
        return store_open(folder, "staff", DIRECTORY_INTERNAL, STORE_READ_WRITE, store);
}

/* The whole script; tells each acknowledged step through the descriptor. */
static void run_script(const char *folder, int acknowledge) {
        struct store *store = NULL;
        for (int n = 1; n <= STEPS; n++) {
                if (!store && open_staff(folder, &store) < 0)
                        _exit(2);
                if (step(store, n) < 0)
                        _exit(3);
                if (write(acknowledge, "+", 1) != 1)
                        _exit(4);
                if (n == REOPEN_AFTER) {
                        store_close(store);
                        store = NULL;
                }
        }
        store_close(store);
}

/* Runs the script in a process whose power goes at write nth. *acknowledged: how many steps it had answered for. False: it went through. */
static bool power_cut_at(const char *folder, enum fault_mode mode, unsigned nth, int *acknowledged) {
        int pipe_fds[2], status;
        char byte;
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                (void)close(pipe_fds[0]);
                fault_arm(mode, nth, nth);
                run_script(folder, pipe_fds[1]);
                _exit(0);
        }
        (void)close(pipe_fds[1]);
        for (*acknowledged = 0; read(pipe_fds[0], &byte, 1) == 1;)
                (*acknowledged)++;
        (void)close(pipe_fds[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) != 0)
                assert_int_equal(WEXITSTATUS(status), FAULT_EXIT);
        return WEXITSTATUS(status) == FAULT_EXIT;
}

static void power_cuts(enum fault_mode mode) {
        bool more = true;
        unsigned nth;
        for (nth = 1; more; nth++) {
                char folder[64];
                int acknowledged;
                struct store *store = NULL;
                help_folder(folder, sizeof folder);
                more = power_cut_at(folder, mode, nth, &acknowledged);
                assert_int_equal(open_staff(folder, &store), 0);
                if (!holds(store, acknowledged) && !holds(store, acknowledged + 1))
                        fail_msg("cut at write %u: %d acknowledged steps are not what is there", nth, acknowledged);
                store_close(store);
                expect_sound(folder);
                help_remove_folder(folder);
        }
        assert_true(nth > 60); /* or the script did not write */
}

static void power_cut_loses_all_unsynced(void **state) { power_cuts(FAULT_POWER_ALL); }
static void power_cut_loses_some_unsynced(void **state) { power_cuts(FAULT_POWER_SOME); }
static void killed_at_every_write(void **state) { power_cuts(FAULT_POWER_NONE); }

/* Runs the script in this process until a fault; then the store must hold the old state, and the rest of the script must go through once
 * there is room again. False: no fault was met. */
static bool survive_fault_at(const char *folder, enum fault_mode mode, unsigned nth, int error) {
        struct store *store = NULL;
        bool met = false;
        fault_arm(mode, nth, 0);
        for (int n = 1; n <= STEPS;) {
                int r = store ? step(store, n) : open_staff(folder, &store);
                if (r < 0) {
                        if (r != error)
                                fail_msg("fault at write %u: %d, not %d", nth, r, error);
                        met = true;
                        fault_arm(FAULT_NONE, 0, 0);
                        if (store && !holds(store, n - 1))
                                fail_msg("fault at write %u: refused step %d left something behind", nth, n);
                        continue;
                }
                if (store && n == REOPEN_AFTER && holds(store, n)) {
                        store_close(store);
                        store = NULL;
                        n++;
                } else if (store && holds(store, n))
                        n++;
        }
        fault_arm(FAULT_NONE, 0, 0);
        assert_true(holds(store, STEPS));
        store_close(store);
        expect_sound(folder);
        return met;
}

static void disk_faults(enum fault_mode mode, int error) {
        bool met = true;
        unsigned nth;
        for (nth = 1; met; nth++) {
                char folder[64];
                help_folder(folder, sizeof folder);
                met = survive_fault_at(folder, mode, nth, error);
                help_remove_folder(folder);
        }
        assert_true(nth > 60);
}

static void disk_full_at_every_write(void **state) { disk_faults(FAULT_FULL, -ENOSPC); }
static void disk_broken_at_every_write(void **state) { disk_faults(FAULT_BROKEN, -EIO); }

static int setup(void **state) {
        fault_install();
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(power_cut_loses_all_unsynced),
                cmocka_unit_test(power_cut_loses_some_unsynced),
                cmocka_unit_test(killed_at_every_write),
                cmocka_unit_test(disk_full_at_every_write),
                cmocka_unit_test(disk_broken_at_every_write),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
