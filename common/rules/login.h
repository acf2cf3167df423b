/* The login machine (rules L1 to L8, L12, D3): what to ask next, and the verdict. No I/O, no clock, no globals.
 * Relies on: model/settings, base/reason.
 * Must never: see the password itself; ask a second directory for a password (L2); say allow from zeroed memory.
 *
 *   login_start(&login, …)                 next = what to do first
 *   do { perform next; login_step(&login, &event) } while (login.next != LOGIN_DONE)
 *
 * Every step appends to login.steps: `explain login` prints them, the log line quotes the last one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "model/settings.h"

/* Three answers, never two; zero is the safe one. */
enum presence { PRESENCE_UNAVAILABLE = 0, PRESENCE_FOUND, PRESENCE_NOT_FOUND };

enum password_state {
        PASSWORD_REFUSED = 0, /* over-long or with a NUL: bad-password (L8) */
        PASSWORD_EMPTY,       /* L8 */
        PASSWORD_GIVEN,
        PASSWORD_NOT_GIVEN,   /* explain only: the step is "not-checked", and the chain goes on as if it were right */
};

enum login_next {
        LOGIN_DONE = 0,        /* login.verdict, login.reason */
        LOGIN_ASK_REPLICA,     /* what does the replica of login.directory know of the user? answer with event.replica */
        LOGIN_ASK_LIVE,        /* ask login.directory itself; answer with event.presence. login.newcomer: ask its server */
        LOGIN_CHECK_PASSWORD,  /* check it at login.directory (the owner), answer with event.password */
        LOGIN_CHECK_DUMMY,     /* nobody has the user: spend what a check costs (L9); the answer carries nothing. Not without a password */
        LOGIN_ASK_GATE,        /* is the user in a gate group of login.directory? answer with event.gate */
        LOGIN_ASK_PUBLISHED,   /* which entry does `host` publish under the name? answer with event.published_same, _other (L12) */
        LOGIN_ADMIT,           /* D3: the password is right at the server of login.directory: put on record whose it is, and do what the directory's settings
                                  say (create the user, update it); answer with event.record, and with RECORD_SAME event.active */
};

/* What a replica can say (L5, L6). Fresh: younger than replica_max_age; an internal directory's always is. */
enum replica_knowledge {
        REPLICA_ABSENT = 0,     /* no complete replica */
        REPLICA_HAS_USER,       /* fresh: proof that the user is here */
        REPLICA_LACKS_FRESH,    /* proof that the user is not */
        REPLICA_LACKS_STALE,
        REPLICA_HAS_STALE,      /* asked live; unavailable stops the login whatever on_unavailable says (L5) */
};

/* What the password check can say. An internal directory is its own live server. */
enum password_result {
        CHECK_UNAVAILABLE = 0,
        CHECK_RIGHT,
        CHECK_WRONG,
        CHECK_MUST_CHANGE,      /* right, expired, and the directory lets us change it (L7); whether the application does is the machine's to ask */
        CHECK_EXPIRED,          /* right, expired, and it cannot be changed (L7) */
        CHECK_NOT_FOUND,        /* the entry is gone: counts as a wrong password, and asks for a synchronisation */
        CHECK_DENIED,           /* the server refuses the account, whatever the password: locked, disabled, not now. Says nothing of the password */
};

/* D3: the server's entry whose password was right, beside the one on record for the user. */
enum record_state {
        RECORD_UNKNOWN = 0,
        RECORD_SAME,
        RECORD_NONE,            /* nothing is on record yet; after LOGIN_ADMIT: nobody was created */
        RECORD_OTHER,           /* another one is; or this one is on record for another user */
};

struct login_event {
        enum replica_knowledge replica;   /* after LOGIN_ASK_REPLICA */
        enum presence presence;           /* after LOGIN_ASK_LIVE */
        enum password_result password;    /* after LOGIN_CHECK_PASSWORD */
        bool active;                      /* the owner's flag (L3); zero is inactive. With CHECK_RIGHT, MUST_CHANGE and EXPIRED; and with
                                             REPLICA_HAS_USER and PRESENCE_FOUND, where it counts only if no password was given */
        enum record_state record;         /* after LOGIN_CHECK_PASSWORD in a delegated directory, with CHECK_RIGHT and _EXPIRED; and after LOGIN_ADMIT */
        bool gate;                        /* after LOGIN_ASK_GATE: a member of one of the mapping's allow_groups (L4) */
        bool published_same;              /* after LOGIN_ASK_PUBLISHED: host publishes this very entry (L12) */
        bool published_other;             /* after LOGIN_ASK_PUBLISHED: host publishes another entry under the name (M8) */
};

enum login_verdict { LOGIN_DENY = 0, LOGIN_ALLOW };

struct login_step_record {
        const char *rule;      /* "L1"; static */
        size_t directory;      /* index in settings; SETTINGS_NONE: none */
        enum reason result;    /* REASON_OK: this step let the login go on */
        const char *text;      /* a sentence for people; static */
};
#define LOGIN_STEPS_MAX 512    /* two per mapping and a few; when full the last one is replaced, so that the verdict's is always there */

struct login {
        /* Set by login_start, read by the machine. */
        const struct settings *settings;
        const struct application_settings *application;
        enum password_state password_state;
        /* What to do now. */
        enum login_next next;
        size_t directory;      /* index in settings; SETTINGS_NONE before the first */
        /* The answer, valid when next == LOGIN_DONE. */
        enum login_verdict verdict;
        enum reason reason;
        size_t owner;          /* index in settings; SETTINGS_NONE: nobody has the user, or the owner could not be told */
        bool must_change;      /* allow, but the password must be changed (L7) */
        /* The machine's own. */
        size_t position;       /* in application->mappings */
        bool replica_has;      /* a replica of `directory`, of whatever age, has the user (L5) */
        bool active;           /* what the last event said of the owner's flag (L3) */
        bool passed_over;      /* L5: a directory that could not answer was passed over; it may have the user */
        bool barred;           /* ... and so nobody is created or renamed (U1) */
        bool newcomer;         /* D3: nobody has the user; the servers are asked that may know whom to create, or to rename */
        enum password_result password; /* what the check said; CHECK_RIGHT where none was given */
        size_t step_count;
        struct login_step_record steps[LOGIN_STEPS_MAX]; /* the first step_count of them */
};

/* application: index in settings; one that is none is denied as unavailable. name: REASON_OK, or why the name is refused before anybody is
 * asked (REASON_INVALID_NAME N3, REASON_RESERVED_NAME or REASON_LOCAL_ACCOUNT N4, L12). throttled: L11, told by the caller.
 * Order of refusals: the name, the password's form (L8), the throttle; then the search (L1, L5, L6), the password, L3, L4, L7, L12.
 * The settings must outlive the login. Never fails. */
void login_start(struct login *login, const struct settings *settings, size_t application, enum reason name, enum password_state password,
                 bool throttled);

/* Takes the answer to login->next. Fields of the event that it does not ask for are ignored; a zeroed event is the safe answer to
 * each question. No effect once done. */
void login_step(struct login *login, const struct login_event *event);
