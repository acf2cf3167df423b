/* Synchronisations into a store: what each leaves behind, what counts as lost, what is refused, and that what was not committed never was (D5, D6).
 * Relies on: cmocka; a temporary folder.
 * Must never: leave that folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "replica/store_sync.h"
#include "unit/store_fixture.h"
#include "unit/sync_worlds.h"

static int setup(void **state) {
        return fixture_new(state, "corp", DIRECTORY_LDAP);
}

static void synchronise_texts(struct store *store, const char *users, const char *groups, const char *edges, uint64_t now_s,
                              struct store_sync_changes *changes) {
        struct help_directory *directory = help_directory(users, groups, edges);
        worlds_synchronise(store, directory, now_s, false, changes);
        help_done(directory);
}

#define USERS "anna/1/A bert/2 !carl/3 dora/4"
#define GROUPS "ops/a night/b"
#define EDGES "anna>ops bert>ops bert>night carl>night night>>ops"

/* From the directory above to another. What differs, and what is lost. */
static const struct {
        const char *rule, *users, *groups, *edges;
        bool content;
        uint32_t lost_users, lost_groups;
} rows[] = {
        { "nothing new", USERS, GROUPS, EDGES, false, 0, 0 },
        { "another order", "dora/4 !carl/3 bert/2 anna/1/A", "night/b ops/a", "carl>night bert>night bert>ops anna>ops night>>ops", false, 0, 0 },
        { "each pair twice", USERS, GROUPS, EDGES " " EDGES, false, 0, 0 },
        { "a group in itself says nothing", USERS, GROUPS, EDGES " ops>>ops", false, 0, 0 },
        { "an attribute", "anna/1/B bert/2 !carl/3 dora/4", GROUPS, EDGES, true, 0, 0 },
        { "an attribute less", "anna/1 bert/2 !carl/3 dora/4", GROUPS, EDGES, true, 0, 0 },
        { "the active flag", "anna/1/A bert/2 carl/3 dora/4", GROUPS, EDGES, true, 0, 0 },
        { "a name's case", "Anna/1/A bert/2 !carl/3 dora/4", GROUPS, "Anna>ops bert>ops bert>night carl>night night>>ops", true, 0, 0 },
        { "a renamed entry", "anna/1/A bob/2 !carl/3 dora/4", GROUPS, "anna>ops bob>ops bob>night carl>night night>>ops", true, 0, 0 },
        { "an entry made anew", "anna/1/A bert/9 !carl/3 dora/4", GROUPS, EDGES, true, 0, 0 },
        { "all made anew", "anna/5/A bert/6 !carl/7 dora/8", "ops/c night/d", EDGES, true, 0, 0 },
        { "two swap their names", "bert/1/A anna/2 !carl/3 dora/4", GROUPS, EDGES, true, 0, 0 },
        { "ids differ in case", "anna/1/A bert/2 !carl/3 dora/4 emma/x eric/X", GROUPS, EDGES, true, 0, 0 },
        { "N2 a second of the name", USERS " ANNA/5", GROUPS, EDGES, true, 0, 0 },
        { "a user more", USERS " emma/5", GROUPS, EDGES " emma>night", true, 0, 0 },
        { "a user less", "anna/1/A bert/2 !carl/3", GROUPS, EDGES, true, 1, 0 },
        { "one goes, one comes", "anna/1/A bert/2 !carl/3 emma/5", GROUPS, EDGES, true, 1, 0 },
        { "a group less", USERS, "ops/a", "anna>ops bert>ops", true, 0, 1 },
        { "a renamed group", USERS, "ops/a day/b", "anna>ops bert>ops bert>day carl>day day>>ops", true, 0, 0 },
        { "a membership more", USERS, GROUPS, EDGES " dora>night", true, 0, 0 },
        { "a membership less", USERS, GROUPS, "anna>ops bert>night carl>night night>>ops", true, 0, 0 },
        { "a nesting less", USERS, GROUPS, "anna>ops bert>ops bert>night carl>night", true, 0, 0 },
        { "another nesting", USERS, GROUPS, "anna>ops bert>ops bert>night carl>night ops>>night", true, 0, 0 },
        { "no memberships", USERS, GROUPS, "", true, 0, 0 },
        { "others altogether", "x/11 y/12", "z/13", "x>z", true, 4, 2 },
        { "nobody", "", "", "", true, 4, 2 },
};

static void each_change(void **state) {
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct store_sync_changes changes;
                void *fixture_memory;
                uint64_t before, after;
                (void)setup(&fixture_memory);
                struct store *store = ((struct fixture *)fixture_memory)->store;
                synchronise_texts(store, USERS, GROUPS, EDGES, 1000, &changes);
                assert_true(!changes.had_replica && changes.content && changes.old_users == 0 && changes.lost_users + changes.lost_groups == 0);
                assert_int_equal(store_revision(store, &before), 0);
                synchronise_texts(store, rows[i].users, rows[i].groups, rows[i].edges, 2000, &changes);
                assert_int_equal(store_revision(store, &after), 0);
                if (!changes.had_replica || changes.content != rows[i].content || after != before + rows[i].content ||
                    changes.lost_users != rows[i].lost_users || changes.lost_groups != rows[i].lost_groups || changes.old_users != 4 || changes.old_groups != 2)
                        fail_msg("%s: content %d, revision %d more, lost %u users and %u groups", rows[i].rule, changes.content, (int)(after - before),
                                 changes.lost_users, changes.lost_groups);
                synchronise_texts(store, rows[i].users, rows[i].groups, rows[i].edges, 3000, &changes);
                if (changes.content)
                        fail_msg("%s: the same again is a change", rows[i].rule);
                synchronise_texts(store, USERS, GROUPS, EDGES, 4000, &changes);
                (void)teardown(&fixture_memory);
        }
}

/* All that an entry can have comes through, and a change of each is one. */
static void each_attribute(void **state) {
        struct fixture *fixture = *state;
        static const struct sync_user plain = { .name = "anna", .entry_id = "1", .active = true };
        const struct sync_user users[] = {
                plain,
                { .name = "anna", .entry_id = "1", .active = true, .dn = "cn=anna" },
                { .name = "anna", .entry_id = "1", .active = true, .display_name = "A" },
                { .name = "anna", .entry_id = "1", .active = true, .email = "a@x" },
                { .name = "anna", .entry_id = "1", .active = true, .home = "/h" },
                { .name = "anna", .entry_id = "1", .active = true, .shell = "/s" },
                { .name = "anna", .entry_id = "1", .active = true, .ssh_keys = "ssh-ed25519 AAAA\nssh-ed25519 BBBB" },
                { .name = "anna", .entry_id = "1", .active = true, .sid = "S-1-5-21-1-2-3-1000" },
                { .name = "anna", .entry_id = "1", .active = true, .uid = 4000 },
                { .name = "anna", .entry_id = "1", .active = true, .uid = UINT32_MAX }, /* no id: as plain */
                { .name = "anna", .entry_id = "1", .active = true, .gid = 4001 },
                { .name = "anna", .entry_id = "1", .active = true, .gid = 4001, .posix_primary = true },
                { .name = "anna", .entry_id = "1" },
                { .name = "\xff\xfe:*)(uid=*", .entry_id = "1" }, /* N3: kept, never published */
        };
        const struct sync_group groups[] = {
                { .name = "ops", .entry_id = "g", .active = true }, { .name = "ops", .entry_id = "g", .active = true, .description = "d" },
                { .name = "ops", .entry_id = "g", .active = true, .sid = "S-1-5-21-1" }, { .name = "ops", .entry_id = "g", .active = true, .gid = 5 },
                { .name = "ops", .entry_id = "g" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(users) + ARRAY_SIZE(groups); i++) {
                struct store_sync_changes changes;
                struct help_directory *directory = help_directory("", "", "");
                directory->users[directory->user_count++] = i < ARRAY_SIZE(users) ? users[i] : users[ARRAY_SIZE(users) - 1];
                directory->groups[directory->group_count++] = i < ARRAY_SIZE(users) ? groups[0] : groups[i - ARRAY_SIZE(users)];
                worlds_synchronise(fixture->store, directory, 1000 + i, false, &changes);
                if (changes.content != (i != ARRAY_SIZE(users)))
                        fail_msg("row %zu: content %d", i, changes.content);
                help_done(directory);
        }
}

/* L6, D6: what a login is told, also of a name that is not there. */
static void logins(void **state) {
        struct fixture *fixture = *state;
        struct store_sync_changes changes;
        struct store_login login;
        struct store *reader = NULL;
        assert_int_equal(store_open(fixture->folder, "corp", DIRECTORY_LDAP, STORE_READ_ONLY, &reader), 0);
        assert_int_equal(store_login_by_name(reader, "anna", &login), -ENOENT);
        assert_int_equal(login.synchronised_s, 0);
        synchronise_texts(fixture->store, USERS " Emma/5 emma/6", GROUPS, EDGES, 1234, &changes);
        assert_int_equal(store_login_by_name(reader, "ANNA", &login), 0);
        assert_string_equal(login.dn, "cn=anna,dc=example");
        assert_string_equal(login.entry_id, "1");
        assert_true(login.active && login.synchronised_s == 1234 && !login.hash[0]);
        assert_int_equal(store_login_by_name(reader, "nobody", &login), -ENOENT);
        assert_true(login.synchronised_s == 1234 && !login.dn[0] && !login.entry_id[0]);
        assert_int_equal(store_login_by_name(reader, "EMMA", &login), -ENOTUNIQ);
        assert_true(login.synchronised_s == 1234 && !login.dn[0]);
        store_close(reader);
}

/* What a sink or a comparison refuses; the store is as it was. */
static void refusals(void **state) {
        struct fixture *fixture = *state;
        struct store_sync_changes changes;
        char long_id[SYNC_ENTRY_ID_MAX + 2] = "", long_dn[SYNC_DN_MAX + 2] = "";
        memset(long_id, 'x', sizeof long_id - 1);
        memset(long_dn, 'x', sizeof long_dn - 1);
        const struct { const char *what; struct sync_user user; struct replica_edge member, child; int error; } bad[] = {
                { "no name", { .entry_id = "9" }, { 0, 0 }, { 0, 0 }, -EINVAL },
                { "an empty name", { .name = "", .entry_id = "9" }, { 0, 0 }, { 0, 0 }, -EINVAL },
                { "no id", { .name = "x" }, { 0, 0 }, { 0, 0 }, -EINVAL },
                { "a long id", { .name = "x", .entry_id = long_id }, { 0, 0 }, { 0, 0 }, -EINVAL },
                { "a long DN", { .name = "x", .entry_id = "9", .dn = long_dn }, { 0, 0 }, { 0, 0 }, -EINVAL },
                { "a member that did not come", { .name = "x", .entry_id = "9" }, { 5, 0 }, { 0, 0 }, -EINVAL },
                { "a group that did not come", { .name = "x", .entry_id = "9" }, { 0, 2 }, { 0, 0 }, -EINVAL },
                { "a child that did not come", { .name = "x", .entry_id = "9" }, { 0, 0 }, { 2, 0 }, -EINVAL },
                { "one id twice", { .name = "x", .entry_id = "1" }, { 0, 0 }, { 0, 1 }, -EEXIST },
        };
        synchronise_texts(fixture->store, USERS, GROUPS, EDGES, 1000, &changes);
        struct replica *before = load(fixture->store);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                struct help_directory *directory = help_directory(USERS, GROUPS, "");
                struct replica *given = NULL;
                directory->users[directory->user_count++] = bad[i].user;
                directory->members[directory->member_count++] = bad[i].member;
                directory->children[directory->child_count++] = bad[i].child;
                struct store_sync *sync = store_sync_new();
                int r = help_send(directory, store_sync_sink(sync));
                if (r == 0)
                        r = store_sync_prepare(sync, fixture->store, &changes);
                if (r != bad[i].error || !*store_sync_error(sync))
                        fail_msg("%s: %d, \"%s\"", bad[i].what, r, store_sync_error(sync));
                assert_true(store_sync_prepare(sync, fixture->store, &changes) < 0);
                assert_int_equal(store_sync_commit(sync, 2000, &given), -EINVAL);
                assert_null(given);
                store_sync_free(sync);
                struct replica *after = load(fixture->store);
                expect_same(before, after);
                replica_free(after);
                help_done(directory);
        }
        replica_free(before);
}

/* D1: what is kept here is not overwritten by a server; and only one at a time has the store. */
static void wrong_stores(void **state) {
        struct fixture *fixture = *state;
        struct store_sync_changes changes;
        static const enum directory_type kept[] = { DIRECTORY_INTERNAL, DIRECTORY_DELEGATED };
        static const char *const names[] = { "internal", "delegated" };
        for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
                struct store *store = NULL;
                struct store_sync *sync = store_sync_new();
                assert_int_equal(store_open(fixture->folder, names[i], kept[i], STORE_READ_WRITE, &store), 0);
                assert_int_equal(store_sync_prepare(sync, store, &changes), -EINVAL);
                store_sync_free(sync);
                store_close(store);
        }
        struct store_sync *one = store_sync_new(), *two = store_sync_new();
        assert_int_equal(store_sync_prepare(one, fixture->store, &changes), 0);
        assert_int_equal(store_sync_prepare(two, fixture->store, &changes), -EBUSY);
        store_sync_free(two);
        struct replica *given = NULL;
        assert_int_equal(store_sync_commit(one, 0, &given), -EINVAL);
        assert_int_equal(store_sync_commit(one, 7, &given), 0);
        assert_true(given && given->user_count == 0 && given->synchronised_s == 7); /* an empty directory is complete too */
        replica_free(given);
        store_sync_free(one);
        struct store *reader = NULL;
        struct store_sync *late = store_sync_new();
        assert_int_equal(store_open(fixture->folder, "corp", DIRECTORY_LDAP, STORE_READ_ONLY, &reader), 0);
        assert_int_equal(store_sync_prepare(late, reader, &changes), -EROFS);
        store_sync_free(late);
        store_close(reader);
}

/* D5: given up after the comparison, for its losses, say. */
static void given_up(void **state) {
        struct fixture *fixture = *state;
        struct store_sync_changes changes;
        synchronise_texts(fixture->store, USERS, GROUPS, EDGES, 1000, &changes);
        struct replica *before = load(fixture->store);
        struct help_directory *other = help_directory("x/1", "", "");
        struct store_sync *sync = store_sync_new();
        assert_int_equal(help_send(other, store_sync_sink(sync)), 0);
        assert_int_equal(store_sync_prepare(sync, fixture->store, &changes), 0);
        store_sync_free(sync);
        struct replica *after = load(fixture->store);
        expect_same(before, after);
        replica_free(after);
        replica_free(before);
        help_done(other);
        synchronise_texts(fixture->store, "x/1", "", "", 2000, &changes);
}

/* Any directory after any other: the store is then the last one, and a load gives what the synchronisation gave. */
static void random_sequences(void **state) {
        struct fixture *fixture = *state;
        unsigned seed = 20240611;
        for (unsigned round = 0; round < 400; round++) {
                struct store_sync_changes changes;
                struct help_directory *directory = random_directory(&seed);
                worlds_synchronise(fixture->store, directory, 1 + round, false, &changes);
                assert_int_equal(changes.users, directory->user_count);
                help_done(directory);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_change),
                cmocka_unit_test_setup_teardown(each_attribute, setup, teardown),
                cmocka_unit_test_setup_teardown(logins, setup, teardown),
                cmocka_unit_test_setup_teardown(refusals, setup, teardown),
                cmocka_unit_test_setup_teardown(wrong_stores, setup, teardown),
                cmocka_unit_test_setup_teardown(given_up, setup, teardown),
                cmocka_unit_test_setup_teardown(random_sequences, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
