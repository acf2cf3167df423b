/* Names and published texts, by rule (N1, N3, N4, N5).
 * Relies on: model/name.
 * Must never: need a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/name.h"

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X255 X50 X50 X50 X50 X50 "xxxxx"

static void test_check(void **state) {
        static const struct { const char *rule, *name; bool user, group; } rows[] = {
                { "N3 a plain name", "jsmith", true, true },
                { "N3 UTF-8", "j\xc3\xb6rg", true, true },
                { "N3 blanks inside", "domain users", true, true },
                { "N3 empty", "", false, false },
                { "N3 255 bytes", X255, true, true },
                { "N3 256 bytes", X255 "x", false, false },
                { "N3 invalid UTF-8", "a\xff", false, false },
                { "N3 overlong UTF-8", "a\xc0\xaf", false, false },
                { "N3 newline", "a\nb", false, false },
                { "N3 DEL", "a\x7f", false, false },
                { "N3 a C1 control character", "a\xc2\x85", false, false },
                { "N3 colon", "a:b", false, false },
                { "N3 slash", "a/b", false, true },
                { "N3 comma", "a,b", false, true },
                { "N3 leading dash", "-a", false, false },
                { "N3 dash inside", "a-", true, true },
                { "N3 leading blank", " a", false, false },
                { "N3 trailing blank", "a ", false, false },
                { "N3 dot", ".", false, false },
                { "N3 dot dot", "..", false, false },
                { "N3 dots", "...", true, true },
                { "N3 all digits", "0123", false, false },
                { "N3 digits and a letter", "0123a", true, true },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *why = NULL;
                bool user = name_check(NAME_OF_USER, rows[i].name, &why) == REASON_OK;
                if (user != rows[i].user || user != (why == NULL))
                        fail_msg("%s: user", rows[i].rule);
                if ((name_check(NAME_OF_GROUP, rows[i].name, NULL) == REASON_OK) != rows[i].group)
                        fail_msg("%s: group", rows[i].rule);
                if (!user && name_check(NAME_OF_USER, rows[i].name, NULL) != REASON_INVALID_NAME)
                        fail_msg("%s: reason", rows[i].rule);
        }
}

static void test_reserved(void **state) {
        static const char *const yes[] = {
                "root", "ROOT", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data", "backup", "list", "irc",
                "_apt", "nobody", "adm", "tty", "disk", "kmem", "dialout", "fax", "voice", "cdrom", "floppy", "tape", "sudo", "audio", "dip", "operator",
                "src", "shadow", "utmp", "video", "sasl", "plugdev", "staff", "users", "nogroup", "wheel", "docker", "lxd", "libvirt", "kvm", "netdev",
                "ssl-cert", "admin", "Admin", "systemd-", "systemd-network", "SystemD-x",
        };
        static const char *const no[] = { "", "roo", "roots", "administrator", "systemd", "jsmith", "zzz", "aaa" };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                if (!name_is_reserved(yes[i]))
                        fail_msg("N4: %s", yes[i]);
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                if (name_is_reserved(no[i]))
                        fail_msg("N4: %s", no[i]);
}

static void test_publish(void **state) {
        char out[NAME_LENGTH_MAX + 1];
        (void)state;
        name_publish(NAME_CASE_LOWER, "J\xc3\x96rg", out);
        assert_string_equal(out, "j\xc3\x96rg"); /* N1: ASCII folding only */
        name_publish(NAME_CASE_PRESERVE, "JSmith", out);
        assert_string_equal(out, "JSmith");
        name_publish(NAME_CASE_LOWER, X255, out);
        assert_string_equal(out, X255);
}

static void test_gecos(void **state) {
        static const struct { const char *rule, *text; size_t size; const char *wanted; } rows[] = {
                { "N5 plain", "Ann Smith", 64, "Ann Smith" },
                { "N5 colon and control characters", "a:b\nc\x7f", 64, "a b c " },
                { "N5 C1", "a\xc2\x85z", 64, "a z" },
                { "N5 UTF-8 stays", "\xe2\x82\xac", 64, "\xe2\x82\xac" },
                { "N5 invalid bytes", "a\xff\xe2\x82", 64, "a???" },
                { "N5 cut", "abcdef", 4, "abc" },
                { "N5 cut at a whole sequence", "ab\xe2\x82\xac", 5, "ab" },
                { "N5 just fits", "ab\xe2\x82\xac", 6, "ab\xe2\x82\xac" },
                { "N5 only the terminator", "abc", 1, "" },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char out[64];
                gecos_publish(rows[i].text, out, rows[i].size);
                if (strcmp(out, rows[i].wanted) != 0)
                        fail_msg("%s: %s", rows[i].rule, out);
        }
}

static void test_paths(void **state) {
        static const struct { const char *rule, *path; bool good; } rows[] = {
                { "N5 absolute", "/home/ann", true },       { "N5 root", "/", true },
                { "N5 relative", "home", false },           { "N5 empty", "", false },
                { "N5 colon", "/a:b", false },              { "N5 control", "/a\nb", false },
                { "N5 dot dot", "/a/../b", false },         { "N5 dot dot at the end", "/a/..", false },
                { "N5 dot dot alone", "/..", false },       { "N5 dots in a part", "/a..b/...", true },
                { "N5 two slashes", "//..//", false },      { "N5 invalid UTF-8", "/a\xff", false },
        };
        char long_path[4100];
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (path_is_publishable(rows[i].path) != rows[i].good)
                        fail_msg("%s: %s", rows[i].rule, rows[i].path);
        memset(long_path, 'a', sizeof long_path);
        long_path[0] = '/';
        long_path[4095] = 0;
        assert_true(path_is_publishable(long_path));
        long_path[4095] = 'a';
        long_path[4096] = 0;
        assert_false(path_is_publishable(long_path));
}

static void test_keys(void **state) {
        static const struct { const char *rule, *key; bool good; } rows[] = {
                { "N5 a key", "ssh-ed25519 AAAA", true },        { "N5 with a comment", "ssh-rsa AAAA me@there", true },
                { "N5 ecdsa", "ecdsa-sha2-nistp256 AAAA", true }, { "N5 a hardware key", "sk-ssh-ed25519@openssh.com AAAA", true },
                { "N5 no key", "ssh-rsa", false },               { "N5 nothing after the type", "ssh-rsa ", false },
                { "N5 options", "command=\"x\" ssh-rsa AAAA", false }, { "N5 two lines", "ssh-rsa AAAA\nssh-rsa BBBB", false },
                { "N5 empty", "", false },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (ssh_key_is_publishable(rows[i].key, strlen(rows[i].key)) != rows[i].good)
                        fail_msg("%s", rows[i].rule);
        assert_false(ssh_key_is_publishable("ssh-rsa A\0B", 11));
}

static void test_expand(void **state) {
        char out[16];
        (void)state;
        assert_int_equal(path_expand("/h/%d/%u", "ann", "D", out, sizeof out), 0);
        assert_string_equal(out, "/h/D/ann");
        assert_int_equal(path_expand("%%", "ann", "D", out, sizeof out), 0);
        assert_string_equal(out, "%");
        assert_int_equal(path_expand("/%x", "ann", "D", out, sizeof out), -EINVAL);
        assert_int_equal(path_expand("/%", "ann", "D", out, sizeof out), -EINVAL);
        assert_int_equal(path_expand("/0123456789/%u", "ann", "D", out, sizeof out), 0);
        assert_int_equal(path_expand("/0123456789/%u", "anna", "D", out, sizeof out), -ENAMETOOLONG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_check), cmocka_unit_test(test_reserved), cmocka_unit_test(test_publish), cmocka_unit_test(test_gecos),
                cmocka_unit_test(test_paths), cmocka_unit_test(test_keys), cmocka_unit_test(test_expand),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
