/* Rows of an import; see import.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "multidirctl/import.h"

#define FOR_USERS (1u << IMPORT_USERS)
#define FOR_GROUPS (1u << IMPORT_GROUPS)

/* Columns of CSV files, which are the service's field names too. */
static const struct { const char *name; unsigned kinds; } columns[IMPORT_FIELDS] = {
        [IMPORT_NAME] = { "name", FOR_USERS | FOR_GROUPS },
        [IMPORT_DISPLAY_NAME] = { "display_name", FOR_USERS },
        [IMPORT_EMAIL] = { "email", FOR_USERS },
        [IMPORT_UID] = { "uid", FOR_USERS },
        [IMPORT_GID] = { "gid", FOR_USERS | FOR_GROUPS },
        [IMPORT_HOME] = { "home", FOR_USERS },
        [IMPORT_SHELL] = { "shell", FOR_USERS },
        [IMPORT_SSH_KEYS] = { "ssh_keys", FOR_USERS },
        [IMPORT_PASSWORD] = { "password", FOR_USERS },
        [IMPORT_HASH] = { "hash", FOR_USERS },
        [IMPORT_ACTIVE] = { "active", FOR_USERS },
        [IMPORT_DESCRIPTION] = { "description", FOR_GROUPS },
        [IMPORT_GROUPS_LIST] = { "groups", FOR_USERS | FOR_GROUPS },
        [IMPORT_MEMBERS_LIST] = { "members", FOR_GROUPS },
};

enum import_field import_field_by_column(enum import_kind kind, const char *column) {
        for (unsigned i = 0; i < IMPORT_FIELDS; i++)
                if ((columns[i].kinds & (1u << kind)) && strcmp(columns[i].name, column) == 0)
                        return (enum import_field)i;
        return IMPORT_FIELDS;
}

void import_columns(enum import_kind kind, struct sbuf *out) {
        for (unsigned i = 0; i < IMPORT_FIELDS; i++)
                if (columns[i].kinds & (1u << kind))
                        sbuf_printf(out, "%s%s", i ? ", " : "", columns[i].name);
        if (kind == IMPORT_USERS)
                sbuf_add(out, ", attribute.KEY");
}

void import_table_done(struct import_table *table) {
        /* Plain passwords are in it. */
        for (struct import_row *row = table->rows; row && row < table->rows + table->count; row++)
                if (row->texts[IMPORT_PASSWORD])
                        explicit_bzero((char *)(uintptr_t)row->texts[IMPORT_PASSWORD], strlen(row->texts[IMPORT_PASSWORD]));
        for (size_t i = 0; i < table->error_count; i++)
                free(table->errors[i].text);
        free(table->errors);
        free(table->rows);
        arena_done(&table->arena);
        *table = (struct import_table){ 0 };
}

void import_bad(struct import_table *table, uint32_t line, const char *format, ...) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        if (table->error_count == table->error_size) {
                size_t size = table->error_size ? 2 * table->error_size : 16;
                struct import_error *errors = reallocarray(table->errors, size, sizeof *errors);
                if (!errors) {
                        table->out_of_memory = true;
                        return;
                }
                table->errors = errors;
                table->error_size = size;
        }
        char *taken = sbuf_take(&text);
        if (taken)
                table->errors[table->error_count++] = (struct import_error){ line, taken };
        else
                table->out_of_memory = true;
}

struct import_row *import_new_row(struct import_table *table, uint32_t line) {
        if (table->count == table->size) {
                size_t size = table->size ? 2 * table->size : 256;
                struct import_row *rows = reallocarray(table->rows, size, sizeof *rows);
                if (!rows) {
                        table->out_of_memory = true;
                        return NULL;
                }
                table->rows = rows;
                table->size = size;
        }
        table->rows[table->count] = (struct import_row){ .line = line };
        return &table->rows[table->count++];
}

static const char *copy(struct import_table *table, const char *text, size_t len) {
        const char *made = arena_copy(&table->arena, text, len);
        if (!made)
                table->out_of_memory = true;
        return made;
}

static void push(struct import_table *table, struct import_list *list, const char *text) {
        if (!text)
                return;
        if (list->count == list->size) {
                uint32_t size = list->size ? 2 * list->size : 4;
                const char **items = arena_alloc(&table->arena, size * sizeof *items);
                if (!items) {
                        table->out_of_memory = true;
                        return;
                }
                if (list->count > 0)
                        memcpy(items, list->items, list->count * sizeof *items);
                list->items = items;
                list->size = size;
        }
        list->items[list->count++] = text;
}

void import_add(struct import_table *table, struct import_row *row, struct import_list *list, const char *text) {
        if (!text_is_utf8(text, strlen(text)))
                import_bad(table, row->line, "a name is not valid UTF-8");
        else
                push(table, list, copy(table, text, strlen(text)));
}

void import_add_attribute(struct import_table *table, struct import_row *row, const char *key, const char *value) {
        if (*value == 0)
                return;
        if (!text_is_utf8(value, strlen(value))) {
                import_bad(table, row->line, "attribute.%s: not valid UTF-8", key);
                return;
        }
        push(table, &row->attributes, copy(table, key, strlen(key)));
        push(table, &row->attributes, copy(table, value, strlen(value)));
}

static void split(struct import_table *table, struct import_row *row, struct import_list *list, const char *text) {
        while (*text) {
                size_t len = strcspn(text, ",;"), start = strspn(text, " \t"), end = len;
                while (end > start && (text[end - 1] == ' ' || text[end - 1] == '\t'))
                        end--;
                if (start < end)
                        push(table, list, copy(table, text + start, end - start));
                text += len + (text[len] != 0);
        }
}

static const char *problem(enum import_field field, const char *text) {
        uint32_t number;
        static const char *const states[] = { "yes", "no", "true", "false", "1", "0" };
        if (!text_is_utf8(text, strlen(text)))
                return "not valid UTF-8";
        if (field == IMPORT_UID || field == IMPORT_GID)
                return text_to_u32(text, UINT32_MAX - 1, &number) < 0 || number == 0 ? "not a number from 1 to 4294967294" : NULL;
        if (field == IMPORT_ACTIVE) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (text_same_name(text, states[i]))
                                return NULL;
                return "neither yes nor no";
        }
        return NULL;
}

void import_set(struct import_table *table, struct import_row *row, enum import_field field, const char *text) {
        const char *why = problem(field, text);
        if (*text == 0)
                return;
        if (why && field == IMPORT_PASSWORD)
                import_bad(table, row->line, "password: %s", why); /* never shown */
        else if (why)
                import_bad(table, row->line, "%s: \"%.80s\" is %s", columns[field].name, text, why);
        else if (field == IMPORT_GROUPS_LIST)
                split(table, row, &row->groups, text);
        else if (field == IMPORT_MEMBERS_LIST)
                split(table, row, &row->members, text);
        else
                row->texts[field] = copy(table, text, strlen(text));
}

static bool is_yes(const char *text) {
        return text_same_name(text, "yes") || text_same_name(text, "true") || strcmp(text, "1") == 0;
}

static json_t *list_json(const struct import_list *list) {
        json_t *array = json_array();
        for (uint32_t i = 0; array && i < list->count; i++)
                (void)json_array_append_new(array, json_string(list->items[i]));
        return array;
}

static json_t *field_json(enum import_field field, const char *text) {
        uint32_t number = 0;
        if (field == IMPORT_UID || field == IMPORT_GID)
                return text_to_u32(text, UINT32_MAX, &number) == 0 ? json_integer(number) : NULL;
        return field == IMPORT_ACTIVE ? json_boolean(is_yes(text)) : json_string(text);
}

json_t *import_row_json(const struct import_table *table, const struct import_row *row, bool with_ids) {
        json_t *object = json_pack("{s:I}", "line", (json_int_t)row->line);
        int r = object ? 0 : -1;
        for (unsigned f = 0; f < IMPORT_GROUPS_LIST && r == 0; f++)
                if (row->texts[f] && f != IMPORT_PASSWORD && (with_ids || (f != IMPORT_UID && f != IMPORT_GID)))
                        r = json_object_set_new_nocheck(object, columns[f].name, field_json((enum import_field)f, row->texts[f]));
        if (r == 0 && row->groups.count > 0)
                r = json_object_set_new_nocheck(object, "groups", list_json(&row->groups));
        if (r == 0 && row->members.count > 0)
                r = json_object_set_new_nocheck(object, "members", list_json(&row->members));
        json_t *attributes = r == 0 && row->attributes.count > 0 ? json_object() : NULL;
        for (uint32_t i = 0; attributes && i + 1 < row->attributes.count; i += 2)
                (void)json_object_set_new(attributes, row->attributes.items[i], json_string(row->attributes.items[i + 1]));
        if (attributes)
                r = json_object_set_new_nocheck(object, "attributes", attributes);
        if (r == 0)
                return object;
        json_decref(object);
        return NULL;
}
