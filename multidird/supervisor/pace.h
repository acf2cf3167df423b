/* How long a denial takes (L9): as long as the slowest password check of late, whichever check was its own. A directory may hold hashes that cost
 * more than others (imported ones), and a name that is not there has none at all.
 * Relies on: nothing; the clock is given.
 * Must never: be fed with waiting times: a busy host would answer slower and slower. */
#pragma once

#include <stdint.h>

#define PACE_LEAST_MS 100      /* above what a default hash and the questions around it take */
#define PACE_MOST_MS 2000      /* what takes longer is no hash, but trouble */
#define PACE_PERIOD_MS 600000  /* the slowest check counts in its period and the next */

/* Zeroed memory: nothing was measured yet. */
struct pace { uint64_t period; uint32_t slowest_ms, before_ms; };

/* A check took so long, from the moment that a checker had it. */
void pace_note(struct pace *pace, uint64_t took_ms, uint64_t now_ms);
/* Milliseconds from a login's start to its denial: PACE_LEAST_MS or more. */
uint64_t pace_of(const struct pace *pace, uint64_t now_ms);
