/* pam_sm_open_session and pam_sm_close_session: a session's start is noted, if the service is there.
 * Relies on: call, ask, code.
 * Must never: refuse a session, or hold it up for longer than its short deadline. */
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "ask.h"
#include "call.h"

static void note(const struct call *call) {
        struct wire_session request = { 0 };
        memcpy(request.user, call->published.name, strnlen(call->published.name, WIRE_NAME_MAX));
        memcpy(request.service, call->service, sizeof request.service);
        memcpy(request.application, call->options.application, strlen(call->options.application) + 1);
        int r = ask_session(&request);
        if (r < 0 && call->options.debug)
                pam_syslog(call->pamh, LOG_DEBUG, "the session could not be noted: %s", strerror(-r));
}

MODULE_HOOK int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        _cleanup_call_ struct call call = { 0 };
        int r = call_init(&call, pamh, HOOK_OPEN_SESSION, flags, argc, argv);
        if (r != PAM_SUCCESS)
                return r;
        if (call.identity == IDENTITY_OURS)
                note(&call);
        return call_end(&call, code_of_identity(call.hook, call.identity));
}

MODULE_HOOK int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        _cleanup_call_ struct call call = { 0 };
        int r = call_init(&call, pamh, HOOK_CLOSE_SESSION, flags, argc, argv);
        return r == PAM_SUCCESS ? call_end(&call, code_of_identity(call.hook, call.identity)) : r;
}
