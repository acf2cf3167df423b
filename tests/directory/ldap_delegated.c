/* Passwords of a delegated directory at a real OpenLDAP server (D3, L7, P5).
 * Relies on: cmocka, slapd.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/ldap_help.h"

static struct slapd server;
static struct ldap_case c;

static int start_all(void **state) {
        (void)state;
        help_slapd_start(&server, "people.ldif");
        return 0;
}
static int stop_all(void **state) {
        (void)state;
        if (server.dir[0])
                help_slapd_wipe(&server);
        return 0;
}
static int setup(void **state) {
        (void)state;
        help_case(&c, server.uri, "");
        return 0;
}
static int teardown(void **state) {
        (void)state;
        help_close(&c);
        return 0;
}

static enum password_result check(const char *user, const char *password, struct directory_entry *entry) {
        struct secret secret = { 0 };
        assert_int_equal(secret_set(&secret, password, strlen(password)), 0);
        return directory_delegated.check(c.directory, user, &secret, entry);
}

static const struct { const char *rule, *user, *password; enum password_result result; } rows[] = {
        { "right", "alice", "alice-pw", CHECK_RIGHT },
        { "N1", "ALICE", "alice-pw", CHECK_RIGHT },
        { "wrong", "alice", "bob-pw", CHECK_WRONG },
        { "P5, L7: it cannot be changed from here", "gina", "gina-pw", CHECK_EXPIRED },
        { "L7", "erin", "erin-pw", CHECK_EXPIRED },
        { "L7 only a right password reveals it", "erin", "x", CHECK_WRONG },
        { "closed at the server", "frank", "frank-pw", CHECK_DENIED },
        { "L8", "alice", "", CHECK_WRONG },
        { "nobody there", "nobody", "x", CHECK_NOT_FOUND },
        { "a pattern is not a name", "*", "alice-pw", CHECK_NOT_FOUND },
        { "a filter is not a name", "a)(uid=*", "alice-pw", CHECK_NOT_FOUND },
};

static void each_row(void **state) {
        (void)state;
        help_open(&c);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct directory_entry entry = { 0 };
                enum password_result result = check(rows[i].user, rows[i].password, &entry);
                if (result != rows[i].result)
                        fail_msg("%s: %d", rows[i].rule, result);
                if (result == CHECK_RIGHT && !entry.entry_id[0])
                        fail_msg("%s: whose password it is, is not said", rows[i].rule);
        }
}

/* What the caller believes to know of the entry is not asked for: the name is searched for, each time. */
static void searched_for(void **state) {
        (void)state;
        struct directory_entry alice = { 0 }, bob = { 0 }, entry;
        help_open(&c);
        assert_int_equal(check("alice", "alice-pw", &alice), CHECK_RIGHT);
        assert_int_equal(check("bob", "bob-pw", &bob), CHECK_RIGHT);
        entry = bob;
        assert_int_equal(check("alice", "bob-pw", &entry), CHECK_WRONG);
        entry = bob;
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        assert_string_equal(entry.entry_id, alice.entry_id);
}

/* Right, and the server lets it bind; but its own attributes say that it is closed. */
static void closed_by_an_attribute(void **state) {
        (void)state;
        struct directory_entry entry = { 0 };
        help_open(&c);
        help_slapd_change(&server, "dn: uid=shut,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: shadowAccount\nuid: shut\ncn: Shut\nsn: S\n"
                                   "userPassword: shut-pw\nshadowExpire: 1\n");
        assert_int_equal(check("shut", "shut-pw", &entry), CHECK_DENIED);
        assert_int_equal(check("shut", "x", &entry), CHECK_WRONG);
}

/* With what the groups are in; by id, gid and name. */
static void groups(void **state) {
        (void)state;
        static struct user_profile profile; /* large */
        c.settings.import_groups_on_login = true;
        c.settings.type = DIRECTORY_DELEGATED;
        help_open(&c);
        struct directory_entry entry = { .profile = &profile };
        assert_int_equal(check("alice", "wrong", &entry), CHECK_WRONG);
        assert_false(profile.has_groups);
        entry = (struct directory_entry){ .profile = &profile };
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        assert_true(profile.has_groups);
        const char *names[] = { "\n0\ndevs\n", "\n0\nops\n", "\n0\nlogin\n" };
        size_t lines = 0;
        for (const char *p = profile.groups; *p; p++)
                lines += *p == '\n';
        assert_int_equal(lines, 9);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                assert_non_null(strstr(profile.groups, names[i]));
        assert_string_equal(profile.display_name, "Alice A. Aardvark");
        assert_string_equal(profile.email, "alice@example.org");
        /* A cycle ends. */
        entry = (struct directory_entry){ .profile = &profile };
        assert_int_equal(check("carol", "carol-pw", &entry), CHECK_RIGHT);
        assert_non_null(strstr(profile.groups, "loop-a\n"));
        assert_non_null(strstr(profile.groups, "loop-b\n"));
        /* Without nesting: what names the user itself. */
        help_close(&c);
        c.settings.nested_groups = false;
        help_open(&c);
        entry = (struct directory_entry){ .profile = &profile };
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        assert_non_null(strstr(profile.groups, "devs\n"));
        assert_null(strstr(profile.groups, "ops\n"));
        /* More than fit are none, and nobody's. */
        for (int i = 0; i < 700; i += 100) {
                _cleanup_sbuf_ struct sbuf ldif = { 0 };
                for (int k = i; k < i + 100; k++)
                        sbuf_printf(&ldif, "dn: cn=many-%d,ou=groups," SUFFIX "\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: many-%d\n"
                                           "uniqueMember: uid=bob,ou=people," SUFFIX "\n\n", k, k);
                help_slapd_change(&server, sbuf_text(&ldif));
        }
        entry = (struct directory_entry){ .profile = &profile };
        assert_int_equal(check("bob", "bob-pw", &entry), CHECK_UNAVAILABLE);
        assert_false(profile.has_groups);
        assert_string_equal(profile.groups, "");
}

/* N2: the server has two groups of one name: whoever is in one of them is in neither, nor in what it is in. One that has another name among its values
 * is no other's namesake. */
static void namesakes(void **state) {
        (void)state;
        static struct user_profile profile; /* large */
        c.settings.import_groups_on_login = true;
        c.settings.type = DIRECTORY_DELEGATED;
        c.settings.nested_groups = true;
        help_open(&c);
        static const struct { const char *what, *change; bool in_gate, in_around; } steps[] = {
                { "one", "dn: cn=gate,ou=groups," SUFFIX "\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: gate\nuniqueMember: uid=carol,ou=people," SUFFIX "\n\n"
                         "dn: cn=around,ou=groups," SUFFIX "\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: around\nuniqueMember: cn=gate,ou=groups," SUFFIX "\n\n", true, true },
                { "N2", "dn: ou=more,ou=groups," SUFFIX "\nchangetype: add\nobjectClass: organizationalUnit\nou: more\n\n"
                        "dn: cn=GATE,ou=more,ou=groups," SUFFIX "\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: GATE\nuniqueMember: uid=frank,ou=people," SUFFIX "\n\n", false, false },
                { "its other value", "dn: cn=GATE,ou=more,ou=groups," SUFFIX "\nchangetype: modrdn\nnewrdn: cn=second\ndeleteoldrdn: 0\n\n", true, true },
                { "gone", "dn: cn=second,ou=more,ou=groups," SUFFIX "\nchangetype: delete\n\n", true, true },
        };
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                struct directory_entry entry = { .profile = &profile };
                help_slapd_change(&server, steps[i].change);
                assert_int_equal(check("carol", "carol-pw", &entry), CHECK_RIGHT);
                bool in_gate = strstr(profile.groups, "\n0\ngate\n"), in_around = strstr(profile.groups, "\n0\naround\n");
                if (!profile.has_groups || in_gate != steps[i].in_gate || in_around != steps[i].in_around)
                        fail_msg("%s: %s", steps[i].what, profile.groups);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(each_row, setup, teardown), cmocka_unit_test_setup_teardown(searched_for, setup, teardown),
                cmocka_unit_test_setup_teardown(closed_by_an_attribute, setup, teardown), cmocka_unit_test_setup_teardown(groups, setup, teardown),
                cmocka_unit_test_setup_teardown(namesakes, setup, teardown),
        };
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
