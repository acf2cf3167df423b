/* The administrator's commands that the keeper answers: one JSON request, one JSON object, one exit status.
 * Relies on: multidird/keeper/state, multidird/keeper/build, rules/update.
 * Must never: crash or exit on a bad request; change a part of what as a whole is refused. */
#pragma once

#include <jansson.h>

#include "multidird/keeper/json.h"
#include "multidird/keeper/state.h"

/* Runs one request {"command": "user add", "application": … | "directory": …, fields…} and gives the object that --json prints, and the
 * exit status. Never NULL but when memory is out. A change leaves the view out of date (keeper_is_dirty): the answer is not to be given
 * before the view that has it is installed. */
json_t *keeper_command(struct keeper *keeper, const json_t *request, int *exit);

/* Whether it is a command that may change users or groups; NULL: no. */
bool keeper_command_changes(const char *name);

/* The name that a change makes, changes or takes away: borrowed from the request; NULL: it is no change of one name. */
const char *keeper_subject(const json_t *request, enum name_kind *kind);
/* Says why the last view withholds or refuses that name, and what lets it in (I5); NULL: nothing of it is withheld, or memory is out. */
json_t *keeper_withheld_text(const struct keeper *keeper, enum name_kind kind, const char *name);

/* What a handler gets. */
struct keeper_call {
        struct keeper *keeper;
        const json_t *request;
        const struct keeper_row *row;
        struct keeper_scope *scope; /* NULL for commands without a selector */
        bool dry;                   /* explain update: say what would be done */
        int exit;                   /* out; EXIT_DONE before */
};
typedef json_t *keeper_handler(struct keeper_call *call);

/* What a field of a request may hold; checked before the handler runs. */
enum keeper_field_type {
        FIELD_END = 0,
        FIELD_TEXT,    /* a string without NUL, at most FIELD_TEXT_MAX bytes */
        FIELD_SECRET,  /* any string */
        FIELD_ID,      /* 1 to 2^32 - 2 */
        FIELD_BOOL,
        FIELD_TEXTS,   /* an array of FIELD_TEXT, not empty */
        FIELD_PAIRS,   /* an object of FIELD_TEXT */
        FIELD_OBJECT,
        FIELD_ARRAY,
};
#define FIELD_TEXT_MAX 65536u
#define FIELD_REQUIRED 0x100u

struct keeper_field { const char *name; unsigned type; };
enum keeper_selector { SELECTOR_NONE = 0, SELECTOR_SCOPE };

struct keeper_row {
        const char *name;
        keeper_handler *handler;
        enum keeper_selector selector;
        bool changes;                 /* explain update can be asked about it */
        const struct keeper_field *fields; /* up to FIELD_END; "command" and the selector's two are understood */
};

/* Checks that an object has no other fields than these, each of its type. NULL: it is so; else the error for the answer. */
json_t *keeper_check_fields(const json_t *object, const struct keeper_field *fields, bool is_request, bool selector);

/* keeper/table.c runs the inner request of explain update through this. */
json_t *keeper_run(struct keeper *keeper, const json_t *request, bool dry, int *exit);

/* Handlers, by file. */
keeper_handler keeper_user_list, keeper_user_show, keeper_group_list, keeper_group_show;              /* keeper/show.c */
keeper_handler keeper_user_add, keeper_user_modify, keeper_user_rename, keeper_user_remove;           /* keeper/user.c */
keeper_handler keeper_user_password, keeper_user_activate, keeper_user_deactivate;
keeper_handler keeper_group_add, keeper_group_modify, keeper_group_remove;                            /* keeper/group.c */
keeper_handler keeper_member_add, keeper_member_remove;
keeper_handler keeper_import_begin, keeper_import_rows, keeper_import_end, keeper_import_errors;      /* keeper/import.c */
keeper_handler keeper_explain_groups, keeper_explain_group, keeper_explain_update;                    /* keeper/explain.c */
keeper_handler keeper_masked_list, keeper_accept;                                                     /* keeper/masked.c */
keeper_handler keeper_directory_list, keeper_directory_show, keeper_application_list, keeper_application_show; /* keeper/settings.c */
keeper_handler keeper_directory_sync;                                                                 /* keeper/sync.c */
