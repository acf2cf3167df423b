/* masked, accept: what is not published and why, and the administrator's word that it may be (I5).
 * Relies on: the rows of the last build, model/registry.
 * Must never: accept more than the one name. */
#include <string.h>

#include "base/text.h"
#include "multidird/keeper/accept.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"

static json_t *directory_or_null(const struct keeper *keeper, uint32_t directory) {
        const struct settings *settings = keeper_settings(keeper);
        return directory < settings->directory_count ? keeper_text(settings->directories[directory].name) : json_null();
}

json_t *keeper_masked_list(struct keeper_call *call) {
        struct keeper *keeper = call->keeper;
        if (!keeper_view(keeper)) {
                call->exit = EXIT_UNAVAILABLE;
                return keeper_error("unavailable", "%s", keeper->build_error[0] ? keeper->build_error : "no view has been built yet");
        }
        json_t *array = json_array();
        for (size_t i = 0; i < keeper->masked.row_count; i++) {
                const struct masked_row *row = &keeper->masked.rows[i];
                (void)json_array_append_new(array, json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:o}", "kind", row->kind == NAME_OF_USER ? "user" : "group",
                                                             "name", keeper_text(row->name), "id", keeper_id(row->id),
                                                             "directory", directory_or_null(keeper, row->directory),
                                                             "winner", directory_or_null(keeper, row->winner),
                                                             "reason", reason_name(row->reason), "text", keeper_text(row->text ? row->text : "")));
        }
        return json_pack("{s:o}", "masked", array);
}

const char *keeper_subject(const json_t *request, enum name_kind *kind) {
        static const struct { const char *prefix, *field; enum name_kind kind; } commands[] = {
                { "user rename", "new_name", NAME_OF_USER }, { "user ", "user", NAME_OF_USER },
                { "group ", "group", NAME_OF_GROUP }, { "member ", "group", NAME_OF_GROUP },
        };
        const char *command = keeper_field(request, "command");
        for (size_t i = 0; command && i < ARRAY_SIZE(commands); i++)
                if (text_starts_with(command, commands[i].prefix)) {
                        *kind = commands[i].kind;
                        return keeper_field(request, commands[i].field);
                }
        return NULL;
}

json_t *keeper_withheld_text(const struct keeper *keeper, enum name_kind kind, const char *name) {
        for (size_t i = 0; i < keeper->masked.row_count; i++) {
                const struct masked_row *row = &keeper->masked.rows[i];
                if (row->kind != kind || row->reason == REASON_OK || row->reason == REASON_MASKED || !text_same_name(row->name, name))
                        continue;
                json_t *directory = directory_or_null(keeper, row->directory);
                json_t *text = json_sprintf("%s %s of directory %s is not published: %s", kind == NAME_OF_USER ? "user" : "group", row->name,
                                            json_is_string(directory) ? json_string_value(directory) : "-", row->text ? row->text : reason_name(row->reason));
                json_decref(directory);
                return text;
        }
        return NULL;
}

json_t *keeper_accept(struct keeper_call *call) {
        struct keeper *keeper = call->keeper;
        const char *name = keeper_field(call->request, "name");
        enum name_kind kind = json_is_true(json_object_get(call->request, "group")) ? NAME_OF_GROUP : NAME_OF_USER;
        const char *word = kind == NAME_OF_USER ? "user" : "group";
        (void)keeper_view(keeper);
        const struct masked_row *row = NULL;
        for (size_t i = 0; i < keeper->masked.row_count && !row; i++) {
                const struct masked_row *one = &keeper->masked.rows[i];
                if (one->kind == kind && one->reason == REASON_ID_CONFLICT && text_same_name(one->name, name))
                        row = one;
        }
        if (!row) {
                call->exit = EXIT_NOT_FOUND;
                return keeper_error(reason_name(kind == NAME_OF_USER ? REASON_USER_NOT_FOUND : REASON_GROUP_NOT_FOUND),
                                    "no %s %s is withheld (id-conflict)", word, name);
        }
        json_t *directory = directory_or_null(keeper, row->directory);
        int r = keeper_accept_name(keeper, kind, name);
        if (r < 0) {
                json_decref(directory);
                call->exit = EXIT_UNAVAILABLE;
                return keeper_error("unavailable", "the acceptance of %s cannot be written: %s", name, strerror(-r));
        }
        keeper_touch(keeper);
        (void)keeper_build(keeper);
        row = keeper_masked_row(keeper, kind, name, SETTINGS_NONE);
        if (row && row->reason == REASON_ID_CONFLICT) { /* some other rule than I5 withholds it: another holder of the id, a private group's name */
                json_decref(directory);
                call->exit = EXIT_REFUSED;
                return json_pack("{s:s, s:s, s:[], s:[], s:o}", "result", "refused", "reason", reason_name(row->reason), "changed", "skipped", "text",
                                 keeper_text(row->text ? row->text : "the name is still withheld"));
        }
        return json_pack("{s:s, s:s, s:[{s:o, s:s}], s:[]}", "result", "done", "reason", "ok", "changed", "directory", directory, "what", "accept", "skipped");
}
