/* Plain output: tables, colours, progress bars, text that cannot drive a terminal.
 * Relies on: ctl.h.
 * Must never: write a control character that a directory gave. */
#pragma once

#include <stdint.h>

#include "multidirctl/ctl.h"

enum print_colour { PRINT_PLAIN = 0, PRINT_BOLD, PRINT_GREEN, PRINT_RED, PRINT_YELLOW };

/* Text with control characters as '?', in a colour where the output has any. */
void print_text(const struct ctl *ctl, FILE *to, const char *text, enum print_colour colour);
/* How many columns it takes: characters, not bytes. */
size_t print_width(const char *text);
/* Text, and blanks up to width columns. */
void print_cell(const struct ctl *ctl, const char *text, size_t width, enum print_colour colour);

/* An object as one line of JSON. */
void print_json(const struct ctl *ctl, const json_t *object);

/* Draws "WORDS [#####     ] 42%" on a terminal's standard error, over itself. */
void print_progress(const struct ctl *ctl, const char *words, uint64_t done, uint64_t total);
/* Likewise "WORDS 12,345 entries", where nobody knows how many there are. */
void print_count(const struct ctl *ctl, const char *words, uint64_t done);
/* Takes either away, if one was drawn. */
void print_progress_end(const struct ctl *ctl);
