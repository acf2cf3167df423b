/* A growable text buffer; see sbuf.h. */
#include "base/sbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sbuf_done(struct sbuf *buf) {
        free(buf->text);
        *buf = (struct sbuf){ 0 };
}

/* Room for more bytes and a terminator. */
static bool reserve(struct sbuf *buf, size_t more) {
        if (buf->failed || more > SIZE_MAX / 2 - buf->len - 1) {
                buf->failed = true;
                return false;
        }
        size_t need = buf->len + more + 1;
        if (need <= buf->size)
                return true;
        size_t size = buf->size ? buf->size : 64;
        while (size < need)
                size *= 2;
        char *text = realloc(buf->text, size);
        if (!text) {
                buf->failed = true;
                return false;
        }
        buf->text = text;
        buf->size = size;
        return true;
}

void sbuf_add_bytes(struct sbuf *buf, const void *bytes, size_t len) {
        if (!reserve(buf, len))
                return;
        if (len > 0)
                memcpy(buf->text + buf->len, bytes, len);
        buf->len += len;
        buf->text[buf->len] = 0;
}

void sbuf_add(struct sbuf *buf, const char *text) {
        sbuf_add_bytes(buf, text, strlen(text));
}

void sbuf_vprintf(struct sbuf *buf, const char *format, va_list args) {
        va_list again;
        va_copy(again, args);
        int len = vsnprintf(NULL, 0, format, args);
        if (len < 0)
                buf->failed = true;
        else if (reserve(buf, (size_t)len)) {
                (void)vsnprintf(buf->text + buf->len, (size_t)len + 1, format, again);
                buf->len += (size_t)len;
        }
        va_end(again);
}

void sbuf_printf(struct sbuf *buf, const char *format, ...) {
        va_list args;
        va_start(args, format);
        sbuf_vprintf(buf, format, args);
        va_end(args);
}

const char *sbuf_text(const struct sbuf *buf) {
        return buf->text ? buf->text : "";
}

char *sbuf_take(struct sbuf *buf) {
        char *text = buf->failed ? NULL : buf->text ? buf->text : strdup("");
        if (text)
                buf->text = NULL;
        sbuf_done(buf);
        return text;
}
