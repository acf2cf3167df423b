/* A store that an earlier version of multidir left behind: what was in it is all there after the upgrade, wherever a power cut or a full disk meets it.
 * Relies on: cmocka; unit/store_fault.
 * Must never: take the former shape from sql.c: it is on other people's disks, and stands here as it was released. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "replica/store_sync.h"
#include "unit/store_fault.h"
#include "unit/store_help.h"

#define VERSION_1 \
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; BEGIN;" \
        "CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, type TEXT NOT NULL," \
        " revision INTEGER NOT NULL, synchronised_s INTEGER NOT NULL);" \
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, entry_id TEXT NOT NULL UNIQUE," \
        " display_name TEXT, email TEXT, home TEXT, shell TEXT, ssh_keys TEXT, sid TEXT," \
        " uid INTEGER NOT NULL DEFAULT 0, gid INTEGER NOT NULL DEFAULT 0, posix_primary INTEGER NOT NULL DEFAULT 0," \
        " active INTEGER NOT NULL DEFAULT 1, must_change INTEGER NOT NULL DEFAULT 0);" \
        "CREATE TABLE passwords (user INTEGER PRIMARY KEY, hash TEXT NOT NULL);" \
        "CREATE TABLE attributes (user INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL," \
        " PRIMARY KEY (user, key)) WITHOUT ROWID;" \
        "CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, entry_id TEXT NOT NULL UNIQUE," \
        " description TEXT, sid TEXT, gid INTEGER NOT NULL DEFAULT 0, active INTEGER NOT NULL DEFAULT 1);" \
        "CREATE TABLE members (grp INTEGER NOT NULL, user INTEGER NOT NULL, PRIMARY KEY (grp, user)) WITHOUT ROWID;" \
        "CREATE TABLE children (parent INTEGER NOT NULL, child INTEGER NOT NULL, PRIMARY KEY (parent, child)) WITHOUT ROWID;" \
        "CREATE %s INDEX users_name ON users (name); CREATE %s INDEX groups_name ON groups (name);" \
        "INSERT INTO store VALUES (1, 'staff', '%s', 41, %d);" \
        "INSERT INTO users (id, name, entry_id, display_name, email, home, shell, ssh_keys, sid, uid, gid, posix_primary, active, must_change) VALUES" \
        " (1, 'anna', 'a', 'Anna', 'a@x', '/home/anna', '/bin/sh', 'ssh-ed25519 AAAA', 'S-1-5-21-1', 4000, 4001, 1, 1, 1), (7, 'bert', 'b', NULL, NULL, NULL," \
        " NULL, NULL, NULL, 0, 0, 0, 0, 0);" \
        "INSERT INTO passwords VALUES (1, '$y$old'); INSERT INTO attributes VALUES (1, 'k', 'v');" \
        "INSERT INTO groups (id, name, entry_id, description, gid) VALUES (3, 'ops', 'g', 'd', 5000), (4, 'night', 'h', NULL, 0);" \
        "INSERT INTO members VALUES (3, 1), (3, 7); INSERT INTO children VALUES (3, 4);" \
        "PRAGMA application_id = 1296323412; PRAGMA user_version = 1; COMMIT"

static void former_store(const char *folder, bool is_internal) {
        char path[128], sql[4096];
        sqlite3 *handle = NULL;
        (void)snprintf(path, sizeof path, "%s/staff.db", folder);
        const char *unique = is_internal ? "UNIQUE" : "";
        int len = snprintf(sql, sizeof sql, VERSION_1, unique, unique, is_internal ? "internal" : "ldap", is_internal ? 0 : 777);
        assert_true(len > 0 && (size_t)len < sizeof sql);
        assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
        int keep = 1; /* the log stays after a close, as the service has it */
        assert_int_equal(sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keep), SQLITE_OK);
        assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

/* The next one kept where a server has the entries. */
static void second_store(const char *folder, bool is_internal) {
        char path[128];
        sqlite3 *handle = NULL;
        former_store(folder, is_internal);
        (void)snprintf(path, sizeof path, "%s/staff.db", folder);
        assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, "ALTER TABLE users ADD COLUMN dn TEXT; PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
        int keep = 1;
        assert_int_equal(sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keep), SQLITE_OK);
        assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

/* The last one before changes were taken in one by one. */
static void third_store(const char *folder, bool is_internal) {
        char path[128];
        sqlite3 *handle = NULL;
        second_store(folder, is_internal);
        (void)snprintf(path, sizeof path, "%s/staff.db", folder);
        assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, "ALTER TABLE users ADD COLUMN external_id TEXT; ALTER TABLE groups ADD COLUMN external_id TEXT; PRAGMA user_version = 3",
                                      NULL, NULL, NULL), SQLITE_OK);
        if (is_internal)
                assert_int_equal(sqlite3_exec(handle, "CREATE UNIQUE INDEX users_external ON users (external_id) WHERE external_id IS NOT NULL;"
                                              "CREATE UNIQUE INDEX groups_external ON groups (external_id) WHERE external_id IS NOT NULL;", NULL, NULL, NULL), SQLITE_OK);
        int keep = 1;
        assert_int_equal(sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keep), SQLITE_OK);
        assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static int open_staff(const char *folder, bool is_internal, enum store_mode mode, struct store **store) {
        return store_open(folder, "staff", is_internal ? DIRECTORY_INTERNAL : DIRECTORY_LDAP, mode, store);
}

static void expect_content(struct store *store, bool is_internal) {
        char text[256];
        struct store_login login;
        struct replica *replica = NULL;
        _cleanup_free_ char *lines = NULL;
        assert_int_equal(store_load(store, &replica), 0);
        help_users(replica, text, sizeof text);
        assert_string_equal(text, "anna:a:1 bert:b:0");
        help_edges(replica, text, sizeof text);
        assert_string_equal(text, "anna>ops bert>ops night>>ops");
        const struct replica_user *anna = &replica->users[replica_find_user(replica, "anna")];
        assert_true(anna->uid == 4000 && anna->gid == 4001 && anna->posix_primary);
        assert_string_equal(replica_text(replica, anna->ssh_keys), "ssh-ed25519 AAAA");
        assert_string_equal(replica_text(replica, anna->sid), "S-1-5-21-1");
        assert_int_equal(replica->revision, 41);
        assert_true(is_internal ? replica->synchronised_s > 777 : replica->synchronised_s == 777);
        replica_free(replica);
        assert_int_equal(store_login_by_name(store, "ANNA", &login), 0);
        assert_string_equal(login.hash, "$y$old");
        assert_true(login.must_change && login.active && !login.dn[0] && !login.external_id[0]);
        assert_int_equal(store_user_attributes(store, "anna", &lines), 0);
        assert_string_equal(lines, "k=v\n");
}

/* A reader waits for the keeper; the keeper upgrades, once; then both have it. */
static void upgrade(bool is_internal, void (*make)(const char *folder, bool is_internal)) {
        char folder[64];
        struct store *store = NULL, *reader = NULL;
        help_folder(folder, sizeof folder);
        make(folder, is_internal);
        assert_int_equal(open_staff(folder, is_internal, STORE_READ_ONLY, &reader), -EAGAIN);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(open_staff(folder, is_internal, STORE_READ_WRITE, &store), 0);
                expect_content(store, is_internal);
                assert_int_equal(open_staff(folder, is_internal, STORE_READ_ONLY, &reader), 0);
                expect_content(reader, is_internal);
                store_close(reader);
                store_close(store);
        }
        help_remove_folder(folder);
}

static void internal_stores(void **state) { (void)state; upgrade(true, former_store); }
static void synchronised_stores(void **state) { (void)state; upgrade(false, former_store); }
static void second_internal_stores(void **state) { (void)state; upgrade(true, second_store); }
static void second_synchronised_stores(void **state) { (void)state; upgrade(false, second_store); }
static void third_internal_stores(void **state) { (void)state; upgrade(true, third_store); }
static void third_synchronised_stores(void **state) { (void)state; upgrade(false, third_store); }

/* The first synchronisation after it fills in what the former version did not keep, and nothing else. */
static void then_synchronised(void **state) {
        (void)state;
        char folder[64];
        struct store *store = NULL;
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        struct store_login login;
        help_folder(folder, sizeof folder);
        former_store(folder, false);
        assert_int_equal(open_staff(folder, false, STORE_READ_WRITE, &store), 0);
        struct store_sync *sync = store_sync_new();
        const struct sync_sink *sink = store_sync_sink(sync);
        assert_int_equal(sink->user(sink->userdata, &(struct sync_user){ .name = "bert", .entry_id = "b", .dn = "cn=bert" }), 0);
        assert_int_equal(sink->user(sink->userdata, &(struct sync_user){ .name = "anna", .entry_id = "a", .dn = "cn=anna", .active = true }), 0);
        assert_int_equal(sink->group(sink->userdata, &(struct sync_group){ .name = "ops", .entry_id = "g", .active = true }), 0);
        assert_int_equal(store_sync_prepare(sync, store, &changes), 0);
        assert_true(changes.had_replica && changes.content && changes.lost_users == 0 && changes.lost_groups == 1);
        assert_int_equal(store_sync_commit(sync, 888, &replica), 0);
        assert_int_equal(replica->revision, 42);
        replica_free(replica);
        store_sync_free(sync);
        assert_int_equal(store_login_by_name(store, "bert", &login), 0);
        assert_string_equal(login.dn, "cn=bert");
        store_close(store);
        help_remove_folder(folder);
}

/* Opens it for writing while the nth write meets the mode. False: it went through. */
static bool upgrade_fails(const char *folder, enum fault_mode mode, unsigned nth) {
        struct store *store = NULL;
        if (mode == FAULT_FULL || mode == FAULT_BROKEN) {
                fault_arm(mode, nth, nth);
                int r = open_staff(folder, true, STORE_READ_WRITE, &store);
                store_close(store);
                fault_arm(FAULT_NONE, 0, 0);
                return r < 0;
        }
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                fault_arm(mode, nth, nth);
                _exit(open_staff(folder, true, STORE_READ_WRITE, &store) == 0 ? 0 : 3);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT));
        return WEXITSTATUS(status) == FAULT_EXIT;
}

static void interrupted(void **state) {
        (void)state;
        static const enum fault_mode modes[] = { FAULT_FULL, FAULT_BROKEN, FAULT_POWER_ALL, FAULT_POWER_SOME, FAULT_POWER_NONE };
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
                bool more = true;
                unsigned nth;
                for (nth = 1; more; nth++) {
                        char folder[64];
                        struct store *store = NULL;
                        help_folder(folder, sizeof folder);
                        former_store(folder, true);
                        more = upgrade_fails(folder, modes[m], nth);
                        if (open_staff(folder, true, STORE_READ_WRITE, &store) != 0)
                                fail_msg("mode %d, write %u: it does not open any more", (int)modes[m], nth);
                        expect_content(store, true);
                        store_close(store);
                        help_remove_folder(folder);
                }
                assert_true(nth > 3); /* or it did not write */
        }
}

int main(void) {
        fault_install();
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(internal_stores), cmocka_unit_test(synchronised_stores), cmocka_unit_test(second_internal_stores),
                cmocka_unit_test(second_synchronised_stores), cmocka_unit_test(third_internal_stores), cmocka_unit_test(third_synchronised_stores),
                cmocka_unit_test(then_synchronised), cmocka_unit_test(interrupted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
