/* What two configurations must have alike to let the same people in (L4); the gate itself is in test_membership.c.
 * Relies on: rules/gate.
 * Must never: leave out a setting that the gate looks at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "rules/gate.h"

/* L4: what lets somebody in, or keeps somebody out, is another configuration of the gates; what does neither is not. */
static void digests(void **state) {
        static const struct { const char *what; bool same; int all, groups, nested, inactive, active, type, order, name, other; } rows[] = {
                { "nothing", true, 0 },
                { "allow_all", false, .all = 1 }, { "another group", false, .groups = 1 }, { "one group less", false, .groups = 2 },
                { "the groups in one text", false, .groups = 3 }, { "nested_groups", false, .nested = 1 }, { "ignore_inactive_groups", false, .inactive = 1 },
                { "active", false, .active = 1 }, { "type", false, .type = 1 }, { "the order", false, .order = 1 },
                { "an application's name", false, .name = 1 },
                { "refresh, permissions, seats", true, .other = 1 },
        };
        static const char *const lists[][2] = { { "ops", "crew" }, { "ops", "night" }, { "ops", NULL }, { "opscrew", NULL } };
        uint64_t first = 0;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct directory_settings directories[2] = { { .name = "a", .type = DIRECTORY_LDAP, .active = !rows[i].active },
                                                             { .name = "b", .type = DIRECTORY_INTERNAL, .active = true } };
                struct mapping_settings mappings[2] = { { .directory = (uint32_t)rows[i].order }, { .directory = (uint32_t)!rows[i].order } };
                struct application_settings application = { .name = rows[i].name ? "other" : "host", .mappings = mappings, .mapping_count = 2,
                                                            .seats = (uint32_t)rows[i].other };
                const struct settings settings = { .directories = directories, .directory_count = 2,
                                                   .applications = &application, .application_count = 1 };
                mappings[0].allow_groups = lists[rows[i].groups];
                mappings[0].allow_group_count = rows[i].groups < 2 ? 2 : 1;
                mappings[0].allow_all = rows[i].all;
                mappings[0].permissions = (permission_set)rows[i].other;
                directories[0].nested_groups = rows[i].nested;
                directories[0].ignore_inactive_groups = rows[i].inactive;
                directories[0].refresh_s = (uint64_t)rows[i].other;
                if (rows[i].type)
                        directories[0].type = DIRECTORY_DELEGATED;
                uint64_t digest = gate_digest(&settings);
                first = i == 0 ? digest : first;
                if (digest == 0 || (digest == first) != rows[i].same)
                        fail_msg("%s", rows[i].what);
        }
        assert_int_not_equal(gate_digest(&(const struct settings){ 0 }), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(digests) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
