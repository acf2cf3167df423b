/* user list, user show, group list, group show: what an application sees, or what one directory has (the console, P3).
 * Relies on: the built view for what is published, rules/membership for the rest.
 * Must never: show as published what is not in the view. */
#include <string.h>

#include "base/text.h"
#include "model/name.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"
#include "rules/gate.h"

static bool is_host(const struct keeper_call *call) {
        const struct settings *settings = keeper_settings(call->keeper);
        return !call->scope->console && call->scope->application == &settings->applications[settings->host];
}

static const char *directory_name(const struct keeper_call *call, size_t directory) {
        return keeper_settings(call->keeper)->directories[directory].name;
}

static json_t *no_view(struct keeper_call *call) {
        call->exit = EXIT_UNAVAILABLE;
        return keeper_error("unavailable", "%s", call->keeper->build_error[0] ? call->keeper->build_error : "no view has been built yet");
}

static json_t *not_found(struct keeper_call *call, enum name_kind kind, const char *text) {
        call->exit = EXIT_NOT_FOUND;
        return keeper_error(reason_name(kind == NAME_OF_USER ? REASON_USER_NOT_FOUND : REASON_GROUP_NOT_FOUND), "%s", text);
}

/* Exit 3 with the reason that `masked` gives. */
static json_t *not_published(struct keeper_call *call, enum name_kind kind, const char *name, size_t owner) {
        const struct masked_row *row = keeper_masked_row(call->keeper, kind, name, owner);
        const struct settings *settings = keeper_settings(call->keeper);
        if (row) {
                call->exit = EXIT_NOT_FOUND;
                const char *directory = row->directory < settings->directory_count ? settings->directories[row->directory].name : "";
                return keeper_error(reason_name(row->reason), "%s %s of directory %s is not published: %s", kind == NAME_OF_USER ? "user" : "group", name,
                                    directory, row->text ? row->text : reason_name(row->reason));
        }
        if (owner == SETTINGS_NONE)
                return not_found(call, kind, kind == NAME_OF_USER ? "there is no such user" : "there is no such group");
        call->exit = EXIT_NOT_FOUND;
        if (kind == NAME_OF_USER && settings->applications[settings->host].publish == PUBLISH_WITH_ACCESS)
                return keeper_error(reason_name(REASON_NO_ACCESS),
                                    "user %s is not published: the application shows only users with access (publish = with-access)", name);
        const struct application_settings *host = &settings->applications[settings->host];
        bool shown = false;
        for (size_t i = 0; i < host->mapping_count; i++)
                shown = shown || host->mappings[i].directory == owner;
        if (!shown)
                return keeper_error(reason_name(kind == NAME_OF_USER ? REASON_USER_NOT_FOUND : REASON_GROUP_NOT_FOUND),
                                    "%s is not published: directory %s, which has it, is none of the application host, which this host shows (M8)", name,
                                    settings->directories[owner].name);
        return keeper_error(reason_name(REASON_UNAVAILABLE), "%s is not published: a higher directory has no complete replica yet", name);
}

/* Whether the view has a group of that name that is not a user's private one. */
static bool published_group(const struct view *view, const char *name, struct view_group *group) {
        struct view_user user;
        if (view_group_by_name(view, name, group) != VIEW_FOUND)
                return false;
        return group->member_count > 0 || view_user_by_name(view, name, &user) != VIEW_FOUND || !user.private_group;
}

/* The published names among these; frees the list. */
static json_t *published_names(const struct view *view, enum name_kind kind, const char **names, size_t count) {
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++) {
                struct view_user user;
                struct view_group group;
                if (kind == NAME_OF_USER && view_user_by_name(view, names[i], &user) == VIEW_FOUND)
                        (void)json_array_append_new(array, keeper_text(user.name));
                else if (kind == NAME_OF_GROUP && published_group(view, names[i], &group))
                        (void)json_array_append_new(array, keeper_text(group.name));
        }
        free(names);
        return array;
}

/* Names as the directories spell them; frees the list. */
static json_t *all_names(const char **names, size_t count) {
        json_t *array = keeper_texts(names, count);
        free(names);
        return array;
}

static int compare_names(const void *a, const void *b) {
        return text_compare_names(*(const char *const *)a, *(const char *const *)b);
}

/* Every name of every active directory of the scope, sorted, each folded name once. malloc'ed; NULL when memory is out. */
static const char **scope_names(const struct keeper_call *call, enum name_kind kind, size_t *count) {
        size_t room = 1, position = 0, d, used = 0;
        while ((d = keeper_scope_next(call->scope, &position)) != SETTINGS_NONE) {
                const struct replica *replica = call->keeper->replicas[d];
                room += !replica ? 0 : kind == NAME_OF_USER ? replica->user_count : replica->group_count;
        }
        const char **names = calloc(room, sizeof *names);
        if (!names)
                return NULL;
        for (position = 0; (d = keeper_scope_next(call->scope, &position)) != SETTINGS_NONE;) {
                const struct replica *replica = call->keeper->replicas[d];
                if (!replica)
                        continue;
                for (uint32_t i = 0; kind == NAME_OF_USER && i < replica->user_count; i++)
                        names[used++] = replica_text(replica, replica->users[i].name);
                for (uint32_t i = 0; kind == NAME_OF_GROUP && i < replica->group_count; i++)
                        names[used++] = replica_text(replica, replica->groups[i].name);
        }
        qsort(names, used, sizeof *names, compare_names);
        *count = 0;
        for (size_t i = 0; i < used; i++)
                if (i == 0 || !text_same_name(names[i], names[*count - 1]))
                        names[(*count)++] = names[i];
        return names;
}

/* Sorted by name; frees the list. */
static json_t *sorted_names(const char **names, size_t count) {
        qsort(names, count, sizeof *names, compare_names);
        return all_names(names, count);
}

static json_t *host_list(const struct view *view, enum name_kind kind) {
        uint32_t count = kind == NAME_OF_USER ? view_user_count(view) : view_group_count(view);
        const char **names = calloc((size_t)count + 1, sizeof *names);
        size_t used = 0;
        struct view_user user;
        struct view_group group;
        if (!names)
                return NULL;
        for (uint32_t i = 0; i < count; i++)
                if (kind == NAME_OF_USER && view_user_at(view, i, &user) == VIEW_FOUND)
                        names[used++] = user.name;
                else if (kind == NAME_OF_GROUP && view_group_at(view, i, &group) == VIEW_FOUND)
                        names[used++] = group.name;
        return sorted_names(names, used);
}

static json_t *list(struct keeper_call *call, enum name_kind kind) {
        const struct view *view = keeper_view(call->keeper);
        const char *key = kind == NAME_OF_USER ? "users" : "groups";
        if (!view && !call->scope->console)
                return no_view(call);
        if (is_host(call))
                return json_pack("{s:o}", key, host_list(view, kind));
        size_t count;
        const char **names = scope_names(call, kind, &count);
        if (!names)
                return NULL;
        return json_pack("{s:o}", key, call->scope->console ? all_names(names, count) : published_names(view, kind, names, count));
}

json_t *keeper_user_list(struct keeper_call *call) { return list(call, NAME_OF_USER); }
json_t *keeper_group_list(struct keeper_call *call) { return list(call, NAME_OF_GROUP); }

/* The active directories, in order, that have a name; for masked_in only those below the owner. */
static json_t *directories_with(const struct keeper_call *call, enum name_kind kind, const char *name, size_t except) {
        json_t *array = json_array();
        size_t position = 0, d;
        while ((d = keeper_scope_next(call->scope, &position)) != SETTINGS_NONE) {
                const struct replica *replica = call->keeper->replicas[d];
                if (!replica || d == except)
                        continue;
                uint32_t index = kind == NAME_OF_USER ? replica_find_user(replica, name) : replica_find_group(replica, name);
                if (index != REPLICA_NONE)
                        (void)json_array_append_new(array, keeper_text(directory_name(call, d)));
        }
        return array;
}

/* What the account phase of each application would say (L3, L4, L12), from the view. */
static json_t *access_of(const struct keeper_call *call, const struct view *view, const struct view_user *user) {
        const struct settings *settings = keeper_settings(call->keeper);
        json_t *object = json_object();
        for (size_t i = 0; i < settings->application_count; i++) {
                struct view_access access = { .reason = REASON_UNAVAILABLE };
                uint32_t index = view_application_by_name(view, settings->applications[i].name);
                if (index == UINT32_MAX || view_user_access(view, user->index, index, &access) != VIEW_FOUND)
                        access.reason = index == UINT32_MAX ? REASON_UNAVAILABLE : REASON_USER_NOT_FOUND;
                (void)json_object_set_new(object, settings->applications[i].name, json_pack("{s:b, s:s}", "allowed", access.reason == REASON_OK,
                                                                                           "reason", reason_name(access.reason)));
        }
        return object;
}

/* Everything but the names of groups and of other directories, from the owner's entry (M7) and, where it is published, the view. */
static json_t *user_object(struct keeper_call *call, size_t owner, uint32_t entry, const struct view *view, const struct view_user *published) {
        const struct replica *replica = call->keeper->replicas[owner];
        const struct replica_user *user = &replica->users[entry];
        const char *home = published ? published->home : replica_text(replica, user->home);
        const char *shell = published ? published->shell : replica_text(replica, user->shell);
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}",
                         "name", keeper_text(published ? published->name : replica_text(replica, user->name)),
                         "owner", keeper_text(directory_name(call, owner)),
                         "uid", keeper_id(published ? published->uid : user->uid), "gid", keeper_id(published ? published->gid : user->gid),
                         "display_name", keeper_text(replica_text(replica, user->display_name)), "email", keeper_text(replica_text(replica, user->email)),
                         "home", keeper_text(home), "shell", keeper_text(shell), "active", user->active,
                         "access", published ? access_of(call, view, published) : json_object());
}

/* Whether the view's user is this very entry of this directory (the pair of L12). */
static bool is_published_entry(const struct keeper_call *call, const struct view *view, const struct view_user *user, size_t directory, uint32_t entry) {
        struct view_access access;
        const struct replica *replica = call->keeper->replicas[directory];
        return view_user_access(view, user->index, 0, &access) == VIEW_FOUND && strcmp(access.directory, directory_name(call, directory)) == 0 &&
                strcmp(access.entry_id, replica_text(replica, replica->users[entry].entry_id)) == 0;
}

json_t *keeper_user_show(struct keeper_call *call) {
        const char *name = keeper_field(call->request, "user");
        const struct view *view = keeper_view(call->keeper);
        uint32_t entry = REPLICA_NONE;
        size_t owner = world_owner_of_user(&call->scope->world, name, &entry);
        struct view_user user = { 0 };
        bool published = view && view_user_by_name(view, name, &user) == VIEW_FOUND;
        if (!view && !call->scope->console)
                return no_view(call);
        if (owner == SETTINGS_NONE && (call->scope->console || published))
                return not_found(call, NAME_OF_USER, call->scope->console ? "the directory has no such user" : "the application has no such user");
        if (!published && !call->scope->console)
                return not_published(call, NAME_OF_USER, name, owner);
        /* The console shows an entry's own numbers unless it is the one that is published. */
        bool same = published && (!call->scope->console || is_published_entry(call, view, &user, owner, entry));
        json_t *object = user_object(call, owner, entry, view, same ? &user : NULL);
        const char **groups;
        size_t count;
        if (!object || world_groups_of_user(&call->scope->world, name, &groups, &count) < 0) {
                json_decref(object);
                return NULL;
        }
        (void)json_object_set_new(object, "groups", call->scope->console ? all_names(groups, count) : published_names(view, NAME_OF_GROUP, groups, count));
        (void)json_object_set_new(object, "masked_in", directories_with(call, NAME_OF_USER, name, owner));
        return object;
}

static json_t *view_members(const struct view_group *group) {
        const char **names = calloc((size_t)group->member_count + 1, sizeof *names);
        if (!names)
                return NULL;
        for (uint32_t i = 0; i < group->member_count; i++)
                names[i] = group->members + group->member_offsets[i];
        return sorted_names(names, group->member_count);
}

static json_t *group_members(struct keeper_call *call, const char *name, const struct view *view, const struct view_group *group) {
        const char **names;
        size_t count;
        if (is_host(call))
                return view_members(group);
        if (world_members_of_group(&call->scope->world, name, &names, &count) < 0)
                return NULL;
        return call->scope->console ? all_names(names, count) : published_names(view, NAME_OF_USER, names, count);
}

json_t *keeper_group_show(struct keeper_call *call) {
        const char *name = keeper_field(call->request, "group");
        const struct view *view = keeper_view(call->keeper);
        uint32_t entry = REPLICA_NONE;
        size_t owner = world_owner_of_group(&call->scope->world, name, &entry);
        struct view_group group = { 0 };
        bool console = call->scope->console, published = view && published_group(view, name, &group);
        if (!view && !console)
                return no_view(call);
        if (owner == SETTINGS_NONE && (console || published))
                return not_found(call, NAME_OF_GROUP, console ? "the directory has no such group" : "the application has no such group");
        if (!published && !console)
                return not_published(call, NAME_OF_GROUP, name, owner);
        const struct replica *replica = call->keeper->replicas[owner];
        const struct replica_group *own = &replica->groups[entry];
        /* Same-named groups are one group with one id (M4, I2), whichever directory is asked. */
        uint32_t gid = published ? group.gid : own->gid;
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", keeper_text(published && !console ? group.name : replica_text(replica, own->name)),
                         "owner", keeper_text(directory_name(call, owner)), "gid", keeper_id(gid),
                         "description", keeper_text(replica_text(replica, own->description)),
                         "members", group_members(call, name, view, &group), "directories", directories_with(call, NAME_OF_GROUP, name, SETTINGS_NONE));
}
