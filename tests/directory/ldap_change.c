/* Changes at a real OpenLDAP server (U12): users, groups and memberships, as they are read back by the next synchronisation; what the server refuses;
 * entries that are not the ones that were meant.
 * Relies on: cmocka, slapd.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/ldap_help.h"

static struct slapd server, bis, posix;
static struct ldap_case c;
static struct collected got;
static struct change_result result;

#define MAY_WRITE "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nadd: olcAccess\nolcAccess: {0}to * by dn.exact=\"" READER "\" write by * break\n"
#define GROUP(name, member) "dn: cn=" name ",ou=groups," SUFFIX "\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: " name "\nuniqueMember: " member "\n\n"

static int start_all(void **state) {
        help_slapd_start(&server, "people.ldif");
        help_slapd_config(&server, MAY_WRITE);
        return 0;
}
static int stop_all(void **state) {
        struct slapd *const servers[] = { &server, &bis, &posix };
        for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
                if (servers[i]->dir[0])
                        help_slapd_wipe(servers[i]);
        return 0;
}
static int setup(void **state) {
        help_case(&c, server.uri, "");
        c.settings.writes_passwords = c.ldap.writable = true;
        c.settings.home = "/home/%u";
        help_open(&c);
        return 0;
}
static int teardown(void **state) {
        collected_done(&got);
        help_close(&c);
        return 0;
}

static enum change_state change(const struct directory_change *wanted, const char *password) {
        struct secret secret = { 0 };
        if (password)
                assert_int_equal(secret_set(&secret, password, strlen(password)), 0);
        directory_ldap.change(c.directory, wanted, password ? &secret : NULL, &result);
        return result.state;
}
static void done(const struct directory_change *wanted) {
        if (change(wanted, NULL) != CHANGE_DONE)
                fail_msg("%d %s: %d %s: %s", wanted->operation, wanted->name, result.state, reason_name(result.reason), result.text);
}
static void refused(const struct directory_change *wanted, enum reason reason, const char *has) {
        if (change(wanted, NULL) != CHANGE_REFUSED || result.reason != reason || !strstr(result.text, has))
                fail_msg("%d %s: %d %s: %s", wanted->operation, wanted->name, result.state, reason_name(result.reason), result.text);
}
static void sync_again(void) {
        collected_done(&got);
        int r = help_sync(&c, &got);
        if (r < 0)
                fail_msg("%d: %s", r, sbuf_text(&got.why));
}
static bool is_member(const char *line) {
        for (size_t i = 0; i < got.line_count; i++)
                if (strcmp(got.lines[i], line) == 0)
                        return true;
        return false;
}
static enum password_result check(const char *user, const char *password) {
        struct secret secret = { 0 };
        struct directory_entry entry = { 0 };
        assert_int_equal(secret_set(&secret, password, strlen(password)), 0);
        return directory_ldap.check(c.directory, user, &secret, &entry);
}
/* The immutable id of a user, as a replica has it. */
static const char *id_of(const char *user) {
        static struct directory_entry entry;
        entry = (struct directory_entry){ 0 };
        directory_ldap.find(c.directory, user, &entry);
        assert_int_equal(entry.presence, PRESENCE_FOUND);
        return entry.entry_id;
}

#define ADD(...) (&(struct directory_change){ .operation = CHANGE_ADD_USER, .entry_id = "", __VA_ARGS__ })
#define USER(op, its_name, ...) (&(struct directory_change){ .operation = op, .name = its_name, .entry_id = id_of(its_name), __VA_ARGS__ })
#define GROUP_CHANGE(op, its_name, ...) (&(struct directory_change){ .operation = op, .name = its_name, .entry_id = "", __VA_ARGS__ })

static void users(void **state) {
        done(ADD(.name = "nina", .display_name = "Nina Maria Newt", .email = "n@example.org"));
        done(ADD(.name = "plain"));
        done(ADD(.name = "po", .has_uid = true, .uid = 4001, .shell = "/bin/sh"));
        done(ADD(.name = "keys", .ssh_keys = "", .attributes = { "title=Boss", "description=" }, .attribute_count = 2));
        sync_again();
        assert_string_equal(help_detail(&got, "user nina|"), "user nina|uid=nina,ou=people," SUFFIX "|Nina Maria Newt|n@example.org|-|-|-|-|0|0|active|-");
        assert_string_equal(help_detail(&got, "user plain|"), "user plain|uid=plain,ou=people," SUFFIX "|plain|-|-|-|-|-|0|0|active|-");
        assert_string_equal(help_detail(&got, "user po|"), "user po|uid=po,ou=people," SUFFIX "|po|-|/home/po|/bin/sh|-|-|4001|4001|active|posix");
        refused(ADD(.name = "NINA"), REASON_EXISTS, "name already");
        refused(ADD(.name = "x", .attributes = { "objectClass=top" }, .attribute_count = 1), REASON_POLICY_REJECTED, "objectClass");
        refused(ADD(.name = "x", .attributes = { "title;lang-de=y" }, .attribute_count = 1), REASON_POLICY_REJECTED, "no attribute's name");
        refused(ADD(.name = "x", .attributes = { "shoeSize=7" }, .attribute_count = 1), REASON_POLICY_REJECTED, "schema");

        done(USER(CHANGE_MODIFY_USER, "nina", .display_name = "Nina N.", .email = "", .attributes = { "title=Boss" }, .attribute_count = 1));
        done(USER(CHANGE_MODIFY_USER, "nina"));
        done(USER(CHANGE_MODIFY_USER, "po", .home = "/srv/po", .has_gid = true, .gid = 4002));
        refused(USER(CHANGE_MODIFY_USER, "nina", .home = "/srv/nina"), REASON_POLICY_REJECTED, "object classes");
        refused(USER(CHANGE_MODIFY_USER, "nina", .attributes = { "displayName=x" }, .attribute_count = 1), REASON_POLICY_REJECTED, "meaning");
        refused(USER(CHANGE_MODIFY_USER, "nina", .display_name = "Nina\nNobody"), REASON_POLICY_REJECTED, "--display-name: one line");
        refused(USER(CHANGE_MODIFY_USER, "po", .home = "/srv/po\n/root"), REASON_POLICY_REJECTED, "--home: an absolute path");
        refused(ADD(.name = "x", .shell = "sh"), REASON_POLICY_REJECTED, "--shell: an absolute path");
        refused(GROUP_CHANGE(CHANGE_ADD_GROUP, "x", .description = "a\nb"), REASON_POLICY_REJECTED, "--description: one line");
        refused(GROUP_CHANGE(CHANGE_MODIFY_GROUP, "devs", .description = "a\nb"), REASON_POLICY_REJECTED, "--description: one line");
        c.ldap.user_ssh_keys = "";
        refused(USER(CHANGE_MODIFY_USER, "nina", .ssh_keys = "ssh-ed25519 AAAA"), REASON_POLICY_REJECTED, "user_ssh_keys");
        c.ldap.user_ssh_keys = "sshPublicKey";
        done(USER(CHANGE_MODIFY_USER, "alice", .ssh_keys = "ssh-ed25519 AAAA one\nssh-ed25519 AAAA two"));
        sync_again();
        assert_string_equal(help_detail(&got, "user nina|"), "user nina|uid=nina,ou=people," SUFFIX "|Nina N.|-|-|-|-|-|0|0|active|-");
        assert_non_null(strstr(help_detail(&got, "user po|"), "|/srv/po|/bin/sh|-|-|4001|4002|"));
        assert_non_null(strstr(sbuf_text(&got.details), "ssh-ed25519 AAAA one\nssh-ed25519 AAAA two"));
}

/* L3: as the password policy overlay has it; other presets have no such attribute here, or no way that is known. */
static void the_flag(void **state) {
        done(USER(CHANGE_MODIFY_USER, "bob", .has_active = true));
        sync_again();
        assert_non_null(strstr(help_detail(&got, "user bob|"), "|inactive|"));
        done(USER(CHANGE_MODIFY_USER, "bob", .has_active = true, .active = true));
        done(USER(CHANGE_MODIFY_USER, "bob", .has_active = true, .active = true));
        sync_again();
        assert_non_null(strstr(help_detail(&got, "user bob|"), "|active|"));
        c.ldap.preset = "389ds";
        refused(USER(CHANGE_MODIFY_USER, "bob", .has_active = true), REASON_POLICY_REJECTED, "no such attribute");
        c.ldap.preset = "generic";
        refused(USER(CHANGE_MODIFY_USER, "bob", .has_active = true), REASON_READ_ONLY_KIND, "preset generic");
}

static void passwords(void **state) {
        assert_int_equal(change(ADD(.name = "pia"), "pia-pw-1"), CHANGE_DONE);
        assert_int_equal(check("pia", "pia-pw-1"), CHECK_RIGHT);
        assert_int_equal(change(USER(CHANGE_SET_PASSWORD, "pia"), "pia-pw-2"), CHANGE_DONE);
        assert_int_equal(check("pia", "pia-pw-2"), CHECK_RIGHT);
        assert_int_equal(change(USER(CHANGE_SET_PASSWORD, "pia"), "abc"), CHANGE_REFUSED);
        assert_true(result.reason == REASON_POLICY_REJECTED && strstr(result.text, "too short"));
        assert_int_equal(change(USER(CHANGE_SET_PASSWORD, "pia"), NULL), CHANGE_REFUSED);
        /* All or nothing: an entry without the password that it was to have is no entry. */
        assert_int_equal(change(ADD(.name = "pat"), "abc"), CHANGE_REFUSED);
        assert_true(result.reason == REASON_POLICY_REJECTED && strstr(result.text, "was not made"));
        assert_int_equal(check("pat", "abc"), CHECK_NOT_FOUND);
}

/* An entry that user_filter does not show would be said to be made, and be nobody. */
static void unseen(void **state) {
        help_close(&c);
        c.ldap.user_filter = "(&(objectClass=inetOrgPerson)(employeeType=staff))";
        help_open(&c);
        refused(ADD(.name = "ula"), REASON_POLICY_REJECTED, "user_filter (&(objectClass=inetOrgPerson)(employeeType=staff))");
        assert_int_equal(change(ADD(.name = "ula"), "ula-pw-1"), CHANGE_REFUSED);
        assert_true(result.reason == REASON_POLICY_REJECTED && strstr(result.text, "user_filter"));
        /* Nothing of it is left: it would be in the way of the DN. */
        assert_int_equal(change(ADD(.name = "ula", .attributes = { "employeeType=staff" }, .attribute_count = 1), "ula-pw-1"), CHANGE_DONE);
        assert_int_equal(check("ula", "ula-pw-1"), CHECK_RIGHT);
        done(USER(CHANGE_REMOVE_USER, "ula"));
}

static void groups(void **state) {
        done(GROUP_CHANGE(CHANGE_ADD_GROUP, "crew, the", .description = "Crew"));
        refused(GROUP_CHANGE(CHANGE_ADD_GROUP, "Crew, The"), REASON_EXISTS, "name already");
        done(GROUP_CHANGE(CHANGE_MODIFY_GROUP, "crew, the", .description = "The crew"));
        done(GROUP_CHANGE(CHANGE_ADD_MEMBER, "crew, the", .member = "alice", .member_id = id_of("alice")));
        done(GROUP_CHANGE(CHANGE_ADD_MEMBER, "crew, the", .member = "john", .member_id = ""));
        done(GROUP_CHANGE(CHANGE_ADD_MEMBER, "crew, the", .member = "zoe", .member_id = ""));
        done(GROUP_CHANGE(CHANGE_ADD_MEMBER, "crew, the", .member = "devs", .member_id = "", .member_is_group = true));
        refused(GROUP_CHANGE(CHANGE_ADD_MEMBER, "crew, the", .member = "alice", .member_id = ""), REASON_ALREADY_A_MEMBER, "");
        sync_again();
        assert_string_equal(help_detail(&got, "group crew, the|"), "group crew, the|The crew|-|0");
        assert_true(is_member("alice>crew, the") && is_member("john>crew, the") && is_member("zoe>crew, the") && is_member("devs>>crew, the"));
        done(GROUP_CHANGE(CHANGE_REMOVE_MEMBER, "crew, the", .member = "john", .member_id = ""));
        done(GROUP_CHANGE(CHANGE_REMOVE_MEMBER, "devs", .member = "bob", .member_id = "")); /* who is there in another spelling */
        refused(GROUP_CHANGE(CHANGE_REMOVE_MEMBER, "crew, the", .member = "john", .member_id = ""), REASON_NOT_A_MEMBER, "");
        refused(GROUP_CHANGE(CHANGE_REMOVE_MEMBER, "loop-a", .member = "loop-b", .member_id = "", .member_is_group = true), REASON_POLICY_REJECTED, "last member");
        refused(GROUP_CHANGE(CHANGE_ADD_MEMBER, "no such", .member = "john", .member_id = ""), REASON_GROUP_NOT_FOUND, "");
        refused(GROUP_CHANGE(CHANGE_ADD_MEMBER, "devs", .member = "no such", .member_id = ""), REASON_USER_NOT_FOUND, "");
        refused(GROUP_CHANGE(CHANGE_ADD_GROUP, "numbered", .has_gid = true, .gid = 5000), REASON_POLICY_REJECTED, "result 65");
        sync_again();
        assert_false(is_member("john>crew, the") || is_member("bob>devs"));
        done(GROUP_CHANGE(CHANGE_REMOVE_GROUP, "crew, the"));
        refused(GROUP_CHANGE(CHANGE_REMOVE_GROUP, "crew, the"), REASON_GROUP_NOT_FOUND, "");
        sync_again();
        assert_string_equal(help_detail(&got, "group crew, the|"), "");
}

/* Who is renamed keeps the memberships; who is removed leaves none behind, not even where a group may not be empty. */
static void references(void **state) {
        done(ADD(.name = "rita"));
        help_slapd_change(&server, GROUP("only-rita", "uid=rita,ou=people," SUFFIX) GROUP("rita-too", "UID=Rita, OU=People, " SUFFIX));
        sync_again();
        assert_true(is_member("rita>only-rita") && is_member("rita>rita-too"));
        done(USER(CHANGE_RENAME_USER, "rita", .new_name = "rosa"));
        sync_again();
        assert_true(is_member("rosa>only-rita") && is_member("rosa>rita-too"));
        assert_string_equal(help_detail(&got, "user rita|"), "");
        refused(USER(CHANGE_RENAME_USER, "rosa", .new_name = "alice"), REASON_EXISTS, "");
        done(USER(CHANGE_RENAME_USER, "rosa", .new_name = "Rosa"));
        done(USER(CHANGE_REMOVE_USER, "Rosa"));
        done(ADD(.name = "rosa"));
        sync_again();
        assert_false(is_member("rosa>only-rita") || is_member("rosa>rita-too"));
        /* An RDN of two values: the other one would be lost with it. */
        help_slapd_change(&server, "dn: uid=multi+cn=Multi,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\nuid: multi\ncn: Multi\nsn: M\n\n");
        refused(USER(CHANGE_RENAME_USER, "multi", .new_name = "other"), REASON_POLICY_REJECTED, "result 64");
        /* The name is not in the DN: it alone changes. */
        done(USER(CHANGE_RENAME_USER, "john", .new_name = "jack"));
        sync_again();
        assert_non_null(strstr(help_detail(&got, "user jack|"), "Smith"));
        assert_true(is_member("jack>devs"));
}

/* Who is not called by the RDN may have aliases beside the name: they stay, unless the entry would be called by one of them. */
static void aliases(void **state) {
        static const char zed[] = "dn: cn=Zed,ou=people," SUFFIX "\nchangetype: add\nobjectClass: inetOrgPerson\ncn: Zed\nsn: Z\nuid: zed\nuid: zed.mail\n\n";
        help_slapd_change(&server, zed);
        refused(USER(CHANGE_RENAME_USER, "zed", .new_name = "zorro"), REASON_POLICY_REJECTED, "zed.mail as a value of uid");
        done(USER(CHANGE_RENAME_USER, "zed", .new_name = "zac"));
        sync_again();
        assert_non_null(strstr(help_detail(&got, "user zac|"), "cn=Zed,"));
        done(USER(CHANGE_RENAME_USER, "zac", .new_name = "Zed.Mail")); /* which only loses the other one */
        done(USER(CHANGE_RENAME_USER, "Zed.Mail", .new_name = "zed.mail"));
        done(USER(CHANGE_RENAME_USER, "zed.mail", .new_name = "zed"));
        sync_again();
        assert_non_null(strstr(help_detail(&got, "user zed|"), "cn=Zed,"));
        help_slapd_change(&server, "dn: cn=Zed,ou=people," SUFFIX "\nchangetype: modify\nadd: uid\nuid: zz.mail\n\n");
        done(USER(CHANGE_RENAME_USER, "zed", .new_name = "zorro"));
        /* It is there still: the server deletes no value that is not. */
        help_slapd_change(&server, "dn: cn=Zed,ou=people," SUFFIX "\nchangetype: modify\ndelete: uid\nuid: zz.mail\n\n");
        done(USER(CHANGE_REMOVE_USER, "zorro"));
}

/* What groups say of an entry that somebody else removed is nobody's to take over: not who is made, nor who is renamed, nor a group. */
static void left_over(void **state) {
        help_slapd_change(&server, GROUP("vault", "uid=former,ou=people," SUFFIX) GROUP("cellar", "UID=Former, OU=People, " SUFFIX)
                                   GROUP("attic", "cn=bygone,ou=groups," SUFFIX));
        refused(ADD(.name = "former"), REASON_POLICY_REJECTED, "2 of its groups");
        assert_non_null(strstr(result.text, "cn=vault,ou=groups," SUFFIX));
        done(ADD(.name = "newt"));
        refused(USER(CHANGE_RENAME_USER, "newt", .new_name = "former"), REASON_POLICY_REJECTED, "cn=cellar,ou=groups," SUFFIX);
        refused(GROUP_CHANGE(CHANGE_ADD_GROUP, "bygone"), REASON_POLICY_REJECTED, "cn=attic,ou=groups," SUFFIX);
        sync_again();
        assert_string_equal(help_detail(&got, "user former|"), "");
        assert_string_equal(help_detail(&got, "group bygone|"), "");
        assert_non_null(strstr(help_detail(&got, "user newt|"), "uid=newt,"));
        help_slapd_change(&server, "dn: cn=vault,ou=groups," SUFFIX "\nchangetype: delete\n\ndn: cn=cellar,ou=groups," SUFFIX "\nchangetype: delete\n\n");
        done(USER(CHANGE_RENAME_USER, "newt", .new_name = "former"));
}

/* An entry that took the place of the one that is meant. */
static void another_entry(void **state) {
        char id[SYNC_ENTRY_ID_MAX + 1];
        done(ADD(.name = "tia"));
        (void)snprintf(id, sizeof id, "%s", id_of("tia"));
        done(USER(CHANGE_REMOVE_USER, "tia"));
        done(ADD(.name = "tia"));
        const enum entry_change changes[] = { CHANGE_MODIFY_USER, CHANGE_REMOVE_USER, CHANGE_RENAME_USER };
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
                refused(&(struct directory_change){ .operation = changes[i], .name = "tia", .entry_id = id, .new_name = "tina", .display_name = "x" },
                        REASON_USER_NOT_FOUND, "another one");
        refused(GROUP_CHANGE(CHANGE_ADD_MEMBER, "devs", .member = "tia", .member_id = id), REASON_USER_NOT_FOUND, "");
        refused(&(struct directory_change){ .operation = CHANGE_REMOVE_GROUP, .name = "devs", .entry_id = id }, REASON_GROUP_NOT_FOUND, "another group");
        /* Names are no filters and no DNs. */
        refused(GROUP_CHANGE(CHANGE_REMOVE_GROUP, "*"), REASON_GROUP_NOT_FOUND, "");
        refused(&(struct directory_change){ .operation = CHANGE_REMOVE_USER, .name = "*", .entry_id = "" }, REASON_USER_NOT_FOUND, "");
        done(ADD(.name = "x,dc=y+z=\"#"));
        sync_again();
        assert_non_null(strstr(help_detail(&got, "user x,dc=y+z=\"#|"), "|active|"));
        done(USER(CHANGE_REMOVE_USER, "x,dc=y+z=\"#"));
}

/* P5, P6, and no server. */
static void refusals(void **state) {
        c.ldap.writable = false;
        refused(ADD(.name = "x"), REASON_READ_ONLY_KIND, "read-only");
        c.ldap.writable = true;
        c.settings.read_only_kind = true;
        refused(ADD(.name = "x"), REASON_READ_ONLY_KIND, "read-only");
        c.settings.read_only_kind = false;
        c.ldap.bind_dn = "";
        refused(ADD(.name = "x"), REASON_PERMISSION_DENIED, "bind_dn");
        assert_true(result.by_right);
        help_close(&c);
        help_case(&c, "ldap://127.0.0.1:1", "");
        c.ldap.writable = true;
        help_open(&c);
        refused(ADD(.name = "x"), REASON_UNAVAILABLE, "");
        refused(&(struct directory_change){ .operation = CHANGE_REMOVE_USER, .name = "alice", .entry_id = "x" }, REASON_UNAVAILABLE, "");
        refused(GROUP_CHANGE(CHANGE_REMOVE_GROUP, "devs"), REASON_UNAVAILABLE, "");
}

static void without_rights(void **state) {
        help_slapd_config(&server, "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\ndelete: olcAccess\nolcAccess: {0}\n");
        refused(USER(CHANGE_MODIFY_USER, "alice", .display_name = "x"), REASON_PERMISSION_DENIED, "result 50");
        assert_true(result.by_right);
        refused(ADD(.name = "x"), REASON_PERMISSION_DENIED, "result 50");
        refused(USER(CHANGE_REMOVE_USER, "alice"), REASON_PERMISSION_DENIED, "result 50");
        refused(GROUP_CHANGE(CHANGE_ADD_MEMBER, "devs", .member = "Carol", .member_id = ""), REASON_PERMISSION_DENIED, "result 50");
        help_slapd_config(&server, MAY_WRITE);
        /* Another server's word: it takes no changes at all. */
        help_slapd_config(&server, "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcReadOnly\nolcReadOnly: TRUE\n");
        refused(USER(CHANGE_MODIFY_USER, "alice", .display_name = "x"), REASON_POLICY_REJECTED, "result 53");
        help_slapd_config(&server, "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\nreplace: olcReadOnly\nolcReadOnly: FALSE\n");
}

/* The schema rfc2307bis: ids are the entries', a group is of two classes and may be empty. */
static void with_ids(void **state) {
        help_close(&c);
        help_slapd_start(&bis, "rfc2307bis.ldif");
        help_slapd_config(&bis, MAY_WRITE);
        help_case(&c, bis.uri, "");
        c.settings.ids = IDS_ATTRIBUTE;
        c.settings.home = "/home/%u";
        c.ldap.writable = true;
        c.ldap.user_object_class = "posixAccount";
        c.ldap.user_filter = "(objectClass=posixAccount)";
        c.ldap.group_object_class = "groupOfMembers";
        c.ldap.group_filter = "(objectClass=posixGroup)";
        c.ldap.group_member = "member";
        help_open(&c);
        done(ADD(.name = "nina", .has_uid = true, .uid = 7001, .has_gid = true, .gid = 7100));
        done(GROUP_CHANGE(CHANGE_ADD_GROUP, "band", .has_gid = true, .gid = 7100));
        done(GROUP_CHANGE(CHANGE_ADD_MEMBER, "band", .member = "nina", .member_id = ""));
        sync_again();
        assert_string_equal(help_detail(&got, "user nina|"), "user nina|uid=nina,ou=people," SUFFIX "|nina|-|/home/nina|-|-|-|7001|7100|active|posix");
        assert_string_equal(help_detail(&got, "group band|"), "group band|-|-|7100");
        assert_true(is_member("nina>band"));
        done(GROUP_CHANGE(CHANGE_MODIFY_GROUP, "band", .has_gid = true, .gid = 7200));
        done(GROUP_CHANGE(CHANGE_REMOVE_MEMBER, "band", .member = "nina", .member_id = ""));
        done(USER(CHANGE_MODIFY_USER, "nina", .has_uid = true, .uid = 7002, .home = "/srv/nina", .shell = "/bin/sh"));
        sync_again();
        assert_string_equal(help_detail(&got, "group band|"), "group band|-|-|7200");
        assert_string_equal(help_detail(&got, "user nina|"), "user nina|uid=nina,ou=people," SUFFIX "|nina|-|/srv/nina|/bin/sh|-|-|7002|7100|active|posix");
        done(USER(CHANGE_REMOVE_USER, "nina"));
}

/* Groups that name their members: the name in them follows, and goes. */
static void members_by_name(void **state) {
        help_close(&c);
        help_slapd_start(&posix, "posix.ldif");
        help_slapd_config(&posix, MAY_WRITE);
        help_case_posix(&c, posix.uri);
        c.settings.home = "/home/%u";
        c.ldap.writable = true; /* no preset of this schema is (P5); one that is can be told to have such groups */
        c.ldap.group_object_class = "posixGroup";
        help_open(&c);
        done(ADD(.name = "nina", .has_uid = true, .uid = 7001));
        done(GROUP_CHANGE(CHANGE_ADD_GROUP, "crew", .has_gid = true, .gid = 7100));
        done(GROUP_CHANGE(CHANGE_ADD_MEMBER, "crew", .member = "nina", .member_id = ""));
        sync_again();
        assert_true(is_member("nina>crew"));
        /* A group of her name goes; she stays where she is. */
        done(GROUP_CHANGE(CHANGE_ADD_GROUP, "nina", .has_gid = true, .gid = 7101));
        done(GROUP_CHANGE(CHANGE_REMOVE_GROUP, "nina"));
        sync_again();
        assert_true(is_member("nina>crew"));
        done(USER(CHANGE_RENAME_USER, "nina", .new_name = "nora"));
        sync_again();
        assert_true(is_member("nora>crew"));
        done(USER(CHANGE_REMOVE_USER, "nora"));
        done(ADD(.name = "nora", .has_uid = true, .uid = 7003));
        done(ADD(.name = "nina", .has_uid = true, .uid = 7004));
        sync_again();
        assert_false(is_member("nora>crew") || is_member("nina>crew"));
        /* In another case it means her all the same (N1). */
        help_slapd_change(&posix, "dn: cn=crew,ou=groups," SUFFIX "\nchangetype: modify\nadd: memberUid\nmemberUid: NINA\nmemberUid: Nora\nmemberUid: nobodyyet\n");
        sync_again();
        assert_true(is_member("nora>crew") && is_member("nina>crew"));
        done(GROUP_CHANGE(CHANGE_REMOVE_MEMBER, "crew", .member = "nina", .member_id = ""));
        refused(GROUP_CHANGE(CHANGE_REMOVE_MEMBER, "crew", .member = "nina", .member_id = ""), REASON_NOT_A_MEMBER, "");
        done(USER(CHANGE_REMOVE_USER, "nora"));
        done(ADD(.name = "nora", .has_uid = true, .uid = 7003));
        sync_again();
        assert_false(is_member("nora>crew") || is_member("nina>crew"));
        /* Nobody takes over what a group says of somebody who is no more. */
        refused(ADD(.name = "NobodyYet", .has_uid = true, .uid = 7005), REASON_POLICY_REJECTED, "cn=crew,");
        refused(USER(CHANGE_RENAME_USER, "nora", .new_name = "nobodyyet"), REASON_POLICY_REJECTED, "cn=crew,");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(users, setup, teardown), cmocka_unit_test_setup_teardown(the_flag, setup, teardown),
                cmocka_unit_test_setup_teardown(passwords, setup, teardown), cmocka_unit_test_setup_teardown(unseen, setup, teardown), cmocka_unit_test_setup_teardown(groups, setup, teardown),
                cmocka_unit_test_setup_teardown(references, setup, teardown), cmocka_unit_test_setup_teardown(aliases, setup, teardown), cmocka_unit_test_setup_teardown(left_over, setup, teardown), cmocka_unit_test_setup_teardown(another_entry, setup, teardown),
                cmocka_unit_test_setup_teardown(refusals, setup, teardown),
                cmocka_unit_test_setup_teardown(with_ids, setup, teardown), cmocka_unit_test_setup_teardown(members_by_name, setup, teardown), cmocka_unit_test_setup_teardown(without_rights, setup, teardown),
        };
        if (!help_slapd_is_there())
                return 77;
        return cmocka_run_group_tests(tests, start_all, stop_all);
}
