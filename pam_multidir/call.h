/* One call of a hook: whose name it is about, under which application, and how to speak to the user.
 * Relies on: view/reader, local, options; libpam.
 * Must never: ask the service, or take a name for ours that is in /etc/passwd or that this host gives another uid. */
#pragma once

#include <security/pam_modules.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "code.h"
#include "options.h"
#include "view/reader.h"
#include "wire/message.h"

/* libpam finds the hooks by name; everything else stays inside. */
#define MODULE_HOOK __attribute__((visibility("default")))

struct call {
        pam_handle_t *pamh;
        enum hook hook;
        bool silent;
        struct options options;
        enum identity identity;
        char user[WIRE_NAME_MAX + 1];    /* as typed; "" when it is longer than any name may be */
        char service[WIRE_NAME_MAX + 1];
        struct view view;                /* from here on with IDENTITY_OURS only */
        struct view_user published;
        uint32_t application;
};

/* Fills *call. PAM_SUCCESS, or what pam_get_user said; with PAM_SUCCESS call->identity says how to go on. */
int call_init(struct call *call, pam_handle_t *pamh, enum hook hook, int flags, int argc, const char **argv);

/* Looks again at the view, where the user was not in it before: the service may have made the user meanwhile (D3). call->identity says what came of it. */
void call_look_again(struct call *call);

/* Lets go of the view. Safe on a call that call_init refused. */
void call_done(struct call *call);
#define _cleanup_call_ _cleanup_(call_done)

/* Gives code back; with the option debug the system log gets it too. */
int call_end(const struct call *call, int code);

/* Sets PAM_USER to the published spelling (N1). PAM_SUCCESS or libpam's error. */
int call_publish_user(const struct call *call);

/* Shows one text (PAM_TEXT_INFO or PAM_ERROR_MSG) unless it is empty or the user is to be left alone. That the program cannot show it changes
 * nothing. Control characters become '?'. */
void call_show(const struct call *call, int style, const char *text);

/* The password of an earlier line, or one prompt. item: PAM_AUTHTOK or PAM_OLDAUTHTOK. PAM_SUCCESS and *password set, or libpam's error.
 * *refusal: REASON_OK, or why no directory may see it (L8); what is sent in its place the service refuses for the same reason, so that the answer
 * comes the same way as any other (L9). */
int call_password(const struct call *call, int item, const char *prompt, struct secret *password, enum reason *refusal);
