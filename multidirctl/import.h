/* Files of users or groups to import: rows, and the lines that are bad.
 * Relies on: base/arena.
 * Must never: change what stands in a row; leave a bad line unnamed. */
#pragma once

#include "base/arena.h"
#include "base/name_map.h"
#include "base/sbuf.h"
#include "multidirctl/ctl.h"

enum import_kind { IMPORT_USERS, IMPORT_GROUPS };

enum import_field {
        IMPORT_NAME,
        IMPORT_DISPLAY_NAME,
        IMPORT_EMAIL,
        IMPORT_UID,
        IMPORT_GID,
        IMPORT_HOME,
        IMPORT_SHELL,
        IMPORT_SSH_KEYS,
        IMPORT_PASSWORD,  /* plain: hashed here, never sent */
        IMPORT_HASH,
        IMPORT_ACTIVE,
        IMPORT_DESCRIPTION,
        IMPORT_GROUPS_LIST,
        IMPORT_MEMBERS_LIST,
        IMPORT_FIELDS
};

struct import_list { const char **items; uint32_t count, size; };
struct import_row {
        uint32_t line;
        const char *texts[IMPORT_GROUPS_LIST]; /* by field; NULL: not given */
        struct import_list groups;             /* users: groups they are in; groups: child groups */
        struct import_list members;            /* groups: users in it */
        struct import_list attributes;         /* key, value, key, value, … */
};

struct import_error { uint32_t line; char *text; };

struct import_table {
        enum import_kind kind;
        struct arena arena;           /* of all texts */
        struct import_row *rows;
        size_t count, size;
        struct import_error *errors;
        size_t error_count, error_size;
        size_t passed_over;           /* LDIF: entries of another kind */
        bool out_of_memory;
};

void import_table_done(struct import_table *table);
/* Notes a bad line. */
void import_bad(struct import_table *table, uint32_t line, const char *format, ...) _printf_(3, 4);
/* A new row; NULL when memory is out (noted in the table). */
struct import_row *import_new_row(struct import_table *table, uint32_t line);
/* Sets a field from the file's text, which is copied and checked: numbers are numbers, "active" is yes or no, all is UTF-8. Lists are split at ','
 * and ';'. An empty text sets nothing. */
void import_set(struct import_table *table, struct import_row *row, enum import_field field, const char *text);
/* Adds one name to a list, as it is. */
void import_add(struct import_table *table, struct import_row *row, struct import_list *list, const char *text);
/* An attribute of the user. */
void import_add_attribute(struct import_table *table, struct import_row *row, const char *key, const char *value);

/* RFC 4180 with a header line. text[0..len) may be anything. */
void import_csv(struct import_table *table, const char *text, size_t len);
/* RFC 2849. Entries of another kind are passed over and counted. */
void import_ldif(struct import_table *table, const char *text, size_t len);
/* Which of the two a text is: LDIF starts with "dn:" or "version:" after comments. */
bool import_is_ldif(const char *text, size_t len);

/* Field by the CSV column's name for that kind; IMPORT_FIELDS: none. */
enum import_field import_field_by_column(enum import_kind kind, const char *column);
/* The names of all columns, for an error. */
void import_columns(enum import_kind kind, struct sbuf *out);

/* The row as the service takes it; NULL when memory is out. with_ids false: uid and gid are left out. */
json_t *import_row_json(const struct import_table *table, const struct import_row *row, bool with_ids);

/* Hashes every plain password of the table, on all processors, with a progress bar. 0 or a negative errno. */
int import_hash_passwords(const struct ctl *ctl, struct import_table *table);
