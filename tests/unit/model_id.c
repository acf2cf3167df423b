/* Ids and the local account files, by rule (I1 to I3, N4).
 * Relies on: model/id, model/local.
 * Must never: read the host's files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/id.h"
#include "model/local.h"

static const char passwd[] =
        "root:x:0:0:root:/root:/bin/bash\n"
        "# comment:x:7001:7001::/:/bin/sh\n"
        "  Indented:x:7002:7003::/:/bin/sh\n"
        "\n"
        "+nis:x:7004:7004::/:/bin/sh\n"
        "bad:x:seven:7005::/:/bin/sh\n"
        "short:x:7006\n"
        "last:x:7007:7008::/:/bin/sh";
static const char group[] = "root:x:0:\nOps:x:7100:a,b\nops:x:7101:\nbad:x::\nshadowed:x:7102\n";
static const char subuid[] = "ann:100000:65536\nbob:165536:65536\nnobody:300000:0\nhuge:4294967290:100\nbad:1\n";

static void test_local(void **state) {
        static const struct { const char *name; bool has, user; } names[] = {
                { "root", true, true }, { "ROOT", true, true }, { "indented", true, true }, { "last", true, true }, { "ops", true, false },
                { "comment", false, false }, { "nis", false, false }, { "bad", false, false }, { "short", false, false }, { "", false, false },
        };
        static const struct { uint32_t id; bool local, sub; } ids[] = {
                { 0, true, false }, { 7001, false, false }, { 7002, true, false }, { 7003, true, false }, { 7004, false, false }, { 7007, true, false },
                { 7008, true, false }, { 7100, true, false }, { 7101, true, false }, { 7102, true, false }, { 7103, false, false },
                { 99999, false, false }, { 100000, false, true }, { 165535, false, true }, { 231071, false, true }, { 231072, false, false },
                { 300000, false, false }, { UINT32_MAX, false, true },
        };
        struct local_accounts *accounts;
        uint32_t gid = 1;
        (void)state;
        assert_int_equal(local_accounts_new(passwd, group, subuid, NULL, &accounts), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (local_accounts_has_name(accounts, names[i].name) != names[i].has || local_accounts_has_user(accounts, names[i].name) != names[i].user)
                        fail_msg("N4: %s", names[i].name);
        for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
                if (local_accounts_has_id(accounts, ids[i].id) != ids[i].local || local_accounts_in_subids(accounts, ids[i].id) != ids[i].sub)
                        fail_msg("I3: %u", ids[i].id);
        assert_true(local_accounts_group_id(accounts, "Ops", &gid));
        assert_int_equal(gid, 7100);
        assert_true(local_accounts_group_id(accounts, "ops", &gid));
        assert_int_equal(gid, 7101);
        assert_false(local_accounts_group_id(accounts, "OPS", &gid));
        local_accounts_free(accounts);
        assert_int_equal(local_accounts_new(NULL, NULL, NULL, NULL, &accounts), 0);
        assert_false(local_accounts_has_id(accounts, 0));
        assert_false(local_accounts_has_name(accounts, "root"));
        local_accounts_free(accounts);
}

static void test_check(void **state) {
        static const struct { const char *rule; enum id_source source; uint32_t min, first, last, id; bool good; } rows[] = {
                { "I3 none", IDS_ATTRIBUTE, 1000, 0, 0, 0, false },
                { "I3 999", IDS_ATTRIBUTE, 1000, 0, 0, 999, false },
                { "I3 1000", IDS_ATTRIBUTE, 1000, 0, 0, 1000, true },
                { "I3 min_id can only be raised", IDS_ATTRIBUTE, 1, 0, 0, 999, false },
                { "I3 min_id raised", IDS_ATTRIBUTE, 2000, 0, 0, 1999, false },
                { "I3 59999", IDS_ATTRIBUTE, 1000, 0, 0, 59999, true },
                { "I3 60000", IDS_ATTRIBUTE, 1000, 0, 0, 60000, false },
                { "I3 65534", IDS_ATTRIBUTE, 1000, 0, 0, 65534, false },
                { "I3 65535", IDS_ATTRIBUTE, 1000, 0, 0, 65535, false },
                { "I3 65536", IDS_ATTRIBUTE, 1000, 0, 0, 65536, true },
                { "I3 2^31-1", IDS_ATTRIBUTE, 1000, 0, 0, 2147483647, true },
                { "I3 2^31", IDS_ATTRIBUTE, 1000, 0, 0, 2147483648u, false },
                { "I3 -1", IDS_ATTRIBUTE, 1000, 0, 0, UINT32_MAX, false },
                { "I3 a local uid", IDS_ATTRIBUTE, 1000, 0, 0, 7002, false },
                { "I3 a local gid", IDS_ATTRIBUTE, 1000, 0, 0, 7100, false },
                { "I3 a primary gid of passwd", IDS_ATTRIBUTE, 1000, 0, 0, 7008, false },
                { "I3 a subuid", IDS_ATTRIBUTE, 1000, 0, 0, 120000, false },
                { "I3 below the range", IDS_ATTRIBUTE, 1000, 5000, 6000, 4999, false },
                { "I3 first of the range", IDS_ATTRIBUTE, 1000, 5000, 6000, 5000, true },
                { "I3 last of the range", IDS_ATTRIBUTE, 1000, 5000, 6000, 6000, true },
                { "I3 above the range", IDS_ATTRIBUTE, 1000, 5000, 6000, 6001, false },
                { "I2 allocate's default range", IDS_ALLOCATE, 1000, 0, 0, 1899999999, false },
                { "I2 allocate's default range", IDS_ALLOCATE, 1000, 0, 0, 1900000000, true },
                { "I2 allocate's default range ends", IDS_ALLOCATE, 1000, 0, 0, 2147483647, false },
                { "I2 sid's default range", IDS_SID, 1000, 0, 0, 199999, false },
                { "I2 sid's default range ends", IDS_SID, 1000, 0, 0, 2000200001, false },
        };
        struct local_accounts *accounts;
        (void)state;
        assert_int_equal(local_accounts_new(passwd, group, subuid, NULL, &accounts), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct directory_settings directory = { .ids = rows[i].source, .min_id = rows[i].min, .has_id_range = rows[i].last != 0,
                                                        .id_range_first = rows[i].first, .id_range_last = rows[i].last };
                const char *why = NULL;
                enum reason reason = id_check(&directory, accounts, rows[i].id, &why);
                if (reason != (rows[i].good ? REASON_OK : REASON_ID_CONFLICT) || (why == NULL) != rows[i].good)
                        fail_msg("%s: %u", rows[i].rule, rows[i].id);
        }
        local_accounts_free(accounts);
}

/* I1: the numbers come from another implementation of the published hash, checked against its author's vectors. */
static void test_sid(void **state) {
        static const struct { const char *rule, *sid; int result; } rows[] = {
                { "I1 a domain SID with a RID", "S-1-5-21-3623811015-3361044348-30300820-1013", 0 },
                { "I1 no RID", "S-1-5-21-3623811015-3361044348-30300820", -EINVAL },
                { "I1 too many parts", "S-1-5-21-1-2-3-4-5", -EINVAL },
                { "I1 well-known", "S-1-5-32-544", -EINVAL },
                { "I1 not a number", "S-1-5-21-1-2-3-x", -EINVAL },
                { "I1 a part above 32 bits", "S-1-5-21-1-2-4294967296-5", -EINVAL },
                { "I1 empty part", "S-1-5-21-1--3-5", -EINVAL },
                { "I1 trailing dash", "S-1-5-21-1-2-3-", -EINVAL },
                { "I1 empty", "", -EINVAL },
                { "I1 the next slice's first RID", "S-1-5-21-1-2-3-200000", 0 },
                { "I1 the last RID there can be", "S-1-5-21-1-2-3-2147483647", 0 },
                { "I1 a RID above it", "S-1-5-21-1-2-3-2147483648", -ERANGE },
                { "I1 the slice's last RID", "S-1-5-21-1-2-3-199999", 0 },
        };
        uint32_t id, other;
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                id = 0;
                if (id_from_sid(rows[i].sid, ID_SID_FIRST, ID_SID_LAST, &id) != rows[i].result)
                        fail_msg("%s", rows[i].rule);
                if (rows[i].result < 0 ? id != 0 : id < ID_SID_FIRST || id > ID_SID_LAST)
                        fail_msg("%s: id %u", rows[i].rule, id);
        }
        assert_int_equal(id_from_sid("S-1-5-21-3623811015-3361044348-30300820-1013", ID_SID_FIRST, ID_SID_LAST, &id), 0);
        assert_int_equal(id, 674001013);
        assert_int_equal(id_from_sid("S-1-5-21-1-2-3-500", ID_SID_FIRST, ID_SID_LAST, &id), 0);
        assert_int_equal(id, 686200500);
        assert_int_equal(id_from_sid("S-1-5-21-1-2-3-501", ID_SID_FIRST, ID_SID_LAST, &other), 0);
        assert_int_equal(other, id + 1);
        assert_int_equal(id_from_sid("S-1-5-21-1-2-3-500", 200000, 399999, &id), 0);
        assert_int_equal(id, 200500);
        assert_int_equal(id_from_sid("S-1-5-21-1-2-3-500", 200000, 399998, &id), -ERANGE);
        assert_int_equal(id_from_sid("S-1-5-21-1-2-3-200000", 200000, 399999, &id), -ERANGE);
}

/* The same against RIDs past the first slice; a running SSSD is asked in tests/e2e/sid_sssd.sh. */
static void test_further_slices(void **state) {
        static const struct { const char *rule, *sid; uint32_t id; } rows[] = {
                { "I1 the first slice", "S-1-5-21-1-2-3-500", 686200500 },
                { "I1 the second one's first", "S-1-5-21-1-2-3-200000", 832600000 },
                { "I1 the second one's last", "S-1-5-21-1-2-3-399999", 832799999 },
                { "I1 the third one's first", "S-1-5-21-1-2-3-400000", 313800000 },
                { "I1 AD's last RID", "S-1-5-21-3623811015-3361044348-30300820-1073741823", 1851341823 },
                { "I1 a domain", "S-1-5-21-32240-2-3-500", 644200500 },
                { "I1 whose second slice gives way to its first one", "S-1-5-21-32240-2-3-200500", 644400500 },
        };
        uint32_t id;
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (id_from_sid(rows[i].sid, ID_SID_FIRST, ID_SID_LAST, &id) != 0 || id != rows[i].id)
                        fail_msg("%s: id %u", rows[i].rule, id);
}

static void test_position(void **state) {
        uint32_t a = id_position("D", "entry", 5000, 5999), b = id_position("D", "entry2", 5000, 5999);
        (void)state;
        /* These numbers are on the disks of every installation: they must never change (I2). */
        assert_int_equal(id_position("customers", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", ID_ALLOCATE_FIRST, ID_ALLOCATE_LAST), 1952476681);
        assert_int_equal(id_position("", "linux-users", ID_ALLOCATE_FIRST, ID_ALLOCATE_LAST), 2059916927);
        assert_true(a >= 5000 && a <= 5999 && a == id_position("D", "entry", 5000, 5999));
        assert_true(a != b && a != id_position("E", "entry", 5000, 5999));
        assert_int_equal(id_position("D", "entry", 7, 7), 7);
        assert_true(id_position("D", "entry", 0, UINT32_MAX) == id_position("D", "entry", 0, UINT32_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_local), cmocka_unit_test(test_check), cmocka_unit_test(test_sid), cmocka_unit_test(test_further_slices),
                cmocka_unit_test(test_position),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
