/* Groups that are made at the server, and that group_filter does not show (U5, U7, U12).
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
static struct change_result result;

#define MAY_WRITE "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to * by dn.exact=\"" READER "\" write by * break\n"
#define MAY_NOT_DELETE \
        "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to dn.one=\"ou=groups," SUFFIX "\" by dn.exact=\"" READER "\" =arscx by * break\n"
#define FILTER "(&(objectclass=groupOfUniqueNames)(description=unix*))"

static int start_all(void **state) {
        help_slapd_start(&server, "people.ldif");
        help_slapd_config(&server, MAY_WRITE);
        return 0;
}
static int stop_all(void **state) {
        if (server.dir[0])
                help_slapd_wipe(&server);
        return 0;
}
static void open_at(const char *uri) {
        help_case(&c, uri, "");
        c.ldap.writable = true;
        c.ldap.group_filter = FILTER;
        help_open(&c);
}
static int teardown(void **state) {
        help_close(&c);
        return 0;
}

static void expect(const char *rule, enum entry_change operation, const char *description, enum change_state state, enum reason reason, const char *has) {
        const struct directory_change change = { .operation = operation, .name = "crew", .entry_id = "", .description = description };
        directory_ldap.change(c.directory, &change, NULL, &result);
        if (result.state != state || (state == CHANGE_REFUSED && result.reason != reason) || !strstr(result.text, has))
                fail_msg("%s: %d %s: %s", rule, result.state, reason_name(result.reason), result.text);
}

static void unseen(void **state) {
        open_at(server.uri);
        expect("U5 not to be seen", CHANGE_ADD_GROUP, NULL, CHANGE_REFUSED, REASON_POLICY_REJECTED, "was not to be seen through group_filter " FILTER);
        expect("U5 nothing is left of it", CHANGE_ADD_GROUP, "other", CHANGE_REFUSED, REASON_POLICY_REJECTED, "removed again");
        expect("U5 to be seen", CHANGE_ADD_GROUP, "unix crew", CHANGE_DONE, 0, "");
        expect("U5 it is there", CHANGE_ADD_GROUP, "unix crew", CHANGE_REFUSED, REASON_EXISTS, "name already");
        expect("U6 it can be removed", CHANGE_REMOVE_GROUP, NULL, CHANGE_DONE, 0, "");
}

/* The last one: the account may not remove any more. */
static void stuck(void **state) {
        open_at(server.uri);
        help_slapd_config(&server, MAY_NOT_DELETE);
        expect("U12 not to be seen, and not to be taken back", CHANGE_ADD_GROUP, NULL, CHANGE_PARTLY, 0, "the group was made, but is not to be seen");
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(unseen, teardown), cmocka_unit_test_teardown(stuck, teardown) };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
