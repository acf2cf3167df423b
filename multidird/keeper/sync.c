/* directory sync of what is kept here: one directory, or all, read again. What has a server of its own the supervisor synchronises (keeper/intake.h).
 * Relies on: multidird/keeper/state.
 * Must never: leave a directory out because it looks unchanged. The store is the directory itself (D1, D3): each time is a full one. */
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"

static void add_row(json_t *rows, const json_t *state, size_t index, int *exit) {
        json_t *row = json_deep_copy(json_array_get(json_object_get(state, "directories"), index));
        if (!json_is_null(json_object_get(row, "error")))
                *exit = EXIT_UNAVAILABLE;
        (void)json_array_append_new(rows, row);
}

json_t *keeper_directory_sync(struct keeper_call *call) {
        const char *name = keeper_field(call->request, "directory");
        struct keeper *keeper = call->keeper;
        size_t first = 0, end = keeper->directory_count;
        if (name) {
                first = settings_directory(keeper_settings(keeper), name);
                end = first + 1;
        }
        if (first == SETTINGS_NONE) {
                call->exit = EXIT_NOT_FOUND;
                return keeper_error("directory-not-found", "no directory is named \"%s\"", name);
        }
        for (size_t i = first; i < end; i++)
                if (directory_is_kept_here(keeper->directories[i].type))
                        keeper_reread(keeper, i);
        json_t *state = keeper_state_json(keeper), *rows = json_array();
        for (size_t i = first; i < end; i++)
                add_row(rows, state, i, &call->exit);
        json_decref(state);
        return json_pack("{s:o}", "directories", rows);
}
