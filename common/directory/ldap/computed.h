/* What servers make up when they are asked: it changes with other entries, and nobody is told that this one is another now.
 * Relies on: ldap/search for the entry's shape.
 * Must never: take a name that is only part of another one, or a value, for one of these. */
#pragma once

#include <stdbool.h>

#include "directory/ldap/search.h"

/* Whether the filter (RFC 4515, as common/config lets pass) asks for such an attribute, by its name or OID, in any case, with options or a matching rule; or
 * for no attribute in particular. told: those count that no server tells of, and not memberOf, which 389 DS writes into the user's entry. */
bool computed_in_filter(const char *filter, bool told);

/* What a group says of itself whose members are computed (dynlist, eDirectory, OpenDJ); NULL-terminated. */
extern const char *const computed_member_attributes[];
/* Whether the group's members are. labeledURI, which anything may have, counts if it is a search. */
bool computed_members(const struct ldap_entry *group);
