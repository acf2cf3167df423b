/* pam_sm_acct_mgmt: from the view alone, so that logins by key and sudo go on while the service is down.
 * Relies on: call, state, code, view/reader.
 * Must never: use the socket, or accept another entry than the one whose password this handle has seen (L12). */
#include <string.h>

#include <security/pam_modules.h>

#include "base/clock.h"
#include "call.h"
#include "state.h"

/* L12: after a password, the entry that was checked must be the one that the view's answer is about. */
static bool is_checked_entry(const struct state *state, const struct view_access *access) {
        return access->directory && access->entry_id && strcmp(state->directory, access->directory) == 0 &&
                strcmp(state->entry_id, access->entry_id) == 0;
}

/* A clock that went backwards makes no view too old. */
static bool is_too_old(const struct view *view) {
        uint64_t limit = view_account_max_age_s(view), now = clock_real_s(), built = view_built_s(view);
        return limit > 0 && now > built && now - built > limit;
}

static enum reason decide(const struct call *call, const struct state *state) {
        struct view_access access = { 0 };
        if (is_too_old(&call->view))
                return REASON_UNAVAILABLE;
        switch (view_user_access(&call->view, call->published.index, call->application, &access)) {
        case VIEW_FOUND: break;
        case VIEW_NOT_FOUND: return REASON_NO_ACCESS;
        case VIEW_UNAVAILABLE: return REASON_UNAVAILABLE;
        }
        if (access.reason == REASON_OK && state && !is_checked_entry(state, &access))
                return REASON_ID_CONFLICT;
        return access.reason;
}

MODULE_HOOK int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        _cleanup_call_ struct call call = { 0 };
        int r = call_init(&call, pamh, HOOK_ACCOUNT, flags, argc, argv);
        if (r != PAM_SUCCESS)
                return r;
        if (call.identity != IDENTITY_OURS)
                return call_end(&call, code_of_identity(call.hook, call.identity));
        struct state *state = state_get(pamh, call.published.name);
        enum reason reason = decide(&call, state);
        if (reason == REASON_OK) {
                r = call_publish_user(&call);
                if (r != PAM_SUCCESS)
                        return r;
        }
        if (reason == REASON_OK && state) {
                call_show(&call, PAM_TEXT_INFO, state->text);
                state->text[0] = 0;
        }
        return call_end(&call, code_of_reason(call.hook, reason, state && state->must_change));
}
