/* The mapper and the memberships, from entries that servers here cannot be made to send: Active Directory's above all (M1, M9, M10, L3).
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "directory/ldap/entry.h"
#include "directory/ldap/members.h"

#define NOW UINT64_C(1700000000)
#define GUID "\x33\x22\x11\x00\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
#define SID "\x01\x05\0\0\0\0\0\x05\x15\0\0\0\x01\0\0\0\x02\0\0\0\xff\xff\xff\xff\x51\x04\0\0"
#define BUILTIN "\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0"

static struct ldap_settings settings_of(bool ad) {
        return (struct ldap_settings){
                .preset = "", .user_name = ad ? "sAMAccountName" : "uid", .user_first_name = "givenName", .user_last_name = "sn",
                .user_display_name = "displayName", .user_email = "mail", .user_password = "", .user_member_of = "", .user_uid = "uidNumber",
                .user_gid = "gidNumber", .user_home = "homeDirectory", .user_shell = "loginShell", .user_ssh_keys = "sshPublicKey",
                .user_sid = ad ? "objectSid" : "", .user_primary_group_id = ad ? "primaryGroupID" : "", .group_name = "cn", .group_description = "description",
                .group_member = "member", .group_gid = "gidNumber", .group_sid = ad ? "objectSid" : "", .external_id = ad ? "objectGUID" : "entryUUID",
                .active_directory = ad,
        };
}

static struct ldap_entry entry;
static struct berval values[LDAP_ATTRIBUTES_MAX];
static void start(const char *dn) {
        entry = (struct ldap_entry){ .dn = { strlen(dn), (char *)(uintptr_t)dn } };
}
static void add_bytes(const char *name, const void *value, size_t len) {
        values[entry.count] = (struct berval){ len, (char *)(uintptr_t)value };
        entry.attributes[entry.count] = (struct ldap_attribute){ { strlen(name), (char *)(uintptr_t)name }, &values[entry.count], 1 };
        entry.count++;
}
static void add(const char *name, const char *value) { add_bytes(name, value, strlen(value)); }

static struct entry_user user;
static struct entry_group group;
static const char *why;
static enum entry_verdict map_user(bool ad, enum id_source ids) {
        static struct ldap_settings settings;
        settings = settings_of(ad);
        return entry_map_user(&(struct entry_context){ &settings, ids, NOW }, &entry, &user, &why);
}
static enum entry_verdict map_group(bool ad, enum id_source ids) {
        static struct ldap_settings settings;
        settings = settings_of(ad);
        return entry_map_group(&(struct entry_context){ &settings, ids, NOW }, &entry, &group, &why);
}

static void active_directory(void **state) {
        start("CN=Anna,DC=x");
        add("SAMACCOUNTNAME", "anna");
        add_bytes("objectGUID", GUID, 16);
        add_bytes("objectSid", SID, 28);
        add("primaryGroupID", "513");
        add("userAccountControl", "512");
        assert_int_equal(map_user(true, IDS_SID), ENTRY_OK);
        assert_string_equal(user.user.entry_id, "00112233-4455-6677-8899-aabbccddeeff");
        assert_string_equal(user.user.sid, "S-1-5-21-1-2-4294967295-1105");
        assert_int_equal(user.user.gid, 513);
        assert_int_equal(user.primary_rid, 513);
        assert_true(user.user.posix_primary && user.user.active);
        /* With POSIX attributes of its own the number that counts is that one. */
        add("gidNumber", "20000");
        assert_int_equal(map_user(true, IDS_ATTRIBUTE), ENTRY_OK);
        assert_int_equal(user.user.gid, 20000);
        start("CN=Domain Users,DC=x");
        add("cn", "Domain Users");
        add_bytes("objectGUID", GUID, 16);
        add_bytes("objectSid", SID, 28);
        assert_int_equal(map_group(true, IDS_SID), ENTRY_OK);
        assert_int_equal(group.group.gid, 1105);
        start("CN=Administrators,CN=Builtin,DC=x");
        add("cn", "Administrators");
        add_bytes("objectGUID", GUID, 16);
        add_bytes("objectSid", BUILTIN, 16);
        assert_int_equal(map_group(true, IDS_SID), ENTRY_OK);
        assert_string_equal(group.group.sid, "S-1-5-32-544");
        assert_int_equal(group.group.gid, 0);
}

static const struct { const char *name, *value; bool active; } signs[] = {
        { "userAccountControl", "512", true }, { "userAccountControl", "514", false }, { "userAccountControl", "66050", false }, { "userAccountControl", "", false },
        { "useraccountcontrol", "x", false }, { "accountExpires", "0", true }, { "accountExpires", "9223372036854775807", true },
        { "accountExpires", "133444736000000000", false }, { "accountExpires", "133444736010000000", true }, { "nsAccountLock", "TRUE", false },
        { "nsAccountLock", "true", false }, { "nsAccountLock", "FALSE", true }, { "pwdAccountLockedTime", "000001010000Z", false },
        { "pwdAccountLockedTime", "20231101000000Z", true }, { "loginDisabled", "TRUE", false }, { "loginExpirationTime", "20231114221320Z", false },
        { "loginExpirationTime", "20231114221321Z", true }, { "loginExpirationTime", "soon", true }, { "loginExpirationTime", "00000101000000Z", false },
        { "shadowExpire", "-1", true }, { "shadowExpire", "19675", false }, { "shadowExpire", "19676", true }, { "shadowExpire", "0", false },
        { "ds-pwp-account-disabled", "true", false }, { "authAuthority", "1.0;DisabledUser;x", false }, { "authAuthority", ";ApplePasswordServer;x", true },
        { "description", "TRUE", true },
};
static void active_flags(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
                start("uid=a,dc=x");
                add("uid", "a");
                add("entryUUID", "1");
                add(signs[i].name, signs[i].value);
                assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_OK);
                if (user.user.active != signs[i].active)
                        fail_msg("%s: %s", signs[i].name, signs[i].value);
        }
}

/* L3: the first second of not being active. NOW is 2023-11-14 22:13:20 Z; 1: long ago. */
static const struct { const char *name, *value; uint64_t end_s; } ends[] = {
        { "accountExpires", "133444736000000000", NOW }, { "accountExpires", "133444736009999999", NOW }, { "accountExpires", "133444736010000000", NOW + 1 },
        { "accountExpires", "0", 0 }, { "accountExpires", "9223372036854775807", 0 }, { "accountExpires", "9223372036854775808", 0 },
        { "accountExpires", "18446744073709551615", 0 }, { "accountExpires", "18446744073709551616", 0 }, { "accountExpires", "-1", 0 }, { "accountExpires", "", 0 },
        { "accountExpires", "9223372036854775806", UINT64_C(910692730085) }, { "accountExpires", "1", 1 }, { "accountExpires", "116444736000000000", 1 },
        { "accountExpires", "116444736010000000", 1 }, { "accountExpires", "116444736020000000", 2 }, { "accountExpires", "never", 0 },
        { "shadowExpire", "19675", UINT64_C(19675) * 86400 }, { "shadowExpire", "19676", UINT64_C(19676) * 86400 }, { "shadowExpire", "-1", 0 },
        { "shadowExpire", "0", 1 }, { "shadowExpire", "1", 86400 }, { "shadowExpire", "", 0 }, { "shadowExpire", "18446744073709551615", 0 },
        { "shadowExpire", "213503982334601", UINT64_C(213503982334601) * 86400 }, { "shadowExpire", "213503982334602", 0 }, { "shadowExpire", "x", 0 },
        { "loginExpirationTime", "20231114221320Z", NOW }, { "loginExpirationTime", "20231114221321Z", NOW + 1 }, { "LOGINEXPIRATIONTIME", "20231114221321.9Z", NOW + 1 },
        { "loginExpirationTime", "202311142214Z", NOW + 40 }, { "loginExpirationTime", "2023111423Z", NOW + 2800 }, { "loginExpirationTime", "20231114231320+0100", NOW },
        { "loginExpirationTime", "20231114201320-02", NOW }, { "loginExpirationTime", "20231114194320,5-0230", NOW }, { "loginExpirationTime", "20231114221320", NOW },
        { "loginExpirationTime", "20231114221320+", NOW }, { "loginExpirationTime", "20231114221320+9900", NOW }, { "loginExpirationTime", "20240229000000Z", 1709164800 },
        { "loginExpirationTime", "19700101000000+0100", 1 }, { "loginExpirationTime", "00000101000000Z", 1 }, { "loginExpirationTime", "20231314221320Z", 1 },
        { "loginExpirationTime", "99991231235959Z", UINT64_C(253402300799) }, { "loginExpirationTime", "20231114Z", 0 }, { "loginExpirationTime", "soon", 0 },
        { "loginExpirationTime", "", 0 }, { "pwdAccountLockedTime", "20231114221321Z", 0 }, { "description", "20231114221321Z", 0 },
};
static void end_times(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                uint64_t end_s = ends[i].end_s;
                start("uid=a,dc=x");
                add("uid", "a");
                add("entryUUID", "1");
                add(ends[i].name, ends[i].value);
                if (entry_end(&entry) != end_s)
                        fail_msg("%s: %s ends at %llu", ends[i].name, ends[i].value, (unsigned long long)entry_end(&entry));
                if (end_s > 0 && (!entry_is_active(&entry, end_s - 1) || entry_is_active(&entry, end_s)))
                        fail_msg("%s: %s is not active until its end", ends[i].name, ends[i].value);
                if (end_s == 0 && !entry_is_active(&entry, UINT64_MAX))
                        fail_msg("%s: %s ends", ends[i].name, ends[i].value);
                assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_OK);
                if (user.end_s != (end_s > NOW ? end_s : 0) || user.user.active != (end_s == 0 || end_s > NOW))
                        fail_msg("%s: %s: mapped as ending at %llu", ends[i].name, ends[i].value, (unsigned long long)user.end_s);
        }
}

/* The earliest counts; and none of an account that is not active anyway. */
static void several_ends(void **state) {
        start("uid=a,dc=x");
        add("uid", "a");
        add("entryUUID", "1");
        add("shadowExpire", "19680");
        add("accountExpires", "0");
        assert_int_equal(entry_end(&entry), UINT64_C(19680) * 86400);
        add("loginExpirationTime", "20231114221420Z");
        assert_int_equal(entry_end(&entry), NOW + 60);
        assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_OK);
        assert_int_equal(user.end_s, NOW + 60);
        add("nsAccountLock", "TRUE");
        assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_OK);
        assert_true(user.end_s == 0 && !user.user.active);
}

/* What cannot be read is not active; other servers have no such flag. */
static void account_control_that_does_not_come(void **state) {
        start("CN=Anna,DC=x");
        add("sAMAccountName", "anna");
        add_bytes("objectGUID", GUID, 16);
        add("uid", "anna");
        add("entryUUID", "1");
        assert_int_equal(map_user(true, IDS_SID), ENTRY_OK);
        assert_true(user.state_unknown && !user.user.active);
        assert_int_equal(map_user(false, IDS_SID), ENTRY_OK);
        assert_true(!user.state_unknown && user.user.active);
        add("userAccountControl", "512");
        assert_int_equal(map_user(true, IDS_SID), ENTRY_OK);
        assert_true(!user.state_unknown && user.user.active);
        entry.attributes[entry.count - 1].count = 0;
        assert_int_equal(map_user(true, IDS_SID), ENTRY_OK);
        assert_true(user.state_unknown && !user.user.active);
}

static const struct { const char *what, *id; size_t id_len; const char *as; } ids[] = {
        { "text", "62c57d4e-0001", 13, "62c57d4e-0001" },
        { "16 bytes", GUID, 16, "33221100-5544-7766-8899-aabbccddeeff" },
        { "other bytes", "\x01\xff", 2, "01ff" },
        { "63 characters", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 63, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
        { "64 characters", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 64, NULL },
        { "32 bytes", "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 32, NULL },
        { "nothing", "", 0, NULL },
};
static void immutable_ids(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
                start("uid=a,dc=x");
                add("uid", "a");
                add_bytes("entryUUID", ids[i].id, ids[i].id_len);
                enum entry_verdict verdict = map_user(false, IDS_ALLOCATE);
                if (ids[i].as ? verdict != ENTRY_OK || strcmp(user.user.entry_id, ids[i].as) != 0 : verdict != ENTRY_BROKEN || !why[0])
                        fail_msg("%s: %d", ids[i].what, verdict);
        }
}

static void names_and_texts(void **state) {
        static char long_value[5000];
        static const struct berval two[] = { { 5, (char *)(uintptr_t)"alias" }, { 4, (char *)(uintptr_t)"Real" } };
        static const struct berval keys[] = { { 5, (char *)(uintptr_t)"key 1" }, { 6, (char *)(uintptr_t)"key 2\n" }, { 3, (char *)(uintptr_t)"k\0x" }, { 1, (char *)(uintptr_t)" " } };
        start("uid=Real,dc=x");
        add("entryUUID", "1");
        entry.attributes[entry.count++] = (struct ldap_attribute){ { 3, (char *)(uintptr_t)"uid" }, two, 2 };
        entry.attributes[entry.count++] = (struct ldap_attribute){ { 12, (char *)(uintptr_t)"sshPublicKey" }, keys, 4 };
        memset(long_value, 'x', sizeof long_value);
        add_bytes("homeDirectory", long_value, sizeof long_value);
        add_bytes("loginShell", "/bin/sh\0x", 9);
        add("uidNumber", "4294967296");
        add("gidNumber", " 5");
        add("mail;lang-en", "no");
        assert_int_equal(map_user(false, IDS_ATTRIBUTE), ENTRY_OK);
        assert_string_equal(user.user.name, "Real");
        assert_string_equal(user.user.ssh_keys, "key 1\nkey 2");
        assert_null(user.user.home);
        assert_null(user.user.shell);
        assert_null(user.user.email);
        assert_int_equal(user.user.uid, 0);
        assert_int_equal(user.user.gid, 0);
        entry.dn = (struct berval){ 9, (char *)(uintptr_t)"cn=x,dc=x" };
        assert_int_equal(map_user(false, IDS_ATTRIBUTE), ENTRY_OK);
        assert_string_equal(user.user.name, "Real"); /* the smaller one: always the same */
        start("uid=a,dc=x");
        add("entryUUID", "1");
        add_bytes("uid", "root\0x", 6);
        assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_NAMELESS);
        start("uid=a,dc=x");
        add("entryUUID", "1");
        assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_NAMELESS);
        start("uid=a,dc=x");
        add("entryUUID", "1");
        add_bytes("uid", long_value, 1024);
        assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_NAMELESS);
        start("uid=a,dc=x");
        add("entryUUID", "1");
        add("uid", "a");
        entry.dn = (struct berval){ SYNC_DN_MAX + 1, long_value };
        assert_int_equal(map_user(false, IDS_ALLOCATE), ENTRY_OK);
        assert_null(user.user.dn);
}

static void sids(void **state) {
        char text[ENTRY_SID_MAX + 1];
        char longest[8 + 15 * 4];
        memset(longest, 0xff, sizeof longest);
        longest[0] = 1;
        longest[1] = 15;
        assert_true(entry_sid_text(&(struct berval){ sizeof longest, longest }, text) > 0);
        assert_int_equal(strlen(text), ENTRY_SID_MAX);
        longest[1] = 16;
        assert_true(entry_sid_text(&(struct berval){ sizeof longest, longest }, text) < 0);
        assert_true(entry_sid_text(&(struct berval){ 27, (char *)(uintptr_t)SID }, text) < 0);
        assert_true(entry_sid_text(&(struct berval){ 0, (char *)(uintptr_t)"" }, text) < 0);
}

/* What is delivered, as text. */
static char lines[1024];
static int take_member(void *userdata, uint32_t from, uint32_t to) {
        (void)snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%u%s%u ", from, (const char *)userdata, to);
        return 0;
}
static int take_child(void *userdata, uint32_t from, uint32_t to) {
        return take_member((void *)(uintptr_t)">>", from, to);
}
/* The separators of a normal DN made readable. */
static int take_stray(void *userdata, uint32_t to, const char *key) {
        char text[128];
        (void)snprintf(text, sizeof text, "%s", key);
        for (char *at = text; *at; at++)
                *at = *at == 1 ? '=' : *at == 3 ? ',' : *at;
        (void)snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s>%u ", text, to);
        return 0;
}
static void deliver(struct members *members, const char *expected) {
        bool all = false;
        lines[0] = 0;
        assert_int_equal(members_deliver(members, &(struct sync_sink){ .member = take_member, .child = take_child, .stray = take_stray, .userdata = (void *)(uintptr_t)">" },
                                        &all), 0);
        assert_true(all);
        assert_string_equal(lines, expected);
        members_done(members);
}
static int add_user(struct members *members, const char *dn, const char *name, uint32_t gid, const char *primary) {
        return members_add_user(members, &(struct sync_user){ .dn = dn, .name = name, .gid = gid, .primary_group_sid = primary });
}
static int add_group(struct members *members, const char *dn, uint32_t gid, const char *sid) {
        return members_add_group(members, &(struct sync_group){ .dn = dn, .gid = gid, .sid = sid });
}
static void add_value(struct members *members, uint32_t to, const char *value) {
        assert_int_equal(members_add_values(members, to, &(struct berval){ strlen(value), (char *)(uintptr_t)value }, 1), 0);
}

static void memberships(void **state) {
        struct members m = { .nested = true };
        assert_int_equal(add_user(&m, "cn=a,dc=x", "a", 0, "S-1-5-21-1-2-3-513"), 0);
        assert_int_equal(add_user(&m, "cn=b,dc=x", "b", 0, NULL), 0);
        assert_int_equal(add_user(&m, NULL, "c", 0, "S-1-5-21-9-9-9-513"), 0);
        assert_int_equal(add_user(&m, "CN=A, DC=X", "d", 0, NULL), -EEXIST);
        add_value(&m, 0, "CN=A,DC=X");
        add_value(&m, 0, "cn=a,dc=x");
        add_value(&m, 0, "cn=nobody,dc=x");
        add_value(&m, 0, "nonsense");
        add_value(&m, 0, "cn=g,dc=x");
        add_value(&m, 0, "cn=h,dc=x");
        add_value(&m, 1, "cn=g,dc=x");
        add_value(&m, 0, "cn=nobody, DC=x");
        add_value(&m, 1, "cn=a,dc=x");
        assert_int_equal(add_group(&m, "cn=g,dc=x", 0, NULL), 0);
        assert_int_equal(add_group(&m, "cn=h,dc=x", 0, "S-1-5-21-1-2-3-513"), 0);
        /* Strays: who is nobody, itself, and a membership that is there by the primary group, too. */
        deliver(&m, "0>0 0>1 0>>1 1>>0 cn=a,dc=x>1 cn=nobody,dc=x>0 cn=g,dc=x>0 ");
}
/* M10 in a forest: two domains whose groups have the same RIDs. */
static void primary_groups_of_two_domains(void **state) {
        struct members m = { .nested = true };
        assert_int_equal(add_user(&m, "cn=a,dc=x", "a", 0, "S-1-5-21-1-2-3-513"), 0);
        assert_int_equal(add_user(&m, "cn=b,dc=y", "b", 0, "S-1-5-21-4-5-6-513"), 0);
        assert_int_equal(add_user(&m, "cn=c,dc=y", "c", 0, "S-1-5-21-4-5-6-514"), 0);
        assert_int_equal(add_group(&m, "cn=g,dc=x", 0, "S-1-5-21-1-2-3-513"), 0);
        assert_int_equal(add_group(&m, "cn=g,dc=y", 0, "S-1-5-21-4-5-6-513"), 0);
        assert_int_equal(add_group(&m, "cn=h,dc=x", 0, "S-1-5-21-1-2-3-514"), 0);
        deliver(&m, "0>0 1>1 ");
}
static void memberships_by_name(void **state) {
        struct members m = { .by_name = true, .nested = true };
        assert_int_equal(add_user(&m, "cn=a,dc=x", "Anna", 7, NULL), 0);
        assert_int_equal(add_user(&m, "cn=b,dc=x", "bob", 8, NULL), 0);
        assert_int_equal(add_user(&m, "cn=c,dc=x", "ANNA", 9, NULL), 0); /* N2 */
        assert_int_equal(add_group(&m, "cn=g,dc=x", 7, NULL), 0);
        assert_int_equal(add_group(&m, "cn=h,dc=x", 7, NULL), 0);
        assert_int_equal(add_group(&m, "cn=i,dc=x", 10, NULL), 0);
        add_value(&m, 0, "anna");
        add_value(&m, 2, "aNNa");
        add_value(&m, 2, "cn=b,dc=x");
        add_value(&m, 2, "");
        deliver(&m, "0>0 0>1 0>2 anna>0 cn=b,dc=x>2 ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(active_directory), cmocka_unit_test(active_flags), cmocka_unit_test(end_times), cmocka_unit_test(several_ends),
                cmocka_unit_test(account_control_that_does_not_come),
                cmocka_unit_test(immutable_ids), cmocka_unit_test(names_and_texts),
                cmocka_unit_test(sids), cmocka_unit_test(memberships), cmocka_unit_test(primary_groups_of_two_domains), cmocka_unit_test(memberships_by_name),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
