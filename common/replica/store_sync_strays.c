/* The values of groups that no membership stands for, of a full run: written as what differs from the store's. See store_sync.h.
 * Relies on: replica/store_sync_internal; groups ordered by row id.
 * Must never: change a table while it is read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_sync_internal.h"

static int compare_strays(const void *a, const void *b) {
        const struct sync_stray *x = a, *y = b;
        if (x->group != y->group)
                return x->group < y->group ? -1 : 1;
        return x->hash != y->hash ? (x->hash < y->hash ? -1 : 1) : strcmp(x->key, y->key);
}

/* A row that is to go; its key lives in the arena. */
struct gone_stray { int64_t group, hash; const char *key; };

struct walk {
        struct store_sync *sync;
        size_t at;              /* among those that came */
        uint8_t *known;         /* of them: the store has it */
        struct gone_stray *gone;
        size_t gone_count, gone_size;
};

static int compare_row(const struct walk *walk, int64_t group, int64_t hash, const char *key) {
        const struct sync_stray *stray = &walk->sync->strays[walk->at];
        int64_t row = walk->sync->groups.rows[stray->group];
        if (row != group)
                return row < group ? -1 : 1;
        return stray->hash != hash ? (stray->hash < hash ? -1 : 1) : strcmp(stray->key, key);
}

static int meet(struct walk *walk, sqlite3_stmt *row) {
        int64_t group = sqlite3_column_int64(row, 0), hash = sqlite3_column_int64(row, 1);
        const char *key = (const char *)sqlite3_column_text(row, 2);
        if (!key)
                return -ENOMEM;
        int order = -1;
        while (walk->at < walk->sync->stray_count && (order = compare_row(walk, group, hash, key)) < 0)
                walk->at++;
        if (walk->at < walk->sync->stray_count && order == 0) {
                walk->known[walk->at] = 1;
                return 0;
        }
        void *gone = walk->gone;
        int r = sync_room(&gone, &walk->gone_size, walk->gone_count, sizeof *walk->gone);
        walk->gone = gone;
        const char *copy = r == 0 ? arena_strdup(&walk->sync->texts, key) : NULL;
        if (!copy)
                return -ENOMEM;
        walk->gone[walk->gone_count++] = (struct gone_stray){ group, hash, copy };
        return 0;
}

static int read_strays(struct walk *walk) {
        struct database *database = &walk->sync->store->database;
        sqlite3_stmt *statement = database_statement(database, SYNC_STRAYS);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                r = meet(walk, statement);
                if (r < 0) {
                        database_reset(statement);
                        return r;
                }
        }
        return r;
}

static int run(struct database *database, enum store_statement which, int64_t group, int64_t hash, const char *key) {
        sqlite3_stmt *statement = database_statement(database, which);
        database_bind_number(database, statement, 1, group);
        database_bind_number(database, statement, 2, hash);
        database_bind_text(database, statement, 3, key);
        return database_run(database, statement, NULL);
}

int sync_write_strays(struct store_sync *sync) {
        struct database *database = &sync->store->database;
        struct walk walk = { .sync = sync, .known = calloc(sync->stray_count + 1, 1) };
        if (!walk.known)
                return -ENOMEM;
        if (sync->stray_count > 1)
                qsort(sync->strays, sync->stray_count, sizeof *sync->strays, compare_strays);
        int r = read_strays(&walk);
        for (size_t i = 0; r == 0 && i < walk.gone_count; i++)
                r = run(database, SYNC_DELETE_STRAY, walk.gone[i].group, walk.gone[i].hash, walk.gone[i].key);
        for (size_t i = 0; r == 0 && i < sync->stray_count; i++)
                if (!walk.known[i])
                        r = run(database, SYNC_INSERT_STRAY, sync->groups.rows[sync->strays[i].group], sync->strays[i].hash, sync->strays[i].key);
        free(walk.known);
        free(walk.gone);
        return r;
}
