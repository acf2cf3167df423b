/* A password for a request: one line of standard input, or asked for on a terminal.
 * Relies on: termios.
 * Must never: echo it; leave a copy behind. */
#pragma once

#include "multidirctl/ctl.h"

/* Puts the first line of a stream, without its line end, into fields["password"]. NULL, or the error object and *exit.
 * Its length and content are the service's to judge (L8), but for what JSON cannot carry. */
json_t *password_from_stream(FILE *from, json_t *fields, int *exit);
/* Asks twice on the terminal of standard input. */
json_t *password_from_terminal(const struct ctl *ctl, json_t *fields, int *exit);
/* A password that is there already: asked for once where standard input is a terminal, else one line of it. */
json_t *password_to_check(const struct ctl *ctl, json_t *fields, int *exit);
/* Wipes every text of a request. */
void password_wipe(json_t *fields);
