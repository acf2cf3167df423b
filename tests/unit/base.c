/* Tests of common/base: text, names, numbers, durations, buffers, secrets, maps, files.
 * Table-driven: a row is an input and what must come of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bulk.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/name_map.h"
#include "base/ports.h"
#include "base/reason.h"
#include "base/sbuf.h"
#include "base/secret.h"
#include "base/text.h"

static void names_fold_ascii_only(void **state) {
        static const struct { const char *a, *b; int order; } rows[] = {
                { "JSmith", "jsmith", 0 }, { "A", "b", -1 }, { "b", "A", 1 }, { "", "", 0 }, { "a", "", 1 }, { "ab", "a", 1 },
                { "[", "{", -1 }, { "@", "`", -1 },          /* the neighbours of A to Z do not fold */
                { "\xc3\x84", "\xc3\xa4", -1 },              /* Ä is not ä: ASCII only (N1) */
                { "Z", "z", 0 }, { "\xff", "a", 1 },         /* bytes compare unsigned */
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int order = text_compare_names(rows[i].a, rows[i].b);
                assert_int_equal((order > 0) - (order < 0), rows[i].order);
                assert_int_equal(text_same_name(rows[i].a, rows[i].b), rows[i].order == 0);
        }
}

static void utf8_is_strict(void **state) {
        static const struct { const char *bytes; size_t len; bool valid, control; } rows[] = {
                { "", 0, true, false }, { "abc", 3, true, false }, { "\xc3\xa4", 2, true, false }, { "\xe2\x82\xac", 3, true, false },
                { "\xf0\x9f\x98\x80", 4, true, false }, { "\xf4\x8f\xbf\xbf", 4, true, false },
                { "\xc3", 1, false, false }, { "\x80", 1, false, false }, { "\xc0\xaf", 2, false, false },     /* cut, stray, overlong */
                { "\xe0\x80\xaf", 3, false, false }, { "\xf0\x80\x80\xaf", 4, false, false }, { "\xc1\xbf", 2, false, false },
                { "\xed\xa0\x80", 3, false, false }, { "\xed\xbf\xbf", 3, false, false },                      /* surrogates */
                { "\xf4\x90\x80\x80", 4, false, false }, { "\xf8\x88\x80\x80\x80", 5, false, false }, { "\xff", 1, false, false },
                { "\xe2\x82", 2, false, false }, { "a\xe2\x28\xa1", 4, false, false },
                { "a\nb", 3, true, true }, { "\x7f", 1, true, true }, { "\0", 1, true, true }, { "\xc2\x85", 2, true, true },
                { "\xc2\xa0", 2, true, false }, { "\x1f", 1, true, true }, { " ", 1, true, false },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(text_is_utf8(rows[i].bytes, rows[i].len), rows[i].valid);
                assert_int_equal(text_has_control(rows[i].bytes, rows[i].len), rows[i].control);
        }
}

static void numbers_are_strict(void **state) {
        static const struct { const char *text; uint64_t max; int r; uint64_t value; } rows[] = {
                { "0", 10, 0, 0 }, { "10", 10, 0, 10 }, { "11", 10, -ERANGE, 0 }, { "007", 10, 0, 7 }, { "", 10, -EINVAL, 0 },
                { "-1", 10, -EINVAL, 0 }, { "+1", 10, -EINVAL, 0 }, { " 1", 10, -EINVAL, 0 }, { "1 ", 10, -EINVAL, 0 }, { "0x1", 10, -EINVAL, 0 },
                { "18446744073709551615", UINT64_MAX, 0, UINT64_MAX }, { "18446744073709551616", UINT64_MAX, -ERANGE, 0 },
                { "99999999999999999999999", UINT64_MAX, -ERANGE, 0 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t value = 77;
                assert_int_equal(text_to_u64(rows[i].text, rows[i].max, &value), rows[i].r);
                assert_true(value == (rows[i].r == 0 ? rows[i].value : 77)); /* untouched on failure */
        }
}

static void durations(void **state) {
        static const struct { const char *text; int r; uint64_t seconds; } rows[] = {
                { "0", 0, 0 }, { "8s", 0, 8 }, { "60m", 0, 3600 }, { "24h", 0, 86400 }, { "7d", 0, 604800 }, { "0s", 0, 0 },
                { "8", -EINVAL, 0 }, { "s", -EINVAL, 0 }, { "", -EINVAL, 0 }, { "1.5h", -EINVAL, 0 }, { "1w", -EINVAL, 0 }, { "1 h", -EINVAL, 0 },
                { "-1s", -EINVAL, 0 }, { "1S", -EINVAL, 0 }, { "1000001s", -ERANGE, 0 }, { "12d", -ERANGE, 0 },
                { "99999999999999999999d", -ERANGE, 0 }, { "213503982334602d", -ERANGE, 0 },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t seconds = 77;
                assert_int_equal(text_to_seconds(rows[i].text, 1000000, &seconds), rows[i].r);
                assert_true(seconds == (rows[i].r == 0 ? rows[i].seconds : 77));
        }
}

static void buffers_grow_and_fail_once(void **state) {
        _cleanup_sbuf_ struct sbuf buf = { 0 };
        assert_string_equal(sbuf_text(&buf), "");
        for (int i = 0; i < 1000; i++)
                sbuf_printf(&buf, "%d,", i);
        assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
        assert_memory_equal(sbuf_text(&buf), "0,1,2,", 6);
        buf.failed = true;
        sbuf_add(&buf, "more");
        assert_null(sbuf_take(&buf));
        assert_int_equal(buf.len, 0);
        _cleanup_free_ char *text = sbuf_take(&buf);
        assert_string_equal(text, "");
}

static void secrets_are_bounded_and_wiped(void **state) {
        static const char long_one[SECRET_MAX + 1] = { [0 ... SECRET_MAX] = 'x' };
        struct secret secret = { 0 };
        assert_int_equal(secret_set(&secret, long_one, SECRET_MAX), 0);
        assert_int_equal(secret.len, SECRET_MAX);
        assert_int_equal(secret.bytes[SECRET_MAX], 0);
        assert_int_equal(secret_set(&secret, long_one, SECRET_MAX + 1), -EMSGSIZE); /* L8 */
        assert_int_equal(secret.len, 0);
        assert_int_equal(secret_set(&secret, "a\0b", 3), 0);
        assert_true(secret_has_nul(&secret));
        assert_int_equal(secret_set(&secret, "ab", 2), 0);
        assert_false(secret_has_nul(&secret));
        secret_done(&secret);
        for (size_t i = 0; i < sizeof secret; i++)
                assert_int_equal(((const unsigned char *)&secret)[i], 0);
}

static void maps_find_what_was_added(void **state) {
        struct name_map map = { 0 };
        struct arena arena = { 0 };
        assert_int_equal(name_map_get(&map, "a"), NAME_MAP_NONE);
        for (uint32_t i = 0; i < 20000; i++) {
                char name[16];
                (void)snprintf(name, sizeof name, "User%u", i);
                assert_int_equal(name_map_add(&map, arena_strdup(&arena, name), i), 0);
        }
        for (uint32_t i = 0; i < 20000; i++) {
                char name[16];
                (void)snprintf(name, sizeof name, "uSER%u", i);
                assert_int_equal(name_map_get(&map, name), i);
        }
        assert_int_equal(name_map_add(&map, "USER7", 1), -EEXIST); /* N1 */
        assert_int_equal(name_map_get(&map, "user7"), 7);
        assert_int_equal(name_map_get(&map, "user20000"), NAME_MAP_NONE);
        assert_int_equal(map.used, 20000);
        name_map_done(&map);
        arena_done(&arena);
}

/* Against a list: after every removal each of the others is found, and the one that went is not. */
static void maps_forget_what_was_removed(void **state) {
        enum { NAMES = 400 };
        static char names[NAMES][8];
        bool there[NAMES] = { false };
        struct name_map map = { 0 };
        uint32_t random = 1;
        for (uint32_t i = 0; i < NAMES; i++)
                (void)snprintf(names[i], sizeof names[i], "n%u", i);
        name_map_remove(&map, "nobody");
        for (uint32_t step = 0; step < 4000; step++) {
                random = random * 1664525u + 1013904223u;
                uint32_t at = (random >> 16) % NAMES;
                if (there[at])
                        name_map_remove(&map, names[at]);
                else
                        assert_int_equal(name_map_add(&map, names[at], at), 0);
                there[at] = !there[at];
                for (uint32_t i = 0; step % 50 == 0 && i < NAMES; i++)
                        assert_int_equal(name_map_get(&map, names[i]), there[i] ? i : NAME_MAP_NONE);
        }
        name_map_done(&map);
}

static void arenas_are_joined(void **state) {
        struct arena a = { 0 }, b = { 0 };
        char *first = arena_strdup(&a, "first"), *second = arena_strdup(&b, "second");
        arena_join(&a, &b);
        assert_null(b.blocks);
        char *third = arena_strdup(&a, "third");
        struct arena empty = { 0 };
        arena_join(&empty, &a);
        assert_string_equal(first, "first");
        assert_string_equal(second, "second");
        assert_string_equal(third, "third");
        arena_done(&empty);
        arena_done(&a);
}

/* Sizes on both sides of where they stop being malloc's, before and after rests: the bytes stay, whatever moves. */
static void bulk_keeps_its_bytes(void **state) {
        static const size_t sizes[] = { 100, 1 << 20, 3 << 20, (1 << 20) + 1, 200, 5 << 20, 300 * 1024, 299 * 1024 };
        unsigned char *p = NULL, *other = bulk_alloc(1 << 20);
        size_t old = 0;
        assert_true(other && other[(1 << 20) - 1] == 0);
        memset(other, 0x5a, 1 << 20);
        assert_int_equal(bulk_rest("/nonexistent"), -ENOENT); /* memory stays memory */
        for (size_t round = 0; round < 3; round++)
                for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                        unsigned char *moved = bulk_resize(p, old, sizes[i]);
                        assert_non_null(moved);
                        p = moved;
                        size_t kept = old < sizes[i] ? old : sizes[i];
                        for (size_t at = 0; at < kept; at += 999)
                                assert_int_equal(p[at], (unsigned char)(at * 7));
                        for (size_t at = 0; at < sizes[i]; at++)
                                p[at] = (unsigned char)(at * 7);
                        old = sizes[i];
                        if (i % 2 == round % 2)
                                assert_int_equal(bulk_rest("/tmp"), 0);
                        assert_true(other[0] == 0x5a && other[(1 << 20) - 1] == 0x5a);
                }
        bulk_free(p, old);
        bulk_free(other, 1 << 20);
        bulk_free(NULL, 0);
        assert_int_equal(bulk_rest("/tmp"), 0);
}

/* Where in the file a block lies; -1: in none. */
static long long file_offset(const void *p) {
        char line[512];
        unsigned long long from, to, offset, at = (uintptr_t)p;
        long long found = -1;
        FILE *maps = fopen("/proc/self/maps", "re");
        assert_non_null(maps);
        while (fgets(line, sizeof line, maps))
                if (sscanf(line, "%llx-%llx %*s %llx", &from, &to, &offset) == 3 && from <= at && at < to && strstr(line, "(deleted)"))
                        found = (long long)(offset + at - from);
        (void)fclose(maps);
        return found;
}

/* The file does not grow for ever: what was there before is begun anew. */
static void bulk_begins_its_file_anew(void **state) {
        (void)state;
        for (unsigned round = 0; round < 3; round++) {
                unsigned char *p[2] = { bulk_alloc(1 << 20), bulk_alloc(1 << 20) };
                assert_true(p[0] && p[1]);
                memset(p[0], 1, 1 << 20);
                memset(p[1], 2, 1 << 20);
                assert_int_equal(bulk_rest("/tmp"), 0);
                assert_int_equal(file_offset(p[0]) + file_offset(p[1]), 1 << 20);
                bulk_free(p[round % 2], 1 << 20);
                unsigned char *third = bulk_alloc(1 << 20);
                assert_int_equal(bulk_rest("/tmp"), 0);
                assert_int_equal(file_offset(third), 2 << 20);
                assert_true(p[!(round % 2)][0] == 1 + !(round % 2) && third[0] == 0);
                bulk_free(p[!(round % 2)], 1 << 20);
                bulk_free(third, 1 << 20);
        }
}

static void arenas_give_zeroed_aligned_memory(void **state) {
        struct arena arena = { 0 };
        for (size_t size = 0; size < 200000; size = size * 2 + 1) {
                unsigned char *p = arena_alloc(&arena, size);
                assert_non_null(p);
                assert_int_equal((uintptr_t)p % 16, 0);
                for (size_t i = 0; i < size; i++)
                        assert_int_equal(p[i], 0);
                memset(p, 0xa5, size);
        }
        assert_null(arena_alloc(&arena, SIZE_MAX));
        assert_null(arena_copy(&arena, "", SIZE_MAX));
        assert_string_equal(arena_copy(&arena, "abcdef", 3), "abc");
        arena_done(&arena);
}

static void files_are_replaced_whole(void **state) {
        char folder[] = "/tmp/multidir-unit.XXXXXX";
        assert_non_null(mkdtemp(folder));
        _cleanup_free_ char *path = NULL, *link_path = NULL;
        assert_true(asprintf(&path, "%s/file", folder) > 0 && asprintf(&link_path, "%s/link", folder) > 0);
        _cleanup_free_ char *text = NULL;
        size_t len = 99;
        assert_int_equal(file_read(path, 100, &text, &len), -ENOENT);
        assert_int_equal(file_replace(path, "a\0b", 3, 0640), 0);
        assert_int_equal(file_read(path, 2, &text, &len), -EFBIG);
        assert_int_equal(len, 99);
        assert_int_equal(file_read(path, 3, &text, &len), 0);
        assert_int_equal(len, 3);
        assert_memory_equal(text, "a\0b", 4);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        free(TAKE_PTR(text));
        assert_int_equal(symlink(path, link_path), 0);
        assert_int_equal(file_read(link_path, 100, &text, &len), -ELOOP);
        assert_int_equal(file_read(folder, 100, &text, &len), -EINVAL); /* a folder is no file */
        _cleanup_free_ char *nowhere = NULL;
        assert_true(asprintf(&nowhere, "%s/none/file", folder) > 0);
        assert_int_equal(file_replace(nowhere, "", 0, 0600), -ENOENT);
        assert_int_equal(unlink(link_path), 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(folder), 0); /* nothing temporary was left */
}

static void reasons_have_one_word_each(void **state) {
        for (unsigned i = 0; i < REASON_MAX; i++)
                assert_int_equal(reason_from_name(reason_name((enum reason)i)), i);
        assert_int_equal(reason_from_name("no-such-word"), REASON_MAX);
        assert_string_equal(reason_name((enum reason)999), "unavailable");
        assert_string_equal(reason_name((enum reason)0), "unavailable"); /* zeroed memory is the safe answer */
}

/* Not a proof of quality, but a hash that drops bytes or seeds would be seen. */
static void hashes_depend_on_every_byte_and_the_seed(void **state) {
        unsigned char bytes[40] = { 0 };
        for (size_t len = 0; len <= sizeof bytes; len++) {
                uint64_t h = hash_bytes(bytes, len, 1);
                assert_true(h != hash_bytes(bytes, len, 2));
                if (len > 0)
                        assert_true(h != hash_bytes(bytes, len - 1, 1));
                for (size_t i = 0; i < len; i++) {
                        bytes[i] ^= 1;
                        assert_true(h != hash_bytes(bytes, len, 1));
                        bytes[i] ^= 1;
                }
        }
        assert_true(hash_u64(1, 1) != hash_u64(1, 2) && hash_u64(1, 1) != hash_u64(2, 1));
}

static void ports_of_root(void **state) {
        static const struct { const char *text; unsigned first; } rows[] = {
                { "1024\n", 1024 }, { "0\n", 0 }, { "80\n", 80 }, { "80", 80 }, { "1023\n", 1023 },
                { "1025\n", 1024 }, { "65535\n", 1024 }, { "65616\n", 1024 }, { "4294967376\n", 1024 }, { "18446744073709551616\n", 1024 },
                { "", 1024 }, { "\n", 1024 }, { "-1\n", 1024 }, { "many\n", 1024 }, { "80 81\n", 1024 }, { "00000000000000000000000000000000080\n", 1024 },
        };
        char path[] = "/tmp/base-ports-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
        assert_int_equal(ports_first_unprivileged(), 1024);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(file_replace(path, rows[i].text, strlen(rows[i].text), 0600), 0);
                ports_read(path);
                if (ports_first_unprivileged() != rows[i].first)
                        fail_msg("\"%s\": %u", rows[i].text, ports_first_unprivileged());
        }
        assert_int_equal(file_replace(path, "0", 1, 0600), 0);
        ports_read(path);
        assert_int_equal(unlink(path), 0);
        ports_read(path);
        assert_int_equal(ports_first_unprivileged(), 1024);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_fold_ascii_only), cmocka_unit_test(utf8_is_strict), cmocka_unit_test(numbers_are_strict),
                cmocka_unit_test(durations), cmocka_unit_test(buffers_grow_and_fail_once), cmocka_unit_test(secrets_are_bounded_and_wiped),
                cmocka_unit_test(maps_find_what_was_added), cmocka_unit_test(maps_forget_what_was_removed),
                cmocka_unit_test(arenas_are_joined), cmocka_unit_test(bulk_keeps_its_bytes), cmocka_unit_test(bulk_begins_its_file_anew),
                cmocka_unit_test(arenas_give_zeroed_aligned_memory),
                cmocka_unit_test(files_are_replaced_whole), cmocka_unit_test(ports_of_root), cmocka_unit_test(reasons_have_one_word_each),
                cmocka_unit_test(hashes_depend_on_every_byte_and_the_seed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
