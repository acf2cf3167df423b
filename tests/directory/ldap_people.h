/* What the tests share that ask for people of a real slapd, live: one server that all of them have, a second one for those that want it, and a directory
 * opened anew for each test.
 * Relies on: cmocka (include it before); directory/ldap_help.h.
 * Must never: be included by two files of one program. */
#pragma once

#include "directory/ldap_help.h"

static struct slapd server, second;
static struct ldap_case c;

_unused_ static int start_all(void **state) {
        help_slapd_start(&server, "people.ldif");
        return 0;
}
_unused_ static int stop_all(void **state) {
        if (c.directory)
                help_close(&c);
        if (server.dir[0])
                help_slapd_wipe(&server);
        if (second.dir[0])
                help_slapd_wipe(&second);
        return 0;
}
_unused_ static int setup(void **state) {
        help_case(&c, server.uri, "");
        return 0;
}
_unused_ static int teardown(void **state) {
        help_close(&c);
        return 0;
}

_unused_ static struct secret secret_of(const char *text) {
        struct secret secret = { 0 };
        assert_int_equal(secret_set(&secret, text, strlen(text)), 0);
        return secret;
}
_unused_ static struct directory_entry find(const char *user) {
        struct directory_entry entry = { .active = true };
        directory_ldap.find(c.directory, user, &entry);
        return entry;
}
/* entry: what is known of the user. */
_unused_ static enum password_result check(const char *user, const char *password, struct directory_entry *entry) {
        const struct secret secret = secret_of(password);
        return directory_ldap.check(c.directory, user, &secret, entry);
}
/* old NULL: by the service account. */
_unused_ static enum password_set set(const char *user, const char *old, const char *new, struct directory_entry *entry, struct sbuf *why) {
        const struct secret old_secret = secret_of(old ? old : ""), new_secret = secret_of(new);
        return directory_ldap.set_password(c.directory, user, old ? &old_secret : NULL, &new_secret, entry, why);
}
