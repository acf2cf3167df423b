/* Whose entry a DN is, asked on the very connection on which it is used: one name, and one address, can stand for several servers (DNS, a balancer), and what
 * was read on another connection can be another server's.
 * Relies on: ldap/search, ldap/entry.
 * Must never: say of an entry that it is the one that is meant because it cannot be read. */
#pragma once

#include "directory/ldap/kind.h"

enum whose {
        WHOSE_UNTOLD = 0, /* an answer that says nothing of it */
        WHOSE_LOST,      /* no answer, or that the server is busy: the connection is of no use any more */
        WHOSE_UNWILLING, /* a word on the asking, not on the entry: as some servers have it for who must change the password first */
        WHOSE_HIDDEN,    /* who is bound may not read the entry, or its id */
        WHOSE_OTHERS,    /* another entry has the DN there */
        WHOSE_SAME,
};

/* Whether the entry at dn is the one with that id (as entry_map_user gives it), as whoever is bound on link sees it. Nothing else may be under way there. */
enum whose whose_entry(struct directory *directory, struct link *link, const char *dn, const char *id, uint64_t deadline_ms);
