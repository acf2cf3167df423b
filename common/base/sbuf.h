/* A growable text buffer.
 * Relies on: malloc.
 * Must never: hold a secret (its memory is not wiped), or be used in the NSS module. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Zeroed memory is an empty buffer. After a failed append `failed` stays set and every later append is ignored,
 * so that callers check once, at the end. */
struct sbuf {
        char *text; /* NUL-terminated, or NULL while empty */
        size_t len, size;
        bool failed;
};

/* Frees the text; the buffer is empty again. */
void sbuf_done(struct sbuf *buf);
/* Append: a text, len bytes (which must not hold a NUL if the whole is used as a text), or what printf would print. */
void sbuf_add(struct sbuf *buf, const char *text);
void sbuf_add_bytes(struct sbuf *buf, const void *bytes, size_t len);
void sbuf_printf(struct sbuf *buf, const char *format, ...) _printf_(2, 3);
void sbuf_vprintf(struct sbuf *buf, const char *format, va_list args) _printf_(2, 0);

/* The text so far, never NULL ("" while empty). Owned by the buffer. */
const char *sbuf_text(const struct sbuf *buf);

/* Hands the text over (never NULL on success; free() it). NULL if any append failed. The buffer is empty afterwards. */
char *sbuf_take(struct sbuf *buf);

#define _cleanup_sbuf_ __attribute__((cleanup(sbuf_done)))
