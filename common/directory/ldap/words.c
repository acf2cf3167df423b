/* Texts for and from a server; see ldap/words.h. */
#include "directory/ldap/words.h"

#include <string.h>

void filter_configured(struct sbuf *filter, const char *configured, const char *object_class) {
        if (configured[0] == '(')
                sbuf_add(filter, configured);
        else if (configured[0])
                sbuf_printf(filter, "(%s)", configured);
        else
                sbuf_printf(filter, "(objectClass=%s)", object_class[0] ? object_class : "*");
}

void filter_equals(struct sbuf *filter, const char *attribute, const char *value, size_t len) {
        sbuf_printf(filter, "(%s=", attribute);
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)value[i];
                if (c <= 0x20 || c >= 0x7f || c == '*' || c == '(' || c == ')' || c == '\\')
                        sbuf_printf(filter, "\\%02x", c);
                else
                        sbuf_add_bytes(filter, &value[i], 1);
        }
        sbuf_add(filter, ")");
}

bool filter_next(const char **at, struct filter_component *component) {
        for (const char *next = strchr(*at, '('); next; next = strchr(next, '(')) {
                next += 1 + strspn(next + 1, " ");
                if (*next && strchr("&|!(", *next))
                        continue;
                size_t len = strcspn(next, "=~<>:; ()");
                *component = (struct filter_component){ .name = next, .len = len, .operator = next + len };
                *at = next;
                return true;
        }
        return false;
}

void dn_below(struct sbuf *dn, const char *relative, const char *base) {
        sbuf_add(dn, relative);
        if (relative[0] && base[0])
                sbuf_add(dn, ",");
        sbuf_add(dn, base);
}

void words_copy(const char *text, char *out, size_t size) {
        size_t i = 0;
        for (; text[i] && i + 1 < size; i++)
                out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
        if (size > 0)
                out[i] = 0;
}
