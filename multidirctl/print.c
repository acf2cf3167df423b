/* Plain output; see print.h. */
#include "multidirctl/print.h"

#include <string.h>

#include "base/text.h"

static const char *const colours[] = {
        [PRINT_PLAIN] = "", [PRINT_BOLD] = "\033[1m", [PRINT_GREEN] = "\033[32m", [PRINT_RED] = "\033[31m", [PRINT_YELLOW] = "\033[33m",
};
static bool progress_drawn;

/* Bytes of the character at text. */
static size_t character(const char *text) {
        size_t n = 1;
        while (((unsigned char)text[n] & 0xc0) == 0x80)
                n++;
        return n;
}

void print_text(const struct ctl *ctl, FILE *to, const char *text, enum print_colour colour) {
        bool coloured = ctl->colour && to == ctl->out && colour != PRINT_PLAIN;
        if (coloured)
                fputs(colours[colour], to);
        for (const char *p = text; *p; p += character(p)) {
                size_t n = character(p);
                if (text_has_control(p, n))
                        fputc('?', to);
                else
                        fwrite(p, 1, n, to);
        }
        if (coloured)
                fputs("\033[0m", to);
}

size_t print_width(const char *text) {
        size_t width = 0;
        for (; *text; text += character(text))
                width++;
        return width;
}

void print_cell(const struct ctl *ctl, const char *text, size_t width, enum print_colour colour) {
        print_text(ctl, ctl->out, text, colour);
        for (size_t i = print_width(text); i < width; i++)
                fputc(' ', ctl->out);
}

/* JSON escapes what is below 0x20; DEL and C1 drive terminals too. */
static int write_json(const char *bytes, size_t len, void *userdata) {
        FILE *to = userdata;
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)bytes[i], next = i + 1 < len ? (unsigned char)bytes[i + 1] : 0;
                if (c == 0x7f)
                        fputs("\\u007F", to);
                else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
                        fprintf(to, "\\u00%02X", (unsigned char)bytes[++i]);
                else
                        fputc(c, to);
        }
        return 0;
}

void print_json(const struct ctl *ctl, const json_t *object) {
        (void)json_dump_callback(object, write_json, ctl->out, 0);
        fputc('\n', ctl->out);
}

#define BAR 40

void print_progress(const struct ctl *ctl, const char *words, uint64_t done, uint64_t total) {
        if (!ctl->progress)
                return;
        double part = done >= total ? 1.0 : (double)done / (double)total;
        int full = (int)(part * BAR);
        fprintf(ctl->err, "\r%s [", words);
        for (int i = 0; i < BAR; i++)
                fputc(i < full ? '#' : ' ', ctl->err);
        fprintf(ctl->err, "] %3d%%", (int)(part * 100));
        fflush(ctl->err);
        progress_drawn = true;
}

static void print_number(FILE *to, uint64_t number) {
        if (number >= 1000) {
                print_number(to, number / 1000);
                fprintf(to, ",%03u", (unsigned)(number % 1000));
        } else {
                fprintf(to, "%u", (unsigned)number);
        }
}

void print_count(const struct ctl *ctl, const char *words, uint64_t done) {
        if (!ctl->progress)
                return;
        fprintf(ctl->err, "\r%s ", words);
        print_number(ctl->err, done);
        fputs(done == 1 ? " entry\033[K" : " entries\033[K", ctl->err); /* there may have been a longer line */
        fflush(ctl->err);
        progress_drawn = true;
}

void print_progress_end(const struct ctl *ctl) {
        if (progress_drawn)
                fputs("\r\033[K", ctl->err);
        progress_drawn = false;
}
