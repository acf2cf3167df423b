/* Steps on their way to servers, and back; see keeper/handover.h. */
#include "multidird/keeper/handover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "multidird/keeper/accept.h"
#include "multidird/keeper/leaving.h"

static const struct { enum update_operation planned; enum entry_change change; } operations[] = {
        { UPDATE_ADD_USER, CHANGE_ADD_USER },           { UPDATE_MODIFY_USER, CHANGE_MODIFY_USER }, { UPDATE_RENAME_USER, CHANGE_RENAME_USER },
        { UPDATE_SET_PASSWORD, CHANGE_SET_PASSWORD },   { UPDATE_REMOVE_USER, CHANGE_REMOVE_USER }, { UPDATE_ADD_GROUP, CHANGE_ADD_GROUP },
        { UPDATE_MODIFY_GROUP, CHANGE_MODIFY_GROUP },   { UPDATE_REMOVE_GROUP, CHANGE_REMOVE_GROUP }, { UPDATE_ADD_MEMBER, CHANGE_ADD_MEMBER },
        { UPDATE_REMOVE_MEMBER, CHANGE_REMOVE_MEMBER },
};

static enum entry_change change_of(enum update_operation operation) {
        for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
                if (operations[i].planned == operation)
                        return operations[i].change;
        return CHANGE_NONE;
}

static enum update_operation operation_of(enum entry_change change) {
        for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
                if (operations[i].change == change)
                        return operations[i].planned;
        return UPDATE_NONE;
}

static bool is_of_group(enum update_operation operation) {
        return operation == UPDATE_ADD_GROUP || operation == UPDATE_MODIFY_GROUP || operation == UPDATE_REMOVE_GROUP || operation == UPDATE_ADD_MEMBER ||
               operation == UPDATE_REMOVE_MEMBER;
}

static bool is_at_server(const struct change *change, const struct change_step *step) {
        return !directory_is_kept_here(change->call->keeper->directories[step->directory].type);
}

bool change_has_server(const struct change *change) {
        for (size_t i = 0; i < change->step_count; i++)
                if (is_at_server(change, &change->steps[i]))
                        return true;
        return false;
}

void keeper_planned_free(struct keeper_planned *planned) {
        if (!planned)
                return;
        for (size_t i = 0; i < planned->message.step_count; i++)
                free((void *)(uintptr_t)planned->message.steps[i].change);
        protocol_planned_done(&planned->message);
        free(planned->skipped);
        free(planned);
}

/* A name and an id as the replica has them; a group that an earlier step makes has neither yet. */
static void name_entry(const struct replica *replica, bool group, const char *name, const char **its_name, const char **its_id) {
        *its_name = name;
        *its_id = "";
        uint32_t index = !replica || !name ? REPLICA_NONE : group ? replica_find_group(replica, name) : replica_find_user(replica, name);
        if (index == REPLICA_NONE)
                return;
        *its_name = replica_text(replica, group ? replica->groups[index].name : replica->users[index].name);
        *its_id = replica_text(replica, group ? replica->groups[index].entry_id : replica->users[index].entry_id);
}

static void add_user_values(struct directory_change *to, const struct store_user *user) {
        if (!user)
                return;
        to->display_name = user->display_name;
        to->email = user->email;
        to->home = user->home;
        to->shell = user->shell;
        to->ssh_keys = user->ssh_keys;
        to->has_uid = user->has_uid;
        to->uid = user->uid;
        to->has_gid = user->has_gid;
        to->gid = user->gid;
        to->has_active = user->has_active;
        to->active = user->active;
        for (size_t i = 0; i < user->attribute_count; i++)
                to->attributes[to->attribute_count++] = user->attributes[i];
}

static void describe(const struct change *change, const struct change_step *step, struct directory_change *to) {
        const struct replica *replica = keeper_replica(change->call->keeper, step->directory);
        bool of_group = is_of_group(step->operation), of_member = step->operation == UPDATE_ADD_MEMBER || step->operation == UPDATE_REMOVE_MEMBER;
        bool adds = step->operation == UPDATE_ADD_USER || step->operation == UPDATE_ADD_GROUP;
        *to = (struct directory_change){ .operation = change_of(step->operation) };
        name_entry(adds ? NULL : replica, of_group, of_group ? step->names.group : step->names.user, &to->name, &to->entry_id);
        to->new_name = step->names.new_name;
        to->member_is_group = of_member && step->names.child;
        if (of_member)
                name_entry(replica, step->names.child, step->names.user, &to->member, &to->member_id);
        if (!of_group)
                add_user_values(to, step->user);
        if (of_group && !of_member) {
                to->description = step->group.description;
                to->has_gid = step->group.has_gid;
                to->gid = step->group.gid;
        }
}

static int add_step(struct protocol_planned *message, const struct change *change, const struct change_step *step) {
        struct directory_change described;
        struct update_step *to = &message->steps[message->step_count];
        describe(change, step, &described);
        *to = (struct update_step){ .directory = keeper_settings(change->call->keeper)->directories[step->directory].name, .what = step->what,
                                    .at_server = is_at_server(change, step) };
        to->change = update_pack(&described, &to->change_len);
        if (!to->change)
                return -ENOMEM;
        message->step_count++;
        return 0;
}

/* A directory's steps together, and the directories in the application's order: so the owner of a new name is the one that was published first. */
static int add_steps(struct protocol_planned *message, const struct change *change) {
        size_t position = 0, d;
        int r = 0;
        while (r == 0 && (d = keeper_scope_next(change->call->scope, &position)) != SETTINGS_NONE)
                for (size_t i = 0; i < change->step_count && r == 0; i++)
                        if (change->steps[i].directory == d)
                                r = add_step(message, change, &change->steps[i]);
        return r == 0 && message->step_count == change->step_count ? 0 : -ENOMEM;
}

static int make(const struct change *change, const struct update_subject *accept, struct keeper_planned *planned) {
        struct protocol_planned *message = &planned->message;
        enum name_kind kind = NAME_OF_USER;
        const char *subject = keeper_subject(change->call->request, &kind);
        message->steps = calloc(change->step_count + 1, sizeof *message->steps);
        planned->skipped = json_dumps(change->skipped, JSON_COMPACT);
        if (!message->steps || !planned->skipped)
                return -ENOMEM;
        message->skipped = planned->skipped;
        if (accept)
                message->subject = *accept;
        else if (subject && strlen(subject) <= WIRE_NAME_MAX)
                (void)snprintf(message->subject.name, sizeof message->subject.name, "%s", subject);
        if (!accept)
                message->subject.kind = kind;
        if (change->password)
                (void)secret_set(&message->password, change->password->bytes, change->password->len);
        return add_steps(message, change);
}

/* What the steps cannot say, or not so many of them. */
static json_t *check_shape(struct change *change) {
        if (change->step_count > UPDATE_STEPS_MAX)
                return change_usage(change, "more than %d changes in one command", UPDATE_STEPS_MAX);
        for (size_t i = 0; i < change->step_count; i++) {
                const struct change_step *step = &change->steps[i];
                if (!is_at_server(change, step) && !is_of_group(step->operation))
                        return change_usage(change, "this would change a user in two directories: make the two changes one by one");
                if (step->user && step->user->attribute_count > CHANGE_ATTRIBUTES_MAX)
                        return change_usage(change, "more than %d attributes in one command", CHANGE_ATTRIBUTES_MAX);
        }
        return NULL;
}

json_t *change_hand_over(struct change *change, const struct update_subject *accept) {
        struct keeper *keeper = change->call->keeper;
        json_t *error = check_shape(change);
        if (error)
                return error;
        struct keeper_planned *planned = calloc(1, sizeof *planned);
        if (!planned || make(change, accept, planned) < 0) {
                keeper_planned_free(planned);
                return change_refuse(change, REASON_UNAVAILABLE, "", "the service is out of memory");
        }
        keeper_planned_free(keeper->planned);
        keeper->planned = planned;
        leaving_note(keeper, planned->message.steps, planned->message.step_count);
        return json_pack("{s:s}", "result", "planned");
}

/* A step of the keeper's own, as it was handed over; its texts are those of *from. False: it is none. */
static bool take_step(const struct keeper *keeper, const struct update_step *step, struct directory_change *from, struct change_step *to) {
        size_t d = settings_directory(keeper_settings(keeper), step->directory);
        if (d == SETTINGS_NONE || !directory_is_kept_here(keeper->directories[d].type) || update_unpack(step->change, step->change_len, from) < 0 ||
            !is_of_group(operation_of(from->operation)))
                return false;
        /* The name of what was done is compared, and printed, later. */
        *to = (struct change_step){ .directory = d, .operation = operation_of(from->operation), .what = step->what,
                                    .names = { .group = from->name, .user = from->member, .child = from->member_is_group },
                                    .group = { .name = from->name, .description = from->description, .has_gid = from->has_gid, .gid = from->gid } };
        return true;
}

static json_t *run(struct change *change, const struct protocol_apply *apply, struct directory_change *froms) {
        for (size_t i = 0; i < apply->step_count; i++) {
                struct change_step step;
                if (apply->steps[i].at_server) {
                        leaving_take_back(change->call->keeper, &apply->steps[i]);
                        continue;
                }
                if (!take_step(change->call->keeper, &apply->steps[i], &froms[i], &step))
                        return change_refuse(change, REASON_UNAVAILABLE, "", "directory %s is not what it was when the change was planned",
                                             apply->steps[i].directory);
                if (change_add_step(change, &step) < 0)
                        return NULL;
        }
        if (!apply->subject.accept)
                return change_finish(change);
        /* The build that the others' synchronisation caused may have withheld the name. */
        keeper_touch(change->call->keeper);
        return change_finish_accepting(change, apply->subject.kind, apply->subject.name);
}

json_t *keeper_apply(struct keeper *keeper, const struct protocol_apply *apply, int *exit) {
        struct keeper_call call = { .keeper = keeper, .exit = EXIT_DONE };
        struct directory_change *froms = calloc(apply->step_count + 1, sizeof *froms);
        struct change change;
        json_t *object = NULL;
        if (change_init(&change, &call) == 0 && froms && keeper->config) {
                keeper_refresh(keeper);
                object = run(&change, apply, froms);
        }
        change_done(&change);
        free(froms);
        *exit = object ? call.exit : EXIT_UNAVAILABLE;
        return object;
}
