/* Delegated directories; see keeper/delegated.h. */
#include "multidird/keeper/delegated.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* The unique index of the store says whether the entry is another user's already: asked by writing, in a transaction that a dry run gives up. */
static int write_record(struct store *store, const struct protocol_record *record) {
        const struct store_user user = { .external_id = record->external_id };
        int r = store_begin(store);
        if (r < 0)
                return r;
        r = store_modify_user(store, record->user, &user);
        if (r == 0 && !record->dry)
                return store_commit(store);
        store_rollback(store);
        return r;
}

/* Under the name there may be another entry by now than the one whose password was checked. */
static enum record_state put_on_record(struct store *store, const struct protocol_record *record) {
        struct store_login login;
        int r = store_login_by_name(store, record->user, &login);
        bool same_user = r == 0 && strcmp(login.entry_id, record->entry_id) == 0;
        enum record_state before = !login.external_id[0] ? RECORD_NONE : strcmp(login.external_id, record->external_id) == 0 ? RECORD_SAME : RECORD_OTHER;
        explicit_bzero(login.hash, sizeof login.hash);
        if (!same_user)
                return RECORD_UNKNOWN;
        if (before != RECORD_NONE)
                return before;
        r = write_record(store, record);
        if (r < 0 && r != -EEXIST)
                log_error("the server's entry of user %s cannot be put on record: %s (%s)", record->user, strerror(-r), store_error(store));
        return r == 0 ? RECORD_SAME : r == -EEXIST ? RECORD_OTHER : RECORD_UNKNOWN;
}

enum record_state keeper_record(struct keeper *keeper, const struct protocol_record *record) {
        size_t directory = keeper->config ? settings_directory(keeper_settings(keeper), record->directory) : SETTINGS_NONE;
        if (directory == SETTINGS_NONE || keeper->directories[directory].type != DIRECTORY_DELEGATED)
                return RECORD_UNKNOWN;
        keeper_refresh(keeper);
        struct store *store = keeper->directories[directory].store;
        return store && record->external_id[0] ? put_on_record(store, record) : RECORD_UNKNOWN;
}
