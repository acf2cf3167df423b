/* Planning and carrying out changes; see keeper/change.h. */
#include "multidird/keeper/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "multidird/keeper/accept.h"
#include "multidird/keeper/follow.h"
#include "multidird/keeper/handover.h"

int change_init(struct change *change, struct keeper_call *call) {
        size_t count = call->keeper->directory_count;
        *change = (struct change){ .call = call };
        change->facts = calloc(count + 1, sizeof *change->facts);
        change->created = calloc(count + 1, 1);
        change->skipped = json_array();
        change->explained = call->dry ? json_array() : NULL;
        return change->facts && change->created && change->skipped && (!call->dry || change->explained) ? 0 : -ENOMEM;
}

void change_done(struct change *change) {
        free(change->facts);
        free(change->created);
        free(change->steps);
        json_decref(change->skipped);
        json_decref(change->explained);
        *change = (struct change){ 0 };
}

static const char *directory_name(const struct change *change, size_t directory) {
        const struct settings *settings = keeper_settings(change->call->keeper);
        return directory < settings->directory_count ? settings->directories[directory].name : NULL;
}

static void explain(struct change *change, const char *rule, size_t directory, const char *result, const char *text) {
        if (!change->explained)
                return;
        const char *name = directory_name(change, directory);
        (void)json_array_append_new(change->explained, json_pack("{s:s, s:o, s:s, s:o}", "rule", rule ? rule : "", "directory",
                                                                 name ? keeper_text(name) : json_null(), "result", result, "text", keeper_text(text)));
}

/* The object of explain update, which stands in for the answer (exit 0 allow, 1 deny). */
static json_t *explanation(struct change *change, enum reason reason, const char *text, json_t *changed) {
        struct keeper_call *call = change->call;
        call->exit = reason == REASON_OK ? EXIT_DONE : EXIT_REFUSED;
        const struct keeper_scope *scope = call->scope;
        return json_pack("{s:s, s:o, s:o, s:s, s:s, s:o, s:o, s:O, s:O}", "update", call->row->name,
                         "application", scope->console ? json_null() : keeper_text(scope->application->name),
                         "directory", scope->console ? keeper_text(directory_name(change, scope->directory)) : json_null(),
                         "verdict", reason == REASON_OK ? "allow" : "deny", "reason", reason_name(reason), "text", keeper_text(text),
                         "changed", changed, "skipped", change->skipped, "steps", change->explained);
}

static json_t *refusal(struct change *change, enum reason reason, const char *text) {
        if (change->call->dry)
                return explanation(change, reason, text, json_array());
        change->call->exit = keeper_exit_for(reason);
        return json_pack("{s:s, s:s, s:[], s:O, s:o}", "result", "refused", "reason", reason_name(reason), "changed", "skipped", change->skipped,
                         "text", keeper_text(text));
}

json_t *change_refuse(struct change *change, enum reason reason, const char *rule, const char *format, ...) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        explain(change, rule, change->plan.directory, reason_name(reason), sbuf_text(&text));
        return refusal(change, reason, sbuf_text(&text));
}

json_t *change_usage(struct change *change, const char *format, ...) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        change->call->exit = EXIT_USAGE;
        return keeper_error("usage", "%s", sbuf_text(&text));
}

static json_t *note_skips(struct change *change, const struct change_input *input) {
        const struct update_plan *plan = &change->plan;
        for (size_t i = 0; i < plan->skip_count; i++) {
                const struct update_skip *skip = &plan->skips[i];
                enum reason reason = skip->level == LEVEL_KIND ? REASON_READ_ONLY_KIND : REASON_PERMISSION_DENIED;
                struct update_plan one = { .reason = reason, .directory = skip->directory, .permission = skip->permission, .level = skip->level };
                _cleanup_free_ char *text = change_refusal_text(change->call->scope, input, &one);
                if (!text)
                        return NULL;
                json_t *row = json_pack("{s:o, s:s, s:s, s:o}", "directory", keeper_text(directory_name(change, skip->directory)), "permission",
                                        permission_name(skip->permission), "level", permission_level_name(skip->level), "text", keeper_text(text));
                if (row && !json_equal(row, json_array_get(change->skipped, json_array_size(change->skipped) - 1)))
                        (void)json_array_append_new(change->skipped, row);
                else
                        json_decref(row);
                explain(change, plan->rule, skip->directory, reason_name(reason), text);
        }
        return change->skipped;
}

int change_add_step(struct change *change, const struct change_step *step) {
        if (change->step_count == change->step_size) {
                size_t size = change->step_size ? change->step_size * 2 : 16;
                struct change_step *steps = reallocarray(change->steps, size, sizeof *steps);
                if (!steps)
                        return -ENOMEM;
                change->steps = steps;
                change->step_size = size;
        }
        change->steps[change->step_count++] = *step;
        return 0;
}

static const char *presence_text(enum presence presence, const char *found, const char *not_found) {
        return presence == PRESENCE_FOUND ? found : presence == PRESENCE_NOT_FOUND ? not_found : "cannot answer";
}

static void gather(struct change *change, const struct change_input *input) {
        struct keeper_call *call = change->call;
        memset(change->facts, 0, call->keeper->directory_count * sizeof *change->facts);
        size_t position = 0, d;
        while ((d = keeper_scope_next(call->scope, &position)) != SETTINGS_NONE) {
                struct update_facts *facts = &change->facts[d];
                change_facts(call->keeper, d, &input->names, facts);
                if (change->created[d] && facts->group != PRESENCE_UNAVAILABLE)
                        facts->group = PRESENCE_FOUND; /* an earlier name of this change has it made */
                _cleanup_sbuf_ struct sbuf text = { 0 };
                if (input->names.user)
                        sbuf_printf(&text, "%s %s: %s", input->names.child ? "group" : "user", input->names.user,
                                    presence_text(facts->user, "found", "not found"));
                if (input->names.group)
                        sbuf_printf(&text, "%sgroup %s: %s", text.len > 0 ? "; " : "", input->names.group, presence_text(facts->group, "found", "not found"));
                explain(change, "U", d, keeper_replica(call->keeper, d) ? "ok" : "unavailable", sbuf_text(&text));
        }
}

static json_t *out_of_memory(struct change *change) {
        return change_refuse(change, REASON_UNAVAILABLE, "", "the service is out of memory");
}

static void run_plan(struct change *change, const struct change_input *input) {
        struct update_request request;
        change_request(change->call->scope, input, change->facts, &request);
        change->plan = (struct update_plan){ 0 };
        update_plan(&request, &change->plan);
}

json_t *change_plan(struct change *change, const struct change_input *input) {
        gather(change, input);
        run_plan(change, input);
        const struct update_plan *plan = &change->plan;
        if (!note_skips(change, input))
                return out_of_memory(change);
        if (plan->reason != REASON_OK) {
                _cleanup_free_ char *text = change_refusal_text(change->call->scope, input, plan);
                return text ? change_refuse(change, plan->reason, plan->rule, "%s", text) : out_of_memory(change);
        }
        for (size_t i = 0; i < plan->change_count; i++) {
                const struct update_change *planned = &plan->changes[i];
                struct change_step step = { .directory = planned->directory, .operation = planned->operation, .what = planned->what,
                                            .names = input->names, .user = input->user, .group = input->group };
                step.group.name = input->names.group;
                if (planned->operation == UPDATE_ADD_GROUP && planned->directory < change->call->keeper->directory_count)
                        change->created[planned->directory] = 1;
                if (change_add_step(change, &step) < 0)
                        return out_of_memory(change);
                explain(change, plan->rule, planned->directory, "ok", planned->what);
        }
        return NULL;
}

static int run_member_step(struct store *store, const struct change_step *step) {
        const struct change_names *names = &step->names;
        if (step->operation == UPDATE_ADD_MEMBER)
                return names->child ? store_add_group_member(store, names->group, names->user) : store_add_member(store, names->group, names->user);
        return names->child ? store_remove_group_member(store, names->group, names->user) : store_remove_member(store, names->group, names->user);
}

static int run_step(struct store *store, const struct change_step *step) {
        const char *user = step->names.user;
        switch (step->operation) {
        case UPDATE_ADD_USER: return store_add_user(store, step->user);
        case UPDATE_MODIFY_USER:
        case UPDATE_SET_PASSWORD: return store_modify_user(store, user, step->user);
        case UPDATE_RENAME_USER: return store_rename_user(store, user, step->names.new_name);
        case UPDATE_REMOVE_USER: return store_remove_user(store, user);
        case UPDATE_ADD_GROUP: return store_add_group(store, &step->group);
        case UPDATE_MODIFY_GROUP: return store_modify_group(store, step->names.group, &step->group);
        case UPDATE_REMOVE_GROUP: return store_remove_group(store, step->names.group);
        case UPDATE_ADD_MEMBER:
        case UPDATE_REMOVE_MEMBER: return run_member_step(store, step);
        case UPDATE_NONE:
        case UPDATE_OPERATION_MAX: break;
        }
        return -EINVAL;
}

/* Where a directory of a change stands. */
enum { UNTOUCHED = 0, BEGUN, COMMITTED };

static void roll_back(struct change *change, const uint8_t *state) {
        for (size_t d = 0; d < change->call->keeper->directory_count; d++)
                if (state[d] == BEGUN)
                        store_rollback(change->call->keeper->directories[d].store);
}

/* All steps inside one transaction per directory, in order. On failure *failed is its directory. */
static int run_steps(struct change *change, uint8_t *state, size_t *failed) {
        struct keeper *keeper = change->call->keeper;
        for (size_t i = 0; i < change->step_count; i++) {
                const struct change_step *step = &change->steps[i];
                struct store *store = keeper->directories[step->directory].store;
                *failed = step->directory;
                int r = store ? 0 : -ENOTCONN;
                if (r == 0 && state[step->directory] == UNTOUCHED) {
                        r = store_begin(store);
                        if (r == 0)
                                state[step->directory] = BEGUN;
                }
                if (r == 0)
                        r = run_step(store, step);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Durable, directory by directory in the order of the steps (U12: the answer says how far it came). */
static int commit(struct change *change, uint8_t *state, size_t *failed) {
        struct keeper *keeper = change->call->keeper;
        for (size_t i = 0; i < change->step_count; i++) {
                size_t d = change->steps[i].directory;
                if (state[d] != BEGUN)
                        continue;
                *failed = d;
                int r = store_commit(keeper->directories[d].store);
                if (r < 0)
                        return r;
                state[d] = COMMITTED;
        }
        return 0;
}

/* A password is in no view and no replica. */
static bool changes_view(const struct change *change) {
        for (size_t i = 0; i < change->step_count; i++)
                if (change->steps[i].operation != UPDATE_SET_PASSWORD)
                        return true;
        return false;
}

static void reload(struct change *change, const uint8_t *state) {
        struct keeper *keeper = change->call->keeper;
        if (!changes_view(change)) {
                keeper_refresh(keeper);
                return;
        }
        for (size_t d = 0; d < keeper->directory_count; d++)
                if (state[d] == COMMITTED)
                        keeper_follow(keeper, d);
        keeper_refresh(keeper);
}

static json_t *changed_list(const struct change *change, const uint8_t *state) {
        json_t *list = json_array();
        for (size_t i = 0; i < change->step_count; i++)
                if (!state || state[change->steps[i].directory] == COMMITTED)
                        (void)json_array_append_new(list, json_pack("{s:o, s:s}", "directory", keeper_text(directory_name(change, change->steps[i].directory)),
                                                                    "what", change->steps[i].what));
        return list;
}

static json_t *failed_answer(struct change *change, const uint8_t *state, size_t directory, int error, bool partly) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        const struct store *store = change->call->keeper->directories[directory].store;
        sbuf_printf(&text, "directory %s: its store refused the change: %s%s%s%s; %s", directory_name(change, directory), strerror(-error), store ? " (" : "",
                    store ? store_error(store) : "", store ? ")" : "", partly ? "the directories under \"changed\" have been changed" : "nothing was changed");
        log_error("%s", sbuf_text(&text));
        change->call->exit = EXIT_UNAVAILABLE;
        return json_pack("{s:s, s:s, s:o, s:O, s:o}", "result", "refused", "reason", "unavailable", "changed", changed_list(change, state), "skipped",
                         change->skipped, "text", keeper_text(sbuf_text(&text)));
}

json_t *change_finish(struct change *change) {
        if (change->call->dry)
                return explanation(change, REASON_OK, "the change is allowed", changed_list(change, NULL));
        if (change_has_server(change))
                return change_hand_over(change, NULL);
        _cleanup_free_ uint8_t *state = calloc(change->call->keeper->directory_count + 1, 1);
        if (!state)
                return out_of_memory(change);
        size_t failed = 0;
        int r = run_steps(change, state, &failed);
        if (r == 0)
                r = commit(change, state, &failed);
        if (r < 0)
                roll_back(change, state);
        bool any = memchr(state, COMMITTED, change->call->keeper->directory_count) != NULL;
        if (r < 0) /* whether a failed commit is on disk, only the store can tell */
                keeper_mark_stale(change->call->keeper, failed);
        if (any || r < 0)
                reload(change, state);
        if (r < 0)
                return failed_answer(change, state, failed, r, any);
        return json_pack("{s:s, s:s, s:o, s:O}", "result", "done", "reason", "ok", "changed", changed_list(change, state), "skipped", change->skipped);
}

json_t *change_finish_accepting(struct change *change, enum name_kind kind, const char *name) {
        struct keeper_call *call = change->call;
        if (call->dry)
                return change_finish(change);
        if (change_has_server(change)) {
                struct update_subject subject = { .kind = kind, .accept = true };
                (void)snprintf(subject.name, sizeof subject.name, "%s", name);
                return change_hand_over(change, &subject);
        }
        /* Before the change: a crash after it must not leave the name withheld. */
        int r = keeper_accept_name(call->keeper, kind, name);
        if (r < 0)
                return change_refuse(change, REASON_UNAVAILABLE, "I5", "%s: the acceptance of the name cannot be written: %s; nothing was changed", name, strerror(-r));
        json_t *object = change_finish(change);
        if (call->exit != EXIT_DONE)
                keeper_accept_undo(call->keeper);
        return object;
}
