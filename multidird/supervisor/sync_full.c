/* When a full run is due; see supervisor/sync_full.h.
 * Relies on: nothing.
 * Must never: overflow. */
#include "multidird/supervisor/sync_full.h"

enum { PAUSE_LEAST_MS = 15000, END_PAUSE_LEAST_MS = 2500, PAUSE_TIMES = 10, SETTLE_MS = 1000 };
enum { SOON_MS = 60000, AT_ONCE = 3, BETWEEN_LEAST_MS = 30000, BETWEEN_MOST_MS = 300000 };

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

unsigned sync_full_count(unsigned fulls, uint64_t ended_ms_ago) {
        if (ended_ms_ago >= SOON_MS)
                return 1;
        return fulls < AT_ONCE + 1u ? fulls + 1 : fulls;
}

uint64_t sync_full_pause_ms(unsigned fulls, uint64_t took_ms) {
        if (fulls <= AT_ONCE)
                return 0;
        return took_ms < BETWEEN_LEAST_MS ? BETWEEN_LEAST_MS : took_ms < BETWEEN_MOST_MS ? took_ms : BETWEEN_MOST_MS;
}
