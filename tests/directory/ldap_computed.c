/* What servers compute, and tell of to nobody (D2): in filters, and as members of groups.
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "directory/ldap/computed.h"

static const struct { const char *filter; bool computed, where_told; } filters[] = {
        { "(objectClass=inetOrgPerson)", false, false },
        { "(&(objectCategory=Person)(sAMAccountName=*))", false, false },
        { "(memberOf=cn=unix,dc=x)", true, false },
        { "(MEMBEROF=*)", true, false },
        { "( memberOf =*)", true, false },
        { "(&(objectClass=person)(memberof=cn=unix,dc=x))", true, false },
        { "(|(a=b)(!(memberOf=cn=x)))", true, false },
        { "(memberOf;binary=x)", true, false },
        { "(memberOf:1.2.840.113556.1.4.1941:=cn=unix,dc=x)", true, false },
        { "(memberOf:=x)", true, false },
        { "(memberOf>=x)", true, false },
        { "(memberOf<=x)", true, false },
        { "(memberOf~=x)", true, false },
        { "(1.2.840.113556.1.2.102=x)", true, false },
        { "(1.2.840.113556.1.2.1023=x)", false, false },
        { "(1.2.840.113556.1.2.10=x)", false, false },
        { "(memberOfUnix=x)", false, false },
        { "(member=x)", false, false },
        { "(xmemberOf=x)", false, false },
        { "(description=memberOf=x)", false, false },
        { "(description=\\28memberOf=x\\29)", false, false },
        { "(isMemberOf=cn=x)", true, true },
        { "(&(a=b)(ISMEMBEROF=cn=x))", true, true },
        { "(nsRole=cn=x)", true, true },
        { "(nsRoleDN=cn=x)", true, true },
        { "(nsRoleDefinition=cn=x)", false, false },
        { "(tokenGroups=x)", true, true },
        { "(groupMembership=x)", true, true },
        { "(msds-memberoftransitive=x)", true, true },
        { "(entryDN:dnSubtreeMatch:=ou=x,dc=y)", true, true },
        { "(1.3.6.1.1.20=ou=x)", true, true },
        { "(distinguishedName=*x*)", true, true },
        { "(hasSubordinates=FALSE)", true, true },
        { "(ou:dn:=people)", true, true },
        { "(ou:DN:caseIgnoreMatch:=people)", true, true },
        { "(ou:caseIgnoreMatch:=people)", false, false },
        { "(:caseIgnoreMatch:=people)", true, true },
        { "(:dn:2.5.13.2:=people)", true, true },
        { "(|(nsRole=cn=x)(memberOf=cn=x))", true, true },
        { "", false, false },
};
static void in_filters(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
                if (computed_in_filter(filters[i].filter, false) != filters[i].computed || computed_in_filter(filters[i].filter, true) != filters[i].where_told)
                        fail_msg("%s", filters[i].filter);
}

static const struct { const char *attribute, *value; bool dynamic; } groups[] = {
        { "memberURL", "ldap:///ou=people,dc=x??sub?(a=b)", true },
        { "MEMBERURL", "", true },
        { "memberQueryURL", "ldap:///dc=x", true },
        { "ds-target-group-dn", "cn=dyn,dc=x", true },
        { "labeledURI", "ldap:///dc=x??sub?(a=b)", true },
        { "labeledURI", "LDAPS://server/dc=x", true },
        { "labeledURI", "https://example.org/group The group", false },
        { "labeledURI", "ldap", false },
        { "labeledURI", "", false },
        { "memberURLs", "ldap:///dc=x", false },
        { "member", "uid=a,dc=x", false },
};
static void of_groups(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
                struct berval values[] = { { 4, (char *)(uintptr_t)"none" }, { strlen(groups[i].value), (char *)(uintptr_t)groups[i].value } };
                struct ldap_entry group = { .count = 1 };
                group.attributes[0] = (struct ldap_attribute){ { strlen(groups[i].attribute), (char *)(uintptr_t)groups[i].attribute }, values, 2 };
                if (computed_members(&group) != groups[i].dynamic)
                        fail_msg("%s: %s", groups[i].attribute, groups[i].value);
                group.attributes[0].count = 0; /* the name alone */
                if (computed_members(&group))
                        fail_msg("%s, without a value", groups[i].attribute);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(in_filters), cmocka_unit_test(of_groups) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
