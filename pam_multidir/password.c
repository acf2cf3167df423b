/* pam_sm_chauthtok, called twice: PAM_PRELIM_CHECK asks whether the password could be changed and checks the old one, PAM_UPDATE_AUTHTOK changes it.
 * Relies on: call, ask, state, code.
 * Must never: change a password without the old one, but for root who is not made to change an expired one; keep a password. */
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "ask.h"
#include "call.h"
#include "state.h"

#define NOBODYS_NAME "-"

static void request_done(struct wire_change_password *request) {
        secret_done(&request->old_password);
        secret_done(&request->new_password);
}
#define _cleanup_request_ _cleanup_(request_done)

static void fill_request(const struct call *call, bool as_root, struct wire_change_password *request) {
        const char *user = *call->user ? call->user : NOBODYS_NAME;
        memcpy(request->user, user, strlen(user) + 1);
        memcpy(request->service, call->service, sizeof request->service);
        memcpy(request->application, call->options.application, strlen(call->options.application) + 1);
        request->as_root = as_root;
        request->check_only = call->hook == HOOK_PRELIM;
}

static enum reason ask(const struct call *call, const struct wire_change_password *request, struct wire_changed *reply) {
        int r = ask_change_password(request, reply);
        if (r == 0)
                return reply->reason;
        pam_syslog(call->pamh, LOG_WARNING, "the service cannot be asked: %s", strerror(-r));
        return REASON_UNAVAILABLE;
}

/* P6: who is refused learns why; a wrong old password says no more than a wrong one at a login (L9). */
static void show_refusal(const struct call *call, enum reason reason, const char *text) {
        char line[WIRE_TEXT_MAX + 1];
        int code = code_of_reason(call->hook, reason, false);
        if (code != PAM_PERM_DENIED && code != PAM_AUTHTOK_ERR)
                return;
        if (*text) {
                call_show(call, PAM_ERROR_MSG, text);
                return;
        }
        (void)snprintf(line, sizeof line, "The password was not changed: %s", reason_name(reason));
        call_show(call, PAM_ERROR_MSG, line);
}

/* The first pass. For unknown names too, where the old password is asked for: the same prompt, the same time. */
static int check(const struct call *call, bool as_root) {
        _cleanup_request_ struct wire_change_password request = { 0 };
        struct wire_changed reply = { 0 };
        enum reason refusal = REASON_OK;
        fill_request(call, as_root, &request);
        if (!as_root) {
                int r = call_password(call, PAM_OLDAUTHTOK, "Current password: ", &request.old_password, &refusal);
                if (r != PAM_SUCCESS)
                        return r;
        }
        enum reason reason = ask(call, &request, &reply);
        if (call->identity == IDENTITY_UNKNOWN)
                return code_of_identity(call->hook, call->identity);
        if (reason == REASON_OK && refusal != REASON_OK)
                reason = refusal;
        show_refusal(call, reason, reply.text);
        return code_of_reason(call->hook, reason, false);
}

/* The old password that the first pass has left in the handle. */
static int take_old_password(const struct call *call, struct secret *password) {
        const void *old = NULL;
        if (pam_get_item(call->pamh, PAM_OLDAUTHTOK, &old) != PAM_SUCCESS || !old)
                return PAM_AUTHTOK_RECOVERY_ERR;
        return secret_set(password, old, strlen(old)) < 0 ? PAM_AUTHTOK_RECOVERY_ERR : PAM_SUCCESS;
}

/* The new password: of an earlier line, or typed twice. libpam's own prompts, for they are translated; it honours use_authtok. */
static int ask_new_password(const struct call *call, struct secret *password) {
        enum reason refusal = REASON_OK;
        int r = call_password(call, PAM_AUTHTOK, NULL, password, &refusal);
        if (r == PAM_TRY_AGAIN)
                return PAM_AUTHTOK_ERR; /* not typed alike: only the first pass may say "try again" */
        if (r == PAM_SUCCESS && refusal != REASON_OK) {
                show_refusal(call, refusal, "");
                return code_of_reason(call->hook, refusal, false);
        }
        return r;
}

static int update(const struct call *call, bool as_root) {
        _cleanup_request_ struct wire_change_password request = { 0 };
        struct wire_changed reply = { 0 };
        int r = as_root ? PAM_SUCCESS : take_old_password(call, &request.old_password);
        if (r == PAM_SUCCESS)
                r = ask_new_password(call, &request.new_password);
        if (r != PAM_SUCCESS)
                return r;
        fill_request(call, as_root, &request);
        enum reason reason = ask(call, &request, &reply);
        if (reason == REASON_OK) {
                struct state *state = state_get(call->pamh, call->published.name);
                if (state)
                        state->must_change = false;
                call_show(call, PAM_TEXT_INFO, reply.text);
        }
        show_refusal(call, reason, reply.text);
        return code_of_reason(call->hook, reason, false);
}

MODULE_HOOK int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        _cleanup_call_ struct call call = { 0 };
        enum hook hook = flags & PAM_PRELIM_CHECK ? HOOK_PRELIM : HOOK_UPDATE;
        bool as_root = getuid() == 0 && !(flags & PAM_CHANGE_EXPIRED_AUTHTOK);
        int r = call_init(&call, pamh, hook, flags, argc, argv);
        if (r != PAM_SUCCESS)
                return r;
        bool disguise = call.identity == IDENTITY_UNKNOWN && hook == HOOK_PRELIM && !as_root;
        if (call.identity != IDENTITY_OURS && !disguise)
                return call_end(&call, code_of_identity(hook, call.identity));
        return call_end(&call, hook == HOOK_PRELIM ? check(&call, as_root) : update(&call, as_root));
}
