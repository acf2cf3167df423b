/* The SQLite store of one directory: NAME.db. For an internal directory it is the directory itself (D1), for others its replica.
 * Relies on: SQLite (WAL, synchronous=FULL), model/replica.
 * Must never: acknowledge a change that a crash could lose; open a store that belongs to another directory (name and type are recorded).
 *
 * One writer (the keeper), any number of readers (the password checkers), never blocking each other. Errors are negative errnos: -EIO and
 * -ENOSPC as SQLite reports them, -EBADMSG for a damaged or newer store, -ENOENT / -EEXIST as said. store_error() has SQLite's words. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "model/replica.h"
#include "model/settings.h"
#include "model/sync.h"

struct store;

enum store_mode { STORE_READ_ONLY = 0, STORE_READ_WRITE };

/* Opens FOLDER/NAME.db; STORE_READ_WRITE creates and upgrades it (mode 0600). A reader opens nothing for writing, and creates nothing: a
 * process that may only read can open it once a writer has; it sees every commit at its next call. Not to be carried across a fork.
 * -ENOENT: not there (reader); -EAGAIN: not created, upgraded or recovered yet (reader), or another writer is at it; -EBADMSG: damaged, from a newer
 * version, or another directory's; -EMEDIUMTYPE: of a directory of that name, and of another type; -EINVAL: a name or type that cannot have a store.
 * The words of a failed open are logged. */
int store_open(const char *folder, const char *name, enum directory_type type, enum store_mode mode, struct store **store);
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)
/* Gives back what SQLite keeps to be faster; nothing else changes. */
void store_rest(struct store *store);
const char *store_error(const struct store *store);

/* The whole content as a replica, read in one piece; the caller's. Never the hashes. A never synchronised store has synchronised_s 0; an
 * internal one is complete now and always. -ENOMEM, -EOVERFLOW (more than 4 GiB of text). */
int store_load(struct store *store, struct replica **replica);
/* Grows with every committed change. */
int store_revision(struct store *store, uint64_t *revision);

/* Where a synchronised directory's changes were read to: the cookie of the last run, "" where the next one must be a full one, which is always so with another
 * basis than the run's (replica/store_sync.h). *full_s: when the last full run began; 0: none since a version that kept it. *unsettled: a delta since then
 * asked for another one (store_sync_changes.unsettled). */
int store_cookie(struct store *store, uint64_t basis, char cookie[SYNC_COOKIE_MAX + 1], uint64_t *full_s, bool *unsettled);

/* What the password check needs of one entry, read live. */
struct store_login {
        char entry_id[64];
        bool active;
        bool must_change;
        char hash[400];       /* crypt(5) text; "" : no password can be right. Wipe after use. */
        char dn[SYNC_DN_MAX + 1]; /* where a synchronised directory's server has the entry; "": not known */
        uint64_t synchronised_s;  /* L6: when the replica that says all this was complete; 0: never yet. Of one that is kept here: now */
        char external_id[SYNC_ENTRY_ID_MAX + 1]; /* D3: whose password the user's is at the server; "": not on record yet */
};
/* By name in any case. -ENOENT: not there; -ENOTUNIQ: ambiguous (N2). With both of them login->synchronised_s is set, and the rest is empty; after
 * another failure all of it is. */
int store_login_by_name(struct store *store, const char *name, struct store_login *login);

/* D3: the user for whom the external id is on record; *name is malloc'ed. -ENOENT: nobody. */
int store_name_by_external_id(struct store *store, const char *external_id, char **name);

/* D3: each group that was imported, and whether the user is in it. The texts live until the function returns; what it returns other than 0 ends it. */
typedef int (*store_imported_fn)(void *userdata, const char *name, const char *external_id, bool member);
int store_imported_groups(struct store *store, const char *user, store_imported_fn each, void *userdata);

/* One transaction around any number of changes. A change outside one is its own transaction, durable when it returns 0.
 * A refused change (-ENOENT, -EEXIST, -ENOTUNIQ, -EINVAL) leaves the transaction as it was. Any other failure has rolled all of it back:
 * further changes and the commit give that error again, until store_rollback(). */
int store_begin(struct store *store);   /* -EBUSY: one is open; -EROFS: a reader */
int store_commit(struct store *store);  /* durable when it returns 0; otherwise everything is as before store_begin. -EINVAL: none is open */
void store_rollback(struct store *store); /* does nothing where none is open */

/* NULL text: leave as it is (modify), or none (add). has_*: the number is set. */
struct store_user {
        const char *name;
        const char *display_name, *email, *home, *shell, *ssh_keys;
        const char *hash;
        bool has_uid, has_gid, has_active;
        uint32_t uid, gid;
        bool active;
        bool has_must_change, must_change;
        const char *const *attributes; size_t attribute_count; /* "KEY=VALUE"; an empty VALUE removes the key */
        const char *entry_id; /* add only; NULL: a new random UUID */
        const char *external_id; /* D3: the server's id of the entry whose password is the user's. At most 63 bytes; one user's only (-EEXIST) */
};
/* -EEXIST: the name folds to one that is there (internal and delegated directories; elsewhere both are kept, N2), or the entry id is there, or the external id.
 * -EINVAL: no name, an entry id of more than 63 bytes, a hash of more than 399, an attribute that is not KEY=VALUE or not one line.
 * Names are looked up in any case; -ENOTUNIQ: two entries fold to it. hash "" takes the password away. */
int store_add_user(struct store *store, const struct store_user *user);
int store_modify_user(struct store *store, const char *name, const struct store_user *user); /* -ENOENT. user->name is ignored */
int store_rename_user(struct store *store, const char *name, const char *new_name);   /* -ENOENT, -EEXIST */
int store_remove_user(struct store *store, const char *name);                         /* -ENOENT; memberships go too */

/* external_id: D3, add only: the server's group that it was imported from; one group's only (-EEXIST). */
struct store_group { const char *name, *description; bool has_gid, has_active; uint32_t gid; bool active; const char *entry_id, *external_id; };
/* As for users. Removing a group takes its memberships with it, in both directions. */
int store_add_group(struct store *store, const struct store_group *group);
int store_modify_group(struct store *store, const char *name, const struct store_group *group);
int store_rename_group(struct store *store, const char *name, const char *new_name);
int store_remove_group(struct store *store, const char *name);

/* Direct memberships of users, and of groups in groups. Names in any case. */
int store_add_member(struct store *store, const char *group, const char *user);       /* -ENOENT, -EEXIST */
int store_remove_member(struct store *store, const char *group, const char *user);    /* -ENOENT */
int store_add_group_member(struct store *store, const char *group, const char *child); /* -EINVAL too: itself */
int store_remove_group_member(struct store *store, const char *group, const char *child);

/* The free attributes of a user as "KEY=VALUE" lines, malloc'ed. -ENOENT. */
int store_user_attributes(struct store *store, const char *name, char **lines);
