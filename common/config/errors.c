/* The list of all errors of a configuration, and the nearest word to a mistyped one.
 * Relies on: config/parse.h.
 * Must never: stop at the first error; print a value that is not printable. */
#include <stdlib.h>
#include <string.h>

#include "config/parse.h"

struct config_error { struct config_place place; char *text; size_t order; };

void config_error(struct config_parser *parser, struct config_place place, const char *format, ...) {
        if (parser->error_count >= CONFIG_ERRORS_MAX) {
                parser->errors_left_out++;
                return;
        }
        if (parser->error_count == parser->error_size) {
                size_t size = parser->error_size ? 2 * parser->error_size : 16;
                struct config_error *errors = reallocarray(parser->errors, size, sizeof *errors);
                if (!errors) {
                        parser->out_of_memory = true;
                        return;
                }
                parser->errors = errors;
                parser->error_size = size;
        }
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        char *taken = sbuf_take(&text);
        if (!taken) {
                parser->out_of_memory = true;
                return;
        }
        parser->errors[parser->error_count] = (struct config_error){ place, taken, parser->error_count };
        parser->error_count++;
}

/* By file and line; what belongs to no file comes last. */
static int by_place(const void *a, const void *b) {
        const struct config_error *x = a, *y = b;
        if (x->place.source != y->place.source) {
                if (!x->place.source || !y->place.source)
                        return x->place.source ? -1 : 1;
                return x->place.source < y->place.source ? -1 : 1;
        }
        if (x->place.line != y->place.line)
                return x->place.line < y->place.line ? -1 : 1;
        return x->order < y->order ? -1 : 1;
}

void config_write_errors(struct config_parser *parser, struct sbuf *out) {
        if (parser->error_count > 0)
                qsort(parser->errors, parser->error_count, sizeof *parser->errors, by_place);
        for (size_t i = 0; i < parser->error_count; i++) {
                struct config_error *error = &parser->errors[i];
                if (error->place.source)
                        sbuf_printf(out, "%s:%u: ", error->place.source->path, error->place.line);
                sbuf_printf(out, "%s\n", error->text);
                free(error->text);
        }
        if (parser->errors_left_out > 0)
                sbuf_printf(out, "%zu more errors are not shown\n", parser->errors_left_out);
        free(parser->errors);
        parser->errors = NULL;
        parser->error_count = parser->error_size = parser->errors_left_out = 0;
}

#define NEAREST_WORD_MAX 40
#define NEAREST_DISTANCE_MAX 3 /* what differs by more is another word */
#define PREFIX_MIN 4

/* Levenshtein's distance, one row at a time. Longer words than NEAREST_WORD_MAX are near to nothing. */
static size_t distance(const char *a, const char *b) {
        size_t row[NEAREST_WORD_MAX + 1], len = strlen(b);
        if (strlen(a) > NEAREST_WORD_MAX || len > NEAREST_WORD_MAX)
                return SIZE_MAX;
        for (size_t k = 0; k <= len; k++)
                row[k] = k;
        for (size_t i = 1; a[i - 1]; i++) {
                size_t diagonal = row[0];
                row[0] = i;
                for (size_t k = 1; k <= len; k++) {
                        size_t best = diagonal + (a[i - 1] != b[k - 1]);
                        diagonal = row[k];
                        best = row[k] + 1 < best ? row[k] + 1 : best;
                        row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
                }
        }
        return row[len];
}

/* The one word that begins with what was written; NULL: none does, or several do. */
static const char *completed(const char *text, const char *const *words, size_t count) {
        const char *found = NULL;
        size_t len = strlen(text);
        for (size_t i = 0; i < count && len >= PREFIX_MIN; i++)
                if (strncmp(words[i], text, len) == 0) {
                        if (found)
                                return NULL;
                        found = words[i];
                }
        return found;
}

const char *config_nearest(const char *text, const char *const *words, size_t count) {
        const char *nearest = completed(text, words, count);
        size_t best = 1 + strlen(text) / 4;
        if (nearest)
                return nearest;
        best = best > NEAREST_DISTANCE_MAX ? NEAREST_DISTANCE_MAX : best;
        for (size_t i = 0; i < count; i++) {
                size_t d = distance(text, words[i]);
                if (d <= best && d < strlen(words[i])) {
                        nearest = words[i];
                        best = d == 0 ? 0 : d - 1;
                        if (d == 0)
                                break;
                }
        }
        return nearest;
}
