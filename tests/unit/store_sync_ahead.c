/* A first synchronisation that is written while it comes: what it leaves behind is what any other would, nobody sees it before it is whole, and where it
 * cannot be, it is one of the others (D5, D6).
 * Relies on: cmocka; a temporary folder.
 * Must never: leave that folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "unit/sync_worlds.h"

#define USERS "anna/1/A bert/2 !carl/3 dora/4"
#define GROUPS "ops/a night/b"
#define EDGES "anna>ops bert>ops bert>night carl>night night>>ops"

static int setup(void **state) {
        return fixture_new(state, "corp", DIRECTORY_LDAP);
}

/* Nothing was ever complete, and everything can still come. */
static void expect_nothing(struct store *store) {
        struct replica *replica = load(store);
        struct store_sync_changes changes;
        assert_true(replica->synchronised_s == 0 && replica->user_count == 0 && replica->group_count == 0 && replica->user_edge_count == 0);
        replica_free(replica);
        struct help_directory *directory = help_directory(USERS, GROUPS, EDGES);
        worlds_synchronise(store, directory, 3000, true, &changes);
        assert_true(!changes.had_replica && changes.content && changes.old_users == 0 && changes.users == 4 && changes.groups == 2);
        help_done(directory);
}

/* Any directory: the same store, row by row, as without it. */
static void random_firsts(void **state) {
        (void)state;
        unsigned seed = 20240612;
        for (unsigned round = 0; round < 150; round++) {
                struct help_directory *directory = random_directory(&seed);
                struct replica *replicas[2];
                for (int ahead = 0; ahead < 2; ahead++) {
                        struct store_sync_changes changes;
                        void *memory;
                        (void)setup(&memory);
                        struct fixture *fixture = memory;
                        worlds_synchronise(fixture->store, directory, 1000, ahead, &changes);
                        assert_true(!changes.had_replica && changes.users == directory->user_count && changes.lost_users + changes.lost_memberships == 0);
                        assert_int_equal(changes.content, directory->user_count + directory->group_count > 0);
                        replicas[ahead] = load(fixture->store);
                        /* And it is followed by others as any store is. */
                        worlds_synchronise(fixture->store, directory, 2000, true, &changes);
                        assert_true(!changes.content && changes.had_replica);
                        (void)teardown(&memory);
                }
                expect_same(replicas[0], replicas[1]);
                replica_free(replicas[0]);
                replica_free(replicas[1]);
                help_done(directory);
        }
}

/* All that an entry can have is written as ever. */
static void each_attribute(void **state) {
        struct fixture *fixture = *state;
        static const struct sync_user user = { .name = "anna", .entry_id = "1", .active = true, .dn = "cn=anna", .display_name = "A", .email = "a@x", .home = "/h", .shell = "",
                                               .ssh_keys = "ssh-ed25519 AAAA\nssh-ed25519 BBBB", .sid = "S-1-5-21-1-2-3-1000", .primary_group_sid = "S-1-5-21-1-2-3-513",
                                               .uid = UINT32_MAX, .gid = 4001, .posix_primary = true };
        static const struct sync_group group = { .name = "ops", .entry_id = "g", .dn = "cn=ops", .description = "d", .sid = "S-1-5-21-1", .gid = UINT32_MAX };
        struct help_directory *directory = help_directory("", "", "");
        struct store_sync_changes changes;
        directory->users[directory->user_count++] = user;
        directory->groups[directory->group_count++] = group;
        worlds_synchronise(fixture->store, directory, 1000, true, &changes);
        struct store_sync *again = store_sync_new();
        assert_int_equal(worlds_send(again, NULL, directory), 0);
        assert_int_equal(store_sync_prepare(again, fixture->store, &changes), 0);
        assert_false(changes.content);
        store_sync_free(again);
        help_done(directory);
}

/* Whoever looks while it comes, with the store itself or another one, is told that there was never a replica; so it is when it is given up anywhere. */
static void given_up(void **state) {
        struct fixture *fixture = *state;
        struct help_directory *directory = help_directory(USERS, GROUPS, EDGES);
        for (uint32_t users = 0; users <= directory->user_count; users++) {
                struct help_directory part = *directory;
                struct store_login login;
                struct store *reader = NULL;
                struct store_sync *sync = store_sync_new();
                part.user_count = users;
                part.group_count = users == directory->user_count ? 2 : 0;
                part.member_count = users == directory->user_count ? directory->member_count : 0;
                part.child_count = 0;
                assert_int_equal(worlds_send(sync, fixture->store, &part), 0);
                struct replica *seen = load(fixture->store);
                assert_int_equal(seen->synchronised_s, 0);
                replica_free(seen);
                assert_int_equal(store_open(fixture->folder, "corp", DIRECTORY_LDAP, STORE_READ_ONLY, &reader), 0);
                assert_int_equal(store_login_by_name(reader, "anna", &login), -ENOENT);
                assert_int_equal(login.synchronised_s, 0);
                store_close(reader);
                store_sync_free(sync);
        }
        help_done(directory);
        expect_nothing(fixture->store);
}

/* What its sink refuses, and what only the table does. */
static void refusals(void **state) {
        struct fixture *fixture = *state;
        static const struct { const char *users, *groups, *words; int error; } rows[] = {
                { "anna/1 bert/2 carl/1", GROUPS, "two users have the immutable id 1", -EEXIST },
                { USERS, "ops/a night/a", "two groups have the immutable id a", -EEXIST },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct help_directory *directory = help_directory(rows[i].users, rows[i].groups, "");
                struct store_sync_changes changes;
                struct store_sync *sync = store_sync_new();
                int r = worlds_send(sync, fixture->store, directory);
                if (r != rows[i].error || strcmp(store_sync_error(sync), rows[i].words) != 0)
                        fail_msg("row %zu: %d, \"%s\"", i, r, store_sync_error(sync));
                assert_int_equal(store_sync_prepare(sync, fixture->store, &changes), -EINVAL);
                store_sync_free(sync);
                help_done(directory);
        }
        expect_nothing(fixture->store);
}

/* The keeper's store goes with its configuration. */
static void closed(void **state) {
        struct fixture *fixture = *state;
        struct help_directory *directory = help_directory(USERS, GROUPS, EDGES);
        for (int late = 0; late < 2; late++) {
                struct store_sync_changes changes;
                struct store_sync *sync = store_sync_new();
                assert_int_equal(worlds_send(sync, fixture->store, directory), 0);
                store_close(fixture->store);
                assert_int_equal(store_open(fixture->folder, "corp", DIRECTORY_LDAP, STORE_READ_WRITE, &fixture->store), 0);
                const struct sync_sink *sink = store_sync_sink(sync);
                if (late)
                        assert_int_equal(sink->member(sink->userdata, 0, 0), -ECANCELED);
                else
                        assert_int_equal(store_sync_prepare(sync, fixture->store, &changes), -ECANCELED);
                assert_string_equal(store_sync_error(sync), "its store was closed meanwhile");
                store_sync_free(sync);
        }
        help_done(directory);
        expect_nothing(fixture->store);
}

/* Where it is one of the others: nothing is written before the end. */
static void not_ahead(void **state) {
        struct fixture *fixture = *state;
        struct help_directory *directory = help_directory(USERS, GROUPS, EDGES), *other = help_directory("emma/5", "", "");
        struct store_sync *one = store_sync_new(), *two = store_sync_new();
        struct store_sync_changes changes;
        /* Somebody else is at it. */
        assert_int_equal(worlds_send(one, fixture->store, directory), 0);
        assert_int_equal(worlds_send(two, fixture->store, other), 0);
        assert_int_equal(store_sync_prepare(two, fixture->store, &changes), -EBUSY);
        store_sync_free(two);
        struct replica *given = NULL;
        assert_int_equal(store_sync_prepare(one, fixture->store, &changes), 0);
        assert_int_equal(store_sync_commit(one, 1000, &given), 0);
        replica_free(given);
        store_sync_free(one);
        /* It has a replica: that is what it shows until the commit. */
        struct store_sync *next = store_sync_new();
        assert_int_equal(worlds_send(next, fixture->store, other), 0);
        struct replica *seen = load(fixture->store);
        assert_true(seen->user_count == 4 && seen->synchronised_s == 1000);
        replica_free(seen);
        store_sync_free(next);
        /* It is late. */
        struct store_sync *late = store_sync_new();
        assert_int_equal(worlds_send(late, NULL, other), 0);
        assert_int_equal(store_sync_ahead(late, fixture->store), -EINVAL);
        store_sync_free(late);
        help_done(directory);
        help_done(other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_firsts),
                cmocka_unit_test_setup_teardown(each_attribute, setup, teardown),
                cmocka_unit_test_setup_teardown(given_up, setup, teardown),
                cmocka_unit_test_setup_teardown(refusals, setup, teardown),
                cmocka_unit_test_setup_teardown(closed, setup, teardown),
                cmocka_unit_test_setup_teardown(not_ahead, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
