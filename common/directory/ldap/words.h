/* The texts that go to a server, built from typed values, and the server's words made fit for a log.
 * Relies on: base/sbuf.
 * Must never: put a value into a filter unescaped. There is no other place that writes a filter with a value in it. */
#pragma once

#include <stddef.h>

#include "base/sbuf.h"

/* A configured filter: "(…)" as it is, without the brackets they are added, and with "" one on the object class. */
void filter_configured(struct sbuf *filter, const char *configured, const char *object_class);
/* "(attribute=value)", the value escaped (RFC 4515): * ( ) \ NUL, and all that is not printable ASCII. */
void filter_equals(struct sbuf *filter, const char *attribute, const char *value, size_t len);

/* "RELATIVE,BASE", or one of them where the other is "". Both are DNs of the configuration. */
void dn_below(struct sbuf *dn, const char *relative, const char *base);

/* text, cut at size - 1 bytes, control characters and bytes that are no ASCII as '?'. */
void words_copy(const char *text, char *out, size_t size);
