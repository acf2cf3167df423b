/* Users asked live at a real OpenLDAP server: who is found, whose password is right, over which connections (L1, L3, L6, L7, L8, N1, N2).
 * Relies on: cmocka, slapd.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/ldap_people.h"

static const struct {
        const char *rule, *user, *password;
        enum presence presence;
        enum password_result result;
        bool active;
        const char *dn;
} rows[] = {
        { "L1 right", "alice", "alice-pw", PRESENCE_FOUND, CHECK_RIGHT, true, "uid=alice,ou=people,dc=example,dc=org" },
        { "N1 in any case", "cAROL", "carol-pw", PRESENCE_FOUND, CHECK_RIGHT, true, "uid=Carol,ou=people,dc=example,dc=org" },
        { "a comma in the DN", "john", "john-pw", PRESENCE_FOUND, CHECK_RIGHT, true, "cn=Smith\\2C John,ou=people,dc=example,dc=org" },
        { "letters outside ASCII in the DN", "zoe", "zoe-pw", PRESENCE_FOUND, CHECK_RIGHT, true, "" },
        { "L1 wrong", "alice", "Alice-pw", PRESENCE_FOUND, CHECK_WRONG, true, "uid=alice,ou=people,dc=example,dc=org" },
        { "L1 another's", "alice", "bob-pw", PRESENCE_FOUND, CHECK_WRONG, true, "uid=alice,ou=people,dc=example,dc=org" },
        { "L7 grace logins are expired", "dave", "dave-pw", PRESENCE_FOUND, CHECK_EXPIRED, true, "" },
        { "L7 expired", "erin", "erin-pw", PRESENCE_FOUND, CHECK_EXPIRED, true, "" },
        { "L7 only a right password reveals it", "erin", "x", PRESENCE_FOUND, CHECK_WRONG, true, "" },
        { "L7 must change", "gina", "gina-pw", PRESENCE_FOUND, CHECK_EXPIRED, true, "" },
        { "L3 locked by the administrator", "frank", "frank-pw", PRESENCE_FOUND, CHECK_DENIED, false, "" },
        { "L8 an empty password never leaves", "alice", "", PRESENCE_FOUND, CHECK_WRONG, true, "" },
        { "nobody", "nobody", "nobody-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "a pattern is not a name", "*", "alice-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "a pattern is not a name, II", "al*e", "alice-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "a filter is not a name", "a)(uid=*", "alice-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "a filter is not a name, II", "alice)(|(uid=*))", "alice-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "a DN is not a name", "x,dc=y", "x", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "an escape is not a name", "\\61lice", "alice-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "blanks that the server passes over", " alice", "alice-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "the reader is no user", "reader", "reader-pw", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
        { "no name", "", "x", PRESENCE_NOT_FOUND, CHECK_NOT_FOUND, false, "" },
};

/* By a search, and by what the replica would know. */
static void each_row(void **state) {
        help_open(&c);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct directory_entry found = find(rows[i].user), searched = { 0 }, known = found;
                if (found.presence != rows[i].presence || found.active != rows[i].active)
                        fail_msg("%s: find: %d, active %d", rows[i].rule, found.presence, found.active);
                if (rows[i].dn[0] && strcmp(found.dn, rows[i].dn) != 0)
                        fail_msg("%s: %s", rows[i].rule, found.dn);
                enum password_result by_search = check(rows[i].user, rows[i].password, &searched);
                if (by_search != rows[i].result)
                        fail_msg("%s: searched for: %d", rows[i].rule, by_search);
                if (found.presence != PRESENCE_FOUND || !rows[i].password[0])
                        continue;
                enum password_result by_dn = check(rows[i].user, rows[i].password, &known);
                if (by_dn != rows[i].result || strcmp(known.entry_id, found.entry_id) != 0 || known.active != rows[i].active)
                        fail_msg("%s: by DN: %d, %s, active %d", rows[i].rule, by_dn, known.entry_id, known.active);
                if (strcmp(searched.entry_id, found.entry_id) != 0 || strcmp(searched.dn, found.dn) != 0 || searched.active != rows[i].active)
                        fail_msg("%s: the searched entry is another one", rows[i].rule);
        }
}

/* L8: a password with a NUL would be another one at many servers. */
static void passwords_with_a_nul(void **state) {
        struct secret secret = { 0 };
        struct directory_entry entry = { 0 };
        help_open(&c);
        assert_int_equal(secret_set(&secret, "alice-pw\0x", 10), 0);
        assert_int_equal(directory_ldap.check(c.directory, "alice", &secret, &entry), CHECK_WRONG);
}

/* Locked by wrong passwords: denied whatever the password, and no longer "wrong". */
static void lockout(void **state) {
        struct directory_entry entry = { 0 };
        help_open(&c);
        for (int i = 0; i < 3; i++)
                assert_int_equal(check("lou", "guess", &entry), CHECK_WRONG);
        assert_int_equal(check("lou", "lou-pw", &entry), CHECK_DENIED);
        assert_int_equal(check("lou", "guess", &entry), CHECK_DENIED);
}

/* The replica's knowledge is old: another entry has the DN, or the name went to another entry, or nobody is there. */
static void stale_knowledge(void **state) {
        struct directory_entry alice, bob, entry;
        help_open(&c);
        alice = find("alice");
        bob = find("bob");
        entry = alice;
        memcpy(entry.entry_id, bob.entry_id, sizeof entry.entry_id);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_NOT_FOUND);
        entry = bob;
        assert_int_equal(check("alice", "bob-pw", &entry), CHECK_NOT_FOUND);
        entry = alice;
        memcpy(entry.dn, "uid=gone,ou=people,dc=example,dc=org", 37);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        assert_string_equal(entry.dn, alice.dn);
        entry = alice;
        entry.dn[0] = 0;
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        assert_string_equal(entry.dn, alice.dn);
        entry = (struct directory_entry){ .entry_id = "another" };
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_NOT_FOUND);
        /* The service account has a password, but is no user of the directory. */
        entry = (struct directory_entry){ .entry_id = "x", .dn = READER };
        assert_int_equal(check("reader", "reader-pw", &entry), CHECK_NOT_FOUND);
}

static void renamed(void **state) {
        help_open(&c);
        help_slapd_change(&server, "dn: uid=tom,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nuid: tom\ncn: Tom\nsn: Toad\nuserPassword: tom-pw\n");
        struct directory_entry before = find("tom"), after, old = before;
        help_slapd_change(&server, "dn: uid=tom,ou=people," SUFFIX "\nchangetype: modrdn\nnewrdn: uid=thomas\ndeleteoldrdn: 1\n");
        assert_int_equal(check("tom", "tom-pw", &old), CHECK_NOT_FOUND);
        after = find("thomas");
        assert_int_equal(after.presence, PRESENCE_FOUND);
        assert_string_equal(after.entry_id, before.entry_id);
        assert_int_equal(find("tom").presence, PRESENCE_NOT_FOUND);
        /* An alias is nobody: the name is what the entry is named by. */
        help_slapd_change(&server, "dn: uid=thomas,ou=people," SUFFIX "\nchangetype: modify\nadd: uid\nuid: tom\n");
        assert_int_equal(find("tom").presence, PRESENCE_NOT_FOUND);
        assert_int_equal(find("thomas").presence, PRESENCE_FOUND);
        /* N2: two entries of one name are found, and are nobody. */
        help_slapd_change(&server, "dn: cn=Other,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nuid: THOMAS\ncn: Other\nsn: O\nuserPassword: other-pw\n");
        after = find("thomas");
        assert_int_equal(after.presence, PRESENCE_FOUND);
        assert_string_equal(after.entry_id, "");
        assert_false(after.active);
        after = (struct directory_entry){ 0 };
        assert_int_equal(check("thomas", "tom-pw", &after), CHECK_WRONG);
}

/* What the settings cannot reach is unavailable, never "not found". */
static void unavailable(void **state) {
        struct directory_entry entry = { 0 };
        c.ldap.base = "dc=nowhere";
        help_open(&c);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_UNAVAILABLE);
        help_close(&c);
        help_case(&c, server.uri, "");
        assert_int_equal(secret_set(&c.password, "wrong", 5), 0);
        help_open(&c);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        help_close(&c);
        help_case(&c, "ldap://127.0.0.1:1", "");
        help_open(&c);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_UNAVAILABLE);
}

static const struct {
        const char *what;
        bool tls, starttls, other_ca, localhost;
        const char *ca;
        bool works;
} tls_rows[] = {
        { "ldaps", .tls = true, .works = true },
        { "StartTLS", .starttls = true, .works = true },
        { "ldaps, another authority", .tls = true, .other_ca = true },
        { "StartTLS, another authority", .starttls = true, .other_ca = true },
        { "ldaps, the system's authorities", .tls = true, .ca = "" },
        { "ldaps, no such file", .tls = true, .ca = "/nonexistent/ca.crt" },
        { "ldaps, a file that is none", .tls = true, .ca = "/etc/passwd" },
};
static void tls(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(tls_rows); i++) {
                _cleanup_sbuf_ struct sbuf report = { 0 };
                help_case(&c, tls_rows[i].tls ? server.tls_uri : server.uri, tls_rows[i].ca ? tls_rows[i].ca : tls_rows[i].other_ca ? server.other_ca : server.ca);
                c.ldap.starttls = tls_rows[i].starttls;
                help_open(&c);
                struct directory_entry entry = { 0 };
                enum password_result result = check("alice", "alice-pw", &entry);
                int r = directory_ldap.test(c.directory, &report);
                if (result != (tls_rows[i].works ? CHECK_RIGHT : CHECK_UNAVAILABLE) || (r == 0) != tls_rows[i].works ||
                    !strstr(sbuf_text(&report), tls_rows[i].works ? ", encrypted, bound as bind_dn" : "TLS"))
                        fail_msg("%s: %d, %d: %s", tls_rows[i].what, result, r, sbuf_text(&report));
                help_close(&c);
        }
        help_case(&c, server.uri, "");
        help_open(&c);
}

/* Certificates that must not do: for another name, and one that ran out. */
static void bad_certificates(void **state) {
        static const char *const names[] = { "wrong", "expired" };
        help_open(&c);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char ldif[512];
                (void)snprintf(ldif, sizeof ldif, "dn: cn=config\nchangetype: modify\nreplace: olcTLSCertificateFile\nolcTLSCertificateFile: %s/tls/%s.crt\n-\n"
                               "replace: olcTLSCertificateKeyFile\nolcTLSCertificateKeyFile: %s/tls/%s.key\n", server.dir, names[i], server.dir, names[i]);
                help_slapd_config(&server, ldif);
                help_close(&c);
                help_case(&c, server.tls_uri, server.ca);
                help_open(&c);
                if (find("alice").presence != PRESENCE_UNAVAILABLE)
                        fail_msg("a certificate that is %s was taken", names[i]);
        }
        char back[512];
        (void)snprintf(back, sizeof back, "dn: cn=config\nchangetype: modify\nreplace: olcTLSCertificateFile\nolcTLSCertificateFile: %s/tls/server.crt\n-\n"
                       "replace: olcTLSCertificateKeyFile\nolcTLSCertificateKeyFile: %s/tls/server.key\n", server.dir, server.dir);
        help_slapd_config(&server, back);
        assert_int_equal(find("alice").presence, PRESENCE_FOUND);
}

/* A server that agrees on no more than TLS 1.1 gets nothing. */
static void old_tls(void **state) {
        help_open(&c);
        help_slapd_config(&server, "dn: cn=config\nchangetype: modify\nreplace: olcTLSCipherSuite\n"
                          "olcTLSCipherSuite: NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT:+SHA1:+SIGN-ALL:%VERIFY_ALLOW_SIGN_WITH_SHA1\n");
        help_close(&c);
        help_case(&c, server.tls_uri, server.ca);
        help_open(&c);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        help_slapd_config(&server, "dn: cn=config\nchangetype: modify\nreplace: olcTLSCipherSuite\nolcTLSCipherSuite: NORMAL:-VERS-ALL:+VERS-TLS1.2\n");
        assert_int_equal(find("alice").presence, PRESENCE_FOUND);
        help_slapd_config(&server, "dn: cn=config\nchangetype: modify\nreplace: olcTLSCipherSuite\nolcTLSCipherSuite: NORMAL\n");
}

/* The server goes, comes back, and the connections that were open are made anew without a failed login. */
static void restarts(void **state) {
        struct directory_entry entry = { 0 };
        help_open(&c);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        help_slapd_stop(&server);
        help_slapd_start(&server, "people.ldif");
        assert_int_equal(find("alice").presence, PRESENCE_FOUND);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        help_slapd_stop(&server);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_UNAVAILABLE);
        help_slapd_start(&server, "people.ldif");
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        /* The server closes connections that are idle for a second. */
        help_slapd_config(&server, "dn: cn=config\nchangetype: modify\nreplace: olcIdleTimeout\nolcIdleTimeout: 1\n");
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        (void)sleep(3);
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        assert_int_equal(check("alice", "x", &entry), CHECK_WRONG);
        help_slapd_config(&server, "dn: cn=config\nchangetype: modify\nreplace: olcIdleTimeout\nolcIdleTimeout: 0\n");
}

/* The first server is away, the second one is asked; every login afterwards goes there at once. */
static void fail_over(void **state) {
        struct directory_entry entry = { 0 };
        help_slapd_start(&second, "people.ldif");
        help_case(&c, server.uri, "");
        c.uris[1] = second.uri;
        c.ldap.uri_count = 2;
        help_open(&c);
        struct directory_entry first_entry = find("alice");
        help_slapd_stop(&server);
        struct directory_entry second_entry = find("alice");
        assert_int_equal(second_entry.presence, PRESENCE_FOUND);
        assert_string_not_equal(first_entry.entry_id, second_entry.entry_id); /* they are two servers with an entry each */
        assert_int_equal(check("alice", "alice-pw", &entry), CHECK_RIGHT);
        help_slapd_stop(&second);
        assert_int_equal(find("alice").presence, PRESENCE_UNAVAILABLE);
        help_slapd_start(&server, "people.ldif");
        struct directory_entry third_entry = find("alice");
        assert_string_equal(third_entry.entry_id, first_entry.entry_id);
}

static void test_reports(void **state) {
        _cleanup_sbuf_ struct sbuf report = { 0 }, mistake = { 0 }, empty = { 0 };
        help_open(&c);
        assert_int_equal(directory_ldap.test(c.directory, &report), 0);
        assert_non_null(strstr(sbuf_text(&report), "not encrypted, bound as bind_dn\nusers: for example "));
        assert_non_null(strstr(sbuf_text(&report), "\ngroups: for example "));
        help_close(&c);
        help_case(&c, server.uri, "");
        c.ldap.user_name = "sAMAccountName";
        help_open(&c);
        assert_int_equal(directory_ldap.test(c.directory, &mistake), -ENOENT);
        assert_non_null(strstr(sbuf_text(&mistake), "is the name attribute right?"));
        help_close(&c);
        help_case(&c, server.uri, "");
        c.ldap.user_filter = "(uid=nobody)";
        help_open(&c);
        assert_int_equal(directory_ldap.test(c.directory, &empty), -ENOENT);
        assert_non_null(strstr(sbuf_text(&empty), "none below \"ou=people,dc=example,dc=org\" matches (uid=nobody)"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(each_row, setup, teardown),
                cmocka_unit_test_setup_teardown(passwords_with_a_nul, setup, teardown),
                cmocka_unit_test_setup_teardown(lockout, setup, teardown),
                cmocka_unit_test_setup_teardown(stale_knowledge, setup, teardown),
                cmocka_unit_test_setup_teardown(renamed, setup, teardown),
                cmocka_unit_test_setup_teardown(unavailable, setup, teardown),
                cmocka_unit_test_setup_teardown(tls, setup, teardown),
                cmocka_unit_test_setup_teardown(bad_certificates, setup, teardown),
                cmocka_unit_test_setup_teardown(old_tls, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reports, setup, teardown),
                cmocka_unit_test_setup_teardown(restarts, setup, teardown),
                cmocka_unit_test_setup_teardown(fail_over, setup, teardown),
        };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
