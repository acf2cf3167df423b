/* Server addresses of `uri =`: text to parts.
 * Relies on: model/ldap_uri.
 * Must never: resolve a name; accept a port, a path or a host that it would then use otherwise than written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum uri_scheme { URI_NONE = 0, URI_LDAP, URI_LDAPS, URI_LDAPI };

#define URI_HOST_MAX 255
#define URI_PATH_MAX 107 /* a UNIX socket's name */

struct uri {
        enum uri_scheme scheme;
        bool srv;                     /* host is a domain: DNS lists the servers */
        char host[URI_HOST_MAX + 1];  /* without the brackets of IPv6 */
        uint16_t port;
        char path[URI_PATH_MAX + 1];  /* ldapi: the socket */
};

/* "ldap://HOST[:PORT][/]", "ldaps://…", "ldapi://%2Fpath%2Fto%2Fsocket", "ldap+srv://DOMAIN", "ldaps+srv://DOMAIN". 0 or -EINVAL. */
int uri_parse(const char *text, struct uri *uri);

/* The same as a text for libldap (which checks the certificate's name against it) and for messages. Never a +srv one. */
void uri_print(const struct uri *uri, char *text, size_t size);
#define URI_TEXT_MAX 288
