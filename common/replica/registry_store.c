/* ids.db: the id registry on disk; see registry_store.h. */
#include "replica/registry_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "replica/database.h"

struct registry_store {
        struct database database;
};

DEFINE_CLEANUP(struct registry_store *, registry_store_close)
DEFINE_CLEANUP(struct registry *, registry_free)

int registry_store_open(const char *folder, struct registry_store **result) {
        _cleanup_(registry_store_closep) struct registry_store *store = calloc(1, sizeof *store);
        if (!store)
                return -ENOMEM;
        int r = database_open(&store->database, folder, "ids", &sql_registry, DATABASE_WRITABLE, NULL);
        if (r < 0) {
                log_error("id registry: %s", store->database.error[0] ? store->database.error : strerror(-r));
                return r;
        }
        *result = TAKE_PTR(store);
        return 0;
}

void registry_store_close(struct registry_store *store) {
        if (!store)
                return;
        database_done(&store->database);
        free(store);
}

/* A row that says nothing sensible is damage: to skip it could give its id to somebody else (I2). */
static int load_row(struct registry_store *store, struct registry *registry, sqlite3_stmt *statement) {
        int64_t kind = sqlite3_column_int64(statement, 0), id = sqlite3_column_int64(statement, 4);
        struct registry_row row = {
                .kind = kind == NAME_OF_GROUP ? NAME_OF_GROUP : NAME_OF_USER,
                .name = (const char *)sqlite3_column_text(statement, 1),
                .directory = (const char *)sqlite3_column_text(statement, 2),
                .entry_id = (const char *)sqlite3_column_text(statement, 3),
                .id = (uint32_t)id,
                .current = true,
        };
        if (!row.name || !row.directory || !row.entry_id || !*row.name || id < 1 || id > UINT32_MAX ||
            (kind != NAME_OF_GROUP && kind != NAME_OF_USER))
                return database_refuse(&store->database, -EBADMSG, "a row of the id registry is damaged");
        return registry_load(registry, &row);
}

int registry_store_load(struct registry_store *store, struct registry **result) {
        _cleanup_(registry_freep) struct registry *registry = registry_new();
        if (!registry)
                return -ENOMEM;
        sqlite3_stmt *statement = database_statement(&store->database, REGISTRY_LOAD);
        int r;
        while ((r = database_step(&store->database, statement)) > 0) {
                r = load_row(store, registry, statement);
                if (r < 0)
                        break;
        }
        database_reset(statement);
        (void)sqlite3_db_release_memory(store->database.handle);
        if (r < 0) {
                log_error("id registry: %s", store->database.error[0] ? store->database.error : strerror(-r));
                return r;
        }
        *result = TAKE_PTR(registry);
        return 0;
}

static int append(struct registry_store *store, const struct registry_row *row) {
        struct database *database = &store->database;
        sqlite3_stmt *statement = database_statement(database, REGISTRY_APPEND);
        database_bind_number(database, statement, 1, row->kind);
        database_bind_text(database, statement, 2, row->name);
        database_bind_text(database, statement, 3, row->directory);
        database_bind_text(database, statement, 4, row->entry_id);
        database_bind_number(database, statement, 5, row->id);
        return database_run(database, statement, NULL);
}

int registry_store_save(struct registry_store *store, struct registry *registry) {
        size_t count = registry_pending_count(registry);
        if (count == 0) {
                registry_saved(registry); /* accepted names that the build used up without a new row are used up all the same */
                return 0;
        }
        int r = database_begin(&store->database);
        for (size_t i = 0; r == 0 && i < count; i++)
                r = append(store, registry_pending(registry, i));
        if (r < 0) {
                database_rollback(&store->database);
                return r;
        }
        r = database_commit(&store->database);
        if (r < 0)
                return r;
        registry_saved(registry);
        return 0;
}
