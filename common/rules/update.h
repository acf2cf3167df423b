/* Updates (rules U1 to U11): from what the directories hold to a plan, or a refusal. Nothing is changed here.
 * Relies on: rules/permission, rules/login.h's three answers.
 * Must never: plan a part of a change that as a whole is refused. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"
#include "model/settings.h"
#include "rules/login.h"
#include "rules/permission.h"

enum update_operation {
        UPDATE_NONE = 0,
        UPDATE_ADD_USER,       /* U1 */
        UPDATE_MODIFY_USER,    /* U2, U3: needs = the permissions it takes */
        UPDATE_RENAME_USER,    /* U2 */
        UPDATE_SET_PASSWORD,   /* U2, L8 is the caller's */
        UPDATE_REMOVE_USER,    /* U4 */
        UPDATE_ADD_GROUP,      /* U5 */
        UPDATE_MODIFY_GROUP,   /* U6 */
        UPDATE_REMOVE_GROUP,   /* U6 */
        UPDATE_ADD_MEMBER,     /* U7, U8; group in group: U11 */
        UPDATE_REMOVE_MEMBER,  /* U9, U10; U11 */
        UPDATE_OPERATION_MAX
};

/* What one directory says, before anything is changed. For a switched-off directory nothing is asked. Zero is UNAVAILABLE. */
struct update_facts {
        enum presence user;      /* the user (for U11: the child group) */
        enum presence new_name;  /* rename: an entry of the new name */
        enum presence group;     /* the group that is added, changed, or gets the member */
        enum presence member;    /* the direct membership: FOUND or NOT_FOUND */
        bool above;              /* U11: the child group is the group, or above it, here: the new membership would be circular */
};

struct update_request {
        enum update_operation operation;
        const struct settings *settings;
        const struct application_settings *application; /* NULL: the console (P3) */
        size_t console;           /* with application NULL: the one directory that is looked at */
        const struct update_facts *facts; /* by directory index of settings */
        permission_set needs;     /* UPDATE_MODIFY_USER: modify-user, modify-user-attributes or both; UPDATE_MODIFY_GROUP: modify-group,
                                     modify-group-attributes or both */
        bool group_in_group;      /* U11 */
        bool unmask;              /* U4 --unmask */
        enum reason name;         /* the name's own refusal (N3, N4) for what would be created; else REASON_OK */
};

/* One change in one directory, in order of execution. `what`: a permission's name, or rename-user, set-password, add-member, remove-member. */
struct update_change { size_t directory; enum update_operation operation; permission_set permissions; const char *what; };
/* A directory that was passed over, in directory order. */
struct update_skip { size_t directory; enum permission permission; enum permission_level level; };

#define UPDATE_CHANGES_MAX 64
struct update_plan {
        enum reason reason;       /* REASON_OK: carry the changes out. Zero: unavailable */
        const char *rule;         /* "U7"; static */
        size_t directory;         /* that decided or refused; SETTINGS_NONE: none */
        enum permission permission; /* with PERMISSION_DENIED and READ_ONLY_KIND */
        enum permission_level level;
        struct update_change changes[UPDATE_CHANGES_MAX];
        size_t change_count;
        struct update_skip skips[UPDATE_CHANGES_MAX];
        size_t skip_count;
};

/* Fills *plan. Order of refusals: name, existence, permission and kind, the other rules; any UNAVAILABLE directory that the rule must look into
 * first of all. Never fails. More than UPDATE_CHANGES_MAX directories: config refuses such an application. */
void update_plan(const struct update_request *request, struct update_plan *plan);
