/* The store of one directory: opening it, whose it is, and what is read live; see store.h. */
#include "replica/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "replica/store_internal.h"

static const char *const type_names[] = {
        [DIRECTORY_INTERNAL] = "internal", [DIRECTORY_LDAP] = "ldap", [DIRECTORY_DELEGATED] = "delegated",
        [DIRECTORY_CROWD] = "crowd", [DIRECTORY_JIRA] = "jira",
};

/* Where this host decides which names exist, a second spelling is refused (N2); elsewhere the server decides. */
static const struct sql_schema *schema_for(enum directory_type type) {
        return directory_is_kept_here(type) ? &sql_store_unique : &sql_store_ambiguous;
}

static bool same_text(sqlite3_stmt *statement, int column, const char *text) {
        const char *found = (const char *)sqlite3_column_text(statement, column);
        return found && strcmp(found, text) == 0;
}

static int check_owner(struct store *store, const char *name) {
        sqlite3_stmt *statement = database_statement(&store->database, STORE_READ_INFO);
        int r = database_step(&store->database, statement);
        if (r == 0)
                return database_refuse(&store->database, -EBADMSG, "it does not say whose store it is");
        if (r < 0)
                return r;
        bool same_name = same_text(statement, 0, name), same_type = same_text(statement, 1, type_names[store->type]);
        database_reset(statement);
        if (!same_name)
                return database_refuse(&store->database, -EBADMSG, "it is the store of a directory with another name");
        return same_type ? 0 : database_refuse(&store->database, -EMEDIUMTYPE, "it is the store of a directory of another type");
}

/* The folder has files of other kinds too: a directory must not take their names. */
static bool is_taken(const char *name) {
        return strcmp(name, "ids") == 0 || strcmp(name, "logins") == 0;
}

int store_open(const char *folder, const char *name, enum directory_type type, enum store_mode mode, struct store **result) {
        if ((size_t)type >= ARRAY_SIZE(type_names) || !type_names[type])
                return -EINVAL;
        if (is_taken(name)) {
                log_error("a directory cannot be named %s: the service keeps a file of that name", name);
                return -EINVAL;
        }
        _cleanup_(store_closep) struct store *store = calloc(1, sizeof *store);
        char *first = sqlite3_mprintf("INSERT INTO store (id, name, type, revision, synchronised_s) VALUES (1, %Q, %Q, 0, 0)", name,
                                      type_names[type]);
        if (!store || !first) {
                sqlite3_free(first);
                return -ENOMEM;
        }
        store->type = type;
        int r = database_open(&store->database, folder, name, schema_for(type), mode == STORE_READ_WRITE ? DATABASE_WRITABLE : 0, first);
        sqlite3_free(first);
        if (r == 0)
                r = check_owner(store, name);
        if (r < 0) {
                log_error("store of directory %s: %s", name, store->database.error[0] ? store->database.error : strerror(-r));
                return r;
        }
        *result = TAKE_PTR(store);
        return 0;
}

void store_close(struct store *store) {
        if (!store)
                return;
        if (store->holder)
                *store->holder = NULL;
        if (store->database.handle)
                database_rollback(&store->database);
        database_done(&store->database);
        free(store);
}

void store_rest(struct store *store) {
        (void)sqlite3_db_release_memory(store->database.handle);
}

const char *store_error(const struct store *store) {
        return store->database.error;
}

/* What is kept here is its own truth: complete now and always. */
static uint64_t complete_s(const struct store *store, sqlite3_stmt *statement, int column) {
        int64_t synchronised_s = sqlite3_column_int64(statement, column);
        if (directory_is_kept_here(store->type))
                return clock_real_s();
        return synchronised_s > 0 ? (uint64_t)synchronised_s : 0;
}

int store_state(struct store *store, uint64_t *revision, uint64_t *synchronised_s) {
        sqlite3_stmt *statement = database_statement(&store->database, STORE_READ_REVISION);
        int r = database_step(&store->database, statement);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        int64_t number = sqlite3_column_int64(statement, 0);
        *synchronised_s = complete_s(store, statement, 1);
        database_reset(statement);
        if (number < 0)
                return database_refuse(&store->database, -EBADMSG, "its revision is negative");
        *revision = (uint64_t)number;
        return 0;
}

int store_revision(struct store *store, uint64_t *revision) {
        uint64_t synchronised_s;
        return store_state(store, revision, &synchronised_s);
}

int store_cookie(struct store *store, uint64_t basis, char cookie[SYNC_COOKIE_MAX + 1], uint64_t *full_s, bool *unsettled) {
        struct database *database = &store->database;
        sqlite3_stmt *statement = database_statement(database, SYNC_STATE);
        cookie[0] = 0;
        *full_s = 0;
        *unsettled = false;
        int r = database_step(database, statement);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        size_t len = text ? strlen(text) : 0;
        if (len <= SYNC_COOKIE_MAX && sqlite3_column_int64(statement, 1) == (int64_t)basis && sqlite3_column_int64(statement, 2) != 0 && len > 0)
                memcpy(cookie, text, len + 1);
        int64_t seconds = sqlite3_column_int64(statement, 3);
        *full_s = seconds > 0 ? (uint64_t)seconds : 0;
        *unsettled = sqlite3_column_int64(statement, 4) != 0;
        database_reset(statement);
        return 0;
}

int store_find(struct store *store, enum store_statement which, const char *name, int64_t *id) {
        sqlite3_stmt *statement = database_statement(&store->database, which);
        database_bind_text(&store->database, statement, 1, name);
        int r = database_step(&store->database, statement);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        int64_t found = sqlite3_column_int64(statement, 0);
        r = database_step(&store->database, statement);
        if (r < 0)
                return r;
        database_reset(statement);
        if (r > 0)
                return -ENOTUNIQ;
        *id = found;
        return 0;
}

/* Copies a column that must fit: what does not is not ours, and a cut text would be another one. */
static int copy_column(struct store *store, sqlite3_stmt *statement, int column, char *out, size_t size) {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        size_t len = text ? (size_t)sqlite3_column_bytes(statement, column) : 0;
        if (len >= size || (len > 0 && memchr(text, 0, len)))
                return database_refuse(&store->database, -EBADMSG, "a text in it is longer than it can be");
        if (len > 0)
                memcpy(out, text, len);
        out[len] = 0;
        return 0;
}

static int read_login(struct store *store, sqlite3_stmt *statement, struct store_login *login) {
        login->synchronised_s = complete_s(store, statement, 0);
        if (sqlite3_column_type(statement, 1) == SQLITE_NULL)
                return -ENOENT;
        int r = copy_column(store, statement, 2, login->entry_id, sizeof login->entry_id);
        if (r == 0 && !login->entry_id[0])
                r = database_refuse(&store->database, -EBADMSG, "an entry in it has no id");
        if (r == 0)
                r = copy_column(store, statement, 5, login->hash, sizeof login->hash);
        if (r == 0)
                r = copy_column(store, statement, 6, login->dn, sizeof login->dn);
        if (r == 0)
                r = copy_column(store, statement, 7, login->external_id, sizeof login->external_id);
        login->active = sqlite3_column_int(statement, 3) == 1;
        login->must_change = sqlite3_column_int(statement, 4) != 0;
        return r;
}

int store_login_by_name(struct store *store, const char *name, struct store_login *login) {
        struct store_login found = { 0 };
        sqlite3_stmt *statement = database_statement(&store->database, STORE_LOGIN);
        database_bind_text(&store->database, statement, 1, name);
        int r = database_step(&store->database, statement);
        if (r == 0)
                r = database_refuse(&store->database, -EBADMSG, "it does not say whose store it is");
        if (r > 0)
                r = read_login(store, statement, &found);
        if (r == 0)
                r = database_step(&store->database, statement) == 1 ? -ENOTUNIQ : 0;
        database_reset(statement);
        *login = r == 0 ? found : (struct store_login){ .synchronised_s = r == -ENOENT || r == -ENOTUNIQ ? found.synchronised_s : 0 };
        explicit_bzero(&found, sizeof found);
        return r;
}

int store_name_by_external_id(struct store *store, const char *external_id, char **name) {
        sqlite3_stmt *statement = database_statement(&store->database, STORE_BY_EXTERNAL_ID);
        database_bind_text(&store->database, statement, 1, external_id);
        int r = database_step(&store->database, statement);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        const char *found = (const char *)sqlite3_column_text(statement, 0);
        char *copy = found ? strdup(found) : NULL;
        database_reset(statement);
        if (!copy)
                return -ENOMEM;
        *name = copy;
        return 0;
}

int store_imported_groups(struct store *store, const char *user, store_imported_fn each, void *userdata) {
        sqlite3_stmt *statement = database_statement(&store->database, STORE_IMPORTED_GROUPS);
        database_bind_text(&store->database, statement, 1, user);
        int r;
        while ((r = database_step(&store->database, statement)) > 0) {
                const char *name = (const char *)sqlite3_column_text(statement, 0), *external_id = (const char *)sqlite3_column_text(statement, 1);
                r = name && external_id ? each(userdata, name, external_id, sqlite3_column_int(statement, 2) == 1) : -ENOMEM;
                if (r != 0)
                        break;
        }
        database_reset(statement);
        return r;
}
