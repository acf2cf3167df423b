/* When a full run is due; see supervisor/sync_full.h.
 * Relies on: nothing.
 * Must never: overflow. */
#include "multidird/supervisor/sync_full.h"

enum { PAUSE_LEAST_MS = 15000, END_PAUSE_LEAST_MS = 2500, PAUSE_TIMES = 10, SETTLE_MS = 1000 };

uint64_t sync_full_since_ms(uint64_t full_s, uint64_t now_s, uint64_t known_ms) {
        if (full_s == 0)
                return known_ms;
        return full_s > now_s ? SYNC_FULL_MS : (now_s - full_s) * 1000;
}

/* What is left of the pause. */
static uint64_t pause_ms(uint64_t took_ms, uint64_t ended_ms_ago, uint64_t least_ms) {
        uint64_t pause = took_ms < SYNC_FULL_MS / PAUSE_TIMES ? took_ms * PAUSE_TIMES : SYNC_FULL_MS;
        if (pause < least_ms)
                pause = least_ms;
        return ended_ms_ago < pause ? pause - ended_ms_ago : 0;
}

uint64_t sync_full_wait_ms(uint64_t took_ms, uint64_t ended_ms_ago) {
        uint64_t pause = pause_ms(took_ms, ended_ms_ago, PAUSE_LEAST_MS);
        return pause > SETTLE_MS ? pause : SETTLE_MS;
}

uint64_t sync_full_end_wait_ms(uint64_t end_s, uint64_t now_s, uint64_t took_ms, uint64_t ended_ms_ago) {
        uint64_t pause = pause_ms(took_ms, ended_ms_ago, END_PAUSE_LEAST_MS), ahead_s = end_s > now_s ? end_s - now_s : 0;
        uint64_t wait = ahead_s < SYNC_FULL_MS / 1000 ? ahead_s * 1000 : SYNC_FULL_MS;
        wait = wait > pause ? wait : pause;
        return wait > SETTLE_MS ? wait : SETTLE_MS;
}
