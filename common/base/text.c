/* Text as the rule book sees it; see text.h. */
#include "base/text.h"

#include <errno.h>
#include <string.h>

void text_fold(char *dst, const char *src, size_t len) {
        for (size_t i = 0; i < len; i++)
                dst[i] = text_fold_byte(src[i]);
}

int text_compare_names(const char *a, const char *b) {
        for (;; a++, b++) {
                unsigned char x = (unsigned char)text_fold_byte(*a), y = (unsigned char)text_fold_byte(*b);
                if (x != y)
                        return x < y ? -1 : 1;
                if (x == 0)
                        return 0;
        }
}

bool text_same_name(const char *a, const char *b) {
        return text_compare_names(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix) {
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Length of the UTF-8 sequence at s (1 to 4), 0 if it is not one. */
static size_t utf8_sequence(const unsigned char *s, size_t len) {
        static const uint32_t smallest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
        if (n == 0 || n > len)
                return 0;
        if (n == 1)
                return 1;
        uint32_t code = s[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                code = code << 6 | (s[i] & 0x3fu);
        }
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        return code < smallest[n] || code > 0x10ffff || surrogate ? 0 : n;
}

bool text_is_utf8(const char *text, size_t len) {
        const unsigned char *s = (const unsigned char *)text;
        for (size_t i = 0; i < len;) {
                size_t n = utf8_sequence(s + i, len - i);
                if (n == 0)
                        return false;
                i += n;
        }
        return true;
}

bool text_has_control(const char *text, size_t len) {
        const unsigned char *s = (const unsigned char *)text;
        for (size_t i = 0; i < len; i++) {
                if (s[i] < 0x20 || s[i] == 0x7f)
                        return true;
                if (s[i] == 0xc2 && i + 1 < len && s[i + 1] >= 0x80 && s[i + 1] <= 0x9f)
                        return true;
        }
        return false;
}

int text_to_u64(const char *text, uint64_t max, uint64_t *value) {
        uint64_t v = 0;
        if (*text == 0)
                return -EINVAL;
        for (const char *p = text; *p; p++) {
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                uint64_t digit = (uint64_t)(*p - '0');
                if (v > (UINT64_MAX - digit) / 10)
                        return -ERANGE;
                v = v * 10 + digit;
        }
        if (v > max)
                return -ERANGE;
        *value = v;
        return 0;
}

int text_to_u32(const char *text, uint32_t max, uint32_t *value) {
        uint64_t v;
        int r = text_to_u64(text, max, &v);
        if (r == 0)
                *value = (uint32_t)v;
        return r;
}

int text_to_seconds(const char *text, uint64_t max, uint64_t *seconds) {
        char digits[24];
        size_t len = strlen(text);
        if (strcmp(text, "0") == 0) {
                *seconds = 0;
                return 0;
        }
        if (len < 2 || len > sizeof digits)
                return -EINVAL;
        uint64_t unit, n;
        switch (text[len - 1]) {
        case 's': unit = 1; break;
        case 'm': unit = 60; break;
        case 'h': unit = 3600; break;
        case 'd': unit = 86400; break;
        default: return -EINVAL;
        }
        memcpy(digits, text, len - 1);
        digits[len - 1] = 0;
        int r = text_to_u64(digits, UINT64_MAX, &n);
        if (r < 0)
                return r;
        if (n > max / unit)
                return -ERANGE;
        *seconds = n * unit;
        return 0;
}
