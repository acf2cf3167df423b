/* How long a denial takes; see supervisor/pace.h. */
#include "multidird/supervisor/pace.h"

/* The numbers of now_ms's period. */
static struct pace at(const struct pace *pace, uint64_t now_ms) {
        uint64_t period = now_ms / PACE_PERIOD_MS;
        if (pace->period == period)
                return *pace;
        return (struct pace){ .period = period, .before_ms = pace->period + 1 == period ? pace->slowest_ms : 0 };
}

void pace_note(struct pace *pace, uint64_t took_ms, uint64_t now_ms) {
        if (took_ms > PACE_MOST_MS)
                return;
        *pace = at(pace, now_ms);
        if (took_ms > pace->slowest_ms)
                pace->slowest_ms = (uint32_t)took_ms;
}

uint64_t pace_of(const struct pace *pace, uint64_t now_ms) {
        struct pace current = at(pace, now_ms);
        uint64_t slowest = current.slowest_ms > current.before_ms ? current.slowest_ms : current.before_ms;
        /* A quarter more: no two runs of one hash take the same time. */
        uint64_t paced = slowest + slowest / 4;
        return paced > PACE_LEAST_MS ? paced : PACE_LEAST_MS;
}
