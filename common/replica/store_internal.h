/* What the files of the store share.
 * Relies on: replica/database.
 * Must never: be included from outside this folder. */
#pragma once

#include "replica/database.h"
#include "replica/store.h"

enum { STORE_TOUCHED_MAX = 256 };

/* group 0: the user's own row. */
struct store_touched_row { int64_t user, group; };
/* What was touched since a replica was last read (store_rows.h), and by how much the revision grew meanwhile. */
struct store_touched {
        bool everything;
        size_t count;
        uint64_t revisions;
        struct store_touched_row rows[STORE_TOUCHED_MAX];
};

struct store {
        struct database database;
        struct store_touched touched;
        enum directory_type type;
        bool explicit_transaction; /* between store_begin() and its end */
        bool changed;              /* in this transaction: the revision grows at its commit */
        int failed;                /* why the explicit transaction can no longer be committed */
        int total_changes;         /* SQLite's count when the current change began: has it written yet? */
        int64_t next_user, next_group; /* ids are not given twice in one transaction: the memberships of removed users go at its end */
        bool has_gone;             /* users were removed in this transaction */
        struct store **holder;     /* who keeps the explicit transaction open while others use the store, and has to know when it is closed; NULL: nobody */
};

/* A change is: check everything, then write. change_begin() opens a transaction of its own where none is open; change_end() takes the
 * result of the change: 0 commits it there. A refusal (-EINVAL, -EEXIST, -ENOENT, -ENOTUNIQ) that has written nothing leaves an explicit
 * transaction as it was; any other failure rolls everything back, and the explicit transaction answers with that error until
 * store_rollback(). */
int change_begin(struct store *store);
int change_end(struct store *store, int result);
/* As store_revision; also when the replica was complete, as in struct store_login. */
int store_state(struct store *store, uint64_t *revision, uint64_t *synchronised_s);
/* The row id of a user (STORE_FIND_USER) or group (STORE_FIND_GROUP). -ENOENT, -ENOTUNIQ (N2). */
int store_find(struct store *store, enum store_statement statement, const char *name, int64_t *id);

/* entry_id, or where that is NULL a new random UUID in out[64]. -EINVAL: empty or too long. */
int store_entry_id(const char *entry_id, char out[64]);
