/* The view file, written and read back: every answer of a small world, names in any case (N1), private groups (M10), the inverse relation (M5),
 * what the writer refuses, and what an application says.
 * Relies on: tests/nss/world. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "nss/world.h"
#include "view/format.h"
#include "view/reader.h"
#include "view/writer.h"

static const struct world small = { .users = 300, .groups = 40, .each = 3, .tag = 'a', .generation = 7, .all_in_first = 1 };

static struct view open_world(const struct world *world) {
        _cleanup_close_ int fd = memfd_create("view", MFD_CLOEXEC);
        struct view view;
        const char *what = "";
        assert_true(fd >= 0);
        assert_int_equal(world_write(world, fd), 0);
        assert_int_equal(view_open_fd(fd, &view), 0);
        if (view_verify(&view, &what) < 0)
                fail_msg("verify: %s", what);
        return view;
}

static void test_counts(void **state) {
        static const struct world worlds[] = {
                { .users = 0, .groups = 0 }, { .users = 1, .groups = 0 }, { .users = 0, .groups = 1 }, { .users = 1, .groups = 1, .each = 1 },
                { .users = 9, .groups = 2, .each = 1 }, { .users = 5000, .groups = 700, .each = 5, .all_in_first = 1 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(worlds); i++) {
                struct view view = open_world(&worlds[i]);
                assert_int_equal(view_user_count(&view), worlds[i].users);
                assert_int_equal(view_group_count(&view), worlds[i].groups);
                view_close(&view);
        }
}

static void test_users(void **state) {
        struct view view = open_world(&small);
        assert_int_equal(view_generation(&view), 7);
        assert_int_equal(view_built_s(&view), 1700000000);
        for (uint32_t i = 0; i < small.users; i++) {
                char name[32], gecos[32];
                struct view_user user, again;
                (void)snprintf(name, sizeof(name), i % 2 ? "user%05u" : "USER%05u", i);
                (void)snprintf(gecos, sizeof(gecos), "User %u a", i);
                assert_int_equal(view_user_by_name(&view, name, &user), VIEW_FOUND);
                assert_int_equal(user.uid, 10000 + i);
                assert_string_equal(user.gecos, gecos);
                assert_string_equal(user.shell, "/bin/sh");
                assert_int_equal(user.private_group, i % 3 == 0);
                assert_int_equal(user.primary_listed, i % 3 != 0);
                assert_int_equal(user.index, i);
                assert_int_equal(view_user_by_uid(&view, 10000 + i, &again), VIEW_FOUND);
                assert_ptr_equal(again.name, user.name);
                assert_int_equal(view_user_at(&view, i, &again), VIEW_FOUND);
                assert_ptr_equal(again.name, user.name);
        }
        view_close(&view);
}

static void test_misses(void **state) {
        static const char *const rows[] = { "", "nobody", "user", "user0000", "user000000", "user00300", "group00001x", "everybod", "user00001\x01" };
        struct view view = open_world(&small);
        struct view_user user;
        struct view_group group;
        char longest[400];
        memset(longest, 'a', sizeof(longest));
        for (size_t len = 250; len < 399; len++) {
                longest[len] = 0;
                assert_int_equal(view_user_by_name(&view, longest, &user), VIEW_NOT_FOUND);
                longest[len] = 'a';
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(view_user_by_name(&view, rows[i], &user), VIEW_NOT_FOUND);
                assert_int_equal(view_group_by_name(&view, rows[i], &group), VIEW_NOT_FOUND);
        }
        assert_int_equal(view_user_by_uid(&view, 0, &user), VIEW_NOT_FOUND);
        assert_int_equal(view_user_by_uid(&view, UINT32_MAX, &user), VIEW_NOT_FOUND);
        assert_int_equal(view_group_by_gid(&view, 10001, &group), VIEW_NOT_FOUND); /* no private group */
        assert_int_equal(view_user_at(&view, small.users, &user), VIEW_NOT_FOUND);
        assert_int_equal(view_group_at(&view, small.groups, &group), VIEW_NOT_FOUND);
        view_close(&view);
}

/* N1: one spelling is published, found in any case. M10: the private group is found by name and id, not enumerated, without members. */
static void test_names_and_private_groups(void **state) {
        struct view view = open_world(&small);
        struct view_group group;
        static const char *const spellings[] = { "Group00005", "group00005", "GROUP00005", "gROUp00005" };
        for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
                assert_int_equal(view_group_by_name(&view, spellings[i], &group), VIEW_FOUND);
                assert_string_equal(group.name, "Group00005");
                assert_int_equal(group.gid, 50005);
        }
        assert_int_equal(view_group_by_name(&view, "User00003", &group), VIEW_FOUND);
        assert_string_equal(group.name, "user00003");
        assert_int_equal(group.gid, 10003);
        assert_int_equal(group.member_count, 0);
        assert_int_equal(view_group_by_gid(&view, 10003, &group), VIEW_FOUND);
        assert_string_equal(group.name, "user00003");
        for (uint32_t i = 0; i < view_group_count(&view); i++) {
                assert_int_equal(view_group_at(&view, i, &group), VIEW_FOUND);
                assert_in_range(group.gid, 50000, 50000 + small.groups - 1);
        }
        view_close(&view);
}

static int has_gid(const struct view_user *user, uint32_t gid) {
        for (uint32_t i = 0; i < user->gid_count; i++)
                if (user->gids[i] == gid)
                        return 1;
        return user->gid == gid;
}

static int has_member(const struct view_group *group, const char *name) {
        for (uint32_t i = 0; i < group->member_count; i++)
                if (strcmp(group->members + group->member_offsets[i], name) == 0)
                        return 1;
        return 0;
}

/* M5: groups-of-user and members-of-group are one relation. */
static void test_inverse(void **state) {
        struct view view = open_world(&small);
        for (uint32_t g = 0; g < small.groups; g++) {
                struct view_group group;
                assert_int_equal(view_group_at(&view, g, &group), VIEW_FOUND);
                for (uint32_t i = 0; i < small.users; i++) {
                        struct view_user user;
                        assert_int_equal(view_user_at(&view, i, &user), VIEW_FOUND);
                        assert_int_equal(has_gid(&user, group.gid), has_member(&group, user.name));
                }
        }
        view_close(&view);
}

static void test_accounts(void **state) {
        struct view view = open_world(&small);
        assert_int_equal(view_application_count(&view), 2);
        assert_string_equal(view_application_name(&view, 1), "wiki");
        assert_null(view_application_name(&view, 2));
        assert_int_equal(view_application_by_name(&view, "wiki"), 1);
        assert_int_equal(view_application_by_name(&view, "none"), UINT32_MAX);
        assert_int_equal(view_application_of_service(&view, "httpd"), 1);
        assert_int_equal(view_application_of_service(&view, "wiki"), 1);
        assert_int_equal(view_application_of_service(&view, "sshd"), 0);
        struct view_access access;
        const char *keys;
        size_t len;
        for (uint32_t i = 0; i < small.users; i++) {
                char key[48];
                (void)snprintf(key, sizeof(key), "ssh-ed25519 AAAA%u\n", i);
                if (i % 4 != 0)
                        key[0] = 0;
                assert_int_equal(view_user_access(&view, i, 0, &access), VIEW_FOUND);
                assert_int_equal(access.reason, i % 5 == 0 ? REASON_INACTIVE : REASON_OK);
                assert_string_equal(access.directory, i % 2 ? "other" : "main");
                assert_int_equal(strlen(access.entry_id), 36);
                assert_int_equal(view_user_access(&view, i, 1, &access), VIEW_FOUND);
                assert_int_equal(access.reason, REASON_NO_ACCESS);
                assert_int_equal(view_user_keys(&view, i, &keys, &len), VIEW_FOUND);
                assert_string_equal(keys, key);
                assert_int_equal(len, strlen(key));
        }
        assert_int_equal(view_user_access(&view, 0, 2, &access), VIEW_NOT_FOUND);
        assert_int_equal(view_user_access(&view, small.users, 0, &access), VIEW_NOT_FOUND);
        view_close(&view);
}

/* One user that the writer must judge. */
struct refusal { const char *rule; struct view_writer_user user; int expected; };

static int write_two(const struct view_writer_user *second) {
        struct view_writer *writer;
        _cleanup_close_ int fd = memfd_create("view", MFD_CLOEXEC);
        const struct view_writer_access ok = { .reason = REASON_OK, .directory = 0, .entry_id = "e" };
        const uint32_t one = 0;
        struct view_writer_user first = { .name = "Ada", .gecos = "", .home = "/", .shell = "/", .keys = "", .uid = 5000, .gid = 5000,
                                          .private_group = 1, .access = &ok, .groups = &one, .group_count = 1 };
        struct view_writer_user user = *second;
        uint32_t index;
        user.gecos = user.home = user.shell = user.keys = "";
        if (!user.access)
                user.access = &ok;
        assert_int_equal(view_writer_new(1, 1, 99, &writer), 0);
        assert_int_equal(view_writer_add_directory(writer, "d", &index), 0);
        assert_int_equal(view_writer_add_application(writer, "host", NULL, 0), 0);
        assert_int_equal(view_writer_add_group(writer, "Staff", 7000, &index), 0);
        assert_int_equal(view_writer_add_user(writer, &first, &index), 0);
        int r = view_writer_add_user(writer, &user, &index);
        if (r == 0)
                r = view_writer_finish(writer, fd);
        view_writer_free(writer);
        return r;
}

static void test_refusals(void **state) {
        static const uint32_t twice[] = { 0, 0 }, beyond[] = { 1 };
        static const struct view_writer_access nobody = { .reason = REASON_OK, .directory = UINT32_MAX, .entry_id = "" };
        static const struct view_writer_access unknown = { .reason = REASON_OK, .directory = 1, .entry_id = "" };
        static char longest[257];
        memset(longest, 'x', 256);
        const struct refusal rows[] = {
                { "accepted", { .name = "bob", .uid = 5001, .gid = 7000 }, 0 },
                { "N2: same name in another case", { .name = "aDA", .uid = 5001, .gid = 7000 }, -EEXIST },
                { "I4: same uid", { .name = "bob", .uid = 5000, .gid = 7000 }, -EEXIST },
                { "M10: private group of a group's name", { .name = "staff", .uid = 5001, .gid = 5001, .private_group = 1 }, -EEXIST },
                { "M10: private group of a group's id", { .name = "bob", .uid = 7000, .gid = 7000, .private_group = 1 }, -EEXIST },
                { "M10: gid is uid", { .name = "bob", .uid = 5001, .gid = 5002, .private_group = 1 }, -EINVAL },
                { "N3: empty", { .name = "", .uid = 5001 }, -EINVAL },
                { "N3: 256 bytes", { .name = longest, .uid = 5001 }, -EINVAL },
                { "a group twice", { .name = "bob", .uid = 5001, .groups = twice, .group_count = 2 }, -EINVAL },
                { "no such group", { .name = "bob", .uid = 5001, .groups = beyond, .group_count = 1 }, -EINVAL },
                { "ok without a directory", { .name = "bob", .uid = 5001, .access = &nobody }, -EINVAL },
                { "no such directory", { .name = "bob", .uid = 5001, .access = &unknown }, -EINVAL },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int r = write_two(&rows[i].user);
                if (r != rows[i].expected)
                        fail_msg("%s: %d", rows[i].rule, r);
        }
}

/* A local group (N4, M11) is in the user's gids once, and in no view group; the primary one is not among the supplementary. */
static void test_extra_gids(void **state) {
        struct view_writer *writer;
        struct view view;
        _cleanup_close_ int fd = memfd_create("view", MFD_CLOEXEC);
        static const uint32_t extra[] = { 27, 7000, 27, 20 }, groups[] = { 1, 0 };
        struct view_writer_user user = { .name = "bob", .gecos = "", .home = "/", .shell = "/", .keys = "", .uid = 5001, .gid = 7001,
                                         .groups = groups, .group_count = 2, .extra_gids = extra, .extra_gid_count = 4 };
        uint32_t index;
        assert_int_equal(view_writer_new(1, 1, 99, &writer), 0);
        assert_int_equal(view_writer_add_group(writer, "a", 7000, &index), 0);
        assert_int_equal(view_writer_add_group(writer, "b", 7001, &index), 0);
        assert_int_equal(view_writer_add_user(writer, &user, &index), 0);
        assert_int_equal(view_writer_finish(writer, fd), 0);
        view_writer_free(writer);
        assert_int_equal(view_open_fd(fd, &view), 0);
        struct view_user found;
        static const uint32_t expected[] = { 20, 27, 7000 };
        assert_int_equal(view_user_by_uid(&view, 5001, &found), VIEW_FOUND);
        assert_int_equal(found.gid_count, 3);
        assert_memory_equal(found.gids, expected, sizeof(expected));
        assert_true(found.primary_listed);
        view_close(&view);
}

static void test_mark(void **state) {
        _cleanup_close_ int fd = memfd_create("view", MFD_CLOEXEC), empty = memfd_create("none", MFD_CLOEXEC);
        struct view view;
        const char *what;
        assert_int_equal(world_write(&small, fd), 0);
        assert_int_equal(view_open_fd(fd, &view), 0);
        assert_false(view_superseded(&view));
        assert_int_equal(view_mark_superseded(fd), 0);
        assert_true(view_superseded(&view));
        assert_int_equal(view_verify(&view, &what), 0); /* the mark is outside every checksum */
        assert_int_equal(view_mark_superseded(empty), -EBADMSG);
        view_close(&view);
}

static void test_fold8(void **state) {
        for (unsigned c = 0; c < 256; c++)
                for (unsigned at = 0; at < 8; at++) {
                        unsigned char bytes[8] = { 'Z', '[', '@', 'A', 0x80, 0xff, 0, 'z' }, folded[8];
                        bytes[at] = (unsigned char)c;
                        uint64_t w;
                        memcpy(&w, bytes, 8);
                        w = view_fold8(w);
                        text_fold((char *)folded, (const char *)bytes, 8);
                        assert_memory_equal(&w, folded, 8);
                }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counts), cmocka_unit_test(test_users), cmocka_unit_test(test_misses),
                cmocka_unit_test(test_names_and_private_groups), cmocka_unit_test(test_inverse), cmocka_unit_test(test_accounts),
                cmocka_unit_test(test_refusals), cmocka_unit_test(test_extra_gids), cmocka_unit_test(test_mark), cmocka_unit_test(test_fold8),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
