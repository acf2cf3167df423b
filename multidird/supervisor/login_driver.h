/* The login machine's hands: performs what rules/login.c asks for, on this host.
 * Relies on: rules/login, multidird/supervisor/pool, multidird/supervisor/sync, the installed view, the keeper for what
 * the view does not say.
 * Must never: decide; send a password anywhere but to the owner's checkers; take longer than login_deadline; let the time of a denial tell which
 * hash was checked, or that none was (L9). */
#pragma once

#include "base/secret.h"
#include "model/password.h"
#include "model/sync.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/service.h"
#include "rules/login.h"
#include "wire/message.h"

struct login_request {
        const char *user, *service, *application; /* application "": the one that serves the PAM service */
        const char *rhost, *tty;                  /* for the log */
        const struct secret *password;            /* NULL: explain without one */
        bool over_long;                           /* the password did not fit into a secret (L8); password is then empty */
        const char *purpose;                      /* "login", "explain", "password change": for the log. Static */
        bool dry;                                 /* puts nothing on record (D3) */
};

struct login_run;
/* Called once, from the loop, never before login_run_start returned. The run is freed afterwards. */
typedef void (*login_done_fn)(const struct login_run *run, void *userdata);

struct login_run {
        struct service *service;
        struct configuration *configuration; /* a reference */
        struct login login;                  /* the machine; next == LOGIN_DONE when done is called */
        size_t application;                  /* index in the settings */
        char user[WIRE_NAME_MAX + 1];        /* as typed */
        char pam_service[WIRE_NAME_MAX + 1], rhost[WIRE_NAME_MAX + 1], tty[WIRE_NAME_MAX + 1];
        char name[WIRE_NAME_MAX + 1];        /* the published spelling, "" when the view has no such user */
        char entry_id[WIRE_NAME_MAX + 1];    /* of the entry that was found, then checked, at login.owner */
        char dn[SYNC_DN_MAX + 1];            /* where its server has it; "": not known, or it has none */
        char external_id[SYNC_ENTRY_ID_MAX + 1]; /* D3: the server's entry on record for the user; after the check, the one that was checked */
        struct user_profile profile;         /* D3: what the server says of it */
        bool active;                         /* D3: the local flag of the user */
        bool awaited;                        /* D3: the keeper was asked whether the view is still to show the user */
        bool dry;
        struct password_notice notice;       /* what the owner's server said of a right password */
        const char *purpose;
        struct secret password;
        uint64_t started_ms, deadline_ms;
        uint64_t check_ms;                   /* when a checker got the password, or the dummy; 0: none has */
        sd_event_source *start, *deadline, *held;
        struct job *job;
        struct ask ask;
        login_done_fn done;
        void *userdata;
};

/* Copies what it needs. 0 or a negative errno (then done is not called). */
int login_run_start(struct service *service, const struct login_request *request, login_done_fn done, void *userdata, struct login_run **run);
/* done will not be called. */
void login_run_cancel(struct login_run *run);

/* What the outside may learn of a denial (L9): ok, wrong-password, user-not-found, unavailable, throttled, or password-expired (L7). */
enum reason login_outside_reason(const struct login_run *run);

/* A name as the log shows it between quotes: what could be taken for the end of it is replaced. Cut at WIRE_NAME_MAX bytes. */
void login_quote(const char *text, char out[WIRE_NAME_MAX + 1]);

/* The entry that the view gives the application's owner of a name, and host's: false when there is none, or the view does not say.
 * Texts point into the view. */
bool login_view_access(const struct service *service, const char *user, const char *application, struct view_user *found,
                       struct view_access *access);
