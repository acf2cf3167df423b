/* The id registry and the record of logins on disk (I2, I5).
 * Relies on: cmocka; unit/store_fault.
 * Must never: leave its folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>

#include "model/registry.h"
#include "replica/logins.h"
#include "replica/registry_store.h"
#include "unit/store_fault.h"
#include "unit/store_help.h"

static char folder[64];

static int setup(void **state) {
        help_folder(folder, sizeof folder);
        return 0;
}

static int teardown(void **state) {
        fault_arm(FAULT_NONE, 0, 0);
        help_remove_folder(folder);
        return 0;
}

static const struct registry_row rows[] = {
        { NAME_OF_USER, "anna", "staff", "a", 1900000001, true },
        { NAME_OF_USER, "bert", "staff", "b", 1900000002, true },
        { NAME_OF_GROUP, "anna", "staff", "", 1900000001, true },
        { NAME_OF_USER, "anna", "customers", "c", 1900000003, true }, /* accepted: the name has another owner now */
        { NAME_OF_USER, "carl", "staff", "a", 1900000001, true },     /* renamed: the entry keeps its id */
};

static void put_all(struct registry *registry) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_int_equal(registry_put(registry, &rows[i]), 0);
}

static void expect_row(const struct registry_row *row, const char *name, const char *directory, const char *entry_id, uint32_t id) {
        assert_non_null(row);
        assert_string_equal(row->name, name);
        assert_string_equal(row->directory, directory);
        assert_string_equal(row->entry_id, entry_id);
        assert_int_equal(row->id, id);
}

static void expect_all(const struct registry *registry) {
        expect_row(registry_by_name(registry, NAME_OF_USER, "ANNA"), "anna", "customers", "c", 1900000003);
        expect_row(registry_by_name(registry, NAME_OF_GROUP, "anna"), "anna", "staff", "", 1900000001);
        expect_row(registry_by_name(registry, NAME_OF_USER, "carl"), "carl", "staff", "a", 1900000001);
        expect_row(registry_by_id(registry, NAME_OF_USER, 1900000001), "carl", "staff", "a", 1900000001);
        expect_row(registry_by_entry(registry, NAME_OF_USER, "staff", "a"), "carl", "staff", "a", 1900000001);
        expect_row(registry_by_id(registry, NAME_OF_USER, 1900000002), "bert", "staff", "b", 1900000002);
        assert_null(registry_by_id(registry, NAME_OF_USER, 1900000009));
}

static struct registry *load(struct registry_store *store) {
        struct registry *registry = NULL;
        assert_int_equal(registry_store_load(store, &registry), 0);
        assert_int_equal(registry_pending_count(registry), 0);
        return registry;
}

static struct registry_store *open_registry(void) {
        struct registry_store *store = NULL;
        assert_int_equal(registry_store_open(folder, &store), 0);
        return store;
}

static void what_was_saved_comes_back(void **state) {
        struct registry_store *store = open_registry();
        struct registry *registry = load(store);
        put_all(registry);
        expect_all(registry);
        assert_int_equal(registry_store_save(store, registry), 0);
        assert_int_equal(registry_pending_count(registry), 0);
        assert_int_equal(registry_store_save(store, registry), 0);
        registry_free(registry);
        registry_store_close(store);
        store = open_registry();
        registry = load(store);
        expect_all(registry);
        assert_int_equal(registry_put(registry, &(struct registry_row){ NAME_OF_USER, "dora", "staff", "d", 1900000004, true }), 0);
        assert_int_equal(registry_store_save(store, registry), 0);
        registry_free(registry);
        registry = load(store);
        expect_all(registry);
        expect_row(registry_by_name(registry, NAME_OF_USER, "dora"), "dora", "staff", "d", 1900000004);
        registry_free(registry);
        registry_store_close(store);
}

/* On a failure nothing is marked as saved, and nothing is on disk; later it can be saved after all. */
static void a_full_disk_at_every_write(void **state) {
        int r = -ENOSPC;
        for (unsigned nth = 1; r < 0; nth++) {
                struct registry_store *store = open_registry();
                struct registry *registry = load(store), *again;
                size_t before = registry_pending_count(registry);
                put_all(registry);
                fault_arm(FAULT_FULL, nth, 0);
                r = registry_store_save(store, registry);
                fault_arm(FAULT_NONE, 0, 0);
                if (r < 0) {
                        assert_int_equal(r, -ENOSPC);
                        assert_int_equal(registry_pending_count(registry), before + ARRAY_SIZE(rows));
                        again = load(store);
                        assert_null(registry_by_name(again, NAME_OF_USER, "anna"));
                        registry_free(again);
                        assert_int_equal(registry_store_save(store, registry), 0);
                }
                registry_free(registry);
                again = load(store);
                expect_all(again);
                registry_free(again);
                registry_store_close(store);
                teardown(NULL);
                setup(NULL);
                assert_true(nth < 50);
        }
}

static void run_sql(const char *name, const char *sql) {
        char path[128];
        sqlite3 *handle = NULL;
        (void)snprintf(path, sizeof path, "%s/%s.db", folder, name);
        assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(handle);
}

/* A row that says nothing is damage: to skip it could give its id away again. */
static const char *const damages[] = {
        "INSERT INTO ids (kind, name, directory, entry_id, id) VALUES (7, 'x', 'd', 'e', 5000)",
        "INSERT INTO ids (kind, name, directory, entry_id, id) VALUES (0, '', 'd', 'e', 5000)",
        "INSERT INTO ids (kind, name, directory, entry_id, id) VALUES (0, 'x', 'd', 'e', 0)",
        "INSERT INTO ids (kind, name, directory, entry_id, id) VALUES (0, 'x', 'd', 'e', 4294967296000)",
        "INSERT INTO ids (kind, name, directory, entry_id, id) VALUES (0, 'x', 'd', 'e', -1)",
};

static void damaged_rows_are_refused(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
                struct registry *registry = NULL;
                registry_store_close(open_registry());
                run_sql("ids", damages[i]);
                struct registry_store *store = open_registry();
                assert_int_equal(registry_store_load(store, &registry), -EBADMSG);
                assert_null(registry);
                registry_store_close(store);
                run_sql("ids", "DELETE FROM ids");
        }
}

static void the_files_are_not_each_others(void **state) {
        struct logins *logins = NULL;
        char from[128], to[128];
        registry_store_close(open_registry());
        (void)snprintf(from, sizeof from, "%s/ids.db", folder);
        (void)snprintf(to, sizeof to, "%s/logins.db", folder);
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(logins_open(folder, &logins), -EBADMSG);
        assert_null(logins);
}

static void expect_login(const char *sql, const char *expected) {
        char path[128];
        sqlite3 *handle = NULL;
        sqlite3_stmt *statement = NULL;
        (void)snprintf(path, sizeof path, "%s/logins.db", folder);
        assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_string_equal(sqlite3_column_text(statement, 0), expected);
        (void)sqlite3_finalize(statement);
        sqlite3_close(handle);
}

static void logins_keep_the_first_and_the_last(void **state) {
        struct logins *logins = NULL;
        assert_int_equal(logins_open(folder, &logins), 0);
        assert_int_equal(logins_record(logins, "host", "staff", "a", "anna", "sshd", 1000), 0);
        assert_int_equal(logins_record(logins, "host", "staff", "a", "anna", "sudo", 2000), 0);
        assert_int_equal(logins_record(logins, "host", "staff", "a", "ann", "login", 1500), 0); /* the clock went back */
        assert_int_equal(logins_record(logins, "ssh", "staff", "a", "anna", "sshd", 3000), 0);
        logins_close(logins);
        expect_login("SELECT group_concat(application || ' ' || user || ' ' || first_s || ' ' || last_s || ' ' || last_service)"
                     " FROM (SELECT * FROM logins ORDER BY application)", "host ann 1000 2000 sudo,ssh anna 3000 3000 sshd");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_was_saved_comes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(a_full_disk_at_every_write, setup, teardown),
                cmocka_unit_test_setup_teardown(damaged_rows_are_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(the_files_are_not_each_others, setup, teardown),
                cmocka_unit_test_setup_teardown(logins_keep_the_first_and_the_last, setup, teardown),
        };
        fault_install();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
