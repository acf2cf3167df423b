/* What the parts of the compiler share: compile.c (the course of a build), compile_order.c (D6, owners, names), compile_ids.c (I, M10),
 * compile_base.c (a build of a few users only), compile_access.c (L3, L4, L12, N4's local groups) and compile_people.c (memberships and texts, into the writer).
 * Relies on: rules/, model/.
 * Must never: be included outside view/compile*.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "rules/gate.h"
#include "rules/membership.h"
#include "view/compile.h"
#include "view/writer.h"

#define NOBODY UINT32_MAX /* no directory, no entry, no index */

/* One active directory in an application's order. */
struct place {
        uint32_t directory;                     /* index in settings */
        const struct mapping_settings *mapping;
        bool *lets_in;                          /* by group: whoever is in it passes the gate (L4); NULL: nobody by groups */
        bool allow_all;
};

/* An application's active directories, cut where D6 cuts them. */
struct order {
        struct place *places;
        uint32_t count;
        uint32_t stopped_by;                    /* the directory without a complete replica that hides what is below; NOBODY */
        size_t first_hidden;                    /* with stopped_by: the first mapping that is hidden */
};

/* What a directory's replica was prepared to, once for all applications. */
struct prepared {
        const struct replica *replica;          /* NULL: none that is complete, or not needed */
        struct closure *closure;
        struct direct_groups direct;
        uint32_t *scratch, stamp;               /* of membership_in_directory */
        uint32_t writer_index;
        bool range_full;                        /* allocate found no free id (I2) */
};

/* What became of one occurrence of a name in host's order. */
enum entry_state {
        ENTRY_REFUSED = 0,
        ENTRY_MASKED,                           /* a higher directory owns the name */
        ENTRY_NAMED,                            /* owner, and its name may be published; no id yet */
        ENTRY_CLAIMED,                          /* has its id */
};

struct entry {
        uint32_t owner;                         /* the entry that owns the name; itself for an owner */
        uint32_t id;
        uint32_t out;                           /* index in the writer; NOBODY until added */
        uint8_t state;                          /* enum entry_state */
        bool known;                             /* the registry has this very row already */
};

/* Which id is whose: open addressing, 0 is a free slot. */
struct claims { uint32_t *ids, *entries, mask; };

/* All users, or all groups, of host's directories: entry number = base[place] + index in the replica. */
struct side {
        enum name_kind kind;
        struct entry *entries;
        uint32_t *base;                         /* place count + 1 */
        struct claims claims;
};

/* Group numbers of one directory, for M9 and M10: sorted by number. */
struct number { uint32_t gid, group; };
struct numbers { struct number *items; uint32_t count; };

/* A line of local_groups (N4), resolved. */
struct local_grant { uint32_t directory, gid; bool *reaches; };

struct compiler {
        const struct compile_input *input;
        const struct settings *settings;
        const struct application_settings *host_application;
        struct order *orders;                   /* by application of settings */
        struct order *host;
        struct prepared *prepared;              /* by directory of settings */
        struct side users, groups;
        struct numbers *numbers;                /* by place of host */
        uint32_t *primary;                      /* by place of host: the gid of primary_group, 0 none */
        struct local_grant *grants;
        size_t grant_count;
        struct base_state *base_state;          /* of a build with a base; else NULL */
        struct view_writer *writer;
        struct compile_result result;
        size_t row_size, displaced_size;
        uint32_t *group_stamps, *group_list, group_stamp; /* by writer index: the groups of the user at hand */
        uint32_t *found;                        /* room for one directory's groups */
        uint32_t out_count;                     /* groups in the writer */
        struct view_writer_access *access;      /* of the user at hand, by writer's application */
};

/* What the steps need to know of an entry, whatever its kind. */
struct facts {
        const char *name, *entry_id, *sid;
        uint32_t attribute_id, place;
        bool ambiguous;
        const struct directory_settings *directory;
};

/* Of the entry `index` (a user or a group, as the side says) of the directory at `place` in the order. Texts point into its replica. */
void facts_of(const struct compiler *c, const struct side *side, uint32_t place, uint32_t index, struct facts *facts);
static inline const struct replica *place_replica(const struct compiler *c, uint32_t place) {
        return c->prepared[c->host->places[place].directory].replica;
}
static inline uint32_t side_count(const struct side *side, uint32_t place) {
        return side->base[place + 1] - side->base[place];
}
/* The place of an entry. */
uint32_t place_of(const struct compiler *c, const struct side *side, uint32_t entry);
/* The entry that owns a name in host's order, NOBODY if no directory has it. */
uint32_t owner_of(const struct compiler *c, const struct side *side, const char *name, uint32_t places);

/* A row of `masked`. text is formatted; winner NOBODY: none. 0 or -ENOMEM. */
int add_row(struct compiler *c, const struct side *side, const struct facts *facts, uint32_t id, uint32_t winner, enum reason reason,
            const char *format, ...) __attribute__((format(printf, 7, 8)));

/* compile_order.c */
int orders_make(struct compiler *c);
int directories_prepare(struct compiler *c);
/* Who owns each name, and N2 to N4. */
int side_owners(struct compiler *c, struct side *side);
int hidden_rows(struct compiler *c);

/* compile_ids.c */
int ids_assign(struct compiler *c);
/* The published id of an entry by number; false if it is unclaimed. */
bool claims_get(const struct claims *claims, uint32_t id, uint32_t *entry);
int numbers_make(struct compiler *c);
/* M10 for one claimed user: its primary gid and whether that is a private group. 0, or -EEXIST with *why when the private group's name or id
 * is taken (id-conflict). */
int primary_group(const struct compiler *c, uint32_t entry, const struct facts *facts, uint32_t *gid, bool *private_group, const char **why);
/* A published private group that `accept` let take another group's name or id: from now on both are its own. */
int private_record(struct compiler *c, uint32_t id, const struct facts *facts);
/* Writes the registry's row of a published entry. */
int registry_record(struct compiler *c, const struct side *side, uint32_t entry, const struct facts *facts);

/* compile_access.c */
int gates_make(struct compiler *c);
int grants_make(struct compiler *c);
/* The user's direct groups in a directory. */
const uint32_t *direct_of(const struct compiler *c, uint32_t directory, uint32_t user, size_t *count);
/* L4 alone, in one place of an application. */
enum reason gate_of(const struct compiler *c, const struct place *place, uint32_t user);
/* What an application says of a published user: L3, L4, L12, D6. */
void access_of(const struct compiler *c, size_t application, const char *name, uint32_t owner_directory, uint32_t owner_index,
               struct view_writer_access *access);

/* compile_base.c */
int base_prepare(struct compiler *c);
void base_done(struct compiler *c);
/* Whether an id is somebody's, in this build or, with a base, in the last view among those who are as they were. */
bool is_claimed(const struct compiler *c, const struct side *side, uint32_t id);
/* The second half of that alone. */
bool base_has_id(const struct compiler *c, const struct side *side, uint32_t id);
/* A published user has another id than the one computed for it. 0 or -ENOMEM. */
int displaced_add(struct compiler *c, uint32_t computed);
/* With a base: whether nobody else is concerned, 0 or -EAGAIN. Without: whether the next build may have this one for its base. */
int base_check(struct compiler *c);

/* compile_people.c */
int groups_write(struct compiler *c);
int users_write(struct compiler *c);
