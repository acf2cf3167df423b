/* Whether a text is a DN, a filter or an attribute's name, as far as that can be told without a server.
 * Relies on: libc.
 * Must never: link an LDAP library (the command and the keeper read the configuration too); normalise; accept what a library would refuse later,
 * when nobody looks. */
#pragma once

#include <stdbool.h>

/* RFC 4514, without the quoted and ';' forms of RFC 2253. NULL if it is one and not empty; else a static text: what is wrong. */
const char *ldap_dn_problem(const char *text);
/* RFC 4515. NULL if it is one; else a static text: what is wrong. */
const char *ldap_filter_problem(const char *text);
/* An attribute's or an object class's name, or its OID; attributes may have options (";binary"). */
bool ldap_attribute_is_valid(const char *text);
/* Whether dn ends with base, compared without case and blanks beside commas: "ou=x, dc=a" with "DC=a". */
bool ldap_dn_is_below(const char *dn, const char *base);
