/* The rows of an import: from JSON to compact form, each checked by itself; see keeper/import_internal.h. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "directory/password.h"
#include "multidird/keeper/change.h"
#include "multidird/keeper/import_internal.h"

void import_error(struct keeper_import *import, uint32_t line, const char *format, ...) {
        if (import->error_count++ >= IMPORT_ERRORS_MAX)
                return;
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        (void)json_array_append_new(import->errors, json_pack("{s:I, s:o}", "line", (json_int_t)line, "text", keeper_text(sbuf_text(&text))));
}

static const struct keeper_field user_fields[] = {
        { "line", FIELD_ID | FIELD_REQUIRED }, { "name", FIELD_TEXT | FIELD_REQUIRED }, { "display_name", FIELD_TEXT }, { "email", FIELD_TEXT },
        { "uid", FIELD_ID }, { "gid", FIELD_ID }, { "home", FIELD_TEXT }, { "shell", FIELD_TEXT }, { "ssh_keys", FIELD_TEXT }, { "hash", FIELD_TEXT },
        { "active", FIELD_BOOL }, { "groups", FIELD_ARRAY }, { "attributes", FIELD_PAIRS }, { NULL, FIELD_END },
};
static const struct keeper_field group_fields[] = {
        { "line", FIELD_ID | FIELD_REQUIRED }, { "name", FIELD_TEXT | FIELD_REQUIRED }, { "description", FIELD_TEXT }, { "gid", FIELD_ID },
        { "members", FIELD_ARRAY }, { "groups", FIELD_ARRAY }, { NULL, FIELD_END },
};

/* A copy in the import's arena; NULL for a field that is absent or empty. */
static int copy_field(struct keeper_import *import, const json_t *row, const char *field, const char **copy) {
        const char *text = keeper_field(row, field);
        *copy = text && *text ? arena_strdup(&import->arena, text) : NULL;
        return text && *text && !*copy ? -ENOMEM : 0;
}

/* A list of names; what is no text is noted as an error of the line. */
static int copy_names(struct keeper_import *import, uint32_t line, const json_t *row, const char *field, const char ***names, size_t *count) {
        const json_t *array = json_object_get(row, field);
        size_t size = json_array_size(array);
        *names = size ? arena_alloc(&import->arena, size * sizeof **names) : NULL;
        if (size && !*names)
                return -ENOMEM;
        for (size_t i = 0; i < size; i++) {
                const json_t *item = json_array_get(array, i);
                const char *text = json_string_value(item);
                if (!text || strlen(text) != json_string_length(item) || !*text) {
                        import_error(import, line, "%s: a name is empty or no text", field);
                        continue;
                }
                (*names)[*count] = arena_strdup(&import->arena, text);
                if (!(*names)[(*count)++])
                        return -ENOMEM;
        }
        return 0;
}

static int copy_attributes(struct keeper_import *import, struct import_row *row, const json_t *pairs) {
        size_t size = json_object_size(pairs);
        const char **list = size ? arena_alloc(&import->arena, size * sizeof *list) : NULL;
        const char *key;
        json_t *value;
        if (size && !list)
                return -ENOMEM;
        json_object_foreach((json_t *)(uintptr_t)pairs, key, value) {
                const char *text = json_string_value(value);
                if (!*key || strchr(key, '=') || text_has_control(key, strlen(key)) || text_has_control(text, strlen(text))) {
                        import_error(import, row->line, "attribute \"%.64s\": a key is not empty and has no '='; neither part has control characters", key);
                        continue;
                }
                size_t len = strlen(key) + 1 + strlen(text);
                char *line = arena_alloc(&import->arena, len + 1);
                if (!line)
                        return -ENOMEM;
                memcpy(line, key, strlen(key));
                line[strlen(key)] = '=';
                memcpy(line + strlen(key) + 1, text, strlen(text));
                list[row->user.attribute_count++] = line;
        }
        row->user.attributes = list;
        return 0;
}

static int read_user(struct keeper_import *import, struct import_row *row, const json_t *json) {
        const json_t *uid = json_object_get(json, "uid"), *gid = json_object_get(json, "gid"), *active = json_object_get(json, "active");
        row->user = (struct store_user){ .name = row->name, .has_uid = uid != NULL, .uid = (uint32_t)json_integer_value(uid), .has_gid = gid != NULL,
                                         .gid = (uint32_t)json_integer_value(gid), .has_active = true, .active = !active || json_is_true(active) };
        int r = copy_field(import, json, "display_name", &row->user.display_name);
        r = r ? r : copy_field(import, json, "email", &row->user.email);
        r = r ? r : copy_field(import, json, "home", &row->user.home);
        r = r ? r : copy_field(import, json, "shell", &row->user.shell);
        r = r ? r : copy_field(import, json, "ssh_keys", &row->user.ssh_keys);
        r = r ? r : copy_field(import, json, "hash", &row->user.hash);
        r = r ? r : copy_names(import, row->line, json, "groups", &row->groups, &row->group_count);
        r = r ? r : copy_attributes(import, row, json_object_get(json, "attributes"));
        const char *why = "";
        if (r == 0 && row->user.hash && !password_hash_is_usable(row->user.hash, &why))
                import_error(import, row->line, "the password hash cannot be used: %s", why);
        return r;
}

static int read_group(struct keeper_import *import, struct import_row *row, const json_t *json) {
        const json_t *gid = json_object_get(json, "gid");
        row->group = (struct store_group){ .name = row->name, .has_gid = gid != NULL, .gid = (uint32_t)json_integer_value(gid),
                                           .has_active = true, .active = true };
        int r = copy_field(import, json, "description", &row->group.description);
        r = r ? r : copy_names(import, row->line, json, "members", &row->members, &row->member_count);
        return r ? r : copy_names(import, row->line, json, "groups", &row->groups, &row->group_count);
}

static struct import_row *new_row(struct keeper_import *import) {
        if (import->count == import->size) {
                size_t size = import->size ? import->size * 2 : 1024;
                struct import_row *rows = size > IMPORT_ROWS_MAX ? NULL : reallocarray(import->rows, size, sizeof *rows);
                if (!rows)
                        return NULL;
                import->rows = rows;
                import->size = size;
        }
        import->rows[import->count] = (struct import_row){ 0 };
        return &import->rows[import->count];
}

static int check_name(struct keeper *keeper, struct keeper_import *import, const struct import_row *row) {
        const char *why = "";
        if (change_check_name(keeper, import->kind, row->name, &why) != REASON_OK)
                import_error(import, row->line, "%s: %s", row->name, why);
        int r = name_map_add(&import->names, row->name, (uint32_t)import->count);
        if (r == -EEXIST) {
                uint32_t other = name_map_get(&import->names, row->name);
                import_error(import, row->line, "%s: the name is on line %u already", row->name, import->rows[other].line);
                return 0;
        }
        return r;
}

int import_add_row(struct keeper *keeper, struct keeper_import *import, const json_t *json) {
        json_auto_t *error = keeper_check_fields(json, import->kind == NAME_OF_USER ? user_fields : group_fields, false, false);
        const json_t *line = json_object_get(json, "line");
        json_int_t value = json_integer_value(line); /* 0 for what is no number */
        uint32_t number = value > 0 && value < UINT32_MAX ? (uint32_t)value : 0;
        if (error) {
                import_error(import, number, "%s", json_string_value(json_object_get(json_object_get(error, "error"), "text")));
                return 0;
        }
        struct import_row *row = new_row(import);
        if (!row)
                return -ENOMEM;
        row->line = number;
        row->name = arena_strdup(&import->arena, keeper_field(json, "name"));
        int r = !row->name ? -ENOMEM : import->kind == NAME_OF_USER ? read_user(import, row, json) : read_group(import, row, json);
        r = r ? r : check_name(keeper, import, row);
        if (r == 0)
                import->count++;
        return r;
}
