/* One call of a hook; see call.h. */
#include "call.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#include "base/text.h"
#include "local.h"

/* Copies with every control byte as '?': names come from whoever knocks, texts from servers. Cut where it must be: it is for people only. */
static void make_printable(char *out, size_t size, const char *text) {
        size_t i = 0;
        for (; text[i] && i + 1 < size; i++)
                out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
        out[i] = 0;
}

static enum identity misconfigured(const struct call *call, const char *what, const char *word) {
        char printable[WIRE_NAME_MAX + 1];
        make_printable(printable, sizeof printable, word);
        pam_syslog(call->pamh, LOG_ERR, "%s: %s", what, printable);
        return IDENTITY_MISCONFIGURED;
}

/* The published spelling and the one that was typed must both lead to our uid: programs use either. No answer is no other uid. */
static bool is_another_uid(const struct call *call) {
        const char *const spellings[] = { call->published.name, call->user };
        for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
                if (i > 0 && strcmp(spellings[i], spellings[0]) == 0)
                        break;
                const struct passwd *found = pam_modutil_getpwnam(call->pamh, spellings[i]);
                if (found && found->pw_uid != call->published.uid)
                        return true;
        }
        return false;
}

/* The application of this call, by option or by PAM service. False: the view has no such application. */
static bool find_application(struct call *call) {
        call->application = *call->options.application ? view_application_by_name(&call->view, call->options.application)
                                                       : view_application_of_service(&call->view, call->service);
        return call->application != UINT32_MAX;
}

/* In this order: a local account is passed by before anything of ours can go wrong. */
static enum identity identify(struct call *call, const char *user, int argc, const char **argv) {
        const char *wrong;
        const void *service = NULL;
        int local = local_has_name(LOCAL_PASSWD, user);
        if (local != 0)
                return local > 0 ? IDENTITY_LOCAL : IDENTITY_UNAVAILABLE;
        if (options_parse(argc, argv, &call->options, &wrong) < 0)
                return misconfigured(call, "not an option of this module", wrong);
        if (pam_get_item(call->pamh, PAM_SERVICE, &service) != PAM_SUCCESS || !service || strlen(service) > WIRE_NAME_MAX)
                return misconfigured(call, "no PAM service of a known name", "");
        memcpy(call->service, service, strlen(service) + 1);
        if (!view_current(&call->view))
                return IDENTITY_UNAVAILABLE;
        if (!find_application(call))
                return misconfigured(call, "no such application", call->options.application);
        if (strlen(user) > WIRE_NAME_MAX)
                return IDENTITY_UNKNOWN;
        memcpy(call->user, user, strlen(user) + 1);
        switch (view_user_by_name(&call->view, user, &call->published)) {
        case VIEW_FOUND: return is_another_uid(call) ? IDENTITY_FOREIGN : IDENTITY_OURS;
        case VIEW_NOT_FOUND: return IDENTITY_UNKNOWN;
        case VIEW_UNAVAILABLE: break;
        }
        return IDENTITY_UNAVAILABLE;
}

int call_init(struct call *call, pam_handle_t *pamh, enum hook hook, int flags, int argc, const char **argv) {
        const char *user = NULL;
        *call = (struct call) { .pamh = pamh, .hook = hook, .silent = flags & PAM_SILENT, .options = { .application = "" } };
        int r = pam_get_user(pamh, &user, NULL);
        if (r == PAM_CONV_AGAIN)
                return PAM_INCOMPLETE;
        if (r != PAM_SUCCESS)
                return r;
        call->identity = user ? identify(call, user, argc, argv) : IDENTITY_UNKNOWN;
        return PAM_SUCCESS;
}

void call_look_again(struct call *call) {
        if (call->identity != IDENTITY_UNKNOWN || !*call->user)
                return;
        call_done(call);
        if (!view_current(&call->view) || !find_application(call) || view_user_by_name(&call->view, call->user, &call->published) != VIEW_FOUND)
                return;
        /* Whose id it is besides ours stays unknown. */
        if (!is_another_uid(call))
                call->identity = IDENTITY_OURS;
}

void call_done(struct call *call) {
        if (call->view.base)
                view_release(&call->view);
        call->view = (struct view) { 0 };
}

int call_end(const struct call *call, int code) {
        if (call->options.debug) {
                char printable[WIRE_NAME_MAX + 1];
                make_printable(printable, sizeof printable, call->user);
                pam_syslog(call->pamh, LOG_DEBUG, "user %s: %s", printable, pam_strerror(call->pamh, code));
        }
        return code;
}

int call_publish_user(const struct call *call) {
        if (strcmp(call->user, call->published.name) == 0)
                return PAM_SUCCESS;
        return pam_set_item(call->pamh, PAM_USER, call->published.name);
}

void call_show(const struct call *call, int style, const char *text) {
        char printable[WIRE_TEXT_MAX + 1];
        if (!*text || call->silent || call->options.quiet)
                return;
        make_printable(printable, sizeof printable, text);
        (void)pam_prompt(call->pamh, style, NULL, "%s", printable);
}

int call_password(const struct call *call, int item, const char *prompt, struct secret *password, enum reason *refusal) {
        const char *typed = NULL;
        int r = pam_get_authtok(call->pamh, item, &typed, prompt);
        if (r == PAM_CONV_AGAIN)
                return PAM_INCOMPLETE;
        if (r != PAM_SUCCESS)
                return r;
        size_t len = typed ? strlen(typed) : 0;
        *refusal = len == 0 ? REASON_EMPTY_PASSWORD : len > SECRET_MAX ? REASON_BAD_PASSWORD : REASON_OK;
        /* An over-long password does not fit the message: one NUL, refused as bad-password by everybody, stands for it. */
        if (*refusal == REASON_BAD_PASSWORD)
                (void)secret_set(password, "", 1);
        else
                (void)secret_set(password, typed, len);
        return PAM_SUCCESS;
}
