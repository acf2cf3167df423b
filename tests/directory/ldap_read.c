/* Synchronisation from a real OpenLDAP server (D2, D5, M1, M9, M10): what it delivers for three schemas, and what it refuses to take for the whole.
 * Relies on: cmocka, slapd.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/ldap_help.h"

static struct slapd people, posix, bis;
static struct ldap_case c;
static struct collected got;

static int stop_all(void **state) {
        if (c.directory)
                help_close(&c);
        struct slapd *const all[] = { &people, &posix, &bis };
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (all[i]->dir[0])
                        help_slapd_wipe(all[i]);
        return 0;
}
static int start_all(void **state) {
        help_slapd_start(&people, "people.ldif");
        help_slapd_start(&posix, "posix.ldif");
        help_slapd_start(&bis, "rfc2307bis.ldif");
        return 0;
}

static int teardown(void **state) {
        collected_done(&got);
        help_close(&c);
        return 0;
}

static void expect_sync(int result, const char *why) {
        int r = help_sync(&c, &got);
        if (r != result || !strstr(sbuf_text(&got.why), why))
                fail_msg("%d instead of %d, because: %s", r, result, sbuf_text(&got.why));
}

static void expect_lines(const char *lines) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        help_lines(&got, &text);
        assert_string_equal(sbuf_text(&text), lines);
}

#define PEOPLE_LINES "Carol>loop-b Carol>ops alice>devs bob>devs dave>login devs>>ops erin>login frank>login gina>login john>devs " \
                     "loop-a>>loop-b loop-b>>loop-a lou>login ops>>login zoe>ghosts"
#define PEOPLE_NAMES "Carol alice bob dave erin frank gina john lou zoe / devs ghosts login loop-a loop-b ops"

static void people_and_groups(void **state) {
        _cleanup_sbuf_ struct sbuf names = { 0 };
        help_case(&c, people.uri, "");
        help_open(&c);
        expect_sync(0, "");
        help_names(&got, &names);
        assert_string_equal(sbuf_text(&names), PEOPLE_NAMES);
        expect_lines(PEOPLE_LINES);
        assert_string_equal(help_detail(&got, "user alice|"), "user alice|uid=alice,ou=people,dc=example,dc=org|Alice A. Aardvark|alice@example.org|-|-|"
                            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA alice@example.org|-|0|0|active|-");
        assert_string_equal(help_detail(&got, "user bob|"), "user bob|uid=bob,ou=people,dc=example,dc=org|Bob Bear|-|-|-|-|-|0|0|active|-");
        assert_non_null(strstr(help_detail(&got, "user frank|"), "|inactive|"));
        assert_string_equal(help_detail(&got, "group devs|"), "group devs|Developers|-|0");
        assert_int_equal(got.progress, got.user_count + got.group_count);
}

/* M1: a directory that does not nest has no groups in groups. */
static void without_nesting(void **state) {
        help_case(&c, people.uri, "");
        c.settings.nested_groups = false;
        help_open(&c);
        expect_sync(0, "");
        expect_lines("Carol>loop-b Carol>ops alice>devs bob>devs dave>login erin>login frank>login gina>login john>devs lou>login zoe>ghosts");
}

static void members_of_another_class(void **state) {
        help_case(&c, people.uri, "");
        c.ldap.group_filter = "objectclass=groupOfNames";
        c.ldap.group_member = "member";
        help_open(&c);
        expect_sync(0, "");
        expect_lines("alice>names-inner bob>names-outer names-inner>>names-outer");
}

/* memberOf instead of the groups' lists; never both. */
static void member_of(void **state) {
        help_case(&c, people.uri, "");
        c.ldap.group_filter = "objectclass=groupOfNames";
        c.ldap.group_member = "member";
        c.ldap.user_member_of = "memberOf";
        help_open(&c);
        expect_sync(0, "");
        expect_lines("alice>names-inner bob>names-outer");
}

/* M9, M10; the number of no group stays a number; 0 is none. */
static void posix_schema(void **state) {
        help_case_posix(&c, posix.uri);
        help_open(&c);
        expect_sync(0, "");
        expect_lines("paul>shop paul>team paul>wheel0 quin>team rita>team");
        assert_string_equal(help_detail(&got, "user paul|"), "user paul|uid=paul,ou=people,dc=example,dc=org|Paul Panda|paul@example.org|/home/posix/paul|"
                            "/bin/sh|-|-|20001|30001|active|posix");
        assert_non_null(strstr(help_detail(&got, "user quin|"), "|20002|30999|active|posix"));
        assert_non_null(strstr(help_detail(&got, "user rita|"), "|inactive|"));
        assert_non_null(strstr(help_detail(&got, "user sly|"), "|0|0|active|-"));
        assert_string_equal(help_detail(&got, "group team|"), "group team|-|-|30001");
}

static void posix_members_by_dn(void **state) {
        help_case_posix(&c, bis.uri);
        c.ldap.members = LDAP_MEMBERS_DN;
        c.ldap.group_member = "member";
        help_open(&c);
        expect_sync(0, "");
        expect_lines("crew>>fleet tess>fleet uma>crew");
        assert_int_equal(got.group_count, 3);
}

/* Every page size gives the same, the size of the whole and one below and above it too. */
static void pages(void **state) {
        static const uint32_t sizes[] = { 1, 2, 3, 5, 6, 9, 10, 11, 1000 };
        help_case(&c, people.uri, "");
        help_open(&c);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                c.ldap.page_size = sizes[i];
                expect_sync(0, "");
                expect_lines(PEOPLE_LINES);
                collected_done(&got);
        }
}

/* Servers send the subtypes of what was asked for; whoever may write an entry makes as many of them as he likes. None is the attribute itself. */
static void subtypes_do_not_count(void **state) {
        _cleanup_sbuf_ struct sbuf ldif = { 0 };
        struct directory_entry bob = { 0 };
        sbuf_add(&ldif, "dn: uid=bob,ou=people," SUFFIX "\nchangetype: modify\n");
        for (int i = 0; i < 100; i++)
                sbuf_printf(&ldif, "add: displayName;lang-%c%c\ndisplayName;lang-%c%c: x\n-\n", 'a' + i / 26, 'a' + i % 26, 'a' + i / 26, 'a' + i % 26);
        help_slapd_change(&people, sbuf_text(&ldif));
        help_case(&c, people.uri, "");
        help_open(&c);
        expect_sync(0, "");
        expect_lines(PEOPLE_LINES);
        assert_non_null(strstr(help_detail(&got, "user bob|"), "|Bob Bear|"));
        directory_ldap.find(c.directory, "bob", &bob);
        assert_int_equal(bob.presence, PRESENCE_FOUND);
}

/* Complete, but not silent: who is missing can be found out, and why everybody is inactive. */
static void remarks(void **state) {
        help_case(&c, people.uri, "");
        help_open(&c);
        expect_sync(0, "");
        assert_string_equal(sbuf_text(&got.why), "");
        collected_done(&got);
        c.ldap.user_name = "mail";
        expect_sync(0, " entries are left out, because they have no name or one that nobody could type, such as ");
        assert_non_null(strstr(sbuf_text(&got.why), ",ou=people,dc=example,dc=org"));
        assert_null(strstr(sbuf_text(&got.why), "userAccountControl"));
        collected_done(&got);
        help_close(&c);
        help_case(&c, people.uri, "");
        c.ldap.active_directory = true;
        help_open(&c);
        expect_sync(0, " users are not active, because bind_dn may not read their userAccountControl");
        assert_non_null(strstr(help_detail(&got, "user alice|"), "|inactive|"));
}

static void set_limits(const char *limits) {
        char ldif[512];
        (void)snprintf(ldif, sizeof ldif, "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcLimits\nolcLimits: {0}dn.exact=\"%s\" %s\n",
                       READER, limits);
        help_slapd_config(&people, ldif);
}

/* D5: what came before a limit is a part, and is never taken for the whole. */
static void limits(void **state) {
        help_case(&c, people.uri, "");
        help_open(&c);
        set_limits("size.soft=5 size.hard=5 size.prtotal=unlimited size.pr=4");
        expect_sync(-EFBIG, "after 5 entries");
        assert_int_equal(got.user_count, 5);
        collected_done(&got);
        c.ldap.page_size = 4;
        expect_sync(0, "");
        expect_lines(PEOPLE_LINES);
        collected_done(&got);
        c.ldap.page_size = 60; /* halved until the server takes it … */
        expect_sync(-EFBIG, "users below \"ou=people,dc=example,dc=org\"");
        collected_done(&got);
        set_limits("size.soft=5 size.hard=5 size.prtotal=unlimited size.pr=15");
        expect_sync(0, "");
        expect_lines(PEOPLE_LINES);
        collected_done(&got);
        set_limits("size.soft=5 size.hard=5");
        c.ldap.page_size = 4;  /* a limit of all pages together */
        expect_sync(-EFBIG, "after");
        set_limits("size=unlimited time=unlimited");
}

static const struct {
        const char *what, *base, *user_filter, *external_id, *bind_dn, *password, *why;
        int result;
} failures[] = {
        { "no such base", "dc=nowhere", NULL, NULL, NULL, NULL, "users below \"ou=people,dc=nowhere\"", -ENOENT },
        { "a filter that is none", NULL, "(uid=*", NULL, NULL, NULL, "filter", -EINVAL },
        { "an id that nobody has", NULL, NULL, "objectGUID", NULL, NULL, "external_id", -EINVAL },
        { "an id that is none", NULL, NULL, "objectClass", NULL, NULL, "another entry has the same external_id", -EEXIST },
        { "a wrong password", NULL, NULL, NULL, NULL, "wrong", "refuses the bind as bind_dn", -EACCES },
        { "an unknown account", NULL, NULL, NULL, "cn=nobody,dc=example,dc=org", NULL, "refuses the bind as bind_dn", -EACCES },
        { "no password", NULL, NULL, NULL, NULL, "", "bind_password_file", -EINVAL },
        { "anonymous, who sees nothing", NULL, NULL, NULL, "", NULL, "who does not bind may not see it", -ENOENT },
};
static void failures_have_words(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
                help_case(&c, people.uri, "");
                c.ldap.base = failures[i].base ? failures[i].base : c.ldap.base;
                c.ldap.user_filter = failures[i].user_filter ? failures[i].user_filter : c.ldap.user_filter;
                c.ldap.external_id = failures[i].external_id ? failures[i].external_id : c.ldap.external_id;
                c.ldap.bind_dn = failures[i].bind_dn ? failures[i].bind_dn : c.ldap.bind_dn;
                if (failures[i].password)
                        assert_int_equal(secret_set(&c.password, failures[i].password, strlen(failures[i].password)), 0);
                help_open(&c);
                int r = help_sync(&c, &got);
                if (r != failures[i].result || !strstr(sbuf_text(&got.why), failures[i].why))
                        fail_msg("%s: %d: %s", failures[i].what, r, sbuf_text(&got.why));
                collected_done(&got);
                help_close(&c);
        }
        help_case(&c, people.uri, "");
        help_open(&c);
}

/* D5: a part of the tree is elsewhere. It stays there: nothing after this test reads people to the end. */
static void referral(void **state) {
        help_case(&c, people.uri, "");
        help_open(&c);
        help_slapd_change(&people, "dn: ou=other,ou=people," SUFFIX "\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\nou: other\n"
                          "ref: ldap://127.0.0.1:1/ou=other," SUFFIX "\n");
        expect_sync(-EREMOTE, "another server");
}

static int refuse_user(void *userdata, const struct sync_user *user) { return -ENOSPC; }

static void the_sink_may_refuse(void **state) {
        help_case(&c, people.uri, "");
        help_open(&c);
        const struct sync_sink sink = { .user = refuse_user, .group = collect_group, .member = collect_member, .child = collect_child, .userdata = &got };
        assert_int_equal(directory_ldap.sync(c.directory, &(struct directory_sync){ .cookie = "" }, &sink, &got.why), -ENOSPC);
        assert_non_null(strstr(sbuf_text(&got.why), "replica"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(people_and_groups, teardown),
                cmocka_unit_test_teardown(without_nesting, teardown),
                cmocka_unit_test_teardown(members_of_another_class, teardown),
                cmocka_unit_test_teardown(member_of, teardown),
                cmocka_unit_test_teardown(posix_schema, teardown),
                cmocka_unit_test_teardown(posix_members_by_dn, teardown),
                cmocka_unit_test_teardown(pages, teardown),
                cmocka_unit_test_teardown(subtypes_do_not_count, teardown),
                cmocka_unit_test_teardown(remarks, teardown),
                cmocka_unit_test_teardown(limits, teardown),
                cmocka_unit_test_teardown(failures_have_words, teardown),
                cmocka_unit_test_teardown(referral, teardown),
                cmocka_unit_test_teardown(the_sink_may_refuse, teardown),
        };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
