/* From a result to a PAM code; see code.h. */
#include "code.h"

#include <security/pam_modules.h>

#define ALL_DECIDING(code) \
        [HOOK_AUTHENTICATE] = (code), [HOOK_ACCOUNT] = (code), [HOOK_PRELIM] = (code), [HOOK_UPDATE] = (code)
#define ALL_SESSION(code) [HOOK_SETCRED] = (code), [HOOK_OPEN_SESSION] = (code), [HOOK_CLOSE_SESSION] = (code)

static const int identities[IDENTITY_MAX][HOOK_MAX] = {
        [IDENTITY_UNAVAILABLE] = { ALL_DECIDING(PAM_AUTHINFO_UNAVAIL), ALL_SESSION(PAM_IGNORE) },
        [IDENTITY_OURS] = { ALL_DECIDING(PAM_SYSTEM_ERR), ALL_SESSION(PAM_SUCCESS) },
        [IDENTITY_UNKNOWN] = { ALL_DECIDING(PAM_USER_UNKNOWN), ALL_SESSION(PAM_IGNORE) },
        [IDENTITY_FOREIGN] = { ALL_DECIDING(PAM_USER_UNKNOWN), ALL_SESSION(PAM_IGNORE) },
        [IDENTITY_LOCAL] = { ALL_DECIDING(PAM_USER_UNKNOWN), ALL_SESSION(PAM_IGNORE) },
        [IDENTITY_MISCONFIGURED] = { ALL_DECIDING(PAM_SERVICE_ERR), ALL_SESSION(PAM_SERVICE_ERR) },
};

int code_of_identity(enum hook hook, enum identity identity) {
        if ((unsigned)hook >= HOOK_MAX || (unsigned)identity >= IDENTITY_MAX)
                return PAM_SYSTEM_ERR;
        return identities[identity][hook];
}

/* L9: every denial is the same error. user-not-found too, for here the name is in the view: an application without this user must not pass
 * it on to lines that ignore unknown users. */
static int code_of_authenticate(enum reason reason) {
        switch (reason) {
        case REASON_OK: return PAM_SUCCESS;
        case REASON_UNAVAILABLE: return PAM_AUTHINFO_UNAVAIL;
        case REASON_THROTTLED: return PAM_MAXTRIES;
        default: return PAM_AUTH_ERR;
        }
}

static int code_of_account(enum reason reason, bool must_change) {
        switch (reason) {
        case REASON_OK: return must_change ? PAM_NEW_AUTHTOK_REQD : PAM_SUCCESS;
        case REASON_UNAVAILABLE: return PAM_AUTHINFO_UNAVAIL;
        case REASON_INACTIVE: return PAM_ACCT_EXPIRED;
        default: return PAM_PERM_DENIED;
        }
}

/* In the first pass a bad password is the old one, in the second the new one: wrong-password is always the old one. */
static int code_of_change(enum hook hook, enum reason reason) {
        switch (reason) {
        case REASON_OK: return PAM_SUCCESS;
        case REASON_UNAVAILABLE: return PAM_AUTHINFO_UNAVAIL;
        case REASON_THROTTLED: return PAM_MAXTRIES;
        case REASON_WRONG_PASSWORD: return PAM_AUTH_ERR;
        case REASON_EMPTY_PASSWORD:
        case REASON_BAD_PASSWORD: return hook == HOOK_PRELIM ? PAM_AUTH_ERR : PAM_AUTHTOK_ERR;
        case REASON_POLICY_REJECTED: return PAM_AUTHTOK_ERR;
        default: return PAM_PERM_DENIED;
        }
}

int code_of_reason(enum hook hook, enum reason reason, bool must_change) {
        if ((unsigned)reason >= REASON_MAX)
                return PAM_SYSTEM_ERR;
        switch (hook) {
        case HOOK_AUTHENTICATE: return code_of_authenticate(reason);
        case HOOK_ACCOUNT: return code_of_account(reason, must_change);
        case HOOK_PRELIM:
        case HOOK_UPDATE: return code_of_change(hook, reason);
        case HOOK_SETCRED:
        case HOOK_OPEN_SESSION:
        case HOOK_CLOSE_SESSION: return PAM_SUCCESS; /* the service down, or a login not noted, ends no session */
        case HOOK_MAX: break;
        }
        return PAM_SYSTEM_ERR;
}
