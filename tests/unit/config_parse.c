/* The configuration reader: every error names its file, its line and what would be valid; good texts give the values of the table.
 * Relies on: cmocka, common/config.
 * Must never: read the host's own configuration. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/config.h"

#define BASE "[directory/staff]\ntype = internal\n[application/host]\ndirectories = staff\n"

/* Texts as multidir.conf, 10.conf, 20.conf; up to the first NULL. */
static int parse(const char *const texts[3], struct sbuf *errors, struct config **config) {
        static const char *const paths[3] = { "multidir.conf", "10.conf", "20.conf" };
        struct config_source items[3];
        struct config_sources sources = { .items = items };
        for (; sources.count < 3 && texts[sources.count]; sources.count++) {
                /* A copy without its NUL, so that a sanitizer sees a read past the end. */
                size_t len = strlen(texts[sources.count]);
                char *copy = malloc(len ? len : 1);
                assert_non_null(copy);
                memcpy(copy, texts[sources.count], len);
                items[sources.count] = (struct config_source){ .path = (char *)(uintptr_t)paths[sources.count], .text = copy, .len = len };
        }
        int r = config_parse(&sources, false, errors, config);
        for (size_t i = 0; i < sources.count; i++)
                free(items[i].text);
        return r;
}

struct bad { const char *name, *text, *place, *says; };

static const struct bad bads[] = {
        { "unknown section", BASE "[applications/x]\n", "multidir.conf:5: ", "did you mean [application/NAME]?" },
        { "unknown section, none near", BASE "[zzz]\nkey = 1\n", "multidir.conf:5: ", "valid: [service], [directory/NAME]" },
        { "run is of a later version", BASE "[run/stale]\napplication = host\n", "multidir.conf:5: ", "this version has no runs" },
        { "unknown key", BASE "membreship = aggregating\n", "multidir.conf:5: ", "did you mean \"membership\"?" },
        { "unknown key, none near", "[service]\ncolour = red\n" BASE, "multidir.conf:2: ", "valid: login_deadline, account_max_age" },
        { "key of another type", "[directory/staff]\ntype = internal\nuri = ldap://x\n[application/host]\ndirectories = staff\n",
          "multidir.conf:3: ", "belongs to directories of type ldap or delegated, and [directory/staff] is of type internal; valid: type, active," },
        { "key twice in a file", BASE "directories = staff\n", "multidir.conf:5: ", "line 4 has it too" },
        { "key twice over two mentions of the section", "[service]\nlogin_deadline = 8s\n[service]\nlogin_deadline = 9s\n" BASE, "multidir.conf:4: ", "line 2 has it too" },
        { "key of a type of a later version", "[directory/staff]\ntype = internal\nurl = https://x\n[application/host]\ndirectories = staff\n",
          "multidir.conf:3: ", "belongs to directories of type crowd and jira; this version has types internal, ldap and delegated only" },
        { "type of a later version", "[directory/staff]\ntype = crowd\n[application/host]\ndirectories = staff\n", "multidir.conf:2: ",
          "it has internal, ldap and delegated only; valid: type = internal, type = ldap, type = delegated" },
        { "type that is none", "[directory/staff]\ntype = nis\n[application/host]\ndirectories = staff\n", "multidir.conf:2: ", "valid: type = internal" },
        { "no type", "[directory/staff]\n[application/host]\ndirectories = staff\n", "multidir.conf:1: ", "valid: type = internal" },
        { "directory name", "[directory/Staff]\ntype = internal\n" BASE, "multidir.conf:1: ", "a-z 0-9 _ -" },
        { "directory name, path", "[directory/../x]\ntype = internal\n" BASE, "multidir.conf:1: ", "a-z 0-9 _ -" },
        { "directory name, empty", "[directory/]\ntype = internal\n" BASE, "multidir.conf:1: ", "a-z 0-9 _ -" },
        { "directory name, 65 bytes", "[directory/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n" BASE, "multidir.conf:1: ", "1 to 64" },
        { "bad bool", BASE "allow_other_owner = true\n", "multidir.conf:5: ", "valid: yes, no" },
        { "bad word", BASE "publish = some\n", "multidir.conf:5: ", "valid: all, with-access" },
        { "word with other case", BASE "membership = Aggregating\n", "multidir.conf:5: ", "valid: non-aggregating, aggregating" },
        { "U13 profile", BASE "profile = jirra\n", "multidir.conf:5: ", "valid: crowd, jira, confluence, confluence-3.5, fisheye, bitbucket" },
        { "duration", "[service]\nlogin_deadline = 8\n" BASE, "multidir.conf:2: ", "valid: a number with s, m, h or d" },
        { "duration, nought", "[service]\nlogin_deadline = 0\n" BASE, "multidir.conf:2: ", "from 1s to 300s" },
        { "a directory named as a file of the service", "[directory/ids]\ntype = internal\n[application/host]\ndirectories = ids\n", "multidir.conf:1: ", "the service keeps a file of that name" },
        { "... and the other one", "[directory/logins]\ntype = internal\n[application/host]\ndirectories = logins\n", "multidir.conf:1: ", "the service keeps a file of that name" },
        { "a byte order mark", "\xef\xbb\xbf" BASE, "multidir.conf:1: ", "byte order mark" },
        { "duration, overflow", "[service]\naccount_max_age = 99999999999999999999d\n" BASE, "multidir.conf:2: ", "to 3650d" },
        { "number", "[directory/staff]\ntype = internal\nshrink_guard = 101\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "a number from 0 to 100" },
        { "I3 min_id below 1000", "[directory/staff]\ntype = internal\nmin_id = 999\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "a number from 1000 to" },
        { "I3 id_range low", "[directory/staff]\ntype = internal\nid_range = 500-2000\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "FIRST-LAST, from 1000" },
        { "id_range backwards", "[directory/staff]\ntype = internal\nid_range = 3000-2000\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "FIRST-LAST" },
        { "id_range without an end", "[directory/staff]\ntype = internal\nid_range = 3000\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "FIRST-LAST" },
        { "I3 id_range in the system's", "[directory/staff]\ntype = internal\nid_range = 61000-62000\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "not all of it inside 60000-65535" },
        { "id_range below min_id", "[directory/staff]\ntype = internal\nid_range = 2000-3000\nmin_id = 5000\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "a range that reaches above it" },
        { "ids of Active Directory", "[directory/staff]\ntype = internal\nids = sid\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "valid: allocate, attribute" },
        { "N5 home", "[directory/staff]\ntype = internal\nhome = home/%u\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "an absolute path" },
        { "N5 home, ..", "[directory/staff]\ntype = internal\nhome = /home/../%u\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "an absolute path" },
        { "home, unknown %", "[directory/staff]\ntype = internal\nhome = /home/%x\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "%u is the user" },
        { "N5 shell", "[directory/staff]\ntype = internal\nshell = bash\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "an absolute path" },
        { "N3 primary_group", "[directory/staff]\ntype = internal\nprimary_group = a:b\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "names of groups" },
        { "P4 permissions", "[directory/staff]\ntype = internal\npermissions = add-users\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "add-user, modify-user," },
        { "P4 bundle in a list", "[directory/staff]\ntype = internal\npermissions = read-only, add-user\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "alone, or a list of" },
        { "list with an empty item", BASE "[application/host/staff]\nallow_groups = a,,b\n", "multidir.conf:6: ", "an empty item" },
        { "list with an item twice", BASE "[application/host/staff]\nallow_groups = a, b, A\n", "multidir.conf:6: ", "stands in it twice" },
        { "directory twice in an application", "[directory/staff]\ntype = internal\n[application/host]\ndirectories = staff, staff\n", "multidir.conf:4: ", "stands in it twice" },
        { "directory that no file defines", "[directory/staff]\ntype = internal\n[application/host]\ndirectories = staff, partners\n", "multidir.conf:4: ", "no file defines [directory/partners]; valid: staff" },
        { "no directories", "[directory/staff]\ntype = internal\n[application/host]\nprofile = crowd\n", "multidir.conf:3: ", "has no directories; valid: directories = " },
        { "M8 PAM service twice", BASE "services = sshd\n[application/ssh]\ndirectories = staff\nservices = sudo, sshd\n", "multidir.conf:8: ", "belongs to [application/host] already (multidir.conf:5)" },
        { "PAM service, case", BASE "services = SSHD\n", "multidir.conf:5: ", "in lower case" },
        { "PAM service, path", BASE "services = ../x\n", "multidir.conf:5: ", "file names of /etc/pam.d" },
        { "N4 local_groups, shape", BASE "local_groups = staff-admins:sudo\n", "multidir.conf:5: ", "valid: DIRECTORY/GROUP:LOCAL" },
        { "N4 local_groups, directory", BASE "local_groups = partners/admins:sudo\n", "multidir.conf:5: ", "has no directory \"partners\"; valid: staff" },
        { "N4 local_groups, gid 0", BASE "local_groups = staff/admins:root\n", "multidir.conf:5: ", "gid 0" },
        { "mapping outside the order", BASE "[application/host/partners]\nallow_all = yes\n", "multidir.conf:5: ", "not among the directories of [application/host]; valid: staff" },
        { "mapping of no application", BASE "[application/ssh/staff]\nallow_all = yes\n", "multidir.conf:5: ", "no file has [application/ssh]" },
        { "no application host", "[directory/staff]\ntype = internal\n", "", "no file has a section [application/host]" },
        { "empty file", "", "", "no file has a section [application/host]" },
        { "C1 seats", BASE "seats = 10\n", "multidir.conf:5: ", "this version does not have it; valid: 0" },
        { "C1 seats_exempt_groups", BASE "seats_exempt_groups = vip\n", "multidir.conf:5: ", "this version does not have it; valid: nothing" },
        { "T1 sso", "[directory/staff]\ntype = internal\nsso = yes\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "this version does not have it; valid: no" },
        { "L10 offline_login", "[directory/staff]\ntype = internal\noffline_login = 7d\n[application/host]\ndirectories = staff\n", "multidir.conf:3: ", "this version does not have it; valid: no" },
        { "no =", BASE "seats\n", "multidir.conf:5: ", "KEY = VALUE" },
        { "no key", BASE "= 5\n", "multidir.conf:5: ", "KEY = VALUE" },
        { "section not closed", BASE "[service\n", "multidir.conf:5: ", "written [NAME]" },
        { "section without a name", BASE "[]\n", "multidir.conf:5: ", "[NAME]" },
        { "value before a section", "login_deadline = 8s\n" BASE, "multidir.conf:1: ", "before the first section" },
        { "control character", BASE "profile = cr\001owd\n", "multidir.conf:5: ", "control character" },
        { "not UTF-8", BASE "profile = cr\xffowd\n", "multidir.conf:5: ", "not valid UTF-8" },
        { "empty value", BASE "publish =\n", "multidir.conf:5: ", "valid: all, with-access" },
};

static void test_errors(void **state) {
        for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
                struct sbuf errors = { 0 };
                struct config *config = NULL;
                int r = parse((const char *const[3]){ bads[i].text }, &errors, &config);
                if (r != -EINVAL || !strstr(sbuf_text(&errors), bads[i].place) || !strstr(sbuf_text(&errors), bads[i].says))
                        fail_msg("%s: %d, wanted \"%s\" and \"%s\" in:\n%s", bads[i].name, r, bads[i].place, bads[i].says, sbuf_text(&errors));
                assert_null(config);
                sbuf_done(&errors);
        }
}

/* Every line of the bad half is named, in order, and the good half is not. */
static void test_all_errors(void **state) {
        struct sbuf errors = { 0 };
        struct config *config = NULL;
        int r = parse((const char *const[3]){ "[service]\nlogin_deadline = x\nfoo = 1\n" BASE "publish = x\n", BASE "seats = 1\n" }, &errors, &config);
        assert_int_equal(r, -EINVAL);
        const char *a = strstr(sbuf_text(&errors), "multidir.conf:2:"), *b = strstr(sbuf_text(&errors), "multidir.conf:3:");
        const char *c = strstr(sbuf_text(&errors), "multidir.conf:8:"), *d = strstr(sbuf_text(&errors), "10.conf:5:");
        assert_true(a && b && c && d && a < b && b < c && c < d);
        size_t lines = 0;
        for (const char *p = sbuf_text(&errors); *p; p++)
                lines += *p == '\n';
        assert_int_equal(lines, 4);
        sbuf_done(&errors);
}

static struct config *good(const char *const texts[3]) {
        struct sbuf errors = { 0 };
        struct config *config = NULL;
        int r = parse(texts, &errors, &config);
        if (r < 0)
                fail_msg("refused:\n%s", sbuf_text(&errors));
        assert_string_equal(sbuf_text(&errors), "");
        sbuf_done(&errors);
        return config;
}

static void test_defaults(void **state) {
        struct config *config = good((const char *const[3]){ BASE });
        const struct settings *s = &config->settings;
        const struct directory_settings *d = &s->directories[0];
        const struct application_settings *a = &s->applications[s->host];
        assert_int_equal(s->login_deadline_s, 8);
        assert_int_equal(s->account_max_age_s, 0);
        assert_string_equal(d->name, "staff");
        assert_true(d->active && d->nested_groups && !d->has_id_range && !d->ignore_inactive_groups && !d->read_only_kind);
        assert_int_equal(d->permissions, PERMISSIONS_ALL);
        assert_int_equal(d->ids, IDS_ALLOCATE);
        assert_int_equal(d->min_id, 1000);
        assert_int_equal(d->refresh_s, 3600);
        assert_int_equal(d->replica_max_age_s, 86400);
        assert_int_equal(d->shrink_guard, 20);
        assert_int_equal(d->offline_login_s, 0);
        assert_string_equal(d->home, "/home/%u");
        assert_string_equal(d->shell, "/bin/bash");
        assert_null(d->primary_group);
        assert_string_equal(a->profile, "crowd");
        assert_int_equal(a->membership, NON_AGGREGATING);
        assert_int_equal(a->external_writes, EXTERNAL_WRITES_ALLOWED);
        assert_int_equal(a->mapping_count, 1);
        assert_false(a->mappings[0].allow_all); /* L4: connecting a directory is not a grant */
        assert_int_equal(a->mappings[0].allow_group_count, 0);
        assert_int_equal(a->mappings[0].permissions, PERMISSIONS_ALL);
        config_free(config);
}

static void test_values(void **state) {
        struct config *config = good((const char *const[3]){
                "; a comment\n# another\n  [service] ; why\n\tlogin_deadline=2m ; two minutes\r\naccount_max_age = 7d\n"
                "[directory/a]\ntype = internal\nactive = no\npermissions = add-user, remove-user\nids = attribute\nid_range = 200000-399999\n"
                "home = /h/%d/%u\nprimary_group = Domain Users\nname_case = preserve\n"
                "[directory/b]\ntype = internal\npermissions = read-only-local-groups\n"
                "[application/host]\ndirectories = b , a\nprofile = fisheye\nlocal_groups = a/x/y:sudo, b/q:adm\n"
                "[application/host/a]\nallow_groups = linux users, g;2\n"
                "[application/ssh]\ndirectories = a\nservices = sshd, login\nprofile = bitbucket\nmembership = non-aggregating\nallow_other_owner = yes\n" });
        const struct settings *s = &config->settings;
        assert_int_equal(s->login_deadline_s, 120);
        assert_int_equal(s->account_max_age_s, 7 * 86400);
        const struct directory_settings *a = &s->directories[settings_directory(s, "a")];
        assert_false(a->active);
        assert_int_equal(a->permissions, PERMISSION_BIT(PERMISSION_ADD_USER) | PERMISSION_BIT(PERMISSION_REMOVE_USER));
        assert_true(a->has_id_range && a->id_range_first == 200000 && a->id_range_last == 399999);
        assert_string_equal(a->primary_group, "Domain Users");
        assert_int_equal(s->directories[settings_directory(s, "b")].permissions, PERMISSIONS_READ_ONLY_LOCAL_GROUPS);
        const struct application_settings *host = &s->applications[s->host];
        assert_int_equal(host->mapping_count, 2);
        assert_int_equal(host->mappings[0].directory, settings_directory(s, "b"));
        assert_int_equal(host->membership, AGGREGATING);           /* U13 */
        assert_int_equal(host->external_writes, EXTERNAL_WRITES_NEVER);
        assert_string_equal(host->mappings[1].allow_groups[0], "linux users");
        assert_string_equal(host->mappings[1].allow_groups[1], "g;2");
        assert_string_equal(host->local_groups[0].group, "x/y");
        assert_string_equal(host->local_groups[0].local, "sudo");
        size_t ssh = settings_application_of_service(s, "sshd");
        assert_string_equal(s->applications[ssh].name, "ssh");
        assert_int_equal(s->applications[ssh].membership, NON_AGGREGATING); /* explicit keys override the profile */
        assert_int_equal(s->applications[ssh].external_writes, EXTERNAL_WRITES_NEVER);
        assert_int_equal(settings_application_of_service(s, "cron"), s->host);
        config_free(config);
}

static void test_later_files_and_origins(void **state) {
        struct config *config = good((const char *const[3]){ BASE "profile = fisheye\n", "[application/host]\npublish = with-access\n", "[application/host]\npublish = all\n" });
        const char *origin = NULL;
        assert_string_equal(config_value(config, "application/host", "publish", &origin), "all");
        assert_string_equal(origin, "20.conf:2");
        assert_string_equal(config_value(config, "application/host", "membership", &origin), "aggregating");
        assert_string_equal(origin, "profile fisheye");
        assert_string_equal(config_value(config, "application/host/staff", "allow_all", &origin), "no");
        assert_string_equal(origin, "default");
        assert_string_equal(config_value(config, "directory/staff", "type", &origin), "internal");
        assert_string_equal(origin, "multidir.conf:2");
        assert_string_equal(config_value(config, "service", "login_deadline", NULL), "8s");
        assert_null(config_value(config, "application/host", "nothing", NULL));
        assert_null(config_value(config, "application/none", "publish", NULL));
        config_free(config);
}

static void test_too_many_directories(void **state) {
        struct sbuf text = { 0 }, list = { 0 }, errors = { 0 };
        struct config *config = NULL;
        for (int i = 0; i < 65; i++) {
                sbuf_printf(&text, "[directory/d%d]\ntype = internal\n", i);
                sbuf_printf(&list, "%sd%d", i ? "," : "", i);
        }
        sbuf_printf(&text, "[application/host]\ndirectories = %s\n", sbuf_text(&list));
        assert_int_equal(parse((const char *const[3]){ sbuf_text(&text) }, &errors, &config), -EINVAL);
        assert_non_null(strstr(sbuf_text(&errors), "multidir.conf:132: "));
        assert_non_null(strstr(sbuf_text(&errors), "at most 64"));
        sbuf_done(&text);
        sbuf_done(&list);
        sbuf_done(&errors);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_all_errors),
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_later_files_and_origins),
                cmocka_unit_test(test_too_many_directories),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
