/* The steps of a synchronisation once it has come; see store_sync.h. */
#include "replica/store_sync.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_delta.h"
#include "replica/store_rows.h"
#include "replica/store_sync_internal.h"

int sync_refuse(struct store_sync *sync, int error, const char *format, ...) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(sync->error, sizeof sync->error, format, args);
        va_end(args);
        sync->bad = true;
        return error;
}

int sync_store_failed(struct store_sync *sync, int error) {
        const char *words = error == -ENOMEM ? "" : store_error(sync->store);
        return sync_refuse(sync, error, "its store: %s%s%s", strerror(-error), *words ? ": " : "", words);
}

int sync_room(void **array, size_t *size, size_t count, size_t element) {
        if (count < *size)
                return 0;
        size_t bigger = *size < 64 ? 64 : *size * 2;
        void *moved = reallocarray(*array, bigger, element);
        if (!moved)
                return -ENOMEM;
        *array = moved;
        *size = bigger;
        return 0;
}

struct store_sync *store_sync_new(void) {
        struct store_sync *sync = calloc(1, sizeof *sync);
        if (!sync)
                return NULL;
        sync->sink = sync_sink_functions;
        sync->sink.userdata = sync;
        sync->replica = replica_new();
        if (!sync->replica) {
                free(sync);
                return NULL;
        }
        return sync;
}

static void side_done(struct sync_side *side) {
        free(side->rows);
        free(side->states);
        free(side->ranks);
        free(side->gone);
}

static void table_done(struct sync_table *table) {
        free(table->first);
        free(table->members);
        free(table->fresh);
        free(table->gone);
}

/* The store is as it was. */
static void sync_let_go(struct store_sync *sync) {
        if (!sync->store)
                return;
        sync->store->holder = NULL;
        store_rollback(TAKE_PTR(sync->store));
}

void store_sync_free(struct store_sync *sync) {
        if (!sync)
                return;
        sync_let_go(sync);
        side_done(&sync->users);
        side_done(&sync->groups);
        table_done(&sync->members);
        table_done(&sync->children);
        store_delta_free(sync->delta);
        free(sync->user_dns.texts);
        free(sync->user_primaries.texts);
        free(sync->group_dns.texts);
        free(sync->strays);
        arena_done(&sync->texts);
        replica_free(sync->replica);
        free(sync);
}

const struct sync_sink *store_sync_sink(struct store_sync *sync) {
        return &sync->sink;
}

const char *store_sync_error(const struct store_sync *sync) {
        return sync->error;
}

void store_sync_basis(struct store_sync *sync, uint64_t basis) {
        sync->basis = (int64_t)basis;
}

int64_t sync_keyed(const struct store_sync *sync) {
        return (int64_t)sync->begin.references | (sync->begin.nested ? 4 : 0);
}

/* Where the store is. *follows: it is where the delta begins. */
static int read_state(struct store_sync *sync, bool *follows) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, SYNC_STATE);
        int r = database_step(database, statement);
        if (r <= 0)
                return sync_store_failed(sync, r < 0 ? r : -EBADMSG);
        const char *cookie = (const char *)sqlite3_column_text(statement, 0);
        bool same_keys = sqlite3_column_int64(statement, 2) == sync_keyed(sync);
        sync->rekey = sync->begin.references != SYNC_REFERENCES_NONE && !same_keys;
        *follows = cookie && sync->begin.from && strcmp(cookie, sync->begin.from) == 0 && sqlite3_column_int64(statement, 1) == sync->basis && same_keys;
        sync->unsettled = sync->delta && sqlite3_column_int64(statement, 4) != 0;
        database_reset(statement);
        return 0;
}

static int compare(struct store_sync *sync) {
        int r = sync->ahead.on ? sync_ahead_number(sync) : sync_match(sync);
        if (r < 0)
                return r;
        r = replica_finish(sync->replica);
        if (r < 0)
                return sync_refuse(sync, r, "%s", strerror(-r));
        return sync_compare_members(sync);
}

/* D5: an entry whose name is there under another id was made anew, not lost. */
static int count_lost(struct store_sync *sync, struct sync_side *side, enum store_statement which, const struct name_map *names) {
        struct database *database = &sync->store->database;
        for (size_t i = 0; i < side->gone_count; i++) {
                sqlite3_stmt *statement = database_statement(database, which);
                database_bind_number(database, statement, 1, side->gone[i]);
                int r = database_step(database, statement);
                if (r < 0)
                        return sync_store_failed(sync, r);
                const char *name = r > 0 ? (const char *)sqlite3_column_text(statement, 0) : NULL;
                if (!name || name_map_get(names, name) == NAME_MAP_NONE)
                        side->lost++;
                database_reset(statement);
        }
        return 0;
}

static int prepare_full(struct store_sync *sync, struct store_sync_changes *changes) {
        int r = compare(sync);
        if (r == 0)
                r = count_lost(sync, &sync->users, SYNC_USER_NAME, &sync->replica->user_names);
        if (r == 0)
                r = count_lost(sync, &sync->groups, SYNC_GROUP_NAME, &sync->replica->group_names);
        if (r < 0)
                return r;
        changes->content = sync->users.differs || sync->groups.differs || sync->members.differs || sync->children.differs;
        changes->users = sync->users.count;
        changes->groups = sync->groups.count;
        changes->old_users = sync->users.old_count;
        changes->old_groups = sync->groups.old_count;
        changes->lost_users = sync->users.lost;
        changes->lost_groups = sync->groups.lost;
        changes->old_memberships = sync->members.old_count + sync->children.old_count;
        changes->lost_memberships = sync->members.lost + sync->children.lost;
        return 0;
}

static int prepare_delta(struct store_sync *sync, bool follows, struct store_sync_changes *changes) {
        changes->delta = true;
        if (!follows || !changes->had_replica)
                return sync_refuse(sync, -ESTALE, "the changes that came do not follow what the store has: the directory must be read in full");
        int r = store_delta_prepare(sync, changes);
        changes->unsettled = sync->unsettled = changes->unsettled || sync->unsettled;
        replica_free(sync->replica);
        sync->replica = NULL;
        if (r < 0 || !changes->content || !sync->store->touched.everything)
                return r;
        r = store_load(sync->store, &sync->replica);
        return r < 0 ? sync_store_failed(sync, r) : 0;
}

static int prepare(struct store_sync *sync, struct store_sync_changes *changes) {
        uint64_t synchronised_s = 0;
        bool follows = false;
        int r = store_state(sync->store, &sync->revision, &synchronised_s);
        if (r < 0)
                return sync_store_failed(sync, r);
        changes->had_replica = synchronised_s > 0;
        r = read_state(sync, &follows);
        if (r == 0)
                r = sync->delta ? prepare_delta(sync, follows, changes) : prepare_full(sync, changes);
        sync->content = changes->content;
        return r;
}

int store_sync_prepare(struct store_sync *sync, struct store *store, struct store_sync_changes *changes) {
        *changes = (struct store_sync_changes){ 0 };
        if (sync->bad || (sync->store && !sync->ahead.on))
                return -EINVAL;
        if (sync->ahead.on && sync->store != store)
                return sync_refuse(sync, -ECANCELED, "its store was closed meanwhile");
        if (directory_is_kept_here(store->type))
                return sync_refuse(sync, -EINVAL, "a directory that is kept here is not synchronised");
        if (sync->delta && !sync->ended)
                return sync_refuse(sync, -EINVAL, "a delta without an end");
        int r = sync->ahead.on ? 0 : store_begin(store);
        if (r < 0)
                return sync_refuse(sync, r, "its store: %s (%s)", strerror(-r), store_error(store));
        sync->store = store;
        r = prepare(sync, changes);
        if (r < 0)
                sync_let_go(sync);
        return r;
}

const struct replica *store_sync_replica(const struct store_sync *sync) {
        return sync->replica;
}

static int write_all(struct store_sync *sync, uint64_t now_s) {
        struct database *database = &sync->store->database;
        int r = sync->delta ? 0 : sync_write(sync);
        if (r == 0 && sync->begin.references == SYNC_REFERENCES_DN)
                r = database_exec(database, sql_delta_indexes);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(database, SYNC_DONE);
        database_bind_number(database, statement, 1, (int64_t)now_s);
        database_bind_number(database, statement, 2, sync->content);
        database_bind_text(database, statement, 3, sync->cookie[0] ? sync->cookie : NULL);
        database_bind_number(database, statement, 4, sync->basis);
        database_bind_number(database, statement, 5, sync_keyed(sync));
        if (!sync->delta)
                database_bind_number(database, statement, 6, (int64_t)now_s);
        database_bind_number(database, statement, 7, sync->unsettled);
        return database_run(database, statement, NULL);
}

/* The rows of what came, which is in their order by now: whoever has the replica can follow the store from here (store_rows.h). */
static int64_t *take_rows(struct sync_side *side) {
        for (uint32_t i = 1; i < side->count; i++)
                if (side->rows[i - 1] >= side->rows[i])
                        return NULL;
        return TAKE_PTR(side->rows);
}

static void give_replica(struct store_sync *sync, uint64_t now_s) {
        sync->replica->revision = sync->revision + sync->content;
        sync->replica->synchronised_s = now_s;
        if (sync->delta)
                return;
        sync->replica->user_rows = take_rows(&sync->users);
        sync->replica->group_rows = take_rows(&sync->groups);
}

int store_sync_commit(struct store_sync *sync, uint64_t now_s, struct replica **replica) {
        if (sync->bad || !sync->store || now_s == 0 || now_s > INT64_MAX)
                return -EINVAL;
        int r = write_all(sync, now_s);
        if (r == 0)
                r = store_commit(sync->store);
        if (r < 0) {
                r = sync_store_failed(sync, r);
                sync_let_go(sync);
                return r;
        }
        if (sync->replica) {
                give_replica(sync, now_s);
                store_touched_clear(sync->store);
        } else if (sync->content)
                store_touch_revision(sync->store);
        sync->store->holder = NULL;
        sync->store = NULL;
        sync->bad = true; /* it is used up */
        *replica = TAKE_PTR(sync->replica);
        return 0;
}
