/* Whose names the names of groups are, at the server now (N2).
 * Relies on: ldap/kind.h.
 * Must never: call a name one group's because nobody else was found where the search may have missed somebody. */
#pragma once

#include "directory/ldap/kind.h"

/* A group that was found. The texts are its own. */
struct found_group {
        char *entry_id, *name, *dn; /* dn: "": it is too long to be asked for */
        char *twin;                 /* the DN of another one with the name; NULL: there is none */
        uint32_t gid;
        bool is_named;              /* looked for by its name, it was found */
};

/* Sets is_named and twin of each of them. 0; or a negative errno: the search was not complete, with a sentence in *why. */
int group_names_ask(struct directory *directory, struct found_group *groups, size_t count, uint64_t deadline_ms, struct sbuf *why);
