/* Internal directories (D1): the store on this host is the directory itself.
 * Relies on: replica/store, opened read-only; directory/password.
 * Must never: write; answer faster for a name that is not there, has no password or an old kind of hash (L9). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "directory/directory.h"
#include "directory/password.h"
#include "replica/store.h"

struct directory {
        struct store *store;
        bool can_change; /* L7: a must-change password can be changed here */
};

static int internal_open(const struct directory_opening *opening, struct directory **result) {
        const struct directory_settings *settings = opening->settings;
        _cleanup_free_ struct directory *directory = calloc(1, sizeof *directory);
        if (!directory)
                return -ENOMEM;
        int r = store_open(opening->stores, settings->name, DIRECTORY_INTERNAL, STORE_READ_ONLY, &directory->store);
        if (r < 0)
                return r;
        directory->can_change = settings->permissions & PERMISSION_BIT(PERMISSION_MODIFY_USER);
        *result = TAKE_PTR(directory);
        return 0;
}

static void internal_close(struct directory *directory) {
        if (!directory)
                return;
        store_close(directory->store);
        free(directory);
}

static void login_wipe(struct store_login *login) {
        explicit_bzero(login, sizeof *login);
}

/* Reads the entry. An ambiguous name (N2) is found, but is nobody: no id, not active, no hash. */
static void look_up(struct directory *directory, const char *user, struct store_login *login, struct directory_entry *entry) {
        *entry = (struct directory_entry){ 0 };
        int r = store_login_by_name(directory->store, user, login);
        if (r == -ENOENT)
                entry->presence = PRESENCE_NOT_FOUND;
        if (r == -ENOTUNIQ)
                entry->presence = PRESENCE_FOUND;
        if (r < 0)
                return;
        entry->presence = PRESENCE_FOUND;
        entry->active = login->active;
        memcpy(entry->entry_id, login->entry_id, sizeof entry->entry_id);
}

static void internal_find(struct directory *directory, const char *user, struct directory_entry *entry) {
        _cleanup_(login_wipe) struct store_login login = { 0 };
        look_up(directory, user, &login, entry);
}

static void internal_check_dummy(_unused_ struct directory *directory, const struct secret *password) {
        password_dummy(password);
}

static enum password_result result_of(const struct directory *directory, const struct store_login *login, enum password_answer answer) {
        if (answer == PASSWORD_ANSWER_NONE)
                return CHECK_UNAVAILABLE;
        if (answer != PASSWORD_ANSWER_RIGHT)
                return CHECK_WRONG;
        if (login->must_change)
                return directory->can_change ? CHECK_MUST_CHANGE : CHECK_EXPIRED;
        return CHECK_RIGHT;
}

/* Every answer but "unavailable" has cost at least one default hash. A cheaper method pays the dummy on top, right or wrong;
 * a dearer one stays dearer. */
static enum password_result internal_check(struct directory *directory, const char *user, const struct secret *password,
                                           struct directory_entry *entry) {
        _cleanup_(login_wipe) struct store_login login = { 0 };
        look_up(directory, user, &login, entry);
        if (entry->presence == PRESENCE_UNAVAILABLE)
                return CHECK_UNAVAILABLE;
        bool costly = password->len <= PASSWORD_BYTES_MAX && password_costs_default(login.hash) &&
                      password_hash_is_usable(login.hash, NULL);
        if (!costly)
                password_dummy(password);
        if (entry->presence == PRESENCE_NOT_FOUND)
                return CHECK_NOT_FOUND;
        return result_of(directory, &login, password_check(password, login.hash));
}

const struct directory_kind directory_internal = {
        .type = DIRECTORY_INTERNAL,
        .name = "internal",
        .open = internal_open,
        .close = internal_close,
        .find = internal_find,
        .check = internal_check,
        .check_dummy = internal_check_dummy,
};
