/* Updates of groups: rules U5 and U6.
 * Relies on: rules/update_internal.h.
 * Must never: be called but by update_plan. */
#include "rules/update_internal.h"

static bool writes_first_group_only(const struct planner *p) {
        return p->request->application && p->request->application->group_writes == GROUP_WRITES_FIRST;
}

/* U5 */
void plan_add_group(struct planner *p) {
        permission_set needs = PERMISSION_BIT(PERMISSION_ADD_GROUP);
        if (!planner_all_answered(p, fact_group, 0))
                return;
        size_t has = planner_first_found(p, fact_group, 0);
        if (has != NO_SITE) {
                (void)planner_refuse(p, REASON_EXISTS, has);
                return;
        }
        for (size_t i = 0; i < p->count; i++) {
                if (!planner_takes(p, i, needs))
                        continue;
                planner_change_by_permission(p, i, needs);
                if (writes_first_group_only(p))
                        return;
        }
        if (p->plan->change_count == 0)
                planner_refuse_as_first_skipped(p, 0, needs);
}

static permission_set group_needs(const struct update_request *request) {
        permission_set needs = request->needs &
                (permission_set)(PERMISSION_BIT(PERMISSION_MODIFY_GROUP) | PERMISSION_BIT(PERMISSION_MODIFY_GROUP_ATTRIBUTES));
        if (request->operation == UPDATE_REMOVE_GROUP)
                return PERMISSION_BIT(PERMISSION_REMOVE_GROUP);
        return needs ? needs : PERMISSION_BIT(PERMISSION_MODIFY_GROUP);
}

/* U6 */
void plan_change_group(struct planner *p) {
        permission_set needs = group_needs(p->request);
        size_t first = NO_SITE;
        for (size_t i = 0; i < p->count; i++) {
                if (!answered(p->sites[i].facts->group)) {
                        (void)planner_refuse(p, REASON_UNAVAILABLE, i);
                        return;
                }
                if (p->sites[i].facts->group != PRESENCE_FOUND)
                        continue;
                if (first == NO_SITE)
                        first = i;
                if (!planner_takes(p, i, needs))
                        continue;
                planner_change_by_permission(p, i, needs);
                if (writes_first_group_only(p))
                        return;
        }
        if (first == NO_SITE)
                (void)planner_refuse(p, REASON_GROUP_NOT_FOUND, NO_SITE);
        else if (p->plan->change_count == 0)
                planner_refuse_as_first_skipped(p, first, needs);
}
