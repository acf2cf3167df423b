/* Server addresses; see ldap/uri.h. */
#include "directory/ldap/uri.h"

#include <stdio.h>
#include <string.h>

#include "model/ldap_uri.h"

_Static_assert(URI_HOST_MAX >= LDAP_HOST_MAX && URI_PATH_MAX >= LDAP_PATH_MAX, "an address that the configuration takes fits");

/* One reader of addresses for the whole of multidir: what is checked and what is connected to cannot differ. */
int uri_parse(const char *text, struct uri *uri) {
        static const enum uri_scheme schemes[] = {
                [LDAP_SCHEME_NONE] = URI_NONE, [LDAP_SCHEME_LDAP] = URI_LDAP, [LDAP_SCHEME_LDAPS] = URI_LDAPS, [LDAP_SCHEME_LDAPI] = URI_LDAPI,
        };
        struct ldap_uri read;
        const char *why;
        *uri = (struct uri){ 0 };
        int r = ldap_uri_parse(text, &read, &why);
        if (r < 0)
                return r;
        uri->scheme = schemes[read.scheme];
        uri->srv = read.srv;
        uri->port = read.port;
        memcpy(uri->host, read.host, strlen(read.host) + 1);
        memcpy(uri->path, read.path, strlen(read.path) + 1);
        return 0;
}

void uri_print(const struct uri *uri, char *text, size_t size) {
        if (uri->scheme == URI_LDAPI) {
                (void)snprintf(text, size, "ldapi://");
                return;
        }
        bool brackets = strchr(uri->host, ':') != NULL;
        (void)snprintf(text, size, "%s://%s%s%s:%u", uri->scheme == URI_LDAPS ? "ldaps" : "ldap", brackets ? "[" : "", uri->host,
                       brackets ? "]" : "", uri->port);
}
