/* The throttle (rule L11), per folded name: from the sixth wrong password in a row, 1 s, doubling up to 60 s.
 * Relies on: base. The time comes in as a value.
 * Must never: count anything but wrong passwords; grow without bound (the oldest names are forgotten past THROTTLE_NAMES_MAX, those under
 * a delay last). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_NAMES_MAX 65536

struct throttle; /* opaque */

struct throttle *throttle_new(void); /* NULL when memory is out */
void throttle_free(struct throttle *throttle);
/* Whether a try for the name is refused now. */
bool throttle_refuses(const struct throttle *throttle, const char *name, uint64_t now_ms);
void throttle_wrong(struct throttle *throttle, const char *name, uint64_t now_ms);
void throttle_right(struct throttle *throttle, const char *name);
