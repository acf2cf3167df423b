/* What the files of a synchronisation share; see store_sync.h.
 * Relies on: replica/store_internal, base/arena.
 * Must never: be included from outside this folder. */
#pragma once

#include "base/arena.h"
#include "replica/store_internal.h"
#include "replica/store_sync.h"

/* What became of an entry that came. */
enum sync_state { SYNC_NEW = 0, SYNC_CHANGED, SYNC_SAME };

/* Users, or groups. What is "by number" is in the order in which they came until sync_match(), and by row id afterwards. */
struct sync_side {
        uint32_t count;
        int64_t *rows;          /* by number: the row id in the store; 0 while it has none */
        uint8_t *states;        /* by number: enum sync_state */
        uint32_t *ranks;        /* from the number that an entry came with to its number by row id; NULL: they are the same */
        int64_t *gone;          /* row ids of the store's entries that did not come */
        size_t gone_count, gone_size;
        uint32_t old_count, lost;
        bool differs;
};

/* One pair of row ids that is to go. */
struct sync_pair { int64_t group, member; };

/* The memberships of one table as they came, by group, then member; and how they differ from the store's. */
struct sync_table {
        size_t *first;          /* by group: where its members begin; one more at the end */
        uint32_t *members;      /* numbers */
        size_t count;
        uint64_t old_count, lost; /* what the store has; what it has between two entries that came, and that did not come */
        bool replace;           /* most of it differs: all is written anew, and the lists below are empty */
        bool differs;
        struct replica_edge *fresh; /* numbers */
        struct sync_pair *gone;
        size_t fresh_count, fresh_size, gone_count, gone_size;
};

struct store_sync {
        struct sync_sink sink;
        struct replica *replica;
        struct arena dn_texts;
        const char **dns;       /* by number; NULL: none */
        size_t dn_size;
        struct store *store;    /* from sync_prepare on: it has our transaction */
        struct sync_side users, groups;
        struct sync_table members, children;
        bool bad;               /* something was refused: nothing of this may be written */
        char error[256];
};

/* Remembers the words and gives the error back. */
int sync_refuse(struct store_sync *sync, int error, const char *format, ...) _printf_(3, 4);
/* The same with the store's own words. */
int sync_store_failed(struct store_sync *sync, int error);

/* Room for one element more; doubles. 0 or -ENOMEM. */
int sync_room(void **array, size_t *size, size_t count, size_t element);

/* Finds each entry's row, gives new ones theirs, and orders everything by row: the replica is then what a load would give. -EEXIST: one id twice. */
int sync_match(struct store_sync *sync);
/* Compares the memberships with the store's. */
int sync_compare_members(struct store_sync *sync);
/* Writes all that differs. */
int sync_write(struct store_sync *sync);

/* The columns of one entry, in the order of SYNC_USERS and SYNC_GROUPS: compared with a row, or bound as the parameters of SYNC_INSERT_X. */
bool sync_same_user(const struct store_sync *sync, uint32_t number, sqlite3_stmt *row);
bool sync_same_group(const struct store_sync *sync, uint32_t number, sqlite3_stmt *row);
void sync_bind_user(struct store_sync *sync, uint32_t number, sqlite3_stmt *statement);
void sync_bind_group(struct store_sync *sync, uint32_t number, sqlite3_stmt *statement);
