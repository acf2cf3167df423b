/* A synchronisation on its way into the store of a directory (D5): gathered in memory while it comes, then written as what differs from what the store
 * has, in one transaction. A first one can be written into that transaction while it comes.
 * Relies on: replica/store, model/sync, model/replica.
 * Must never: commit anything before the whole is there; write into a store that has anything before that; change the revision of content that did not change; keep more than the bounds below; apply a delta
 * whose outcome could be another than that of a full run.
 *
 *   store_sync_new -> the sink's functions, one run (store_sync_ahead after its beginning) -> store_sync_prepare (what would change: the caller may refuse, D5) -> store_sync_commit
 *   store_sync_free at any point: the store is as it was */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/sync.h"
#include "replica/store.h"

enum {
        STORE_SYNC_USERS_MAX = 4 << 20,
        STORE_SYNC_GROUPS_MAX = 4 << 20,
        STORE_SYNC_EDGES_MAX = 64 << 20,   /* members and children together */
        STORE_SYNC_TEXT_MAX = 1 << 30,     /* bytes of all texts, names of entries (DNs) included */
};

struct store_sync;

/* NULL: memory is out. */
struct store_sync *store_sync_new(void);
void store_sync_free(struct store_sync *sync);
DEFINE_CLEANUP(struct store_sync *, store_sync_free)

/* Where the entries go; owned by sync. Its functions give 0; -EINVAL: no name, no id or one over SYNC_ENTRY_ID_MAX, a DN over SYNC_DN_MAX, a membership
 * of an entry that did not come; -EFBIG: more than the bounds above; -ENOMEM. After a failure only store_sync_error and store_sync_free are allowed. */
const struct sync_sink *store_sync_sink(struct store_sync *sync);
/* The words of the last failure, for people; "" at first. */
const char *store_sync_error(const struct store_sync *sync);

/* What else a cookie depends on, such as the settings by which the server was read: a cookie is worth nothing with another one. 0 unless it was set. */
void store_sync_basis(struct store_sync *sync, uint64_t basis);

/* After the sink's `begin`, before anything else: if the store is empty and never had a replica (D6), each entry is written as it comes, into a transaction that
 * stays open until the commit or store_sync_free, and the sink's functions give errors of the store, too (-EEXIST: two entries have one id). Else, and for a
 * delta, nothing changes. The store may be read meanwhile, which shows what was written, but not that it is complete; no other change may be made. If it is closed,
 * the synchronisation fails. 0; -EINVAL: it is late; or an error of store.h. */
int store_sync_ahead(struct store_sync *sync, struct store *store);

/* What a commit would do. An entry is lost when neither its id nor its name is there any more: one that was renamed, or made anew under its name, is not. */
struct store_sync_changes {
        bool delta;
        bool had_replica;          /* the store has had a complete replica before */
        bool content;              /* something differs: users, groups or memberships */
        uint32_t users, groups;    /* that there will be */
        uint32_t old_users, old_groups, lost_users, lost_groups;
        /* Of members and children. Lost with an entry that is gone, or was made anew, is not counted: only what was taken from entries that are there. */
        uint64_t old_memberships, lost_memberships;
        /* Of a delta: who was named by DN in groups has gone, or has another DN. Some servers then change the groups, too, and tell nobody (slapd's refint):
         * nobody has what these values gave until a full run, which should follow. Likewise if somebody has come to a DN that a group named before. So it is of
         * each delta until then. */
        bool unsettled;
};
/* Compares with the store, which must be open for writing (and the one of store_sync_ahead), and keeps a transaction open in it until the commit or store_sync_free: no other change may be
 * made in between. -ESTALE: a delta that does not begin where the store is, or that cannot be applied exactly: the directory must be read in full.
 * -EEXIST: two entries that came have one id; -EINVAL: a directory of this type is not synchronised; -EBUSY: the store has a transaction;
 * -ENOMEM, -EOVERFLOW, or an error of store.h. */
int store_sync_prepare(struct store_sync *sync, struct store *store, struct store_sync_changes *changes);

/* What would be there then, finished; valid after store_sync_prepare until the commit or store_sync_free. NULL: what is there now, of
 * a delta without content, or of one that touched so little that store_follow() (store_rows.h) is told of each row. */
const struct replica *store_sync_replica(const struct store_sync *sync);

/* Writes, the cookie too. The store is what the server had at now_s (> 0); its revision grows by one if content changed. *replica: what store_load would give
 * now; the caller's. NULL: as before but for synchronised_s, of a delta without content; else one that store_follow() brings up to it.
 * 0: durable. Otherwise everything is as before store_sync_prepare. */
int store_sync_commit(struct store_sync *sync, uint64_t now_s, struct replica **replica);
