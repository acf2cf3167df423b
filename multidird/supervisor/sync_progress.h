/* How far synchronisations are that somebody waits for, as far as that can be said: no server says how many entries it has.
 * Relies on: nothing.
 * Must never: say that something is done that still runs; trust a worker's number. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNC_PROGRESS_TEXT 80

/* Zeroed: of none. */
struct sync_progress {
        uint64_t done, total;
        bool unknown; /* of one of them it cannot be said how much there is */
};

/* One more directory. read: entries so far; had: how many there are, or were the last time (0: nobody knows); ended: nothing is read any more. */
void sync_progress_add(struct sync_progress *progress, bool ended, uint64_t read, uint64_t had);

/* For whoever waits: {"done","total"}, of which total is an estimate, and more than done until all have ended; {"done"} where there is none; {} before
 * anything was read. */
void sync_progress_text(const struct sync_progress *progress, char text[static SYNC_PROGRESS_TEXT]);
