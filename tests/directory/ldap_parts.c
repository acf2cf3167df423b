/* The pure parts of LDAP directories: addresses, DNs, ranges, filters, bind answers, the mapper, DNS answers.
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "directory/ldap/ad_password.h"
#include "model/dn.h"
#include "directory/ldap/entry.h"
#include "directory/ldap/members.h"
#include "directory/ldap/outcome.h"
#include "directory/ldap/range.h"
#include "directory/ldap/srv.h"
#include "model/ldap_uri.h"
#include "directory/ldap/words.h"

static const struct { const char *text; int result; enum ldap_scheme scheme; bool srv; const char *host; unsigned port; const char *printed; } uris[] = {
        { "ldap://example.com", 0, LDAP_SCHEME_LDAP, false, "example.com", 389, "ldap://example.com:389" },
        { "ldaps://Example.com/", 0, LDAP_SCHEME_LDAPS, false, "Example.com", 636, "ldaps://Example.com:636" }, { "LDAPS://example.com", -EINVAL },
        { "ldaps://127.0.0.1:16360", 0, LDAP_SCHEME_LDAPS, false, "127.0.0.1", 16360, "ldaps://127.0.0.1:16360" },
        { "ldap://[::1]:3890", 0, LDAP_SCHEME_LDAP, false, "::1", 3890, "ldap://[::1]:3890" },
        { "ldapi://%2Frun%2fslapd%2Fldapi", 0, LDAP_SCHEME_LDAPI, false, "", 0, "ldapi://" },
        { "ldaps+srv://example.com", 0, LDAP_SCHEME_LDAPS, true, "example.com", 0, "ldaps://example.com:0" },
        { "ldap://", -EINVAL }, { "ldap:///", -EINVAL }, { "example.com", -EINVAL }, { "", -EINVAL }, { "http://example.com", -EINVAL },
        { "ldap://example.com:0", -EINVAL }, { "ldap://example.com:65536", -EINVAL }, { "ldap://example.com:99999", -EINVAL }, { "ldap://example.com:", -EINVAL },
        { "ldap://example.com:+1", -EINVAL }, { "ldap://example.com:389/dc=x", -EINVAL }, { "ldap://user@example.com", -EINVAL }, { "ldap://[::1", -EINVAL },
        { "ldap://::1", -EINVAL }, { "ldap://a b", -EINVAL }, { "ldapi://", -EINVAL }, { "ldapi://run", -EINVAL }, { "ldapi://%2Fa%00b", -EINVAL }, { "ldapi://%2", -EINVAL },
        { "ldaps+srv://example.com:636", -EINVAL },
};
static void addresses(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
                struct ldap_uri uri;
                const char *why;
                char text[LDAP_URI_TEXT_MAX];
                if (ldap_uri_parse(uris[i].text, &uri, &why) != uris[i].result)
                        fail_msg("%s", uris[i].text);
                if (uris[i].result < 0)
                        continue;
                ldap_uri_print(&uri, text, sizeof text);
                if (uri.scheme != uris[i].scheme || uri.srv != uris[i].srv || strcmp(uri.host, uris[i].host) != 0 || uri.port != uris[i].port ||
                    strcmp(text, uris[i].printed) != 0)
                        fail_msg("%s: %s", uris[i].text, text);
        }
}

/* Each line is one name in several spellings; no two lines are the same name. */
static const char *const names[][4] = {
        { "cn=a,dc=b", "CN=A, DC=B", "oid.CN = a ;dc=B", "cn=\\61,dc=b " },
        { "cn=Smith\\, John,dc=b", "cn=smith\\2C john,dc=b", "cn=SMITH\\2c  JOHN,dc=b" },
        { "cn=Smith+dc=b" , "dc=b+cn=smith", "DC=B + CN=Smith" },
        { "cn=Smith,dc=b" },
        { "cn=a\\,dc\\=b" },
        { "cn=a\\02dc=b", "cn=A\\02DC=b" },
        { "cn=a+dc=b" },
        { "cn=a\\01,dc=b" },
        { "cn=aa,dc=b" },
        { "cn=Z\xc3\xb6,dc=b", "CN=z\\C3\\B6,DC=B", "cn=z\\c3\xb6,dc=b" },
        { "cn=,dc=b", "cn= ,dc=b" },
        { "dc=b" },
        { "cn=a\\00,dc=b" },
};
static void spellings(void **state) {
        char first[DN_NORMAL_MAX], text[DN_NORMAL_MAX];
        size_t first_len, len;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                assert_int_equal(dn_normal(names[i][0], strlen(names[i][0]), first, &first_len), 0);
                for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
                        for (size_t k = 0; k < 4 && names[j][k]; k++) {
                                if (dn_normal(names[j][k], strlen(names[j][k]), text, &len) < 0)
                                        fail_msg("%s", names[j][k]);
                                bool same = len == first_len && memcmp(first, text, len) == 0;
                                if (same != (i == j))
                                        fail_msg("%s and %s", names[i][0], names[j][k]);
                        }
                }
        }
}
static void no_dns(void **state) {
        static const char *const texts[] = { "", " ", "alice", "cn", "=a", "cn=a,", ",cn=a", "cn=a,,dc=b", "cn=a\\", "c n=a", "cn=a+",
                                             "a=1+b=1+c=1+d=1+e=1+f=1+g=1+h=1+i=1+j=1+k=1+l=1+m=1+n=1+o=1+p=1+q=1" };
        char text[DN_NORMAL_MAX], long_dn[2 * DN_NORMAL_MAX] = "cn=";
        size_t len;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (dn_normal(texts[i], strlen(texts[i]), text, &len) != -EINVAL)
                        fail_msg("%s", texts[i]);
        memset(long_dn + 3, 'x', sizeof long_dn - 3);
        assert_int_equal(dn_normal(long_dn, DN_NORMAL_MAX, text, &len), 0);
        assert_int_equal(dn_normal(long_dn, DN_NORMAL_MAX + 1, text, &len), -ENAMETOOLONG);
        assert_int_equal(dn_normal(long_dn, sizeof long_dn, text, &len), -ENAMETOOLONG);
}
static const struct { const char *dn, *attribute, *value; } rdns[] = {
        { "uid=alice,dc=b", "UID", "alice" }, { "uid=alice,dc=b", "cn", NULL }, { "cn=A+uid=B,dc=b", "uid", "B" }, { "cn= a\\, b ,dc=b", "cn", "a, b" },
        { "cn=a\\20,dc=b", "cn", "a " }, { "x", "x", NULL }, { "uid=alice", "ui", NULL }, { "uid=alice", "uidd", NULL },
};
static void rdn_values(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rdns); i++) {
                char value[64];
                int len = dn_rdn_value(rdns[i].dn, strlen(rdns[i].dn), rdns[i].attribute, value, sizeof value);
                if (rdns[i].value ? len != (int)strlen(rdns[i].value) || memcmp(value, rdns[i].value, (size_t)len) != 0 : len != -ENOENT)
                        fail_msg("%s of %s: %d", rdns[i].attribute, rdns[i].dn, len);
        }
}

static const struct { const char *text; int result; size_t name_len; bool ranged, last; uint32_t from, to; } ranges[] = {
        { "member", 0, 6, false, true, 0, 0 },
        { "member;range=0-1499", 0, 6, true, false, 0, 1499 },
        { "member;Range=1500-*", 0, 6, true, true, 1500, 0 },
        { "member;range=5-5", 0, 6, true, false, 5, 5 },
        { "member;range=0-2147483647", 0, 6, true, false, 0, 2147483647 },
        { "", -EINVAL }, { ";range=0-1", -EINVAL }, { "member;range=", -EINVAL }, { "member;range=5-3", -EINVAL }, { "member;range=*-5", -EINVAL },
        { "member;range=0-2147483648", -EINVAL }, { "member;range=0-99999999999", -EINVAL }, { "member;range=0-1x", -EINVAL }, { "member;range=0-*x", -EINVAL },
        { "member;range=0", -EINVAL }, { "member;range=0-", -EINVAL }, { "member;range=-1-5", -EINVAL }, { "member;range=0-1;range=2-3", -EINVAL },
        { "member;binary", -ENOENT }, { "member;", -ENOENT }, { "member;range", -ENOENT }, { "member;lang-en;range=0-1", -ENOENT },
};
static void range_options(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
                struct range range;
                int r = range_parse(ranges[i].text, strlen(ranges[i].text), &range);
                if (r != ranges[i].result)
                        fail_msg("%s: %d", ranges[i].text, r);
                if (r == 0 && (range.name_len != ranges[i].name_len || range.ranged != ranges[i].ranged || range.last != ranges[i].last ||
                               range.from != ranges[i].from || range.to != ranges[i].to))
                        fail_msg("%s", ranges[i].text);
        }
}

static const struct { const char *value; size_t len; const char *filter; } filters[] = {
        { "alice", 5, "(uid=alice)" }, { "*", 1, "(uid=\\2a)" }, { "a)(uid=*", 8, "(uid=a\\29\\28uid=\\2a)" }, { "\\", 1, "(uid=\\5c)" }, { "", 0, "(uid=)" },
        { "a\0b", 3, "(uid=a\\00b)" }, { "\xc3\xb6 ", 3, "(uid=\\c3\\b6\\20)" }, { "x,dc=y", 6, "(uid=x,dc=y)" },
};
static void filters_escape(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
                _cleanup_sbuf_ struct sbuf text = { 0 };
                filter_equals(&text, "uid", filters[i].value, filters[i].len);
                assert_string_equal(sbuf_text(&text), filters[i].filter);
        }
        _cleanup_sbuf_ struct sbuf text = { 0 };
        filter_configured(&text, "(a=b)", "c");
        filter_configured(&text, "a=b", "c");
        filter_configured(&text, "", "c");
        filter_configured(&text, "", "");
        assert_string_equal(sbuf_text(&text), "(a=b)(a=b)(objectClass=c)(objectClass=*)");
}

#define AD "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data "
static const struct { const char *what; bool ad; const char *preset; struct bind_answer answer; enum password_result result; } answers[] = {
        { "right", false, "openldap", { .code = 0 }, CHECK_RIGHT },
        { "wrong", false, "openldap", { .code = 49 }, CHECK_WRONG },
        { "no such entry", false, "openldap", { .code = 32 }, CHECK_NOT_FOUND },
        { "no DN", false, "openldap", { .code = 34 }, CHECK_NOT_FOUND },
        { "no password", false, "openldap", { .code = 48 }, CHECK_WRONG },
        { "a policy's warning alone", false, "openldap", { .code = 0 }, CHECK_RIGHT },
        { "policy: locked", false, "openldap", { .code = 49, .ppolicy = PP_accountLocked }, CHECK_DENIED },
        { "policy: expired", false, "openldap", { .code = 49, .ppolicy = PP_passwordExpired }, CHECK_EXPIRED },
        { "policy: must change", false, "openldap", { .code = 0, .ppolicy = PP_changeAfterReset }, CHECK_MUST_CHANGE },
        { "policy: grace", false, "openldap", { .code = 0, .grace = 3 }, CHECK_MUST_CHANGE },
        { "policy: must change, and not let in", false, "openldap", { .code = 49, .ppolicy = PP_changeAfterReset }, CHECK_EXPIRED },
        { "389: disabled, any password", false, "389ds", { .code = 53, .ppolicy = PP_accountLocked, .text = "Account inactivated" }, CHECK_DENIED },
        { "389: locked", false, "389ds", { .code = 19, .ppolicy = PP_accountLocked, .text = "Exceed password retry limit" }, CHECK_DENIED },
        { "389: expired", false, "389ds", { .code = 49, .netscape_expired = true, .text = "password expired!" }, CHECK_EXPIRED },
        { "389: must change", false, "389ds", { .code = 0, .netscape_expired = true, .ppolicy = PP_changeAfterReset }, CHECK_MUST_CHANGE },
        { "an unknown refusal", false, "generic", { .code = 53 }, CHECK_DENIED },
        { "AD: wrong", true, "active-directory", { .code = 49, .text = AD "52e, v1db1" }, CHECK_WRONG },
        { "AD: unknown", true, "active-directory", { .code = 49, .text = AD "525, v1db1" }, CHECK_NOT_FOUND },
        { "AD: hours", true, "active-directory", { .code = 49, .text = AD "530, v1db1" }, CHECK_DENIED },
        { "AD: expired", true, "active-directory", { .code = 49, .text = AD "532, v1db1" }, CHECK_MUST_CHANGE },
        { "AD: disabled", true, "active-directory", { .code = 49, .text = AD "533, v1db1" }, CHECK_DENIED },
        { "AD: account expired", true, "active-directory", { .code = 49, .text = AD "701, v1db1" }, CHECK_DENIED },
        { "AD: must change", true, "active-directory", { .code = 49, .text = AD "773, v1db1" }, CHECK_MUST_CHANGE },
        { "AD: locked", true, "active-directory", { .code = 49, .text = AD "775, v1db1" }, CHECK_DENIED },
        { "AD: a code that is not known", true, "active-directory", { .code = 49, .text = AD "9ff, v1db1" }, CHECK_DENIED },
        { "AD: no code", true, "active-directory", { .code = 49 }, CHECK_WRONG },
        { "AD: wants TLS", true, "active-directory", { .code = 8 }, CHECK_UNAVAILABLE },
        { "AD's words at another server", false, "openldap", { .code = 49, .text = AD "533, v1db1" }, CHECK_WRONG },
        { "eDirectory: wrong", false, "edirectory", { .code = 49, .text = "NDS error: failed authentication (-669)" }, CHECK_WRONG },
        { "eDirectory: expired", false, "edirectory", { .code = 49, .text = "NDS error: bad password (-222)" }, CHECK_EXPIRED },
        { "eDirectory: grace", false, "edirectory", { .code = 0, .text = "NDS error: password expired (-223)" }, CHECK_MUST_CHANGE },
        { "eDirectory: right", false, "edirectory", { .code = 0 }, CHECK_RIGHT },
        { "eDirectory: locked", false, "edirectory", { .code = 53, .text = "NDS error: login lockout (-197)" }, CHECK_DENIED },
        { "eDirectory's words at another server", false, "openldap", { .code = 0, .text = "NDS error: password expired (-223)" }, CHECK_RIGHT },
        { "busy", false, "openldap", { .code = 51 }, CHECK_UNAVAILABLE },
        { "unavailable", false, "openldap", { .code = 52 }, CHECK_UNAVAILABLE },
        { "elsewhere", false, "openldap", { .code = 10 }, CHECK_UNAVAILABLE },
        { "in steps", false, "openldap", { .code = 14 }, CHECK_UNAVAILABLE },
        { "no code of LDAP", false, "openldap", { .code = 4711 }, CHECK_UNAVAILABLE },
        { "a code below 0", false, "openldap", { .code = -1 }, CHECK_UNAVAILABLE },
};
static void bind_answers(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
                const struct ldap_settings settings = { .preset = answers[i].preset, .active_directory = answers[i].ad };
                struct bind_answer answer = answers[i].answer;
                /* 0 is "expired" to the control, and none was said where the row says none. */
                if (answer.ppolicy == 0 && !strstr(answers[i].what, "policy: expired"))
                        answer.ppolicy = PP_noError;
                if (answer.grace == 0)
                        answer.grace = -1;
                enum password_result result = bind_outcome(&settings, &answer);
                if (result != answers[i].result)
                        fail_msg("%s: %d", answers[i].what, result);
        }
}

static const struct { const char *what; bool ad; struct bind_answer answer; enum password_set set; const char *words; } changes[] = {
        { "done", false, { .code = 0 }, PASSWORD_SET_DONE, NULL },
        { "too short", false, { .code = 19, .ppolicy = PP_passwordTooShort, .text = "Password fails quality checking policy" }, PASSWORD_SET_REJECTED,
          "Password is too short for policy" },
        { "no control", false, { .code = 19, .text = "it is your name" }, PASSWORD_SET_REJECTED, "it is your name" },
        { "no words", false, { .code = 53 }, PASSWORD_SET_REJECTED, "Server is unwilling to perform" },
        { "wrong old", false, { .code = 49 }, PASSWORD_SET_WRONG, NULL },
        { "no right", false, { .code = 50 }, PASSWORD_SET_DENIED, NULL },
        { "wants TLS", false, { .code = 13 }, PASSWORD_SET_DENIED, NULL },
        { "gone", false, { .code = 32 }, PASSWORD_SET_NOT_FOUND, NULL },
        { "a copy that takes no changes", false, { .code = 10 }, PASSWORD_SET_UNAVAILABLE, NULL },
        { "busy", false, { .code = 51 }, PASSWORD_SET_UNAVAILABLE, NULL },
        { "not known", false, { .code = 2 }, PASSWORD_SET_UNAVAILABLE, NULL },
        { "below 0", false, { .code = -1 }, PASSWORD_SET_UNAVAILABLE, NULL },
        { "AD: wrong old", true, { .code = 19, .text = "00000056: AtrErr: DSID-03191083, #1:" }, PASSWORD_SET_WRONG, NULL },
        { "AD: policy", true, { .code = 19, .text = "0000052D: AtrErr: DSID-03191083, #1:" }, PASSWORD_SET_REJECTED,
          "it does not meet the domain's rules for length, complexity, history or age" },
        { "AD: Samba's policy", true, { .code = 19, .text = "0000052D: Constraint violation - check_password_restrictions: the password is too short" },
          PASSWORD_SET_REJECTED, "the password is too short" },
        { "AD's words at another server", false, { .code = 19, .text = "00000056: x" }, PASSWORD_SET_REJECTED, "00000056: x" },
};
static void change_answers(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
                const struct ldap_settings settings = { .preset = "x", .active_directory = changes[i].ad };
                struct bind_answer answer = changes[i].answer;
                _cleanup_sbuf_ struct sbuf words = { 0 };
                if (answer.ppolicy == 0)
                        answer.ppolicy = PP_noError;
                enum password_set set = change_outcome(&settings, &answer);
                change_words(&settings, &answer, &words);
                if (set != changes[i].set || (changes[i].words && strcmp(sbuf_text(&words), changes[i].words) != 0))
                        fail_msg("%s: %d, %s", changes[i].what, set, sbuf_text(&words));
        }
}

/* unicodePwd: quotation marks, UTF-16, little-endian. */
static void ad_passwords(void **state) {
        static const struct { const char *password; size_t len; const char *bytes; } rows[] = {
                { "a", 6, "\"\0a\0\"\0" },
                { "\xc3\xa4", 6, "\"\0\xe4\0\"\0" },
                { "\xe2\x82\xac", 6, "\"\0\xac\x20\"\0" },
                { "\xf0\x9f\x98\x80", 8, "\"\0\x3d\xd8\x00\xde\"\0" },
                { "\xff", 0, "" },
                { "\xe2\x82", 0, "" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct secret secret = { 0 };
                struct ad_password value;
                assert_int_equal(secret_set(&secret, rows[i].password, strlen(rows[i].password)), 0);
                assert_int_equal(ad_password_make(&secret, &value), rows[i].len > 0 ? 0 : -EILSEQ);
                assert_int_equal(value.len, rows[i].len);
                assert_memory_equal(value.bytes, rows[i].bytes, rows[i].len);
                ad_password_done(&value);
        }
        /* The longest that there is fits. */
        struct secret longest = { .len = SECRET_MAX };
        struct ad_password value;
        memset(longest.bytes, 'x', SECRET_MAX);
        assert_int_equal(ad_password_make(&longest, &value), 0);
        assert_int_equal(value.len, AD_PASSWORD_MAX);
}

/* An answer to "_ldap._tcp.example.com SRV" with the given targets: name, priority, weight, port. */
struct target { const char *host; unsigned priority, weight, port; };
static size_t put_name(unsigned char *out, const char *name) {
        size_t used = 0;
        while (*name) {
                size_t len = strcspn(name, ".");
                out[used++] = (unsigned char)len;
                memcpy(out + used, name, len);
                used += len;
                name += len + (name[len] == '.');
        }
        out[used++] = 0;
        return used;
}
static size_t answer_of(unsigned char *out, const struct target *targets, size_t count) {
        const unsigned char header[] = { 0, 1, 0x81, 0x80, 0, 1, 0, (unsigned char)count, 0, 0, 0, 0 };
        memcpy(out, header, sizeof header);
        size_t used = sizeof header + put_name(out + sizeof header, "_ldap._tcp.example.com");
        memcpy(out + used, "\0\x21\0\1", 4);
        used += 4;
        for (size_t i = 0; i < count; i++) {
                unsigned char name[256];
                size_t len = put_name(name, targets[i].host);
                const unsigned char record[] = { 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, (unsigned char)(len + 6), 0, (unsigned char)targets[i].priority, 0,
                                                 (unsigned char)targets[i].weight, (unsigned char)(targets[i].port >> 8), (unsigned char)targets[i].port };
                memcpy(out + used, record, sizeof record);
                used += sizeof record;
                memcpy(out + used, name, len);
                used += len;
        }
        return used;
}
static void dns_answers(void **state) {
        static const struct target targets[] = {
                { "late.example.com", 20, 0, 636 }, { "light.example.com", 10, 1, 636 }, { "heavy.Example.COM", 10, 9, 1636 }, { "evil.example.net", 1, 0, 636 },
                { "evilexample.com", 1, 0, 636 }, { "example.com", 1, 0, 636 }, { "none.example.com", 1, 0, 0 }, { "sp ace.example.com", 1, 0, 636 },
        };
        const struct ldap_uri domain = { .scheme = LDAP_SCHEME_LDAPS, .srv = true, .host = "example.com" };
        struct ldap_uri found[SRV_MAX];
        unsigned char answer[1024];
        size_t count, len = answer_of(answer, targets, ARRAY_SIZE(targets));
        assert_int_equal(srv_parse(answer, len, &domain, found, &count), 0);
        assert_int_equal(count, 3);
        assert_string_equal(found[0].host, "heavy.Example.COM");
        assert_int_equal(found[0].port, 1636);
        assert_int_equal(found[0].scheme, LDAP_SCHEME_LDAPS);
        assert_false(found[0].srv);
        assert_string_equal(found[1].host, "light.example.com");
        assert_string_equal(found[2].host, "late.example.com");
        assert_int_equal(srv_parse(answer, answer_of(answer, targets + 3, 2), &domain, found, &count), -EHOSTUNREACH);
        for (size_t cut = 0; cut < len; cut++)
                (void)srv_parse(answer, cut, &domain, found, &count);
        assert_int_equal(srv_parse(answer, 20, &domain, found, &count), -EPROTO);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses), cmocka_unit_test(spellings), cmocka_unit_test(no_dns), cmocka_unit_test(rdn_values), cmocka_unit_test(range_options),
                cmocka_unit_test(filters_escape), cmocka_unit_test(bind_answers), cmocka_unit_test(dns_answers),
                cmocka_unit_test(change_answers), cmocka_unit_test(ad_passwords),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
