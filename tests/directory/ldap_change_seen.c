/* Groups that are made at the server, and that group_filter does not show (U5, U7, U12); at a server that is slow, too.
 * Relies on: cmocka, slapd, python3.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "directory/ldap_help.h"

static struct slapd server;
static struct ldap_case c;
static struct change_result result;
static char slow_port[8], slow_uri[64];
static pid_t slow;

#define MAY_WRITE "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to * by dn.exact=\"" READER "\" write by * break\n"
#define MAY_NOT_DELETE \
        "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to dn.one=\"ou=groups," SUFFIX "\" by dn.exact=\"" READER "\" =arscx by * break\n"
#define FILTER "(&(objectclass=groupOfUniqueNames)(description=unix*))"

static int start_all(void **state) {
        help_slapd_start(&server, "people.ldif");
        help_slapd_config(&server, MAY_WRITE);
        (void)snprintf(slow_port, sizeof slow_port, "%u", help_port());
        (void)snprintf(slow_uri, sizeof slow_uri, "ldap://127.0.0.1:%s", slow_port);
        slow = fork();
        assert_true(slow >= 0);
        if (slow == 0) {
                (void)execl("/usr/bin/python3", "python3", SERVERS "/slow.py", slow_port, server.port, "0.5", "all", (char *)NULL);
                _exit(126);
        }
        return 0;
}
static int stop_all(void **state) {
        if (slow > 0 && kill(slow, SIGKILL) == 0)
                (void)waitpid(slow, NULL, 0);
        if (server.dir[0])
                help_slapd_wipe(&server);
        return 0;
}
static void open_at(const char *uri, uint32_t login_ms) {
        help_case(&c, uri, "");
        c.opening.login_ms = login_ms;
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
        open_at(server.uri, 0);
        expect("U5 not to be seen", CHANGE_ADD_GROUP, NULL, CHANGE_REFUSED, REASON_POLICY_REJECTED, "was not to be seen through group_filter " FILTER);
        expect("U5 nothing is left of it", CHANGE_ADD_GROUP, "other", CHANGE_REFUSED, REASON_POLICY_REJECTED, "removed again");
        expect("U5 to be seen", CHANGE_ADD_GROUP, "unix crew", CHANGE_DONE, 0, "");
        expect("U5 it is there", CHANGE_ADD_GROUP, "unix crew", CHANGE_REFUSED, REASON_EXISTS, "name already");
        expect("U6 it can be removed", CHANGE_REMOVE_GROUP, NULL, CHANGE_DONE, 0, "");
}

static bool is_up(void) {
        struct directory_entry entry = { 0 };
        for (int i = 0; i < 50 && entry.presence != PRESENCE_FOUND; i++) {
                directory_ldap.find(c.directory, "alice", &entry);
                if (entry.presence != PRESENCE_FOUND)
                        (void)usleep(100000);
        }
        return entry.presence == PRESENCE_FOUND;
}

/* What is read after something was written has time of its own. */
static void slowly(void **state) {
        open_at(slow_uri, 2000);
        assert_true(is_up());
        expect("U12 a slow server", CHANGE_ADD_GROUP, NULL, CHANGE_REFUSED, REASON_POLICY_REJECTED, "removed again");
}

/* The last one: the account may not remove any more. */
static void stuck(void **state) {
        open_at(server.uri, 0);
        help_slapd_config(&server, MAY_NOT_DELETE);
        expect("U12 not to be seen, and not to be taken back", CHANGE_ADD_GROUP, NULL, CHANGE_PARTLY, 0, "the group was made, but is not to be seen");
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(unseen, teardown), cmocka_unit_test_teardown(slowly, teardown), cmocka_unit_test_teardown(stuck, teardown) };
        if (!help_slapd_is_there() || access("/usr/bin/python3", X_OK) != 0)
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
