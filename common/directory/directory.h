/* The one interface behind which every kind of directory lives. A kind is one file with one `const struct directory_kind`.
 * Relies on: base, model.
 * Must never: decide a rule. A kind answers what its directory says: FOUND, NOT FOUND, UNAVAILABLE; the password right or wrong.
 *
 * Runs in a worker process (network kinds) or in a checker of the keeper's kind (internal). Blocking calls are allowed: the supervisor
 * kills a process at its deadline. To add a kind: CONTRIBUTING.md. */
#pragma once

#include <stdbool.h>

#include "base/sbuf.h"
#include "base/secret.h"
#include "model/change.h"
#include "model/ldap_settings.h"
#include "model/profile.h"
#include "model/password.h"
#include "model/settings.h"
#include "model/sync.h"
#include "rules/login.h" /* the three answers and password_result: plain enums */

struct directory;  /* one opened directory: a kind's own state */

/* What a kind may need to open one directory. Everything in it is borrowed, and must outlive the directory. */
struct directory_opening {
        const struct directory_settings *settings;
        const char *stores;                 /* the folder of NAME.db: internal */
        const struct ldap_settings *ldap;   /* type = ldap, delegated; else NULL */
        const struct secret *bind_password; /* NULL: none */
        uint32_t login_ms;                  /* what a find or a check may take in all; 0: DIRECTORY_LOGIN_MS */
        uint32_t sync_ms;                   /* ... and a synchronisation; 0: DIRECTORY_SYNC_MS */
};
#define DIRECTORY_LOGIN_MS 6000u
#define DIRECTORY_SYNC_MS 600000u

struct directory_entry {
        enum presence presence;               /* of a check that came to nothing: FOUND if it came to the bind, so that it may be this user's trouble alone */
        /* Kinds with a server of their own take the next two as IN too: what the replica knows, or "". OUT: what was found. */
        char entry_id[SYNC_ENTRY_ID_MAX + 1]; /* immutable id; empty unless FOUND */
        char dn[SYNC_DN_MAX + 1];             /* where the password is checked; empty for kinds that have none */
        bool active;
        struct password_notice notice;        /* OUT, of a check that found the password right */
        bool unreachable;                     /* OUT, of an unavailable answer: no server could be asked. Else it is about this entry or this answer only */
        struct user_profile *profile;         /* IN: where what else the server says goes (find, check); NULL: nowhere. Kinds without a server leave it alone */
};

struct directory_sync {
        const char *cookie;            /* IN: what the replica was read up to; "": it is to be read in full */
        bool watch;                    /* IN: go on after the first run, where the server can tell of changes */
        enum sync_keeping keeping;/* OUT: before each end of a run */
        uint64_t end_s;                /* OUT, likewise: when an account that is active may end (wall clock), and the next run is due; 0: none is known to */
        bool full_needed;              /* OUT, of a failure: what has changed cannot be told; the next one must be full */
        bool lost;                     /* OUT, of a failure: a watch ended between two runs, which were complete */
};

/* Of the account that a directory binds as. */
enum account_word {
        ACCOUNT_NO_WORD = 0, /* nobody has bound as it */
        ACCOUNT_REFUSED,     /* the last bind as it was refused: for what it is, or its password */
        ACCOUNT_TAKEN,       /* ... was taken */
};

struct directory_kind {
        enum directory_type type;
        const char *name;        /* the word of `type =` */
        /* Opens it; asks no server yet. 0 or a negative errno. */
        int (*open)(const struct directory_opening *opening, struct directory **directory);
        void (*close)(struct directory *directory);
        /* Does the directory have the user? Never fails: an error is PRESENCE_UNAVAILABLE. */
        void (*find)(struct directory *directory, const char *user, struct directory_entry *entry);
        /* Checks the password and tells the entry that was checked and its active flag. The password has passed L8. With an entry_id given:
         * CHECK_NOT_FOUND unless that very entry is still called user: it is looked for at dn first, then by name, and *entry says where it was. */
        enum password_result (*check)(struct directory *directory, const char *user, const struct secret *password, struct directory_entry *entry);
        /* Sets the password of that very entry (entry_id and dn as for check). old: what it is now; NULL: the directory's own account sets it, whatever
         * it is. Both have passed L8. *why: for whoever chose the new one, a sentence; or "". NULL: it is not set this way. */
        enum password_set (*set_password)(struct directory *directory, const char *user, const struct secret *old, const struct secret *new,
                                          struct directory_entry *entry, struct sbuf *why);
        /* Makes one change at the server, as the directory's own account. password: that CHANGE_SET_PASSWORD or ADD_USER sets, L8 passed; NULL: none. Never
         * fails: *result says. NULL: the directory is not changed this way. */
        void (*change)(struct directory *directory, const struct directory_change *change, const struct secret *password, struct change_result *result);
        /* Spends what a check costs, on nothing (L9); nothing where that cannot be done. */
        void (*check_dummy)(struct directory *directory, const struct secret *password);
        /* Reads everything into the sink, or what has changed since the cookie (D5): runs from begin to end. 0: the last one is complete and there is
         * nothing to watch; *why then has what the log was told, such as entries without a name. Else a negative errno, and what happened as a sentence in
         * *why: the run that was under way is none. NULL: the kind has nothing to read, its store is the directory. */
        int (*sync)(struct directory *directory, struct directory_sync *request, const struct sync_sink *sink, struct sbuf *why);
        /* For `directory test`: asks the server for as much as proves that the settings work, a line each to *report. 0 or a negative errno,
         * the last line then says why. NULL: there is no server. */
        int (*test)(struct directory *directory, struct sbuf *report);
        /* Does the server answer at all, within limit_ms? Nobody is bound for it. 0, or a negative errno and a sentence in *why. NULL: there is no server. */
        int (*probe)(struct directory *directory, uint32_t limit_ms, struct sbuf *why);
        /* What the server has said of the directory's own account since this was asked last; *why: the words of a refusal. NULL: there is no such account. */
        enum account_word (*take_account)(struct directory *directory, struct sbuf *why);
};

extern const struct directory_kind directory_internal, directory_ldap, directory_delegated;

/* The kind for a type, or NULL: this version has none. */
const struct directory_kind *directory_kind_for(enum directory_type type);
/* The kind's type for a configuration word; DIRECTORY_TYPE_NONE if this version has none. directory_kind_names() lists what it has: "internal, ldap, delegated". */
enum directory_type directory_type_from_name(const char *name);
const char *directory_kind_names(void);
