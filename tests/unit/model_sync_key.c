/* Keys of member values: equal names have one key, others do not, and what a key hashes to never changes (stores have it on disk).
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "model/sync_key.h"

static const struct { const char *a, *b; size_t a_len; bool same; } dns[] = {
        { "cn=anna,dc=x", "CN=Anna, DC=X", 0, true },       { "cn=anna,dc=x", "cn=\\61nna,dc=x", 0, true },
        { "cn=a+uid=b,dc=x", "uid=B+cn=A,dc=x", 0, true },  { "cn=anna,dc=x", "cn=anna,dc=y", 0, false },
        { "cn=a\\00,dc=x", "cn=a,dc=x", 0, false },         { "cn=a\\00b,dc=x", "cn=a\\00c,dc=x", 0, false },
        { "cn=a\\00,dc=x", "cn=a\\04@,dc=x", 0, false },    { "cn=a\0b,dc=x", "cn=a,dc=x", sizeof "cn=a\0b,dc=x" - 1, false },
        { "cn=a\0b,dc=x", "cn=a\\00b,dc=x", sizeof "cn=a\0b,dc=x" - 1, true }, { "cn=a\\01,dc=x", "cn=a\\00,dc=x", 0, false },
};

static void by_dn(void **state) {
        (void)state;
        for (size_t i = 0; i < sizeof dns / sizeof *dns; i++) {
                char a[SYNC_KEY_MAX + 1], b[SYNC_KEY_MAX + 1];
                size_t len;
                assert_int_equal(sync_key_dn(dns[i].a, dns[i].a_len > 0 ? dns[i].a_len : strlen(dns[i].a), a, &len), 0);
                assert_int_equal(strlen(a), len);
                assert_int_equal(sync_key_dn(dns[i].b, strlen(dns[i].b), b, NULL), 0);
                if ((strcmp(a, b) == 0) != dns[i].same || (sync_key_hash(a) == sync_key_hash(b)) != dns[i].same)
                        fail_msg("%s and %s", dns[i].a, dns[i].b);
        }
}

/* A key is never longer than its bound, whatever a DN of the longest kind is made of. */
static void longest(void **state) {
        (void)state;
        char dn[SYNC_DN_MAX + 1], more[3000], key[SYNC_KEY_MAX + 1];
        size_t len;
        memset(dn, 4, sizeof dn);
        memcpy(dn, "cn=", 3);
        assert_int_equal(sync_key_dn(dn, SYNC_DN_MAX, key, &len), 0);
        assert_int_equal(len, 3 + 2 * (SYNC_DN_MAX - 3));
        memset(more, 'x', sizeof more);
        memcpy(more, "cn=", 3);
        assert_int_equal(sync_key_dn(more, sizeof more, key, NULL), -ENOENT);
        assert_int_equal(sync_key_name(more, 1024, key, &len), 0);
        assert_int_equal(len, 1024);
        assert_int_equal(sync_key_name(more, 1025, key, NULL), -ENOENT);
}

static void none(void **state) {
        (void)state;
        char key[SYNC_KEY_MAX + 1];
        assert_int_equal(sync_key(SYNC_REFERENCES_DN, NULL, "anna", key), -ENOENT);
        assert_int_equal(sync_key(SYNC_REFERENCES_DN, "", "anna", key), -ENOENT);
        assert_int_equal(sync_key(SYNC_REFERENCES_DN, "anna", "anna", key), -ENOENT);
        assert_int_equal(sync_key(SYNC_REFERENCES_NAME, "cn=anna", "", key), -ENOENT);
        assert_int_equal(sync_key(SYNC_REFERENCES_NONE, "cn=anna", "anna", key), -ENOENT);
        assert_int_equal(sync_key_name("a\0b", 3, key, NULL), -ENOENT);
        assert_int_equal(sync_key(SYNC_REFERENCES_NAME, NULL, "AnnA", key), 0);
        assert_string_equal(key, "anna");
}

static void hashes_stay(void **state) {
        (void)state;
        static const struct { const char *key; int64_t hash; } rows[] = { { "anna", INT64_C(-1623639041514796910) }, { "cn\1anna\3dc\1x", INT64_C(-7853985334244372941) } };
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                assert_int_equal(sync_key_hash(rows[i].key), rows[i].hash);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(by_dn), cmocka_unit_test(longest), cmocka_unit_test(none), cmocka_unit_test(hashes_stay) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
