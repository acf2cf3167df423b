/* Distinguished names; see dn.h. The form: type 0x01 value, parts of an RDN joined by 0x02, RDNs by 0x03; these, 0x04
 * and 0 in a value are written as 0x04 and the byte plus 0x40. */
#include "model/dn.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define PARTS_MAX 16 /* of one RDN */

struct cursor { const char *at, *end; };
struct part { size_t from, len; };
struct output { char *text; size_t used, size; };

static bool put(struct output *out, char c) {
        if (out->used >= out->size)
                return false;
        out->text[out->used++] = c;
        return true;
}

static void skip_blanks(struct cursor *cursor) {
        while (cursor->at < cursor->end && *cursor->at == ' ')
                cursor->at++;
}

static int hex(char c) {
        c = text_fold_byte(c);
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a value with its escape undone. The byte; -1: the value ends here; -EINVAL. *escaped: a blank that counts. */
static int value_byte(struct cursor *cursor, bool *escaped) {
        *escaped = false;
        if (cursor->at == cursor->end || *cursor->at == ',' || *cursor->at == '+' || *cursor->at == ';')
                return -1;
        char c = *cursor->at++;
        if (c != '\\')
                return (unsigned char)c;
        *escaped = true;
        if (cursor->at == cursor->end)
                return -EINVAL;
        int high = hex(*cursor->at), low = high >= 0 && cursor->end - cursor->at >= 2 ? hex(cursor->at[1]) : -1;
        if (low >= 0) {
                cursor->at += 2;
                return high * 16 + low;
        }
        return (unsigned char)*cursor->at++;
}

static bool put_value_byte(struct output *out, int c) {
        if (c >= 0 && c <= 4)
                return put(out, 4) && put(out, (char)(c + 0x40));
        return put(out, text_fold_byte((char)c));
}

/* caseIgnoreMatch: blanks at the ends do not count, several are one; an escaped one is a blank like any other. */
static int normal_value(struct cursor *cursor, struct output *out) {
        bool escaped, blank = false, any = false;
        int c;
        while ((c = value_byte(cursor, &escaped)) >= 0) {
                if (c == ' ') {
                        blank = true;
                        continue;
                }
                if (blank && any && !put(out, ' '))
                        return -ENAMETOOLONG;
                blank = false;
                any = true;
                if (!put_value_byte(out, c))
                        return -ENAMETOOLONG;
        }
        return c == -1 ? 0 : c;
}

static int normal_type(struct cursor *cursor, struct output *out) {
        size_t before = out->used;
        skip_blanks(cursor);
        if (cursor->end - cursor->at > 4 && text_fold_byte(cursor->at[0]) == 'o' && text_fold_byte(cursor->at[1]) == 'i' &&
            text_fold_byte(cursor->at[2]) == 'd' && cursor->at[3] == '.')
                cursor->at += 4;
        for (; cursor->at < cursor->end; cursor->at++) {
                char c = text_fold_byte(*cursor->at);
                if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
                        break;
                if (!put(out, c))
                        return -ENAMETOOLONG;
        }
        skip_blanks(cursor);
        if (out->used == before || cursor->at == cursor->end || *cursor->at++ != '=')
                return -EINVAL;
        return put(out, 1) ? 0 : -ENAMETOOLONG;
}

static int compare_parts(const void *a, const void *b, void *text) {
        const struct part *x = a, *y = b;
        const char *base = text;
        int r = memcmp(base + x->from, base + y->from, x->len < y->len ? x->len : y->len);
        return r != 0 ? r : x->len < y->len ? -1 : x->len > y->len;
}

/* The parts of a multi-valued RDN, which stand at out->text[from…), in one order. */
static void sort_parts(struct output *out, size_t from, struct part *parts, size_t count) {
        char sorted[DN_NORMAL_MAX];
        size_t used = 0;
        qsort_r(parts, count, sizeof *parts, compare_parts, out->text);
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        sorted[used++] = 2;
                memcpy(sorted + used, out->text + parts[i].from, parts[i].len);
                used += parts[i].len;
        }
        memcpy(out->text + from, sorted, used);
        out->used = from + used;
}

static int normal_rdn(struct cursor *cursor, struct output *out) {
        struct part parts[PARTS_MAX];
        size_t count = 0, from = out->used;
        for (;;) {
                if (count == PARTS_MAX)
                        return -EINVAL;
                if (count > 0 && !put(out, 2))
                        return -ENAMETOOLONG;
                parts[count].from = out->used;
                int r = normal_type(cursor, out);
                if (r == 0)
                        r = normal_value(cursor, out);
                if (r < 0)
                        return r;
                parts[count].len = out->used - parts[count].from;
                count++;
                if (cursor->at == cursor->end || *cursor->at != '+')
                        break;
                cursor->at++;
        }
        if (count > 1)
                sort_parts(out, from, parts, count);
        return 0;
}

int dn_normal(const char *dn, size_t len, char text[DN_NORMAL_MAX], size_t *out_len) {
        struct cursor cursor = { dn, dn + len };
        struct output out = { .text = text, .size = DN_NORMAL_MAX };
        for (;;) {
                int r = normal_rdn(&cursor, &out);
                if (r < 0)
                        return r;
                if (cursor.at == cursor.end)
                        break;
                cursor.at++; /* ',' or the older ';' */
                if (!put(&out, 3))
                        return -ENAMETOOLONG;
        }
        *out_len = out.used;
        return 0;
}

static bool type_is(const struct output *type, const char *attribute) {
        size_t len = strlen(attribute);
        if (type->used != len + 1)
                return false;
        for (size_t i = 0; i < len; i++)
                if (type->text[i] != text_fold_byte(attribute[i]))
                        return false;
        return true;
}

int dn_rdn_value(const char *dn, size_t len, const char *attribute, char *out, size_t size) {
        struct cursor cursor = { dn, dn + len };
        for (;;) {
                char type_text[256];
                struct output type = { .text = type_text, .size = sizeof type_text };
                size_t used = 0, kept = 0;
                bool escaped;
                int c;
                if (normal_type(&cursor, &type) < 0)
                        return -ENOENT;
                skip_blanks(&cursor);
                for (; (c = value_byte(&cursor, &escaped)) >= 0; used++) {
                        if (used >= size)
                                return -ENOENT;
                        out[used] = (char)c;
                        kept = c != ' ' || escaped ? used + 1 : kept;
                }
                if (c != -1)
                        return -ENOENT;
                if (type_is(&type, attribute))
                        return (int)kept;
                if (cursor.at == cursor.end || *cursor.at++ != '+')
                        return -ENOENT;
        }
}
