/* What is refused in the configuration of an LDAP directory: every error names its line and what would be right.
 * Relies on: cmocka, common/config, a folder of its own under /tmp.
 * Must never: touch /etc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "config/config.h"
#include "config/ldap_syntax.h"

#define HOST "[application/host]\ndirectories = d\n"
#define LDAP "[directory/d]\ntype = ldap\nuri = ldaps://ldap.example.com\nbase = dc=example,dc=com\n" /* the next line is 5 */

static int parse(const char *text, bool check_files, struct sbuf *errors) {
        struct config *config = NULL;
        struct config_source source = { .path = (char *)(uintptr_t)"multidir.conf", .text = (char *)(uintptr_t)text, .len = strlen(text) };
        int r = config_parse(&(struct config_sources){ &source, 1 }, check_files, errors, &config);
        config_free(config);
        return r;
}

static size_t lines_of(const struct sbuf *errors) {
        size_t lines = 0;
        for (const char *p = sbuf_text(errors); *p; p++)
                lines += *p == '\n';
        return lines;
}

static const struct bad { const char *name, *text; unsigned line; const char *says; } bads[] = {
        { "no uri", "[directory/d]\ntype = ldap\nbase = dc=x\n" HOST, 1, "has no uri; valid: uri = the server, such as ldaps://" },
        { "no base", "[directory/d]\ntype = ldap\nuri = ldaps://a\n" HOST, 1, "has no base; valid: base = the DN" },
        { "S4 preset", LDAP "preset = opnldap\n" HOST, 5, "did you mean \"openldap\"? valid: active-directory, apacheds-1.0," },
        { "S4 preset, empty", LDAP "preset =\n" HOST, 5, "no such preset; valid:" },
        { "S4 preset, none near", LDAP "preset = oracle\n" HOST, 5, "freeipa, rfc2307bis, samba-ad, lldap" },
        { "a bad preset is one error, not many", LDAP "preset = x\nids = sid\nbind_dn = reader@example.com\nbind_password_file = /x\nmembers = name\nnested_groups = yes\n" HOST, 5, "no such preset" },
        { "uri, empty", "[directory/d]\ntype = ldap\nuri =\nbase = dc=x\n" HOST, 3, "valid: the server, such as" },
        { "uri, scheme", "[directory/d]\ntype = ldap\nuri = https://a\nbase = dc=x\n" HOST, 3, "\"https://a\": not the address of an LDAP server; valid: ldaps://HOST[:PORT]" },
        { "uri, several with a blank", "[directory/d]\ntype = ldap\nuri = ldaps://a ldaps://b\nbase = dc=x\n" HOST, 3, "\"ldaps://a ldaps://b\": there is a blank in it; valid: several servers with commas between them" },
        { "uri, the path of a socket", "[directory/d]\ntype = ldap\nuri = ldapi:///run/slapd/ldapi\nbase = dc=x\n" HOST, 3, "its slashes as %2F, such as ldapi://%2Frun" },
        { "uri, port", "[directory/d]\ntype = ldap\nuri = ldaps://b, ldaps://a:99999\nbase = dc=x\n" HOST, 3, "\"ldaps://a:99999\": not a port; valid: a number from 1 to 65535" },
        { "uri, base in it", "[directory/d]\ntype = ldap\nuri = ldaps://a/dc=x\nbase = dc=x\n" HOST, 3, "the base is a key of its own" },
        { "uri twice", "[directory/d]\ntype = ldap\nuri = ldaps://a, ldaps://A\nbase = dc=x\n" HOST, 3, "stands in it twice" },
        { "uri, too many", "[directory/d]\ntype = ldap\nbase = dc=x\nuri = ldaps://a1, ldaps://a2, ldaps://a3, ldaps://a4, ldaps://a5, ldaps://a6, ldaps://a7, ldaps://a8, ldaps://a9,"
          " ldaps://a10, ldaps://a11, ldaps://a12, ldaps://a13, ldaps://a14, ldaps://a15, ldaps://a16, ldaps://a17\n" HOST, 4, "at most 16" },
        { "plaintext", "[directory/d]\ntype = ldap\nuri = ldap://192.0.2.1\nbase = dc=x\n" HOST, 3, "passwords over the network in the clear; valid: ldaps://, or starttls = yes" },
        { "plaintext, second address", "[directory/d]\ntype = ldap\nuri = ldaps://a, ldap://127.0.0.1.example.com\nbase = dc=x\n" HOST, 3, "uri: ldap://127.0.0.1.example.com would" },
        { "plaintext, by DNS", "[directory/d]\ntype = ldap\nuri = ldap+srv://localhost\nbase = dc=x\n" HOST, 3, "in the clear" },
        { "plaintext to whoever listens", "[directory/d]\ntype = ldap\nuri = ldap://127.0.0.2:1024\nbase = dc=x\n" HOST, 3,
          "uri: ldap://127.0.0.2:1024: any user of this host may listen on a port from 1024 on" },
        { "plaintext to whoever listens, by name", "[directory/d]\ntype = ldap\nuri = ldapi://%2Fa, ldap://localhost:3389\nbase = dc=x\n" HOST, 3, "insecure_plaintext = yes" },
        { "starttls beside ldaps", LDAP "starttls = yes\n" HOST, 5, "no uri is ldap://" },
        { "insecure_plaintext beside ldaps", LDAP "insecure_plaintext = yes\n" HOST, 5, "insecure_plaintext = yes: no uri is ldap://" },
        { "... and a socket", "[directory/d]\ntype = ldap\nuri = ldapi://%2Fa\nbase = dc=x\ninsecure_plaintext = yes\n" HOST, 5, "valid: no" },
        { "starttls and insecure_plaintext", "[directory/d]\ntype = ldap\nuri = ldap://a\nbase = dc=x\nstarttls = yes\ninsecure_plaintext = yes\n" HOST, 6, "valid: one of the two" },
        { "base", "[directory/d]\ntype = ldap\nuri = ldaps://a\nbase = example.com\n" HOST, 4, "not a DN: each part is ATTRIBUTE=VALUE, with commas between; valid: such as" },
        { "base, empty", "[directory/d]\ntype = ldap\nuri = ldaps://a\nbase =\n" HOST, 4, "not a DN: it is empty" },
        { "user_base", LDAP "user_base = people\n" HOST, 5, "not a DN" },
        { "user_base, absolute", LDAP "user_base = ou=people, DC=Example , dc=com\n" HOST, 5, "it is relative to base = dc=example,dc=com; valid: only the part before that" },
        { "group_base, base itself", LDAP "group_base = dc=example,dc=com\n" HOST, 5, "it is relative to base" },
        { "bind_dn", LDAP "bind_dn = reader\nbind_password_file = /x\n" HOST, 5, "bind_dn: not a DN" },
        { "bind_dn of Windows elsewhere", LDAP "bind_dn = reader@example.com\nbind_password_file = /x\n" HOST, 5, "not a DN" },
        { "bind_dn of Windows, two marks", LDAP "preset = active-directory\nbind_dn = a\\b@example.com\nbind_password_file = /x\n" HOST, 6, "reader@example.com or EXAMPLE\\reader" },
        { "bind_dn without a password", LDAP "bind_dn = cn=reader\n" HOST, 5, "has bind_dn and no bind_password_file" },
        { "a password without bind_dn", LDAP "bind_password_file = /x\n" HOST, 5, "has bind_password_file and no bind_dn" },
        { "bind_password_file", LDAP "bind_dn = cn=reader\nbind_password_file = secret\n" HOST, 6, "valid: the absolute path of a file" },
        { "tls_ca_file", LDAP "tls_ca_file =\n" HOST, 5, "valid: the absolute path of a file" },
        { "user_filter", LDAP "user_filter = (objectClass=person\n" HOST, 5, "not an LDAP filter: a parenthesis is not closed; valid: such as" },
        { "group_filter, empty", LDAP "group_filter =\n" HOST, 5, "not an LDAP filter" },
        { "attribute", LDAP "user_name = user name\n" HOST, 5, "valid: the name of an LDAP attribute or object class" },
        { "attribute that must be there", LDAP "user_name =\n" HOST, 5, "at most 128 bytes" },
        { "... others too", LDAP "external_id =\n" HOST, 5, "valid: the name of an LDAP attribute" },
        { "members", LDAP "members = uid\n" HOST, 5, "valid: dn, name" },
        { "paged", LDAP "paged = 0\n" HOST, 5, "valid: a number from 1 to 100000, yes or no" },
        { "P5 writable", LDAP "preset = posix\nwritable = yes\n" HOST, 6, "writable: only a preset says it (P5)" },
        { "I1 sid", LDAP "ids = sid\n" HOST, 5, "user_sid names no attribute (I1)" },
        { "I1 sid of groups", LDAP "ids = sid\nuser_sid = objectSid\n" HOST, 5, "group_sid names no attribute (I1)" },
        { "I1 attribute", LDAP "ids = attribute\nuser_uid =\n" HOST, 5, "ids = attribute: user_uid names no attribute (I1)" },
        { "I1 attribute of groups", LDAP "preset = posix\ngroup_gid =\n" HOST, 1, "ids = attribute: group_gid names no attribute (I1)" },
        { "M9 nesting", LDAP "preset = posix\nnested_groups = yes\n" HOST, 6, "members are users only (M9)" },
        { "M9 memberOf", LDAP "preset = posix\nuser_member_of = memberOf\n" HOST, 6, "groups name their members (M9)" },
        { "L10", LDAP "offline_login = 7d\n" HOST, 5, "this version does not have it; valid: no" },
        { "T1", LDAP "sso = yes\n" HOST, 5, "this version does not have it; valid: no" },
        { "key of another type", LDAP "url = https://x\n" HOST, 5, "belongs to directories of type crowd and jira" },
        { "mistyped", LDAP "usr_name = uid\n" HOST, 5, "has no key \"usr_name\"; did you mean \"user_name\"? valid: the keys of type ldap in multidir.conf(5)\n" },
        { "what a key begins with", LDAP "bind_password = x\n" HOST, 5, "has no key \"bind_password\"; did you mean \"bind_password_file\"? valid" },
        { "unknown, nothing wild", LDAP "bind_passwd = x\n" HOST, 5, "has no key \"bind_passwd\"; valid: type, active," },
        { "unknown, none near", LDAP "colour = red\n" HOST, 5, "has no key \"colour\"; valid: type, active," },
        { "of another type, type below", "[directory/d]\nuri = ldaps://a\nuser_name = uid\ntype = internal\n" HOST, 3, "\"user_name\" belongs to directories of type ldap or delegated, and [directory/d] is of type internal" },
        { "starttls of an internal directory", "[directory/d]\ntype = internal\nstarttls = yes\n" HOST, 3, "belongs to directories of type ldap" },
        { "crowd is of a later version", "[directory/d]\ntype = crowd\n" HOST, 2, "it has internal, ldap and delegated only; valid: type = internal, type = ldap, type = delegated" },
        { "D3: what a login brings", LDAP "create_on_login = yes\n" HOST, 5, "\"create_on_login\" belongs to directories of type delegated, and [directory/d] is of type ldap" },
        { "D3: a default group", "[directory/d]\ntype = delegated\nuri = ldaps://a\nbase = dc=x\ndefault_groups = a:b\n" HOST, 5, "cannot be a group's name" },
        { "D3: without a server", "[directory/d]\ntype = delegated\nbase = dc=x\n" HOST, 1, "has no uri; valid: uri = the server" },
        { "D3: as for ldap, no password in the clear", "[directory/d]\ntype = delegated\nuri = ldap://a.example\nbase = dc=x\n" HOST, 3, "in the clear" },
        { "D3, I1: its users have no SID", "[directory/d]\ntype = delegated\npreset = active-directory\nuri = ldaps://a\nbase = dc=x\nids = sid\n" HOST, 6,
          "users of an internal or delegated directory have no SID" },
};

static void test_errors(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
                _cleanup_sbuf_ struct sbuf errors = { 0 };
                char place[64];
                int r = parse(bads[i].text, false, &errors);
                snprintf(place, sizeof place, "multidir.conf:%u: ", bads[i].line);
                if (r != -EINVAL || !strstr(sbuf_text(&errors), place) || !strstr(sbuf_text(&errors), bads[i].says))
                        fail_msg("%s: %d, wanted \"%s\" and \"%s\" in:\n%s", bads[i].name, r, place, bads[i].says, sbuf_text(&errors));
                /* What follows from an error is not one of its own. Two keys of another type are two. */
                size_t lines = lines_of(&errors);
                if (lines != (strstr(bads[i].name, "type below") ? 2 : 1))
                        fail_msg("%s: %zu errors:\n%s", bads[i].name, lines, sbuf_text(&errors));
        }
}

static const struct { const char *name, *text; } goods[] = {
        { "plaintext on this host", "[directory/d]\ntype = ldap\nuri = ldap://127.0.0.2:1023, ldap://[::1], ldap://localhost\nbase = dc=x\n" HOST },
        { "D3", "[directory/d]\ntype = delegated\nuri = ldaps://a\nbase = dc=x\npreset = openldap-posix\ncreate_on_login = yes\nupdate_on_login = yes\n"
                "import_groups_on_login = yes\ndefault_groups = a, b\nnested_groups = yes\nids = attribute\n" HOST },
        { "D3: off is no key of another type", LDAP "create_on_login = no\n" HOST },
        { "plaintext on a socket", "[directory/d]\ntype = ldap\nuri = ldapi://%2Frun%2Fldapi\nbase = dc=x\n" HOST },
        { "plaintext to a high port, said", "[directory/d]\ntype = ldap\nuri = ldap://127.0.0.1:1389\nbase = dc=x\ninsecure_plaintext = yes\n" HOST },
        { "a high port, encrypted", "[directory/d]\ntype = ldap\nuri = ldap://127.0.0.1:1389\nbase = dc=x\nstarttls = yes\n" HOST },
        { "plaintext, said", "[directory/d]\ntype = ldap\nuri = ldap://a\nbase = dc=x\ninsecure_plaintext = yes\n" HOST },
        { "starttls beside ldaps", "[directory/d]\ntype = ldap\nuri = ldaps://a, ldap://a\nbase = dc=x\nstarttls = yes\n" HOST },
        { "user@domain", LDAP "preset = active-directory\nbind_dn = reader@example.com\nbind_password_file = /x\n" HOST },
        { "DOMAIN\\user", LDAP "preset = samba-ad\nbind_dn = EXAMPLE\\reader\nbind_password_file = /x\n" HOST },
        { "a DN on Windows", LDAP "preset = samba-ad\nbind_dn = CN=Reader,DC=x\nbind_password_file = /x\n" HOST },
        { "I1 sid elsewhere", LDAP "ids = sid\nuser_sid = sambaSID\ngroup_sid = sambaSID\n" HOST },
        { "ids of a POSIX preset given out here", LDAP "preset = posix\nids = allocate\nuser_uid =\ngroup_gid =\n" HOST },
        { "a page of 100", LDAP "paged = 100\n" HOST },
};

static void test_valid(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(goods); i++) {
                _cleanup_sbuf_ struct sbuf errors = { 0 };
                if (parse(goods[i].text, false, &errors) < 0)
                        fail_msg("%s:\n%s", goods[i].name, sbuf_text(&errors));
        }
}

static const struct { const char *text; bool valid; } dns[] = {
        { "dc=com", true }, { "DC=Example,DC=com", true }, { "cn=a b, dc=x", true }, { "cn=a+uid=b,dc=x", true }, { "2.5.4.3=a", true },
        { "cn=Doe\\, John,dc=x", true }, { "cn=\\41\\2c,dc=x", true }, { "cn=#0403414243,dc=x", true }, { "cn=a=b", true }, { "cn=\xc3\xa9", true },
        { "cn = a , dc = x", true }, { "cn=it's #1", true }, { "cn=\\#a\\ ,dc=x", true },
        { "", false }, { " ", false }, { "com", false }, { "dc=", false }, { "dc=com,", false }, { ",dc=com", false }, { "dc=a,,dc=b", false },
        { "=a", false }, { "2.=a", false }, { "02.5=a", false }, { "c n=a", false }, { "cn=a;dc=x", false }, { "cn=\"a\",dc=x", false }, { "cn=<a>", false },
        { "cn=a\\", false }, { "cn=a\\4", false }, { "cn=a\\x", false }, { "cn=#", false }, { "cn=#1", false }, { "cn=#0g", false }, { "cn=a+", false }, { "cn=+", false },
};

static const struct { const char *text; bool valid; } filters[] = {
        { "(a=b)", true }, { "(a=*)", true }, { "(a=b*c*d)", true }, { "(a=)", true }, { "(&(a=b)(c>=d)(e<=f)(g~=h))", true }, { "(!(a=b))", true },
        { "(|(a=b))", true }, { "(a;binary=\\00\\ff)", true }, { "(1.2.3=x)", true }, { "(a:=b)", true }, { "(a:dn:=b)", true }, { "(a:2.5.13.2:=b)", true },
        { "(:dn:caseIgnoreMatch:=b)", true }, { "(:2.5.13.2:=b)", true }, { "(a=b = c)", true }, { "(a=\xc3\xa9)", true },
        { "(memberOf:1.2.840.113556.1.4.1941:=cn=g,dc=x)", true },
        { "", false }, { "a=b", false }, { "(a=b", false }, { "(a=b))", false }, { "((a=b))", false }, { "()", false }, { "(&)", false }, { "(|)", false },
        { "(!(a=b)(c=d))", false }, { "(!)", false }, { "(a)", false }, { "(=b)", false }, { "(a>b)", false }, { "(a>=b*)", false }, { "(a:=b*)", false }, { "(a=b**c)", false },
        { "(a=b(c)", false }, { "(a=b\\)", false }, { "(a=b\\2)", false }, { "(a=b\\zz)", false }, { "(& (a=b))", false }, { "(a =b)", false }, { "(:dn:=b)", false },
        { "(:=b)", false }, { "(a::=b)", false }, { "(a=b)(c=d)", false }, { "(a=b) ", false }, { "(&(a=b)c)", false },
};

static void test_syntax(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(dns); i++)
                if (!ldap_dn_problem(dns[i].text) != dns[i].valid)
                        fail_msg("the DN \"%s\": %s", dns[i].text, dns[i].valid ? ldap_dn_problem(dns[i].text) : "accepted");
        for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
                if (!ldap_filter_problem(filters[i].text) != filters[i].valid)
                        fail_msg("the filter \"%s\": %s", filters[i].text, filters[i].valid ? ldap_filter_problem(filters[i].text) : "accepted");
        char deep[3 * 70 + 8] = "";
        for (unsigned depth = 60; depth <= 70; depth += 10) {
                memset(deep, 0, sizeof deep);
                for (unsigned i = 0; i < depth; i++)
                        memcpy(deep + 2 * i, "(!", 2);
                memcpy(deep + 2 * (size_t)depth, "(a=b)", 5);
                memset(deep + 2 * (size_t)depth + 5, ')', depth);
                assert_int_equal(ldap_filter_problem(deep) == NULL, depth <= 64);
        }
        assert_true(ldap_dn_is_below("ou=a,dc=x", "DC=x") && ldap_dn_is_below("dc=x", "dc = x") && ldap_dn_is_below("ou=a, dc=x,dc=y ", "dc=x , dc=y"));
        assert_false(ldap_dn_is_below("ou=a", "dc=x") || ldap_dn_is_below("adc=x", "dc=x") || ldap_dn_is_below("x", "dc=x") || ldap_dn_is_below("ou=a,dc=x y", "dc=xy"));
}

/* Secrets that others can read, and certificates that others can write (root looks; anybody else cannot know whose file it should be). */
static void test_files(void **state) {
        char folder[] = "/tmp/config-ldap-XXXXXX", secret[64], ca[64];
        assert_non_null(mkdtemp(folder));
        assert_int_equal(chmod(folder, 0755), 0);
        snprintf(secret, sizeof secret, "%s/secret", folder);
        snprintf(ca, sizeof ca, "%s/ca.pem", folder);
        static const struct { const char *name; mode_t secret, ca; const char *says; bool root; } rows[] = {
                { "good", 0600, 0644, NULL, false },
                { "stricter", 0400, 0444, NULL, false },
                { "the group reads the secret", 0640, 0644, "mode 0640; valid: 0600 or stricter: it is a secret", true },
                { "others read the secret", 0604, 0644, "multidir.conf:6: [directory/d] bind_password_file", true },
                { "others write the certificates", 0600, 0666, "mode 0666; valid: 0644", true },
                { "only root reads the certificates", 0600, 0600, "ca.pem has mode 0600, and certificates are read by a process that is not root; valid: 0444", false },
                { "no secret", 0, 0644, "No such file", false },
                { "no certificates", 0600, 0, "multidir.conf:7: [directory/d] tls_ca_file", false },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_sbuf_ struct sbuf text = { 0 }, errors = { 0 };
                sbuf_printf(&text, LDAP "bind_dn = cn=reader\nbind_password_file = %s\ntls_ca_file = %s\n" HOST, secret, ca);
                if (rows[i].secret)
                        assert_int_equal(file_replace(secret, "x", 1, rows[i].secret), 0);
                if (rows[i].ca)
                        assert_int_equal(file_replace(ca, "x", 1, rows[i].ca), 0);
                bool refused = rows[i].says && (geteuid() == 0 || !rows[i].root);
                if ((parse(sbuf_text(&text), true, &errors) < 0) != refused || (refused && !strstr(sbuf_text(&errors), rows[i].says)))
                        fail_msg("%s, wanted %s:\n%s", rows[i].name, refused ? rows[i].says : "nothing", sbuf_text(&errors));
                /* The keeper and the workers do not look. */
                assert_int_equal(parse(sbuf_text(&text), false, &errors), 0);
                unlink(secret);
                unlink(ca);
        }
        _cleanup_sbuf_ struct sbuf text = { 0 }, errors = { 0 };
        assert_int_equal(file_replace(ca, "x", 1, 0644), 0);
        assert_int_equal(chmod(folder, 0700), 0);
        sbuf_printf(&text, LDAP "tls_ca_file = %s\n" HOST, ca);
        assert_int_equal(parse(sbuf_text(&text), true, &errors), -EINVAL);
        assert_non_null(strstr(sbuf_text(&errors), " has mode 0700, and certificates are read by a process that is not root; valid: 0711"));
        assert_non_null(strstr(sbuf_text(&errors), "multidir.conf:5: [directory/d] tls_ca_file: /tmp/config-ldap"));
        unlink(ca);
        sbuf_done(&text);
        sbuf_done(&errors);
        sbuf_printf(&text, LDAP "bind_dn = cn=reader\nbind_password_file = %s\ntls_ca_file = %s\n" HOST, folder, folder);
        assert_int_equal(parse(sbuf_text(&text), true, &errors), -EINVAL);
        assert_int_equal(lines_of(&errors), 2);
        assert_non_null(strstr(sbuf_text(&errors), "is not a regular file"));
        rmdir(folder);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_valid),
                cmocka_unit_test(test_syntax),
                cmocka_unit_test(test_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
