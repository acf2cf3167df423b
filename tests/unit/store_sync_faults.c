/* A synchronisation against a full disk, a broken disk and a power cut at every single write: the replica before it or the one it
 * brings, never another (D5).
 * Relies on: cmocka; unit/store_fault.
 * Must never: leave its folders behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "replica/store_sync.h"
#include "unit/store_fault.h"
#include "unit/store_help.h"
#include "unit/sync_help.h"

static const char *const before[] = { "anna/1/A bert/2 !carl/3", "ops/a night/b", "anna>ops bert>ops bert>night carl>night night>>ops" };
static const char *const after[] = { "anna/1/B bob/2 dora/4", "ops/a day/c", "anna>ops dora>ops bob>day day>>ops" };
static const char *const texts[2][2] = {
        { "anna:1:1 bert:2:1 carl:3:0", "anna>ops bert>night bert>ops carl>night night>>ops" },
        { "anna:1:1 bob:2:1 dora:4:1", "anna>ops bob>day day>>ops dora>ops" },
};

static int synchronise(struct store *store, const char *const *world, uint64_t now_s) {
        struct help_directory *directory = help_directory(world[0], world[1], world[2]);
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        struct store_sync *sync = store_sync_new();
        int r = help_send(directory, store_sync_sink(sync));
        if (r == 0)
                r = store_sync_prepare(sync, store, &changes);
        if (r == 0)
                r = store_sync_commit(sync, now_s, &replica);
        assert_true(r == 0 ? replica != NULL : *store_sync_error(sync) != 0);
        replica_free(replica);
        store_sync_free(sync);
        help_done(directory);
        return r;
}

/* 0: as before, 1: as after, by every reading; else the test fails. */
static unsigned which(struct store *store) {
        char users[256], edges[256];
        struct replica *replica = NULL;
        assert_int_equal(store_load(store, &replica), 0);
        help_users(replica, users, sizeof users);
        help_edges(replica, edges, sizeof edges);
        unsigned found = strcmp(users, texts[1][0]) == 0;
        assert_string_equal(users, texts[found][0]);
        assert_string_equal(edges, texts[found][1]);
        assert_int_equal(replica->synchronised_s, found ? 2000 : 1000);
        assert_int_equal(replica->revision, found ? 2 : 1);
        replica_free(replica);
        return found;
}

static struct store *open_corp(const char *folder) {
        struct store *store = NULL;
        assert_int_equal(store_open(folder, "corp", DIRECTORY_LDAP, STORE_READ_WRITE, &store), 0);
        return store;
}

/* false: the fault lay beyond what the synchronisation writes. */
static bool one_fault(enum fault_mode mode, unsigned nth) {
        char folder[64];
        help_folder(folder, sizeof folder);
        struct store *store = open_corp(folder);
        assert_int_equal(synchronise(store, before, 1000), 0);
        fault_arm(mode, nth, nth);
        int r = synchronise(store, after, 2000);
        fault_arm(FAULT_NONE, 0, 0);
        if (which(store) != (r == 0))
                fail_msg("mode %d, write %u: %d, and the store is otherwise", (int)mode, nth, r);
        store_close(store);
        store = open_corp(folder);
        assert_int_equal(which(store), r == 0);
        assert_int_equal(synchronise(store, after, 2000), 0);
        assert_int_equal(which(store), 1);
        store_close(store);
        help_remove_folder(folder);
        return r < 0;
}

static void disks(void **state) {
        (void)state;
        static const enum fault_mode modes[] = { FAULT_FULL, FAULT_BROKEN };
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
                unsigned nth = 1;
                for (unsigned quiet = 0; quiet < 3; nth++)
                        quiet = one_fault(modes[m], nth) ? 0 : quiet + 1;
                assert_true(nth > 5);
        }
}

static void power_cuts(void **state) {
        (void)state;
        static const enum fault_mode modes[] = { FAULT_POWER_ALL, FAULT_POWER_SOME, FAULT_POWER_NONE };
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
                bool more = true;
                for (unsigned nth = 1; more; nth++) {
                        char folder[64];
                        int status;
                        help_folder(folder, sizeof folder);
                        struct store *store = open_corp(folder);
                        assert_int_equal(synchronise(store, before, 1000), 0);
                        store_close(store);
                        pid_t child = fork();
                        assert_true(child >= 0);
                        if (child == 0) {
                                fault_arm(modes[m], nth, nth);
                                store = open_corp(folder);
                                _exit(synchronise(store, after, 2000) == 0 ? 0 : 3);
                        }
                        assert_int_equal(waitpid(child, &status, 0), child);
                        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT));
                        more = WEXITSTATUS(status) == FAULT_EXIT;
                        store = open_corp(folder);
                        assert_true(which(store) == 1 || more);
                        store_close(store);
                        help_remove_folder(folder);
                }
        }
}

int main(void) {
        fault_install();
        const struct CMUnitTest tests[] = { cmocka_unit_test(disks), cmocka_unit_test(power_cuts) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
