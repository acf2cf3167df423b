/* Changes of users (rules U1 to U4); see keeper/command.h. What is decided where is rules/update's; here are only the values. */
#include <string.h>

#include "base/text.h"
#include "directory/password.h"
#include "model/id.h"
#include "model/name.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/change.h"

/* The values of one request, and what keeps them alive. */
struct user_values {
        struct store_user user;     /* all but the password */
        struct store_user password; /* the password alone */
        bool has_password;
        struct secret secret;
        char *hash;
        struct arena arena;
};

static void user_values_done(struct user_values *values) {
        secret_done(&values->secret);
        if (values->hash)
                explicit_bzero(values->hash, strlen(values->hash));
        free(values->hash);
        arena_done(&values->arena);
}

static json_t *read_attributes(struct change *change, struct user_values *values, const json_t *pairs) {
        size_t count = json_object_size(pairs), i = 0;
        const char **list = arena_alloc(&values->arena, (count + 1) * sizeof *list);
        const char *key;
        json_t *value;
        if (!list)
                return change_refuse(change, REASON_UNAVAILABLE, "", "the service is out of memory");
        json_object_foreach((json_t *)(uintptr_t)pairs, key, value) {
                const char *text = json_string_value(value);
                if (!*key || strchr(key, '=') || text_has_control(key, strlen(key)) || text_has_control(text, strlen(text)))
                        return change_usage(change, "the attribute \"%.64s\": a key is not empty and has no '='; neither part has control characters", key);
                _cleanup_sbuf_ struct sbuf line = { 0 };
                sbuf_printf(&line, "%s=%s", key, text);
                list[i] = line.failed ? NULL : arena_strdup(&values->arena, sbuf_text(&line));
                if (!list[i++])
                        return change_refuse(change, REASON_UNAVAILABLE, "", "the service is out of memory");
        }
        values->user.attributes = list;
        values->user.attribute_count = count;
        return NULL;
}

static bool keys_are_publishable(const char *keys) {
        while (*keys) {
                size_t len = strcspn(keys, "\n");
                if (len > 0 && !ssh_key_is_publishable(keys, len))
                        return false;
                keys += len + (keys[len] == '\n');
        }
        return true;
}

/* Homes and shells are the directory's own affair: the view replaces what it cannot publish (N5), and `masked` says so. */
static json_t *check_values(struct change *change, const struct store_user *user) {
        if (user->email && text_has_control(user->email, strlen(user->email)))
                return change_usage(change, "the e-mail address has control characters");
        if (user->ssh_keys && !keys_are_publishable(user->ssh_keys))
                return change_usage(change, "the SSH keys must be public keys, one per line");
        return NULL;
}

static json_t *read_values(struct change *change, struct user_values *values) {
        const json_t *request = change->call->request;
        const json_t *uid = json_object_get(request, "uid"), *gid = json_object_get(request, "gid"), *password = json_object_get(request, "password");
        values->user = (struct store_user){
                .name = keeper_field(request, "user"), .display_name = keeper_field(request, "display_name"), .email = keeper_field(request, "email"),
                .home = keeper_field(request, "home"), .shell = keeper_field(request, "shell"), .ssh_keys = keeper_field(request, "ssh_keys"),
                .has_uid = uid != NULL, .uid = (uint32_t)json_integer_value(uid), .has_gid = gid != NULL, .gid = (uint32_t)json_integer_value(gid),
        };
        values->has_password = password != NULL;
        json_t *error = check_values(change, &values->user);
        const json_t *pairs = json_object_get(request, "attributes");
        if (!error && pairs)
                error = read_attributes(change, values, pairs);
        return error;
}

/* Whether a step sets a password which the directory's own server keeps. */
static bool set_at_server(const struct change *change) {
        const struct settings *settings = keeper_settings(change->call->keeper);
        for (size_t i = 0; i < change->step_count; i++) {
                bool sets = change->steps[i].operation == UPDATE_SET_PASSWORD || change->steps[i].operation == UPDATE_ADD_USER;
                if (sets && settings->directories[change->steps[i].directory].type != DIRECTORY_INTERNAL)
                        return true;
        }
        return false;
}

/* L8. After the plan: permission comes first. */
static json_t *check_password(struct change *change, struct user_values *values) {
        const json_t *password = json_object_get(change->call->request, "password");
        if (!values->has_password)
                return NULL;
        if (json_string_length(password) == 0)
                return change_refuse(change, REASON_EMPTY_PASSWORD, "L8", "the password is empty");
        if (secret_set(&values->secret, json_string_value(password), json_string_length(password)) < 0)
                return change_refuse(change, REASON_BAD_PASSWORD, "L8", "the password is longer than %d bytes", SECRET_MAX);
        if (secret_has_nul(&values->secret))
                return change_refuse(change, REASON_BAD_PASSWORD, "L8", "the password holds a NUL byte");
        return NULL;
}

/* The hash, but not for explain update: it costs what a login costs. */
static json_t *hash_password(struct change *change, struct user_values *values) {
        json_t *error = check_password(change, values);
        if (error || !values->has_password)
                return error;
        if (set_at_server(change)) {
                change->password = &values->secret;
                return NULL;
        }
        if (values->secret.len > PASSWORD_BYTES_MAX)
                return change_refuse(change, REASON_BAD_PASSWORD, "L8", "an internal directory keeps passwords of at most %d bytes: crypt(5) takes no more",
                                     PASSWORD_BYTES_MAX);
        if (change->call->dry)
                return NULL;
        int r = password_hash(&values->secret, &values->hash);
        if (r < 0)
                return change_refuse(change, REASON_UNAVAILABLE, "", "the password cannot be hashed: %s", strerror(-r));
        values->password = (struct store_user){ .hash = values->hash, .has_must_change = true, .must_change = false };
        values->user.hash = NULL;
        return NULL;
}

/* I3, I4 for a uid that the administrator gives, in the directory that gets it. The console (P3) speaks of that directory alone, which other
 * hosts may read too: there the view withholds what it must, and `masked` lists it. */
static json_t *check_uid(struct change *change, const struct change_step *step) {
        struct keeper *keeper = change->call->keeper;
        const struct directory_settings *directory = &keeper_settings(keeper)->directories[step->directory];
        const struct store_user *user = step->user;
        const char *why = "";
        if (directory->ids != IDS_ATTRIBUTE && (user->has_uid || user->has_gid))
                return change_usage(change, "directory %s gives out ids itself (ids = allocate): --uid and --gid need ids = attribute in [directory/%s]",
                                    directory->name, directory->name);
        if (directory->ids == IDS_ATTRIBUTE && step->operation == UPDATE_ADD_USER && !user->has_uid)
                return change_usage(change, "directory %s takes ids from its entries (ids = attribute): --uid is needed", directory->name);
        if (!user->has_uid || change->call->scope->console)
                return NULL;
        if (id_check(directory, keeper->local, user->uid, &why) != REASON_OK)
                return change_refuse(change, REASON_ID_CONFLICT, "I3", "uid %u, directory %s: %s", user->uid, directory->name, why);
        const struct view *view = keeper_view(keeper);
        struct view_user other;
        if (view && view_user_by_uid(view, user->uid, &other) == VIEW_FOUND && !text_same_name(other.name, step->names.user))
                return change_refuse(change, REASON_ID_CONFLICT, "I4", "uid %u is the user %s's", user->uid, other.name);
        return NULL;
}

static json_t *check_uids(struct change *change) {
        json_t *error = NULL;
        for (size_t i = 0; i < change->step_count && !error; i++)
                if (change->steps[i].operation == UPDATE_ADD_USER || change->steps[i].operation == UPDATE_MODIFY_USER)
                        error = check_uid(change, &change->steps[i]);
        return error;
}

static json_t *add_user(struct change *change, struct user_values *values) {
        json_t *error = read_values(change, values);
        if (error)
                return error;
        struct change_input input = { .operation = UPDATE_ADD_USER, .names = { .user = values->user.name }, .user = &values->user,
                                      .sets_password = values->has_password };
        input.name = change_check_name(change->call->keeper, NAME_OF_USER, values->user.name, &input.name_why);
        error = change_plan(change, &input);
        if (!error)
                error = check_uids(change);
        if (!error)
                error = hash_password(change, values);
        if (error)
                return error;
        values->user.hash = values->hash;
        return change_finish(change);
}

static json_t *modify_user(struct change *change, struct user_values *values) {
        json_t *error = read_values(change, values);
        if (error)
                return error;
        const struct store_user *user = &values->user;
        permission_set needs = PERMISSIONS_NONE;
        if (user->display_name || user->email || user->home || user->shell || user->ssh_keys || user->has_uid || user->has_gid)
                needs |= PERMISSION_BIT(PERMISSION_MODIFY_USER);
        if (user->attribute_count > 0)
                needs |= PERMISSION_BIT(PERMISSION_MODIFY_USER_ATTRIBUTES); /* U3: a mix needs both */
        if (needs == PERMISSIONS_NONE && !values->has_password)
                return change_usage(change, "nothing to change was given");
        struct change_input input = { .operation = UPDATE_MODIFY_USER, .name = REASON_OK, .names = { .user = user->name }, .user = user, .needs = needs };
        if (needs != PERMISSIONS_NONE)
                error = change_plan(change, &input);
        if (!error && values->has_password) {
                input = (struct change_input){ .operation = UPDATE_SET_PASSWORD, .name = REASON_OK, .names = { .user = user->name },
                                               .user = &values->password };
                error = change_plan(change, &input);
        }
        if (!error)
                error = check_uids(change);
        if (!error)
                error = hash_password(change, values);
        return error ? error : change_finish(change);
}

static json_t *set_password(struct change *change, struct user_values *values) {
        values->has_password = json_object_get(change->call->request, "password") != NULL;
        if (!values->has_password && !change->call->dry)
                return change_usage(change, "the field \"password\" is missing");
        struct change_input input = { .operation = UPDATE_SET_PASSWORD, .name = REASON_OK, .user = &values->password,
                                      .names = { .user = keeper_field(change->call->request, "user") } };
        json_t *error = change_plan(change, &input);
        if (!error)
                error = hash_password(change, values);
        return error ? error : change_finish(change);
}

static json_t *with_values(struct keeper_call *call, json_t *(*work)(struct change *, struct user_values *)) {
        struct change change;
        struct user_values values = { 0 };
        json_t *object = NULL;
        if (change_init(&change, call) == 0)
                object = work(&change, &values);
        change_done(&change);
        user_values_done(&values);
        return object;
}

json_t *keeper_user_add(struct keeper_call *call) { return with_values(call, add_user); }
json_t *keeper_user_modify(struct keeper_call *call) { return with_values(call, modify_user); }
json_t *keeper_user_password(struct keeper_call *call) { return with_values(call, set_password); }

/* One plan, then done. */
static json_t *simple(struct keeper_call *call, const struct change_input *input) {
        struct change change;
        json_t *object = NULL;
        if (change_init(&change, call) == 0) {
                object = change_plan(&change, input);
                if (!object)
                        object = change_finish(&change);
        }
        change_done(&change);
        return object;
}

json_t *keeper_user_rename(struct keeper_call *call) {
        struct change_input input = { .operation = UPDATE_RENAME_USER,
                                      .names = { .user = keeper_field(call->request, "user"), .new_name = keeper_field(call->request, "new_name") } };
        input.name = change_check_name(call->keeper, NAME_OF_USER, input.names.new_name, &input.name_why);
        return simple(call, &input);
}

/* U4. --unmask is also the acceptance of the name's next owner (I5). */
json_t *keeper_user_remove(struct keeper_call *call) {
        struct change_input input = { .operation = UPDATE_REMOVE_USER, .name = REASON_OK, .names = { .user = keeper_field(call->request, "user") },
                                      .unmask = json_is_true(json_object_get(call->request, "unmask")) };
        const char *why;
        if (!input.unmask || name_check(NAME_OF_USER, input.names.user, &why) != REASON_OK)
                return simple(call, &input);
        struct change change;
        json_t *object = NULL;
        if (change_init(&change, call) == 0) {
                object = change_plan(&change, &input);
                if (!object)
                        object = change_finish_accepting(&change, NAME_OF_USER, input.names.user);
        }
        change_done(&change);
        return object;
}

static json_t *set_active(struct keeper_call *call, bool active) {
        const struct store_user user = { .has_active = true, .active = active };
        const struct change_input input = { .operation = UPDATE_MODIFY_USER, .name = REASON_OK, .user = &user,
                                            .names = { .user = keeper_field(call->request, "user") },
                                            .needs = PERMISSION_BIT(PERMISSION_MODIFY_USER_ATTRIBUTES) };
        return simple(call, &input);
}

json_t *keeper_user_activate(struct keeper_call *call) { return set_active(call, true); }
json_t *keeper_user_deactivate(struct keeper_call *call) { return set_active(call, false); }
