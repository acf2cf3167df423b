/* What the parts of multidirctl share: where it prints, the shape of a command.
 * Relies on: jansson, base.
 * Must never: hold a secret outside the fields of a request (main wipes them). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "wire/exit.h"

#define _cleanup_json_ _cleanup_(json_decrefp)

/* One run of the command. */
struct ctl {
        FILE *out, *err;
        bool json;                /* --json: one object on out */
        bool colour;              /* out is a terminal, and NO_COLOR is not set */
        bool progress;            /* err is a terminal: progress bars */
        const char *root;         /* "" but in tests: put before every path of the host */
        const char *admin_socket;
};

/* Text of "ROOT/path"; malloc'ed, NULL when memory is out. */
char *ctl_path(const struct ctl *ctl, const char *path);

/* Runs a command that multidirctl answers itself. fields: what was given on the command line, by the names of the command's row.
 * Gives the object that --json prints (NULL when memory is out) and *exit. */
typedef json_t *command_run(struct ctl *ctl, const json_t *fields, int *exit);
/* Prints an object for people. */
typedef void command_render(struct ctl *ctl, const json_t *object);

enum argument_kind { ARGUMENT_NONE = 0, ARGUMENT_ONE, ARGUMENT_OPTIONAL, ARGUMENT_MANY /* the last; one or more */ };
struct argument {
        enum argument_kind kind;
        const char *field;        /* in the request */
        const char *shown;        /* in the help */
};
#define COMMAND_ARGUMENTS 3

struct command {
        const char *words;        /* "user add" */
        struct argument arguments[COMMAND_ARGUMENTS];
        uint32_t options;         /* of enum option_bit */
        command_run *run;         /* NULL: the service answers */
        command_render *render;   /* NULL: render_object */
        const char *help;         /* one line */
};

enum option_bit {
        OPTION_APPLICATION = 1u << 0,
        OPTION_DIRECTORY = 1u << 1,
        OPTION_SCOPE = OPTION_APPLICATION | OPTION_DIRECTORY, /* one of them at a time */
        OPTION_PASSWORD_STDIN = 1u << 2,
        OPTION_DISPLAY_NAME = 1u << 3,
        OPTION_EMAIL = 1u << 4,
        OPTION_UID = 1u << 5,
        OPTION_GID = 1u << 6,
        OPTION_HOME = 1u << 7,
        OPTION_SHELL = 1u << 8,
        OPTION_ATTRIBUTE = 1u << 9,
        OPTION_SSH_KEYS = 1u << 10,
        OPTION_UNMASK = 1u << 11,
        OPTION_DESCRIPTION = 1u << 12,
        OPTION_MEMBER_GROUP = 1u << 13,
        OPTION_ACCEPT_GROUP = 1u << 14,
        OPTION_SERVICE = 1u << 15,
        OPTION_DRY_RUN = 1u << 16,
        OPTION_END = 1u << 17,
        OPTION_IGNORE_IDS = 1u << 18,
        OPTION_FULL = 1u << 19,
        OPTION_FORCE = 1u << 20,
        OPTION_USER_FIELDS = OPTION_PASSWORD_STDIN | OPTION_DISPLAY_NAME | OPTION_EMAIL | OPTION_UID | OPTION_GID | OPTION_HOME | OPTION_SHELL |
                OPTION_ATTRIBUTE | OPTION_SSH_KEYS,
};

/* The table, up to a row whose words are NULL. */
extern const struct command commands[];

/* The error object {"error":{"reason","text"}}, and *exit set. */
json_t *ctl_error(int *exit, enum exit_status status, const char *reason, const char *format, ...) _printf_(4, 5);
/* The "changes" object: {"result","reason","changed":[],"skipped":[]}. */
json_t *ctl_changes(const char *result, const char *reason);
/* A field that is a text; NULL if it is not there. Owned by the fields. */
const char *ctl_field(const json_t *fields, const char *name);
/* A JSON text; bytes that are not UTF-8 become '?'. */
json_t *ctl_text(const char *text);

/* Commands answered here, by file. */
command_run check_run;                                      /* check.c */
command_run application_set_run, permission_set_run;        /* runtime_settings.c */
command_run permission_list_run;
command_run view_list_run, ssh_keys_run;                    /* view_commands.c */
command_run view_diff_run;                                  /* view_diff.c */
command_run enable_run, disable_run;                        /* enable.c */
command_run user_import_run, group_import_run;              /* import.c */
command_render render_names, render_changes, render_explain_login, render_check, render_ssh_keys, render_view_diff, render_import; /* render.c */
command_render render_status, render_directory; /* render_state.c */
