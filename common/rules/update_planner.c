/* What the planning of every update is made of: who has answered, what is allowed where, and how a plan grows or ends; see update_internal.h.
 * Relies on: rules/permission.
 * Must never: leave a change in a plan that is refused. */
#include "rules/update_internal.h"

bool planner_refuse(struct planner *p, enum reason reason, size_t site) {
        p->plan->reason = reason;
        p->plan->directory = site == NO_SITE ? SETTINGS_NONE : p->sites[site].directory;
        p->plan->change_count = p->plan->skip_count = 0;
        return false;
}

static bool refuse_permission(struct planner *p, enum reason reason, size_t site, enum permission permission, enum permission_level level) {
        size_t skip_count = p->plan->skip_count;
        p->plan->permission = permission;
        p->plan->level = level;
        (void)planner_refuse(p, reason, site);
        p->plan->skip_count = skip_count;
        return false;
}

bool planner_all_answered(struct planner *p, fact what, size_t from) {
        for (size_t i = from; i < p->count; i++)
                if (!answered(what(p->sites[i].facts)))
                        return planner_refuse(p, REASON_UNAVAILABLE, i);
        return true;
}

size_t planner_first_found(const struct planner *p, fact what, size_t from) {
        for (size_t i = from; i < p->count; i++)
                if (what(p->sites[i].facts) == PRESENCE_FOUND)
                        return i;
        return NO_SITE;
}

/* U11: a group stands in the user's place. Of a change to a user the flag says nothing. */
enum reason planner_nobody(const struct update_request *request) {
        bool of_membership = request->operation == UPDATE_ADD_MEMBER || request->operation == UPDATE_REMOVE_MEMBER;
        return of_membership && request->group_in_group ? REASON_GROUP_NOT_FOUND : REASON_USER_NOT_FOUND;
}

bool planner_find_owner(struct planner *p, size_t *owner) {
        for (size_t i = 0; i < p->count; i++) {
                if (!answered(p->sites[i].facts->user))
                        return planner_refuse(p, REASON_UNAVAILABLE, i);
                if (p->sites[i].facts->user == PRESENCE_FOUND) {
                        *owner = i;
                        return true;
                }
        }
        return planner_refuse(p, planner_nobody(p->request), NO_SITE);
}

enum reason planner_check(const struct planner *p, size_t site, permission_set needs, enum permission *permission,
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

bool planner_require(struct planner *p, size_t site, permission_set needs) {
        enum permission permission = PERMISSION_MAX;
        enum permission_level level = LEVEL_NONE;
        enum reason reason = planner_check(p, site, needs, &permission, &level);
        return reason == REASON_OK || refuse_permission(p, reason, site, permission, level);
}

bool planner_takes(struct planner *p, size_t site, permission_set needs) {
        enum permission permission = PERMISSION_MAX;
        enum permission_level level = LEVEL_NONE;
        if (planner_check(p, site, needs, &permission, &level) == REASON_OK)
                return true;
        p->plan->skips[p->plan->skip_count++] =
                (struct update_skip){ .directory = p->sites[site].directory, .permission = permission, .level = level };
        return false;
}

void planner_change(struct planner *p, size_t site, enum update_operation operation, permission_set permissions, const char *what) {
        struct update_plan *plan = p->plan;
        if (plan->change_count == 0)
                plan->directory = p->sites[site].directory;
        plan->reason = REASON_OK;
        plan->changes[plan->change_count++] = (struct update_change){
                .directory = p->sites[site].directory, .operation = operation, .permissions = permissions, .what = what,
        };
}

void planner_change_by_permission(struct planner *p, size_t site, permission_set needs) {
        for (unsigned i = 0; i < PERMISSION_MAX; i++)
                if (needs & PERMISSION_BIT(i))
                        planner_change(p, site, p->request->operation, PERMISSION_BIT(i), permission_name((enum permission)i));
}

void planner_refuse_as_first_skipped(struct planner *p, size_t first, permission_set needs) {
        if (first < p->count)
                (void)planner_require(p, first, needs);
        else
                (void)planner_refuse(p, REASON_UNAVAILABLE, NO_SITE);
}

bool planner_name_ok(struct planner *p) {
        return p->request->name == REASON_OK || planner_refuse(p, p->request->name, NO_SITE);
}
