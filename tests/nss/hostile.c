/* The module over damaged files: every bit of a small view flipped, every truncation, wrong version, owner, mode, kind: an answer, "not found" or
 * "unavailable", never a signal.
 * Relies on: ask.h; root (the view must be root's). */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask.h"
#include "base/cleanup.h"
#include "view/format.h"
#include "view/reader.h"
#include "view/writer.h"
#include "world.h"

static const struct world small = { .users = 12, .groups = 4, .each = 2, .tag = 'a', .generation = 1, .all_in_first = 1 };

static int set_up(void **state) { ask_enter(); return 0; }
static int tear_down(void **state) { ask_leave(); return 0; }

static void ask_accounts(const struct view *view) {
        struct view_access access;
        const char *keys;
        size_t len, sum = 0;
        for (uint32_t i = 0; i <= small.users; i++) {
                for (uint32_t a = 0; a < 3; a++)
                        if (view_user_access(view, i, a, &access) == VIEW_FOUND)
                                sum += strlen(access.directory) + strlen(access.entry_id);
                if (view_user_keys(view, i, &keys, &len) == VIEW_FOUND)
                        sum += strlen(keys);
        }
        (void)view_application_of_service(view, "wiki");
        (void)view_application_by_name(view, "wiki");
        assert_true(sum < 1 << 20);
}

/* What the reader hands out is terminated where it says, whatever the file holds. */
static void check_texts(const struct view *view) {
        struct view_user user;
        struct view_group group;
        for (uint32_t i = 0; i < small.users; i++)
                if (view_user_at(view, i, &user) == VIEW_FOUND)
                        assert_true(!user.name[user.name_len] && !user.gecos[user.gecos_len] && !user.home[user.home_len] &&
                                    !user.shell[user.shell_len] && user.shell > user.home && user.home > user.gecos && user.gecos > user.name);
        for (uint32_t i = 0; i < small.groups; i++)
                if (view_group_at(view, i, &group) == VIEW_FOUND)
                        assert_true(!group.name[group.name_len] && (group.member_count == 0 || !group.members[group.members_len - 1]));
}

/* The file is damaged while it is mapped, so that no check at opening stands before the look-ups. */
static void test_every_bit(void **state) {
        struct stat st;
        assert_int_equal(world_publish(&small, ASK_PATH, 0444), 0);
        assert_int_equal(ask_user(3), 'a');
        _cleanup_close_ int fd = open(ASK_PATH, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        struct view view;
        assert_int_equal(view_open_fd(fd, &view), 0);
        for (off_t at = 0; at < st.st_size; at++) {
                unsigned char right, wrong;
                assert_int_equal(pread(fd, &right, 1, at), 1);
                for (unsigned flip = 0; flip < 9; flip++) {
                        wrong = (unsigned char)(right ^ (flip < 8 ? 1u << flip : 0xffu));
                        assert_int_equal(pwrite(fd, &wrong, 1, at), 1);
                        ask_everything(small.users, small.groups);
                        ask_accounts(&view);
                        check_texts(&view);
                }
                assert_int_equal(pwrite(fd, &right, 1, at), 1);
        }
        assert_int_equal(ask_user(3), 'a');
        view_close(&view);
}

/* A changed header is refused at opening; a changed body by the whole check. */
static void test_flips_are_seen(void **state) {
        _cleanup_close_ int fd = memfd_create("view", MFD_CLOEXEC);
        struct stat st;
        assert_int_equal(world_write(&small, fd), 0);
        assert_int_equal(fstat(fd, &st), 0);
        for (off_t at = 0; at < st.st_size; at++) {
                unsigned char right, wrong;
                struct view view;
                const char *what;
                assert_int_equal(pread(fd, &right, 1, at), 1);
                wrong = right ^ 0x11;
                assert_int_equal(pwrite(fd, &wrong, 1, at), 1);
                int r = view_open_fd(fd, &view);
                if (r == 0) {
                        bool mark = at >= (off_t)offsetof(struct view_header, superseded) && at < (off_t)offsetof(struct view_header, seed);
                        assert_true(mark || at >= (off_t)sizeof(struct view_header));
                        assert_int_equal(view_verify(&view, &what), mark ? 0 : -EBADMSG);
                        view_close(&view);
                } else
                        assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT);
                assert_int_equal(pwrite(fd, &right, 1, at), 1);
        }
}

static void test_every_truncation(void **state) {
        _cleanup_close_ int fd = memfd_create("view", MFD_CLOEXEC);
        struct stat st;
        assert_int_equal(world_write(&small, fd), 0);
        assert_int_equal(fstat(fd, &st), 0);
        for (off_t size = st.st_size - 1; size >= 0; size--) {
                struct view view;
                assert_int_equal(ftruncate(fd, size), 0);
                assert_int_equal(view_open_fd(fd, &view), -EBADMSG);
        }
        assert_int_equal(ftruncate(fd, st.st_size * 3), 0);
        struct view view;
        assert_int_equal(view_open_fd(fd, &view), -EBADMSG);
}

/* Runs in a child: there no view was mapped before. */
static int in_child(int (*function)(void)) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
                _exit(function());
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static int finds_user_3(void) { return ask_user(3) == 'a'; }
static int unavailable(void) {
        struct passwd user;
        struct group group;
        char buffer[256];
        long start = 0, size = 0;
        gid_t *gids = NULL;
        int error = 0;
        return _nss_multidir_getpwnam_r("user00003", &user, buffer, sizeof(buffer), &error) == NSS_STATUS_UNAVAIL && error == ENOENT &&
               _nss_multidir_getpwuid_r(10003, &user, buffer, sizeof(buffer), &error) == NSS_STATUS_UNAVAIL &&
               _nss_multidir_getgrnam_r("everybody", &group, buffer, sizeof(buffer), &error) == NSS_STATUS_UNAVAIL &&
               _nss_multidir_getgrgid_r(50000, &group, buffer, sizeof(buffer), &error) == NSS_STATUS_UNAVAIL &&
               _nss_multidir_initgroups_dyn("user00003", 50000, &start, &size, &gids, 0, &error) == NSS_STATUS_UNAVAIL &&
               _nss_multidir_getpwent_r(&user, buffer, sizeof(buffer), &error) == NSS_STATUS_UNAVAIL &&
               _nss_multidir_getgrent_r(&group, buffer, sizeof(buffer), &error) == NSS_STATUS_UNAVAIL;
}

static void patch(off_t at, const void *bytes, size_t len) {
        _cleanup_close_ int fd = open(ASK_PATH, O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, bytes, len, at), len);
}

static void test_refused_files(void **state) {
        const uint32_t version = VIEW_VERSION + 1;
        assert_true(in_child(unavailable)); /* absent */
        assert_int_equal(world_publish(&small, ASK_PATH, 0444), 0);
        assert_true(in_child(finds_user_3));
        patch(8, &version, sizeof(version));
        assert_true(in_child(unavailable)); /* another version */
        assert_int_equal(world_publish(&small, ASK_PATH, 0644), 0);
        assert_true(in_child(finds_user_3));
        assert_int_equal(chmod(ASK_PATH, 0664), 0);
        assert_true(in_child(unavailable)); /* others may write */
        assert_int_equal(chmod(ASK_PATH, 0446), 0);
        assert_true(in_child(unavailable));
        assert_int_equal(chmod(ASK_PATH, 0444), 0);
        assert_int_equal(chown(ASK_PATH, 1, 0), 0);
        assert_true(in_child(unavailable)); /* not root's */
        assert_int_equal(truncate(ASK_PATH, 0), 0);
        assert_int_equal(chown(ASK_PATH, 0, 0), 0);
        assert_true(in_child(unavailable)); /* empty */
        assert_int_equal(unlink(ASK_PATH), 0);
        assert_int_equal(mkdir(ASK_PATH, 0755), 0);
        assert_true(in_child(unavailable)); /* a folder */
        assert_int_equal(rmdir(ASK_PATH), 0);
        assert_int_equal(mkfifo(ASK_PATH, 0444), 0);
        assert_true(in_child(unavailable)); /* nothing that blocks */
        assert_int_equal(unlink(ASK_PATH), 0);
        assert_int_equal(symlink("/dev/zero", ASK_PATH), 0);
        assert_true(in_child(unavailable));
        assert_int_equal(unlink(ASK_PATH), 0);
}

/* A newer file that is no good leaves the mapped one serving. */
static void test_bad_successor(void **state) {
        assert_int_equal(unlink(ASK_PATH), 0);
        assert_int_equal(world_publish(&small, ASK_PATH, 0444), 0);
        _cleanup_close_ int old = open(ASK_PATH, O_RDWR | O_CLOEXEC);
        struct world next = small;
        next.tag = 'b';
        assert_true(in_child(finds_user_3));
        (void)ask_user(3);
        assert_int_equal(world_publish(&next, ASK_PATH, 0466), 0);
        assert_int_equal(view_mark_superseded(old), 0);
        assert_int_equal(ask_user(3), 'a');
        assert_int_equal(chmod(ASK_PATH, 0444), 0);
        for (int i = 0; i < 30 && ask_user(3) == 'a'; i++)
                (void)usleep(100000);
        assert_int_equal(ask_user(3), 'b'); /* the net: within a second of its being good */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refused_files), /* first: its children must not inherit a mapping */
                cmocka_unit_test(test_flips_are_seen), cmocka_unit_test(test_every_truncation), cmocka_unit_test(test_every_bit),
                cmocka_unit_test(test_bad_successor),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
