/* Changes of groups and memberships (rules U5 to U11); see keeper/command.h. */
#include <errno.h>
#include <string.h>

#include "base/name_map.h"
#include "base/text.h"
#include "model/id.h"
#include "model/name.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/change.h"

static const struct directory_settings *step_directory(const struct change *change, const struct change_step *step) {
        return &keeper_settings(change->call->keeper)->directories[step->directory];
}

/* I5: a group that comes to be because its name exists elsewhere takes the id that the view publishes for the name, else the
 * number that the first directory having it says. 0: there is none. */
static uint32_t known_gid(struct change *change, const char *group) {
        struct keeper *keeper = change->call->keeper;
        const struct view *view = keeper_view(keeper);
        struct view_group published;
        struct view_user user;
        if (view && view_group_by_name(view, group, &published) == VIEW_FOUND) {
                bool is_private = view_user_by_name(view, group, &user) == VIEW_FOUND && user.private_group;
                return is_private ? 0 : published.gid;
        }
        size_t position = 0, d;
        while ((d = keeper_scope_next(change->call->scope, &position)) != SETTINGS_NONE) {
                const struct replica *replica = keeper_replica(keeper, d);
                uint32_t index = replica ? replica_find_group(replica, group) : REPLICA_NONE;
                if (index != REPLICA_NONE && replica->groups[index].gid != 0)
                        return replica->groups[index].gid;
        }
        return 0;
}

/* I3, I4 for a gid that the administrator gives. */
static json_t *check_gid(struct change *change, const struct change_step *step, uint32_t gid) {
        struct keeper *keeper = change->call->keeper;
        const struct directory_settings *directory = step_directory(change, step);
        const char *why = "";
        if (id_check(directory, keeper->local, gid, &why) != REASON_OK)
                return change_refuse(change, REASON_ID_CONFLICT, "I3", "gid %u, directory %s: %s", gid, directory->name, why);
        const struct view *view = keeper_view(keeper);
        struct view_group other;
        if (view && view_group_by_gid(view, gid, &other) == VIEW_FOUND && !text_same_name(other.name, step->names.group))
                return change_refuse(change, REASON_ID_CONFLICT, "I4", "gid %u is the group %s's", gid, other.name);
        return NULL;
}

/* Gives every step that makes or changes a group its gid, where the directory keeps one. gid 0: none was given. */
static json_t *set_gids(struct change *change, uint32_t gid) {
        bool used = false;
        for (size_t i = 0; i < change->step_count; i++) {
                struct change_step *step = &change->steps[i];
                bool adds = step->operation == UPDATE_ADD_GROUP;
                if ((!adds && step->operation != UPDATE_MODIFY_GROUP) || step_directory(change, step)->ids != IDS_ATTRIBUTE)
                        continue;
                uint32_t id = gid ? gid : adds ? known_gid(change, step->names.group) : 0;
                if (adds && id == 0)
                        return change_usage(change, "directory %s takes ids from its entries (ids = attribute): group %s needs --gid",
                                            step_directory(change, step)->name, step->names.group);
                /* the console's business, as in keeper/user.c */
                json_t *error = gid && !change->call->scope->console ? check_gid(change, step, gid) : NULL;
                if (error)
                        return error;
                step->group.has_gid = id != 0;
                step->group.gid = id;
                used = true;
        }
        if (gid != 0 && !used)
                return change_usage(change, "the directories that would change give out ids themselves (ids = allocate): --gid needs ids = attribute");
        return NULL;
}

static json_t *work_on_group(struct change *change, enum update_operation operation) {
        const json_t *request = change->call->request;
        uint32_t gid = (uint32_t)json_integer_value(json_object_get(request, "gid"));
        struct change_input input = { .operation = operation, .names = { .group = keeper_field(request, "group") }, .name = REASON_OK,
                                      .needs = PERMISSION_BIT(PERMISSION_MODIFY_GROUP), .group = { .description = keeper_field(request, "description") } };
        if (input.group.description && text_has_control(input.group.description, strlen(input.group.description)))
                return change_usage(change, "the description has control characters");
        if (operation == UPDATE_MODIFY_GROUP && gid == 0 && !input.group.description)
                return change_usage(change, "nothing to change was given");
        if (operation == UPDATE_ADD_GROUP)
                input.name = change_check_name(change->call->keeper, NAME_OF_GROUP, input.names.group, &input.name_why);
        json_t *error = change_plan(change, &input);
        if (!error && operation != UPDATE_REMOVE_GROUP)
                error = set_gids(change, gid);
        return error ? error : change_finish(change);
}

static json_t *with_group(struct keeper_call *call, enum update_operation operation) {
        struct change change;
        json_t *object = change_init(&change, call) == 0 ? work_on_group(&change, operation) : NULL;
        change_done(&change);
        return object;
}

json_t *keeper_group_add(struct keeper_call *call) { return with_group(call, UPDATE_ADD_GROUP); }
json_t *keeper_group_modify(struct keeper_call *call) { return with_group(call, UPDATE_MODIFY_GROUP); }
json_t *keeper_group_remove(struct keeper_call *call) { return with_group(call, UPDATE_REMOVE_GROUP); }

/* All names are planned before the first is changed: all or nothing. A name given twice counts once. */
static json_t *plan_members(struct change *change, enum update_operation operation, struct name_map *seen) {
        const json_t *request = change->call->request;
        const json_t *names = json_object_get(request, "names");
        struct change_input input = { .operation = operation, .name = REASON_OK,
                                      .names = { .group = keeper_field(request, "group"), .child = json_is_true(json_object_get(request, "is_group")) } };
        if (operation == UPDATE_ADD_MEMBER) /* counts only where the group must be made */
                input.name = change_check_name(change->call->keeper, NAME_OF_GROUP, input.names.group, &input.name_why);
        for (size_t i = 0; i < json_array_size(names); i++) {
                const char *name = json_string_value(json_array_get(names, i));
                int r = name_map_add(seen, name, 0);
                if (r == -EEXIST)
                        continue;
                if (r < 0)
                        return change_refuse(change, REASON_UNAVAILABLE, "", "the service is out of memory");
                input.names.user = name;
                json_t *error = change_plan(change, &input);
                if (error)
                        return error;
        }
        return NULL;
}

/* I5: a group that the change makes because its name exists elsewhere is that group; where it lies above the former owner, the name changes
 * its owner with the administrator's knowledge. */
static bool takes_over(const struct change *change) {
        const struct view *view = keeper_view(change->call->keeper);
        struct view_group group;
        for (size_t i = 0; i < change->step_count; i++)
                if (change->steps[i].operation == UPDATE_ADD_GROUP)
                        return view && view_group_by_name(view, change->steps[i].names.group, &group) == VIEW_FOUND;
        return false;
}

static json_t *finish_members(struct change *change) {
        struct keeper_call *call = change->call;
        if (!takes_over(change) || call->dry)
                return change_finish(change);
        return change_finish_accepting(change, NAME_OF_GROUP, keeper_field(call->request, "group"));
}

static json_t *work_on_members(struct keeper_call *call, enum update_operation operation) {
        struct change change;
        struct name_map seen = { 0 };
        json_t *object = NULL;
        if (change_init(&change, call) == 0) {
                object = plan_members(&change, operation, &seen);
                if (!object)
                        object = set_gids(&change, 0);
                if (!object)
                        object = finish_members(&change);
        }
        name_map_done(&seen);
        change_done(&change);
        return object;
}

json_t *keeper_member_add(struct keeper_call *call) { return work_on_members(call, UPDATE_ADD_MEMBER); }
json_t *keeper_member_remove(struct keeper_call *call) { return work_on_members(call, UPDATE_REMOVE_MEMBER); }
