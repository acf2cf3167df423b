/* Text as the rule book sees it: ASCII folding (N1), UTF-8 validity (N3), strict numbers and durations.
 * Relies on: libc. No locale is ever consulted.
 * Must never: allocate, or look past the length it was given. Used inside the NSS module. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One byte folded to lower case, ASCII only (N1). */
static inline char text_fold_byte(char c) {
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Writes the folded form of src[0..len) to dst[0..len). dst may be src. No terminator is written. */
void text_fold(char *dst, const char *src, size_t len);

/* Whether two NUL-terminated texts are the same name (N1). */
bool text_same_name(const char *a, const char *b);

/* Order of names: by folded bytes. Negative, 0 or positive, as strcmp. */
int text_compare_names(const char *a, const char *b);

/* Byte for byte. */
bool text_starts_with(const char *text, const char *prefix);

/* Whether text[0..len) is valid UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF). */
bool text_is_utf8(const char *text, size_t len);

/* Whether text[0..len) has a control character: below 0x20, 0x7f, or C1 (U+0080 to U+009F) as UTF-8. */
bool text_has_control(const char *text, size_t len);

/* A decimal number without sign, blanks or anything else around it.
 * Returns 0, -EINVAL (not such a number) or -ERANGE (above max). *value is untouched on failure. */
int text_to_u64(const char *text, uint64_t max, uint64_t *value);
int text_to_u32(const char *text, uint32_t max, uint32_t *value);

/* A duration: a number and one of s, m, h, d ("0" may stand alone). Gives seconds.
 * Returns 0, -EINVAL, or -ERANGE (above max seconds). */
int text_to_seconds(const char *text, uint64_t max, uint64_t *seconds);
