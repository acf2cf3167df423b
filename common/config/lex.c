/* The lines of a configuration file; see lex.h. */
#include "config/lex.h"

#include <string.h>

#include "base/text.h"

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
}

static struct lex_text trim(struct lex_text text) {
        while (text.len > 0 && is_blank(text.at[0]))
                text.at++, text.len--;
        while (text.len > 0 && is_blank(text.at[text.len - 1]))
                text.len--;
        return text;
}

/* A comment starts at ';' or '#', first in the line or after a blank: "a;b" is a value. */
static struct lex_text cut_comment(struct lex_text text) {
        for (size_t i = 0; i < text.len; i++)
                if ((text.at[i] == ';' || text.at[i] == '#') && (i == 0 || is_blank(text.at[i - 1]))) {
                        text.len = i;
                        break;
                }
        return text;
}

/* text_has_control, between tabs: a C1 character is two bytes, so the stretches are checked whole. */
static bool has_control(struct lex_text text) {
        const char *end = text.at + text.len;
        for (const char *at = text.at; at < end;) {
                const char *tab = memchr(at, '\t', (size_t)(end - at));
                const char *stop = tab ? tab : end;
                if (text_has_control(at, (size_t)(stop - at)))
                        return true;
                at = stop + 1;
        }
        return false;
}

static const char *section_problem(struct lex_line *line, struct lex_text text) {
        if (text.at[text.len - 1] != ']')
                return "a section is written [NAME], alone in its line";
        line->name = (struct lex_text){ text.at + 1, text.len - 2 };
        return line->name.len == 0 ? "a section has a name: [NAME]" : NULL;
}

static const char *value_problem(struct lex_line *line, struct lex_text text) {
        const char *equals = memchr(text.at, '=', text.len);
        if (!equals)
                return "neither a section nor a value; a line is [SECTION], KEY = VALUE, or a comment after ; or #";
        line->name = trim((struct lex_text){ text.at, (size_t)(equals - text.at) });
        line->value = trim((struct lex_text){ equals + 1, text.len - (size_t)(equals - text.at) - 1 });
        return line->name.len == 0 ? "no key before '='; a value is written KEY = VALUE" : NULL;
}

static void classify(struct lex_line *line, struct lex_text text) {
        bool section = text.at[0] == '[';
        bool marked = text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0;
        line->problem = !text_is_utf8(text.at, text.len) ? "not valid UTF-8"
                : marked ? "the line begins with a byte order mark, which an editor has put there unseen; save the file as UTF-8 without one"
                : has_control(text) ? "a control character; only printable text and tabs are valid"
                : section ? section_problem(line, text) : value_problem(line, text);
        line->kind = line->problem ? LEX_BAD : section ? LEX_SECTION : LEX_VALUE;
}

void lex_init(struct lex *lex, const char *text, size_t len) {
        *lex = (struct lex){ .at = text, .end = text + len };
}

bool lex_next(struct lex *lex, struct lex_line *line) {
        *line = (struct lex_line){ 0 };
        while (lex->at < lex->end) {
                const char *newline = memchr(lex->at, '\n', (size_t)(lex->end - lex->at));
                const char *stop = newline ? newline : lex->end;
                struct lex_text whole = { lex->at, (size_t)(stop - lex->at) };
                lex->at = newline ? newline + 1 : lex->end;
                lex->number++;
                struct lex_text text = trim(cut_comment(whole));
                if (text.len == 0)
                        continue;
                *line = (struct lex_line){ .number = lex->number, .whole = whole };
                classify(line, text);
                return true;
        }
        return false;
}

bool lex_is(struct lex_text text, const char *word) {
        return strlen(word) == text.len && memcmp(text.at, word, text.len) == 0;
}
