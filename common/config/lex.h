/* The lines of a configuration file: comments cut, blanks trimmed, sections and keys told apart.
 * Relies on: libc.
 * Must never: know a key or a section by name; change the text; look past its length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum lex_kind {
        LEX_END = 0,
        LEX_SECTION,  /* name */
        LEX_VALUE,    /* name, value */
        LEX_BAD,      /* problem */
};

/* A stretch of the file's text; not NUL-terminated. */
struct lex_text { const char *at; size_t len; };

struct lex_line {
        enum lex_kind kind;
        unsigned number;       /* from 1 */
        struct lex_text whole; /* the line with its comment, without its '\n' */
        struct lex_text name, value;
        const char *problem;   /* LEX_BAD: a static text that says what would be right */
};

struct lex { const char *at, *end; unsigned number; };

void lex_init(struct lex *lex, const char *text, size_t len);
/* The next line that is not empty and not only a comment. false at the end (line->kind is then LEX_END). */
bool lex_next(struct lex *lex, struct lex_line *line);
/* Whether a stretch is this word. */
bool lex_is(struct lex_text text, const char *word);
