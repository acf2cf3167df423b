/* The addresses of LDAP servers.
 * Relies on: cmocka, common/model.
 * Must never: resolve a name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "model/ldap_uri.h"

#define P LDAP_SCHEME_LDAP
#define S LDAP_SCHEME_LDAPS
#define I LDAP_SCHEME_LDAPI
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct { const char *text; enum ldap_scheme scheme; bool srv, loopback; unsigned port; const char *host, *path; } goods[] = {
        { "ldap://a", P, false, false, 389, "a", "" },
        { "ldap://a/", P, false, false, 389, "a", "" },
        { "ldaps://LDAP1.Example.com", S, false, false, 636, "LDAP1.Example.com", "" },
        { "ldaps://a:1", S, false, false, 1, "a", "" },
        { "ldaps://a:65535/", S, false, false, 65535, "a", "" },
        { "ldap://192.0.2.1:3389", P, false, false, 3389, "192.0.2.1", "" },
        { "ldap://127.0.0.1", P, false, true, 389, "127.0.0.1", "" },
        { "ldap://127.255.0.1", P, false, true, 389, "127.255.0.1", "" },
        { "ldap://128.0.0.1", P, false, false, 389, "128.0.0.1", "" },
        { "ldap://localhost", P, false, true, 389, "localhost", "" },
        { "ldap://LocalHost:1", P, false, true, 1, "LocalHost", "" },
        { "ldap://localhost.example.com", P, false, false, 389, "localhost.example.com", "" },
        { "ldap://[::1]", P, false, true, 389, "::1", "" },
        { "ldap://[0:0::1]:7", P, false, true, 7, "0:0::1", "" },
        { "ldaps://[2001:db8::1]:636", S, false, false, 636, "2001:db8::1", "" },
        { "ldap://[::]", P, false, false, 389, "::", "" },
        { "ldap://dc_1.example.com", P, false, false, 389, "dc_1.example.com", "" },
        { "ldap://1a.example", P, false, false, 389, "1a.example", "" },
        { "ldaps://" A63 "." A63, S, false, false, 636, A63 "." A63, "" },
        { "ldapi://%2Frun%2fslapd%2Fldapi", I, false, true, 0, "", "/run/slapd/ldapi" },
        { "ldapi://%2Fa/", I, false, true, 0, "", "/a" },
        { "ldaps+srv://example.com", S, true, false, 0, "example.com", "" },
        { "ldap+srv://localhost", P, true, false, 0, "localhost", "" },
};

static const struct { const char *text, *says; } bads[] = {
        { "", "valid: ldaps://" }, { "ldap", "valid: ldaps://" }, { "ldap:/a", "valid: ldaps://" }, { "LDAP://a", "valid: ldaps://" }, { "ldap+tls://a", "valid: ldaps://" },
        { "a.example.com", "valid: ldaps://" }, { " ldap://a", "valid: ldaps://" },
        { "ldap://", "no host" }, { "ldap:///", "no host" }, { "ldap://:389", "no host" }, { "ldap://[]", "no host" },
        { "ldap://a:", "not a port" }, { "ldap://a:0", "not a port" }, { "ldap://a:65536", "not a port" }, { "ldap://a:99999999999", "not a port" },
        { "ldap://a:-1", "not a port" }, { "ldap://a:38x", "not a port" }, { "ldap://a: 389", "not a port" }, { "ldap://a:+389", "not a port" },
        { "ldap://a/dc=x", "a key of its own" }, { "ldap://a?x", "a key of its own" }, { "ldap://a//", "a key of its own" }, { "ldap://a#", "a key of its own" },
        { "ldap://::1", "stands in brackets" }, { "ldap://2001:db8::1:389", "stands in brackets" }, { "ldap://[::1", "not closed" }, { "ldap://[::1]x", "only a port may follow" },
        { "ldap://[::g]", "not an IPv6 address" }, { "ldap://[fe80::1%eth0]", "not an IPv6 address" }, { "ldap://[127.0.0.1]", "not an IPv6 address" },
        { "ldap://127.1", "not an IPv4 address" }, { "ldap://1.2.3.256", "not an IPv4 address" }, { "ldap://1", "not an IPv4 address" },
        { "ldap://a..b", "not a host name" }, { "ldap://a.", "not a host name" }, { "ldap://.a", "not a host name" }, { "ldap://-a", "not a host name" }, { "ldap://a-", "not a host name" },
        { "ldap://a-.b", "not a host name" }, { "ldap://a b", "not a host name" }, { "ldap://u@a", "not a host name" }, { "ldap://a\xc3\xa9", "not a host name" }, { "ldap://a" A63, "not a host name" },
        { "ldap://" A63 "." A63 "." A63 "." A63 ".a", "at most 253 bytes" },
        { "ldapi://", "not an absolute path" }, { "ldapi:///run/ldapi", "its slashes as %2F" }, { "ldapi://run%2Fldapi", "not an absolute path" }, { "ldapi://%2Fa%00b", "not an absolute path" },
        { "ldapi://%2Fa%0A", "not an absolute path" }, { "ldapi://%2Fa%2", "not the path of a socket" }, { "ldapi://%2Fa b", "not the path of a socket" },
        { "ldapi://%2F" A63 A63, "at most 107 bytes" },
        { "ldaps+srv://example.com:636", "DNS says the port" }, { "ldaps+srv://", "no host" },
};

static void test_good(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(goods); i++) {
                struct ldap_uri uri;
                const char *why;
                if (ldap_uri_parse(goods[i].text, &uri, &why) < 0)
                        fail_msg("%s: %s", goods[i].text, why);
                if (uri.scheme != goods[i].scheme || uri.srv != goods[i].srv || uri.loopback != goods[i].loopback || uri.port != goods[i].port ||
                    strcmp(uri.host, goods[i].host) != 0 || strcmp(uri.path, goods[i].path) != 0)
                        fail_msg("%s: scheme %d srv %d loopback %d port %u host \"%s\" path \"%s\"", goods[i].text, uri.scheme, uri.srv, uri.loopback, uri.port, uri.host,
                                 uri.path);
        }
}

static void test_bad(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
                struct ldap_uri uri;
                const char *why;
                int r = ldap_uri_parse(bads[i].text, &uri, &why);
                if (r != -EINVAL || !strstr(why, bads[i].says) || !strstr(why, ": "))
                        fail_msg("%s: %d, %s, wanted %s", bads[i].text, r, r ? why : "accepted", bads[i].says);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_bad) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
