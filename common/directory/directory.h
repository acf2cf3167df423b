/* The one interface behind which every kind of directory lives. A kind is one file with one `const struct directory_kind`.
 * Relies on: base, model.
 * Must never: decide a rule. A kind answers what its directory says: FOUND, NOT FOUND, UNAVAILABLE; the password right or wrong.
 *
 * Runs in a worker process (network kinds) or in a checker of the keeper's kind (internal). Blocking calls are allowed: the supervisor
 * kills a process at its deadline. To add a kind: CONTRIBUTING.md. */
#pragma once

#include <stdbool.h>

#include "base/secret.h"
#include "model/settings.h"
#include "rules/login.h" /* the three answers and password_result: plain enums */

struct directory;  /* one opened directory: a kind's own state */

struct directory_entry {
        enum presence presence;
        char entry_id[64];       /* immutable id; empty unless FOUND */
        bool active;
};

struct directory_kind {
        enum directory_type type;
        const char *name;        /* the word of `type =` */
        /* Opens it. stores: the folder of NAME.db (internal; NULL for network kinds). 0 or a negative errno. */
        int (*open)(const struct directory_settings *settings, const char *stores, struct directory **directory);
        void (*close)(struct directory *directory);
        /* Does the directory have the user? Never fails: an error is PRESENCE_UNAVAILABLE. */
        void (*find)(struct directory *directory, const char *user, struct directory_entry *entry);
        /* Checks the password and tells the entry that was checked and its active flag. The password has passed L8. */
        enum password_result (*check)(struct directory *directory, const char *user, const struct secret *password, struct directory_entry *entry);
        /* Spends what a check costs, on nothing (L9). */
        void (*check_dummy)(struct directory *directory, const struct secret *password);
};

extern const struct directory_kind directory_internal;

/* The kind for a type, or NULL: this version has none. */
const struct directory_kind *directory_kind_for(enum directory_type type);
/* The kind's type for a configuration word; DIRECTORY_TYPE_NONE if this version has none. directory_kind_names() lists what it has: "internal". */
enum directory_type directory_type_from_name(const char *name);
const char *directory_kind_names(void);
