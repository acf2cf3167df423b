/* The internal directory behind the one interface: what it finds, and what it says of a password (D1, L3, L7, L9, N2).
 * Relies on: cmocka; a temporary folder.
 * Must never: leave that folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <time.h>

#include "directory/directory.h"
#include "directory/password.h"
#include "replica/store.h"
#include "unit/store_help.h"

#define OPENWALL "$y$j9T$AAt9R641xPvCI9nXw1HHW/$cuQRBMN3N/f8IcmVN.4YrZ1bHMOiLOoz9/XQMKV/v0A"
#define OLD_HELLO "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"

static char folder[64];
static struct store *store;
static struct directory *directory;
static struct directory_settings settings = { .name = "staff", .type = DIRECTORY_INTERNAL, .permissions = PERMISSIONS_ALL };

static int setup(void **state) {
        help_folder(folder, sizeof folder);
        assert_int_equal(store_open(folder, "staff", DIRECTORY_INTERNAL, STORE_READ_WRITE, &store), 0);
        const struct store_user users[] = {
                { .name = "Anna", .entry_id = "a", .hash = OPENWALL },
                { .name = "off", .entry_id = "o", .hash = OPENWALL, .has_active = true },
                { .name = "none", .entry_id = "n" },
                { .name = "locked", .entry_id = "l", .hash = "!" OPENWALL },
                { .name = "must", .entry_id = "m", .hash = OPENWALL, .has_must_change = true, .must_change = true },
                { .name = "old", .entry_id = "d", .hash = OLD_HELLO },
        };
        for (size_t i = 0; i < ARRAY_SIZE(users); i++)
                assert_int_equal(store_add_user(store, &users[i]), 0);
        return directory_internal.open(&(struct directory_opening){ .settings = &settings, .stores = folder }, &directory);
}

static int teardown(void **state) {
        directory_internal.close(directory);
        store_close(store);
        help_remove_folder(folder);
        return 0;
}

static const struct {
        const char *rule, *user, *password;
        enum password_result result;
        enum presence presence;
        const char *entry_id;
        bool active;
} rows[] = {
        { "L1 right", "Anna", "openwall", CHECK_RIGHT, PRESENCE_FOUND, "a", true },
        { "N1 in any case", "ANNA", "openwall", CHECK_RIGHT, PRESENCE_FOUND, "a", true },
        { "L1 wrong", "anna", "Openwall", CHECK_WRONG, PRESENCE_FOUND, "a", true },
        { "L3 inactive is told, not decided", "off", "openwall", CHECK_RIGHT, PRESENCE_FOUND, "o", false },
        { "no password was ever set", "none", "openwall", CHECK_WRONG, PRESENCE_FOUND, "n", true },
        { "L8 nor does an empty one open it", "none", "", CHECK_WRONG, PRESENCE_FOUND, "n", true },
        { "a locked hash", "locked", "openwall", CHECK_WRONG, PRESENCE_FOUND, "l", true },
        { "L7 must change", "must", "openwall", CHECK_MUST_CHANGE, PRESENCE_FOUND, "m", true },
        { "L7 only a right password reveals it", "must", "x", CHECK_WRONG, PRESENCE_FOUND, "m", true },
        { "an imported hash of another method", "old", "Hello world!", CHECK_RIGHT, PRESENCE_FOUND, "d", true },
        { "nobody", "nobody", "openwall", CHECK_NOT_FOUND, PRESENCE_NOT_FOUND, "", false },
        { "SQL is not a name", "x' OR '1'='1", "openwall", CHECK_NOT_FOUND, PRESENCE_NOT_FOUND, "", false },
        { "a pattern is not a name", "A%", "openwall", CHECK_NOT_FOUND, PRESENCE_NOT_FOUND, "", false },
};

static void each_row(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct secret password = { 0 };
                struct directory_entry found = { .active = true }, checked = { .active = true };
                assert_int_equal(secret_set(&password, rows[i].password, strlen(rows[i].password)), 0);
                directory_internal.find(directory, rows[i].user, &found);
                enum password_result result = directory_internal.check(directory, rows[i].user, &password, &checked);
                if (result != rows[i].result)
                        fail_msg("%s: %d", rows[i].rule, result);
                if (found.presence != rows[i].presence || checked.presence != rows[i].presence)
                        fail_msg("%s: presence %d, %d", rows[i].rule, found.presence, checked.presence);
                if (strcmp(found.entry_id, rows[i].entry_id) != 0 || strcmp(checked.entry_id, rows[i].entry_id) != 0)
                        fail_msg("%s: entry %s, %s", rows[i].rule, found.entry_id, checked.entry_id);
                if (found.active != rows[i].active || checked.active != rows[i].active)
                        fail_msg("%s: the active flag", rows[i].rule);
        }
}

static double cpu_ms(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* L9: no name may answer sooner than a wrong password for a user who has the default hash. */
static void every_answer_costs_a_hash(void **state) {
        static const char *const users[] = { "anna", "nobody", "none", "locked", "off", "must", "old" };
        double best[ARRAY_SIZE(users)];
        struct secret password = { 0 };
        assert_int_equal(secret_set(&password, "guess", 5), 0);
        for (size_t u = 0; u < ARRAY_SIZE(users); u++)
                best[u] = 1e9;
        for (int i = 0; i < 5; i++) {
                for (size_t u = 0; u < ARRAY_SIZE(users); u++) {
                        struct directory_entry entry;
                        double start = cpu_ms();
                        (void)directory_internal.check(directory, users[u], &password, &entry);
                        double spent = cpu_ms() - start;
                        best[u] = spent < best[u] ? spent : best[u];
                }
        }
        for (size_t u = 1; u < ARRAY_SIZE(users); u++)
                if (best[u] < best[0] * 0.8 || best[u] > best[0] * 1.4)
                        fail_msg("%s costs %.1f ms, %s %.1f ms", users[u], best[u], users[0], best[0]);
}

static void changes_are_seen_at_once(void **state) {
        struct directory_entry entry;
        directory_internal.find(directory, "new", &entry);
        assert_int_equal(entry.presence, PRESENCE_NOT_FOUND);
        assert_int_equal(store_add_user(store, &(struct store_user){ .name = "new", .entry_id = "w" }), 0);
        directory_internal.find(directory, "NEW", &entry);
        assert_int_equal(entry.presence, PRESENCE_FOUND);
        assert_int_equal(store_remove_user(store, "new"), 0);
        directory_internal.find(directory, "new", &entry);
        assert_int_equal(entry.presence, PRESENCE_NOT_FOUND);
}

/* L7: where the directory does not let itself be changed, an expired password cannot be. */
static void expired_where_nothing_changes(void **state) {
        struct directory_settings fixed = settings;
        struct directory *read_only = NULL;
        struct directory_entry entry;
        struct secret password = { 0 };
        fixed.permissions = PERMISSIONS_READ_ONLY;
        assert_int_equal(secret_set(&password, "openwall", 8), 0);
        assert_int_equal(directory_internal.open(&(struct directory_opening){ .settings = &fixed, .stores = folder }, &read_only), 0);
        assert_int_equal(directory_internal.check(read_only, "must", &password, &entry), CHECK_EXPIRED);
        directory_internal.close(read_only);
}

static void damage_is_unavailable(void **state) {
        char path[128];
        sqlite3 *handle = NULL;
        struct directory_entry entry = { .presence = PRESENCE_FOUND };
        struct secret password = { 0 };
        assert_int_equal(secret_set(&password, "openwall", 8), 0);
        (void)snprintf(path, sizeof path, "%s/staff.db", folder);
        assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, "DROP TABLE passwords", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(handle);
        directory_internal.find(directory, "anna", &entry);
        assert_int_equal(entry.presence, PRESENCE_UNAVAILABLE);
        assert_int_equal(directory_internal.check(directory, "anna", &password, &entry), CHECK_UNAVAILABLE);
}

static void kinds(void **state) {
        struct directory *none = NULL;
        struct directory_settings missing = settings;
        missing.name = "missing";
        assert_ptr_equal(directory_kind_for(DIRECTORY_INTERNAL), &directory_internal);
        assert_ptr_equal(directory_kind_for(DIRECTORY_LDAP), &directory_ldap);
        assert_null(directory_kind_for(DIRECTORY_CROWD));
        assert_null(directory_kind_for(DIRECTORY_TYPE_NONE));
        assert_int_equal(directory_type_from_name("internal"), DIRECTORY_INTERNAL);
        assert_int_equal(directory_type_from_name("ldap"), DIRECTORY_LDAP);
        assert_int_equal(directory_type_from_name("delegated"), DIRECTORY_DELEGATED);
        assert_int_equal(directory_type_from_name("crowd"), DIRECTORY_TYPE_NONE);
        assert_string_equal(directory_kind_names(), "internal, ldap, delegated");
        assert_int_equal(directory_internal.open(&(struct directory_opening){ .settings = &missing, .stores = folder }, &none), -ENOENT);
        assert_null(none);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_row),
                cmocka_unit_test(every_answer_costs_a_hash),
                cmocka_unit_test(changes_are_seen_at_once),
                cmocka_unit_test(expired_where_nothing_changes),
                cmocka_unit_test(kinds),
                cmocka_unit_test(damage_is_unavailable), /* the last: it damages the store */
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
