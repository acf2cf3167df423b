/* The address of an LDAP server as the configuration writes it, taken apart.
 * Relies on: base/text, inet_pton.
 * Must never: resolve a name; accept what an LDAP library would quietly understand otherwise (a port above 65535, a DN or filter at the end). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ldap_scheme { LDAP_SCHEME_NONE = 0, LDAP_SCHEME_LDAP, LDAP_SCHEME_LDAPS, LDAP_SCHEME_LDAPI };

#define LDAP_HOST_MAX 253
#define LDAP_PATH_MAX 107 /* of a local socket */

struct ldap_uri {
        enum ldap_scheme scheme;
        bool srv;                       /* host is a domain whose servers DNS lists; there is no port */
        bool loopback;                  /* this host, whoever listens to the network: 127.0.0.0/8, ::1, localhost, and every local socket */
        uint16_t port;                  /* 389 and 636 where none is written; 0 for srv and ldapi */
        char host[LDAP_HOST_MAX + 1];   /* a name, IPv4, or IPv6 without its brackets; "" for ldapi */
        char path[LDAP_PATH_MAX + 1];   /* ldapi: of the socket, decoded; else "" */
};

/* Reads "ldap://HOST[:PORT]", "ldaps://HOST[:PORT]", "ldapi://PATH" (its slashes written %2F), "ldap+srv://DOMAIN" or "ldaps+srv://DOMAIN"; one slash
 * at the end is fine. Schemes are lower case, an IPv6 address stands in brackets. 0, or -EINVAL with *why, a static text that says what is wrong
 * and what would be right; *uri is then unspecified. */
int ldap_uri_parse(const char *text, struct ldap_uri *uri, const char **why);

/* The same as a text for libldap (which checks the certificate's name against it) and for messages: "ldaps://HOST:PORT"; never of a +srv one. */
void ldap_uri_print(const struct ldap_uri *uri, char *text, size_t size);
#define LDAP_URI_TEXT_MAX 288
