/* Texts around LDAP that others write: a server's address, a DN, a value for a filter, the DNS answer that lists servers.
 * Relies on: model/ldap_uri, directory/ldap/dn, words, srv.
 * Must never: ask DNS. The first byte chooses the parser. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/dn.h"
#include "directory/ldap/link.h"
#include "directory/ldap/srv.h"
#include "model/ldap_uri.h"
#include "directory/ldap/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is printed is read back as the same. */
static void try_uri(const char *text) {
        struct ldap_uri uri, again;
        const char *why;
        char printed[LDAP_URI_TEXT_MAX];
        if (ldap_uri_parse(text, &uri, &why) < 0 || uri.srv || uri.scheme == LDAP_SCHEME_LDAPI)
                return;
        ldap_uri_print(&uri, printed, sizeof printed);
        if (ldap_uri_parse(printed, &again, &why) < 0 || strcmp(again.host, uri.host) != 0 || again.port != uri.port || again.scheme != uri.scheme)
                abort();
}

/* Case and the spelling of its commas change nothing. */
static void try_dn(const char *text, size_t len) {
        char normal[DN_NORMAL_MAX], value[64];
        size_t normal_len;
        if (dn_normal(text, len, normal, &normal_len) == 0 && (normal_len == 0 || normal_len > DN_NORMAL_MAX))
                abort();
        int r = dn_rdn_value(text, len, "cn", value, sizeof value);
        if (r > (int)sizeof value)
                abort();
}

/* The value cannot end the filter, or add to it. */
static void try_filter(const char *text, size_t len) {
        _cleanup_sbuf_ struct sbuf filter = { 0 };
        filter_equals(&filter, "uid", text, len);
        const char *at = sbuf_text(&filter);
        size_t end = strlen(at) - 1;
        if (strncmp(at, "(uid=", 5) != 0 || at[end] != ')')
                abort();
        for (size_t i = 5; i < end; i++)
                if (at[i] <= ' ' || at[i] > '~' || strchr("()*", at[i]))
                        abort();
        struct filter_component component;
        if (!filter_next(&at, &component) || component.len != 3 || component.operator[0] != '=' || filter_next(&at, &component))
                abort();
}

/* Each begins behind the one before, within the text, and its name is one. */
static void try_components(const char *text) {
        struct filter_component component;
        const char *before = text;
        for (const char *at = text; filter_next(&at, &component); before = component.operator)
                if (component.name <= before || component.operator != component.name + component.len || at < component.name ||
                    strlen(text) < (size_t)(component.operator - text) || memchr(component.name, '(', component.len))
                        abort();
}

static void try_srv(const uint8_t *data, size_t size) {
        const struct ldap_uri domain = { .scheme = LDAP_SCHEME_LDAPS, .srv = true, .host = "example.com" };
        struct ldap_uri found[SRV_MAX];
        size_t count;
        if (srv_parse(data, size, &domain, found, &count) < 0)
                return;
        if (count == 0 || count > SRV_MAX)
                abort();
        for (size_t i = 0; i < count; i++)
                if (found[i].port == 0 || strlen(found[i].host) <= strlen(".example.com"))
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        char *text = malloc(size);
        if (!text)
                return 0;
        memcpy(text, data + 1, size - 1);
        text[size - 1] = 0;
        if (data[0] == 'e') {
                const struct berval value = { .bv_val = text, .bv_len = size - 1 };
                char digits[16];
                int len = snprintf(digits, sizeof digits, "%u", link_expiring(&value));
                /* What is not 0 was written there, after zeros, to its end or to a NUL. */
                const char *at = text + strspn(text, "0");
                if (digits[0] != '0' && (strcmp(at, digits) != 0 || (size_t)(at - text) + (size_t)len + 1 < size - 1))
                        abort();
                free(text);
                return 0;
        }
        if (data[0] == 'c') {
                try_components(text);
                free(text);
                return 0;
        }
        switch (data[0] % 4) {
        case 0:
                try_uri(text);
                break;
        case 1:
                try_dn(text, size - 1);
                break;
        case 2:
                try_filter(text, size - 1);
                break;
        default:
                try_srv(data + 1, size - 1);
        }
        free(text);
        return 0;
}
