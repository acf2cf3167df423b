/* Tests of multidird/requests/server_password: what is said of a password that a worker was to set (P6, L9, U12).
 * Relies on: cmocka. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "multidird/requests/server_password.h"

static const struct row { const char *name; enum password_set set; bool given; enum reason reason; const char *has, *lacks; } rows[] = {
        { "done", PASSWORD_SET_DONE, true, REASON_OK, "", "password" },
        { "L9 wrong", PASSWORD_SET_WRONG, true, REASON_WRONG_PASSWORD, "", "password" },
        { "L9 locked is as wrong", PASSWORD_SET_LOCKED, true, REASON_WRONG_PASSWORD, "", "password" },
        { "L7 expired", PASSWORD_SET_EXPIRED, true, REASON_PASSWORD_EXPIRED, "The password of user ann has expired, and the server of directory corp lets", NULL },
        { "the policy's words", PASSWORD_SET_REJECTED, true, REASON_POLICY_REJECTED, "The server of directory corp refuses the new password of user ann: Password is too short", NULL },
        { "P6 the server's level", PASSWORD_SET_DENIED, true, REASON_PERMISSION_DENIED, "user ann: the server of directory corp itself refuses modify-user", NULL },
        { "gone", PASSWORD_SET_NOT_FOUND, true, REASON_USER_NOT_FOUND, "corp", NULL },
        { "the server takes none", PASSWORD_SET_UNAVAILABLE, true, REASON_UNAVAILABLE, "still valid", NULL },
        { "U12 no answer promises nothing", PASSWORD_SET_UNKNOWN, true, REASON_UNAVAILABLE, "whether the new password works", "still valid" },
        { "U12 a number that is none promises nothing", (enum password_set)77, true, REASON_UNAVAILABLE, "whether the new password works", "still valid" },
        { "no worker had it", PASSWORD_SET_UNKNOWN, false, REASON_UNAVAILABLE, "still valid", NULL },
};
static void each_row(void **state) {
        const struct directory_settings directory = { .name = "corp", .type = DIRECTORY_LDAP };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct protocol_answer answer = { .set = rows[i].set, .text = "Password is too short" };
                char text[WIRE_TEXT_MAX + 1];
                enum reason reason = server_password_outcome(&answer, rows[i].given, &directory, "ann", text, sizeof text);
                if (reason != rows[i].reason || !strstr(text, rows[i].has) || (rows[i].lacks && strstr(text, rows[i].lacks)))
                        fail_msg("%s: %s, \"%s\"", rows[i].name, reason_name(reason), text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_row) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
