/* From a result to a PAM code: the only place where the module's PAM codes are chosen.
 * Relies on: base/reason, the PAM headers.
 * Must never: give PAM_SUCCESS, PAM_IGNORE or PAM_USER_UNKNOWN for anything but what its tables say: a later line of the stack may turn the last
 * two into a success. */
#pragma once

#include <stdbool.h>

#include "base/reason.h"

/* What libpam called. chauthtok is called twice: PRELIM checks, UPDATE changes. */
enum hook { HOOK_AUTHENTICATE = 0, HOOK_ACCOUNT, HOOK_PRELIM, HOOK_UPDATE, HOOK_SETCRED, HOOK_OPEN_SESSION, HOOK_CLOSE_SESSION, HOOK_MAX };

/* Whose name PAM_USER is. */
enum identity {
        IDENTITY_UNAVAILABLE = 0, /* no readable view: nobody can say */
        IDENTITY_OURS,            /* published in the view */
        IDENTITY_UNKNOWN,         /* in no place that we may look at */
        IDENTITY_FOREIGN,         /* in the view, but this host's look-up gives the name another uid */
        IDENTITY_LOCAL,           /* in /etc/passwd (N4) */
        IDENTITY_MISCONFIGURED,   /* the PAM line has an option that we do not know, or an application that the view does not */
        IDENTITY_MAX
};

/* The code for a name that is not ours, in any hook. IDENTITY_OURS is PAM_SUCCESS in the hooks that decide nothing (setcred and the session)
 * and PAM_SYSTEM_ERR in the others, which must ask for a reason instead. Never fails: what is out of range is PAM_SYSTEM_ERR. */
int code_of_identity(enum hook hook, enum identity identity);

/* The code for what was decided about a name that is ours. must_change: authenticate of this handle learnt it (L7); it counts in
 * HOOK_ACCOUNT with REASON_OK only. What is out of range is PAM_SYSTEM_ERR. */
int code_of_reason(enum hook hook, enum reason reason, bool must_change);
