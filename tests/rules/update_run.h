/* Runs the planner over what the naive model describes, and writes its plan as naive_update() does.
 * Relies on: rules/update, naive.h.
 * Must never: decide. */
#pragma once

#include "naive.h"
#include "rules/update.h"

/* The order's position p is the directory (p + shift) % count of the settings; positions are what is written. */
void update_run(const struct naive_update *in, size_t shift, struct update_plan *plan, char *out, size_t size);

/* Runs it, and fails the test, with the request described, unless it is what the naive model says (and want, where given). */
void update_compare(const struct naive_update *in, size_t shift, const char *want, const char *what);
