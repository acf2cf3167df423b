/* What the keeper holds: the configuration, a store and a replica per directory, the id registry, the last built view.
 * Relies on: config, replica/, model/, rules/membership, view/.
 * Must never: talk to the supervisor (keeper/keeper.c does), or open a file outside its stores folder. Single thread.
 *
 * Whatever makes the view out of date goes through keeper_touch(); keeper_build() catches up. So commands are tested without a socket. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/name_map.h"
#include "config/config.h"
#include "model/local.h"
#include "model/registry.h"
#include "model/replica.h"
#include "replica/logins.h"
#include "replica/registry_store.h"
#include "replica/store.h"
#include "rules/membership.h"
#include "view/compile.h"
#include "view/reader.h"

struct keeper_import;  /* keeper/import.h */
struct keeper_planned; /* keeper/handover.h */
struct keeper_left;    /* keeper/leaving.h */

/* What this host's own changes take away from a directory at its server: the next synchronisations will not find it, and that is no loss (D5). */
struct keeper_leaving { uint32_t users, groups; uint64_t memberships, until_ms; };

/* What went in deltas, one after the other (keeper/intake_guard.h). */
struct keeper_losses {
        uint64_t since_ms;     /* 0: nothing yet */
        uint64_t old_users, old_groups, old_memberships, users, groups, memberships;
};

struct keeper_directory {
        const char *name;      /* owned by the configuration */
        enum directory_type type;
        struct store *store;   /* NULL: it could not be opened; tried again before every build and change */
        bool stale;            /* the replica is older than the store: it counts as unavailable until it is loaded again */
        char error[256];       /* of the last failure; "" when all is well */
        struct keeper_leaving leaving; /* until until_ms, or until it is gone */
        char sync_error[512];  /* why the last synchronisation failed; "" after a good one, or none */
        bool full_needed;      /* the store cannot go on from its cookie: the next run is a full one */
        bool unsettled;        /* ... it can, but what was told since the last full run was perhaps not all: likewise, and soon */
        uint64_t full_s;       /* when the last full run began; 0: not known */
        struct keeper_losses losses;
        unsigned followed;     /* deltas that the replica followed row by row, since its memberships were last measured as a whole */
};

struct keeper_accepted { struct keeper_accepted *next; enum name_kind kind; char *name; };

struct keeper {
        char *folder;
        struct config *config;             /* NULL until the first good one */
        struct local_accounts *local;      /* NULL until keeper_set_local */
        struct keeper_directory *directories; /* by index of config->settings, like the three below */
        size_t directory_count;
        struct replica **replicas;         /* NULL: none could be loaded yet, or there has been none that was complete (D6) */
        struct closure **closures;         /* made when first asked for; NULL before */
        struct direct_groups *direct;      /* likewise; first == NULL before */
        struct registry_store *registry_store;
        struct registry *registry;
        struct keeper_accepted *accepted;  /* names that the next build may give a new owner or id (I5); the last one first */
        bool accepted_loaded;              /* what an earlier run left is in the list */
        struct logins *logins;             /* NULL: could not be opened; logins are then not recorded */
        struct compile_result masked;      /* of the view below */
        struct view view;                  /* the last built one; base == NULL: none yet */
        bool registry_lost;                /* ids.db was not there though this host has had a view */
        bool has_published;                /* this host has a view, from this run or an earlier one */
        bool view_file;                    /* it is mapped from the published file, and unchanged: the next one may be made of it */
        int view_fd;                       /* its sealed memory, or that of a patch, while nobody took it (keeper_take_view); else -1 */
        bool view_patch;                   /* that, or what was taken last, is a patch */
        uint64_t generation, generation_bound; /* of the last view; what the disk says that no earlier run went beyond */
        bool everybody;                    /* since the last build more has changed than the users of `changed` */
        struct name_map changed;           /* their names, before and after */
        struct arena changed_text;
        uint64_t wanted, built;            /* counts of keeper_touch: now, and when the view was built */
        char build_error[640];             /* why the last build failed; "" after a good one */
        struct keeper_import *imports;
        struct keeper_planned *planned;    /* what the last command left to be done at servers; NULL: nothing */
        struct keeper_left *left;          /* what the counts of all `leaving` are made of */
        size_t left_count;
        uint64_t connection;               /* whose command runs: the owner of its import */
        void (*progress)(void *data, uint64_t done, uint64_t total); /* NULL: nobody listens */
        void *progress_data;
};

/* A keeper over a stores folder (copied). NULL when memory is out. */
struct keeper *keeper_new(const char *folder);
void keeper_free(struct keeper *keeper);
DEFINE_CLEANUP(struct keeper *, keeper_free)

/* A new configuration from its texts. Stores and replicas of directories that stay are kept. 0; -EINVAL: errors says what is wrong and
 * nothing has changed; -ENOMEM likewise. A store that cannot be opened is no failure: its directory is then unavailable. */
int keeper_configure(struct keeper *keeper, const struct config_sources *sources, struct sbuf *errors);
/* The local account files' texts; NULL: absent. 0 or -ENOMEM (the former ones stay). */
int keeper_set_local(struct keeper *keeper, const char *passwd, const char *group, const char *subuid, const char *subgid);

/* The view is out of date, and who may be concerned is not known: the next build is of everybody. */
static inline void keeper_touch(struct keeper *keeper) {
        keeper->wanted++;
        keeper->everybody = true;
}
static inline bool keeper_is_dirty(const struct keeper *keeper) { return keeper->wanted != keeper->built; }

static inline const struct settings *keeper_settings(const struct keeper *keeper) { return &keeper->config->settings; }

/* Opens what is closed and loads what is stale. Failures stay in directory->error. */
void keeper_refresh(struct keeper *keeper);
/* The directory's replica is older than its store from now on. */
void keeper_mark_stale(struct keeper *keeper, size_t directory);
/* The same, and there is none until it is loaded: it is of no use any more. */
void keeper_forget(struct keeper *keeper, size_t directory);
/* Loads the directory from its store again, whether that is older or not; the view is out of date from now on. A failure is in
 * directory->error. */
void keeper_reread(struct keeper *keeper, size_t directory);
/* A replica that has just been written to the directory's store (taken): it is not read from there again. content: it differs from the former
 * one; without, the view stays as it is. */
void keeper_adopt(struct keeper *keeper, size_t directory, struct replica *replica, bool content);
/* The replica is as the store is still, which was so at synchronised_s. */
void keeper_confirm(struct keeper *keeper, size_t directory, uint64_t synchronised_s);
/* D5: the last good replica stays; `status` says why (the supervisor logs it). */
void keeper_sync_failed(struct keeper *keeper, size_t directory, const char *why);
/* Whether the replica is as the store is, which may be: none that is complete. */
static inline bool keeper_is_loaded(const struct keeper *keeper, size_t directory) {
        return keeper->directories[directory].store && !keeper->directories[directory].stale;
}
/* The replica, NULL when the directory cannot answer (update_facts: UNAVAILABLE). */
const struct replica *keeper_replica(const struct keeper *keeper, size_t directory);
/* Makes the closure and the table of direct groups of a directory with a replica. 0 or -ENOMEM. */
int keeper_prepare(struct keeper *keeper, size_t directory);

/* Nothing has come for a while: gives back what work needs, and lets the large arrays lie in a file (base/bulk.h). Everything stays as it is. */
void keeper_rest(struct keeper *keeper);

/* What a command looks at: one application, or one directory alone (the console, P3), the same shape for both. Not to be moved: it
 * points into itself. */
struct keeper_scope {
        struct keeper *keeper;
        bool console;
        size_t directory;                  /* the console's; else SETTINGS_NONE */
        const struct application_settings *application; /* never NULL; the console's own has one mapping */
        struct world world;
        struct settings own_settings;      /* the console's: the directory counts as switched on (P3) */
        struct directory_settings *own_directories;
        struct application_settings own_application;
        struct mapping_settings own_mapping;
};
/* application, directory: indexes; exactly one is not SETTINGS_NONE. Prepares every active directory. 0 or -ENOMEM. keeper_scope_done in
 * every case. */
int keeper_scope_init(struct keeper_scope *scope, struct keeper *keeper, size_t application, size_t directory);
void keeper_scope_done(struct keeper_scope *scope);
/* The active directories in order: call with *position 0 first; SETTINGS_NONE after the last. */
size_t keeper_scope_next(const struct keeper_scope *scope, size_t *position);
