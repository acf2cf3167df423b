/* nsswitch.conf as text; see nsswitch.h. */
#include "multidirctl/nsswitch.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/sbuf.h"

#define OUR_WORD "multidir"

static const char *const databases[] = { "passwd", "group", "initgroups" };
#define DATABASE_INITGROUPS 2

struct span { const char *at; size_t len; };

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

/* Which of our databases the line is for; -1: none. *at: behind its colon. */
static int database_of(struct span line, size_t *at) {
        size_t start = 0;
        while (start < line.len && is_blank(line.at[start]))
                start++;
        for (size_t i = 0; i < ARRAY_SIZE(databases); i++) {
                size_t len = strlen(databases[i]), end = start + len;
                if (end >= line.len || memcmp(line.at + start, databases[i], len) != 0)
                        continue;
                while (end < line.len && is_blank(line.at[end]))
                        end++;
                if (end < line.len && line.at[end] == ':') {
                        *at = end + 1;
                        return (int)i;
                }
        }
        return -1;
}

/* The next word or [criterion] of a line from *at on; false at its end or at a comment. */
static bool next_word(struct span line, size_t *at, struct span *word) {
        while (*at < line.len && is_blank(line.at[*at]))
                (*at)++;
        if (*at >= line.len || line.at[*at] == '#')
                return false;
        size_t start = *at;
        bool bracket = line.at[start] == '[';
        while (*at < line.len && line.at[*at] != '#' && (bracket ? line.at[*at] != ']' : !is_blank(line.at[*at]) && line.at[*at] != '['))
                (*at)++;
        if (bracket && *at < line.len && line.at[*at] == ']')
                (*at)++;
        *word = (struct span){ line.at + start, *at - start };
        return true;
}

static bool is_word(struct span word, const char *text) {
        return word.len == strlen(text) && memcmp(word.at, text, word.len) == 0;
}

static bool is_criterion(struct span word) {
        return word.at[0] == '[' && word.at[word.len - 1] == ']';
}

/* Steps over text, a lower-case word, if that is what comes next: in either case, blanks in front of it. */
static bool step_over(struct span word, size_t *at, const char *text) {
        size_t here = *at, len = strlen(text);
        while (here < word.len && is_blank(word.at[here]))
                here++;
        if (here + len > word.len || strncasecmp(word.at + here, text, len) != 0)
                return false;
        *at = here + len;
        return true;
}

static size_t step_over_one_of(struct span word, size_t *at, const char *const texts[], size_t count) {
        for (size_t i = 0; i < count; i++)
                if (step_over(word, at, texts[i]))
                        return i;
        return count;
}

enum outcome { SUCCESS, NOTFOUND, OUTCOMES = 4 };
enum action { RETURN, CONTINUE, MERGE, ACTIONS };

/* What a criterion such as [SUCCESS=merge] or [!UNAVAIL=return] does on an outcome; ACTIONS: it says nothing about it (nsswitch.conf(5)). */
static enum action action_of(struct span criterion, enum outcome outcome) {
        static const char *const outcomes[OUTCOMES] = { "success", "notfound", "unavail", "tryagain" };
        static const char *const actions[ACTIONS] = { "return", "continue", "merge" };
        enum action said = ACTIONS;
        for (size_t at = 1;;) {
                bool negated = step_over(criterion, &at, "!");
                size_t named = step_over_one_of(criterion, &at, outcomes, OUTCOMES);
                if (named == OUTCOMES || !step_over(criterion, &at, "="))
                        return said;
                enum action action = (enum action)step_over_one_of(criterion, &at, actions, ACTIONS);
                if (action == ACTIONS)
                        return said;
                if ((named == (size_t)outcome) != negated)
                        said = action;
        }
}

/* What stands behind it is not asked for a name that was not found; a bracket that is never closed swallows what stands behind it. */
static bool ends_search(struct span word) {
        return word.at[0] == '[' && (!is_criterion(word) || action_of(word, NOTFOUND) == RETURN);
}

/* The answer goes on to the service behind it, so that nothing may come between. */
static bool ties(struct span word) {
        return is_criterion(word) && (action_of(word, SUCCESS) == MERGE || action_of(word, SUCCESS) == CONTINUE);
}

/* Where our word belongs in a line: behind "files" and the criteria that belong to files alone; at the end where one of them ties files to
 * what follows; never behind what ends the search. A line without local files asks us first. SIZE_MAX: it is there already. */
static size_t find_place(struct span line, size_t at) {
        struct span word;
        size_t place = SIZE_MAX, front = at, last = at;
        bool after_files = false, tied = false, ended = false;
        while (next_word(line, &at, &word)) {
                if (is_word(word, OUR_WORD))
                        return SIZE_MAX;
                ended = ended || ends_search(word);
                tied = tied || (after_files && ties(word));
                if (!ended)
                        last = at;
                bool files = place == SIZE_MAX && (is_word(word, "files") || is_word(word, "compat"));
                if (files || (after_files && is_criterion(word) && !ended))
                        place = at;
                else
                        after_files = false;
                after_files = after_files || files;
        }
        if (place == SIZE_MAX)
                return front;
        return tied ? last : place;
}

static void insert_line(struct sbuf *out, struct span line, bool *changed) {
        size_t at = 0;
        int database = database_of(line, &at);
        size_t place = database < 0 ? SIZE_MAX : find_place(line, at);
        if (place == SIZE_MAX) {
                sbuf_add_bytes(out, line.at, line.len);
                return;
        }
        sbuf_add_bytes(out, line.at, place);
        sbuf_add(out, " " OUR_WORD);
        bool joined = place < line.len && !is_blank(line.at[place]) && line.at[place] != '#' && line.at[place] != '[';
        sbuf_add(out, joined ? " " : "");
        sbuf_add_bytes(out, line.at + place, line.len - place);
        *changed = true;
}

static void remove_line(struct sbuf *out, struct span line, bool *changed) {
        size_t at = 0, kept = 0;
        struct span word;
        if (database_of(line, &at) < 0) {
                sbuf_add_bytes(out, line.at, line.len);
                return;
        }
        while (next_word(line, &at, &word)) {
                if (!is_word(word, OUR_WORD))
                        continue;
                size_t start = (size_t)(word.at - line.at), blanks = start;
                while (blanks > kept && is_blank(line.at[blanks - 1]))
                        blanks--;
                sbuf_add_bytes(out, line.at + kept, blanks - kept);
                kept = start + word.len;
                *changed = true;
        }
        sbuf_add_bytes(out, line.at + kept, line.len - kept);
}

static int finish(struct sbuf *out, char **text) {
        char *made = sbuf_take(out);
        if (!made)
                return -ENOMEM;
        *text = made;
        return 0;
}

static void each_line(const char *text, struct sbuf *out, bool *changed, bool seen[], void (*edit)(struct sbuf *, struct span, bool *)) {
        while (*text) {
                size_t at = 0, len = strcspn(text, "\n");
                struct span line = { text, len };
                int database = database_of(line, &at);
                if (database >= 0)
                        seen[database] = true;
                edit(out, line, changed);
                sbuf_add_bytes(out, text + len, text[len] == '\n');
                text += len + (text[len] == '\n');
        }
}

int nsswitch_insert(const char *text, char **out, bool *changed) {
        _cleanup_sbuf_ struct sbuf buf = { 0 };
        bool seen[ARRAY_SIZE(databases)] = { false };
        *changed = false;
        each_line(text, &buf, changed, seen, insert_line);
        for (size_t i = 0; i < DATABASE_INITGROUPS; i++)
                if (!seen[i]) {
                        if (buf.len > 0 && buf.text[buf.len - 1] != '\n')
                                sbuf_add(&buf, "\n");
                        sbuf_printf(&buf, "%s: files " OUR_WORD "\n", databases[i]);
                        *changed = true;
                }
        return finish(&buf, out);
}

int nsswitch_remove(const char *text, char **out, bool *changed) {
        _cleanup_sbuf_ struct sbuf buf = { 0 };
        bool seen[ARRAY_SIZE(databases)];
        *changed = false;
        each_line(text, &buf, changed, seen, remove_line);
        return finish(&buf, out);
}
