/* A first synchronisation, written while it comes: what its server takes to send it is time enough to write it. Nobody sees it before the commit, which is
 * as it is for the others: the store says that it has no replica until then (D5, D6). See store_sync.h.
 * Relies on: replica/store_sync_internal; a store without entries, whose rows are then numbered as the entries are.
 * Must never: begin in a store that has anything. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_sync_internal.h"

/* Whether nobody can miss what is there: nothing is. */
static bool is_empty(struct store *store) {
        uint64_t revision, synchronised_s;
        return store_state(store, &revision, &synchronised_s) == 0 && synchronised_s == 0 && store->next_user == 1 && store->next_group == 1;
}

int store_sync_ahead(struct store_sync *sync, struct store *store) {
        uint64_t revision, synchronised_s;
        if (sync->bad || sync->store || sync->users.count > 0)
                return -EINVAL;
        if (sync->delta || directory_is_kept_here(store->type) || store_state(store, &revision, &synchronised_s) < 0 || synchronised_s > 0)
                return 0;
        /* Where it cannot begin now it may at the end, which says why it cannot. */
        if (store_begin(store) < 0)
                return 0;
        if (!is_empty(store)) {
                store_rollback(store);
                return 0;
        }
        /* Of nobody: a file may have them all the same. */
        int r = database_run(&store->database, database_statement(&store->database, SYNC_DELETE_MEMBERS), NULL);
        sync->store = store;
        sync->ahead.on = true;
        store->holder = &sync->store;
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

/* What came of one row. */
static int written(struct store_sync *sync, int r, const char *what, const char *entry_id) {
        if (r == -EEXIST && entry_id)
                return sync_refuse(sync, r, "two %s have the immutable id %s", what, entry_id);
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int check_store(struct store_sync *sync) {
        return sync->store ? 0 : sync_refuse(sync, -ECANCELED, "its store was closed meanwhile");
}

int sync_ahead_user(struct store_sync *sync, const struct sync_user *user) {
        struct sync_user row = *user;
        int r = check_store(sync);
        if (r < 0)
                return r;
        row.uid = sync_id_of(row.uid);
        row.gid = sync_id_of(row.gid);
        return written(sync, sync_put_user(sync, &row, (int64_t)sync->users.count + 1, true), "users", user->entry_id);
}

int sync_ahead_group(struct store_sync *sync, const struct sync_group *group) {
        struct sync_group row = *group;
        int r = check_store(sync);
        if (r < 0)
                return r;
        row.gid = sync_id_of(row.gid);
        return written(sync, sync_put_group(sync, &row, (int64_t)sync->groups.count + 1, true), "groups", group->entry_id);
}

int sync_ahead_member(struct store_sync *sync, uint32_t user, uint32_t group) {
        struct sync_ahead *ahead = &sync->ahead;
        int r = check_store(sync);
        if (r < 0)
                return r;
        ahead->pairs[ahead->count++] = (struct sync_pair){ (int64_t)group + 1, (int64_t)user + 1 };
        if (ahead->count < SYNC_BATCH)
                return 0;
        ahead->count = 0;
        return written(sync, sync_put_pairs(&sync->store->database, SYNC_ADD_MEMBERS, ahead->pairs, SYNC_BATCH), "", NULL);
}

static int number_side(struct sync_side *side) {
        side->rows = calloc((size_t)side->count + 1, sizeof *side->rows);
        if (!side->rows)
                return -ENOMEM;
        for (uint32_t i = 0; i < side->count; i++)
                side->rows[i] = (int64_t)i + 1;
        side->differs = side->count > 0;
        return 0;
}

int sync_ahead_number(struct store_sync *sync) {
        int r = check_store(sync);
        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < sync->ahead.count; i++)
                r = sync_put_pairs(&sync->store->database, DELTA_ADD_MEMBER, &sync->ahead.pairs[i], 1);
        sync->ahead.count = 0;
        if (r < 0)
                return sync_store_failed(sync, r);
        if (number_side(&sync->users) < 0 || number_side(&sync->groups) < 0)
                return sync_refuse(sync, -ENOMEM, "%s", strerror(ENOMEM));
        return 0;
}
