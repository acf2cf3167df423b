/* One directory's replica in memory: users, groups and direct memberships, compact; once finished it changes only as replica_change.c does it.
 * 1,000,000 users and 10,000,000 memberships fit in a few hundred megabytes: strings are offsets into one pool, edges are pairs
 * of indexes.
 * Relies on: base.
 * Must never: do I/O. replica/store.c reads it from SQLite, tests make it by hand; the rules and view/compile.c read it.
 *
 * Names are kept as the directory spells them, refused ones included (N3 keeps them in the replica). Entries of one directory whose
 * names fold together (N2) are both kept and both marked `ambiguous`: they take part in nothing, but the name counts as found. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name_map.h"

#define REPLICA_NONE UINT32_MAX

typedef uint32_t text_ref; /* offset into replica.text; 0 is the empty text, which stands for "none" */

struct replica_user {
        text_ref name;
        text_ref entry_id;     /* immutable id: entryUUID, objectGUID, … as text; never empty */
        text_ref display_name, email, home, shell;
        text_ref ssh_keys;     /* one per line, '\n' between */
        uint32_t uid, gid;     /* ids = attribute: uidNumber and gidNumber; 0: none. ids = sid: the RID and its domain are in sid */
        text_ref sid;          /* "S-1-5-21-…", or none */
        bool active;
        bool ambiguous;        /* N2 */
        bool posix_primary;    /* gid is a gidNumber to be translated through the owner (M9, M10) */
};

struct replica_group {
        text_ref name;
        text_ref entry_id;
        text_ref description;
        uint32_t gid;          /* 0: none */
        text_ref sid;
        bool active;
        bool ambiguous;        /* N2 */
};

struct replica_edge { uint32_t member, group; }; /* indexes: user -> group, or child group -> parent group */

struct replica {
        char *text;                       /* the string pool; text[0] is 0 */
        size_t text_len;
        struct replica_user *users;
        uint32_t user_count;
        struct replica_group *groups;
        uint32_t group_count;
        struct replica_edge *user_edges;  /* direct memberships, no duplicates, by user, then group */
        size_t user_edge_count;
        struct replica_edge *group_edges; /* child -> parent, no duplicates, no self-edges */
        size_t group_edge_count;
        int64_t *user_rows, *group_rows;  /* of each user and group, in the store that they were read from; ascending. NULL: not known */
        struct name_map user_names, group_names; /* folded name -> index (of the first of ambiguous ones) */
        uint64_t synchronised_s;          /* when it was complete, wall clock; 0: never yet (D6) */
        uint64_t revision;                /* grows with every change of its content */
};

static inline const char *replica_text(const struct replica *replica, text_ref ref) {
        return replica->text + ref;
}

/* Making one: new -> add… -> finish. The builder functions return 0 or -ENOMEM; replica_finish also -EOVERFLOW past 4 GiB of text, and
 * -EINVAL when an edge names an entry that was never added. Edges may be added before the entries they name. */
struct replica *replica_new(void);
void replica_free(struct replica *replica);
int replica_add_text(struct replica *replica, const char *text, text_ref *ref); /* NULL or "" gives 0 */
int replica_add_user(struct replica *replica, const struct replica_user *user, uint32_t *index);
int replica_add_group(struct replica *replica, const struct replica_group *group, uint32_t *index);
int replica_add_user_edge(struct replica *replica, uint32_t user, uint32_t group);
int replica_add_group_edge(struct replica *replica, uint32_t child, uint32_t parent);
/* Sorts the edges by member, then group; drops duplicates and self-edges; builds the name maps, marks ambiguous entries (N2), gives back
 * spare memory. After a failure only replica_free is allowed. */
int replica_finish(struct replica *replica);

/* A user as it is now; texts are the caller's. entry_id and name are never empty. */
struct replica_person {
        const char *name, *entry_id, *display_name, *email, *home, *shell, *ssh_keys, *sid;
        uint32_t uid, gid;
        bool active, posix_primary;
};
/* A finished replica with known rows, changed: it is then as if it had been read from the changed store. 0; -ENOMEM, or -EOVERFLOW when too much text
 * of former changes lies about, and then only replica_free is allowed. */
int replica_put_person(struct replica *replica, int64_t row, const struct replica_person *person); /* adds it, or changes what it is */
int replica_drop_person(struct replica *replica, int64_t row);                                    /* with its memberships; none: nothing changes */
int replica_set_member(struct replica *replica, int64_t user_row, int64_t group_row, bool member); /* rows that are not there: nothing changes */
/* The index of a row, REPLICA_NONE. */
uint32_t replica_row_index(const int64_t *rows, uint32_t count, int64_t row);

/* A replica of those users alone whose names are in the map, with their memberships, and of all groups and nestings; finished, the caller's. 0,
 * -ENOMEM, or -EAGAIN when one of the names is ambiguous (N2). */
int replica_part(const struct replica *replica, const struct name_map *names, struct replica **part);

/* Index by name in any case, REPLICA_NONE if absent. */
static inline uint32_t replica_find_user(const struct replica *replica, const char *name) {
        return name_map_get(&replica->user_names, name);
}
static inline uint32_t replica_find_group(const struct replica *replica, const char *name) {
        return name_map_get(&replica->group_names, name);
}
