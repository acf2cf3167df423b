/* Damaged store files: bytes changed, files cut, in the file and in its log. An error or data, never a crash (run with sanitizers).
 * Relies on: cmocka.
 * Must never: leave its folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "base/file.h"
#include "replica/store.h"
#include "unit/store_help.h"

enum { FLIPS = 1500, CUTS = 200, LONGEST = 4 << 20 };

static char folder[64];

static void path_of(char *path, size_t size, const char *suffix) {
        (void)snprintf(path, size, "%s/staff.db%s", folder, suffix);
}

static int open_staff(enum store_mode mode, struct store **store) {
        return store_open(folder, "staff", DIRECTORY_INTERNAL, mode, store);
}

/* Enough that every table and index has more than one page's worth of structure. */
static void fill(struct store *store) {
        static const char *const attributes[] = { "a=1", "b=2" };
        assert_int_equal(store_begin(store), 0);
        for (unsigned i = 0; i < 120; i++) {
                char user[16], group[16];
                (void)snprintf(user, sizeof user, "u%u", i);
                (void)snprintf(group, sizeof group, "g%u", i / 4);
                assert_int_equal(store_add_user(store, &(struct store_user){ .name = user, .hash = "$y$", .ssh_keys = "ssh-ed25519 AAAA",
                                                                             .attributes = attributes, .attribute_count = 2 }), 0);
                if (i % 4 == 0)
                        assert_int_equal(store_add_group(store, &(struct store_group){ .name = group, .description = "d" }), 0);
                assert_int_equal(store_add_member(store, group, user), 0);
        }
        assert_int_equal(store_add_group_member(store, "g1", "g2"), 0);
        assert_int_equal(store_commit(store), 0);
}

static void write_file(const char *suffix, const void *bytes, size_t len) {
        char path[128];
        path_of(path, sizeof path, suffix);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(file_write_all(fd, bytes, len), 0);
        assert_int_equal(close(fd), 0);
}

static void remove_file(const char *suffix) {
        char path[128];
        path_of(path, sizeof path, suffix);
        (void)unlink(path);
}

static void read_all(struct store *store) {
        struct replica *replica = NULL;
        struct store_login login;
        uint64_t revision;
        char *lines = NULL;
        if (store_load(store, &replica) == 0)
                replica_free(replica);
        (void)store_login_by_name(store, "U7", &login);
        (void)store_user_attributes(store, "u9", &lines);
        (void)store_revision(store, &revision);
        free(lines);
}

/* Everything that a keeper and a checker would do to it; nothing is expected of the answers. */
static void use(void) {
        struct store *store = NULL;
        if (open_staff(STORE_READ_ONLY, &store) == 0) {
                read_all(store);
                store_close(store);
                store = NULL;
        }
        if (open_staff(STORE_READ_WRITE, &store) < 0)
                return;
        read_all(store);
        (void)store_add_user(store, &(struct store_user){ .name = "new", .hash = "$y$" });
        (void)store_remove_user(store, "u3");
        (void)store_remove_group(store, "g4");
        if (store_begin(store) == 0) {
                (void)store_add_member(store, "g5", "u90");
                (void)store_modify_user(store, "u91", &(struct store_user){ .email = "x" });
                (void)store_commit(store);
        }
        store_close(store);
}

struct files {
        char *file, *log;
        size_t file_len, log_len;
};

static void damage_and_use(const struct files *files, bool in_log, size_t offset, unsigned char change, bool cut) {
        char *target = in_log ? files->log : files->file;
        size_t len = in_log ? files->log_len : files->file_len;
        target[offset] = (char)(target[offset] ^ change);
        remove_file("-shm");
        write_file("", files->file, !in_log && cut ? offset : files->file_len);
        if (files->log)
                write_file("-wal", files->log, in_log && cut ? offset : files->log_len);
        else
                remove_file("-wal");
        use();
        assert_true(offset < len);
        target[offset] = (char)(target[offset] ^ change);
}

static void damage_everywhere(const struct files *files, bool in_log) {
        size_t len = in_log ? files->log_len : files->file_len;
        for (int i = 0; i < FLIPS; i++)
                damage_and_use(files, in_log, (size_t)rand() % len, (unsigned char)(1 + rand() % 255), false);
        for (size_t i = 0; i < 100 && i < len; i++) /* the header: each byte */
                damage_and_use(files, in_log, i, (unsigned char)(1 + rand() % 255), false);
        for (int i = 0; i < CUTS; i++)
                damage_and_use(files, in_log, (size_t)rand() % len, 0, true);
}

static void read_files(struct files *files, bool log) {
        char path[128];
        path_of(path, sizeof path, "");
        assert_int_equal(file_read(path, LONGEST, &files->file, &files->file_len), 0);
        path_of(path, sizeof path, "-wal");
        if (log)
                assert_int_equal(file_read(path, LONGEST, &files->log, &files->log_len), 0);
}

static void a_damaged_file(void **state) {
        struct store *store = NULL;
        struct files files = { 0 };
        help_folder(folder, sizeof folder);
        assert_int_equal(open_staff(STORE_READ_WRITE, &store), 0);
        fill(store);
        store_close(store);
        read_files(&files, false);
        damage_everywhere(&files, false);
        free(files.file);
        help_remove_folder(folder);
}

static void a_damaged_log(void **state) {
        struct store *store = NULL;
        struct files files = { 0 };
        help_folder(folder, sizeof folder);
        assert_int_equal(open_staff(STORE_READ_WRITE, &store), 0);
        fill(store);
        read_files(&files, true); /* before a close moves it into the file */
        store_close(store);
        assert_true(files.log_len > 10000);
        damage_everywhere(&files, true);
        free(files.file);
        free(files.log);
        help_remove_folder(folder);
}

static int quiet(void **state) {
        return freopen("/dev/null", "w", stderr) ? 0 : -1; /* every refusal is logged */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_damaged_file, quiet, NULL),
                cmocka_unit_test(a_damaged_log),
        };
        srand(20240229);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
