/* --help: of everything, of commands that start with a word, of one command. All of it from the tables.
 * Relies on: arguments.h.
 * Must never: say what the tables do not. */
#pragma once

#include "multidirctl/arguments.h"

/* Prints, to ctl->out, the help for the command or the word that the line had; else the list of all commands. */
void help_print(struct ctl *ctl, const struct arguments *arguments);
