/* What has changed at a server since a replica was read, against a real slapd: RFC 4533 with a watch, and modifyTimestamp where the server cannot do that.
 * Each row changes the server in the end of a run, and says what the next run must tell.
 * Relies on: slapd, ldap-utils (skipped without them).
 * Must never: leave a server or a folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "directory/ldap/kind.h"
#include "directory/ldap_told.h"

static struct slapd slapd;

static void change(const char *ldif) {
        help_slapd_change(&slapd, ldif);
}

#define ADD(what) "dn: uid=" what ",ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: " what "\ncn: " what "\nsn: x\n"

static void watched(void **state) {
        static const struct row rows[] = {
                { "full", NULL, NULL },
                { "add", ADD("new1"), "D +new1" },
                { "modify", "dn: uid=new1,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: cn\ncn: Other\n", "D +new1" },
                { "rename", "dn: uid=new1,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=new2\ndeleteoldrdn: 1\n", "D +new2" },
                { "member", "dn: cn=g1,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: g1\n"
                            "uniqueMember: UID=New2, ou=people,dc=example,dc=org\nuniqueMember: uid=later,ou=people,dc=example,dc=org\n",
                  "D +g1 g1>new2 g1>later" },
                { "two at once", ADD("new3") "\n" ADD("new4"), "D +new3 +new4" },
                { "member gone", "dn: cn=g1,ou=groups,dc=example,dc=org\nchangetype: modify\ndelete: uniqueMember\n"
                                 "uniqueMember: uid=new2,ou=people,dc=example,dc=org\n", "D +g1 g1>later" },
                { "filter left", "dn: uid=new3,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=new3\ndeleteoldrdn: 0\n"
                                 "newsuperior: ou=groups,dc=example,dc=org\n", "D -user" },
                /* Not both at once: users and groups are two searches, and which of them the server serves first is its affair. */
                { "delete a user", "dn: uid=new4,ou=people,dc=example,dc=org\nchangetype: delete\n", "D -user" },
                { "delete a group", "dn: cn=g1,ou=groups,dc=example,dc=org\nchangetype: delete\n", "D -group" },
                { "new container", "dn: ou=team,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: organizationalUnit\nou: team\n\n" ADD("new5"), "D +new5" },
        };
        struct ldap_case c;
        struct told told = { .rows = rows, .row_count = ARRAY_SIZE(rows), .change = change, .request = { .cookie = "", .watch = true } };
        _cleanup_sbuf_ struct sbuf why = { 0 }, again = { 0 };
        help_case(&c, slapd.uri, "");
        help_open(&c);
        (void)sleep(1); /* containers of the second in which it was filled could not be told from later ones */
        int r = directory_ldap.sync(c.directory, &told.request, sink_of(&told), &why);
        if (r != -ECANCELED || told.row != ARRAY_SIZE(rows))
                fail_msg("%d after %zu rows: %s", r, told.row, sbuf_text(&why));
        assert_int_equal(told.request.keeping, SYNC_KEPT_WATCH);

        /* While nobody watches. */
        assert_int_equal(run_once(&c, &told, true, &again), -ECANCELED);
        assert_string_equal(sbuf_text(&told.text), "D");
        help_slapd_change(&slapd, "dn: uid=new5,ou=people,dc=example,dc=org\nchangetype: delete\n\n" ADD("new6"));
        assert_int_equal(run_once(&c, &told, true, &again), -ECANCELED);
        assert_true(strstr(sbuf_text(&told.text), " +new6"));
        /* The server was stopped meanwhile, so that it has forgotten what was deleted: it names what there is. */
        help_slapd_change(&slapd, "dn: uid=new6,ou=people,dc=example,dc=org\nchangetype: delete\n");
        help_slapd_stop(&slapd);
        help_slapd_start(&slapd, "people.ldif");
        r = run_once(&c, &told, true, &again);
        if (r != -ECANCELED || told.text.len == 0)
                fail_msg("%d: %s", r, sbuf_text(&again));
        assert_string_equal(sbuf_text(&told.text), "Dug");
        assert_int_equal(told.users, 11);
        /* What holds entries is moved; in the second in which it was made, nobody could tell. */
        (void)sleep(1);
        help_slapd_change(&slapd, "dn: ou=team,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: ou=crew\ndeleteoldrdn: 1\n");
        assert_int_equal(run_once(&c, &told, true, &again), -ECANCELED);
        assert_int_equal(sbuf_text(&told.text)[0], 'F');
        /* Other settings, garbage: full. */
        c.ldap.user_email = "otherMail";
        assert_int_equal(run_once(&c, &told, true, &again), -ECANCELED);
        assert_int_equal(sbuf_text(&told.text)[0], 'F');
        (void)snprintf(told.cookie, sizeof told.cookie, "nonsense");
        assert_int_equal(run_once(&c, &told, true, &again), -ECANCELED);
        assert_int_equal(sbuf_text(&told.text)[0], 'F');
        sbuf_done(&told.text);
        help_close(&c);
}

/* By modifyTimestamp, and the ids that there still are. */
static void asked(void **state) {
        static const struct { const char *name, *ldif, *expected, *change; unsigned more; } rows[] = {
                { "nothing", NULL, "Dug", NULL, 0 },
                { "add", ADD("new1"), "Dug", " +new1", 1 },
                { "modify, delete", "dn: uid=new1,ou=people,dc=example,dc=org\nchangetype: modify\nreplace: cn\ncn: Other\n\n" ADD("new2")
                                    "\ndn: uid=new2,ou=people,dc=example,dc=org\nchangetype: delete\n", "Dug", " +new1", 1 },
                { "member", "dn: cn=g1,ou=groups,dc=example,dc=org\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: g1\n"
                            "uniqueMember: UID=New1, ou=people,dc=example,dc=org\n", "Dug", " +g1 g1>new1", 1 },
                { "delete", "dn: uid=new1,ou=people,dc=example,dc=org\nchangetype: delete\n", "Dug", " +g1 g1>new1", 0 },
                { "new container", "dn: ou=team,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: organizationalUnit\nou: team\n", "Dug", NULL, 0 },
                { "container moved", "dn: ou=team,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: ou=crew\ndeleteoldrdn: 1\n", "F", NULL, 0 },
                { "after that", NULL, "Dug", NULL, 0 },
        };
        struct ldap_case c;
        struct told told = { .change = change };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        help_case(&c, slapd.uri, "");
        help_open(&c);
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        assert_int_equal(told.request.keeping, SYNC_KEPT_CHANGES);
        unsigned users = told.users;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                /* Times are of seconds. */
                if (strstr(rows[i].name, "container"))
                        (void)sleep(1);
                if (rows[i].ldif)
                        help_slapd_change(&slapd, rows[i].ldif);
                int r = run_once(&c, &told, true, &why);
                /* What is no older than the overlap comes again: among all that, the change. */
                const char *text = sbuf_text(&told.text);
                bool same = text[0] == rows[i].expected[0] && strncmp(text, rows[i].expected, strlen(rows[i].expected) < 3 ? 1 : 3) == 0;
                if (r != -ECANCELED || !same || (rows[i].change && !strstr(text, rows[i].change)))
                        fail_msg("%s: %d: \"%s\" instead of \"%s\": %s", rows[i].name, r, text, rows[i].expected, sbuf_text(&why));
                if (rows[i].expected[0] == 'D' && told.present != users + rows[i].more)
                        fail_msg("%s: %u users are there", rows[i].name, told.present);
        }
        sbuf_done(&told.text);
        help_close(&c);
}

/* The preferred address is a socket that comes later. */
static struct ldap_case two;
static char preferred[128], socket_path[80];

static void come_back(const char *ldif) {
        char theirs[80];
        help_slapd_change(&slapd, ldif);
        if (two.directory->session.prefer_after_ms == 0)
                return; /* the first row: there was no watch yet */
        (void)snprintf(theirs, sizeof theirs, "%s/ldapi", slapd.dir);
        assert_int_equal(link(theirs, socket_path), 0);
        two.directory->session.prefer_after_ms = 1;
}

/* A watch at another server than the preferred one ends, between two runs, when that one answers; nothing is lost, and what follows is told from there. */
static void watched_at_the_preferred_one(void **state) {
        static const struct row rows[] = {
                { "full", NULL, NULL }, { "watched", ADD("one"), "D +one" }, { "not told here any more", ADD("two"), NULL },
        };
        struct told told = { .rows = rows, .row_count = ARRAY_SIZE(rows), .change = come_back, .request = { .cookie = "", .watch = true } };
        _cleanup_sbuf_ struct sbuf why = { 0 }, again = { 0 };
        (void)snprintf(socket_path, sizeof socket_path, "%s/later", slapd.dir);
        (void)snprintf(preferred, sizeof preferred, "ldapi://%%2Ftmp%%2F%s%%2Flater", strrchr(slapd.dir, '/') + 1);
        help_case(&two, preferred, "");
        two.uris[1] = slapd.uri;
        two.ldap.uri_count = 2;
        help_open(&two);
        (void)sleep(1);
        uint64_t began_ms = clock_monotonic_ms();
        int r = directory_ldap.sync(two.directory, &told.request, sink_of(&told), &why);
        if (r != -ENOTCONN || !told.request.lost || told.row != 2 || !strstr(sbuf_text(&why), "the preferred server answers again"))
                fail_msg("%d after %zu rows: %s", r, told.row, sbuf_text(&why));
        assert_true(clock_monotonic_ms() - began_ms < 15000);
        assert_int_equal(run_once(&two, &told, true, &again), -ECANCELED);
        if (sbuf_text(&told.text)[0] != 'D' || !strstr(sbuf_text(&told.text), " +two"))
                fail_msg("from the same cookie: \"%s\"", sbuf_text(&told.text));
        assert_int_equal(two.directory->session.down_until_ms[0], 0); /* it was read there */
        sbuf_done(&told.text);
        help_close(&two);
}

/* D5: who reads that it failed learns which DN is not there, and which keys say it, whichever way the server is read. */
static void no_such_base(void **state) {
        static const struct { const char *name, *base, *user_base, *group_base, *where, *keys; } rows[] = {
                { "base", "dc=nowhere", "", "", "below \"dc=nowhere\"", "that DN (base) is not there" },
                { "user_base", SUFFIX, "ou=nobody", "ou=groups", "users below \"ou=nobody," SUFFIX "\"", "that DN (user_base, base) is not there" },
                { "group_base", SUFFIX, "ou=people", "ou=nothing", "groups below \"ou=nothing," SUFFIX "\"", "that DN (group_base, base) is not there" },
                { "both, alike", SUFFIX, "ou=none", "ou=none", "users below \"ou=none," SUFFIX "\"", "that DN (user_base, group_base, base) is not there" },
        };
        for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
                _cleanup_sbuf_ struct sbuf why = { 0 }, report = { 0 };
                bool watch = i % 2 == 1;
                struct told told = { 0 };
                struct ldap_case c;
                help_case(&c, slapd.uri, "");
                c.ldap.base = rows[i / 2].base;
                c.ldap.user_base = rows[i / 2].user_base;
                c.ldap.group_base = rows[i / 2].group_base;
                help_open(&c);
                int r = run_once(&c, &told, watch, &why);
                if (r != -ENOENT || !strstr(sbuf_text(&why), rows[i / 2].where) || !strstr(sbuf_text(&why), rows[i / 2].keys))
                        fail_msg("%s%s: %d: %s", rows[i / 2].name, watch ? ", watched" : "", r, sbuf_text(&why));
                assert_true(directory_ldap.test(c.directory, &report) < 0);
                if (!strstr(sbuf_text(&report), rows[i / 2].keys))
                        fail_msg("%s, tested: %s", rows[i / 2].name, sbuf_text(&report));
                sbuf_done(&told.text);
                help_close(&c);
        }
}

static int setup_without(void **state) {
        assert_int_equal(setenv("SLAPD_NO_SYNCPROV", "1", 1), 0);
        help_slapd_start(&slapd, "people.ldif");
        assert_int_equal(unsetenv("SLAPD_NO_SYNCPROV"), 0);
        return 0;
}
static int setup(void **state) {
        help_slapd_start(&slapd, "people.ldif");
        return 0;
}
static int teardown(void **state) {
        help_slapd_wipe(&slapd);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(watched, setup, teardown),
                cmocka_unit_test_setup_teardown(asked, setup_without, teardown),
                cmocka_unit_test_setup_teardown(watched_at_the_preferred_one, setup, teardown),
                cmocka_unit_test_setup_teardown(no_such_base, setup, teardown),
        };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
