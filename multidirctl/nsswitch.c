/* nsswitch.conf as text; see nsswitch.h. */
#include "multidirctl/nsswitch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sbuf.h"
#include "multidirctl/nsswitch_line.h"

#define OUR_WORD "multidir"
#define CONTINUE "[SUCCESS=continue]"

/* Where our word goes into a line. */
struct place {
        bool there;          /* it is in it already */
        bool found;          /* behind a service; else in front of all */
        bool open;           /* that service's answers go on to the next one */
        bool ended;          /* the search ends before the place for names that were not found */
        bool needs_continue; /* initgroups: the service in front of it must go on to ours */
        size_t at;           /* offset in the line */
        const char *why;     /* no right place: the reason, and what to do */
};

static bool is_tied(const struct service *service) {
        return service->on[OUTCOME_SUCCESS] != ACTION_RETURN;
}

static bool ends_search(const struct service *service) {
        return service->on[OUTCOME_NOTFOUND] == ACTION_RETURN;
}

#define NOT_ASKED "the search ends before multidir would be asked; take out that criterion, or put multidir in by hand"

/* passwd, group: behind files; where an answer of files goes on to the next service, behind that one. */
static void look_for_files(struct place *place, const struct service *service) {
        bool files = !place->found && (span_is(service->name, "files") || span_is(service->name, "compat"));
        if (!place->found || place->open)
                place->ended = place->ended || ends_search(service);
        if (!files && !place->open)
                return;
        place->found = true;
        place->at = service->end;
        place->open = is_tied(service);
        place->why = place->ended ? NOT_ASKED : NULL;
}

/* initgroups: behind all, each of which must go on after a success for the groups of all to be given. */
static void look_for_end(struct place *place, const struct service *service) {
        if (place->needs_continue)
                place->why = "without [SUCCESS=continue] behind each of them not all services are asked; put it there, or multidir in by hand";
        else if (ends_search(service) || (service->has_criteria && !is_tied(service)))
                place->why = NOT_ASKED;
        place->found = true;
        place->at = service->end;
        place->needs_continue = !service->has_criteria;
}

static struct place find_place(struct span line, size_t at, enum nsswitch_database database) {
        struct place place = { .at = at };
        struct service service;
        enum next_service next;
        while ((next = nsswitch_next(line, &at, &service)) == SERVICE_FOUND) {
                if (span_is(service.name, OUR_WORD))
                        return (struct place){ .there = true };
                if (database == NSSWITCH_INITGROUPS)
                        look_for_end(&place, &service);
                else
                        look_for_files(&place, &service);
        }
        if (next == SERVICE_BAD)
                place.why = "the C library cannot read the line, and ignores the whole file for it; mend it first";
        else if (next == SERVICE_CUT)
                place.why = "the C library reads at most one [criterion] behind a service, and nothing behind a second one; mend it first";
        return place;
}

static void insert_word(struct sbuf *out, struct span line, const struct place *place) {
        size_t at = place->at;
        while (!place->found && at < line.len && nsswitch_is_blank(line.at[at]))
                at++;
        /* In front of the first service the blanks are the line's own. */
        bool joined = at > 0 && !nsswitch_is_blank(line.at[at - 1]);
        sbuf_add_bytes(out, line.at, at);
        sbuf_add(out, joined || place->found ? " " : "");
        sbuf_add(out, place->needs_continue ? CONTINUE " " OUR_WORD : OUR_WORD);
        sbuf_add(out, at < line.len && !nsswitch_is_blank(line.at[at]) ? " " : "");
        sbuf_add_bytes(out, line.at + at, line.len - at);
}

/* Whether ours was put in with CONTINUE in front of it, and where that begins. */
static size_t before_continue(struct span line, size_t kept, size_t start) {
        static const char with_blank[] = " " CONTINUE;
        size_t len = sizeof with_blank - 1;
        return start >= kept + len && memcmp(line.at + start - len, with_blank, len) == 0 ? start - len : start;
}

/* The next run of bytes that are no blank, or a [criterion] with the blanks in it: also where glibc has stopped reading. */
static bool next_token(struct span line, size_t *at, struct span *token) {
        while (*at < line.len && nsswitch_is_blank(line.at[*at]))
                (*at)++;
        size_t start = *at;
        bool bracket = start < line.len && line.at[start] == '[';
        while (*at < line.len && (bracket ? line.at[*at] != ']' : !nsswitch_is_blank(line.at[*at]) && line.at[*at] != '['))
                (*at)++;
        if (bracket && *at < line.len)
                (*at)++;
        *token = (struct span){ line.at + start, *at - start };
        return token->len > 0;
}

/* Where what belongs to our word at [start, end) ends: behind its criteria. */
static size_t own_end(struct span line, size_t end) {
        struct span token;
        size_t at = end;
        return next_token(line, &at, &token) && token.at[0] == '[' ? at : end;
}

static void remove_words(struct sbuf *out, struct span line, size_t at, enum nsswitch_database database, bool *changed) {
        size_t kept = 0;
        struct span token;
        while (next_token(line, &at, &token)) {
                if (!span_is(token, OUR_WORD))
                        continue;
                size_t start = (size_t)(token.at - line.at), end = own_end(line, start + token.len);
                while (start > kept && nsswitch_is_blank(line.at[start - 1]))
                        start--;
                if (database == NSSWITCH_INITGROUPS)
                        start = before_continue(line, kept, start);
                sbuf_add_bytes(out, line.at + kept, start - kept);
                kept = at = end;
                *changed = true;
        }
        sbuf_add_bytes(out, line.at + kept, line.len - kept);
}

static struct span line_at(const char *text) {
        return (struct span){ text, strcspn(text, "\n") };
}

static void refuse(char why[NSSWITCH_WHY_SIZE], unsigned number, enum nsswitch_database database, const char *text) {
        (void)snprintf(why, NSSWITCH_WHY_SIZE, "line %u, %s: %s", number, nsswitch_names[database], text);
}

/* One line of ours into out. -EINVAL: it has no right place. */
static int insert_line(struct sbuf *out, struct span line, size_t at, enum nsswitch_database database, bool *changed, const char **why) {
        struct place place = find_place(line, at, database);
        if (place.there) {
                sbuf_add_bytes(out, line.at, line.len);
                return 0;
        }
        if (place.why) {
                *why = place.why;
                return -EINVAL;
        }
        insert_word(out, line, &place);
        *changed = true;
        return 0;
}

static int insert_all(const char *text, struct sbuf *out, bool seen[NSSWITCH_DATABASES], bool *changed, char why[NSSWITCH_WHY_SIZE]) {
        for (unsigned number = 1; *text; number++) {
                size_t at = 0;
                struct span line = line_at(text);
                enum nsswitch_database database = nsswitch_line(line, &at);
                bool last = text[line.len] == 0;
                if (database < NSSWITCH_DATABASES) {
                        const char *reason;
                        seen[database] = true;
                        if (insert_line(out, line, at, database, changed, &reason) < 0) {
                                refuse(why, number, database, reason);
                                return -EINVAL;
                        }
                        *changed = *changed || last; /* without its newline glibc does not see it */
                } else
                        sbuf_add_bytes(out, line.at, line.len);
                sbuf_add(out, !last || database < NSSWITCH_DATABASES ? "\n" : "");
                text += line.len + !last;
        }
        return 0;
}

static int finish(struct sbuf *out, char **text) {
        char *made = sbuf_take(out);
        if (!made)
                return -ENOMEM;
        *text = made;
        return 0;
}

int nsswitch_insert(const char *text, char **out, bool *changed, char why[NSSWITCH_WHY_SIZE]) {
        _cleanup_sbuf_ struct sbuf buf = { 0 };
        bool seen[NSSWITCH_DATABASES] = { false };
        *changed = false;
        int r = insert_all(text, &buf, seen, changed, why);
        if (r < 0)
                return r;
        for (enum nsswitch_database database = NSSWITCH_PASSWD; database < NSSWITCH_INITGROUPS; database++)
                if (!seen[database]) {
                        if (buf.len > 0 && buf.text[buf.len - 1] != '\n')
                                sbuf_add(&buf, "\n");
                        sbuf_printf(&buf, "%s: files " OUR_WORD "\n", nsswitch_names[database]);
                        *changed = true;
                }
        return finish(&buf, out);
}

int nsswitch_remove(const char *text, char **out, bool *changed) {
        _cleanup_sbuf_ struct sbuf buf = { 0 };
        *changed = false;
        while (*text) {
                size_t at = 0;
                struct span line = line_at(text);
                enum nsswitch_database database = nsswitch_line(line, &at);
                if (database < NSSWITCH_DATABASES)
                        remove_words(&buf, line, at, database, changed);
                else
                        sbuf_add_bytes(&buf, line.at, line.len);
                sbuf_add(&buf, text[line.len] ? "\n" : "");
                text += line.len + (text[line.len] != 0);
        }
        return finish(&buf, out);
}
