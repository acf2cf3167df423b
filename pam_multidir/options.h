/* The options of the PAM line, read strictly.
 * Relies on: libc.
 * Must never: pass over an option that it does not know: a misspelt one could have been meant to narrow a decision. */
#pragma once

#include <stdbool.h>

struct options {
        const char *application; /* kept by reference; "": by PAM service */
        bool use_first_pass;     /* the password of an earlier line, or none: never a prompt. libpam reads this one and use_authtok itself */
        bool try_first_pass;     /* the password of an earlier line where there is one; as without it */
        bool use_authtok;        /* the new password of an earlier line, never a prompt */
        bool quiet;              /* no texts but prompts */
        bool debug;              /* each answer to the system log */
};

/* Reads argc words of argv. 0, or -EINVAL: *wrong is then the word at fault (unknown, application= empty, too long or given twice), and *options
 * is untouched. */
int options_parse(int argc, const char **argv, struct options *options, const char **wrong);
