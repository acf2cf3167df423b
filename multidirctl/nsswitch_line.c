/* One line of nsswitch.conf; see nsswitch_line.h. */
#include "multidirctl/nsswitch_line.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

const char *const nsswitch_names[NSSWITCH_DATABASES] = { "passwd", "group", "initgroups" };

/* isspace() of the C locale, which a service starts in. */
bool nsswitch_is_blank(char c) {
        return c == ' ' || (c >= '\t' && c <= '\r');
}

bool span_is(struct span span, const char *text) {
        return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

static void skip_blanks(struct span line, size_t *at) {
        while (*at < line.len && nsswitch_is_blank(line.at[*at]))
                (*at)++;
}

static bool is_at(struct span line, size_t at, char c) {
        return at < line.len && line.at[at] == c;
}

/* Up to a blank, one of the ends, or the end of the line. */
static struct span take_word(struct span line, size_t *at, const char *ends) {
        size_t start = *at;
        while (*at < line.len && !nsswitch_is_blank(line.at[*at]) && !strchr(ends, line.at[*at]))
                (*at)++;
        return (struct span){ line.at + start, *at - start };
}

enum nsswitch_database nsswitch_line(struct span line, size_t *at) {
        size_t here = 0;
        skip_blanks(line, &here);
        struct span name = take_word(line, &here, ":");
        enum nsswitch_database database = NSSWITCH_PASSWD;
        while (database < NSSWITCH_DATABASES && !span_is(name, nsswitch_names[database]))
                database++;
        if (here >= line.len)
                return NSSWITCH_DATABASES;
        while (here < line.len && (nsswitch_is_blank(line.at[here]) || line.at[here] == ':'))
                here++;
        *at = here;
        return database;
}

static size_t find_word(struct span word, const char *const words[], size_t count) {
        size_t i = 0;
        while (i < count && !(strlen(words[i]) == word.len && strncasecmp(words[i], word.at, word.len) == 0))
                i++;
        return i;
}

/* One STATUS=ACTION, and the blanks behind it. */
static bool take_criterion(struct span line, size_t *at, struct service *service) {
        static const char *const outcomes[OUTCOMES] = { "SUCCESS", "NOTFOUND", "UNAVAIL", "TRYAGAIN" };
        static const char *const actions[ACTIONS] = { "return", "continue", "merge" };
        bool negated = is_at(line, *at, '!');
        *at += negated;
        size_t outcome = find_word(take_word(line, at, "=]"), outcomes, OUTCOMES);
        skip_blanks(line, at);
        if (outcome == OUTCOMES || !is_at(line, *at, '='))
                return false;
        (*at)++;
        skip_blanks(line, at);
        size_t action = find_word(take_word(line, at, "=]"), actions, ACTIONS);
        if (action == ACTIONS)
                return false;
        for (size_t i = 0; i < OUTCOMES; i++)
                if ((i == outcome) != negated)
                        service->on[i] = (enum action)action;
        skip_blanks(line, at);
        return true;
}

/* *at: at the '['. */
static bool take_criteria(struct span line, size_t *at, struct service *service) {
        (*at)++;
        skip_blanks(line, at);
        do {
                if (!take_criterion(line, at, service))
                        return false;
        } while (*at < line.len && line.at[*at] != ']');
        if (*at >= line.len)
                return false;
        (*at)++;
        return true;
}

enum next_service nsswitch_next(struct span line, size_t *at, struct service *service) {
        skip_blanks(line, at);
        if (*at >= line.len)
                return SERVICE_END;
        if (line.at[*at] == '[')
                return SERVICE_CUT;
        *service = (struct service){ .on = { ACTION_RETURN, ACTION_CONTINUE, ACTION_CONTINUE, ACTION_CONTINUE } };
        service->name = take_word(line, at, "[");
        service->end = *at;
        size_t here = *at;
        skip_blanks(line, &here);
        if (!is_at(line, here, '['))
                return SERVICE_FOUND;
        service->has_criteria = true;
        *at = here;
        if (!take_criteria(line, at, service))
                return SERVICE_BAD;
        service->end = *at;
        return SERVICE_FOUND;
}
