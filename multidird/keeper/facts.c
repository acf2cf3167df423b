/* What the directories say before a change, and how a refusal is put into words; see keeper/change.h. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sbuf.h"
#include "model/name.h"
#include "multidird/keeper/change.h"

/* L6, for changes: that somebody is not there, an old replica cannot tell. Whom it has, the server is asked for before anything is changed. */
static enum presence presence_of(uint32_t index, bool fresh) {
        return index != REPLICA_NONE ? PRESENCE_FOUND : fresh ? PRESENCE_NOT_FOUND : PRESENCE_UNAVAILABLE;
}

/* What is kept here is its own truth. A replica from the future is of a clock that was wrong. */
static bool is_fresh(const struct keeper *keeper, size_t directory, const struct replica *replica) {
        uint64_t now = clock_real_s();
        return directory_is_kept_here(keeper->directories[directory].type) ||
               (replica->synchronised_s <= now && now - replica->synchronised_s < keeper_settings(keeper)->directories[directory].replica_max_age_s);
}

/* A membership on record. One that only follows from the user's gidNumber (M9) can be neither there already nor removed. */
static enum presence user_edge(struct keeper *keeper, size_t directory, uint32_t user, uint32_t group) {
        if (keeper_prepare(keeper, directory) < 0)
                return PRESENCE_UNAVAILABLE;
        const struct replica *replica = keeper->replicas[directory];
        const struct direct_groups *direct = &keeper->direct[directory];
        bool found = false, by_number = replica->users[user].posix_primary && replica->users[user].gid == replica->groups[group].gid;
        for (size_t i = direct->first[user]; i < direct->first[user + 1] && !found; i++)
                found = direct->groups[i] == group;
        if (!found || !by_number)
                return found ? PRESENCE_FOUND : PRESENCE_NOT_FOUND;
        for (size_t i = 0; i < replica->user_edge_count; i++)
                if (replica->user_edges[i].member == user && replica->user_edges[i].group == group)
                        return PRESENCE_FOUND;
        return PRESENCE_NOT_FOUND;
}

static enum presence group_edge(const struct replica *replica, uint32_t child, uint32_t parent) {
        for (size_t i = 0; i < replica->group_edge_count; i++)
                if (replica->group_edges[i].member == child && replica->group_edges[i].group == parent)
                        return PRESENCE_FOUND;
        return PRESENCE_NOT_FOUND;
}

/* U11. The raw nesting counts, whatever nested_groups and ignore_inactive_groups say: a cycle would be there when they change. */
static bool is_above(const struct keeper *keeper, const struct replica *replica, size_t directory, uint32_t child, uint32_t group) {
        struct directory_settings settings = keeper_settings(keeper)->directories[directory];
        settings.nested_groups = true;
        settings.ignore_inactive_groups = false;
        struct closure *closure = NULL;
        if (child == group || closure_new(replica, &settings, &closure) < 0)
                return true; /* out of memory: refusing is the safe answer */
        bool found = closure_is_above(closure, group, child) != 0;
        closure_free(closure);
        return found;
}

void change_facts(struct keeper *keeper, size_t directory, const struct change_names *names, struct update_facts *facts) {
        *facts = (struct update_facts){ 0 };
        const struct replica *replica = keeper_replica(keeper, directory);
        if (!replica)
                return;
        uint32_t user = REPLICA_NONE, group = REPLICA_NONE, other = REPLICA_NONE;
        if (names->user)
                user = names->child ? replica_find_group(replica, names->user) : replica_find_user(replica, names->user);
        if (names->group)
                group = replica_find_group(replica, names->group);
        if (names->new_name)
                other = replica_find_user(replica, names->new_name);
        /* A change of case only (JSmith to jsmith) meets nobody but the user. */
        if (other == user)
                other = REPLICA_NONE;
        bool fresh = is_fresh(keeper, directory, replica);
        facts->user = presence_of(user, fresh);
        facts->group = presence_of(group, fresh);
        facts->new_name = presence_of(other, fresh);
        facts->member = PRESENCE_NOT_FOUND;
        if (user == REPLICA_NONE || group == REPLICA_NONE)
                return;
        facts->member = names->child ? group_edge(replica, user, group) : user_edge(keeper, directory, user, group);
        facts->above = names->child && is_above(keeper, replica, directory, user, group);
}

void change_request(const struct keeper_scope *scope, const struct change_input *input, const struct update_facts *facts, struct update_request *request) {
        *request = (struct update_request){
                .operation = input->operation, .settings = scope->world.settings, .application = scope->console ? NULL : scope->application,
                .console = scope->directory, .facts = facts, .needs = input->needs, .group_in_group = input->names.child,
                .unmask = input->unmask, .sets_password = input->sets_password, .name = input->name,
        };
}

enum reason change_check_name(const struct keeper *keeper, enum name_kind kind, const char *name, const char **why) {
        enum reason reason = name_check(kind, name, why);
        if (reason != REASON_OK)
                return reason;
        *why = "the name is reserved for the system";
        if (name_is_reserved(name))
                return REASON_RESERVED_NAME;
        *why = "a local account or group has the name";
        return local_accounts_has_name(keeper->local, name) ? REASON_LOCAL_ACCOUNT : REASON_OK;
}

/* "user ann", "group ops", or for a membership both. */
static void add_subject(struct sbuf *text, const struct change_input *input) {
        const struct change_names *names = &input->names;
        if (names->user)
                sbuf_printf(text, "%s %s", names->child ? "group" : "user", names->user);
        if (names->user && names->group)
                sbuf_add(text, " and ");
        if (names->group)
                sbuf_printf(text, "group %s", names->group);
}

static const char *reason_sentence(const struct change_input *input, enum reason reason) {
        switch (reason) {
        case REASON_USER_NOT_FOUND: return "there is no such user";
        case REASON_GROUP_NOT_FOUND: return "there is no such group";
        case REASON_EXISTS: return input->operation == UPDATE_RENAME_USER ? "the new name exists already" : "the name exists already";
        case REASON_NOT_A_MEMBER: return "there is no direct membership";
        case REASON_ALREADY_A_MEMBER: return "the membership is there already";
        case REASON_NEEDS_UNMASK: return "a masked user of the same name in a lower directory would become visible; --unmask allows it";
        case REASON_CIRCULAR: return "a group cannot be a member of itself, nor of a group below it";
        case REASON_NESTING_NOT_SUPPORTED: return "the directory has no nested groups (nested_groups = no)";
        case REASON_INVALID_NAME:
        case REASON_RESERVED_NAME:
        case REASON_LOCAL_ACCOUNT: return input->name_why ? input->name_why : "the name cannot be published";
        case REASON_UNAVAILABLE: return "the directory cannot answer now; nothing was changed";
        default: return "the change was refused";
        }
}

char *change_refusal_text(const struct keeper_scope *scope, const struct change_input *input, const struct update_plan *plan) {
        _cleanup_sbuf_ struct sbuf subject = { 0 }, text = { 0 };
        const struct settings *settings = scope->world.settings;
        add_subject(&subject, input);
        const struct directory_settings *directory = plan->directory < settings->directory_count ? &settings->directories[plan->directory] : NULL;
        if (directory && (plan->reason == REASON_PERMISSION_DENIED || plan->reason == REASON_READ_ONLY_KIND)) {
                char sentence[1024];
                permission_text(sbuf_text(&subject), directory, scope->console ? NULL : scope->application, plan->permission, plan->level,
                                sentence, sizeof sentence);
                sbuf_add(&text, sentence);
                return sbuf_take(&text);
        }
        sbuf_add(&text, sbuf_text(&subject));
        if (input->names.new_name)
                sbuf_printf(&text, " to %s", input->names.new_name);
        if (directory)
                sbuf_printf(&text, ", directory %s", directory->name);
        sbuf_printf(&text, ": %s", reason_sentence(input, plan->reason));
        return sbuf_take(&text);
}
