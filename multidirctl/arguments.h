/* The command line: words and options in any order -> a command of the table and the fields of its request.
 * Relies on: ctl.h.
 * Must never: read a password from the command line; open a file. */
#pragma once

#include "multidirctl/ctl.h"

struct option_row {
        const char *name;       /* "--uid" */
        const char *value;      /* as the help shows it; NULL: a flag */
        const char *field;      /* in the request */
        enum { OPTION_TEXT, OPTION_NUMBER, OPTION_FLAG, OPTION_PAIR, OPTION_STDIN, OPTION_FILE } type;
        uint32_t bit;
        const char *help;
};
/* Up to a row whose name is NULL. */
extern const struct option_row option_rows[];

struct arguments {
        const struct command *command; /* NULL: none was named (help, version) */
        json_t *fields;                /* owned; the request's, without "command" */
        bool json, help, version;
        bool password_stdin;           /* a password is to be read and put into "password" */
        const char *ssh_keys_file;     /* a file to be read into "ssh_keys" */
        bool update;                   /* explain update: password and keys go into the field "update" */
        const char *topic;             /* for --help without a whole command: the words that were given; NULL: none */
};

/* argv[0] is not looked at. 0, or EXIT_USAGE with *error set to the error object. arguments_done in both cases. */
int arguments_parse(int argc, char *const *argv, struct arguments *arguments, json_t **error);
void arguments_done(struct arguments *arguments);
