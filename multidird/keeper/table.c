/* The command table: which commands there are, which fields each takes; see keeper/command.h. */
#include <string.h>

#include "base/text.h"
#include "multidird/keeper/command.h"

#define USER_FIELDS                                                                                                                       \
        { "user", FIELD_TEXT | FIELD_REQUIRED }, { "password", FIELD_SECRET }, { "display_name", FIELD_TEXT }, { "email", FIELD_TEXT },   \
        { "uid", FIELD_ID }, { "gid", FIELD_ID }, { "home", FIELD_TEXT }, { "shell", FIELD_TEXT }, { "ssh_keys", FIELD_TEXT },            \
        { "attributes", FIELD_PAIRS }
#define FIELDS(...) (const struct keeper_field[]){ __VA_ARGS__ __VA_OPT__(, ) { NULL, FIELD_END } }
#define NAMED(field) { field, FIELD_TEXT | FIELD_REQUIRED }
#define MEMBER_FIELDS NAMED("group"), { "names", FIELD_TEXTS | FIELD_REQUIRED }, { "is_group", FIELD_BOOL }

static const struct keeper_row rows[] = {
        { "user list", keeper_user_list, SELECTOR_SCOPE, false, FIELDS() },
        { "user show", keeper_user_show, SELECTOR_SCOPE, false, FIELDS(NAMED("user")) },
        { "user add", keeper_user_add, SELECTOR_SCOPE, true, FIELDS(USER_FIELDS) },
        { "user modify", keeper_user_modify, SELECTOR_SCOPE, true, FIELDS(USER_FIELDS) },
        { "user rename", keeper_user_rename, SELECTOR_SCOPE, true, FIELDS(NAMED("user"), NAMED("new_name")) },
        { "user remove", keeper_user_remove, SELECTOR_SCOPE, true, FIELDS(NAMED("user"), { "unmask", FIELD_BOOL }) },
        { "user password", keeper_user_password, SELECTOR_SCOPE, true, FIELDS(NAMED("user"), { "password", FIELD_SECRET }) },
        { "user activate", keeper_user_activate, SELECTOR_SCOPE, true, FIELDS(NAMED("user")) },
        { "user deactivate", keeper_user_deactivate, SELECTOR_SCOPE, true, FIELDS(NAMED("user")) },
        { "group list", keeper_group_list, SELECTOR_SCOPE, false, FIELDS() },
        { "group show", keeper_group_show, SELECTOR_SCOPE, false, FIELDS(NAMED("group")) },
        { "group add", keeper_group_add, SELECTOR_SCOPE, true, FIELDS(NAMED("group"), { "gid", FIELD_ID }, { "description", FIELD_TEXT }) },
        { "group modify", keeper_group_modify, SELECTOR_SCOPE, true, FIELDS(NAMED("group"), { "gid", FIELD_ID }, { "description", FIELD_TEXT }) },
        { "group remove", keeper_group_remove, SELECTOR_SCOPE, true, FIELDS(NAMED("group")) },
        { "member add", keeper_member_add, SELECTOR_SCOPE, true, FIELDS(MEMBER_FIELDS) },
        { "member remove", keeper_member_remove, SELECTOR_SCOPE, true, FIELDS(MEMBER_FIELDS) },
        { "import begin", keeper_import_begin, SELECTOR_NONE, false, FIELDS(NAMED("kind"), NAMED("directory"), { "dry_run", FIELD_BOOL }) },
        { "import rows", keeper_import_rows, SELECTOR_NONE, false, FIELDS({ "rows", FIELD_ARRAY | FIELD_REQUIRED }) },
        { "import end", keeper_import_end, SELECTOR_NONE, false, FIELDS() },
        { "import errors", keeper_import_errors, SELECTOR_NONE, false, FIELDS() },
        { "explain groups", keeper_explain_groups, SELECTOR_SCOPE, false, FIELDS(NAMED("user")) },
        { "explain group", keeper_explain_group, SELECTOR_SCOPE, false, FIELDS(NAMED("group")) },
        { "explain update", keeper_explain_update, SELECTOR_SCOPE, false, FIELDS({ "update", FIELD_OBJECT | FIELD_REQUIRED }) },
        { "masked", keeper_masked_list, SELECTOR_NONE, false, FIELDS() },
        { "accept", keeper_accept, SELECTOR_NONE, false, FIELDS(NAMED("name"), { "group", FIELD_BOOL }) },
        { "directory list", keeper_directory_list, SELECTOR_NONE, false, FIELDS({ "status", FIELD_OBJECT }) },
        { "directory show", keeper_directory_show, SELECTOR_NONE, false, FIELDS(NAMED("directory"), { "status", FIELD_OBJECT }) },
        { "directory sync", keeper_directory_sync, SELECTOR_NONE, false, FIELDS({ "directory", FIELD_TEXT }, { "full", FIELD_BOOL }) },
        { "application list", keeper_application_list, SELECTOR_NONE, false, FIELDS() },
        { "application show", keeper_application_show, SELECTOR_NONE, false, FIELDS(NAMED("application")) },
};

static const struct keeper_row *find_row(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (strcmp(rows[i].name, name) == 0)
                        return &rows[i];
        return NULL;
}

bool keeper_command_changes(const char *name) {
        const struct keeper_row *row = name ? find_row(name) : NULL;
        return row && row->changes;
}

static bool is_text(const json_t *value) {
        if (!json_is_string(value))
                return false;
        size_t len = json_string_length(value);
        return len <= FIELD_TEXT_MAX && strlen(json_string_value(value)) == len;
}

static bool is_texts(const json_t *value) {
        for (size_t i = 0; i < json_array_size(value); i++)
                if (!is_text(json_array_get(value, i)))
                        return false;
        return json_array_size(value) > 0;
}

static bool is_pairs(const json_t *value) {
        const char *key;
        json_t *item;
        if (!json_is_object(value))
                return false;
        json_object_foreach((json_t *)(uintptr_t)value, key, item)
                if (!is_text(item))
                        return false;
        return true;
}

static bool fits(const json_t *value, unsigned type) {
        switch ((enum keeper_field_type)(type & 0xff)) {
        case FIELD_TEXT: return is_text(value);
        case FIELD_SECRET: return json_is_string(value);
        case FIELD_ID: return json_is_integer(value) && json_integer_value(value) > 0 && json_integer_value(value) < UINT32_MAX;
        case FIELD_BOOL: return json_is_boolean(value);
        case FIELD_TEXTS: return is_texts(value);
        case FIELD_PAIRS: return is_pairs(value);
        case FIELD_OBJECT: return json_is_object(value);
        case FIELD_ARRAY: return json_is_array(value);
        case FIELD_END: break;
        }
        return false;
}

static const char *type_text(unsigned type) {
        static const char *const texts[] = {
                [FIELD_TEXT] = "a text", [FIELD_SECRET] = "a text", [FIELD_ID] = "a number from 1 to 4294967294", [FIELD_BOOL] = "true or false",
                [FIELD_TEXTS] = "a list of one or more texts", [FIELD_PAIRS] = "an object of texts", [FIELD_OBJECT] = "an object", [FIELD_ARRAY] = "a list",
        };
        return texts[type & 0xff];
}

static const struct keeper_field *find_field(const struct keeper_field *fields, const char *name) {
        for (; fields->type != FIELD_END; fields++)
                if (strcmp(fields->name, name) == 0)
                        return fields;
        return NULL;
}

json_t *keeper_check_fields(const json_t *object, const struct keeper_field *fields, bool is_request, bool selector) {
        static const struct keeper_field command = { "command", FIELD_TEXT };
        static const struct keeper_field selectors[] = { { "application", FIELD_TEXT }, { "directory", FIELD_TEXT }, { NULL, FIELD_END } };
        const char *key;
        json_t *value;
        if (!json_is_object(object))
                return keeper_error("usage", "an object is expected");
        json_object_foreach((json_t *)(uintptr_t)object, key, value) {
                const struct keeper_field *field = find_field(fields, key);
                if (!field && selector)
                        field = find_field(selectors, key);
                if (!field && is_request && strcmp(key, command.name) == 0)
                        field = &command;
                if (!field)
                        return keeper_error("usage", "there is no field \"%.64s\" here", key);
                if (!fits(value, field->type))
                        return keeper_error("usage", "the field \"%s\" must be %s", key, type_text(field->type));
        }
        for (; fields->type != FIELD_END; fields++)
                if ((fields->type & FIELD_REQUIRED) && !json_object_get(object, fields->name))
                        return keeper_error("usage", "the field \"%s\" is missing", fields->name);
        return NULL;
}

/* Which application or directory: fills the scope, or gives the error for the answer. */
static json_t *select_scope(struct keeper_call *call, struct keeper_scope *scope) {
        const char *application = keeper_field(call->request, "application"), *directory = keeper_field(call->request, "directory");
        const struct settings *settings = keeper_settings(call->keeper);
        size_t a = SETTINGS_NONE, d = SETTINGS_NONE;
        call->exit = EXIT_USAGE;
        if (application && directory)
                return keeper_error("usage", "--application and --directory exclude each other");
        call->exit = EXIT_NOT_FOUND;
        if (directory) {
                d = settings_directory(settings, directory);
                if (d == SETTINGS_NONE)
                        return keeper_error("directory-not-found", "no directory is named \"%s\"", directory);
        } else {
                a = application ? settings_application(settings, application) : settings->host;
                if (a == SETTINGS_NONE)
                        return keeper_error("application-not-found", "no application is named \"%s\"", application);
        }
        call->exit = EXIT_UNAVAILABLE;
        if (keeper_scope_init(scope, call->keeper, a, d) < 0)
                return keeper_error("unavailable", "the service is out of memory");
        call->exit = EXIT_DONE;
        return NULL;
}

static json_t *run_row(struct keeper_call *call) {
        json_t *error = keeper_check_fields(call->request, call->row->fields, true, call->row->selector == SELECTOR_SCOPE);
        if (error) {
                call->exit = EXIT_USAGE;
                return error;
        }
        if (!call->keeper->config || !call->keeper->local) {
                call->exit = EXIT_UNAVAILABLE;
                return keeper_error("unavailable", "the service is starting");
        }
        keeper_refresh(call->keeper);
        if (call->row->selector == SELECTOR_NONE)
                return call->row->handler(call);
        struct keeper_scope scope = { 0 };
        error = select_scope(call, &scope);
        call->scope = &scope;
        json_t *object = error ? error : call->row->handler(call);
        keeper_scope_done(&scope);
        return object;
}

json_t *keeper_run(struct keeper *keeper, const json_t *request, bool dry, int *exit) {
        *exit = EXIT_USAGE;
        const json_t *name = json_object_get(request, "command");
        if (!name || !is_text(name))
                return keeper_error("usage", "a request is an object with a \"command\"");
        const struct keeper_row *row = find_row(json_string_value(name));
        if (!row || (dry && !row->changes))
                return keeper_error("usage", "\"%.64s\" is no %s that the service knows", json_string_value(name), dry ? "change" : "command");
        struct keeper_call call = { .keeper = keeper, .request = request, .row = row, .dry = dry, .exit = EXIT_DONE };
        json_t *object = run_row(&call);
        *exit = object ? call.exit : EXIT_UNAVAILABLE;
        return object;
}

json_t *keeper_command(struct keeper *keeper, const json_t *request, int *exit) {
        return keeper_run(keeper, request, false, exit);
}
