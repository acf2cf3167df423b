/* A delta on its way into a store: what has changed on the server, put in the place of what the store has, so that the store is then what a full run would make
 * it. Internal to this folder.
 *
 * What makes that possible without reading the groups again: a value of a group is never forgotten. It is a row of members or children; or a stray, where it
 * names no entry of this directory, or one whose membership the gidNumber or the primary group gives too (a derived one). So a row is by value unless it is
 * derived; and if it is derived, it is by value too if a stray says so. Whose key (DN or name), gid or primary group changes, or who goes, is unlinked: each
 * row by value becomes a stray again, where values are names; where they are DNs it is dropped, as the server may have changed the value unseen, and a full run
 * is asked for (store_sync_changes.unsettled). Who comes or has changed is linked: each stray of that key becomes a row. A group that comes is put together anew from
 * its values. Untouched entries' rows stay as they are.
 *
 * A delta may hold several changes, one after the other, and a group's values are of when the group changed: one that an entry has left since, in the same
 * delta, is dropped as well, whoever is called so by now (delta_gather_left); so are the strays of it in other groups. And until everything is read again, who
 * comes is in a group that names it only once that group is told in a later delta.
 *
 * Also before: a DN that was not followed, of a stray, may have been that of an entry that a filter hides. If that one has gone since, the server may have
 * taken the value away (refint), and nobody was told of either. So whoever comes to a DN is given nothing by a value that was there before it, and a full run is
 * asked for; but by one that is new to its group, if that was told after the newcomer (delta_waits). That is as sure as a group that is told in a later
 * delta, and not surer: users and groups are two searches (RFC 4533), and their order is only that in which the server sent what it had to say.
 *
 * Relies on: replica/store_sync_internal; all of it within the transaction that store_sync_prepare opened.
 * Must never: guess. What cannot be decided (two entries with one key) is -ESTALE: the directory is read in full. */
#pragma once

#include "model/sync_key.h"
#include "replica/store_sync_internal.h"

#define DELTA_WORDS_MAX (UINT32_C(16) << 20) /* entries that are named, of each kind */

/* What was last said of an entry. */
enum delta_said { DELTA_GONE = 1, DELTA_PRESENT, DELTA_CHANGED };

struct delta_word {
        const char *entry_id;
        uint32_t hash;
        uint32_t number;  /* of a changed one */
        uint8_t said;     /* enum delta_said */
        bool known;       /* the store has it */
};

/* All words of one kind, by id; open addressing. */
struct delta_words {
        struct delta_word *words;
        size_t count, size;
        uint32_t *slots;  /* number + 1; 0: free */
        uint32_t mask;    /* slots - 1; 0: none yet */
};

/* What the store has of an entry before the delta, or NULL and 0. */
struct delta_before {
        const char *name, *key, *sid; /* sid: a user's primary_group_sid, a group's own */
        uint32_t gid;
};

struct delta_user {
        struct sync_user user;     /* as it is now; name NULL: it is gone */
        const char *key;           /* its key now; NULL: none */
        int64_t row;
        struct delta_before before;
        enum sync_state state;
        uint32_t came;             /* when it was first told under this DN: see store_delta.told */
        bool live;                 /* the last word about it is in here */
        bool unlink, link;
};

struct delta_group {
        struct sync_group group;
        const char *key;           /* what names it in other groups' values; NULL where groups are no members */
        int64_t row;
        struct delta_before before;
        enum sync_state state;
        uint32_t came, told;       /* when it was first told under this DN, and when with these values */
        bool live, unlink, link;
        size_t first_reference, reference_count;
};

/* A membership of row ids: who is a member of which group. */
struct delta_pair { int64_t group, member; };
struct delta_pairs { struct delta_pair *items; size_t count, size; };
/* What was added and taken away; what was both is neither, once it is over. */
struct delta_table { struct delta_pairs added, removed; };

struct store_delta {
        uint64_t seed;
        uint32_t told;             /* users and groups that came, in their order */
        struct delta_words user_words, group_words;
        struct delta_user *users;
        uint32_t user_count;
        size_t user_size;
        struct delta_group *groups;
        uint32_t group_count;
        size_t group_size;
        const char **references;
        size_t reference_count, reference_size;
        bool in_group;             /* references belong to the last group */
        struct delta_user **users_by_row;   /* those that are live, by row */
        struct delta_group **groups_by_row; /* likewise: the rows of these are nobody else's business */
        size_t live_users, live_groups;
        struct delta_table members, children;
        const char **left;         /* DNs that entries have left in this delta, sorted */
        size_t left_count, left_size;
        bool values_left;          /* a value that made a membership, or would, is of an entry that has left it, or may be */
};

/* ---- Gathering (store_delta.c); errors as the sink's ---- */

struct store_delta *store_delta_new(void);
void store_delta_free(struct store_delta *delta);
int store_delta_user(struct store_sync *sync, const struct sync_user *user);
int store_delta_group(struct store_sync *sync, const struct sync_group *group);
int store_delta_reference(struct store_sync *sync, const char *key);
int store_delta_word(struct store_sync *sync, enum sync_kind kind, const char *entry_id, bool gone);

/* ---- Applying (store_delta_apply.c): everything but what SYNC_DONE writes. As store_sync_prepare ---- */

int store_delta_prepare(struct store_sync *sync, struct store_sync_changes *changes);

/* ---- What the files of it share; all give 0 or an error that sync_refuse has the words of ---- */

/* What was said of an id, or NULL. */
struct delta_word *delta_find(const struct store_delta *delta, const struct delta_words *words, const char *entry_id);

/* Finds the rows, and who else is gone by a sweep (store_delta_resolve.c). */
int delta_resolve(struct store_sync *sync);

/* The live one with that row, or NULL. */
struct delta_user *delta_user_of(const struct store_delta *delta, int64_t row);
struct delta_group *delta_group_of(const struct store_delta *delta, int64_t row);
static inline bool delta_user_is_gone(const struct delta_user *user) { return !user->user.name; }
static inline bool delta_group_is_gone(const struct delta_group *group) { return !group->group.name; }
int delta_add_pair(struct store_sync *sync, struct delta_pairs *pairs, int64_t group, int64_t member);
void delta_sort_pairs(struct delta_pairs *pairs); /* by group, then member */

/* Whom a key names (store_delta_keys.c). */
struct delta_holders {
        uint32_t users, groups;    /* how many; groups: 0 where they are no members */
        int64_t user, group;       /* the last one's row */
        uint32_t gid;              /* of the user */
        const char *primary;       /* likewise; in the arena, or NULL */
};
int delta_holders(struct store_sync *sync, const char *key, struct delta_holders *holders);
/* -ESTALE unless nobody but one entry has it. */
int delta_check_alone(struct store_sync *sync, const char *key);
/* Whether a user's gid or primary group make it a member of that group by themselves. */
bool delta_is_derived(const struct store_sync *sync, uint32_t gid, const char *primary, uint32_t group_gid, const char *group_sid);
int delta_out_of_memory(struct store_sync *sync);
int delta_stale(struct store_sync *sync, const char *why);
int delta_put_stray(struct store_sync *sync, enum store_statement which, int64_t group, const char *key);
int delta_put_pair(struct store_sync *sync, enum store_statement which, int64_t group, int64_t member, struct delta_pairs *log);

/* Whether it is known what becomes of the values that name an entry which goes or is called otherwise. */
static inline bool delta_is_followed(const struct store_sync *sync) {
        return sync->begin.linked || sync->begin.references == SYNC_REFERENCES_NAME;
}

/* Before everything is read again: any value may be one that the server is about to take away, or has, with the entry that it named. Who comes is not given it. */
static inline bool delta_is_open(const struct store_sync *sync) {
        return sync->unsettled && !delta_is_followed(sync);
}

/* Whether somebody who came at `came` under a DN (link) waits for a full run before a value of that DN counts, in a group that was told at `told`;
 * was: the group had it before. */
static inline bool delta_waits(const struct store_sync *sync, bool link, uint32_t came, uint32_t told, bool was) {
        return link && !delta_is_followed(sync) && (delta_is_open(sync) || came > told || was);
}

/* What entries were called and are not any more, be it for a moment within the delta; of untouched groups the strays of these are dropped
 * (store_delta_left.c). Where values are names, nothing is. */
int delta_gather_left(struct store_sync *sync);
bool delta_is_left(const struct store_delta *delta, const char *key);
/* The groups that have the key as a stray, but for those that are put together anew. */
int delta_read_strays(struct store_sync *sync, const char *key, struct delta_pairs *groups);

/* The entries' rows by value to strays (before anything is written), and strays to rows (after that) (store_delta_link.c). */
int delta_unlink(struct store_sync *sync);
int delta_link(struct store_sync *sync);
/* The groups that came, put together anew (store_delta_group.c). */
int delta_replace_groups(struct store_sync *sync);
