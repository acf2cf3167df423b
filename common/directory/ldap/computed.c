/* Filters and groups that depend on what is computed; see ldap/computed.h. */
#include "directory/ldap/computed.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "directory/ldap/entry.h"
#include "directory/ldap/words.h"

#define LABELED_URI "labeledURI"

const char *const computed_member_attributes[] = { "memberURL", "memberQueryURL", "ds-target-group-dn", LABELED_URI, NULL };

static const char *const member_of[] = { "memberOf", "1.2.840.113556.1.2.102" };
static const char *const computed[] = {
        "isMemberOf", "1.3.6.1.4.1.42.2.27.9.1.792", "nsRole", "2.16.840.1.113730.3.1.574", "nsRoleDN", "2.16.840.1.113730.3.1.575",
        "groupMembership", "2.16.840.1.113719.1.1.4.1.25", "securityEquals",
        /* Active Directory */
        "tokenGroups", "1.2.840.113556.1.4.1301", "tokenGroupsGlobalAndUniversal", "tokenGroupsNoGCAcceptable", "msDS-memberOfTransitive",
        "msDS-memberTransitive", "msDS-User-Account-Control-Computed", "msDS-UserPasswordExpiryTimeComputed", "msDS-ResultantPSO", "msDS-PSOApplied",
        "msDS-PrincipalName", "msDS-parentdistname", "canonicalName", "directReports", "managedObjects",
        /* The entry's own place */
        "entryDN", "1.3.6.1.1.20", "distinguishedName", "2.5.4.49", "hasSubordinates", "2.5.18.9", "numSubordinates", "subordinateCount",
};

static bool is_one_of(const char *name, size_t len, const char *const *names, size_t count) {
        for (size_t i = 0; i < count; i++)
                if (strncasecmp(name, names[i], len) == 0 && names[i][len] == 0)
                        return true;
        return false;
}

/* ":dn" asks for the entry's place, too. */
static bool is_of_its_place(const struct filter_component *component) {
        return strncasecmp(component->operator + strcspn(component->operator, "=~<>:()"), ":dn:", 4) == 0;
}

bool computed_in_filter(const char *filter, bool told) {
        struct filter_component component;
        for (const char *at = filter; filter_next(&at, &component);)
                if (component.len == 0 || is_of_its_place(&component) || is_one_of(component.name, component.len, computed, ARRAY_SIZE(computed)) ||
                    (!told && is_one_of(component.name, component.len, member_of, ARRAY_SIZE(member_of))))
                        return true;
        return false;
}

static bool is_search(const struct berval *value) {
        static const char *const schemes[] = { "ldap:", "ldaps:", "ldapi:" };
        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                if (value->bv_len >= strlen(schemes[i]) && strncasecmp(value->bv_val, schemes[i], strlen(schemes[i])) == 0)
                        return true;
        return false;
}

bool computed_members(const struct ldap_entry *group) {
        for (size_t i = 0; computed_member_attributes[i]; i++) {
                const struct ldap_attribute *attribute = entry_find(group, computed_member_attributes[i]);
                bool any = strcmp(computed_member_attributes[i], LABELED_URI) != 0;
                for (size_t v = 0; attribute && v < attribute->count; v++)
                        if (any || is_search(&attribute->values[v]))
                                return true;
        }
        return false;
}
