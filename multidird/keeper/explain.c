/* explain groups, explain group, explain update: the reason chain, from the code that decides.
 * Relies on: rules/membership, the handlers of the changes (run dry).
 * Must never: change anything. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "model/name.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"

#define STEPS_PER_DIRECTORY 1000u /* a group of a million members is not explained member by member */

struct explanation {
        struct keeper_call *call;
        json_t *steps;
};

static const char *directory_name(const struct explanation *e, size_t directory) {
        return keeper_settings(e->call->keeper)->directories[directory].name;
}

static void _printf_(5, 6) step(struct explanation *e, const char *rule, size_t directory, enum reason result, const char *format, ...) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        json_t *name = directory == SETTINGS_NONE ? json_null() : keeper_text(directory_name(e, directory));
        (void)json_array_append_new(e->steps, json_pack("{s:s, s:o, s:s, s:o}", "rule", rule, "directory", name, "result", reason_name(result),
                                                        "text", keeper_text(sbuf_text(&text))));
}

/* How the user comes into each of their groups: via[group] is the group below on a shortest way, the group itself where the membership is
 * direct, REPLICA_NONE for groups that are not theirs. malloc'ed; NULL when memory is out. */
static uint32_t *ways(const struct explanation *e, size_t directory, uint32_t user, const uint32_t *groups, size_t count) {
        const struct replica *replica = e->call->keeper->replicas[directory];
        const struct direct_groups *direct = &e->call->keeper->direct[directory];
        uint32_t *via = malloc((replica->group_count + 1) * sizeof *via);
        _cleanup_free_ bool *theirs = calloc(replica->group_count + 1, sizeof *theirs);
        if (!via || !theirs) {
                free(via);
                return NULL;
        }
        memset(via, 0xff, (replica->group_count + 1) * sizeof *via);
        for (size_t i = 0; i < count; i++)
                theirs[groups[i]] = true;
        for (size_t i = direct->first[user]; i < direct->first[user + 1]; i++)
                if (theirs[direct->groups[i]])
                        via[direct->groups[i]] = direct->groups[i];
        for (bool more = true; more;) {
                more = false;
                for (size_t i = 0; i < replica->group_edge_count; i++) {
                        const struct replica_edge *edge = &replica->group_edges[i];
                        if (via[edge->member] == REPLICA_NONE || via[edge->group] != REPLICA_NONE || !theirs[edge->group])
                                continue;
                        via[edge->group] = edge->member;
                        more = true;
                }
        }
        return via;
}

static void explain_way(struct explanation *e, size_t directory, const struct replica *replica, const uint32_t *via, uint32_t group) {
        const char *name = replica_text(replica, replica->groups[group].name);
        if (via[group] == group || via[group] == REPLICA_NONE) {
                step(e, "M1", directory, REASON_OK, "direct member of %s", name);
                return;
        }
        _cleanup_sbuf_ struct sbuf way = { 0 };
        for (uint32_t at = group, left = replica->group_count; via[at] != at && via[at] != REPLICA_NONE && left > 0; left--) {
                at = via[at];
                sbuf_printf(&way, "%s%s", way.len ? ", itself in it through " : "", replica_text(replica, replica->groups[at].name));
        }
        step(e, "M1", directory, REASON_OK, "member of %s through %s", name, sbuf_text(&way));
}

/* One directory that has the user and counts. */
static int explain_memberships(struct explanation *e, size_t directory, uint32_t user) {
        const struct replica *replica = e->call->keeper->replicas[directory];
        const struct direct_groups *direct = &e->call->keeper->direct[directory];
        _cleanup_free_ uint32_t *scratch = calloc(replica->group_count + 1, sizeof *scratch);
        _cleanup_free_ uint32_t *groups = calloc(replica->group_count + 1, sizeof *groups);
        if (!scratch || !groups)
                return -ENOMEM;
        size_t count = membership_in_directory(e->call->keeper->closures[directory], direct->groups + direct->first[user],
                                               direct->first[user + 1] - direct->first[user], scratch, 1, groups);
        _cleanup_free_ uint32_t *via = ways(e, directory, user, groups, count);
        if (!via)
                return -ENOMEM;
        for (size_t i = 0; i < count && i < STEPS_PER_DIRECTORY; i++)
                explain_way(e, directory, replica, via, groups[i]);
        return 0;
}

/* M2, M3: which directories count for a user. */
static int explain_directories(struct explanation *e, const char *user, size_t owner) {
        const struct keeper_scope *scope = e->call->scope;
        bool aggregating = scope->application->membership == AGGREGATING;
        const char *rule = aggregating ? "M3" : "M2";
        size_t position = 0, d;
        bool below = false;
        while ((d = keeper_scope_next(scope, &position)) != SETTINGS_NONE) {
                const struct replica *replica = e->call->keeper->replicas[d];
                uint32_t entry = replica ? replica_find_user(replica, user) : REPLICA_NONE;
                if (!replica)
                        step(e, "D6", d, REASON_UNAVAILABLE, "no complete replica yet");
                else if (entry == REPLICA_NONE)
                        step(e, rule, d, REASON_USER_NOT_FOUND, "does not have the user");
                else if (below && !aggregating)
                        step(e, rule, d, REASON_MASKED, "has a masked copy: non-aggregating, its groups do not count");
                else
                        step(e, rule, d, REASON_OK, below ? "has a masked copy: aggregating, its groups count" : "owns the user: its groups count");
                if (d == owner)
                        below = true;
                if (entry != REPLICA_NONE && (d == owner || (below && aggregating)) && explain_memberships(e, d, entry) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The names that NSS shows, and a step for each that it does not. Frees the list. */
static json_t *shown_groups(struct explanation *e, const struct view *view, const char **names, size_t count) {
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++) {
                struct view_group group;
                if (e->call->scope->console || (view && view_group_by_name(view, names[i], &group) == VIEW_FOUND)) {
                        (void)json_array_append_new(array, keeper_text(e->call->scope->console ? names[i] : group.name));
                        continue;
                }
                const struct masked_row *row = keeper_masked_row(e->call->keeper, NAME_OF_GROUP, names[i], SETTINGS_NONE);
                step(e, row && (row->reason == REASON_RESERVED_NAME || row->reason == REASON_LOCAL_ACCOUNT) ? "N4" : "I4", SETTINGS_NONE,
                     row ? row->reason : REASON_UNAVAILABLE, "group %s is not published: %s", names[i],
                     row && row->text ? row->text : "the view does not have it");
        }
        free(names);
        return array;
}

static json_t *explained(struct explanation *e, const char *kind, const char *name, enum reason reason, size_t owner, const char *key, json_t *list) {
        const struct keeper_scope *scope = e->call->scope;
        e->call->exit = reason == REASON_OK ? EXIT_DONE : EXIT_REFUSED;
        return json_pack("{s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:O}", kind, keeper_text(name), "application",
                         scope->console ? json_null() : keeper_text(scope->application->name), "directory",
                         scope->console ? keeper_text(directory_name(e, scope->directory)) : json_null(), "verdict", reason == REASON_OK ? "allow" : "deny",
                         "reason", reason_name(reason), "owner", owner == SETTINGS_NONE ? json_null() : keeper_text(directory_name(e, owner)), key, list,
                         "steps", e->steps);
}

/* Whether the view shows the name; if not, why, as the last step. */
static enum reason shown(struct explanation *e, const struct view *view, enum name_kind kind, const char *name, size_t owner) {
        struct view_user user;
        struct view_group group;
        if (owner == SETTINGS_NONE)
                return kind == NAME_OF_USER ? REASON_USER_NOT_FOUND : REASON_GROUP_NOT_FOUND;
        enum view_answer answer = !view ? VIEW_UNAVAILABLE
                : kind == NAME_OF_USER ? view_user_by_name(view, name, &user) : view_group_by_name(view, name, &group);
        if (e->call->scope->console || answer == VIEW_FOUND)
                return REASON_OK;
        const struct masked_row *row = keeper_masked_row(e->call->keeper, kind, name, owner);
        enum reason reason = row ? row->reason : REASON_UNAVAILABLE;
        step(e, "N", owner, reason, "%s is not published: %s", name, row && row->text ? row->text : "the view does not have it");
        return reason;
}

json_t *keeper_explain_groups(struct keeper_call *call) {
        const char *name = keeper_field(call->request, "user");
        json_auto_t *steps = json_array();
        struct explanation e = { .call = call, .steps = steps };
        const struct view *view = keeper_view(call->keeper);
        uint32_t entry;
        size_t owner = world_owner_of_user(&call->scope->world, name, &entry), count = 0;
        const char **names = NULL;
        if (explain_directories(&e, name, owner) < 0)
                return NULL;
        enum reason reason = shown(&e, view, NAME_OF_USER, name, owner);
        if (owner == SETTINGS_NONE)
                return explained(&e, "user", name, reason, owner, "groups", json_array());
        if (world_groups_of_user(&call->scope->world, name, &names, &count) < 0)
                return NULL;
        json_t *groups = shown_groups(&e, view, names, count);
        return explained(&e, "user", name, reason, owner, "groups", groups);
}

/* M4: whose membership in this directory counts, and whose does not. */
static int explain_members(struct explanation *e, size_t directory, uint32_t group) {
        const struct keeper_scope *scope = e->call->scope;
        const struct replica *replica = e->call->keeper->replicas[directory];
        const struct direct_groups *direct = &e->call->keeper->direct[directory];
        _cleanup_free_ bool *below = calloc(replica->group_count + 1, sizeof *below);
        if (!below)
                return -ENOMEM;
        closure_below(e->call->keeper->closures[directory], group, below);
        uint32_t members = 0, masked = 0;
        for (uint32_t u = 0; u < replica->user_count; u++) {
                bool in = false;
                for (size_t i = direct->first[u]; i < direct->first[u + 1] && !in; i++)
                        in = below[direct->groups[i]];
                if (!in)
                        continue;
                uint32_t entry;
                const char *name = replica_text(replica, replica->users[u].name);
                size_t owner = world_owner_of_user(&scope->world, name, &entry);
                members++;
                if (owner == directory || owner == SETTINGS_NONE || scope->application->membership == AGGREGATING || masked++ >= STEPS_PER_DIRECTORY)
                        continue;
                step(e, "M4", directory, REASON_MASKED, "%s is a member here, but %s owns the user: does not count", name, directory_name(e, owner));
        }
        step(e, "M4", directory, REASON_OK, "%u members, direct and nested, %u of them masked", members, masked);
        return 0;
}

json_t *keeper_explain_group(struct keeper_call *call) {
        const char *name = keeper_field(call->request, "group");
        json_auto_t *steps = json_array();
        struct explanation e = { .call = call, .steps = steps };
        const struct view *view = keeper_view(call->keeper);
        uint32_t entry;
        size_t owner = world_owner_of_group(&call->scope->world, name, &entry), position = 0, d, count = 0;
        while ((d = keeper_scope_next(call->scope, &position)) != SETTINGS_NONE) {
                const struct replica *replica = call->keeper->replicas[d];
                uint32_t group = replica ? replica_find_group(replica, name) : REPLICA_NONE;
                if (!replica)
                        step(&e, "D6", d, REASON_UNAVAILABLE, "no complete replica yet");
                else if (group == REPLICA_NONE)
                        step(&e, "M4", d, REASON_GROUP_NOT_FOUND, "does not have the group");
                else if (explain_members(&e, d, group) < 0)
                        return NULL;
        }
        enum reason reason = shown(&e, view, NAME_OF_GROUP, name, owner);
        const char **names = NULL;
        if (owner == SETTINGS_NONE)
                return explained(&e, "group", name, reason, owner, "members", json_array());
        if (world_members_of_group(&call->scope->world, name, &names, &count) < 0)
                return NULL;
        json_t *members = json_array();
        for (size_t i = 0; i < count; i++) {
                struct view_user user;
                if (call->scope->console || (view && view_user_by_name(view, names[i], &user) == VIEW_FOUND))
                        (void)json_array_append_new(members, keeper_text(call->scope->console ? names[i] : user.name));
                else
                        step(&e, "M4", SETTINGS_NONE, REASON_MASKED, "member %s is not published", names[i]);
        }
        free(names);
        return explained(&e, "group", name, reason, owner, "members", members);
}

/* The update is a request of its own; the selector may stand in either. */
json_t *keeper_explain_update(struct keeper_call *call) {
        json_auto_t *update = json_copy(json_object_get(call->request, "update"));
        static const char *const selectors[] = { "application", "directory" };
        for (size_t i = 0; update && i < ARRAY_SIZE(selectors); i++) {
                json_t *outer = json_object_get(call->request, selectors[i]);
                if (outer && !json_object_get(update, "application") && !json_object_get(update, "directory"))
                        (void)json_object_set(update, selectors[i], outer);
        }
        return update ? keeper_run(call->keeper, update, true, &call->exit) : NULL;
}
