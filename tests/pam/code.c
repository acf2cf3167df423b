/* The whole table from result to PAM code: every reason and every identity in every hook, written out a second time.
 * Relies on: cmocka.
 * Must never: compute an expected code; a new reason without a row here fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <security/pam_modules.h>

#include "base/cleanup.h"
#include "code.h"

static const char *const hook_names[HOOK_MAX] = { "authenticate", "account", "prelim", "update", "setcred", "open_session", "close_session" };

/* Columns: authenticate, account, prelim, update. The other three hooks: PAM_SUCCESS throughout. */
static const struct { const char *rule; enum reason reason; int codes[4]; } reasons[] = {
#define DENIED { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_PERM_DENIED, PAM_PERM_DENIED }
        { "L5", REASON_UNAVAILABLE, { PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL } },
        { "L4", REASON_OK, { PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS } },
        { "L9", REASON_USER_NOT_FOUND, DENIED },
        { "L1", REASON_WRONG_PASSWORD, { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_AUTH_ERR, PAM_AUTH_ERR } },
        { "L8", REASON_EMPTY_PASSWORD, { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_AUTH_ERR, PAM_AUTHTOK_ERR } },
        { "L3", REASON_INACTIVE, { PAM_AUTH_ERR, PAM_ACCT_EXPIRED, PAM_PERM_DENIED, PAM_PERM_DENIED } },
        { "L7", REASON_PASSWORD_EXPIRED, DENIED },
        { "L4", REASON_NO_ACCESS, DENIED },
        { "C1", REASON_SEAT_LIMIT, DENIED },
        { "L11", REASON_THROTTLED, { PAM_MAXTRIES, PAM_PERM_DENIED, PAM_MAXTRIES, PAM_MAXTRIES } },
        { "U1", REASON_EXISTS, DENIED },
        { "U5", REASON_GROUP_NOT_FOUND, DENIED },
        { "U9", REASON_NOT_A_MEMBER, DENIED },
        { "U7", REASON_ALREADY_A_MEMBER, DENIED },
        { "U4", REASON_NEEDS_UNMASK, DENIED },
        { "L8", REASON_BAD_PASSWORD, { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_AUTH_ERR, PAM_AUTHTOK_ERR } },
        { "U11", REASON_CIRCULAR, DENIED },
        { "P2", REASON_PERMISSION_DENIED, DENIED },
        { "P5", REASON_READ_ONLY_KIND, DENIED },
        { "U11", REASON_NESTING_NOT_SUPPORTED, DENIED },
        { "N3", REASON_INVALID_NAME, DENIED },
        { "L12", REASON_ID_CONFLICT, DENIED },
        { "N4", REASON_RESERVED_NAME, DENIED },
        { "N4", REASON_LOCAL_ACCOUNT, DENIED },
        { "P6", REASON_POLICY_REJECTED, { PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_AUTHTOK_ERR, PAM_AUTHTOK_ERR } },
        { "N1", REASON_MASKED, DENIED },
        { "L9", REASON_NOT_CHECKED, DENIED },
#undef DENIED
};

static const struct { enum identity identity; int codes[HOOK_MAX]; } identities[] = {
#define NOT_OURS { PAM_USER_UNKNOWN, PAM_USER_UNKNOWN, PAM_USER_UNKNOWN, PAM_USER_UNKNOWN, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE }
        { IDENTITY_UNAVAILABLE, { PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL,
                                  PAM_IGNORE, PAM_IGNORE, PAM_IGNORE } },
        { IDENTITY_OURS, { PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS } },
        { IDENTITY_UNKNOWN, NOT_OURS },
        { IDENTITY_FOREIGN, NOT_OURS },
        { IDENTITY_LOCAL, NOT_OURS },
        { IDENTITY_MISCONFIGURED, { PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR,
                                    PAM_SERVICE_ERR, PAM_SERVICE_ERR, PAM_SERVICE_ERR } },
#undef NOT_OURS
};

_Static_assert(ARRAY_SIZE(reasons) == REASON_MAX, "every reason has its row");
_Static_assert(ARRAY_SIZE(identities) == IDENTITY_MAX, "every identity has its row");

static void expect(const char *what, const char *name, enum hook hook, int code, int expected) {
        if (code != expected)
                fail_msg("%s %s in %s: %d, not %d", what, name, hook_names[hook], code, expected);
}

static void test_reasons(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
                enum reason reason = reasons[i].reason;
                assert_int_equal(reason, i);
                for (enum hook hook = 0; hook < HOOK_MAX; hook++) {
                        int expected = hook <= HOOK_UPDATE ? reasons[i].codes[hook] : PAM_SUCCESS;
                        expect(reasons[i].rule, reason_name(reason), hook, code_of_reason(hook, reason, false), expected);
                }
        }
}

/* L7: only the account phase of a user who may log in asks for a new password. */
static void test_must_change(void **state) {
        for (enum reason reason = 0; reason < REASON_MAX; reason++)
                for (enum hook hook = 0; hook < HOOK_MAX; hook++) {
                        int expected = code_of_reason(hook, reason, false);
                        if (hook == HOOK_ACCOUNT && reason == REASON_OK)
                                expected = PAM_NEW_AUTHTOK_REQD;
                        expect("L7", reason_name(reason), hook, code_of_reason(hook, reason, true), expected);
                }
}

static void test_identities(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(identities); i++)
                for (enum hook hook = 0; hook < HOOK_MAX; hook++)
                        expect("identity", "", hook, code_of_identity(hook, identities[i].identity), identities[i].codes[hook]);
}

/* Whatever number comes, success is only what the tables call success. */
static void test_out_of_range(void **state) {
        for (int i = -3; i < 300; i++)
                for (int h = -3; h < 300; h++) {
                        if (i < 0 || i >= REASON_MAX || h < 0 || h >= HOOK_MAX)
                                assert_int_equal(code_of_reason((enum hook)h, (enum reason)i, true), PAM_SYSTEM_ERR);
                        if (i < 0 || i >= IDENTITY_MAX || h < 0 || h >= HOOK_MAX)
                                assert_int_equal(code_of_identity((enum hook)h, (enum identity)i), PAM_SYSTEM_ERR);
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reasons),
                cmocka_unit_test(test_must_change),
                cmocka_unit_test(test_identities),
                cmocka_unit_test(test_out_of_range),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
