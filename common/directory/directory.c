/* The kinds of directory that this version has; see directory.h. */
#include "directory/directory.h"

#include <string.h>

#include "base/cleanup.h"

static const struct directory_kind *const kinds[] = { &directory_internal, &directory_ldap, &directory_delegated };

const struct directory_kind *directory_kind_for(enum directory_type type) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (kinds[i]->type == type)
                        return kinds[i];
        return NULL;
}

enum directory_type directory_type_from_name(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (strcmp(kinds[i]->name, name) == 0)
                        return kinds[i]->type;
        return DIRECTORY_TYPE_NONE;
}

const char *directory_kind_names(void) {
        return "internal, ldap, delegated";
}
