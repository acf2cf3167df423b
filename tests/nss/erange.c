/* Buffers: every length and alignment with a guard page behind, for every entry point; and the growing array of initgroups_dyn.
 * Relies on: ask.h, world.h. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask.h"
#include "base/cleanup.h"
#include "world.h"

enum { ROOM = 2 * 4096, CANARY = 0x5a };

static const struct world small = { .users = 60, .groups = 5, .each = 2, .tag = 'a', .generation = 1, .all_in_first = 1 };

static int set_up(void **state) {
        ask_enter();
        return world_publish(&small, ASK_PATH, 0444);
}
static int tear_down(void **state) { ask_leave(); return 0; }

/* One way to ask; the answer in *out (struct passwd or struct group). */
struct entry {
        const char *name;
        bool group;
        enum nss_status (*ask)(void *out, char *buffer, size_t len, int *error);
};

static enum nss_status by_user_name(void *out, char *buffer, size_t len, int *error) {
        return _nss_multidir_getpwnam_r("user00004", out, buffer, len, error);
}
static enum nss_status by_uid(void *out, char *buffer, size_t len, int *error) {
        return _nss_multidir_getpwuid_r(10003, out, buffer, len, error);
}
static enum nss_status by_group_name(void *out, char *buffer, size_t len, int *error) {
        return _nss_multidir_getgrnam_r("everybody", out, buffer, len, error);
}
static enum nss_status by_gid(void *out, char *buffer, size_t len, int *error) {
        return _nss_multidir_getgrgid_r(50002, out, buffer, len, error);
}
static enum nss_status by_private_gid(void *out, char *buffer, size_t len, int *error) {
        return _nss_multidir_getgrgid_r(10003, out, buffer, len, error);
}
/* A step of an enumeration that does not fit does not move on: asking again gives the same entry. */
static enum nss_status next_user(void *out, char *buffer, size_t len, int *error) {
        enum nss_status status = _nss_multidir_getpwent_r(out, buffer, len, error);
        if (status == NSS_STATUS_SUCCESS) {
                assert_string_equal(((struct passwd *)out)->pw_name, "user00000");
                (void)_nss_multidir_setpwent(0);
        }
        return status;
}
static enum nss_status next_group(void *out, char *buffer, size_t len, int *error) {
        enum nss_status status = _nss_multidir_getgrent_r(out, buffer, len, error);
        if (status == NSS_STATUS_SUCCESS) {
                assert_string_equal(((struct group *)out)->gr_name, "everybody");
                (void)_nss_multidir_setgrent(0);
        }
        return status;
}

static void inside(const void *p, const char *buffer, size_t len) {
        assert_true((const char *)p >= buffer && (const char *)p < buffer + len);
}

static void check_inside(const struct entry *entry, const void *out, const char *buffer, size_t len) {
        if (!entry->group) {
                const struct passwd *user = out;
                const char *texts[] = { user->pw_name, user->pw_passwd, user->pw_gecos, user->pw_dir, user->pw_shell };
                for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                        inside(texts[i] + strlen(texts[i]), buffer, len);
                return;
        }
        const struct group *group = out;
        assert_int_equal((uintptr_t)group->gr_mem % _Alignof(char *), 0);
        inside(group->gr_name + strlen(group->gr_name), buffer, len);
        inside(group->gr_passwd + 1, buffer, len);
        inside((const char *)(group->gr_mem), buffer, len);
        size_t i = 0;
        for (; group->gr_mem[i]; i++)
                inside(group->gr_mem[i] + strlen(group->gr_mem[i]), buffer, len);
        inside((const char *)(&group->gr_mem[i] + 1) - 1, buffer, len);
}

/* The buffer ends `slack` bytes before the guard page; those bytes, and those before the buffer, must stay as they are. */
static bool fits(const struct entry *entry, unsigned char *room, size_t len, size_t slack) {
        union { struct passwd user; struct group group; unsigned char bytes[64]; } out, untouched;
        unsigned char *buffer = room + ROOM - slack - len;
        int error = -77;
        memset(room, CANARY, ROOM);
        memset(&out, 0x33, sizeof(out));
        memcpy(&untouched, &out, sizeof(out));
        enum nss_status status = entry->ask(&out, (char *)buffer, len, &error);
        for (unsigned char *p = room; p < room + ROOM; p++)
                if ((p < buffer || p >= buffer + len) && *p != CANARY)
                        fail_msg("%s: a byte outside the buffer of %zu", entry->name, len);
        if (status == NSS_STATUS_SUCCESS) {
                assert_int_equal(error, -77);
                check_inside(entry, &out, (char *)buffer, len);
                return true;
        }
        assert_int_equal(status, NSS_STATUS_TRYAGAIN);
        assert_int_equal(error, ERANGE);
        assert_memory_equal(&out, &untouched, sizeof(out));
        return false;
}

static void test_every_length(void **state) {
        static const struct entry entries[] = {
                { "getpwnam_r", false, by_user_name }, { "getpwuid_r", false, by_uid }, { "getgrnam_r", true, by_group_name },
                { "getgrgid_r", true, by_gid }, { "getgrgid_r, private", true, by_private_gid }, { "getpwent_r", false, next_user },
                { "getgrent_r", true, next_group },
        };
        unsigned char *room = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(room, MAP_FAILED);
        assert_int_equal(mprotect(room + ROOM, 4096, PROT_NONE), 0);
        for (size_t e = 0; e < ARRAY_SIZE(entries); e++)
                for (size_t slack = 0; slack < 9; slack++) {
                        size_t need = 0;
                        while (need < ROOM - 16 && !fits(&entries[e], room, need, slack))
                                need++;
                        assert_in_range(need, 12, ROOM - 17);
                        /* "Try again" is only said when more will do: from a length on that is at most seven bytes of padding away all fit. */
                        size_t misses = 0;
                        for (size_t len = need; len < need + 40; len++)
                                misses += !fits(&entries[e], room, len, slack);
                        assert_true(misses <= (entries[e].group ? 7 * 5 : 0));
                        assert_true(fits(&entries[e], room, need + 7, slack));
                }
        (void)munmap(room, ROOM + 4096);
}

/* A miss needs no buffer. */
static void test_misses_fit_always(void **state) {
        struct passwd user;
        struct group group;
        int error = 0;
        assert_int_equal(_nss_multidir_getpwnam_r("nobody", &user, NULL, 0, &error), NSS_STATUS_NOTFOUND);
        assert_int_equal(_nss_multidir_getpwuid_r(1, &user, NULL, 0, &error), NSS_STATUS_NOTFOUND);
        assert_int_equal(_nss_multidir_getgrnam_r("nobody", &group, NULL, 0, &error), NSS_STATUS_NOTFOUND);
        assert_int_equal(_nss_multidir_getgrgid_r(1, &group, NULL, 0, &error), NSS_STATUS_NOTFOUND);
        assert_int_equal(error, ENOENT);
}

/* initgroups_dyn: from every start, size and limit, against the contract said plainly: append what is new up to the limit. */
static void test_initgroups(void **state) {
        for (long start = 0; start < 4; start++)
                for (long size = start; size < 9; size++)
                        for (long limit = -1; limit < 12; limit++) {
                                if (limit > 0 && size > limit)
                                        continue;
                                long at = start, room = size, expected = 4; /* user 1 is in all five groups; 50000 is skipped */
                                int error = -77;
                                gid_t *gids = malloc(sizeof(*gids) * (size_t)(size ? size : 1));
                                for (long i = 0; i < start; i++)
                                        gids[i] = 7;
                                assert_int_equal(_nss_multidir_initgroups_dyn("USER00001", 50000, &at, &room, &gids, limit, &error), NSS_STATUS_SUCCESS);
                                if (limit > 0 && expected > limit - start)
                                        expected = limit - start;
                                assert_int_equal(at, start + expected);
                                assert_true(room >= at && (limit <= 0 || room <= limit));
                                assert_int_equal(error, -77);
                                for (long i = 0; i < at; i++)
                                        assert_int_equal(gids[i], i < start ? 7 : 50001 + i - start);
                                free(gids);
                        }
}

/* Another primary group than the user's own was asked for: then the own one, which lists the user, is a supplementary one. */
static void test_initgroups_other_primary(void **state) {
        long at = 0, room = 1;
        int error = 0;
        gid_t *gids = malloc(sizeof(*gids));
        assert_int_equal(_nss_multidir_initgroups_dyn("user00004", 50004, &at, &room, &gids, 0, &error), NSS_STATUS_SUCCESS);
        assert_int_equal(at, 1);
        assert_int_equal(gids[0], 50000);
        at = 0; /* user 3: a private group, listed nowhere; groups 3, 4 and 0 */
        assert_int_equal(_nss_multidir_initgroups_dyn("user00003", 9, &at, &room, &gids, 0, &error), NSS_STATUS_SUCCESS);
        assert_int_equal(at, 3);
        assert_int_equal(_nss_multidir_initgroups_dyn("none", 9, &at, &room, &gids, 0, &error), NSS_STATUS_NOTFOUND);
        assert_int_equal(at, 3);
        free(gids);
}

static void test_walks(void **state) {
        struct group group;
        char buffer[4096];
        int error = 0;
        long count = 0;
        assert_int_equal(ask_walk(), small.users);
        (void)_nss_multidir_setgrent(0);
        while (_nss_multidir_getgrent_r(&group, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS)
                assert_int_equal(group.gr_gid, 50000 + count++);
        assert_int_equal(error, ENOENT);
        assert_int_equal(count, small.groups);
        assert_int_equal(_nss_multidir_getgrent_r(&group, buffer, sizeof(buffer), &error), NSS_STATUS_NOTFOUND);
        (void)_nss_multidir_endgrent();
        assert_int_equal(_nss_multidir_getgrent_r(&group, buffer, sizeof(buffer), &error), NSS_STATUS_SUCCESS);
        (void)_nss_multidir_endgrent();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_length), cmocka_unit_test(test_misses_fit_always), cmocka_unit_test(test_initgroups),
                cmocka_unit_test(test_initgroups_other_primary), cmocka_unit_test(test_walks),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
