/* One line of nsswitch.conf, read as glibc reads it.
 * Relies on: libc.
 * Must never: allocate. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct span { const char *at; size_t len; };

enum nsswitch_database { NSSWITCH_PASSWD = 0, NSSWITCH_GROUP, NSSWITCH_INITGROUPS, NSSWITCH_DATABASES };
extern const char *const nsswitch_names[NSSWITCH_DATABASES];

enum outcome { OUTCOME_SUCCESS = 0, OUTCOME_NOTFOUND, OUTCOME_UNAVAIL, OUTCOME_TRYAGAIN, OUTCOMES };
enum action { ACTION_RETURN = 0, ACTION_CONTINUE, ACTION_MERGE, ACTIONS };

struct service {
        struct span name;
        size_t end;                  /* offset in the line behind the name and its criteria */
        bool has_criteria;
        enum action on[OUTCOMES];
};

enum next_service {
        SERVICE_BAD = 0, /* glibc refuses the whole file for this line */
        SERVICE_CUT,     /* a second [criterion] behind a service, or one without: glibc ignores the rest of the line */
        SERVICE_END,
        SERVICE_FOUND,
};

bool nsswitch_is_blank(char c);
bool span_is(struct span span, const char *text);
/* Which of our databases the line is for; NSSWITCH_DATABASES: none. *at: behind the name, blanks and colons. */
enum nsswitch_database nsswitch_line(struct span line, size_t *at);
/* The service at *at or behind it, and *at behind that. After anything but SERVICE_FOUND *at is where reading stopped. */
enum next_service nsswitch_next(struct span line, size_t *at, struct service *service);
