/* One command line from its words to its output and exit status.
 * Relies on: arguments, request, render.
 * Must never: exit the process. */
#pragma once

#include "multidirctl/ctl.h"

/* Runs argv (argv[0] is not looked at). Standard input is read where the command asks for a password there. The exit status. */
int ctl_run(struct ctl *ctl, int argc, char *const *argv);
