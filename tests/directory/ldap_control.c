/* RFC 4533's bytes, those of Active Directory's and Netscape's attributes and controls, and cookies as texts.
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "directory/ldap/feed.h"

#define UUID "0123456789abcdef"
#define BYTES(text) { sizeof(text) - 1, (char *)(uintptr_t)(text) }

static void states(void **state) {
        static const struct { const char *what; struct berval value; int result, is; const char *cookie; } rows[] = {
                { "add", BYTES("\x30\x15\x0a\1\1\4\x10" UUID), 0, SYNC_ENTRY_ADD, NULL },
                { "with a cookie", BYTES("\x30\x18\x0a\1\3\4\x10" UUID "\4\1c"), 0, SYNC_ENTRY_DELETE, "c" },
                { "long lengths", BYTES("\x30\x84\0\0\0\x19\x0a\1\2\4\x84\0\0\0\x10" UUID), 0, SYNC_ENTRY_MODIFY, NULL },
                { "a state that there is not", BYTES("\x30\x15\x0a\1\4\4\x10" UUID), -EBADMSG, 0, NULL },
                { "an id that is too short", BYTES("\x30\x14\x0a\1\1\4\x0f" "0123456789abcde"), -EBADMSG, 0, NULL },
                { "cut off", BYTES("\x30\x15\x0a\1\1\4\x10" "0123"), -EBADMSG, 0, NULL },
                { "something behind it", BYTES("\x30\x15\x0a\1\1\4\x10" UUID "x"), -EBADMSG, 0, NULL },
                { "an endless length", BYTES("\x30\x80\x0a\1\1\4\x10" UUID), -EBADMSG, 0, NULL },
                { "a length over all", BYTES("\x30\x84\xff\xff\xff\xff\x0a\1\1"), -EBADMSG, 0, NULL },
                { "nothing", BYTES(""), -EBADMSG, 0, NULL },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct sync_state_value value;
                int r = sync_parse_state(&rows[i].value, &value);
                if (r != rows[i].result || (r == 0 && ((int)value.state != rows[i].is || memcmp(value.uuid, UUID, 16) != 0)))
                        fail_msg("%s: %d", rows[i].what, r);
                if (r == 0 && (rows[i].cookie ? value.cookie.bv_len != 1 || value.cookie.bv_val[0] != 'c' : value.cookie.bv_val != NULL))
                        fail_msg("%s: the cookie", rows[i].what);
        }
}

static void infos(void **state) {
        static const struct { const char *what; struct berval value; int result; enum sync_info_kind kind; bool done, deletes; unsigned ids; } rows[] = {
                { "a new cookie", BYTES("\x80\1c"), 0, SYNC_INFO_COOKIE, false, false, 0 },
                { "deletes, done", BYTES("\xa1\3\4\1c"), 0, SYNC_INFO_DELETE, true, false, 0 },
                { "deletes, not done", BYTES("\xa1\3\1\1\0"), 0, SYNC_INFO_DELETE, false, false, 0 },
                { "present, done", BYTES("\xa2\0"), 0, SYNC_INFO_PRESENT, true, false, 0 },
                { "a set that is there", BYTES("\xa3\x26\x31\x24\4\x10" UUID "\4\x10" UUID), 0, SYNC_INFO_ID_SET, false, false, 2 },
                { "a set that is gone", BYTES("\xa3\x17\1\1\xff\x31\x12\4\x10" UUID), 0, SYNC_INFO_ID_SET, false, true, 1 },
                { "a set with half an id", BYTES("\xa3\x06\x31\x04\4\x02" "01"), -EBADMSG, 0, false, false, 0 },
                { "a set without one", BYTES("\xa3\3\1\1\xff"), -EBADMSG, 0, false, false, 0 },
                { "another word", BYTES("\xa4\0"), -EBADMSG, 0, false, false, 0 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct sync_info_value info;
                unsigned char uuid[SYNC_UUID_BYTES];
                unsigned ids = 0;
                int r = sync_parse_info(&rows[i].value, &info);
                while (r == 0 && sync_next_id(&info.set, uuid))
                        ids++;
                if (r != rows[i].result || (r == 0 && (info.kind != rows[i].kind || info.done != rows[i].done || info.deletes != rows[i].deletes || ids != rows[i].ids)))
                        fail_msg("%s: %d, %u ids", rows[i].what, r, ids);
        }
}

static void ids(void **state) {
        static const unsigned char uuid[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 };
        assert_int_equal(sync_id_form_of(uuid, "00010203-0405-0607-0809-0a0b0c0d0eff"), SYNC_ID_UUID);
        assert_int_equal(sync_id_form_of(uuid, "00010203-04050607-08090a0b-0c0d0eff"), SYNC_ID_NSUNIQUE);
        assert_int_equal(sync_id_form_of(uuid, "00010203-0405-0607-0809-0a0b0c0d0efe"), SYNC_ID_UNKNOWN);
        assert_int_equal(sync_id_form_of(uuid, ""), SYNC_ID_UNKNOWN);
}

static void cookies(void **state) {
        static struct feed_cookie cookie = { .method = FEED_REPL, .identity = UINT64_C(0xfedcba9876543210), .form = SYNC_ID_NSUNIQUE,
                                             .end_s = UINT64_MAX }, again;
        char text[SYNC_COOKIE_MAX + 1];
        feed_cookie_set_text(&cookie.fields[1], "a\nb%c\x7f \x01");
        feed_cookie_write(&cookie, text);
        assert_int_equal(feed_cookie_read(text, &again), 0);
        assert_true(again.method == cookie.method && again.identity == cookie.identity && again.form == cookie.form);
        for (size_t i = 0; i < FEED_FIELDS; i++)
                assert_true(again.fields[i].len == cookie.fields[i].len && memcmp(again.fields[i].bytes, cookie.fields[i].bytes, cookie.fields[i].len) == 0);
        assert_true(again.end_s == cookie.end_s && strstr(text, " 18446744073709551615\n"));
        /* Every text that is cut off is none. */
        for (size_t len = strlen(text); len-- > 0;) {
                char cut[SYNC_COOKIE_MAX + 1];
                memcpy(cut, text, len);
                cut[len] = 0;
                if (feed_cookie_read(cut, &again) == 0 && len != strlen(text))
                        assert_true(len > 60); /* within the last field: it is shorter, and the server's to refuse */
        }
        cookie.end_s = 0;
        feed_cookie_write(&cookie, text);
        assert_true(feed_cookie_read(text, &again) == 0 && again.end_s == 0);
        /* One that does not fit is none, rather than a part. */
        memset(cookie.fields[0].bytes, 'x', cookie.fields[0].len = SYNC_COOKIE_BYTES_MAX);
        feed_cookie_write(&cookie, text);
        assert_string_equal(text, "");
        static const char *const bad[] = { "", "nonsense", "usn ", "usn 0123456789abcdeg 0\n\n\n", "usn 0123456789abcdef 9\n\n\n", "usn 0123456789abcdef 0\n1\n2",
                                           "usn 0123456789abcdef 0\n1\n2\n3\n4", "usn 0123456789abcdef 0\n%g1\n\n", "usn 0123456789abcdef 0\n\n\n%1",
                                           "usn 0123456789abcdef 0 \n\n\n", "usn 0123456789abcdef 0 0\n\n\n", "usn 0123456789abcdef 0 01\n\n\n",
                                           "usn 0123456789abcdef 0 -1\n\n\n", "usn 0123456789abcdef 0 1x\n\n\n", "usn 0123456789abcdef 0 18446744073709551616\n\n\n",
                                           "usn 0123456789abcdef 0 1 2\n\n\n" };
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (feed_cookie_read(bad[i], &again) == 0)
                        fail_msg("\"%s\" is taken for a cookie", bad[i]);
}

#define STAMP(attribute, version, usn) attribute "\0" version "\0\0\0" "12345678" UUID "\7\0\0\0\0\0\0\0" usn "\0\0\0\0\0\0"
#define NAME STAMP("\1\0\x9", "\2", "\x39\5")
#define DELETED STAMP("\x30\0\2", "\3", "\1\0")

/* What Active Directory says of when an attribute was changed. */
static void stamps(void **state) {
        static const struct { const char *what; struct berval value; uint32_t attribute; int result; uint32_t version; uint64_t usn; } rows[] = {
                { "a name", BYTES("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0" NAME), ACTIVE_NAME, 0, 2, 0x539 },
                { "the second one", BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0" DELETED NAME), ACTIVE_NAME, 0, 2, 0x539 },
                { "the other one", BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0" DELETED NAME), ACTIVE_IS_DELETED, 0, 3, 1 },
                { "not said", BYTES("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0" NAME), ACTIVE_IS_DELETED, -ENOENT, 0, 0 },
                { "none", BYTES("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), ACTIVE_NAME, -ENOENT, 0, 0 },
                { "more than there are", BYTES("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0" NAME), ACTIVE_NAME, -EBADMSG, 0, 0 },
                { "very many more", BYTES("\1\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0" NAME), ACTIVE_NAME, -EBADMSG, 0, 0 },
                { "of another version", BYTES("\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0" NAME), ACTIVE_NAME, -EBADMSG, 0, 0 },
                { "cut off", BYTES("\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), ACTIVE_NAME, -EBADMSG, 0, 0 },
                { "nothing", { 0, NULL }, ACTIVE_NAME, -EBADMSG, 0, 0 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct active_stamp stamp;
                int r = active_stamp_of(&rows[i].value, rows[i].attribute, &stamp);
                if (r != rows[i].result || stamp.version != rows[i].version || stamp.usn != rows[i].usn)
                        fail_msg("%s: %d, %u, %llu", rows[i].what, r, stamp.version, (unsigned long long)stamp.usn);
        }
}

/* Who is not found by these any more has changed. */
static void own_filters(void **state) {
        static const struct { const char *filter; bool own; } rows[] = {
                { "(&(objectCategory=Person)(sAMAccountName=*))", true }, { "(objectCategory=Group)", true }, { "( & ( objectClass=user)(!(cn=a*b)))", true },
                { "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", true }, { "(|(UIDNUMBER>=1000)(mail~=x))", true },
                { "(extensionAttribute1=linux)", true }, { "(description=\\28memberOf=x\\29)", true },
                { "(memberOf=CN=vpn,DC=ad,DC=test)", false }, { "(&(objectClass=user)(memberOf=CN=vpn,DC=ad,DC=test))", false },
                { "(memberOf:1.2.840.113556.1.4.1941:=CN=vpn,DC=ad,DC=test)", false }, { "(manager:1.2.840.113556.1.4.1941:=CN=boss,DC=ad,DC=test)", false },
                { "(manager=CN=boss,DC=ad,DC=test)", false }, { "(lastLogon>=1)", false }, { "(msDS-Something=1)", false }, { "(ou:dn:=people)", false }, { "(:dn:=people)", false }, { "(1.2.3=x)", false },
                { "(cn;lang-de=x)", false }, { "(cn", false }, { "()", false }, { "", false }, { "cn=x", false }, { "(extensionAttribute=x)", false },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (active_filter_is_own(rows[i].filter) != rows[i].own)
                        fail_msg("%s", rows[i].filter);
}

/* The Netscape control that says when a password expires (L7). */
static void expiring(void **state) {
        static const struct { struct berval value; uint32_t seconds; } rows[] = {
                { BYTES("86400"), 86400 }, { BYTES("0"), 0 }, { BYTES("007"), 7 }, { BYTES("60\0"), 60 }, { BYTES(""), 0 }, { { 0, NULL }, 0 }, { BYTES("-5"), 0 },
                { BYTES("12x"), 0 }, { BYTES("1\0" "2"), 0 }, { BYTES("4294967294"), 4294967294u }, { BYTES("4294967295"), 0 }, { BYTES("99999999999999999999999"), 0 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (link_expiring(&rows[i].value) != rows[i].seconds)
                        fail_msg("row %zu: %u", i, link_expiring(&rows[i].value));
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(states), cmocka_unit_test(infos), cmocka_unit_test(ids), cmocka_unit_test(cookies), cmocka_unit_test(stamps), cmocka_unit_test(expiring),
                                             cmocka_unit_test(own_filters) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
