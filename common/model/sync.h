/* What a synchronisation delivers, entry by entry: the shapes that directory kinds (in a worker), the sync channel and the stores share.
 * Relies on: nothing.
 * Must never: hold a password or its hash. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Texts may be NULL: none. They live until the sink's function returns. Names and ids are as the server has them, unchecked: the store refuses what
 * it cannot hold, the compiler what may not be published (N3). */
struct sync_user {
        const char *name;      /* never NULL or "" */
        const char *entry_id;  /* immutable id, as text, at most 63 bytes; never NULL or "" */
        const char *dn;        /* where a password is checked; at most SYNC_DN_MAX bytes */
        const char *display_name, *email, *home, *shell;
        const char *ssh_keys;  /* one per line, '\n' between */
        const char *sid;       /* "S-1-5-21-…" */
        const char *primary_group_sid; /* likewise: of the group that primaryGroupID names; the user is in the group with that sid */
        uint32_t uid, gid;     /* 0: none */
        bool active;
        bool posix_primary;    /* gid is a gidNumber to be translated through the owner (M9, M10) */
        bool fresh;            /* of a linked delta: the server made it after `from` */
};

struct sync_group {
        const char *name, *entry_id, *description, *sid;
        const char *dn;        /* what other groups' values name it by; at most SYNC_DN_MAX bytes */
        uint32_t gid;          /* 0: none */
        bool active;
        bool fresh;            /* as above */
};

#define SYNC_DN_MAX 1023
#define SYNC_ENTRY_ID_MAX 63
#define SYNC_TEXT_MAX 65535   /* bytes of any other text: a name over it ends the synchronisation, another text is left out */
#define SYNC_KEY_MAX 2047     /* of a key: model/sync_key.h */
#define SYNC_COOKIE_MAX 4096
#define SYNC_STRAYS_MAX (UINT32_C(4) << 20)

enum sync_kind { SYNC_KIND_NONE = 0, SYNC_KIND_USER, SYNC_KIND_GROUP };

/* What the values of group_member are, and so what keys are made of. */
enum sync_references {
        SYNC_REFERENCES_NONE = 0, /* nobody can tell (user_member_of): strays are not told, and no delta can follow */
        SYNC_REFERENCES_DN,       /* normal forms of DNs */
        SYNC_REFERENCES_NAME,     /* folded names of users; equal gid numbers count too (M9) */
};

/* How the next change at the server will be seen. */
enum sync_keeping {
        SYNC_KEPT_FULL = 0, /* everything is read again */
        SYNC_KEPT_CHANGES,  /* the server is asked what has changed */
        SYNC_KEPT_WATCH,    /* it tells */
};

/* How a run begins. A full one delivers everything; a delta what has changed since the cookie `from`. */
struct sync_begin {
        bool delta;
        enum sync_references references;
        bool nested;                      /* groups may be members of groups; never with SYNC_REFERENCES_NAME */
        /* The server's values follow their entries, as Active Directory's do, and the groups that have them are not told of as changed: an entry that is
         * moved or renamed keeps its memberships (its rows stay), one that is gone takes them along (no stray is left for the next entry of its DN). What values
         * name that is no entry of this directory may have moved unseen: an entry that is new here and not fresh, or comes to a DN that a value names already,
         * makes a full run necessary. */
        bool linked;
        const char *from;                 /* of a delta: the cookie at which it begins; never NULL or "" there */
        /* Of a delta: whatever of that kind it neither adds, changes nor names as present is gone. */
        bool sweep_users, sweep_groups;
        /* What a sweep names as present and the store does not have: the server would have told if that were an entry of ours (one that was left out,
         * such as one without a name). Else something was missed, and the directory must be read in full. */
        bool unknown_ok;
};

/* Where the entries go: any number of runs, each begin … end. The first question to the server comes after begin: the replica counts as as old as that.
 * Each function returns 0, or a negative errno that ends the synchronisation.
 *   A full run: all users, then groups and members (a member's group has come by then; most come right after it), then children, strays. Users and groups are numbered from 0 in the order of the calls; a membership is a
 *   pair of numbers, each pair once. A stray is a value of a group (once) for which no membership stands by itself: that is no entry of this directory, or
 *   whose membership there is also by gidNumber or primary group.
 *   A delta, in any order: entries that are new or changed, as they are now, a group followed by a reference for every value it has now (repeated ones
 *   do no harm); entries that are gone; entries that are there, for a sweep. Of several words about one entry the last one counts.
 * Between runs nothing is open: what broke off before its end was nothing. */
struct sync_sink {
        int (*begin)(void *userdata, const struct sync_begin *begin);       /* NULL: nobody wants to know; so for stray and end */
        int (*user)(void *userdata, const struct sync_user *user);
        int (*group)(void *userdata, const struct sync_group *group);
        int (*member)(void *userdata, uint32_t user, uint32_t group);
        int (*child)(void *userdata, uint32_t child, uint32_t parent);
        int (*stray)(void *userdata, uint32_t group, const char *key);
        int (*reference)(void *userdata, const char *key);                  /* of the group before it */
        int (*gone)(void *userdata, enum sync_kind kind, const char *entry_id);
        int (*present)(void *userdata, enum sync_kind kind, const char *entry_id);
        /* The run is complete. cookie: where the next delta can begin, at most SYNC_COOKIE_MAX bytes; "": only a full run can follow. */
        int (*end)(void *userdata, const char *cookie);
        /* May be NULL. Progress, for people: entries read so far, and how many there will be (0: not known). */
        void (*progress)(void *userdata, uint64_t done, uint64_t total);
        void *userdata;
};
