/* Cookies as texts; see ldap/feed.h: a line with the method, the identity, the form of ids and, if
 * there is one, the end, then the fields, a line each. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "directory/ldap/feed.h"

static const char *const words[] = { [FEED_REPL] = "rfc4533", [FEED_USN] = "usn", [FEED_TIMES] = "times" };

void feed_cookie_set_text(struct sync_cookie *field, const char *text) {
        (void)sync_cookie_set(field, &(struct berval){ .bv_val = (char *)(uintptr_t)text, .bv_len = strlen(text) });
}

/* What is not plain is written in hex. */
static bool put_field(char *text, size_t *used, const struct sync_cookie *field) {
        static const char digits[] = "0123456789abcdef";
        if (*used + 3 * field->len + 2 > SYNC_COOKIE_MAX)
                return false;
        text[(*used)++] = '\n';
        for (size_t i = 0; i < field->len; i++) {
                unsigned char c = (unsigned char)field->bytes[i];
                if (c > 0x20 && c < 0x7f && c != '%') {
                        text[(*used)++] = (char)c;
                        continue;
                }
                text[(*used)++] = '%';
                text[(*used)++] = digits[c >> 4];
                text[(*used)++] = digits[c & 15];
        }
        return true;
}

void feed_cookie_write(const struct feed_cookie *cookie, char text[SYNC_COOKIE_MAX + 1]) {
        text[0] = 0;
        if (cookie->method == FEED_NONE)
                return;
        size_t used = (size_t)snprintf(text, SYNC_COOKIE_MAX, "%s %016" PRIx64 " %u", words[cookie->method], cookie->identity, (unsigned)cookie->form);
        if (cookie->end_s > 0)
                used += (size_t)snprintf(text + used, SYNC_COOKIE_MAX - used, " %" PRIu64, cookie->end_s);
        bool fits = true;
        for (size_t i = 0; i < FEED_FIELDS && fits; i++)
                fits = put_field(text, &used, &cookie->fields[i]);
        text[fits ? used : 0] = 0;
}

static int hex(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int get_field(const char **at, struct sync_cookie *field) {
        field->len = 0;
        if (*(*at)++ != '\n')
                return -EINVAL;
        for (; **at && **at != '\n'; ++*at) {
                int c = (unsigned char)**at;
                if (c == '%') {
                        int high = hex((*at)[1]), low = high < 0 ? -1 : hex((*at)[2]);
                        if (low < 0)
                                return -EINVAL;
                        c = high << 4 | low;
                        *at += 2;
                }
                if (field->len == sizeof field->bytes)
                        return -EINVAL;
                field->bytes[field->len++] = (char)c;
        }
        return 0;
}

static int get_identity(const char **at, uint64_t *identity) {
        *identity = 0;
        for (int i = 0; i < 16; i++) {
                int digit = hex(*(*at)++);
                if (digit < 0)
                        return -EINVAL;
                *identity = *identity << 4 | (unsigned)digit;
        }
        return *(*at)++ == ' ' ? 0 : -EINVAL;
}

/* As it is written: without zeros before it, and not 0. */
static int get_end(const char **at, uint64_t *end_s) {
        char digits[24];
        if (**at != ' ')
                return 0;
        size_t len = strspn(++*at, "0123456789");
        if (len == 0 || len >= sizeof digits || **at == '0')
                return -EINVAL;
        memcpy(digits, *at, len);
        digits[len] = 0;
        *at += len;
        return text_to_u64(digits, UINT64_MAX, end_s);
}

int feed_cookie_read(const char *text, struct feed_cookie *cookie) {
        *cookie = (struct feed_cookie){ 0 };
        for (size_t m = FEED_REPL; m <= FEED_TIMES && cookie->method == FEED_NONE; m++) {
                size_t len = strlen(words[m]);
                if (strncmp(text, words[m], len) == 0 && text[len] == ' ') {
                        cookie->method = (enum feed_method)m;
                        text += len + 1;
                }
        }
        int r = cookie->method == FEED_NONE ? -EINVAL : get_identity(&text, &cookie->identity);
        if (r == 0 && (*text < '0' || *text > '0' + SYNC_ID_NSUNIQUE))
                r = -EINVAL;
        if (r == 0)
                cookie->form = (enum sync_id_form)(*text++ - '0');
        if (r == 0)
                r = get_end(&text, &cookie->end_s);
        for (size_t i = 0; i < FEED_FIELDS && r == 0; i++)
                r = get_field(&text, &cookie->fields[i]);
        return r == 0 && *text ? -EINVAL : r;
}
