/* Permissions; see permission.h.
 * Relies on: model/settings.
 * Must never: be more generous than both levels and the kind together. */
#include "rules/permission.h"

#include <stdio.h>

const char *permission_level_name(enum permission_level level) {
        switch (level) {
        case LEVEL_DIRECTORY:
                return "directory";
        case LEVEL_APPLICATION:
                return "application";
        case LEVEL_KIND:
                return "kind";
        case LEVEL_SERVER:
                return "server";
        case LEVEL_NONE:
        default:
                return "";
        }
}

static bool refused_external(const struct directory_settings *directory, const struct application_settings *application) {
        return application && application->external_writes != EXTERNAL_WRITES_ALLOWED && !directory_is_kept_here(directory->type);
}

/* P5 */
static bool refused_by_kind(const struct directory_settings *directory, const struct application_settings *application, bool sets_password) {
        if (directory->type == DIRECTORY_TYPE_NONE)
                return true;
        if (directory->read_only_kind)
                return true;
        if (sets_password && directory->type == DIRECTORY_DELEGATED)
                return true;
        return refused_external(directory, application);
}

enum reason permission_check(const struct directory_settings *directory, const struct application_settings *application,
                             const struct mapping_settings *mapping, enum permission permission, bool sets_password,
                             enum permission_level *level) {
        bool known = (unsigned)permission < PERMISSION_MAX;
        if (!known || !(directory->permissions & PERMISSION_BIT(permission))) {
                *level = LEVEL_DIRECTORY;
                return REASON_PERMISSION_DENIED;
        }
        if (application && (!mapping || !(mapping->permissions & PERMISSION_BIT(permission)))) {
                *level = LEVEL_APPLICATION;
                return REASON_PERMISSION_DENIED;
        }
        if (refused_by_kind(directory, application, sets_password)) {
                *level = LEVEL_KIND;
                return REASON_READ_ONLY_KIND;
        }
        *level = LEVEL_NONE;
        return REASON_OK;
}

static void kind_text(const char *subject, const struct directory_settings *directory, const struct application_settings *application,
                      const char *permission, char *out, size_t size) {
        bool external = refused_external(directory, application);
        if (directory->type == DIRECTORY_TYPE_NONE || directory->read_only_kind)
                (void)snprintf(out, size,
                               "%s: %s is refused in directory %s because its kind is read-only whatever the permissions say; "
                               "make the change on its own server",
                               subject, permission, directory->name);
        else if (external)
                (void)snprintf(out, size,
                               "%s: %s is refused in directory %s because application %s has external_writes = never; "
                               "'multidirctl application set %s external_writes=allowed' lifts it",
                               subject, permission, directory->name, application->name, application->name);
        else
                (void)snprintf(out, size,
                               "%s: %s is refused in directory %s because its passwords are kept by its LDAP server; "
                               "change the password there",
                               subject, permission, directory->name);
}

void permission_text(const char *subject, const struct directory_settings *directory, const struct application_settings *application,
                     enum permission permission, enum permission_level level, char *out, size_t size) {
        const char *word = permission_name(permission);
        if (!word)
                word = "the change";
        if (level == LEVEL_KIND)
                kind_text(subject, directory, application, word, out, size);
        else if (level == LEVEL_SERVER)
                (void)snprintf(out, size, "%s: the server of directory %s itself refuses %s; its administrator can grant it", subject,
                               directory->name, word);
        else if (level == LEVEL_APPLICATION && application)
                (void)snprintf(out, size,
                               "%s: %s is off for directory %s at the application level (%s); "
                               "'multidirctl --application %s permission set %s %s on' turns it on",
                               subject, word, directory->name, application->name, application->name, directory->name, word);
        else
                (void)snprintf(out, size,
                               "%s: %s is off in directory %s at the directory level; "
                               "'multidirctl permission set %s %s on' turns it on",
                               subject, word, directory->name, directory->name, word);
}
