/* Passwords set at a real OpenLDAP server (L7, P5, U2): by their owner, with the old one, and by the service account; what policies say.
 * Relies on: cmocka, slapd.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/ldap_people.h"

static struct sbuf why;

#define POLICY(name, more) "dn: cn=" name ",ou=policies," SUFFIX "\nchangetype: add\nobjectClass: device\nobjectClass: pwdPolicy\ncn: " name \
        "\npwdAttribute: userPassword\n" more "\n"
#define PERSON(name, more) "dn: uid=" name ",ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nuid: " name "\ncn: " name "\nsn: " name \
        "\nuserPassword: " name "-pw\n" more "\n"
#define BY(name) "pwdPolicySubentry: cn=" name ",ou=policies," SUFFIX "\n"
#define LONG_AGO "pwdChangedTime: 20200101000000Z\n"

static int start_with_policies(void **state) {
        (void)start_all(state);
        help_slapd_change(&server,
                          POLICY("three", "pwdMaxAge: 86400\npwdGraceAuthNLimit: 3\n")
                          POLICY("soon", "pwdMaxAge: 864000\npwdExpireWarning: 8640000\n")
                          POLICY("never", "pwdAllowUserChange: FALSE\n")
                          POLICY("young", "pwdMinAge: 86400\npwdAllowUserChange: TRUE\n")
                          PERSON("greta", BY("three") LONG_AGO) PERSON("wanda", BY("soon")) PERSON("nick", BY("never")) PERSON("yara", BY("young"))
                          PERSON("mia", "pwdReset: TRUE\n") PERSON("sam", "") PERSON("tia", "") PERSON("una", ""));
        return 0;
}
static int setup_writable(void **state) {
        (void)setup(state);
        c.settings.writes_passwords = true;
        return 0;
}
static int teardown_words(void **state) {
        sbuf_done(&why);
        why = (struct sbuf){ 0 };
        return teardown(state);
}

static enum password_result check_anew(const char *user, const char *password, struct directory_entry *entry) {
        *entry = (struct directory_entry){ 0 };
        return check(user, password, entry);
}
static enum password_set set_and_say(const char *user, const char *old, const char *new, struct directory_entry *entry) {
        sbuf_done(&why);
        why = (struct sbuf){ 0 };
        return set(user, old, new, entry, &why);
}

static const struct { const char *rule, *user, *old, *new; enum password_set set; const char *words; } rows[] = {
        { "U2 right", "alice", "alice-pw", "alice-2nd", PASSWORD_SET_DONE, "" },
        { "U2 wrong old", "bob", "bad-pw", "bob-2nd", PASSWORD_SET_WRONG, "" },
        { "U2 another's", "bob", "alice-2nd", "bob-2nd", PASSWORD_SET_WRONG, "" },
        { "U2 in any case", "cAROL", "carol-pw", "carol-2nd", PASSWORD_SET_DONE, "" },
        { "U2 a comma in the DN", "john", "john-pw", "john-2nd", PASSWORD_SET_DONE, "" },
        { "U2 letters outside ASCII, in the DN and the password", "zoe", "zoe-pw", "zo\xc3\xab-2nd", PASSWORD_SET_DONE, "" },
        { "the policy: too short", "bob", "bob-pw", "abc", PASSWORD_SET_REJECTED, "Password is too short for policy" },
        { "the policy: too young", "yara", "yara-pw", "yara-2nd", PASSWORD_SET_REJECTED, "Password has been changed too recently" },
        { "the policy: nobody", "nick", "nick-pw", "nick-2nd", PASSWORD_SET_DENIED, "" },
        { "L7 must change", "mia", "mia-pw", "mia-2nd", PASSWORD_SET_DONE, "" },
        { "L7 a grace login", "greta", "greta-pw", "greta-2nd", PASSWORD_SET_DONE, "" },
        { "L7 expired, and no grace", "erin", "erin-pw", "erin-2nd", PASSWORD_SET_EXPIRED, "" },
        { "L7 only a right password reveals it", "erin", "x", "erin-2nd", PASSWORD_SET_WRONG, "" },
        { "L3 locked by the administrator", "frank", "frank-pw", "frank-2nd", PASSWORD_SET_LOCKED, "" },
        { "L8 no new one: a server would make one up", "bob", "bob-pw", "", PASSWORD_SET_UNAVAILABLE, "" },
        { "L8 no old one is not the administrator's way", "bob", "", "bob-2nd", PASSWORD_SET_WRONG, "" },
        { "nobody", "nobody", "x", "y-password", PASSWORD_SET_NOT_FOUND, "" },
        { "a filter is not a name", "a)(uid=*", "alice-pw", "y-password", PASSWORD_SET_NOT_FOUND, "" },
};
static void each_row(void **state) {
        help_open(&c);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct directory_entry entry = { 0 };
                enum password_set result = set_and_say(rows[i].user, rows[i].old, rows[i].new, &entry);
                if (result != rows[i].set || strcmp(sbuf_text(&why), rows[i].words) != 0)
                        fail_msg("%s: %d, \"%s\"", rows[i].rule, result, sbuf_text(&why));
                if (rows[i].set == PASSWORD_SET_DONE && check_anew(rows[i].user, rows[i].new, &entry) != CHECK_RIGHT)
                        fail_msg("%s: the new one is not right", rows[i].rule);
        }
        struct directory_entry entry;
        assert_int_equal(check_anew("bob", "bob-pw", &entry), CHECK_RIGHT);
        assert_int_equal(check_anew("alice", "alice-pw", &entry), CHECK_WRONG);
}

/* The entry that is meant, or none: whatever the old knowledge is worth. */
static void another_entry(void **state) {
        struct directory_entry tia, una, entry;
        help_open(&c);
        assert_int_equal(check_anew("tia", "tia-pw", &tia), CHECK_RIGHT);
        assert_int_equal(check_anew("una", "una-pw", &una), CHECK_RIGHT);
        entry = tia;
        memcpy(entry.entry_id, una.entry_id, sizeof entry.entry_id);
        assert_int_equal(set_and_say("tia", "tia-pw", "tia-2nd", &entry), PASSWORD_SET_NOT_FOUND);
        entry = una;
        assert_int_equal(set_and_say("tia", "una-pw", "una-2nd", &entry), PASSWORD_SET_NOT_FOUND);
        entry = (struct directory_entry){ 0 };
        memcpy(entry.entry_id, una.entry_id, sizeof entry.entry_id);
        assert_int_equal(set_and_say("tia", NULL, "tia-2nd", &entry), PASSWORD_SET_NOT_FOUND);
        assert_int_equal(check_anew("tia", "tia-pw", &entry), CHECK_RIGHT);
        assert_int_equal(check_anew("una", "una-pw", &entry), CHECK_RIGHT);
        entry = tia;
        assert_int_equal(set_and_say("tia", "tia-pw", "tia-2nd", &entry), PASSWORD_SET_DONE);
}

/* P5, P6: the preset's word, then the server's own. */
static void the_service_account(void **state) {
        struct directory_entry entry = { 0 };
        help_open(&c);
        assert_int_equal(set_and_say("sam", NULL, "sam-2nd", &entry), PASSWORD_SET_DENIED);
        help_slapd_config(&server, "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to attrs=userPassword by dn.exact=\"" READER
                                   "\" =w by self =xw by anonymous auth by * none\n");
        entry = (struct directory_entry){ 0 };
        assert_int_equal(set_and_say("sam", NULL, "sam-2nd", &entry), PASSWORD_SET_DONE);
        assert_int_equal(check_anew("sam", "sam-2nd", &entry), CHECK_RIGHT);
        assert_int_equal(check_anew("sam", "sam-pw", &entry), CHECK_WRONG);
        assert_int_equal(set_and_say("sam", "sam-2nd", "sam-3rd", &entry), PASSWORD_SET_DONE);
        assert_int_equal(check_anew("sam", "sam-3rd", &entry), CHECK_RIGHT);
        help_close(&c);
        help_case(&c, server.uri, "");
        help_open(&c);
        assert_int_equal(set_and_say("sam", "sam-3rd", "sam-4th", &entry), PASSWORD_SET_UNAVAILABLE);
        assert_int_equal(set_and_say("sam", NULL, "sam-4th", &entry), PASSWORD_SET_UNAVAILABLE);
}

static void without_an_account(void **state) {
        struct directory_entry entry = { 0 };
        c.ldap.bind_dn = "";
        help_open(&c);
        /* This server shows nothing to nobody: the entry cannot be read, so nothing is tried. */
        assert_int_equal(set_and_say("bob", "bob-pw", "bob-2nd", &entry), PASSWORD_SET_UNAVAILABLE);
}

/* L7: what a right password is told, and no wrong one. */
static void notices(void **state) {
        struct directory_entry entry;
        help_open(&c);
        assert_int_equal(check_anew("wanda", "wanda-pw", &entry), CHECK_RIGHT);
        assert_true(entry.notice.expires_s > 0 && entry.notice.expires_s <= 864000 && !entry.notice.grace);
        assert_int_equal(check_anew("wanda", "x", &entry), CHECK_WRONG);
        assert_true(entry.notice.expires_s == 0 && !entry.notice.grace);
        assert_int_equal(check_anew("dave", "dave-pw", &entry), CHECK_MUST_CHANGE);
        assert_true(entry.notice.grace && entry.notice.grace_left < 100);
        assert_int_equal(check_anew("erin", "erin-pw", &entry), CHECK_EXPIRED);
        /* P2: the directory's level. */
        help_close(&c);
        help_case(&c, server.uri, "");
        c.settings.writes_passwords = true;
        c.settings.permissions = PERMISSIONS_READ_ONLY;
        help_open(&c);
        assert_int_equal(check_anew("dave", "dave-pw", &entry), CHECK_EXPIRED);
}

/* After a change nobody is bound as the user where others are looked for, and none of it is left to the next one. */
static void nobody_stays_bound(void **state) {
        struct directory_entry entry = { 0 };
        help_open(&c);
        assert_int_equal(set_and_say("una", "una-pw", "una-2nd", &entry), PASSWORD_SET_DONE);
        entry = (struct directory_entry){ 0 };
        assert_int_equal(set_and_say("bob", "una-2nd", "bob-2nd", &entry), PASSWORD_SET_WRONG);
        assert_int_equal(check_anew("bob", "bob-pw", &entry), CHECK_RIGHT);
        assert_int_equal(check_anew("una", "una-2nd", &entry), CHECK_RIGHT);
}

/* Nothing is sent that others can read. 127.0.0.1 is this host itself; what is not, is a matter of may_send_secrets, tested with binds. */
static void no_server(void **state) {
        struct directory_entry entry = { 0 };
        c.uris[0] = "ldap://127.0.0.1:1";
        help_open(&c);
        assert_int_equal(set_and_say("bob", "bob-pw", "bob-2nd", &entry), PASSWORD_SET_UNAVAILABLE);
        assert_int_equal(set_and_say("bob", NULL, "bob-2nd", &entry), PASSWORD_SET_UNAVAILABLE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(each_row, setup_writable, teardown_words), cmocka_unit_test_setup_teardown(another_entry, setup_writable, teardown_words),
                cmocka_unit_test_setup_teardown(notices, setup_writable, teardown_words), cmocka_unit_test_setup_teardown(nobody_stays_bound, setup_writable, teardown_words),
                cmocka_unit_test_setup_teardown(no_server, setup_writable, teardown_words), cmocka_unit_test_setup_teardown(without_an_account, setup_writable, teardown_words),
                cmocka_unit_test_setup_teardown(the_service_account, setup_writable, teardown_words),
        };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, start_with_policies, stop_all);
}
