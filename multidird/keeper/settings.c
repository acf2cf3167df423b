/* directory list, directory show, application list, application show: the settings, and where each value comes from.
 * Relies on: config_value.
 * Must never: show a secret (there is none in the texts; they are in files of their own). */
#include <string.h>

#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"

/* A row {"key", "value", "from"} for each key that the section has; with a directory's name in front, where one is given. */
static void add_values(json_t *rows, const struct keeper *keeper, const char *section, const char *directory) {
        const char *key, *value, *from;
        for (size_t i = 0; config_value_at(keeper->config, section, i, &key, &value, &from); i++) {
                json_t *row = json_object();
                if (directory)
                        (void)json_object_set_new(row, "directory", keeper_text(directory));
                (void)json_object_set_new(row, "key", json_string(key));
                (void)json_object_set_new(row, "value", keeper_text(value));
                (void)json_object_set_new(row, "from", keeper_text(from));
                (void)json_array_append_new(rows, row);
        }
}

static json_t *values_of(const struct keeper *keeper, const char *section) {
        json_t *rows = json_array();
        add_values(rows, keeper, section, NULL);
        return rows;
}

/* As KEEPER_STATE says it. */
static json_t *directory_row(const struct keeper *keeper, size_t index) {
        json_t *state = keeper_state_json(keeper);
        json_t *row = json_deep_copy(json_array_get(json_object_get(state, "directories"), index));
        json_decref(state);
        return row;
}

/* With the supervisor's own word of each, by its name, as `status` has it (requests/directory_state.c). */
json_t *keeper_directory_list(struct keeper_call *call) {
        json_t *state = keeper_state_json(call->keeper), *row;
        const json_t *status = json_object_get(call->request, "status");
        size_t index;
        json_array_foreach(json_object_get(state, "directories"), index, row) {
                json_t *said = json_object_get(status, json_string_value(json_object_get(row, "name")));
                if (json_is_object(said))
                        (void)json_object_update(row, said);
        }
        json_t *object = json_pack("{s:O}", "directories", json_object_get(state, "directories"));
        json_decref(state);
        return object;
}

static json_t *applications_with(const struct settings *settings, size_t directory) {
        json_t *array = json_array();
        for (size_t i = 0; i < settings->application_count; i++)
                for (size_t k = 0; k < settings->applications[i].mapping_count; k++)
                        if (settings->applications[i].mappings[k].directory == directory)
                                (void)json_array_append_new(array, keeper_text(settings->applications[i].name));
        return array;
}

json_t *keeper_directory_show(struct keeper_call *call) {
        const char *name = keeper_field(call->request, "directory");
        const struct settings *settings = keeper_settings(call->keeper);
        size_t index = settings_directory(settings, name);
        if (index == SETTINGS_NONE) {
                call->exit = EXIT_NOT_FOUND;
                return keeper_error("directory-not-found", "no directory is named \"%s\"", name);
        }
        _cleanup_sbuf_ struct sbuf section = { 0 };
        sbuf_printf(&section, "directory/%s", name);
        json_t *object = directory_row(call->keeper, index), *status = json_object_get(call->request, "status");
        if (status) /* the supervisor's own word of it, as `status` has it (requests/directory_state.c) */
                (void)json_object_update(object, status);
        (void)json_object_set_new(object, "applications", applications_with(settings, index));
        (void)json_object_set_new(object, "settings", values_of(call->keeper, sbuf_text(&section)));
        return object;
}

static json_t *mapping_names(const struct settings *settings, const struct application_settings *application) {
        json_t *array = json_array();
        for (size_t i = 0; i < application->mapping_count; i++)
                (void)json_array_append_new(array, keeper_text(settings->directories[application->mappings[i].directory].name));
        return array;
}

static json_t *application_row(const struct settings *settings, const struct application_settings *application) {
        return json_pack("{s:o, s:o, s:o, s:o}", "name", keeper_text(application->name),
                         "profile", keeper_text(application->profile ? application->profile : ""),
                         "directories", mapping_names(settings, application), "services", keeper_texts(application->services, application->service_count));
}

json_t *keeper_application_list(struct keeper_call *call) {
        const struct settings *settings = keeper_settings(call->keeper);
        json_t *array = json_array();
        for (size_t i = 0; i < settings->application_count; i++)
                (void)json_array_append_new(array, application_row(settings, &settings->applications[i]));
        return json_pack("{s:o}", "applications", array);
}

/* In the application's order. */
static json_t *mappings_of(const struct keeper *keeper, const struct application_settings *application) {
        const struct settings *settings = keeper_settings(keeper);
        json_t *rows = json_array();
        for (size_t i = 0; i < application->mapping_count; i++) {
                const char *directory = settings->directories[application->mappings[i].directory].name;
                _cleanup_sbuf_ struct sbuf section = { 0 };
                sbuf_printf(&section, "application/%s/%s", application->name, directory);
                add_values(rows, keeper, sbuf_text(&section), directory);
        }
        return rows;
}

json_t *keeper_application_show(struct keeper_call *call) {
        const char *name = keeper_field(call->request, "application");
        const struct settings *settings = keeper_settings(call->keeper);
        size_t index = settings_application(settings, name);
        if (index == SETTINGS_NONE) {
                call->exit = EXIT_NOT_FOUND;
                return keeper_error("application-not-found", "no application is named \"%s\"", name);
        }
        _cleanup_sbuf_ struct sbuf section = { 0 };
        sbuf_printf(&section, "application/%s", name);
        json_t *object = application_row(settings, &settings->applications[index]);
        (void)json_object_set_new(object, "settings", values_of(call->keeper, sbuf_text(&section)));
        (void)json_object_set_new(object, "mappings", mappings_of(call->keeper, &settings->applications[index]));
        return object;
}
