/* The texts that go to a server, built from typed values, and the server's words made fit for a log.
 * Relies on: base/sbuf.
 * Must never: put a value into a filter unescaped. There is no other place that writes a filter with a value in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/sbuf.h"

/* A configured filter: "(…)" as it is, without the brackets they are added, and with "" one on the object class. */
void filter_configured(struct sbuf *filter, const char *configured, const char *object_class);
/* "(attribute=value)", the value escaped (RFC 4515): * ( ) \ NUL, and all that is not printable ASCII. */
void filter_equals(struct sbuf *filter, const char *attribute, const char *value, size_t len);

/* What a filter asks of one attribute: "(name;option:rule:=value)". Points into the filter. */
struct filter_component {
        const char *name;     /* of the attribute, or its OID; len bytes. 0: of none in particular */
        size_t len;
        const char *operator; /* what follows the name: options or blanks, ":rule", then "=", ">=", "<=" or "~=" and the value; "" or ")" where the filter is none */
};
/* The next component of a filter (RFC 4515: a value's parentheses are escaped, so that each one begins something). *at: the filter first, then what was
 * left of it. False: there is none left. */
bool filter_next(const char **at, struct filter_component *component);

/* "RELATIVE,BASE", or one of them where the other is "". Both are DNs of the configuration. */
void dn_below(struct sbuf *dn, const char *relative, const char *base);

/* text, cut at size - 1 bytes, control characters and bytes that are no ASCII as '?'. */
void words_copy(const char *text, char *out, size_t size);
