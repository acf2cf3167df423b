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
        enum presence new_name;  /* rename: another entry of the new name (not the user's own, spelled otherwise) */
        enum presence group;     /* the group that is added, changed, or gets the member */
        enum presence member;    /* the direct membership: FOUND or NOT_FOUND */
        bool above;              /* U11: the child group is the group, or above it by the memberships on record here, whatever M6 and
                                    nested_groups make of them: the new membership would be circular */
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
        bool sets_password;       /* ADD_USER, MODIFY_USER: a password is set with it (P5: not in a delegated directory) */
        enum reason name;         /* the name's own refusal (N3, N4) for what would be created; else REASON_OK. With ADD_MEMBER the group's,
                                     looked at only if the group would be created (U7, U8) */
};

/* One change in one directory, in order of execution. `what`: a permission's name, or rename-user, set-password, add-member, remove-member.
 * A change that needs two permissions (U3) is two of these in a row for one directory: one transaction, each its own fields. A group made on
 * the way (U7, U8) is UPDATE_ADD_GROUP, then UPDATE_ADD_MEMBER; of several names in one change only the first makes it. */
struct update_change { size_t directory; enum update_operation operation; permission_set permissions; const char *what; };
/* A directory that was passed over for want of a permission, in the application's order. Also listed when nobody was left to take the change. */
struct update_skip { size_t directory; enum permission permission; enum permission_level level; };

#define UPDATE_DIRECTORIES_MAX 64 /* active ones of one application */
#define UPDATE_CHANGES_MAX (2 * UPDATE_DIRECTORIES_MAX)
struct update_plan {
        enum reason reason;       /* REASON_OK: carry the changes out. Zero: unavailable */
        const char *rule;         /* "U7"; static */
        size_t directory;         /* that decided or refused; SETTINGS_NONE: none */
        enum permission permission; /* with PERMISSION_DENIED and READ_ONLY_KIND */
        enum permission_level level;
        struct update_change changes[UPDATE_CHANGES_MAX];
        size_t change_count;
        struct update_skip skips[UPDATE_DIRECTORIES_MAX];
        size_t skip_count;
};

/* Fills *plan; never fails. Order of refusals: the name; UNAVAILABLE; existence (not found, exists, already-a-member); permission and kind; the
 * other rules (needs-unmask, not-a-member, circular, nesting-not-supported).
 * What a rule must look into, in the application's order: "the owner" and "the first" every directory down to that one; "any" and "every"
 * (U1, U5, U6 all, U8, U10, a new name, a group missing at the owner, U4's masked copies) every active directory. A directory that is not
 * looked into may be UNAVAILABLE. The console looks into its one directory, by U7 and U9; a switched-off one is UNAVAILABLE.
 * More than UPDATE_DIRECTORIES_MAX active directories: UNAVAILABLE (config refuses such an application). */
void update_plan(const struct update_request *request, struct update_plan *plan);
