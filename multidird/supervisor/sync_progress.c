/* How far synchronisations are; see supervisor/sync_progress.h.
 * Relies on: nothing.
 * Must never: overflow. */
#include "multidird/supervisor/sync_progress.h"

#include <stdio.h>

#define MOST (UINT64_C(1) << 40) /* of one: more than any directory has, and the sum of all of them fits JSON's integers */

static uint64_t most(uint64_t number) {
        return number < MOST ? number : MOST;
}

void sync_progress_add(struct sync_progress *progress, bool ended, uint64_t read, uint64_t had) {
        uint64_t all = most(had), done = ended ? all : most(read);
        progress->done += done;
        progress->total += ended || all > done ? all : done + 1;
        progress->unknown = progress->unknown || (!ended && had == 0);
}

void sync_progress_text(const struct sync_progress *progress, char text[static SYNC_PROGRESS_TEXT]) {
        unsigned long long done = progress->done, total = progress->total;
        if (done == 0)
                (void)snprintf(text, SYNC_PROGRESS_TEXT, "{}");
        else if (progress->unknown)
                (void)snprintf(text, SYNC_PROGRESS_TEXT, "{\"done\":%llu}", done);
        else
                (void)snprintf(text, SYNC_PROGRESS_TEXT, "{\"done\":%llu,\"total\":%llu}", done, total);
}
