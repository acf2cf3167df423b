/* Server addresses; see ldap/uri.h. */
#include "directory/ldap/uri.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct {
        const char *prefix;
        enum uri_scheme scheme;
        bool srv;
        uint16_t port;
} schemes[] = {
        { "ldap://", URI_LDAP, false, 389 },
        { "ldaps://", URI_LDAPS, false, 636 },
        { "ldapi://", URI_LDAPI, false, 0 },
        { "ldap+srv://", URI_LDAP, true, 0 },
        { "ldaps+srv://", URI_LDAPS, true, 0 },
};

static int hex_digit(char c) {
        c = text_fold_byte(c);
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The socket's name, percent-encoded so that its slashes are not the URL's. */
static int parse_path(const char *text, struct uri *uri) {
        size_t used = 0;
        for (; *text && !(text[0] == '/' && text[1] == 0); text++) {
                int c = (unsigned char)*text;
                if (*text == '%') {
                        int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);
                        if (low < 0)
                                return -EINVAL;
                        c = high * 16 + low;
                        text += 2;
                }
                if (c == 0 || used >= URI_PATH_MAX)
                        return -EINVAL;
                uri->path[used++] = (char)c;
        }
        uri->path[used] = 0;
        return uri->path[0] == '/' ? 0 : -EINVAL;
}

/* What may stand in a host name or address; an underscore because it is out there. */
static bool is_host_byte(char c, bool bracketed) {
        char f = text_fold_byte(c);
        return (f >= 'a' && f <= 'z') || (f >= '0' && f <= '9') || f == '.' || f == '-' || f == '_' || (bracketed && (f == ':' || f == '%'));
}

static int parse_host(const char **text, struct uri *uri) {
        const char *at = *text;
        bool bracketed = *at == '[';
        size_t used = 0;
        for (at += bracketed; is_host_byte(*at, bracketed); at++) {
                if (used >= URI_HOST_MAX)
                        return -EINVAL;
                uri->host[used++] = *at;
        }
        uri->host[used] = 0;
        if (used == 0 || (bracketed && *at++ != ']'))
                return -EINVAL;
        *text = at;
        return 0;
}

static int parse_network(const char *text, struct uri *uri) {
        if (parse_host(&text, uri) < 0)
                return -EINVAL;
        if (*text == ':' && !uri->srv) {
                char digits[6];
                uint32_t port;
                size_t len = strspn(++text, "0123456789");
                if (len == 0 || len >= sizeof digits)
                        return -EINVAL;
                memcpy(digits, text, len);
                digits[len] = 0;
                if (text_to_u32(digits, UINT16_MAX, &port) < 0 || port == 0)
                        return -EINVAL;
                uri->port = (uint16_t)port;
                text += len;
        }
        return *text == 0 || strcmp(text, "/") == 0 ? 0 : -EINVAL;
}

int uri_parse(const char *text, struct uri *uri) {
        *uri = (struct uri){ 0 };
        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
                size_t len = strlen(schemes[i].prefix);
                bool same = strlen(text) > len;
                for (size_t c = 0; same && c < len; c++)
                        same = text_fold_byte(text[c]) == schemes[i].prefix[c];
                if (!same)
                        continue;
                uri->scheme = schemes[i].scheme;
                uri->srv = schemes[i].srv;
                uri->port = schemes[i].port;
                return uri->scheme == URI_LDAPI ? parse_path(text + len, uri) : parse_network(text + len, uri);
        }
        return -EINVAL;
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
