/* The pieces that a change at a server is made of: escaped names, lists of attributes, and what a result code means (U12, P6).
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "directory/ldap/change.h"
#include "model/dn.h"

/* Each is read back by libldap, and by the reader of DNs here, as what it was; and nothing of it ends the value. */
static void names(void **state) {
        static const struct { const char *value, *rdn; } rows[] = {
                { "ann", "cn=ann" }, { "Ann Lee", "cn=Ann Lee" }, { " a ", "cn=\\20a\\20" }, { "#1", "cn=\\231" }, { "a#1", "cn=a#1" },
                { "x,dc=y", "cn=x\\2cdc\\3dy" }, { "a+b=c", "cn=a\\2bb\\3dc" }, { "\"<>;\\", "cn=\\22\\3c\\3e\\3b\\5c" },
                { "zo\xc3\xab", "cn=zo\\c3\\ab" }, { "a\nb\x7f", "cn=a\\0ab\\7f" }, { "*()", "cn=*()" }, { " ", "cn=\\20" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_sbuf_ struct sbuf dn = { 0 };
                char value[64];
                LDAPDN parsed = NULL;
                rdn_write(&dn, "cn", rows[i].value);
                assert_string_equal(sbuf_text(&dn), rows[i].rdn);
                sbuf_add(&dn, ",dc=example");
                int len = dn_rdn_value(sbuf_text(&dn), dn.len, "cn", value, sizeof value);
                assert_int_equal(len, strlen(rows[i].value));
                assert_memory_equal(value, rows[i].value, (size_t)len);
                assert_int_equal(ldap_str2dn(sbuf_text(&dn), &parsed, LDAP_DN_FORMAT_LDAPV3), LDAP_SUCCESS);
                assert_true(parsed[0] && parsed[1] && !parsed[2] && !parsed[0][1]);
                assert_int_equal(parsed[0][0]->la_value.bv_len, strlen(rows[i].value));
                assert_memory_equal(parsed[0][0]->la_value.bv_val, rows[i].value, strlen(rows[i].value));
                ldap_dnfree(parsed);
        }
}

static void lists(void **state) {
        _cleanup_mods_ struct mods mods = { 0 };
        mods_value(&mods, LDAP_MOD_ADD, "cn", "ann");
        mods_value(&mods, LDAP_MOD_REPLACE, "title", NULL);
        mods_value(&mods, LDAP_MOD_ADD, "member", "");
        mods_lines(&mods, LDAP_MOD_REPLACE, "key", "\na\n\nbc\n");
        mods_lines(&mods, LDAP_MOD_REPLACE, "none", "\n");
        mods_number(&mods, LDAP_MOD_ADD, "uidNumber", 4294967295u);
        LDAPMod **list = mods_list(&mods);
        assert_non_null(list);
        assert_true(mods_has(&mods, "CN") && !mods_has(&mods, "sn") && mods.count == 6 && !list[6]);
        assert_string_equal(list[0]->mod_vals.modv_bvals[0]->bv_val, "ann");
        assert_null(list[0]->mod_vals.modv_bvals[1]);
        assert_null(list[1]->mod_vals.modv_bvals);
        assert_int_equal(list[1]->mod_op, LDAP_MOD_REPLACE | LDAP_MOD_BVALUES);
        assert_int_equal(list[2]->mod_vals.modv_bvals[0]->bv_len, 0);
        assert_string_equal(list[3]->mod_vals.modv_bvals[0]->bv_val, "a");
        assert_string_equal(list[3]->mod_vals.modv_bvals[1]->bv_val, "bc");
        assert_null(list[3]->mod_vals.modv_bvals[2]);
        assert_null(list[4]->mod_vals.modv_bvals);
        assert_string_equal(list[5]->mod_vals.modv_bvals[0]->bv_val, "4294967295");
        for (int i = 0; i < MODS_MAX; i++)
                mods_value(&mods, LDAP_MOD_ADD, "more", "x");
        assert_null(mods_list(&mods));
}

static const struct { int code; enum entry_change change; enum change_state state; enum reason reason; bool by_right; const char *has; } rows[] = {
        { LDAP_SUCCESS, CHANGE_MODIFY_USER, CHANGE_DONE, REASON_UNAVAILABLE, false, "" },
        { SEND_LOST, CHANGE_MODIFY_USER, CHANGE_UNKNOWN, REASON_UNAVAILABLE, false, "" },
        { SEND_NONE, CHANGE_MODIFY_USER, CHANGE_REFUSED, REASON_UNAVAILABLE, false, "in time" },
        { LDAP_INSUFFICIENT_ACCESS, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_PERMISSION_DENIED, true, "result 50" },
        { LDAP_STRONG_AUTH_REQUIRED, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_PERMISSION_DENIED, true, "result 8" },
        { LDAP_CONFIDENTIALITY_REQUIRED, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_PERMISSION_DENIED, true, "result 13" },
        { LDAP_ALREADY_EXISTS, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_EXISTS, false, "entry of that DN" },
        { LDAP_ALREADY_EXISTS, CHANGE_RENAME_USER, CHANGE_REFUSED, REASON_EXISTS, false, "result 68" },
        { LDAP_ALREADY_EXISTS, CHANGE_ADD_MEMBER, CHANGE_REFUSED, REASON_ALREADY_A_MEMBER, false, "" },
        { LDAP_TYPE_OR_VALUE_EXISTS, CHANGE_ADD_MEMBER, CHANGE_REFUSED, REASON_ALREADY_A_MEMBER, false, "" },
        { LDAP_TYPE_OR_VALUE_EXISTS, CHANGE_MODIFY_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "" },
        { LDAP_NO_SUCH_ATTRIBUTE, CHANGE_REMOVE_MEMBER, CHANGE_REFUSED, REASON_NOT_A_MEMBER, false, "" },
        { LDAP_NO_SUCH_ATTRIBUTE, CHANGE_MODIFY_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "" },
        { LDAP_NO_SUCH_OBJECT, CHANGE_REMOVE_USER, CHANGE_REFUSED, REASON_USER_NOT_FOUND, false, "" },
        { LDAP_NO_SUCH_OBJECT, CHANGE_MODIFY_GROUP, CHANGE_REFUSED, REASON_GROUP_NOT_FOUND, false, "" },
        { LDAP_NO_SUCH_OBJECT, CHANGE_ADD_MEMBER, CHANGE_REFUSED, REASON_GROUP_NOT_FOUND, false, "" },
        { LDAP_NO_SUCH_OBJECT, CHANGE_ADD_GROUP, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "group_base" },
        { LDAP_OBJECT_CLASS_VIOLATION, CHANGE_REMOVE_MEMBER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "last member" },
        { LDAP_OBJECT_CLASS_VIOLATION, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "schema" },
        { LDAP_UNWILLING_TO_PERFORM, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "what it says" },
        { LDAP_CONSTRAINT_VIOLATION, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "what it says" },
        { LDAP_UNDEFINED_TYPE, CHANGE_MODIFY_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "no such attribute" },
        { LDAP_INVALID_SYNTAX, CHANGE_MODIFY_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "" },
        { LDAP_NOT_ALLOWED_ON_NONLEAF, CHANGE_REMOVE_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "" },
        { LDAP_REFERRAL, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_POLICY_REJECTED, false, "takes no changes" },
        { LDAP_BUSY, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_UNAVAILABLE, false, "result 51" },
        { LDAP_UNAVAILABLE, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_UNAVAILABLE, false, "" },
        { LDAP_OTHER, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_UNAVAILABLE, false, "" },
        { 4242, CHANGE_ADD_USER, CHANGE_REFUSED, REASON_UNAVAILABLE, false, "result 4242" },
};

static void result_codes(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct directory_change change = { .operation = rows[i].change };
                struct change_result result = { .text = "old" };
                const struct ldap_settings ldap = { 0 };
                struct directory directory = { .ldap = &ldap };
                const struct changing changing = { .directory = &directory, .change = &change, .result = &result };
                outcome_of(&changing, rows[i].code, "what it says\x01\xff", &result);
                if (result.state != rows[i].state || result.reason != rows[i].reason || result.by_right != rows[i].by_right || !strstr(result.text, rows[i].has))
                        fail_msg("%d of %d: %d %s \"%s\"", rows[i].code, rows[i].change, result.state, reason_name(result.reason), result.text);
                for (const char *at = result.text; *at; at++)
                        assert_true(*at >= 0x20 && *at < 0x7f);
        }
}

/* Active Directory: one attribute's values are users', groups' and computers'. */
static void taken_account_names(void **state) {
        static const enum entry_change changes[] = { CHANGE_ADD_USER, CHANGE_ADD_GROUP, CHANGE_RENAME_USER };
        const struct ldap_settings ldap = { .active_directory = true };
        struct directory directory = { .ldap = &ldap };
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                const struct directory_change change = { .operation = changes[i] };
                struct change_result result = { 0 };
                const struct changing changing = { .directory = &directory, .change = &change, .result = &result };
                outcome_of(&changing, LDAP_ALREADY_EXISTS, "", &result);
                assert_true(result.state == CHANGE_REFUSED && result.reason == REASON_EXISTS && strstr(result.text, "sAMAccountName is another one's"));
        }
}

/* U3, P4: what has an option, a permission or a meaning of its own has it by each of its names; and what is no plain name is none. */
static void attributes(void **state) {
        static const struct { const char *attribute; bool taken; } table[] = {
                { "title", false }, { "telephoneNumber", false }, { "givenName", false }, { "description", false }, { "msDS-PhoneticDisplayName", false }, { "o", false },
                { "cn", true }, { "commonName", true }, { "uid", true }, { "UserID", true }, { "uniqueID", true }, { "mail", true }, { "rfc822mailbox", true },
                { "displayName", true }, { "uidNumber", true }, { "gidNumber", true }, { "homeDirectory", true }, { "loginShell", true },
                { "sshPublicKey", true }, { "userCertificate", true }, { "userPassword", true }, { "sambaNTPassword", true }, { "ipaNTHash", true },
                { "krbPrincipalName", true }, { "krbPrincipalKey", true }, { "pwdPolicySubentry", true }, { "passwordExpirationTime", true },
                { "shadowExpire", true }, { "objectClass", true }, { "memberOf", true }, { "nsAccountLock", true }, { "ds-pwp-account-disabled", true },
                { "authzTo", true }, { "ds-privilege-name", true }, { "entryUUID", true }, { "0.9.2342.19200300.100.1.1", true }, { "uid;lang-de", true }, { "title;lang-de", true }, { "", true },
        };
        static const struct ldap_settings ldap = {
                .user_name = "uid", .user_rdn = "cn", .user_display_name = "displayName", .user_email = "mail", .user_password = "userPassword", .user_member_of = "",
                .user_uid = "", .user_gid = "", .user_home = "", .user_shell = "", .user_ssh_keys = "", .user_sid = "", .user_primary_group_id = "",
                .external_id = "entryUUID",
        };
        struct directory directory = { .ldap = &ldap };
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                _cleanup_mods_ struct mods mods = { 0 };
                char said[128];
                (void)snprintf(said, sizeof said, "%s=x", table[i].attribute);
                const struct directory_change change = { .operation = CHANGE_MODIFY_USER, .attributes = { said }, .attribute_count = 1 };
                struct change_result result = { 0 };
                struct changing changing = { .directory = &directory, .change = &change, .result = &result };
                bool good = attribute_mods(&changing, LDAP_MOD_REPLACE, &mods);
                if (good == table[i].taken || (!good && result.reason != REASON_POLICY_REJECTED) || mods_has(&mods, table[i].attribute) != good)
                        fail_msg("\"%s\": %d %s", table[i].attribute, good, result.text);
        }
        /* A key that says an alias takes the attribute too. */
        struct ldap_settings other = ldap;
        other.user_name = "sAMAccountName";
        other.user_rdn = "commonName";
        other.user_email = "rfc822Mailbox";
        assert_true(attribute_is_taken(&other, "cn") && attribute_is_taken(&other, "mail") && !attribute_is_taken(&other, "sn"));
}

/* N5: what could not be published, or would be two values, is not written. */
static void texts(void **state) {
        static const struct { struct directory_change change; const char *option; } table[] = {
                { { .display_name = "Ann\nRoot" }, "--display-name" }, { { .display_name = "Ann\x7f" }, "--display-name" }, { { .display_name = "\xff" }, "--display-name" },
                { { .email = "a@b\nc" }, "--email" }, { { .home = "/home/a\nb" }, "--home" }, { { .home = "home" }, "--home" }, { { .home = "/home/../root" }, "--home" },
                { { .shell = "/bin/sh\n/bin/su" }, "--shell" }, { { .shell = "/bin/a:b" }, "--shell" }, { { .description = "a\tb" }, "--description" },
                { { .display_name = "", .email = "", .home = "", .shell = "", .description = "" }, NULL },
                { { .display_name = "Zo\xc3\xab A", .email = "a@b", .home = "/home/a b", .shell = "/bin/sh", .description = "d" }, NULL }, { { 0 }, NULL },
        };
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                struct change_result result = { 0 };
                struct changing changing = { .change = &table[i].change, .result = &result };
                bool good = texts_are_lines(&changing);
                if (good != !table[i].option || (!good && (result.reason != REASON_POLICY_REJECTED || !text_starts_with(result.text, table[i].option))))
                        fail_msg("row %zu: %d %s", i, good, result.text);
        }
}

static void principals(void **state) {
        static const struct { const char *name, *base, *principal; } cases[] = {
                { "ann", "DC=ad,DC=test", "ann@ad.test" }, { "Ann.Lee-2", "ou=People, dc=Ad , dc=Test", "Ann.Lee-2@ad.test" }, { "ann", "dc=local", "ann@local" },
                { "ann", "o=ad", NULL }, { "ann", "dc=ad,o=test", NULL }, { "ann", "", NULL }, { "ann lee", "dc=ad,dc=test", NULL }, { "a@b", "dc=ad,dc=test", NULL },
                { "zo\xc3\xab", "dc=ad,dc=test", NULL }, { "ann", "dc=a d,dc=test", NULL }, { "ann", "dc=ad+ou=x,dc=test", NULL },
                { "ann", "dc=ad,ou=x,dc=test", NULL },
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_sbuf_ struct sbuf principal = { 0 };
                bool is = active_principal(cases[i].name, cases[i].base, &principal);
                if (is != (cases[i].principal != NULL) || (is && strcmp(sbuf_text(&principal), cases[i].principal) != 0))
                        fail_msg("%s, %s: %d %s", cases[i].name, cases[i].base, is, sbuf_text(&principal));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(lists), cmocka_unit_test(result_codes), cmocka_unit_test(taken_account_names), cmocka_unit_test(attributes), cmocka_unit_test(texts), cmocka_unit_test(principals) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
