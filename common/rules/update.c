/* Updates: the planner; see update.h.
 * Relies on: rules/permission.
 * Must never: leave a change in a plan that is refused. */
#include "rules/update.h"

#include <string.h>

/* One active directory of the application, in its order; or the console's one. */
struct site {
        size_t directory;
        const struct directory_settings *settings;
        const struct mapping_settings *mapping; /* NULL: the console */
        const struct update_facts *facts;
};

/* One planning: the request, where to look, and the plan that grows. */
struct planner {
        const struct update_request *request;
        struct update_plan *plan;
        struct site sites[UPDATE_DIRECTORIES_MAX];
        size_t count;
};

typedef enum presence (*fact)(const struct update_facts *facts);

static enum presence fact_user(const struct update_facts *facts) { return facts->user; }
static enum presence fact_new_name(const struct update_facts *facts) { return facts->new_name; }
static enum presence fact_group(const struct update_facts *facts) { return facts->group; }

#define NO_SITE SIZE_MAX

/* Each of these ends the planning; false so that a caller can `return refuse(…)`. */
static bool refuse(struct planner *p, enum reason reason, size_t site) {
        p->plan->reason = reason;
        p->plan->directory = site == NO_SITE ? SETTINGS_NONE : p->sites[site].directory;
        p->plan->change_count = p->plan->skip_count = 0;
        return false;
}

static bool refuse_permission(struct planner *p, enum reason reason, size_t site, enum permission permission, enum permission_level level) {
        size_t skip_count = p->plan->skip_count;
        p->plan->permission = permission;
        p->plan->level = level;
        (void)refuse(p, reason, site);
        p->plan->skip_count = skip_count;
        return false;
}

/* Whether the directory answered; anything else than the two answers is none. */
static bool answered(enum presence presence) {
        return presence == PRESENCE_FOUND || presence == PRESENCE_NOT_FOUND;
}

/* All sites from `from` on must have answered. */
static bool all_answered(struct planner *p, fact what, size_t from) {
        for (size_t i = from; i < p->count; i++)
                if (!answered(what(p->sites[i].facts)))
                        return refuse(p, REASON_UNAVAILABLE, i);
        return true;
}

static size_t first_found(const struct planner *p, fact what, size_t from) {
        for (size_t i = from; i < p->count; i++)
                if (what(p->sites[i].facts) == PRESENCE_FOUND)
                        return i;
        return NO_SITE;
}

/* U11: a group stands in the user's place. Of a change to a user the flag says nothing. */
static enum reason nobody(const struct update_request *request) {
        bool of_membership = request->operation == UPDATE_ADD_MEMBER || request->operation == UPDATE_REMOVE_MEMBER;
        return of_membership && request->group_in_group ? REASON_GROUP_NOT_FOUND : REASON_USER_NOT_FOUND;
}

/* The owner of the user (child group): every site above it must have answered. False when refused. */
static bool find_owner(struct planner *p, size_t *owner) {
        for (size_t i = 0; i < p->count; i++) {
                if (!answered(p->sites[i].facts->user))
                        return refuse(p, REASON_UNAVAILABLE, i);
                if (p->sites[i].facts->user == PRESENCE_FOUND) {
                        *owner = i;
                        return true;
                }
        }
        return refuse(p, nobody(p->request), NO_SITE);
}

/* ok(D, every one of the set), P1 to P5. On refusal the first missing permission and its level. */
static enum reason check(const struct planner *p, size_t site, permission_set needs, enum permission *permission,
                         enum permission_level *level) {
        const struct update_request *request = p->request;
        bool with_others = request->sets_password && (request->operation == UPDATE_ADD_USER || request->operation == UPDATE_MODIFY_USER);
        bool sets_password = with_others || request->operation == UPDATE_SET_PASSWORD;
        const struct site *s = &p->sites[site];
        for (unsigned i = 0; i < PERMISSION_MAX; i++) {
                if (!(needs & PERMISSION_BIT(i)))
                        continue;
                *permission = (enum permission)i;
                enum reason reason = permission_check(s->settings, request->application, s->mapping, *permission, sets_password, level);
                if (reason != REASON_OK)
                        return reason;
        }
        return REASON_OK;
}

/* The change needs this very site: false when refused. */
static bool require(struct planner *p, size_t site, permission_set needs) {
        enum permission permission = PERMISSION_MAX;
        enum permission_level level = LEVEL_NONE;
        enum reason reason = check(p, site, needs, &permission, &level);
        return reason == REASON_OK || refuse_permission(p, reason, site, permission, level);
}

/* The change may go elsewhere: whether this site takes it; if not, it is named among the skipped. */
static bool takes(struct planner *p, size_t site, permission_set needs) {
        enum permission permission = PERMISSION_MAX;
        enum permission_level level = LEVEL_NONE;
        if (check(p, site, needs, &permission, &level) == REASON_OK)
                return true;
        p->plan->skips[p->plan->skip_count++] =
                (struct update_skip){ .directory = p->sites[site].directory, .permission = permission, .level = level };
        return false;
}

static void change(struct planner *p, size_t site, enum update_operation operation, permission_set permissions, const char *what) {
        struct update_plan *plan = p->plan;
        if (plan->change_count == 0)
                plan->directory = p->sites[site].directory;
        plan->reason = REASON_OK;
        plan->changes[plan->change_count++] = (struct update_change){
                .directory = p->sites[site].directory, .operation = operation, .permissions = permissions, .what = what,
        };
}

/* One change per permission, named by it (U3). */
static void change_by_permission(struct planner *p, size_t site, permission_set needs) {
        for (unsigned i = 0; i < PERMISSION_MAX; i++)
                if (needs & PERMISSION_BIT(i))
                        change(p, site, p->request->operation, PERMISSION_BIT(i), permission_name((enum permission)i));
}

static void change_user(struct planner *p, size_t site, permission_set needs) {
        switch (p->request->operation) {
        case UPDATE_RENAME_USER:
                change(p, site, UPDATE_RENAME_USER, needs, "rename-user");
                break;
        case UPDATE_SET_PASSWORD:
                change(p, site, UPDATE_SET_PASSWORD, needs, "set-password");
                break;
        default:
                change_by_permission(p, site, needs);
        }
}

/* Nobody took the change: the refusal of the first who was asked (P6); all are among the skipped. An application without an active directory
 * has nobody to ask. */
static void refuse_as_first_skipped(struct planner *p, size_t first, permission_set needs) {
        if (first < p->count)
                (void)require(p, first, needs);
        else
                (void)refuse(p, REASON_UNAVAILABLE, NO_SITE);
}

static bool name_ok(struct planner *p) {
        return p->request->name == REASON_OK || refuse(p, p->request->name, NO_SITE);
}

/* U1 */
static void plan_add_user(struct planner *p) {
        if (!all_answered(p, fact_user, 0))
                return;
        size_t has = first_found(p, fact_user, 0);
        if (has != NO_SITE) {
                (void)refuse(p, REASON_EXISTS, has);
                return;
        }
        for (size_t i = 0; i < p->count; i++) {
                if (!takes(p, i, PERMISSION_BIT(PERMISSION_ADD_USER)))
                        continue;
                change_by_permission(p, i, PERMISSION_BIT(PERMISSION_ADD_USER));
                return;
        }
        refuse_as_first_skipped(p, 0, PERMISSION_BIT(PERMISSION_ADD_USER));
}

/* What U2 and U3 ask for. A rename, a password, and a change that names no permission of users take modify-user. */
static permission_set user_needs(const struct update_request *request) {
        permission_set needs = request->needs &
                (permission_set)(PERMISSION_BIT(PERMISSION_MODIFY_USER) | PERMISSION_BIT(PERMISSION_MODIFY_USER_ATTRIBUTES));
        if (request->operation != UPDATE_MODIFY_USER)
                return PERMISSION_BIT(PERMISSION_MODIFY_USER);
        return needs && !request->sets_password ? needs : (permission_set)(needs | PERMISSION_BIT(PERMISSION_MODIFY_USER));
}

/* U2, updates = first-writable: the first that has the user and is ok. The sites above it must have answered. */
static bool find_first_writable(struct planner *p, permission_set needs, size_t *owner, size_t *target) {
        *target = NO_SITE;
        if (!find_owner(p, owner))
                return false;
        for (size_t i = *owner; i < p->count; i++) {
                if (!answered(p->sites[i].facts->user))
                        return refuse(p, REASON_UNAVAILABLE, i);
                if (p->sites[i].facts->user == PRESENCE_FOUND && takes(p, i, needs)) {
                        *target = i;
                        return true;
                }
        }
        return true;
}

/* A new name that anybody in the application has would mask, or be masked by, somebody else: refused as in U1. */
static bool new_name_free(struct planner *p) {
        if (p->request->operation != UPDATE_RENAME_USER)
                return true;
        size_t has = first_found(p, fact_new_name, 0);
        return has == NO_SITE || refuse(p, REASON_EXISTS, has);
}

/* U2, U3 */
static void plan_change_user(struct planner *p) {
        permission_set needs = user_needs(p->request);
        bool first_writable = p->request->application && p->request->application->updates == UPDATES_FIRST_WRITABLE;
        size_t owner, target;
        if (p->request->operation == UPDATE_RENAME_USER && !all_answered(p, fact_new_name, 0))
                return;
        if (!(first_writable ? find_first_writable(p, needs, &owner, &target) : find_owner(p, &owner)) || !new_name_free(p))
                return;
        if (!first_writable)
                target = owner;
        if (target == NO_SITE)
                refuse_as_first_skipped(p, owner, needs);
        else if (require(p, target, needs))
                change_user(p, target, needs);
}

/* U4 */
static void plan_remove_user(struct planner *p) {
        size_t owner;
        if (!find_owner(p, &owner))
                return;
        if (!p->request->unmask && !all_answered(p, fact_user, owner + 1))
                return;
        if (!require(p, owner, PERMISSION_BIT(PERMISSION_REMOVE_USER)))
                return;
        size_t copy = p->request->unmask ? NO_SITE : first_found(p, fact_user, owner + 1);
        if (copy != NO_SITE)
                (void)refuse(p, REASON_NEEDS_UNMASK, copy);
        else
                change_by_permission(p, owner, PERMISSION_BIT(PERMISSION_REMOVE_USER));
}

static bool writes_first_group_only(const struct planner *p) {
        return p->request->application && p->request->application->group_writes == GROUP_WRITES_FIRST;
}

/* U5 */
static void plan_add_group(struct planner *p) {
        permission_set needs = PERMISSION_BIT(PERMISSION_ADD_GROUP);
        if (!all_answered(p, fact_group, 0))
                return;
        size_t has = first_found(p, fact_group, 0);
        if (has != NO_SITE) {
                (void)refuse(p, REASON_EXISTS, has);
                return;
        }
        for (size_t i = 0; i < p->count; i++) {
                if (!takes(p, i, needs))
                        continue;
                change_by_permission(p, i, needs);
                if (writes_first_group_only(p))
                        return;
        }
        if (p->plan->change_count == 0)
                refuse_as_first_skipped(p, 0, needs);
}

static permission_set group_needs(const struct update_request *request) {
        permission_set needs = request->needs &
                (permission_set)(PERMISSION_BIT(PERMISSION_MODIFY_GROUP) | PERMISSION_BIT(PERMISSION_MODIFY_GROUP_ATTRIBUTES));
        if (request->operation == UPDATE_REMOVE_GROUP)
                return PERMISSION_BIT(PERMISSION_REMOVE_GROUP);
        return needs ? needs : PERMISSION_BIT(PERMISSION_MODIFY_GROUP);
}

/* U6 */
static void plan_change_group(struct planner *p) {
        permission_set needs = group_needs(p->request);
        size_t first = NO_SITE;
        for (size_t i = 0; i < p->count; i++) {
                if (!answered(p->sites[i].facts->group)) {
                        (void)refuse(p, REASON_UNAVAILABLE, i);
                        return;
                }
                if (p->sites[i].facts->group != PRESENCE_FOUND)
                        continue;
                if (first == NO_SITE)
                        first = i;
                if (!takes(p, i, needs))
                        continue;
                change_by_permission(p, i, needs);
                if (writes_first_group_only(p))
                        return;
        }
        if (first == NO_SITE)
                (void)refuse(p, REASON_GROUP_NOT_FOUND, NO_SITE);
        else if (p->plan->change_count == 0)
                refuse_as_first_skipped(p, first, needs);
}

/* U11: what only the directory that takes the change can say. */
static bool nesting_ok(struct planner *p, size_t site, bool adding) {
        if (!p->request->group_in_group)
                return true;
        if (adding && p->sites[site].facts->above)
                return refuse(p, REASON_CIRCULAR, site);
        return p->sites[site].settings->nested_groups || refuse(p, REASON_NESTING_NOT_SUPPORTED, site);
}

static void change_member(struct planner *p, size_t site, bool make_group) {
        if (make_group)
                change(p, site, UPDATE_ADD_GROUP, PERMISSION_BIT(PERMISSION_ADD_GROUP), permission_name(PERMISSION_ADD_GROUP));
        change(p, site, p->request->operation, PERMISSION_BIT(PERMISSION_MODIFY_GROUP),
               p->request->operation == UPDATE_ADD_MEMBER ? "add-member" : "remove-member");
}

/* Non-aggregating: the user's owner, and whether the group is there. False when refused: it is nowhere, or that cannot be told. */
static bool owner_and_group(struct planner *p, size_t *owner, bool *here) {
        if (!find_owner(p, owner))
                return false;
        enum presence group = p->sites[*owner].facts->group;
        if (!answered(group))
                return refuse(p, REASON_UNAVAILABLE, *owner);
        *here = group == PRESENCE_FOUND;
        if (*here)
                return answered(p->sites[*owner].facts->member) || refuse(p, REASON_UNAVAILABLE, *owner);
        if (!all_answered(p, fact_group, 0))
                return false;
        return first_found(p, fact_group, 0) != NO_SITE || refuse(p, REASON_GROUP_NOT_FOUND, NO_SITE);
}

/* What one directory must allow: the membership, and the group where it is not there yet. */
static permission_set member_needs(bool has_group) {
        permission_set needs = PERMISSION_BIT(PERMISSION_MODIFY_GROUP);
        return has_group ? needs : (permission_set)(needs | PERMISSION_BIT(PERMISSION_ADD_GROUP));
}

/* U7 */
static void plan_add_member_at_owner(struct planner *p) {
        size_t owner;
        bool here;
        if (!owner_and_group(p, &owner, &here))
                return;
        if (!here && !name_ok(p))
                return;
        if (here && p->sites[owner].facts->member == PRESENCE_FOUND)
                (void)refuse(p, REASON_ALREADY_A_MEMBER, owner);
        else if (require(p, owner, member_needs(here)) && nesting_ok(p, owner, true))
                change_member(p, owner, !here);
}

/* U9 */
static void plan_remove_member_at_owner(struct planner *p) {
        size_t owner;
        bool here;
        if (!owner_and_group(p, &owner, &here) || !require(p, owner, PERMISSION_BIT(PERMISSION_MODIFY_GROUP)) ||
            !nesting_ok(p, owner, false))
                return;
        if (!here || p->sites[owner].facts->member != PRESENCE_FOUND)
                (void)refuse(p, REASON_NOT_A_MEMBER, owner);
        else
                change_member(p, owner, false);
}

/* Aggregating: the membership is the union over all active directories, so each must have answered all it was asked. A directory without the
 * user or the group has no membership to tell. */
static bool union_known(struct planner *p) {
        if (!all_answered(p, fact_user, 0) || !all_answered(p, fact_group, 0))
                return false;
        for (size_t i = 0; i < p->count; i++) {
                const struct update_facts *facts = p->sites[i].facts;
                if (facts->user == PRESENCE_FOUND && facts->group == PRESENCE_FOUND && !answered(facts->member))
                        return refuse(p, REASON_UNAVAILABLE, i);
        }
        if (first_found(p, fact_user, 0) == NO_SITE)
                return refuse(p, nobody(p->request), NO_SITE);
        return first_found(p, fact_group, 0) != NO_SITE || refuse(p, REASON_GROUP_NOT_FOUND, NO_SITE);
}

static bool is_member_at(const struct site *site) {
        return site->facts->user == PRESENCE_FOUND && site->facts->group == PRESENCE_FOUND && site->facts->member == PRESENCE_FOUND;
}

static bool may_take_member(const struct planner *p, size_t site, bool has_group) {
        enum permission permission;
        enum permission_level level;
        const struct update_facts *facts = p->sites[site].facts;
        return facts->user == PRESENCE_FOUND && (facts->group == PRESENCE_FOUND) == has_group &&
                check(p, site, member_needs(has_group), &permission, &level) == REASON_OK;
}

/* U8: the first that has the user and the group and is ok; else the first that has the user, is ok, and may have the group made.
 * p->count: nobody. */
static size_t member_target(const struct planner *p, bool has_group) {
        size_t i = 0;
        while (i < p->count && !may_take_member(p, i, has_group))
                i++;
        return i;
}

/* U8: who has the user and was passed over for want of a permission. Where the group must be made that is whoever has it, too. */
static void name_passed_over(struct planner *p, size_t target, bool make_group) {
        for (size_t i = 0; i < p->count; i++) {
                const struct update_facts *facts = p->sites[i].facts;
                bool has_group = facts->group == PRESENCE_FOUND;
                bool was_asked = has_group ? make_group || i < target : make_group && i < target;
                if (facts->user == PRESENCE_FOUND && was_asked)
                        (void)takes(p, i, member_needs(has_group));
        }
}

static bool not_yet_a_member(struct planner *p) {
        for (size_t i = 0; i < p->count; i++)
                if (is_member_at(&p->sites[i]))
                        return refuse(p, REASON_ALREADY_A_MEMBER, i);
        return true;
}

/* U8 */
static void plan_add_member_anywhere(struct planner *p) {
        if (!union_known(p) || !not_yet_a_member(p))
                return;
        size_t target = member_target(p, true);
        bool make_group = target == p->count;
        if (make_group)
                target = member_target(p, false);
        if (make_group && target < p->count && !name_ok(p))
                return;
        name_passed_over(p, target, make_group);
        if (target == p->count) {
                size_t first = first_found(p, fact_user, 0);
                refuse_as_first_skipped(p, first, member_needs(p->sites[first].facts->group == PRESENCE_FOUND));
        } else if (nesting_ok(p, target, true)) {
                change_member(p, target, make_group);
        }
}

/* U10: all or nothing, permissions before the other rules. */
static void plan_remove_member_everywhere(struct planner *p) {
        bool any = false;
        if (!union_known(p))
                return;
        for (size_t i = 0; i < p->count; i++) {
                if (!is_member_at(&p->sites[i]))
                        continue;
                any = true;
                if (!require(p, i, PERMISSION_BIT(PERMISSION_MODIFY_GROUP)))
                        return;
        }
        if (!any) {
                (void)refuse(p, REASON_NOT_A_MEMBER, NO_SITE);
                return;
        }
        for (size_t i = 0; i < p->count; i++)
                if (is_member_at(&p->sites[i]) && !nesting_ok(p, i, false))
                        return;
        for (size_t i = 0; i < p->count; i++)
                if (is_member_at(&p->sites[i]))
                        change_member(p, i, false);
}

static void add_site(struct planner *p, size_t directory, const struct mapping_settings *mapping) {
        const struct update_request *request = p->request;
        p->sites[p->count++] = (struct site){
                .directory = directory,
                .settings = &request->settings->directories[directory],
                .mapping = mapping,
                .facts = &request->facts[directory],
        };
}

/* False when there is no place to look at, or more than fit. */
static bool find_sites(struct planner *p) {
        const struct update_request *request = p->request;
        const struct settings *settings = request->settings;
        if (!request->application) {
                if (request->console >= settings->directory_count || !settings->directories[request->console].active)
                        return false;
                add_site(p, request->console, NULL);
                return true;
        }
        for (size_t i = 0; i < request->application->mapping_count; i++) {
                const struct mapping_settings *mapping = &request->application->mappings[i];
                if (!settings->directories[mapping->directory].active)
                        continue;
                if (p->count == UPDATE_DIRECTORIES_MAX)
                        return false;
                add_site(p, mapping->directory, mapping);
        }
        return true;
}

static bool is_aggregating(const struct update_request *request) {
        return request->application && request->application->membership == AGGREGATING;
}

/* The rule that a request is planned by. */
static const char *rule_of(const struct update_request *request) {
        permission_set attributes = PERMISSION_BIT(PERMISSION_MODIFY_USER_ATTRIBUTES);
        switch (request->operation) {
        case UPDATE_ADD_USER:
                return "U1";
        case UPDATE_MODIFY_USER:
                return request->needs & attributes ? "U3" : "U2";
        case UPDATE_RENAME_USER:
        case UPDATE_SET_PASSWORD:
                return "U2";
        case UPDATE_REMOVE_USER:
                return "U4";
        case UPDATE_ADD_GROUP:
                return "U5";
        case UPDATE_MODIFY_GROUP:
        case UPDATE_REMOVE_GROUP:
                return "U6";
        case UPDATE_ADD_MEMBER:
                return request->group_in_group ? "U11" : is_aggregating(request) ? "U8" : "U7";
        case UPDATE_REMOVE_MEMBER:
                return request->group_in_group ? "U11" : is_aggregating(request) ? "U10" : "U9";
        case UPDATE_NONE:
        case UPDATE_OPERATION_MAX:
        default:
                return "";
        }
}

static void plan_operation(struct planner *p) {
        switch (p->request->operation) {
        case UPDATE_ADD_USER:
                plan_add_user(p);
                break;
        case UPDATE_MODIFY_USER:
        case UPDATE_RENAME_USER:
        case UPDATE_SET_PASSWORD:
                plan_change_user(p);
                break;
        case UPDATE_REMOVE_USER:
                plan_remove_user(p);
                break;
        case UPDATE_ADD_GROUP:
                plan_add_group(p);
                break;
        case UPDATE_MODIFY_GROUP:
        case UPDATE_REMOVE_GROUP:
                plan_change_group(p);
                break;
        case UPDATE_ADD_MEMBER:
                if (is_aggregating(p->request))
                        plan_add_member_anywhere(p);
                else
                        plan_add_member_at_owner(p);
                break;
        case UPDATE_REMOVE_MEMBER:
                if (is_aggregating(p->request))
                        plan_remove_member_everywhere(p);
                else
                        plan_remove_member_at_owner(p);
                break;
        case UPDATE_NONE:
        case UPDATE_OPERATION_MAX:
        default:
                break;
        }
}

void update_plan(const struct update_request *request, struct update_plan *plan) {
        struct planner planner = { .request = request, .plan = plan };
        *plan = (struct update_plan){ .rule = rule_of(request), .directory = SETTINGS_NONE, .permission = PERMISSION_MAX };
        if (request->operation != UPDATE_ADD_MEMBER && !name_ok(&planner))
                return;
        if (find_sites(&planner))
                plan_operation(&planner);
}
