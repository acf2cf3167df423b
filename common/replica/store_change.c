/* Changes to the store of one directory: transactions and users; see store.h.
 * Relies on: replica/store_internal.
 * Must never: answer 0 for what is not on the disk; leave half a change in a transaction that can still be committed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/sbuf.h"
#include "replica/store_internal.h"
#include "replica/store_rows.h"

static int transaction_open(struct store *store) {
        struct database *database = &store->database;
        if (!database->writable)
                return database_refuse(database, -EROFS, "opened for reading");
        int r = database_begin(database);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(database, STORE_NEXT_IDS);
        r = database_step(database, statement);
        if (r <= 0) {
                database_rollback(database);
                return r < 0 ? r : -EBADMSG;
        }
        store->next_user = sqlite3_column_int64(statement, 0);
        store->next_group = sqlite3_column_int64(statement, 1);
        database_reset(statement);
        store->changed = store->has_gone = false;
        return 0;
}

/* The memberships of the users that this transaction removed, in one sweep over all. */
static int sweep(struct store *store) {
        struct database *database = &store->database;
        sqlite3_stmt *statement = database_statement(database, STORE_GONE_BOUNDS);
        int r = database_step(database, statement);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        int64_t lowest = sqlite3_column_int64(statement, 0), highest = sqlite3_column_int64(statement, 1);
        database_reset(statement);
        statement = database_statement(database, STORE_SWEEP_MEMBERS);
        database_bind_number(database, statement, 1, lowest);
        database_bind_number(database, statement, 2, highest);
        r = database_run(database, statement, NULL);
        return r < 0 ? r : database_run(database, database_statement(database, STORE_FORGET_GONE), NULL);
}

static int transaction_commit(struct store *store) {
        struct database *database = &store->database;
        int r = 0;
        if (store->has_gone)
                r = sweep(store);
        if (r == 0 && store->changed)
                r = database_run(database, database_statement(database, STORE_BUMP_REVISION), NULL);
        if (r < 0) {
                database_rollback(database);
                return r;
        }
        r = database_commit(database);
        if (r == 0 && store->changed)
                store_touch_revision(store);
        return r;
}

int store_begin(struct store *store) {
        if (store->explicit_transaction)
                return -EBUSY;
        int r = transaction_open(store);
        if (r < 0)
                return r;
        store->explicit_transaction = true;
        store->failed = 0;
        return 0;
}

int store_commit(struct store *store) {
        if (!store->explicit_transaction)
                return -EINVAL;
        int r = store->failed;
        if (r == 0)
                r = transaction_commit(store);
        else
                database_rollback(&store->database);
        store->explicit_transaction = false;
        (void)sqlite3_db_release_memory(store->database.handle);
        return r;
}

void store_rollback(struct store *store) {
        database_rollback(&store->database);
        store->explicit_transaction = false;
}

int change_begin(struct store *store) {
        if (store->explicit_transaction && store->failed < 0)
                return store->failed;
        int r = store->explicit_transaction ? 0 : transaction_open(store);
        store->total_changes = sqlite3_total_changes(store->database.handle);
        return r;
}

static bool is_refusal(int result) {
        return result == -EINVAL || result == -EEXIST || result == -ENOENT || result == -ENOTUNIQ;
}

int change_end(struct store *store, int result) {
        bool wrote = sqlite3_total_changes(store->database.handle) != store->total_changes;
        store->changed |= wrote;
        if (!store->explicit_transaction) {
                if (result == 0)
                        return transaction_commit(store);
                database_rollback(&store->database);
                return result;
        }
        if (result < 0 && store->failed == 0 && (wrote || !is_refusal(result) || !database_in_transaction(&store->database))) {
                database_rollback(&store->database);
                store->failed = result;
        }
        return result;
}

int store_entry_id(const char *entry_id, char out[64]) {
        unsigned char b[16];
        if (entry_id) {
                size_t len = strlen(entry_id);
                if (len < 1 || len > 63)
                        return -EINVAL;
                memcpy(out, entry_id, len + 1);
                return 0;
        }
        if (getrandom(b, sizeof b, 0) != sizeof b)
                return -EIO;
        b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
        b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
        (void)snprintf(out, 64, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
                       b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
        return 0;
}

/* What can be refused before anything is written: a hash that would not fit a login, attributes that are not KEY=VALUE or would
 * not be one line. */
static int check_user(struct store *store, const struct store_user *user) {
        if (user->hash && strlen(user->hash) >= sizeof ((struct store_login *)NULL)->hash)
                return database_refuse(&store->database, -EINVAL, "the hash is too long");
        if (user->external_id && (!*user->external_id || strlen(user->external_id) > SYNC_ENTRY_ID_MAX))
                return database_refuse(&store->database, -EINVAL, "an external id is empty or too long");
        for (size_t i = 0; i < user->attribute_count; i++) {
                const char *attribute = user->attributes[i], *equals = attribute ? strchr(attribute, '=') : NULL;
                if (!equals || equals == attribute || strpbrk(attribute, "\r\n"))
                        return database_refuse(&store->database, -EINVAL, "an attribute must be KEY=VALUE, one line");
        }
        return 0;
}

/* Binds what STORE_INSERT_USER and STORE_UPDATE_USER share; NULL leaves the column alone, or gives its default. */
static void bind_user(struct database *database, sqlite3_stmt *statement, int64_t id, const struct store_user *user) {
        database_bind_number(database, statement, 1, id);
        database_bind_text(database, statement, 4, user->display_name);
        database_bind_text(database, statement, 5, user->email);
        database_bind_text(database, statement, 6, user->home);
        database_bind_text(database, statement, 7, user->shell);
        database_bind_text(database, statement, 8, user->ssh_keys);
        if (user->has_uid)
                database_bind_number(database, statement, 9, user->uid);
        if (user->has_gid)
                database_bind_number(database, statement, 10, user->gid);
        if (user->has_active)
                database_bind_number(database, statement, 11, user->active);
        if (user->has_must_change)
                database_bind_number(database, statement, 12, user->must_change);
        database_bind_text(database, statement, 13, user->external_id);
}

static int set_hash(struct database *database, int64_t id, const char *hash) {
        if (!hash)
                return 0;
        sqlite3_stmt *statement = database_statement(database, *hash ? STORE_SET_HASH : STORE_DELETE_HASH);
        database_bind_number(database, statement, 1, id);
        if (*hash)
                database_bind_text(database, statement, 2, hash);
        return database_run(database, statement, NULL);
}

static int set_attribute(struct database *database, int64_t id, const char *attribute) {
        size_t key_len = strcspn(attribute, "=");
        const char *value = attribute[key_len] ? attribute + key_len + 1 : "";
        _cleanup_free_ char *key = strndup(attribute, key_len);
        if (!key)
                return -ENOMEM;
        sqlite3_stmt *statement = database_statement(database, *value ? STORE_SET_ATTRIBUTE : STORE_DELETE_ATTRIBUTE);
        database_bind_number(database, statement, 1, id);
        database_bind_text(database, statement, 2, key);
        if (*value)
                database_bind_text(database, statement, 3, value);
        int r = database_run(database, statement, NULL);
        database_reset(statement);
        return r;
}

static int set_extras(struct store *store, int64_t id, const struct store_user *user) {
        int r = set_hash(&store->database, id, user->hash);
        for (size_t i = 0; r == 0 && i < user->attribute_count; i++)
                r = set_attribute(&store->database, id, user->attributes[i]);
        return r;
}

static int add_user(struct store *store, const struct store_user *user) {
        char entry_id[64];
        if (!user->name || !*user->name)
                return database_refuse(&store->database, -EINVAL, "a user needs a name");
        int r = check_user(store, user);
        if (r == 0)
                r = store_entry_id(user->entry_id, entry_id);
        if (r < 0)
                return r;
        int64_t id = store->next_user;
        sqlite3_stmt *statement = database_statement(&store->database, STORE_INSERT_USER);
        bind_user(&store->database, statement, id, user);
        database_bind_text(&store->database, statement, 2, user->name);
        database_bind_text(&store->database, statement, 3, entry_id);
        r = database_run(&store->database, statement, NULL);
        if (r < 0)
                return r;
        store->next_user++;
        store_touch_user(store, id);
        return set_extras(store, id, user);
}

int store_add_user(struct store *store, const struct store_user *user) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, add_user(store, user));
}

static int modify_user(struct store *store, const char *name, const struct store_user *user) {
        int64_t id = 0;
        int r = check_user(store, user);
        if (r == 0)
                r = store_find(store, STORE_FIND_USER, name, &id);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(&store->database, STORE_UPDATE_USER);
        bind_user(&store->database, statement, id, user);
        store_touch_user(store, id);
        r = database_run(&store->database, statement, NULL);
        return r < 0 ? r : set_extras(store, id, user);
}

int store_modify_user(struct store *store, const char *name, const struct store_user *user) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, modify_user(store, name, user));
}

static int rename_user(struct store *store, const char *name, const char *new_name) {
        int64_t id = 0;
        if (!*new_name)
                return database_refuse(&store->database, -EINVAL, "a user needs a name");
        int r = store_find(store, STORE_FIND_USER, name, &id);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(&store->database, STORE_RENAME_USER);
        database_bind_number(&store->database, statement, 1, id);
        database_bind_text(&store->database, statement, 2, new_name);
        store_touch_user(store, id);
        return database_run(&store->database, statement, NULL);
}

int store_rename_user(struct store *store, const char *name, const char *new_name) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, rename_user(store, name, new_name));
}

static int remove_user(struct store *store, const char *name) {
        static const enum store_statement steps[] = {
                STORE_DELETE_USER, STORE_DELETE_HASH, STORE_DELETE_ATTRIBUTES, STORE_NOTE_GONE,
        };
        int64_t id = 0;
        int r = store_find(store, STORE_FIND_USER, name, &id);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++) {
                sqlite3_stmt *statement = database_statement(&store->database, steps[i]);
                database_bind_number(&store->database, statement, 1, id);
                r = database_run(&store->database, statement, NULL);
        }
        if (r == 0)
                store->has_gone = true;
        if (r == 0)
                store_touch_user(store, id);
        return r;
}

int store_remove_user(struct store *store, const char *name) {
        int r = change_begin(store);
        return r < 0 ? r : change_end(store, remove_user(store, name));
}

int store_user_attributes(struct store *store, const char *name, char **lines) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        int64_t id = 0;
        int r = store_find(store, STORE_FIND_USER, name, &id);
        if (r < 0)
                return r;
        sqlite3_stmt *statement = database_statement(&store->database, STORE_ATTRIBUTES);
        database_bind_number(&store->database, statement, 1, id);
        while ((r = database_step(&store->database, statement)) > 0) {
                const char *key = (const char *)sqlite3_column_text(statement, 0), *value = (const char *)sqlite3_column_text(statement, 1);
                sbuf_printf(&text, "%s=%s\n", key ? key : "", value ? value : "");
        }
        if (r < 0)
                return r;
        char *taken = sbuf_take(&text);
        if (!taken)
                return -ENOMEM;
        *lines = taken;
        return 0;
}
