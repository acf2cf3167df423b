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
        uint32_t uid, gid;     /* 0: none */
        bool active;
        bool posix_primary;    /* gid is a gidNumber to be translated through the owner (M9, M10) */
};

struct sync_group {
        const char *name, *entry_id, *description, *sid;
        uint32_t gid;          /* 0: none */
        bool active;
};

#define SYNC_DN_MAX 1023
#define SYNC_ENTRY_ID_MAX 63
#define SYNC_TEXT_MAX 65535 /* bytes of any other text: a name over it ends the synchronisation, another text is left out */

/* Where the entries go, in this order: all users, all groups, then members and children. Users and groups are numbered from 0 in the order of the
 * calls; a membership is a pair of numbers, each pair once. Each returns 0, or a negative errno that ends the synchronisation. */
struct sync_sink {
        int (*user)(void *userdata, const struct sync_user *user);
        int (*group)(void *userdata, const struct sync_group *group);
        int (*member)(void *userdata, uint32_t user, uint32_t group);
        int (*child)(void *userdata, uint32_t child, uint32_t parent);
        /* May be NULL. Progress, for people: entries read so far, and how many there will be (0: not known). */
        void (*progress)(void *userdata, uint64_t done, uint64_t total);
        void *userdata;
};
