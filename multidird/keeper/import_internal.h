/* What the parts of an import share: the rows in compact form, and the list of bad lines.
 * Relies on: base/arena, multidird/keeper/command.
 * Must never: be included outside multidird/keeper/import*.c. */
#pragma once

#include "base/arena.h"
#include "model/name.h"
#include "multidird/keeper/command.h"
#include "multidird/keeper/import.h"

struct import_row {
        uint32_t line;
        const char *name;
        union {
                struct store_user user;    /* name in it too */
                struct store_group group;
        };
        const char **members; size_t member_count; /* groups: users in it */
        const char **groups; size_t group_count;   /* users: groups they are in; groups: child groups */
};

struct keeper_import {
        struct keeper_import *next;
        uint64_t connection;
        enum name_kind kind;
        char *directory;              /* by name: the configuration may change meanwhile */
        bool dry_run;
        struct arena arena;           /* of all texts */
        struct import_row *rows;
        size_t count, size;
        struct name_map names;        /* of the rows */
        json_t *errors;               /* [{"line","text"}] */
        size_t error_count;           /* more than are listed past IMPORT_ERRORS_MAX */
        size_t told;                  /* how many of the list the peer has */
        bool ended;                   /* refused: only the rest of the list is kept for the peer */
};

#define IMPORT_ERRORS_MAX 1000000u    /* bounds the list's memory */
#define IMPORT_ERRORS_PAGE 20000u     /* as many as one answer has room for */
#define IMPORT_ROWS_MAX 20000000u

/* Notes a bad line. */
void import_error(struct keeper_import *import, uint32_t line, const char *format, ...) _printf_(3, 4);
/* One row of JSON to import->rows, its own values checked. 0 (also for a bad row, which is noted) or -ENOMEM. */
int import_add_row(struct keeper *keeper, struct keeper_import *import, const json_t *row);
/* What only all rows together, or the directory, can tell: existing names and ids, memberships, circles. 0 or -ENOMEM. */
int import_check(struct keeper *keeper, struct keeper_import *import, size_t directory);
