/* What the files of a synchronisation share; see store_sync.h.
 * Relies on: replica/store_internal, base/arena.
 * Must never: be included from outside this folder. */
#pragma once

#include "base/arena.h"
#include "replica/store_internal.h"
#include "replica/store_sync.h"

/* What became of an entry that came. */
enum sync_state { SYNC_NEW = 0, SYNC_CHANGED, SYNC_QUIET, SYNC_SAME }; /* QUIET: changed in what no replica has */

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

/* What entries have beside what is in the replica, by number; NULL: none. */
struct sync_texts { const char **texts; size_t size; };

/* A value of a group that no membership stands for. */
struct sync_stray { uint32_t group; int64_t hash; const char *key; };

/* What is written while it comes (store_sync_ahead). */
struct sync_ahead {
        bool on;
        struct sync_pair pairs[SYNC_BATCH]; /* memberships on their way into the table, by row */
        size_t count;
};

struct store_sync {
        struct sync_sink sink;
        struct sync_begin begin; /* zeroed: a full run without references. `from` lives in the arena */
        bool ended;
        char cookie[SYNC_COOKIE_MAX + 1];
        int64_t basis;
        struct store_delta *delta; /* of a delta; the lists below are those of a full run */
        struct replica *replica;
        struct arena texts;
        struct sync_texts user_dns, user_primaries, group_dns;
        struct sync_stray *strays;
        size_t stray_count, stray_size;
        bool rekey;             /* the store has no keys of this shape: all rows get theirs */
        struct store *store;    /* from sync_prepare on, or store_sync_ahead: it has our transaction */
        struct sync_ahead ahead;
        struct sync_side users, groups;
        struct sync_table members, children;
        uint64_t revision;      /* the store's, before */
        bool content;           /* as in struct store_sync_changes */
        bool unsettled;         /* likewise */
        bool bad;               /* something was refused: nothing of this may be written */
        char error[256];
};

extern const struct sync_sink sync_sink_functions;

/* Remembers the words and gives the error back. */
int sync_refuse(struct store_sync *sync, int error, const char *format, ...) _printf_(3, 4);
/* The same with the store's own words. */
int sync_store_failed(struct store_sync *sync, int error);

/* Room for one element more; doubles. 0 or -ENOMEM. */
int sync_room(void **array, size_t *size, size_t count, size_t element);

/* Finds each entry's row, gives new ones theirs, and orders everything by row: the replica is then what a load would give. -EEXIST: one id twice. */
int sync_match(struct store_sync *sync);
/* What came is written at once: the next user, group, or membership. As the sink's functions; -EEXIST: one id twice; an error of store.h; -ECANCELED: the
 * store was closed. */
int sync_ahead_user(struct store_sync *sync, const struct sync_user *user);
int sync_ahead_group(struct store_sync *sync, const struct sync_group *group);
int sync_ahead_member(struct store_sync *sync, uint32_t user, uint32_t group);
/* All came: instead of sync_match(). */
int sync_ahead_number(struct store_sync *sync);
/* Compares the memberships with the store's. */
int sync_compare_members(struct store_sync *sync);
/* Writes all that differs. */
int sync_write(struct store_sync *sync);

/* Writes the strays, of which those of gone groups are none. */
int sync_write_strays(struct store_sync *sync);
/* Runs a statement whose parameters are that many pairs. */
int sync_put_pairs(struct database *database, enum store_statement which, const struct sync_pair *pairs, size_t count);
/* Deletes rows by their ids. */
int sync_delete_users(struct database *database, const int64_t *rows, size_t count);

/* An entry that came in a full run, as the sink got it; its texts are the replica's and the arena's. */
void sync_get_user(const struct store_sync *sync, uint32_t number, struct sync_user *user);
void sync_get_group(const struct store_sync *sync, uint32_t number, struct sync_group *group);
/* How an entry differs from a row of SYNC_USERS or SYNC_GROUPS; never SYNC_NEW. */
enum sync_state sync_compare_user(const struct store_sync *sync, const struct sync_user *user, sqlite3_stmt *row);
enum sync_state sync_compare_group(const struct store_sync *sync, const struct sync_group *group, sqlite3_stmt *row);
/* Inserts or updates one row. */
int sync_put_user(struct store_sync *sync, const struct sync_user *user, int64_t row, bool new);
int sync_put_group(struct store_sync *sync, const struct sync_group *group, int64_t row, bool new);

/* What a column cannot hold, or no id can be, is none. */
static inline uint32_t sync_id_of(uint32_t number) {
        return number == UINT32_MAX ? 0 : number;
}
/* What is refused of an entry, whether it comes in a full run or in a delta. 0, or the error of the sink. */
int sync_check_entry(struct store_sync *sync, const char *what, uint32_t count, uint32_t most, const char *name, const char *entry_id, const char *dn);
/* How keys are made, as a number that the store keeps. */
int64_t sync_keyed(const struct store_sync *sync);
