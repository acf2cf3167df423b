/* Active Directory (Samba's): SIDs, ranges, the sub-codes of a bind, the domain's root with its references to other partitions (D2, L3, L7, M10).
 * Relies on: cmocka; tests/servers/samba.sh and what that needs; root. Skipped where one of these is missing.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/ldap_told.h"

static char folder[] = "/tmp/multidir-ad-XXXXXX", uri[64], plain_uri[64], ca[128], port[8], tls_port[8];
static struct ldap_case c;
static struct collected got;

static int samba(const char *command, const char *a, const char *b) {
        int status = -1;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);
                (void)dup2(null, STDIN_FILENO);
                (void)dup2(null, STDOUT_FILENO);
                (void)execl("/bin/bash", "bash", SERVERS "/samba.sh", command, folder, a, b, (char *)NULL);
                _exit(126);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
static int start_all(void **state) {
        assert_non_null(mkdtemp(folder));
        (void)snprintf(port, sizeof port, "%u", help_port());
        (void)snprintf(tls_port, sizeof tls_port, "%u", help_port());
        (void)snprintf(uri, sizeof uri, "ldaps://127.0.0.1:%s", tls_port);
        (void)snprintf(plain_uri, sizeof plain_uri, "ldap://127.0.0.1:%s", port);
        (void)snprintf(ca, sizeof ca, "%s/tls/ca.crt", folder);
        return samba("start", port, tls_port);
}
static int stop_all(void **state) {
        (void)samba("wipe", NULL, NULL);
        return 0;
}

static void setup_with(const char *account, const char *password) {
        help_case(&c, uri, ca);
        c.settings.ids = IDS_SID;
        c.ldap.preset = "active-directory";
        c.ldap.base = "dc=ad,dc=test";
        c.ldap.user_base = c.ldap.group_base = "";
        c.ldap.bind_dn = account;
        c.settings.writes_passwords = true;
        c.ldap.user_password = "unicodePwd";
        c.ldap.user_filter = "(&(objectCategory=Person)(sAMAccountName=*))";
        c.ldap.user_name = "sAMAccountName";
        c.ldap.user_home = "unixHomeDirectory";
        c.ldap.user_sid = c.ldap.group_sid = "objectSid";
        c.ldap.user_primary_group_id = "primaryGroupID";
        c.ldap.group_filter = "(objectCategory=Group)";
        c.ldap.group_member = "member";
        c.ldap.external_id = "objectGUID";
        c.ldap.page_size = 5;
        c.ldap.active_directory = true;
        assert_int_equal(secret_set(&c.password, password, strlen(password)), 0);
        help_open(&c);
}
static int setup(void **state) {
        setup_with("reader@ad.test", "reader-pw-12345");
        return 0;
}
static int teardown(void **state) {
        collected_done(&got);
        help_close(&c);
        return 0;
}

static bool has_line(const char *line) {
        for (size_t i = 0; i < got.line_count; i++)
                if (strcmp(got.lines[i], line) == 0)
                        return true;
        return false;
}

static void the_whole_domain(void **state) {
        int r = help_sync(&c, &got);
        if (r < 0)
                fail_msg("%d: %s", r, sbuf_text(&got.why));
        const char *anna = help_detail(&got, "user anna|");
        assert_non_null(strstr(anna, "user anna|CN=Anna Adler,OU=people,DC=ad,DC=test|Anna Adler|anna@ad.test|/home/ad/anna|/bin/sh|-|S-1-5-21-"));
        assert_non_null(strstr(anna, "|23001|513|active|posix"));
        assert_non_null(strstr(help_detail(&got, "user dis|"), "|inactive|"));
        assert_non_null(strstr(help_detail(&got, "user exp|"), "|inactive|"));
        assert_non_null(strstr(help_detail(&got, "group Domain Users|"), "|513"));
        /* The primary group is in nobody's list of members. */
        assert_true(has_line("anna>inner") && has_line("bert>inner") && has_line("cleo>outer") && has_line("inner>>outer") && has_line("anna>Domain Users"));
        assert_false(has_line("anna>outer"));
}

static void names_of_the_entry(void **state) {
        struct directory_entry entry = { 0 };
        directory_ldap.find(c.directory, "ANNA", &entry);
        assert_int_equal(entry.presence, PRESENCE_FOUND);
        assert_int_equal(strlen(entry.entry_id), 36);
        assert_string_equal(entry.dn, "CN=Anna Adler,OU=people,DC=ad,DC=test");
}

static const struct { const char *what, *user, *password; enum password_result result; bool active; } rows[] = {
        { "L1 right", "anna", "anna-pw-12345", CHECK_RIGHT, true },
        { "L1 wrong", "anna", "bert-pw-12345", CHECK_WRONG, true },
        { "L3 disabled", "dis", "dis-pw-12345", CHECK_DENIED, false },
        { "L3 disabled, wrong password", "dis", "x", CHECK_WRONG, false },
        { "the account has ended", "exp", "exp-pw-12345", CHECK_DENIED, false },
        { "L7 must change", "must", "must-pw-12345", CHECK_MUST_CHANGE, true },
        { "L7 only a right password reveals it", "must", "x", CHECK_WRONG, true },
        { "L7 too old", "old", "old-pw-12345", CHECK_MUST_CHANGE, true },
        { "not at this hour", "hours", "hours-pw-12345", CHECK_DENIED, true },
        { "not from here", "ws", "ws-pw-12345", CHECK_DENIED, true },
        { "nobody", "nobody", "x", CHECK_NOT_FOUND, false },
};
static void passwords(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct secret password = { 0 };
                struct directory_entry entry = { 0 };
                assert_int_equal(secret_set(&password, rows[i].password, strlen(rows[i].password)), 0);
                enum password_result result = directory_ldap.check(c.directory, rows[i].user, &password, &entry);
                if (result != rows[i].result || entry.active != rows[i].active)
                        fail_msg("%s: %d, active %d", rows[i].what, result, entry.active);
        }
}

static enum password_set set(const char *user, const char *old, const char *new, struct sbuf *why) {
        struct secret old_secret = { 0 }, new_secret = { 0 };
        struct directory_entry entry = { 0 };
        assert_int_equal(secret_set(&old_secret, old ? old : "", old ? strlen(old) : 0), 0);
        assert_int_equal(secret_set(&new_secret, new, strlen(new)), 0);
        return directory_ldap.set_password(c.directory, user, old ? &old_secret : NULL, &new_secret, &entry, why);
}

/* unicodePwd, on the connection of an account without rights: it is the old password that counts (U2, L7). */
static const struct { const char *what, *user, *old, *new; enum password_set set; } set_rows[] = {
        { "U2 right", "bert", "bert-pw-12345", "bert-2nd-12345", PASSWORD_SET_DONE },
        { "U2 letters outside ASCII", "bert", "bert-2nd-12345", "B\xc3\xa4rt-\xe2\x82\xac-\xf0\x9f\x98\x80-12345", PASSWORD_SET_DONE },
        { "U2 wrong old", "anna", "bad-pw-12345", "anna-2nd-12345", PASSWORD_SET_WRONG },
        { "the domain's policy", "anna", "anna-pw-12345", "a", PASSWORD_SET_REJECTED },
        { "no UTF-8", "anna", "anna-pw-12345", "\xff\xff-anna-12345", PASSWORD_SET_REJECTED },
        { "L7 must change", "must", "must-pw-12345", "must-2nd-12345", PASSWORD_SET_DONE },
        { "L7 must change, wrong old", "must", "bad-pw-12345", "must-3rd-12345", PASSWORD_SET_WRONG },
        { "L7 too old", "old", "old-pw-12345", "old-2nd-12345", PASSWORD_SET_DONE },
        { "P6 the account may not set others'", "anna", NULL, "anna-2nd-12345", PASSWORD_SET_DENIED },
};
static void set_passwords(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(set_rows); i++) {
                _cleanup_sbuf_ struct sbuf why = { 0 };
                struct secret password = { 0 };
                struct directory_entry entry = { 0 };
                enum password_set result = set(set_rows[i].user, set_rows[i].old, set_rows[i].new, &why);
                if (result != set_rows[i].set || (result == PASSWORD_SET_REJECTED) != (why.len > 0))
                        fail_msg("%s: %d, %s", set_rows[i].what, result, sbuf_text(&why));
                assert_int_equal(secret_set(&password, set_rows[i].new, strlen(set_rows[i].new)), 0);
                if (result == PASSWORD_SET_DONE && directory_ldap.check(c.directory, set_rows[i].user, &password, &entry) != CHECK_RIGHT)
                        fail_msg("%s: the new one is not right", set_rows[i].what);
        }
}

/* By an account that may; and never without TLS. */
static void set_by_an_administrator(void **state) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct secret password = { 0 };
        struct directory_entry entry = { 0 };
        help_close(&c);
        setup_with("administrator@ad.test", "Adm1n-Passw0rd");
        assert_int_equal(set("cleo", NULL, "cleo-2nd-12345", &why), PASSWORD_SET_DONE);
        assert_int_equal(secret_set(&password, "cleo-2nd-12345", 14), 0);
        assert_int_equal(directory_ldap.check(c.directory, "cleo", &password, &entry), CHECK_RIGHT);
        assert_int_equal(set("cleo", NULL, "a", &why), PASSWORD_SET_REJECTED);
        c.uris[0] = plain_uri;
        directory_ldap.close(c.directory);
        help_open(&c);
        assert_int_equal(set("cleo", "cleo-2nd-12345", "cleo-3rd-12345", &why), PASSWORD_SET_UNAVAILABLE);
}

/* It refuses a bind without TLS: a setting to correct, never a wrong password. */
static void without_tls(void **state) {
        struct secret password = { 0 };
        struct directory_entry entry = { 0 };
        c.uris[0] = plain_uri;
        assert_int_equal(secret_set(&password, "anna-pw-12345", 13), 0);
        assert_int_equal(directory_ldap.check(c.directory, "anna", &password, &entry), CHECK_UNAVAILABLE);
        c.ldap.starttls = true;
        assert_int_equal(directory_ldap.check(c.directory, "anna", &password, &entry), CHECK_RIGHT);
}

/* As its administrator. */
static void change(const char *ldif) {
        char *path = NULL;
        int status = -1;
        FILE *file = asprintf(&path, "%s/change.ldif", folder) > 0 ? fopen(path, "we") : NULL;
        assert_true(file && fputs(ldif, file) >= 0 && fclose(file) == 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)unsetenv("LDAPNOINIT");
                (void)setenv("LDAPTLS_CACERT", ca, 1);
                (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
                (void)execl("/usr/bin/ldapmodify", "ldapmodify", "-x", "-H", uri, "-D", "administrator@ad.test", "-w", "Adm1n-Passw0rd", "-f", path, (char *)NULL);
                _exit(126);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        free(path);
}

#define AD_USER(name) "dn: CN=" name ",OU=people,DC=ad,DC=test\nchangetype: add\nobjectClass: user\nsAMAccountName: " name "\n"
#define AD_GROUP "CN=fresh,OU=people,DC=ad,DC=test"

/* By uSNChanged, where what is deleted can be seen: who has changed and does not match is gone; nothing is listed. */
static void deleted_objects(void **state) {
        static const struct { const char *name, *ldif, *has, *has_not; } steps[] = {
                { "nothing", NULL, "D", " " },
                { "a new user", AD_USER("wanda"), " ++wanda", NULL },
                { "moved out of user_base", "dn: CN=wanda,OU=people,DC=ad,DC=test\nchangetype: modrdn\nnewrdn: CN=wanda\ndeleteoldrdn: 1\nnewsuperior: CN=Users,DC=ad,DC=test\n",
                  " -user", "+" },
                { "and in again", "dn: CN=wanda,CN=Users,DC=ad,DC=test\nchangetype: modrdn\nnewrdn: CN=wanda\ndeleteoldrdn: 1\nnewsuperior: OU=people,DC=ad,DC=test\n",
                  " +wanda", "++" },
                { "no longer of the filter", "dn: CN=wanda,OU=people,DC=ad,DC=test\nchangetype: modify\nreplace: description\ndescription: former\n", " -user", "+" },
                { "deleted", "dn: CN=wanda,OU=people,DC=ad,DC=test\nchangetype: delete\n", " -user", "+" },
                { "a unit is described: nobody moves", "dn: OU=people,DC=ad,DC=test\nchangetype: modify\nreplace: description\ndescription: x\n", "D", "+" },
                { "a unit elsewhere is renamed", "dn: OU=groups,DC=ad,DC=test\nchangetype: modrdn\nnewrdn: OU=crews\ndeleteoldrdn: 1\n", "F", NULL },
                { "and again", "dn: OU=crews,DC=ad,DC=test\nchangetype: modrdn\nnewrdn: OU=groups\ndeleteoldrdn: 1\n", "F", NULL },
                { "a unit is made", "dn: OU=team,OU=people,DC=ad,DC=test\nchangetype: add\nobjectClass: organizationalUnit\n", "D", "+" },
                { "and deleted", "dn: OU=team,OU=people,DC=ad,DC=test\nchangetype: delete\n", "D", "+" },
        };
        struct told told = { .change = change };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        change(AD_USER("ghost") "\ndn: CN=ghost,OU=people,DC=ad,DC=test\nchangetype: delete\n");
        assert_int_equal(samba("reveal", NULL, NULL), 0);
        directory_ldap.close(c.directory);
        c.ldap.user_base = "ou=people";
        c.ldap.user_filter = "(&(objectCategory=Person)(sAMAccountName=*)(!(description=former)))";
        help_open(&c);
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                if (steps[i].ldif)
                        change(steps[i].ldif);
                int r = run_once(&c, &told, true, &why);
                const char *text = sbuf_text(&told.text);
                if (r != -ECANCELED || told.present > 0 || strncmp(text, "Du", 2) == 0 || (steps[i].has[0] != 'F' && text[0] != 'D') || !strstr(text, steps[i].has) ||
                    (steps[i].has_not && strstr(text, steps[i].has_not)))
                        fail_msg("%s: %d: \"%s\": %s", steps[i].name, r, text, sbuf_text(&why));
        }
        /* What it finds changes with a group, of which the user is not told. */
        directory_ldap.close(c.directory);
        c.ldap.user_filter = "(&(objectCategory=Person)(!(memberOf=CN=inner,OU=groups,DC=ad,DC=test)))";
        help_open(&c);
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        assert_string_equal(sbuf_text(&told.text), "Dug");
        assert_int_equal(told.request.keeping, SYNC_KEPT_WATCH);
        directory_ldap.close(c.directory);
        c.ldap.user_filter = "(objectCategory=Person)";
        help_open(&c);
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        assert_int_equal(samba("reveal", "no", NULL), 0);
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        assert_string_equal(sbuf_text(&told.text), "Dug");
        sbuf_done(&told.text);
}

/* By uSNChanged: exactly what has changed, and the ids that there still are. */
static void changes(void **state) {
        static const struct { const char *name, *ldif, *expected; int more; } steps[] = {
                { "nothing", NULL, "Dug", 0 },
                { "a new user", AD_USER("nora"), "Dug ++nora", 1 },
                { "a new group", "dn: " AD_GROUP "\nchangetype: add\nobjectClass: group\nsAMAccountName: fresh\nmember: CN=nora,OU=people,DC=ad,DC=test\n",
                  "Dug ++fresh fresh>nora", 1 },
                { "a renamed user: the group is not told of", "dn: CN=nora,OU=people,DC=ad,DC=test\nchangetype: modrdn\nnewrdn: CN=nina\ndeleteoldrdn: 1\n",
                  "Dug +nora", 1 },
                { "a user that is gone: neither", "dn: CN=nina,OU=people,DC=ad,DC=test\nchangetype: delete\n", "Dug", 0 },
                { "a group policy was changed: it holds nobody",
                  "dn: CN={31B2F340-016D-11D2-945F-00C04FB984F9},CN=Policies,CN=System,DC=ad,DC=test\nchangetype: modify\nreplace: versionNumber\n"
                  "versionNumber: 7\n", "Dug", 0 },
                { "what holds entries is moved", "dn: OU=people,DC=ad,DC=test\nchangetype: modrdn\nnewrdn: OU=folk\ndeleteoldrdn: 1\n", "F", 0 },
        };
        struct told told = { .change = change };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        assert_int_equal(told.request.keeping, SYNC_KEPT_WATCH);
        unsigned users = told.users;
        /* Restored from a backup: its numbers are others, under the same name. */
        assert_int_equal(samba("restored", NULL, NULL), 0);
        assert_int_equal(run_once(&c, &told, true, &why), -ECANCELED);
        assert_int_equal(sbuf_text(&told.text)[0], 'F');
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                if (steps[i].expected[0] == 'F')
                        (void)sleep(1);
                if (steps[i].ldif)
                        change(steps[i].ldif);
                int r = run_once(&c, &told, true, &why);
                const char *text = sbuf_text(&told.text);
                if (r != -ECANCELED || strncmp(text, steps[i].expected, steps[i].expected[0] == 'F' ? 1 : strlen(text) + 1) != 0)
                        fail_msg("%s: %d: \"%s\" instead of \"%s\": %s", steps[i].name, r, text, steps[i].expected, sbuf_text(&why));
                if (steps[i].expected[0] == 'D' && told.present != users + (unsigned)steps[i].more)
                        fail_msg("%s: %u users are there", steps[i].name, told.present);
        }
        sbuf_done(&told.text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_whole_domain, setup, teardown),
                cmocka_unit_test_setup_teardown(names_of_the_entry, setup, teardown),
                cmocka_unit_test_setup_teardown(passwords, setup, teardown),
                cmocka_unit_test_setup_teardown(without_tls, setup, teardown),
                cmocka_unit_test_setup_teardown(set_passwords, setup, teardown),
                cmocka_unit_test_setup_teardown(set_by_an_administrator, setup, teardown),
                cmocka_unit_test_setup_teardown(deleted_objects, setup, teardown),
                cmocka_unit_test_setup_teardown(changes, setup, teardown), /* the last one: it moves people */
        };
        if (getuid() != 0 || access("/usr/sbin/samba", X_OK) != 0 || access("/usr/bin/samba-tool", X_OK) != 0 || access("/usr/bin/ldbadd", X_OK) != 0)
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
