/* user import, group import; see keeper/import.h. Bound by the directory's own permissions, as the console is (P3). */
#include "multidird/keeper/import.h"

#include <errno.h>
#include <string.h>

#include "multidird/keeper/import_internal.h"
#include "rules/permission.h"

#define PROGRESS_EVERY 1000u

static void import_free(struct keeper_import *import) {
        free(import->directory);
        free(import->rows);
        name_map_done(&import->names);
        arena_done(&import->arena);
        json_decref(import->errors);
        free(import);
}

static struct keeper_import **find(struct keeper *keeper, uint64_t connection) {
        struct keeper_import **at = &keeper->imports;
        while (*at && (*at)->connection != connection)
                at = &(*at)->next;
        return at;
}

void keeper_import_drop(struct keeper *keeper, uint64_t connection) {
        struct keeper_import **at = find(keeper, connection);
        if (!*at)
                return;
        struct keeper_import *import = *at;
        *at = import->next;
        import_free(import);
}

void keeper_import_drop_all(struct keeper *keeper) {
        while (keeper->imports)
                keeper_import_drop(keeper, keeper->imports->connection);
}

static json_t *usage(struct keeper_call *call, const char *text) {
        call->exit = EXIT_USAGE;
        return keeper_error("usage", "%s", text);
}

/* P3. NULL: allowed. */
static json_t *check_permission(struct keeper_call *call, const struct directory_settings *directory, enum permission permission) {
        enum permission_level level = LEVEL_NONE;
        char text[1024];
        enum reason reason = permission_check(directory, NULL, NULL, permission, false, &level);
        if (reason == REASON_OK)
                return NULL;
        permission_text("import", directory, NULL, permission, level, text, sizeof text);
        call->exit = keeper_exit_for(reason);
        return json_pack("{s:s, s:s, s:[], s:[], s:o}", "result", "refused", "reason", reason_name(reason), "changed", "skipped", "text", keeper_text(text));
}

json_t *keeper_import_begin(struct keeper_call *call) {
        const char *kind = keeper_field(call->request, "kind"), *name = keeper_field(call->request, "directory");
        const struct settings *settings = keeper_settings(call->keeper);
        bool user = strcmp(kind, "user") == 0;
        if (!user && strcmp(kind, "group") != 0)
                return usage(call, "the kind must be \"user\" or \"group\"");
        size_t directory = settings_directory(settings, name);
        if (directory == SETTINGS_NONE) {
                call->exit = EXIT_NOT_FOUND;
                return keeper_error("directory-not-found", "no directory is named \"%s\"", name);
        }
        if (!directory_is_kept_here(settings->directories[directory].type))
                return usage(call, "only directories that are kept here, internal or delegated, can be imported into");
        json_t *refusal = check_permission(call, &settings->directories[directory], user ? PERMISSION_ADD_USER : PERMISSION_ADD_GROUP);
        if (refusal)
                return refusal;
        keeper_import_drop(call->keeper, call->keeper->connection);
        struct keeper_import *import = calloc(1, sizeof *import);
        if (!import)
                return NULL;
        *import = (struct keeper_import){ .next = call->keeper->imports, .connection = call->keeper->connection, .kind = user ? NAME_OF_USER : NAME_OF_GROUP,
                                          .directory = strdup(name), .dry_run = json_is_true(json_object_get(call->request, "dry_run")),
                                          .errors = json_array() };
        call->keeper->imports = import;
        if (!import->directory || !import->errors) {
                keeper_import_drop(call->keeper, call->keeper->connection);
                return NULL;
        }
        return json_pack("{s:s}", "result", "begun");
}

json_t *keeper_import_rows(struct keeper_call *call) {
        struct keeper_import *import = *find(call->keeper, call->keeper->connection);
        const json_t *rows = json_object_get(call->request, "rows");
        if (!import || import->ended)
                return usage(call, "no import was begun on this connection");
        for (size_t i = 0; i < json_array_size(rows); i++)
                if (import_add_row(call->keeper, import, json_array_get(rows, i)) < 0) {
                        keeper_import_drop(call->keeper, call->keeper->connection);
                        call->exit = EXIT_UNAVAILABLE;
                        return keeper_error("unavailable", "the import is too large for the service's memory; it was given up");
                }
        return json_pack("{s:I, s:I}", "rows", (json_int_t)import->count, "errors", (json_int_t)import->error_count);
}

static void tell_progress(struct keeper *keeper, size_t done, size_t total) {
        if (keeper->progress && (done % PROGRESS_EVERY == 0 || done == total))
                keeper->progress(keeper->progress_data, done, total);
}

/* A name that stands twice on one line counts once. */
static int once(int result) {
        return result == -EEXIST ? 0 : result;
}

static int add_memberships(struct store *store, const struct keeper_import *import, const struct import_row *row) {
        int r = 0;
        for (size_t i = 0; i < row->member_count && r == 0; i++)
                r = once(store_add_member(store, row->name, row->members[i]));
        for (size_t i = 0; i < row->group_count && r == 0; i++)
                r = once(import->kind == NAME_OF_USER ? store_add_member(store, row->groups[i], row->name)
                                                      : store_add_group_member(store, row->name, row->groups[i]));
        return r;
}

/* Entries first, then memberships: child groups may stand on later lines. */
static int write_rows(struct keeper *keeper, const struct keeper_import *import, struct store *store) {
        int r = 0;
        for (size_t i = 0; i < import->count && r == 0; i++) {
                const struct import_row *row = &import->rows[i];
                r = import->kind == NAME_OF_USER ? store_add_user(store, &row->user) : store_add_group(store, &row->group);
                tell_progress(keeper, i + 1, import->count * 2);
        }
        for (size_t i = 0; i < import->count && r == 0; i++) {
                r = add_memberships(store, import, &import->rows[i]);
                tell_progress(keeper, import->count + i + 1, import->count * 2);
        }
        return r;
}

static json_t *next_errors(struct keeper_import *import) {
        json_t *page = json_array();
        for (size_t n = 0; n < IMPORT_ERRORS_PAGE && import->told < json_array_size(import->errors); n++)
                (void)json_array_append(page, json_array_get(import->errors, import->told++));
        return page;
}

static json_t *bad_lines(struct keeper_call *call, struct keeper_import *import) {
        call->exit = EXIT_REFUSED;
        import->ended = true;
        return json_pack("{s:s, s:s, s:[], s:[], s:I, s:o, s:o}", "result", "refused", "reason", "invalid-name", "changed", "skipped", "bad",
                         (json_int_t)import->error_count, "errors", next_errors(import), "text", keeper_text("nothing was imported: lines are bad"));
}

static json_t *failed(struct keeper_call *call, struct store *store, int error) {
        call->exit = EXIT_UNAVAILABLE;
        json_t *text = NULL;
        _cleanup_sbuf_ struct sbuf words = { 0 };
        sbuf_printf(&words, "nothing was imported: the store refused it: %s (%s)", strerror(-error), store_error(store));
        text = keeper_text(sbuf_text(&words));
        return json_pack("{s:s, s:s, s:[], s:[], s:o}", "result", "refused", "reason", "unavailable", "changed", "skipped", "text", text);
}

static json_t *write_import(struct keeper_call *call, const struct keeper_import *import, size_t directory) {
        struct keeper *keeper = call->keeper;
        struct store *store = keeper->directories[directory].store;
        int r = store_begin(store);
        if (r < 0)
                return failed(call, store, r);
        r = write_rows(keeper, import, store);
        if (r < 0)
                store_rollback(store);
        else
                r = store_commit(store);
        keeper_mark_stale(keeper, directory);
        keeper_touch(keeper);
        keeper_refresh(keeper);
        return r < 0 ? failed(call, store, r) : NULL;
}

static bool has_memberships(const struct keeper_import *import) {
        for (size_t i = 0; i < import->count; i++)
                if (import->rows[i].member_count + import->rows[i].group_count > 0)
                        return true;
        return false;
}

static json_t *finish(struct keeper_call *call, struct keeper_import *import) {
        struct keeper *keeper = call->keeper;
        const struct settings *settings = keeper_settings(keeper);
        size_t directory = settings_directory(settings, import->directory);
        if (directory == SETTINGS_NONE || !keeper_replica(keeper, directory)) {
                call->exit = EXIT_UNAVAILABLE;
                return keeper_error("unavailable", "directory %s cannot be written now", import->directory);
        }
        json_t *refusal = check_permission(call, &settings->directories[directory], import->kind == NAME_OF_USER ? PERMISSION_ADD_USER : PERMISSION_ADD_GROUP);
        if (!refusal && has_memberships(import))
                refusal = check_permission(call, &settings->directories[directory], PERMISSION_MODIFY_GROUP);
        if (refusal)
                return refusal;
        if (import_check(keeper, import, directory) < 0)
                return NULL;
        if (import->error_count > 0)
                return bad_lines(call, import);
        if (!import->dry_run && import->count > 0) {
                refusal = write_import(call, import, directory);
                if (refusal)
                        return refusal;
        }
        json_t *changed = json_array();
        if (!import->dry_run && import->count > 0)
                (void)json_array_append_new(changed, json_pack("{s:o, s:s}", "directory", keeper_text(import->directory), "what",
                                                               permission_name(import->kind == NAME_OF_USER ? PERMISSION_ADD_USER : PERMISSION_ADD_GROUP)));
        return json_pack("{s:s, s:s, s:o, s:[], s:I, s:b}", "result", "done", "reason", "ok", "changed", changed, "skipped",
                         import->dry_run ? "would_import" : "imported", (json_int_t)import->count, "dry_run", import->dry_run);
}

static bool has_more(const struct keeper_import *import) {
        return import->ended && import->told < json_array_size(import->errors);
}

json_t *keeper_import_end(struct keeper_call *call) {
        struct keeper_import *import = *find(call->keeper, call->keeper->connection);
        if (!import || import->ended)
                return usage(call, "no import was begun on this connection");
        json_t *object = finish(call, import);
        if (!has_more(import))
                keeper_import_drop(call->keeper, call->keeper->connection);
        return object;
}

json_t *keeper_import_errors(struct keeper_call *call) {
        struct keeper_import *import = *find(call->keeper, call->keeper->connection);
        json_t *object = json_pack("{s:o}", "errors", import && import->ended ? next_errors(import) : json_array());
        if (import && import->ended && !has_more(import))
                keeper_import_drop(call->keeper, call->keeper->connection);
        return object;
}
