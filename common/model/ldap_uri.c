/* The address of an LDAP server; see ldap_uri.h. */
#include "model/ldap_uri.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct { const char *word; enum ldap_scheme scheme; bool srv; uint16_t port; } schemes[] = {
        { "ldap://", LDAP_SCHEME_LDAP, false, 389 },
        { "ldaps://", LDAP_SCHEME_LDAPS, false, 636 },
        { "ldapi://", LDAP_SCHEME_LDAPI, false, 0 },
        { "ldap+srv://", LDAP_SCHEME_LDAP, true, 0 },
        { "ldaps+srv://", LDAP_SCHEME_LDAPS, true, 0 },
};

static bool is_alnum(char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A name of DNS or of /etc/hosts: '_' is seen in both. */
static bool is_host_name(const char *host) {
        size_t label = 0;
        for (const char *p = host;; p++) {
                if (*p == 0 || *p == '.') {
                        if (label == 0 || label > 63 || p[-1] == '-')
                                return false;
                        label = 0;
                        if (*p == 0)
                                return true;
                } else if (!is_alnum(*p) && *p != '_' && (*p != '-' || label == 0))
                        return false;
                else
                        label++;
        }
}

/* What has digits and dots only is an address or nothing: "10.1" must not become 10.0.0.1. */
static const char *host_problem(struct ldap_uri *uri, bool bracketed) {
        struct in_addr four;
        struct in6_addr six;
        if (bracketed) {
                if (inet_pton(AF_INET6, uri->host, &six) != 1)
                        return "not an IPv6 address between the brackets; valid: such as ldaps://[2001:db8::1]";
                uri->loopback = IN6_IS_ADDR_LOOPBACK(&six);
        } else if (uri->host[strspn(uri->host, "0123456789.")] == 0) {
                if (inet_pton(AF_INET, uri->host, &four) != 1)
                        return "not an IPv4 address; valid: four numbers from 0 to 255, such as ldaps://192.0.2.1";
                uri->loopback = ntohl(four.s_addr) >> 24 == 127;
        } else if (!is_host_name(uri->host))
                return "not a host name; valid: letters, digits, '-' and dots, such as ldaps://ldap.example.com";
        else
                uri->loopback = !uri->srv && strcasecmp(uri->host, "localhost") == 0;
        return NULL;
}

static const char *port_problem(struct ldap_uri *uri, const char *text) {
        uint32_t port;
        if (uri->srv)
                return "DNS says the port of each server; valid: a domain alone, such as ldaps+srv://example.com";
        if (text_to_u32(text, UINT16_MAX, &port) < 0 || port == 0)
                return "not a port; valid: a number from 1 to 65535, such as ldaps://ldap.example.com:636";
        uri->port = (uint16_t)port;
        return NULL;
}

/* at[0..len): HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. */
static const char *address_problem(struct ldap_uri *uri, const char *at, size_t len) {
        char port[8] = "";
        bool bracketed = len > 0 && at[0] == '[';
        const char *close = bracketed ? memchr(at, ']', len) : NULL;
        const char *host = bracketed ? at + 1 : at;
        if (bracketed && !close)
                return "the bracket of the IPv6 address is not closed; valid: such as ldaps://[2001:db8::1]";
        const char *colon = bracketed ? close + 1 : memchr(at, ':', len);
        const char *end = at + len;
        if (bracketed && colon < end && *colon != ':')
                return "only a port may follow the brackets; valid: such as ldaps://[2001:db8::1]:636";
        if (!colon || colon >= end)
                colon = NULL;
        size_t host_len = bracketed ? (size_t)(close - host) : colon ? (size_t)(colon - at) : len;
        size_t port_len = colon ? (size_t)(end - colon) - 1 : 0;
        if (!bracketed && colon && memchr(colon + 1, ':', port_len))
                return "an IPv6 address stands in brackets; valid: such as ldaps://[2001:db8::1]:636";
        if (host_len == 0)
                return "no host; valid: such as ldaps://ldap.example.com";
        if (host_len > LDAP_HOST_MAX)
                return "the host name is too long; valid: at most 253 bytes";
        memcpy(uri->host, host, host_len);
        uri->host[host_len] = 0;
        if (!colon)
                return host_problem(uri, bracketed);
        if (port_len >= sizeof port)
                port_len = 0; /* no number of five digits: refused as an empty one is */
        memcpy(port, colon + 1, port_len);
        const char *problem = port_problem(uri, port);
        return problem ? problem : host_problem(uri, bracketed);
}

static int digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

#define PATH_VALID "not the path of a socket; valid: its slashes as %2F, such as ldapi://%2Frun%2Fslapd%2Fldapi"

/* at[0..len): the path of a socket. A plain '/' would end the host part of the URI, so slashes are encoded. */
static const char *path_problem(struct ldap_uri *uri, const char *at, size_t len) {
        size_t n = 0;
        for (size_t i = 0; i < len; i++) {
                char c = at[i];
                if (c == '%' && i + 2 < len && digit(at[i + 1]) >= 0 && digit(at[i + 2]) >= 0) {
                        c = (char)(digit(at[i + 1]) * 16 + digit(at[i + 2]));
                        i += 2;
                } else if (!is_alnum(c) && !strchr("-._~", c))
                        return PATH_VALID;
                if (n == LDAP_PATH_MAX)
                        return "the path of the socket is too long; valid: at most 107 bytes";
                uri->path[n++] = c;
        }
        if (uri->path[0] != '/' || memchr(uri->path, 0, n) || text_has_control(uri->path, n))
                return "not an absolute path; valid: such as ldapi://%2Frun%2Fslapd%2Fldapi";
        uri->loopback = true;
        return NULL;
}

int ldap_uri_parse(const char *text, struct ldap_uri *uri, const char **why) {
        *uri = (struct ldap_uri){ 0 };
        *why = "not the address of an LDAP server; valid: ldaps://HOST[:PORT], ldap://HOST[:PORT], ldapi://PATH, ldaps+srv://DOMAIN, ldap+srv://DOMAIN";
        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
                if (!text_starts_with(text, schemes[i].word))
                        continue;
                *uri = (struct ldap_uri){ .scheme = schemes[i].scheme, .srv = schemes[i].srv, .port = schemes[i].port };
                const char *at = text + strlen(schemes[i].word);
                size_t len = strcspn(at, "/?#");
                *why = at[len] && strcmp(at + len, "/") != 0 && uri->scheme == LDAP_SCHEME_LDAPI ? PATH_VALID
                        : at[len] && strcmp(at + len, "/") != 0 ? "nothing may follow the host and the port: the base is a key of its own"
                        : uri->scheme == LDAP_SCHEME_LDAPI ? path_problem(uri, at, len) : address_problem(uri, at, len);
                break;
        }
        return *why ? -EINVAL : 0;
}

void ldap_uri_print(const struct ldap_uri *uri, char *text, size_t size) {
        if (uri->scheme == LDAP_SCHEME_LDAPI) {
                (void)snprintf(text, size, "ldapi://");
                return;
        }
        bool brackets = strchr(uri->host, ':') != NULL;
        (void)snprintf(text, size, "%s://%s%s%s:%u", uri->scheme == LDAP_SCHEME_LDAPS ? "ldaps" : "ldap", brackets ? "[" : "", uri->host,
                       brackets ? "]" : "", uri->port);
}
