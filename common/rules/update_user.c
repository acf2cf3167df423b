/* Updates of users: rules U1 to U4.
 * Relies on: rules/update_internal.h.
 * Must never: be called but by update_plan. */
#include "rules/update_internal.h"

static void change_user(struct planner *p, size_t site, permission_set needs) {
        switch (p->request->operation) {
        case UPDATE_RENAME_USER:
                planner_change(p, site, UPDATE_RENAME_USER, needs, "rename-user");
                break;
        case UPDATE_SET_PASSWORD:
                planner_change(p, site, UPDATE_SET_PASSWORD, needs, "set-password");
                break;
        default:
                planner_change_by_permission(p, site, needs);
        }
}

/* U1 */
void plan_add_user(struct planner *p) {
        if (!planner_all_answered(p, fact_user, 0))
                return;
        size_t has = planner_first_found(p, fact_user, 0);
        if (has != NO_SITE) {
                (void)planner_refuse(p, REASON_EXISTS, has);
                return;
        }
        for (size_t i = 0; i < p->count; i++) {
                if (!planner_takes(p, i, PERMISSION_BIT(PERMISSION_ADD_USER)))
                        continue;
                planner_change_by_permission(p, i, PERMISSION_BIT(PERMISSION_ADD_USER));
                return;
        }
        planner_refuse_as_first_skipped(p, 0, PERMISSION_BIT(PERMISSION_ADD_USER));
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
        if (!planner_find_owner(p, owner))
                return false;
        for (size_t i = *owner; i < p->count; i++) {
                if (!answered(p->sites[i].facts->user))
                        return planner_refuse(p, REASON_UNAVAILABLE, i);
                if (p->sites[i].facts->user == PRESENCE_FOUND && planner_takes(p, i, needs)) {
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
        size_t has = planner_first_found(p, fact_new_name, 0);
        return has == NO_SITE || planner_refuse(p, REASON_EXISTS, has);
}

/* U2, U3 */
void plan_change_user(struct planner *p) {
        permission_set needs = user_needs(p->request);
        bool first_writable = p->request->application && p->request->application->updates == UPDATES_FIRST_WRITABLE;
        size_t owner, target;
        if (p->request->operation == UPDATE_RENAME_USER && !planner_all_answered(p, fact_new_name, 0))
                return;
        if (!(first_writable ? find_first_writable(p, needs, &owner, &target) : planner_find_owner(p, &owner)) || !new_name_free(p))
                return;
        if (!first_writable)
                target = owner;
        if (target == NO_SITE)
                planner_refuse_as_first_skipped(p, owner, needs);
        else if (planner_require(p, target, needs))
                change_user(p, target, needs);
}

/* U4 */
void plan_remove_user(struct planner *p) {
        size_t owner;
        if (!planner_find_owner(p, &owner))
                return;
        if (!p->request->unmask && !planner_all_answered(p, fact_user, owner + 1))
                return;
        if (!planner_require(p, owner, PERMISSION_BIT(PERMISSION_REMOVE_USER)))
                return;
        size_t copy = p->request->unmask ? NO_SITE : planner_first_found(p, fact_user, owner + 1);
        if (copy != NO_SITE)
                (void)planner_refuse(p, REASON_NEEDS_UNMASK, copy);
        else
                planner_change_by_permission(p, owner, PERMISSION_BIT(PERMISSION_REMOVE_USER));
}
