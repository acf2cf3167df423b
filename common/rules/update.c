/* Updates: which rule a request is planned by, and the directories that it looks at; see update.h. The rules are in update_user.c,
 * update_group.c and update_member.c.
 * Relies on: rules/update_internal.h.
 * Must never: decide anything of a directory. */
#include "rules/update_internal.h"

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
        if (request->operation != UPDATE_ADD_MEMBER && !planner_name_ok(&planner))
                return;
        if (find_sites(&planner))
                plan_operation(&planner);
}
