/* Patches that an attacking keeper hands in; see hook.c.
 * Relies on: view/patch.
 * Must never: be linked into the product. */
#pragma once

/* The patch that makes next of base (descriptors of views of one size, taken), spoilt as the word says. A sealed descriptor, or -1. */
int evil_patch(const char *word, int base, int next);
