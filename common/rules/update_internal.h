/* The insides of the planner of updates: what its parts (update.c, update_planner.c, update_user.c, update_group.c, update_member.c) share.
 * Relies on: rules/update.
 * Must never: be included elsewhere. */
#pragma once

#include "rules/update.h"

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

#define NO_SITE SIZE_MAX

typedef enum presence (*fact)(const struct update_facts *facts);

static inline enum presence fact_user(const struct update_facts *facts) { return facts->user; }
static inline enum presence fact_new_name(const struct update_facts *facts) { return facts->new_name; }
static inline enum presence fact_group(const struct update_facts *facts) { return facts->group; }

/* Whether the directory answered; anything else than the two answers is none. */
static inline bool answered(enum presence presence) {
        return presence == PRESENCE_FOUND || presence == PRESENCE_NOT_FOUND;
}

/* Below, false is the end of the planning: the plan holds the refusal, and no change. `site` is an index of planner->sites. */

/* site: who refused; NO_SITE: nobody alone. Always false, so that a caller can `return planner_refuse(…)`. */
bool planner_refuse(struct planner *p, enum reason reason, size_t site);
/* All sites from `from` on must have answered. */
bool planner_all_answered(struct planner *p, fact what, size_t from);
/* The first from `from` on where the fact is FOUND, or NO_SITE. */
size_t planner_first_found(const struct planner *p, fact what, size_t from);
/* The owner of the user (child group): every site above it must have answered. */
bool planner_find_owner(struct planner *p, size_t *owner);
/* What a user (child group) that is nowhere is refused as. */
enum reason planner_nobody(const struct update_request *request);
/* N3, N4: what would be created may have its name. */
bool planner_name_ok(struct planner *p);

/* ok(D, every one of the set), P1 to P5. Refused: the first missing permission and its level. The plan stays as it is. */
enum reason planner_check(const struct planner *p, size_t site, permission_set needs, enum permission *permission,
                          enum permission_level *level);
/* The change needs this very site. */
bool planner_require(struct planner *p, size_t site, permission_set needs);
/* The change may go elsewhere: whether this site takes it; if not, it is named among the skipped, and the planning goes on. */
bool planner_takes(struct planner *p, size_t site, permission_set needs);
/* Nobody took the change: the refusal of the first who was asked (P6); all are among the skipped. An application without an active directory
 * (first: planner->count) has nobody to ask. */
void planner_refuse_as_first_skipped(struct planner *p, size_t first, permission_set needs);

/* One more change in the plan, which is then one to be carried out. what: static. */
void planner_change(struct planner *p, size_t site, enum update_operation operation, permission_set permissions, const char *what);
/* One for each permission, named by it (U3). */
void planner_change_by_permission(struct planner *p, size_t site, permission_set needs);

/* The rules: each fills in the plan, whatever comes of it. */
void plan_add_user(struct planner *p);                 /* U1 */
void plan_change_user(struct planner *p);              /* U2, U3 */
void plan_remove_user(struct planner *p);              /* U4 */
void plan_add_group(struct planner *p);                /* U5 */
void plan_change_group(struct planner *p);             /* U6 */
void plan_add_member_at_owner(struct planner *p);      /* U7 */
void plan_add_member_anywhere(struct planner *p);      /* U8 */
void plan_remove_member_at_owner(struct planner *p);   /* U9 */
void plan_remove_member_everywhere(struct planner *p); /* U10: all or nothing, permissions before the other rules */
