/* LDIF entries (RFC 2849), before anything is known of users and groups.
 * Relies on: base/arena.
 * Must never: open what a "<" URL points to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct ldif_pair { const char *name, *value; size_t value_len; }; /* name in lower case, without options; value NUL-terminated */
struct ldif_entry {
        uint32_t line;            /* of its dn */
        const char *dn;
        struct ldif_pair *pairs;
        size_t pair_count;
        const char *problem;      /* what makes it unreadable; static text, NULL: nothing */
        uint32_t problem_line;
};

struct ldif { const char *at, *end; uint32_t line; struct arena *arena; bool started, out_of_memory; };

void ldif_init(struct ldif *ldif, const char *text, size_t len, struct arena *arena);
/* The next entry, in the arena. false at the end (or when memory is out: noted). */
bool ldif_next(struct ldif *ldif, struct ldif_entry *entry);

/* The n-th value of an attribute (name in lower case); NULL: there are not so many. */
const char *ldif_value(const struct ldif_entry *entry, const char *name, size_t n);
/* The first part of a DN: the attribute's name in lower case and its value without escapes, both in the arena. false: not a DN. */
bool ldif_rdn(struct arena *arena, const char *dn, const char **name, const char **value);
/* The DN as it is compared: lower case, no blanks around ',' '=' '+'. In the arena; NULL when memory is out. */
const char *ldif_normal_dn(struct arena *arena, const char *dn);
