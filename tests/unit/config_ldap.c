/* LDAP directories in the configuration: what each preset of a server says, what overrides it, and where a value comes from.
 * Relies on: cmocka, common/config; the first argument is the folder conf/presets.
 * Must never: read the host's own configuration; take an expected value from the presets' files. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "config/config.h"

#define SERVER "type = ldap\nuri = ldaps://ldap.example.com\nbase = dc=example,dc=com\n"
#define HOST "[application/host]\ndirectories = d\n"

static const char *presets_folder;

static int parse(const char *text, struct sbuf *errors, struct config **config) {
        struct config_source source = { .path = (char *)(uintptr_t)"multidir.conf", .text = (char *)(uintptr_t)text, .len = strlen(text) };
        return config_parse(&(struct config_sources){ &source, 1 }, false, errors, config);
}

/* [directory/d] with these lines below type, uri and base. */
static struct config *good(const char *what, const char *lines) {
        _cleanup_sbuf_ struct sbuf text = { 0 }, errors = { 0 };
        struct config *config = NULL;
        sbuf_printf(&text, "[directory/d]\n" SERVER "%s\n" HOST, lines);
        if (parse(sbuf_text(&text), &errors, &config) < 0)
                fail_msg("%s: refused:\n%s", what, sbuf_text(&errors));
        return config;
}

#define UNIQUE(name, rdn, password) "inetorgperson", "(objectclass=inetorgperson)", name, rdn, password, \
        "groupOfUniqueNames", "(objectclass=groupOfUniqueNames)", "uniqueMember", "entryUUID"
#define POSIX "posixAccount", "(objectclass=posixAccount)", "uid", "", "userPassword", \
        "groupOfUniqueNames", "(objectclass=posixGroup)", "memberUid", "entryUUID"
#define WINDOWS "user", "(&(objectCategory=Person)(sAMAccountName=*))", "sAMAccountName", "cn", "unicodePwd", \
        "group", "(objectCategory=Group)", "member", "objectGUID"

/* The products' table (S4), then the presets of our own. */
static const struct preset_row {
        const char *preset, *user_object_class, *user_filter, *user_name, *user_rdn, *user_password;
        const char *group_object_class, *group_filter, *group_member, *external_id;
        bool paged, writes, nested;
        enum ldap_members members;
        enum id_source ids;
} rows[] = {
        { "active-directory", WINDOWS, true, true, true, LDAP_MEMBERS_DN, IDS_SID },
        { "apacheds-1.0", UNIQUE("cn", "cn", "userpassword"), false, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "apacheds-1.5", UNIQUE("cn", "cn", "userpassword"), false, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "apple-open-directory", POSIX, false, false, false, LDAP_MEMBERS_NAME, IDS_ATTRIBUTE },
        { "fedora-ds", POSIX, false, false, false, LDAP_MEMBERS_NAME, IDS_ATTRIBUTE },
        { "edirectory", "inetOrgPerson", "(objectClass=inetOrgPerson)", "cn", "cn", "userPassword",
          "groupOfNames", "(objectClass=groupOfNames)", "member", "GUID", false, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "opends", UNIQUE("uid", "uid", "userPassword"), false, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "openldap", UNIQUE("cn", "cn", "userPassword"), false, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "openldap-posix", POSIX, false, false, false, LDAP_MEMBERS_NAME, IDS_ATTRIBUTE },
        { "posix", POSIX, false, false, false, LDAP_MEMBERS_NAME, IDS_ATTRIBUTE },
        { "dsee", UNIQUE("cn", "cn", "userPassword"), false, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "generic", UNIQUE("cn", "cn", "userPassword"), false, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "389ds", "inetOrgPerson", "(|(objectClass=inetOrgPerson)(objectClass=nsPerson))", "uid", "uid", "userPassword",
          "groupOfNames", "(objectClass=groupOfNames)", "member", "nsUniqueId", true, true, true, LDAP_MEMBERS_DN, IDS_ALLOCATE },
        { "freeipa", "posixAccount", "(objectClass=posixAccount)", "uid", "uid", "userPassword",
          "ipaUserGroup", "(objectClass=ipaUserGroup)", "member", "ipaUniqueID", true, false, true, LDAP_MEMBERS_DN, IDS_ATTRIBUTE },
        { "rfc2307bis", "posixAccount", "(objectClass=posixAccount)", "uid", "uid", "userPassword",
          "posixGroup", "(objectClass=posixGroup)", "member", "entryUUID", true, false, true, LDAP_MEMBERS_DN, IDS_ATTRIBUTE },
        { "samba-ad", WINDOWS, true, true, true, LDAP_MEMBERS_DN, IDS_SID },
        { "lldap", "person", "(objectClass=person)", "uid", "uid", "userPassword",
          "groupOfUniqueNames", "(objectClass=groupOfUniqueNames)", "member", "entryUUID", false, false, false, LDAP_MEMBERS_DN, IDS_ALLOCATE },
};

static void same(const char *preset, const char *key, const char *is, const char *wanted) {
        if (!is || strcmp(is, wanted) != 0)
                fail_msg("preset %s: %s is \"%s\", wanted \"%s\"", preset, key, is ? is : "(null)", wanted);
}

static void same_number(const char *preset, const char *key, unsigned is, unsigned wanted) {
        if (is != wanted)
                fail_msg("preset %s: %s is %u, wanted %u", preset, key, is, wanted);
}

/* What the products' table has in one line for all of them. */
static void check_common(const struct preset_row *row, const struct ldap_settings *ldap) {
        bool windows = row->ids == IDS_SID, opends = strcmp(row->preset, "opends") == 0;
        same(row->preset, "user_first_name", ldap->user_first_name, "givenName");
        same(row->preset, "user_last_name", ldap->user_last_name, "sn");
        same(row->preset, "user_email", ldap->user_email, "mail");
        same(row->preset, "user_display_name", ldap->user_display_name, opends ? "cn" : "displayName");
        same(row->preset, "group_name", ldap->group_name, "cn");
        same(row->preset, "group_description", ldap->group_description, "description");
        same(row->preset, "user_member_of", ldap->user_member_of, ""); /* off until somebody says it */
        same(row->preset, "user_uid", ldap->user_uid, "uidNumber");
        same(row->preset, "user_gid", ldap->user_gid, "gidNumber");
        same(row->preset, "group_gid", ldap->group_gid, "gidNumber");
        same(row->preset, "user_home", ldap->user_home, windows ? "unixHomeDirectory" : "homeDirectory");
        same(row->preset, "user_shell", ldap->user_shell, "loginShell");
        same(row->preset, "user_sid", ldap->user_sid, windows ? "objectSid" : "");
        same(row->preset, "group_sid", ldap->group_sid, windows ? "objectSid" : "");
        same(row->preset, "user_primary_group_id", ldap->user_primary_group_id, windows ? "primaryGroupID" : "");
        same_number(row->preset, "active_directory", ldap->active_directory, windows);
        same(row->preset, "tls_ca_file", ldap->tls_ca_file, "/etc/ssl/certs/ca-certificates.crt");
        same(row->preset, "bind_dn", ldap->bind_dn, "");
        same(row->preset, "bind_password_file", ldap->bind_password_file, "");
        same_number(row->preset, "starttls", ldap->starttls, false);
        same_number(row->preset, "insecure_plaintext", ldap->insecure_plaintext, false);
}

static void check_row(const struct preset_row *row, const struct directory_settings *directory, const struct ldap_settings *ldap) {
        same(row->preset, "preset", ldap->preset, row->preset);
        same(row->preset, "user_object_class", ldap->user_object_class, row->user_object_class);
        same(row->preset, "user_filter", ldap->user_filter, row->user_filter);
        same(row->preset, "user_name", ldap->user_name, row->user_name);
        same(row->preset, "user_rdn", ldap->user_rdn, row->user_rdn);
        same(row->preset, "user_password", ldap->user_password, row->user_password);
        same(row->preset, "group_object_class", ldap->group_object_class, row->group_object_class);
        same(row->preset, "group_filter", ldap->group_filter, row->group_filter);
        same(row->preset, "group_member", ldap->group_member, row->group_member);
        same(row->preset, "external_id", ldap->external_id, row->external_id);
        same_number(row->preset, "page_size", ldap->page_size, row->paged ? 1000 : 0);
        same_number(row->preset, "writable", ldap->writable, row->writes); /* P5 */
        same_number(row->preset, "members", ldap->members, row->members);
        same_number(row->preset, "nested_groups", directory->nested_groups, row->nested);
        same_number(row->preset, "ids", directory->ids, row->ids);
        same_number(row->preset, "read_only_kind", directory->read_only_kind, !row->writes); /* P5 */
        same_number(row->preset, "writes_passwords", directory->writes_passwords, row->writes);
        same_number(row->preset, "type", directory->type, DIRECTORY_LDAP);
}

static void presets_are_the_products(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char line[64];
                snprintf(line, sizeof line, "preset = %s", rows[i].preset);
                struct config *config = good(rows[i].preset, line);
                const struct ldap_settings *ldap = config_ldap(config, 0);
                assert_non_null(ldap);
                check_row(&rows[i], &config->settings.directories[0], ldap);
                check_common(&rows[i], ldap);
                bool ipa = strcmp(rows[i].preset, "freeipa") == 0, lldap = strcmp(rows[i].preset, "lldap") == 0;
                same(rows[i].preset, "user_base", ldap->user_base, ipa ? "cn=users,cn=accounts" : lldap ? "ou=people" : "");
                same(rows[i].preset, "group_base", ldap->group_base, ipa ? "cn=groups,cn=accounts" : lldap ? "ou=groups" : "");
                config_free(config);
        }
}

/* The files say keys that there are, and values that are valid: each of them, written out, gives what its preset gives. And each is in the table
 * above. */
static void preset_files_are_configurations(void **state) {
        DIR *folder = opendir(presets_folder);
        size_t count = 0;
        assert_non_null(folder);
        for (struct dirent *entry; (entry = readdir(folder));) {
                char path[512], *text = NULL;
                size_t len, row = 0;
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof path, "%s/%s", presets_folder, entry->d_name);
                assert_int_equal(file_read(path, 1 << 16, &text, &len), 0);
                while (row < ARRAY_SIZE(rows) && strncmp(entry->d_name, rows[row].preset, strlen(entry->d_name) - strlen(".conf")) != 0)
                        row++;
                if (row == ARRAY_SIZE(rows))
                        fail_msg("%s is not in the table of this test", path);
                count++;
                char *writable = strstr(text, "\nwritable = ");
                assert_non_null(writable);
                assert_int_equal(strncmp(writable + 12, rows[row].writes ? "yes\n" : "no\n", rows[row].writes ? 4 : 3), 0);
                writable[1] = ';'; /* only a preset may say it */
                struct config *config = good(path, text);
                struct ldap_settings ldap = *config_ldap(config, 0);
                ldap.preset = rows[row].preset;
                ldap.writable = rows[row].writes;
                struct directory_settings directory = config->settings.directories[0];
                directory.writes_passwords = rows[row].writes;
                directory.read_only_kind = !rows[row].writes;
                check_row(&rows[row], &directory, &ldap);
                config_free(config);
                free(text);
        }
        closedir(folder);
        assert_int_equal(count, ARRAY_SIZE(rows));
}

static void values_override_the_preset(void **state) {
        struct config *config = good("overrides",
                "preset = posix\nids = allocate\nstarttls = no\nbind_dn = cn=reader,dc=example,dc=com\nbind_password_file = /etc/multidir/secrets/d\n"
                "tls_ca_file = /etc/ca.pem\npaged = 250\nmembers = dn\nnested_groups = yes\nuser_base = ou=people\ngroup_base = ou=groups, ou=all\n"
                "user_filter = (&(objectClass=person)(|(uid=*)(!(cn=a\\2ab)))(ou:dn:2.5.13.5:=x))\nuser_name = uid;lang-de\nuser_rdn = uid\nuser_uid = 1.3.6.1.1.1.1.0\n"
                "user_member_of = memberOf\nuser_ssh_keys = sshPublicKey\nuser_home =\ngroup_member = member\nexternal_id = nsUniqueId\nactive_directory = no\nrefresh = 5m\n");
        const struct ldap_settings *ldap = config_ldap(config, 0);
        const struct directory_settings *directory = &config->settings.directories[0];
        assert_int_equal(directory->ids, IDS_ALLOCATE);
        assert_int_equal(directory->refresh_s, 300);
        assert_true(directory->nested_groups);
        assert_string_equal(ldap->bind_dn, "cn=reader,dc=example,dc=com");
        assert_string_equal(ldap->bind_password_file, "/etc/multidir/secrets/d");
        assert_string_equal(ldap->tls_ca_file, "/etc/ca.pem");
        assert_int_equal(ldap->page_size, 250);
        assert_int_equal(ldap->members, LDAP_MEMBERS_DN);
        assert_string_equal(ldap->user_base, "ou=people");
        assert_string_equal(ldap->group_base, "ou=groups, ou=all");
        assert_string_equal(ldap->user_filter, "(&(objectClass=person)(|(uid=*)(!(cn=a\\2ab)))(ou:dn:2.5.13.5:=x))");
        assert_string_equal(ldap->user_name, "uid;lang-de");
        assert_string_equal(ldap->user_uid, "1.3.6.1.1.1.1.0");
        assert_string_equal(ldap->user_member_of, "memberOf");
        assert_string_equal(ldap->user_home, "");
        assert_string_equal(ldap->external_id, "nsUniqueId");
        assert_false(ldap->writable); /* P5: the preset's, whatever the attributes are called */
        config_free(config);
}

static void addresses(void **state) {
        struct config *config = NULL;
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        assert_int_equal(parse("[directory/a]\ntype = internal\n[directory/b]\nbase = dc=x\nuri = ldaps://a/ , ldap://[::1]:1023,ldapi://%2Frun%2Fldapi\ntype = ldap\n"
                               "[application/host]\ndirectories = b, a\n", &errors, &config), 0);
        const struct ldap_settings *ldap = config_ldap(config, 1);
        assert_null(config_ldap(config, 0));
        assert_null(config_ldap(config, 2));
        assert_null(config_ldap(config, SETTINGS_NONE));
        assert_string_equal(ldap->preset, "generic");
        assert_string_equal(ldap->base, "dc=x");
        assert_int_equal(ldap->uri_count, 3);
        assert_string_equal(ldap->uris[0], "ldaps://a");
        assert_string_equal(ldap->uris[1], "ldap://[::1]:1023");
        assert_string_equal(ldap->uris[2], "ldapi://%2Frun%2Fldapi");
        config_free(config);
}

static void expect(const struct config *config, const char *key, const char *value, const char *origin) {
        const char *from = "", *is = config_value(config, "directory/d", key, &from);
        if (!is || strcmp(is, value) != 0 || strcmp(from, origin) != 0)
                fail_msg("%s: \"%s\" from %s, wanted \"%s\" from %s", key, is ? is : "(null)", from, value, origin);
}

static void values_say_where_they_come_from(void **state) {
        struct config *config = good("origins", "preset = openldap\nuser_name = uid");
        expect(config, "user_name", "uid", "multidir.conf:6");
        expect(config, "preset", "openldap", "multidir.conf:5");
        expect(config, "user_rdn", "cn", "preset openldap");
        expect(config, "ids", "allocate", "preset openldap");
        expect(config, "nested_groups", "yes", "preset openldap");
        expect(config, "user_email", "mail", "default");
        expect(config, "refresh", "60m", "default");
        expect(config, "writable", "yes", "preset openldap"); /* P5: nobody can set it, and everybody can see it */
        const char *key, *value, *origin;
        size_t count = 0, names = 0;
        for (; config_value_at(config, "directory/d", count, &key, &value, &origin); count++) {
                assert_string_equal(value, config_value(config, "directory/d", key, NULL));
                names += strcmp(key, "type") == 0 || strcmp(key, "user_name") == 0;
        }
        assert_true(count > 40 && names == 2);
        assert_false(config_value_at(config, "directory/none", 0, &key, &value, &origin));
        config_free(config);
        config = good("origins without a preset", "");
        expect(config, "preset", "generic", "default");
        expect(config, "user_name", "cn", "preset generic");
        config_free(config);
        config = good("a preset that is read-only", "preset = posix");
        expect(config, "writable", "no", "preset posix");
        config_free(config);
        /* What a delegated directory has is kept here: its server is not written anyway. */
        config = NULL;
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        assert_int_equal(parse("[directory/d]\ntype = delegated\nuri = ldaps://a\nbase = dc=x\npreset = posix\n" HOST, &errors, &config), 0);
        assert_null(config_value(config, "directory/d", "writable", NULL));
        config_free(config);
}

/* An internal directory has none of it. */
static void other_types_have_no_such_keys(void **state) {
        struct config *config = NULL;
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        assert_int_equal(parse("[directory/d]\ntype = internal\nstarttls = no\ninsecure_plaintext = no\nsso = no\n" HOST, &errors, &config), 0);
        assert_null(config_value(config, "directory/d", "uri", NULL));
        assert_null(config_value(config, "directory/d", "user_name", NULL));
        assert_null(config_value(config, "directory/d", "starttls", NULL));
        expect(config, "ids", "allocate", "default");
        assert_false(config->settings.directories[0].read_only_kind);
        config_free(config);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(presets_are_the_products),
                cmocka_unit_test(preset_files_are_configurations),
                cmocka_unit_test(values_override_the_preset),
                cmocka_unit_test(addresses),
                cmocka_unit_test(values_say_where_they_come_from),
                cmocka_unit_test(other_types_have_no_such_keys),
        };
        if (argc != 2)
                return 2;
        presets_folder = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
