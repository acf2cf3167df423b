/* A synchronisation against a full disk, a broken disk and a power cut at every single write: the replica before it or the one it
 * brings, never another, and the cookie with it (D5). The second one comes as a whole, or as a delta; the first one, written while it comes, leaves nothing or all.
 * Relies on: cmocka; unit/store_fault.
 * Must never: leave its folders behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/wait.h>

#include "model/sync_key.h"
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

static bool as_delta; /* whatever follows the first one */

static void cookie_of(struct store *store, char cookie[SYNC_COOKIE_MAX + 1]) {
        uint64_t full_s;
        bool unsettled;
        assert_int_equal(store_cookie(store, 0, cookie, &full_s, &unsettled), 0);
}

static int send_value(const struct sync_sink *sink, const char *name) {
        char dn[64], key[SYNC_KEY_MAX + 1];
        (void)snprintf(dn, sizeof dn, "cn=%s,dc=example", name);
        assert_int_equal(sync_key(SYNC_REFERENCES_DN, dn, NULL, key), 0);
        return sink->reference(sink->userdata, key);
}

/* All entries are told as changed, the others are gone by the sweep. */
static int send_delta(struct store *store, const struct help_directory *directory, const struct sync_sink *sink) {
        char from[SYNC_COOKIE_MAX + 1];
        cookie_of(store, from);
        int r = sink->begin(sink->userdata, &(struct sync_begin){ .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = from, .sweep_users = true,
                                                                  .sweep_groups = true });
        for (uint32_t i = 0; r == 0 && i < directory->user_count; i++)
                r = sink->user(sink->userdata, &directory->users[i]);
        /* A group after the one that is in it: only then that value counts at once (store_delta.h). */
        for (uint32_t g = directory->group_count; r == 0 && g-- > 0;) {
                r = sink->group(sink->userdata, &directory->groups[g]);
                for (uint32_t i = 0; r == 0 && i < directory->member_count; i++)
                        r = directory->members[i].group == g ? send_value(sink, directory->users[directory->members[i].member].name) : 0;
                for (uint32_t i = 0; r == 0 && i < directory->child_count; i++)
                        r = directory->children[i].group == g ? send_value(sink, directory->groups[directory->children[i].member].name) : 0;
        }
        return r;
}

static int send_full(struct store *store, struct store_sync *sync, const struct help_directory *directory, const struct sync_sink *sink) {
        struct sync_sink rest = *sink;
        int r = sink->begin(sink->userdata, &(struct sync_begin){ .references = SYNC_REFERENCES_DN, .nested = true });
        rest.begin = NULL;
        if (r == 0)
                r = store_sync_ahead(sync, store);
        if (r == 0)
                r = help_send(directory, &rest);
        return r == 0 && directory->group_count > 0 ? sink->stray(sink->userdata, 0, "somebody") : r;
}

static int synchronise(struct store *store, const char *const *world, uint64_t now_s) {
        struct help_directory *directory = help_directory(world[0], world[1], world[2]);
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        struct store_sync *sync = store_sync_new();
        const struct sync_sink *sink = store_sync_sink(sync);
        char dns[HELP_ENTRIES][64];
        bool delta = as_delta && now_s > 1000;
        for (uint32_t g = 0; g < directory->group_count; g++) {
                (void)snprintf(dns[g], sizeof dns[g], "cn=%s,dc=example", directory->groups[g].name);
                directory->groups[g].dn = dns[g];
        }
        int r = delta ? send_delta(store, directory, sink) : send_full(store, sync, directory, sink);
        if (r == 0)
                r = sink->end(sink->userdata, now_s > 1000 ? "two" : "one");
        if (r == 0)
                r = store_sync_prepare(sync, store, &changes);
        if (r == 0)
                r = store_sync_commit(sync, now_s, &replica);
        assert_true(r == 0 ? replica != NULL || (delta && !changes.content) : *store_sync_error(sync) != 0);
        replica_free(replica);
        store_sync_free(sync);
        help_done(directory);
        return r;
}

/* 0: as before, 1: as after, by every reading; else the test fails. */
static unsigned which(struct store *store) {
        char users[256], edges[256], cookie[SYNC_COOKIE_MAX + 1];
        struct replica *replica = NULL;
        assert_int_equal(store_load(store, &replica), 0);
        help_users(replica, users, sizeof users);
        help_edges(replica, edges, sizeof edges);
        unsigned found = strcmp(users, texts[1][0]) == 0;
        assert_string_equal(users, texts[found][0]);
        assert_string_equal(edges, texts[found][1]);
        assert_int_equal(replica->synchronised_s, found ? 2000 : 1000);
        assert_int_equal(replica->revision, found ? 2 : 1);
        cookie_of(store, cookie);
        assert_string_equal(cookie, found ? "two" : "one");
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

/* Nothing, not even that it is complete, or all of it. */
static bool has_all(struct store *store) {
        char users[256], edges[256];
        struct replica *replica = NULL;
        assert_int_equal(store_load(store, &replica), 0);
        help_users(replica, users, sizeof users);
        help_edges(replica, edges, sizeof edges);
        bool all = replica->synchronised_s != 0;
        assert_string_equal(users, all ? texts[1][0] : "");
        assert_string_equal(edges, all ? texts[1][1] : "");
        assert_int_equal(replica->revision, all);
        replica_free(replica);
        return all;
}

/* The first one of all, and what is after it: the same once more. */
static void check_first(const char *folder, bool done) {
        struct store *store = open_corp(folder);
        assert_true(has_all(store) || !done);
        assert_int_equal(synchronise(store, after, 2000), 0);
        assert_true(has_all(store));
        store_close(store);
}

static void disks_first(void **state) {
        (void)state;
        static const enum fault_mode modes[] = { FAULT_FULL, FAULT_BROKEN };
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
                unsigned nth = 1;
                for (unsigned quiet = 0; quiet < 3; nth++) {
                        char folder[64];
                        help_folder(folder, sizeof folder);
                        struct store *store = open_corp(folder);
                        fault_arm(modes[m], nth, nth);
                        int r = synchronise(store, after, 1000);
                        fault_arm(FAULT_NONE, 0, 0);
                        assert_int_equal(has_all(store), r == 0);
                        store_close(store);
                        check_first(folder, r == 0);
                        help_remove_folder(folder);
                        quiet = r < 0 ? 0 : quiet + 1;
                }
                assert_true(nth > 5);
        }
}

static void power_cuts_first(void **state) {
        (void)state;
        static const enum fault_mode modes[] = { FAULT_POWER_ALL, FAULT_POWER_SOME, FAULT_POWER_NONE };
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
                bool more = true;
                for (unsigned nth = 1; more; nth++) {
                        char folder[64];
                        int status;
                        help_folder(folder, sizeof folder);
                        store_close(open_corp(folder));
                        pid_t child = fork();
                        assert_true(child >= 0);
                        if (child == 0) {
                                fault_arm(modes[m], nth, nth);
                                _exit(synchronise(open_corp(folder), after, 1000) == 0 ? 0 : 3);
                        }
                        assert_int_equal(waitpid(child, &status, 0), child);
                        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT));
                        more = WEXITSTATUS(status) == FAULT_EXIT;
                        check_first(folder, !more);
                        help_remove_folder(folder);
                }
        }
}

static void disks_delta(void **state) {
        as_delta = true;
        disks(state);
}

static void power_cuts_delta(void **state) {
        as_delta = true;
        power_cuts(state);
}

int main(void) {
        fault_install();
        const struct CMUnitTest tests[] = { cmocka_unit_test(disks), cmocka_unit_test(power_cuts), cmocka_unit_test(disks_first), cmocka_unit_test(power_cuts_first), cmocka_unit_test(disks_delta), cmocka_unit_test(power_cuts_delta) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
