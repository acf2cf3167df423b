/* The servers that DNS lists for a domain (RFC 2782).
 * Relies on: res_nquery.
 * Must never: take a server outside the domain: without DNSSEC the answer is anybody's, and the certificate would be checked against it. */
#pragma once

#include <stddef.h>

#include "base/sbuf.h"
#include "model/ldap_uri.h"

#define SRV_MAX 8

/* domain: a +srv address (may be uris[0]). Fills uris[0..*count) in order of priority, then weight. 0; -EHOSTUNREACH, -EPROTO with a sentence in *why. */
int srv_expand(const struct ldap_uri *domain, struct ldap_uri uris[SRV_MAX], size_t *count, struct sbuf *why);

/* The parser: answer[0..len) as DNS sent it. Exposed for the fuzzer. */
int srv_parse(const unsigned char *answer, size_t len, const struct ldap_uri *domain, struct ldap_uri uris[SRV_MAX], size_t *count);
