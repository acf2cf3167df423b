/* Attributes that a server's own schema gives further names (U3, P4).
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

#define CONFIG \
        "dn: cn=schema,cn=config\nchangetype: modify\nadd: olcAttributeTypes\n" \
        "olcAttributeTypes: ( 1.3.6.1.4.1.99999.1.1 NAME ( 'badge' 'badgeNumber' 'badgeNo' ) EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n\n" \
        "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to * by dn.exact=\"" READER "\" write by * break\n"

static int start_all(void **state) {
        help_slapd_start(&server, "people.ldif");
        help_slapd_config(&server, CONFIG);
        help_case(&c, server.uri, "");
        c.ldap.writable = true;
        c.ldap.user_email = "badge";
        help_open(&c);
        return 0;
}
static int stop_all(void **state) {
        help_close(&c);
        if (server.dir[0])
                help_slapd_wipe(&server);
        return 0;
}

static void other_names(void **state) {
        static const struct { const char *attribute; enum change_state state; const char *has; } rows[] = {
                { "badge=1", CHANGE_REFUSED, "--attribute badge: " },
                { "badgeNumber=1", CHANGE_REFUSED, "--attribute badgeNumber: by the server's schema" },
                { "BADGENO=1", CHANGE_REFUSED, "--attribute BADGENO: by the server's schema" },
                { "badgeN=1", CHANGE_REFUSED, "its schema has no such attribute" },
                { "title=Boss", CHANGE_DONE, "" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct directory_change wanted = { .operation = CHANGE_MODIFY_USER, .name = "alice", .entry_id = "", .attributes = { "description=x", rows[i].attribute },
                                                   .attribute_count = 2 };
                static struct change_result result;
                directory_ldap.change(c.directory, &wanted, NULL, &result);
                if (result.state != rows[i].state || !strstr(result.text, rows[i].has))
                        fail_msg("%s: %d %s", rows[i].attribute, result.state, result.text);
                wanted.operation = CHANGE_ADD_USER;
                wanted.name = "new";
                directory_ldap.change(c.directory, &wanted, NULL, &result);
                if (result.state != rows[i].state || !strstr(result.text, rows[i].has))
                        fail_msg("add, %s: %d %s", rows[i].attribute, result.state, result.text);
        }
}

/* P4: where the schema is not to be read, whether a name is another's is not known, and nothing is set. */
static void hidden(void **state) {
        static const struct { const char *what, *dn, *attribute, *rights; enum change_state state; const char *has; } rows[] = {
                { "the schema", "cn=subschema", "", "none", CHANGE_REFUSED, "does not show bind_dn its schema" },
                { "... found, but not read", "cn=subschema", "", "search", CHANGE_REFUSED, "does not show bind_dn its schema" },
                { "its attribute types", "cn=subschema", " attrs=attributeTypes", "none", CHANGE_REFUSED, "right to read it (cn=Subschema)" },
                { "the root DSE", "", "", "none", CHANGE_REFUSED, "right to read it (subschemaSubentry of its root DSE" },
                { "where it is", "", " attrs=subschemaSubentry", "none", CHANGE_REFUSED, "right to read it (subschemaSubentry of its root DSE" },
                { "another entry", "cn=other", "", "none", CHANGE_DONE, "" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct directory_change wanted = { .operation = CHANGE_MODIFY_USER, .name = "alice", .entry_id = "", .attributes = { "title=Boss" }, .attribute_count = 1 };
                static struct change_result result;
                char config[512];
                (void)snprintf(config, sizeof config, "dn: olcDatabase={-1}frontend,cn=config\nchangetype: modify\nreplace: olcAccess\n"
                               "olcAccess: {0}to dn.base=\"%s\"%s by * %s\nolcAccess: {1}to * by * read\n\n", rows[i].dn, rows[i].attribute, rows[i].rights);
                help_slapd_config(&server, config);
                directory_ldap.change(c.directory, &wanted, NULL, &result);
                bool refused = rows[i].state == CHANGE_REFUSED;
                if (result.state != rows[i].state || (refused && result.reason != REASON_PERMISSION_DENIED) || !strstr(result.text, rows[i].has))
                        fail_msg("%s: %d %s %s", rows[i].what, result.state, reason_name(result.reason), result.text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(other_names), cmocka_unit_test(hidden) };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
