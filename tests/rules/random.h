/* Random numbers for the tests: the same seed gives the same run.
 * Relies on: nothing.
 * Must never: be used outside tests. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random { uint64_t state; };

/* splitmix64 */
static inline uint64_t random_next(struct random *random) {
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static inline int random_below(struct random *random, int limit) {
        return (int)(random_next(random) % (unsigned)limit);
}

/* True in one of `in` cases. */
static inline bool random_one_in(struct random *random, int in) {
        return random_below(random, in) == 0;
}

static inline char random_of(struct random *random, const char *letters, int count) {
        return letters[random_below(random, count)];
}

/* The seed of the run: MULTIDIR_SEED, else from the clock; printed, so that a failure can be run again. */
static inline uint64_t random_seed(void) {
        const char *text = getenv("MULTIDIR_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) * UINT64_C(1000003);
        printf("MULTIDIR_SEED=%llu\n", (unsigned long long)seed);
        fflush(stdout);
        return seed;
}
