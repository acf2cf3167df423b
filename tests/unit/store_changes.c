/* The store of one directory: what each change leaves behind, and what is refused (D1, N2).
 * Relies on: cmocka; a temporary folder.
 * Must never: leave that folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "replica/store.h"
#include "unit/store_fixture.h"

static int setup(void **state) {
        return fixture_new(state, "staff", DIRECTORY_INTERNAL);
}

/* One row: a change on the world that `world()` makes, its answer, and the world afterwards as text. */
static void world(struct store *store) {
        static const char *const colours[] = { "colour=red", "size=9" };
        assert_int_equal(store_begin(store), 0);
        assert_int_equal(store_add_user(store, &(struct store_user){ .name = "Anna", .entry_id = "a", .hash = "$y$a", .email = "a@x",
                                                                     .attributes = colours, .attribute_count = 2 }), 0);
        assert_int_equal(store_add_user(store, &(struct store_user){ .name = "bert", .entry_id = "b", .has_active = true }), 0);
        assert_int_equal(store_add_group(store, &(struct store_group){ .name = "G", .entry_id = "g" }), 0);
        assert_int_equal(store_add_group(store, &(struct store_group){ .name = "h", .entry_id = "h" }), 0);
        assert_int_equal(store_add_member(store, "g", "ANNA"), 0);
        assert_int_equal(store_add_member(store, "h", "anna"), 0);
        assert_int_equal(store_add_member(store, "H", "bert"), 0);
        assert_int_equal(store_add_group_member(store, "g", "H"), 0);
        assert_int_equal(store_commit(store), 0);
}

#define WORLD_USERS "Anna:a:1 bert:b:0"
#define WORLD_EDGES "Anna>G Anna>h bert>h h>>G"

static int add_anna(struct store *s) { return store_add_user(s, &(struct store_user){ .name = "ANNA" }); }
static int add_same_id(struct store *s) { return store_add_user(s, &(struct store_user){ .name = "carl", .entry_id = "a" }); }
static int add_no_name(struct store *s) { return store_add_user(s, &(struct store_user){ .name = "" }); }
static int add_long_id(struct store *s) {
        char id[65];
        memset(id, 'x', 64);
        id[64] = 0;
        return store_add_user(s, &(struct store_user){ .name = "carl", .entry_id = id });
}
static int add_carl(struct store *s) { return store_add_user(s, &(struct store_user){ .name = "carl", .entry_id = "c" }); }
static int add_bad_attribute(struct store *s) {
        static const char *const bad[] = { "good=1", "=x" };
        return store_add_user(s, &(struct store_user){ .name = "carl", .attributes = bad, .attribute_count = 2 });
}
static int add_two_lines(struct store *s) {
        static const char *const bad[] = { "a=x\ny" };
        return store_add_user(s, &(struct store_user){ .name = "carl", .attributes = bad, .attribute_count = 1 });
}
static int modify_none(struct store *s) { return store_modify_user(s, "nobody", &(struct store_user){ .email = "x" }); }
static int deactivate(struct store *s) { return store_modify_user(s, "ANNA", &(struct store_user){ .has_active = true }); }
static int rename_case(struct store *s) { return store_rename_user(s, "anna", "ANNA"); }
static int rename_taken(struct store *s) { return store_rename_user(s, "anna", "BERT"); }
static int rename_none(struct store *s) { return store_rename_user(s, "nobody", "x"); }
static int rename_empty(struct store *s) { return store_rename_user(s, "anna", ""); }
static int remove_anna(struct store *s) { return store_remove_user(s, "anna"); }
static int remove_none(struct store *s) { return store_remove_user(s, "nobody"); }
static int replace_bert(struct store *s) {
        int r = store_begin(s);
        r = r < 0 ? r : store_remove_user(s, "bert");
        r = r < 0 ? r : store_add_user(s, &(struct store_user){ .name = "bert", .entry_id = "b2" });
        return r < 0 ? r : store_commit(s);
}
static int add_group_g(struct store *s) { return store_add_group(s, &(struct store_group){ .name = "g" }); }
static int rename_g(struct store *s) { return store_rename_group(s, "g", "i"); }
static int rename_g_case(struct store *s) { return store_rename_group(s, "G", "g"); }
static int rename_g_taken(struct store *s) { return store_rename_group(s, "g", "H"); }
static int rename_no_group(struct store *s) { return store_rename_group(s, "i", "j"); }
static int rename_g_empty(struct store *s) { return store_rename_group(s, "g", ""); }
static int remove_g(struct store *s) { return store_remove_group(s, "g"); }
static int remove_h(struct store *s) { return store_remove_group(s, "h"); }
static int remove_no_group(struct store *s) { return store_remove_group(s, "i"); }
static int modify_no_group(struct store *s) { return store_modify_group(s, "i", &(struct store_group){ .description = "x" }); }
static int member_again(struct store *s) { return store_add_member(s, "g", "anna"); }
static int member_no_group(struct store *s) { return store_add_member(s, "i", "anna"); }
static int member_no_user(struct store *s) { return store_add_member(s, "g", "nobody"); }
static int member_out(struct store *s) { return store_remove_member(s, "h", "BERT"); }
static int member_not_in(struct store *s) { return store_remove_member(s, "g", "bert"); }
static int child_again(struct store *s) { return store_add_group_member(s, "g", "h"); }
static int child_itself(struct store *s) { return store_add_group_member(s, "g", "G"); }
static int child_cycle(struct store *s) { return store_add_group_member(s, "h", "g"); }
static int child_out(struct store *s) { return store_remove_group_member(s, "g", "h"); }

static const struct {
        const char *rule;
        int (*change)(struct store *);
        int result;
        const char *users, *edges;
} changes[] = {
        { "N2 a second spelling is refused", add_anna, -EEXIST, WORLD_USERS, WORLD_EDGES },
        { "an entry id is one entry's", add_same_id, -EEXIST, WORLD_USERS, WORLD_EDGES },
        { "a user has a name", add_no_name, -EINVAL, WORLD_USERS, WORLD_EDGES },
        { "an entry id fits a login", add_long_id, -EINVAL, WORLD_USERS, WORLD_EDGES },
        { "a new user is active", add_carl, 0, WORLD_USERS " carl:c:1", WORLD_EDGES },
        { "an attribute has a key", add_bad_attribute, -EINVAL, WORLD_USERS, WORLD_EDGES },
        { "an attribute is one line", add_two_lines, -EINVAL, WORLD_USERS, WORLD_EDGES },
        { "modify: not there", modify_none, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "modify in any case", deactivate, 0, "Anna:a:0 bert:b:0", WORLD_EDGES },
        { "rename: another spelling of the same", rename_case, 0, "ANNA:a:1 bert:b:0", "ANNA>G ANNA>h bert>h h>>G" },
        { "rename: taken", rename_taken, -EEXIST, WORLD_USERS, WORLD_EDGES },
        { "rename: not there", rename_none, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "rename: to nothing", rename_empty, -EINVAL, WORLD_USERS, WORLD_EDGES },
        { "remove: memberships go too", remove_anna, 0, "bert:b:0", "bert>h h>>G" },
        { "remove: not there", remove_none, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "remove and add: the new one inherits nothing", replace_bert, 0, "Anna:a:1 bert:b2:1", "Anna>G Anna>h h>>G" },
        { "N2 groups too", add_group_g, -EEXIST, WORLD_USERS, WORLD_EDGES },
        { "rename group: members and nesting stay", rename_g, 0, WORLD_USERS, "Anna>h Anna>i bert>h h>>i" },
        { "rename group: another spelling of the same", rename_g_case, 0, WORLD_USERS, "Anna>g Anna>h bert>h h>>g" },
        { "rename group: taken", rename_g_taken, -EEXIST, WORLD_USERS, WORLD_EDGES },
        { "rename group: not there", rename_no_group, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "rename group: to nothing", rename_g_empty, -EINVAL, WORLD_USERS, WORLD_EDGES },
        { "remove a parent", remove_g, 0, WORLD_USERS, "Anna>h bert>h" },
        { "remove a child", remove_h, 0, WORLD_USERS, "Anna>G" },
        { "remove group: not there", remove_no_group, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "modify group: not there", modify_no_group, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "member: already", member_again, -EEXIST, WORLD_USERS, WORLD_EDGES },
        { "member: no group", member_no_group, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "member: no user", member_no_user, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "member: out", member_out, 0, WORLD_USERS, "Anna>G Anna>h h>>G" },
        { "member: not in", member_not_in, -ENOENT, WORLD_USERS, WORLD_EDGES },
        { "child: already", child_again, -EEXIST, WORLD_USERS, WORLD_EDGES },
        { "child: of itself", child_itself, -EINVAL, WORLD_USERS, WORLD_EDGES },
        { "M1 cycles are data", child_cycle, 0, WORLD_USERS, "Anna>G Anna>h G>>h bert>h h>>G" },
        { "child: out", child_out, 0, WORLD_USERS, "Anna>G Anna>h bert>h" },
};

static void expect_world(const char *rule, struct store *store, const char *users, const char *edges) {
        struct replica *replica = load(store);
        char text[1024];
        help_users(replica, text, sizeof text);
        if (strcmp(text, users) != 0)
                fail_msg("%s: users are '%s', not '%s'", rule, text, users);
        help_edges(replica, text, sizeof text);
        if (strcmp(text, edges) != 0)
                fail_msg("%s: edges are '%s', not '%s'", rule, text, edges);
        replica_free(replica);
}

static void each_change(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                struct fixture *fixture;
                uint64_t before = 0, after = 0;
                setup((void **)&fixture);
                world(fixture->store);
                assert_int_equal(store_revision(fixture->store, &before), 0);
                int r = changes[i].change(fixture->store);
                if (r != changes[i].result)
                        fail_msg("%s: %d, not %d (%s)", changes[i].rule, r, changes[i].result, store_error(fixture->store));
                assert_int_equal(store_revision(fixture->store, &after), 0);
                assert_int_equal(after, before + (r == 0)); /* grows with every committed change, and only then */
                expect_world(changes[i].rule, fixture->store, changes[i].users, changes[i].edges);
                teardown((void **)&fixture);
        }
}

/* The same changes inside a transaction: a refusal leaves it usable, and the rest is committed. */
static void each_change_inside(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                struct fixture *fixture;
                if (changes[i].change == replace_bert)
                        continue;
                setup((void **)&fixture);
                world(fixture->store);
                assert_int_equal(store_begin(fixture->store), 0);
                assert_int_equal(changes[i].change(fixture->store), changes[i].result);
                assert_int_equal(store_commit(fixture->store), 0);
                expect_world(changes[i].rule, fixture->store, changes[i].users, changes[i].edges);
                assert_int_equal(store_begin(fixture->store), 0);
                assert_int_equal(store_remove_user(fixture->store, "bert"), 0);
                store_rollback(fixture->store);
                expect_world("rolled back", fixture->store, changes[i].users, changes[i].edges);
                teardown((void **)&fixture);
        }
}

static void attributes_and_columns(void **state) {
        struct fixture *fixture = *state;
        static const char *const changed[] = { "size=", "shape=a=b" };
        _cleanup_free_ char *lines = NULL;
        world(fixture->store);
        assert_int_equal(store_modify_user(fixture->store, "anna", &(struct store_user){ .display_name = "A", .has_uid = true, .uid = 4000,
                                                                                         .attributes = changed, .attribute_count = 2 }), 0);
        assert_int_equal(store_user_attributes(fixture->store, "anna", &lines), 0);
        assert_string_equal(lines, "colour=red\nshape=a=b\n");
        struct replica *replica = load(fixture->store);
        const struct replica_user *anna = &replica->users[replica_find_user(replica, "anna")];
        assert_string_equal(replica_text(replica, anna->display_name), "A");
        assert_string_equal(replica_text(replica, anna->email), "a@x");
        assert_int_equal(anna->uid, 4000);
        assert_true(replica->synchronised_s > 0);
        replica_free(replica);
        assert_int_equal(store_user_attributes(fixture->store, "nobody", &lines), -ENOENT);
}

static void logins_are_read_live(void **state) {
        struct fixture *fixture = *state;
        struct store_login login = { .entry_id = "of another", .active = true };
        world(fixture->store);
        assert_int_equal(store_login_by_name(fixture->store, "nobody", &login), -ENOENT);
        assert_true(!login.entry_id[0] && !login.active && login.synchronised_s > 0);
        assert_int_equal(store_login_by_name(fixture->store, "aNNa", &login), 0);
        assert_string_equal(login.hash, "$y$a");
        assert_string_equal(login.entry_id, "a");
        assert_true(login.active && !login.must_change);
        struct store_user next = { .hash = "$y$b", .has_must_change = true, .must_change = true, .has_active = true };
        assert_int_equal(store_modify_user(fixture->store, "anna", &next), 0);
        assert_int_equal(store_login_by_name(fixture->store, "anna", &login), 0);
        assert_string_equal(login.hash, "$y$b");
        assert_true(!login.active && login.must_change);
        assert_int_equal(store_modify_user(fixture->store, "anna", &(struct store_user){ .hash = "" }), 0);
        assert_int_equal(store_login_by_name(fixture->store, "anna", &login), 0);
        assert_string_equal(login.hash, "");
}

/* N2: where a server decides the names, both are kept, both take part in nothing, and neither can be logged in as. */
static void ambiguous_names_are_kept(void **state) {
        struct fixture *fixture = *state;
        struct store *store = NULL;
        struct store_login login;
        assert_int_equal(store_open(fixture->folder, "ldap", DIRECTORY_LDAP, STORE_READ_WRITE, &store), 0);
        assert_int_equal(store_add_user(store, &(struct store_user){ .name = "Anna", .entry_id = "1" }), 0);
        assert_int_equal(store_add_user(store, &(struct store_user){ .name = "anna", .entry_id = "2" }), 0);
        assert_int_equal(store_add_user(store, &(struct store_user){ .name = "bert", .entry_id = "2" }), -EEXIST);
        assert_int_equal(store_login_by_name(store, "ANNA", &login), -ENOTUNIQ);
        assert_int_equal(store_remove_user(store, "ANNA"), -ENOTUNIQ);
        struct replica *replica = load(store);
        assert_int_equal(replica->user_count, 2);
        assert_true(replica->users[0].ambiguous && replica->users[1].ambiguous);
        assert_int_equal(replica->synchronised_s, 0); /* D6: never complete yet */
        replica_free(replica);
        store_close(store);
}

static void files_are_private(void **state) {
        struct fixture *fixture = *state;
        static const char *const names[] = { "staff.db", "staff.db-wal", "staff.db-shm" };
        world(fixture->store);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct stat st;
                char path[128];
                (void)snprintf(path, sizeof path, "%s/%s", fixture->folder, names[i]);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0600);
        }
}

/* What opens what: a row makes a file, and says what opening it as the internal directory "staff" answers. */
static const struct {
        const char *what, *sql;
        int writer, reader;
} foreign[] = {
        { "another program's file", "CREATE TABLE t (x)", -EBADMSG, -EBADMSG },
        { "another program's mark", "PRAGMA application_id = 7", -EBADMSG, -EBADMSG },
        { "a newer version", "PRAGMA application_id = 1296323412; PRAGMA user_version = 5; CREATE TABLE store (x)", -EBADMSG, -EBADMSG },
        { "our mark without tables", "PRAGMA application_id = 1296323412; PRAGMA user_version = 4", -EBADMSG, -EBADMSG },
        { "a former version without tables", "PRAGMA application_id = 1296323412; PRAGMA user_version = 1", -EBADMSG, -EAGAIN },
        { "an empty file", "", 0, -EAGAIN },
};

static void foreign_files_are_refused(void **state) {
        struct fixture *fixture = *state;
        for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
                char path[128], name[16];
                sqlite3 *handle = NULL;
                struct store *store = NULL;
                (void)snprintf(name, sizeof name, "f%zu", i);
                (void)snprintf(path, sizeof path, "%s/%s.db", fixture->folder, name);
                assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
                assert_int_equal(sqlite3_exec(handle, foreign[i].sql, NULL, NULL, NULL), SQLITE_OK);
                sqlite3_close(handle);
                if (!*foreign[i].sql)
                        assert_true(close(open(path, O_CREAT | O_WRONLY, 0600)) == 0);
                int r = store_open(fixture->folder, name, DIRECTORY_INTERNAL, STORE_READ_ONLY, &store);
                if (r != foreign[i].reader)
                        fail_msg("%s: the reader says %d", foreign[i].what, r);
                r = store_open(fixture->folder, name, DIRECTORY_INTERNAL, STORE_READ_WRITE, &store);
                if (r != foreign[i].writer)
                        fail_msg("%s: the writer says %d", foreign[i].what, r);
                assert_true(r < 0 || store);
                store_close(store);
        }
}

static void a_store_belongs_to_one_directory(void **state) {
        struct fixture *fixture = *state;
        struct store *store = NULL;
        char from[128], to[128];
        assert_int_equal(store_open(fixture->folder, "staff", DIRECTORY_LDAP, STORE_READ_WRITE, &store), -EMEDIUMTYPE);
        store_close(fixture->store);
        fixture->store = NULL;
        (void)snprintf(from, sizeof from, "%s/staff.db", fixture->folder);
        (void)snprintf(to, sizeof to, "%s/other.db", fixture->folder);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(store_open(fixture->folder, "other", DIRECTORY_INTERNAL, STORE_READ_WRITE, &store), -EBADMSG);
        assert_int_equal(store_open(fixture->folder, "staff", DIRECTORY_INTERNAL, STORE_READ_ONLY, &store), -ENOENT);
        assert_int_equal(store_open(fixture->folder, "../staff", DIRECTORY_INTERNAL, STORE_READ_WRITE, &store), -EINVAL);
        assert_int_equal(store_open(fixture->folder, "ids", DIRECTORY_INTERNAL, STORE_READ_WRITE, &store), -EINVAL);
        assert_int_equal(store_open(fixture->folder, "logins", DIRECTORY_INTERNAL, STORE_READ_WRITE, &store), -EINVAL);
        assert_int_equal(store_open(fixture->folder, "staff", DIRECTORY_TYPE_NONE, STORE_READ_WRITE, &store), -EINVAL);
        assert_null(store);
}

static void readers_cannot_write(void **state) {
        struct fixture *fixture = *state;
        struct store *reader = NULL;
        world(fixture->store);
        assert_int_equal(store_open(fixture->folder, "staff", DIRECTORY_INTERNAL, STORE_READ_ONLY, &reader), 0);
        assert_int_equal(store_add_user(reader, &(struct store_user){ .name = "x" }), -EROFS);
        assert_int_equal(store_begin(reader), -EROFS);
        expect_world("a reader sees it", reader, WORLD_USERS, WORLD_EDGES);
        assert_int_equal(store_remove_user(fixture->store, "anna"), 0);
        expect_world("a commit is seen at once", reader, "bert:b:0", "bert>h h>>G");
        store_close(reader);
}

static void transactions_are_strict(void **state) {
        struct fixture *fixture = *state;
        assert_int_equal(store_commit(fixture->store), -EINVAL);
        assert_int_equal(store_begin(fixture->store), 0);
        assert_int_equal(store_begin(fixture->store), -EBUSY);
        assert_int_equal(store_add_user(fixture->store, &(struct store_user){ .name = "x", .entry_id = "x" }), 0);
        store_close(fixture->store); /* without a commit */
        assert_int_equal(store_open(fixture->folder, "staff", DIRECTORY_INTERNAL, STORE_READ_WRITE, &fixture->store), 0);
        expect_world("not committed", fixture->store, "", "");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_change),
                cmocka_unit_test(each_change_inside),
                cmocka_unit_test_setup_teardown(attributes_and_columns, setup, teardown),
                cmocka_unit_test_setup_teardown(logins_are_read_live, setup, teardown),
                cmocka_unit_test_setup_teardown(ambiguous_names_are_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(files_are_private, setup, teardown),
                cmocka_unit_test_setup_teardown(foreign_files_are_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(a_store_belongs_to_one_directory, setup, teardown),
                cmocka_unit_test_setup_teardown(readers_cannot_write, setup, teardown),
                cmocka_unit_test_setup_teardown(transactions_are_strict, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
