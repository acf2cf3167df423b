/* Time, in milliseconds (monotonic, for deadlines) and seconds (wall clock, for ages that survive a restart).
 * Relies on: clock_gettime.
 * Must never: be called from rules/ (the rules get the time as a value). */
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_monotonic_ms(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline uint64_t clock_real_s(void) {
        return (uint64_t)time(NULL);
}
