/* What a filter depends on; see ldap/active.h. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "directory/ldap/active.h"
#include "directory/ldap/words.h"

/* None of them is a link, which changes with the other end of it, constructed, or kept by each controller for itself. */
static const char *const own[] = {
        "accountExpires", "c", "cn", "co", "company", "department", "departmentNumber", "description", "displayName", "division", "employeeID", "employeeNumber",
        "employeeType", "gecos", "gidNumber", "givenName", "groupType", "info", "l", "lockoutTime", "loginShell", "mail", "mailNickname", "name",
        "objectCategory", "objectClass", "objectGUID", "objectSid", "ou", "physicalDeliveryOfficeName", "postalCode", "primaryGroupID", "pwdLastSet",
        "sAMAccountName", "sAMAccountType", "servicePrincipalName", "sn", "st", "telephoneNumber", "title", "uid", "uidNumber", "unixHomeDirectory",
        "userAccountControl", "userPrincipalName", "userWorkstations", "msSFU30Name", "msSFU30NisDomain",
};
/* Bits of the attribute's own value. */
static const char *const rules[] = { ":1.2.840.113556.1.4.803:=", ":1.2.840.113556.1.4.804:=" };

static bool is_own(const char *name, size_t len) {
        static const char extension[] = "extensionAttribute";
        if (len > sizeof extension - 1 && strncasecmp(name, extension, sizeof extension - 1) == 0)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (strlen(own[i]) == len && strncasecmp(own[i], name, len) == 0)
                        return true;
        return false;
}

static bool is_plain(const char *operator) {
        for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
                if (strncmp(operator, rules[i], strlen(rules[i])) == 0)
                        return true;
        return *operator == '=' || ((*operator == '<' || *operator == '>' || *operator == '~') && operator[1] == '=');
}

bool active_filter_is_own(const char *filter) {
        struct filter_component component;
        for (const char *at = filter; filter_next(&at, &component);)
                if (!is_own(component.name, component.len) || !is_plain(component.operator))
                        return false;
        return filter[0] == '(';
}
