/* Who waits for a directory's synchronisation; see supervisor/sync.h.
 * Relies on: supervisor/sync_internal.h.
 * Must never: call somebody twice, or one who waits no more. */
#include "multidird/supervisor/sync_internal.h"

bool sync_waits_more(const struct sync *sync) {
        for (const struct sync_wait *wait = sync->waits; wait; wait = wait->next)
                if (wait->run > sync->runs)
                        return true;
        return false;
}

void sync_waits_answer(struct sync *sync, uint64_t run) {
        struct sync_wait *all = sync->waits;
        sync->waits = NULL;
        while (all) {
                struct sync_wait *wait = all, **list = wait->run <= run ? &sync->answered : &sync->waits;
                all = wait->next;
                wait->next = *list;
                *list = wait;
        }
        while (sync->answered) {
                struct sync_wait *wait = sync->answered;
                sync->answered = wait->next;
                wait->sync = NULL;
                wait->done(wait->userdata);
        }
}

static void take_out(struct sync_wait **list, const struct sync_wait *wait) {
        for (struct sync_wait **at = list; *at; at = &(*at)->next)
                if (*at == wait) {
                        *at = wait->next;
                        return;
                }
}

void sync_wait_cancel(struct sync_wait *wait) {
        if (!wait->sync)
                return;
        take_out(&wait->sync->waits, wait);
        take_out(&wait->sync->answered, wait);
        wait->sync = NULL;
}
