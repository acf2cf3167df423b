/* --help: of everything, of commands that start with a word, of one command. All of it from the tables.
 * Relies on: arguments.h.
 * Must never: say what the tables do not. */
#pragma once

#include "multidirctl/arguments.h"

void help_print(struct ctl *ctl, const struct arguments *arguments);
