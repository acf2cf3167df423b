/* Updates of memberships: rules U7 to U10; U11 is the same with a group in the user's place.
 * Relies on: rules/update_internal.h.
 * Must never: be called but by update_plan. */
#include "rules/update_internal.h"

/* U11: what only the directory that takes the change can say. */
static bool nesting_ok(struct planner *p, size_t site, bool adding) {
        if (!p->request->group_in_group)
                return true;
        if (adding && p->sites[site].facts->above)
                return planner_refuse(p, REASON_CIRCULAR, site);
        return p->sites[site].settings->nested_groups || planner_refuse(p, REASON_NESTING_NOT_SUPPORTED, site);
}

static void change_member(struct planner *p, size_t site, bool make_group) {
        if (make_group)
                planner_change(p, site, UPDATE_ADD_GROUP, PERMISSION_BIT(PERMISSION_ADD_GROUP), permission_name(PERMISSION_ADD_GROUP));
        planner_change(p, site, p->request->operation, PERMISSION_BIT(PERMISSION_MODIFY_GROUP),
               p->request->operation == UPDATE_ADD_MEMBER ? "add-member" : "remove-member");
}

/* Non-aggregating: the user's owner, and whether the group is there. False when refused: it is nowhere, or that cannot be told. */
static bool owner_and_group(struct planner *p, size_t *owner, bool *here) {
        if (!planner_find_owner(p, owner))
                return false;
        enum presence group = p->sites[*owner].facts->group;
        if (!answered(group))
                return planner_refuse(p, REASON_UNAVAILABLE, *owner);
        *here = group == PRESENCE_FOUND;
        if (*here)
                return answered(p->sites[*owner].facts->member) || planner_refuse(p, REASON_UNAVAILABLE, *owner);
        if (!planner_all_answered(p, fact_group, 0))
                return false;
        return planner_first_found(p, fact_group, 0) != NO_SITE || planner_refuse(p, REASON_GROUP_NOT_FOUND, NO_SITE);
}

/* What one directory must allow: the membership, and the group where it is not there yet. */
static permission_set member_needs(bool has_group) {
        permission_set needs = PERMISSION_BIT(PERMISSION_MODIFY_GROUP);
        return has_group ? needs : (permission_set)(needs | PERMISSION_BIT(PERMISSION_ADD_GROUP));
}

/* U7 */
void plan_add_member_at_owner(struct planner *p) {
        size_t owner;
        bool here = false;
        if (!owner_and_group(p, &owner, &here))
                return;
        if (!here && !planner_name_ok(p))
                return;
        if (here && p->sites[owner].facts->member == PRESENCE_FOUND)
                (void)planner_refuse(p, REASON_ALREADY_A_MEMBER, owner);
        else if (planner_require(p, owner, member_needs(here)) && nesting_ok(p, owner, true))
                change_member(p, owner, !here);
}

/* U9 */
void plan_remove_member_at_owner(struct planner *p) {
        size_t owner;
        bool here = false;
        if (!owner_and_group(p, &owner, &here) || !planner_require(p, owner, PERMISSION_BIT(PERMISSION_MODIFY_GROUP)) ||
            !nesting_ok(p, owner, false))
                return;
        if (!here || p->sites[owner].facts->member != PRESENCE_FOUND)
                (void)planner_refuse(p, REASON_NOT_A_MEMBER, owner);
        else
                change_member(p, owner, false);
}

/* Aggregating: the membership is the union over all active directories, so each must have answered all it was asked. A directory without the
 * user or the group has no membership to tell. */
static bool union_known(struct planner *p) {
        if (!planner_all_answered(p, fact_user, 0) || !planner_all_answered(p, fact_group, 0))
                return false;
        for (size_t i = 0; i < p->count; i++) {
                const struct update_facts *facts = p->sites[i].facts;
                if (facts->user == PRESENCE_FOUND && facts->group == PRESENCE_FOUND && !answered(facts->member))
                        return planner_refuse(p, REASON_UNAVAILABLE, i);
        }
        if (planner_first_found(p, fact_user, 0) == NO_SITE)
                return planner_refuse(p, planner_nobody(p->request), NO_SITE);
        return planner_first_found(p, fact_group, 0) != NO_SITE || planner_refuse(p, REASON_GROUP_NOT_FOUND, NO_SITE);
}

static bool is_member_at(const struct site *site) {
        return site->facts->user == PRESENCE_FOUND && site->facts->group == PRESENCE_FOUND && site->facts->member == PRESENCE_FOUND;
}

static bool may_take_member(const struct planner *p, size_t site, bool has_group) {
        enum permission permission;
        enum permission_level level;
        const struct update_facts *facts = p->sites[site].facts;
        return facts->user == PRESENCE_FOUND && (facts->group == PRESENCE_FOUND) == has_group &&
                planner_check(p, site, member_needs(has_group), &permission, &level) == REASON_OK;
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
                        (void)planner_takes(p, i, member_needs(has_group));
        }
}

static bool not_yet_a_member(struct planner *p) {
        for (size_t i = 0; i < p->count; i++)
                if (is_member_at(&p->sites[i]))
                        return planner_refuse(p, REASON_ALREADY_A_MEMBER, i);
        return true;
}

/* U8 */
void plan_add_member_anywhere(struct planner *p) {
        if (!union_known(p) || !not_yet_a_member(p))
                return;
        size_t target = member_target(p, true);
        bool make_group = target == p->count;
        if (make_group)
                target = member_target(p, false);
        if (make_group && target < p->count && !planner_name_ok(p))
                return;
        name_passed_over(p, target, make_group);
        if (target == p->count) {
                size_t first = planner_first_found(p, fact_user, 0);
                planner_refuse_as_first_skipped(p, first, member_needs(p->sites[first].facts->group == PRESENCE_FOUND));
        } else if (nesting_ok(p, target, true)) {
                change_member(p, target, make_group);
        }
}

/* U10: all or nothing, permissions before the other rules. */
void plan_remove_member_everywhere(struct planner *p) {
        bool any = false;
        if (!union_known(p))
                return;
        for (size_t i = 0; i < p->count; i++) {
                if (!is_member_at(&p->sites[i]))
                        continue;
                any = true;
                if (!planner_require(p, i, PERMISSION_BIT(PERMISSION_MODIFY_GROUP)))
                        return;
        }
        if (!any) {
                (void)planner_refuse(p, REASON_NOT_A_MEMBER, NO_SITE);
                return;
        }
        for (size_t i = 0; i < p->count; i++)
                if (is_member_at(&p->sites[i]) && !nesting_ok(p, i, false))
                        return;
        for (size_t i = 0; i < p->count; i++)
                if (is_member_at(&p->sites[i]))
                        change_member(p, i, false);
}
