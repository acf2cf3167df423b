/* Look-ups in the settings; see settings.h. */
#include "model/settings.h"

#include <string.h>

static const char *const permission_names[PERMISSION_MAX] = {
        [PERMISSION_ADD_USER] = "add-user",
        [PERMISSION_MODIFY_USER] = "modify-user",
        [PERMISSION_MODIFY_USER_ATTRIBUTES] = "modify-user-attributes",
        [PERMISSION_REMOVE_USER] = "remove-user",
        [PERMISSION_ADD_GROUP] = "add-group",
        [PERMISSION_MODIFY_GROUP] = "modify-group",
        [PERMISSION_MODIFY_GROUP_ATTRIBUTES] = "modify-group-attributes",
        [PERMISSION_REMOVE_GROUP] = "remove-group",
};

const char *permission_name(enum permission permission) {
        return (unsigned)permission < PERMISSION_MAX ? permission_names[permission] : NULL;
}

enum permission permission_from_name(const char *name) {
        for (unsigned i = 0; i < PERMISSION_MAX; i++)
                if (strcmp(permission_names[i], name) == 0)
                        return (enum permission)i;
        return PERMISSION_MAX;
}

size_t settings_directory(const struct settings *settings, const char *name) {
        for (size_t i = 0; i < settings->directory_count; i++)
                if (strcmp(settings->directories[i].name, name) == 0)
                        return i;
        return SETTINGS_NONE;
}

size_t settings_application(const struct settings *settings, const char *name) {
        for (size_t i = 0; i < settings->application_count; i++)
                if (strcmp(settings->applications[i].name, name) == 0)
                        return i;
        return SETTINGS_NONE;
}

size_t settings_application_of_service(const struct settings *settings, const char *service) {
        for (size_t i = 0; i < settings->application_count; i++)
                for (size_t k = 0; k < settings->applications[i].service_count; k++)
                        if (strcmp(settings->applications[i].services[k], service) == 0)
                                return i;
        return settings->host;
}
