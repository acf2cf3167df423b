/* The syscall filters: a list per role of what it may call; anything else kills the process.
 * Relies on: libseccomp.
 * Must never: list what makes a socket (but for a worker), runs a program, or changes who the process is. */
#pragma once

#include "multidird/sandbox/sandbox.h"

/* Sets the role's filter for good. 0, -ENOMEM, or libseccomp's negative errno. */
int syscall_filter_enter(const struct sandbox *sandbox);
