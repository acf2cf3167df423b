/* pam_sm_authenticate and pam_sm_setcred.
 * Relies on: call, ask, state, code.
 * Must never: give PAM_SUCCESS without an answer of the service that names this user and the entry whose password was right (L12), or let names that
 * exist be told from names that do not (L9). */
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "ask.h"
#include "base/text.h"
#include "call.h"
#include "state.h"

/* Stands for names that cannot be sent: N3 refuses it everywhere, so the service treats it as any other unknown name. */
#define NOBODYS_NAME "-"

struct exchange { struct wire_authenticate request; struct wire_authenticated reply; };

static void exchange_done(struct exchange *exchange) {
        secret_done(&exchange->request.password);
}

/* For the service's log only, so a longer one may be cut. */
static void copy_item(const struct call *call, int item, char out[WIRE_NAME_MAX + 1]) {
        const void *value = NULL;
        if (pam_get_item(call->pamh, item, &value) == PAM_SUCCESS && value)
                memcpy(out, value, strnlen(value, WIRE_NAME_MAX));
}

static void fill_request(const struct call *call, struct wire_authenticate *request) {
        const char *user = *call->user ? call->user : NOBODYS_NAME;
        memcpy(request->user, user, strlen(user) + 1);
        memcpy(request->service, call->service, sizeof request->service);
        memcpy(request->application, call->options.application, strlen(call->options.application) + 1);
        copy_item(call, PAM_RHOST, request->rhost);
        copy_item(call, PAM_TTY, request->tty);
}

/* What the service says, where it can be believed: a success is one of this user, with the entry that was checked. */
static enum reason ask(struct call *call, struct exchange *exchange) {
        int r = ask_authenticate(&exchange->request, &exchange->reply);
        if (r < 0) {
                pam_syslog(call->pamh, LOG_WARNING, "the service cannot be asked: %s", strerror(-r));
                return REASON_UNAVAILABLE;
        }
        const struct wire_authenticated *reply = &exchange->reply;
        if (reply->reason == REASON_OK)
                call_look_again(call);
        if (reply->reason != REASON_OK || call->identity != IDENTITY_OURS)
                return reply->reason;
        if (text_same_name(reply->name, call->published.name) && *reply->directory && *reply->entry_id)
                return REASON_OK;
        pam_syslog(call->pamh, LOG_ERR, "the service answered for another user");
        return REASON_UNAVAILABLE;
}

/* Leaves behind what the account phase needs. PAM_SUCCESS, or why that cannot be done. */
static int remember(const struct call *call, const struct wire_authenticated *reply) {
        struct state state = { .must_change = reply->must_change };
        memcpy(state.directory, reply->directory, sizeof state.directory);
        memcpy(state.entry_id, reply->entry_id, sizeof state.entry_id);
        memcpy(state.text, reply->text, sizeof state.text);
        if (state_set(call->pamh, call->published.name, &state) < 0)
                return PAM_BUF_ERR;
        return call_publish_user(call);
}

static int authenticate(struct call *call) {
        _cleanup_(exchange_done) struct exchange exchange = { 0 };
        enum reason refusal = REASON_UNAVAILABLE;
        int r = call_password(call, PAM_AUTHTOK, "Password: ", &exchange.request.password, &refusal);
        if (r != PAM_SUCCESS)
                return r;
        fill_request(call, &exchange.request);
        enum reason reason = ask(call, &exchange);
        if (call->identity == IDENTITY_UNKNOWN)
                return code_of_identity(call->hook, call->identity);
        if (reason == REASON_OK && refusal != REASON_OK)
                reason = refusal;
        if (reason == REASON_OK)
                r = remember(call, &exchange.reply);
        else if (reason == REASON_PASSWORD_EXPIRED) /* L7: the password was right, so this user may know */
                call_show(call, PAM_ERROR_MSG, exchange.reply.text);
        return r == PAM_SUCCESS ? code_of_reason(call->hook, reason, false) : r;
}

MODULE_HOOK int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        _cleanup_call_ struct call call = { 0 };
        int r = call_init(&call, pamh, HOOK_AUTHENTICATE, flags, argc, argv);
        if (r != PAM_SUCCESS)
                return r;
        if (call.identity == IDENTITY_OURS && state_set(pamh, call.published.name, NULL) < 0)
                return PAM_BUF_ERR;
        if (call.identity != IDENTITY_OURS && call.identity != IDENTITY_UNKNOWN)
                return call_end(&call, code_of_identity(call.hook, call.identity));
        return call_end(&call, authenticate(&call));
}

MODULE_HOOK int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        _cleanup_call_ struct call call = { 0 };
        int r = call_init(&call, pamh, HOOK_SETCRED, flags, argc, argv);
        return r == PAM_SUCCESS ? call_end(&call, code_of_identity(call.hook, call.identity)) : r;
}
