/* Installing a view: the work of a short-lived child of the supervisor, so that checking, copying and syncing never hold up the loop.
 * Relies on: view/reader (hostile input), view/writer's mark, model/.
 * Must never: let a byte become the view that it has not checked in the root-owned copy; leave the state folder without a complete view at any
 * step, whatever kills it.
 *
 * The state folder: `view`, a hard link to the current one of views/GENERATION (0444). Steps, each complete by itself: copy to a temporary
 * name, check the copy, sync, rename to views/GENERATION, link beside `view`, rename over `view`, sync, mark the former ones, prune. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/local.h"
#include "model/settings.h"
#include "wire/message.h"

#define INSTALLER_KEPT 5      /* former views that are kept for diff and rollback */
#define INSTALLER_MARKER "rollback" /* in the state folder: the generation that a rollback holds */

enum installer_pause { PAUSE_AS_IT_IS = 0, PAUSE_BEGIN, PAUSE_END };

struct installer_job {
        const char *folder;              /* the state folder */
        int source;                      /* the view's bytes: the keeper's sealed memory, or -1: views/GENERATION (a rollback) */
        uint64_t generation;
        const struct settings *settings; /* which local groups the administrator gave away (N4) */
        const struct local_accounts *local;
        enum installer_pause pause;      /* a rollback holds the view until it is ended */
};

/* 0: it is the view now. Else a negative errno, text[WIRE_TEXT_MAX + 1] says why for people, and the former view is in place, complete. */
int installer_install(const struct installer_job *job, char *text);

/* At the start of the service: removes leftovers, marks every kept view but the current one, checks the current one. 0: there is a good view;
 * -ENOENT: there is none; -EBADMSG: it is damaged, text says where (it is left for the readers, who check what they use). Or another errno. */
int installer_tidy(const char *folder, char *text);

/* The newest kept generation; 0: none. */
uint64_t installer_newest(const char *folder);
/* The generation that a rollback holds; 0: none. */
uint64_t installer_held(const char *folder);
