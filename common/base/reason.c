/* The words of enum reason; see reason.h. */
#include "base/reason.h"

#include <stddef.h>
#include <string.h>

static const char *const names[REASON_MAX] = {
        [REASON_UNAVAILABLE] = "unavailable",
        [REASON_OK] = "ok",
        [REASON_USER_NOT_FOUND] = "user-not-found",
        [REASON_WRONG_PASSWORD] = "wrong-password",
        [REASON_EMPTY_PASSWORD] = "empty-password",
        [REASON_INACTIVE] = "inactive",
        [REASON_PASSWORD_EXPIRED] = "password-expired",
        [REASON_NO_ACCESS] = "no-access",
        [REASON_SEAT_LIMIT] = "seat-limit",
        [REASON_THROTTLED] = "throttled",
        [REASON_EXISTS] = "exists",
        [REASON_GROUP_NOT_FOUND] = "group-not-found",
        [REASON_NOT_A_MEMBER] = "not-a-member",
        [REASON_ALREADY_A_MEMBER] = "already-a-member",
        [REASON_NEEDS_UNMASK] = "needs-unmask",
        [REASON_BAD_PASSWORD] = "bad-password",
        [REASON_CIRCULAR] = "circular",
        [REASON_PERMISSION_DENIED] = "permission-denied",
        [REASON_READ_ONLY_KIND] = "read-only-kind",
        [REASON_NESTING_NOT_SUPPORTED] = "nesting-not-supported",
        [REASON_INVALID_NAME] = "invalid-name",
        [REASON_ID_CONFLICT] = "id-conflict",
        [REASON_RESERVED_NAME] = "reserved-name",
        [REASON_LOCAL_ACCOUNT] = "local-account",
        [REASON_POLICY_REJECTED] = "policy-rejected",
        [REASON_MASKED] = "masked",
        [REASON_NOT_CHECKED] = "not-checked",
};

const char *reason_name(enum reason reason) {
        if ((unsigned)reason >= REASON_MAX)
                return names[REASON_UNAVAILABLE];
        return names[reason];
}

enum reason reason_from_name(const char *name) {
        for (unsigned i = 0; i < REASON_MAX; i++)
                if (strcmp(names[i], name) == 0)
                        return (enum reason)i;
        return REASON_MAX;
}
