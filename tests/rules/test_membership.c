/* Nesting of any shape and size, direct memberships by name and by number, the gate's groups, small worlds by hand (M1 to M6, M9, L4, N1 to N3,
 * D6). Random worlds are in test_worlds.c.
 * Relies on: rules/membership, rules/gate, model/replica.
 * Must never: take a seed that it does not print. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "random.h"
#include "rules/gate.h"
#include "rules/membership.h"
#include "rules/sort.h"

#define NODES 24
#define PLENTY ((size_t)1 << 22)

static const struct directory_settings nested = { .name = "d", .active = true, .nested_groups = true };

static void add_group(struct replica *replica, const char *name, bool active, uint32_t gid) {
        struct replica_group group = { .active = active, .gid = gid };
        uint32_t index;
        assert_int_equal(replica_add_text(replica, name, &group.name), 0);
        assert_int_equal(replica_add_group(replica, &group, &index), 0);
}

static void add_user(struct replica *replica, const char *name, uint32_t gid, bool posix) {
        struct replica_user user = { .active = true, .gid = gid, .posix_primary = posix };
        uint32_t index;
        assert_int_equal(replica_add_text(replica, name, &user.name), 0);
        assert_int_equal(replica_add_user(replica, &user, &index), 0);
}

static struct replica *groups_only(uint32_t count) {
        struct replica *replica = replica_new();
        assert_non_null(replica);
        for (uint32_t g = 0; g < count; g++) {
                char name[32];
                (void)snprintf(name, sizeof name, "g%u", g);
                add_group(replica, name, true, 0);
        }
        return replica;
}

static struct closure *closed(const struct replica *replica, const struct directory_settings *directory, size_t room) {
        struct closure *closure;
        assert_int_equal(closure_new_bounded(replica, directory, room, &closure), 0);
        return closure;
}

/* Reachability by squaring-free brute force: until nothing changes. */
static void reach(bool above[NODES][NODES], int count) {
        for (bool again = true; again;) {
                again = false;
                for (int a = 0; a < count; a++)
                        for (int b = 0; b < count; b++)
                                for (int c = 0; c < count; c++)
                                        if (above[a][b] && above[b][c] && !above[a][c])
                                                again = above[a][c] = true;
        }
}

static void compare_graph(const struct replica *replica, const struct closure *closure, bool above[NODES][NODES], struct random *random) {
        uint32_t count = replica->group_count, scratch[NODES] = { 0 }, out[NODES];
        bool below[NODES];
        for (uint32_t g = 0; g < count; g++) {
                closure_below(closure, g, below);
                for (uint32_t k = 0; k < count; k++) {
                        assert_int_equal(below[k], above[k][g]);
                        assert_int_equal(closure_is_above(closure, k, g), above[k][g]);
                }
        }
        for (uint32_t stamp = 1; stamp < 9; stamp++) {
                uint32_t direct[3];
                size_t at = 0, direct_count = (size_t)random_below(random, 4);
                for (size_t i = 0; i < direct_count; i++)
                        direct[i] = (uint32_t)random_below(random, (int)count);
                size_t n = membership_in_directory(closure, direct, direct_count, scratch, stamp, out);
                for (uint32_t g = 0; g < count; g++) {
                        bool in = false;
                        for (size_t i = 0; i < direct_count; i++)
                                in |= above[direct[i]][g];
                        if (in)
                                assert_int_equal(at < n ? out[at++] : UINT32_MAX, g);
                }
                assert_int_equal(at, n);
        }
}

/* M1, M6, N2 on graphs of every density, with as much and as little room for kept lists as there can be. */
static void random_graphs(void **state) {
        static const size_t rooms[] = { 0, 1, 5, 30, 200, PLENTY };
        struct random random = { .state = random_seed() };
        for (int i = 0; i < 20000; i++) {
                int count = 1 + random_below(&random, NODES), density = 1 + random_below(&random, 3 * count);
                bool grants[NODES], above[NODES][NODES] = { 0 };
                struct replica *replica = replica_new();
                struct directory_settings directory = nested;
                directory.nested_groups = !random_one_in(&random, 10);
                directory.ignore_inactive_groups = random_one_in(&random, 2);
                for (int g = 0; g < count; g++) {
                        char name[16];
                        bool active = !random_one_in(&random, 6);
                        (void)snprintf(name, sizeof name, "g%d", g);
                        add_group(replica, name, active, 0);
                        above[g][g] = grants[g] = active || !directory.ignore_inactive_groups;
                }
                for (int e = 0; e < density; e++) {
                        int child = random_below(&random, count), parent = random_below(&random, count);
                        assert_int_equal(replica_add_group_edge(replica, (uint32_t)child, (uint32_t)parent), 0);
                        above[child][parent] |= directory.nested_groups && grants[child] && grants[parent];
                }
                assert_int_equal(replica_finish(replica), 0);
                reach(above, count);
                struct closure *closure = closed(replica, &directory, rooms[random_below(&random, (int)ARRAY_SIZE(rooms))]);
                compare_graph(replica, closure, above, &random);
                closure_free(closure);
                replica_free(replica);
        }
}

/* M1: unlimited depth, no recursion, and no memory that grows with the square. */
static void a_deep_chain(void **state) {
        enum { DEEP = 50000 };
        struct replica *replica = groups_only(DEEP);
        uint32_t *scratch = calloc(DEEP, sizeof *scratch), *out = calloc(DEEP, sizeof *out);
        for (uint32_t g = 0; g + 1 < DEEP; g++)
                assert_int_equal(replica_add_group_edge(replica, g, g + 1), 0);
        assert_int_equal(replica_finish(replica), 0);
        struct closure *closure;
        assert_int_equal(closure_new(replica, &nested, &closure), 0);
        const uint32_t starts[] = { 0, 1, 25000, DEEP - 3000, DEEP - 2, DEEP - 1 };
        for (uint32_t i = 0; i < ARRAY_SIZE(starts); i++) {
                size_t n = membership_in_directory(closure, &starts[i], 1, scratch, i + 1, out);
                assert_int_equal(n, DEEP - starts[i]);
                for (size_t k = 0; k < n; k++)
                        assert_int_equal(out[k], starts[i] + k);
        }
        assert_int_equal(closure_is_above(closure, 0, DEEP - 1), 1);
        assert_int_equal(closure_is_above(closure, DEEP - 1, 0), 0);
        closure_free(closure);
        replica_free(replica);
        free(scratch);
        free(out);
}

/* M1: everybody in a cycle is in every group of it. */
static void a_great_cycle(void **state) {
        enum { ROUND = 50000 };
        struct replica *replica = groups_only(ROUND);
        uint32_t *scratch = calloc(ROUND, sizeof *scratch), *out = calloc(ROUND, sizeof *out), start = 777;
        for (uint32_t g = 0; g < ROUND; g++)
                assert_int_equal(replica_add_group_edge(replica, g, (g + 1) % ROUND), 0);
        assert_int_equal(replica_finish(replica), 0);
        struct closure *closure = closed(replica, &nested, PLENTY);
        assert_int_equal(membership_in_directory(closure, &start, 1, scratch, 1, out), ROUND);
        assert_int_equal(out[ROUND - 1], ROUND - 1);
        assert_int_equal(closure_is_above(closure, 5, 4), 1);
        closure_free(closure);
        replica_free(replica);
        free(scratch);
        free(out);
}

/* Every group in every higher one: two million edges that say little. */
static void a_dense_nesting(void **state) {
        enum { DENSE = 2000 };
        struct replica *replica = groups_only(DENSE);
        uint32_t *scratch = calloc(DENSE, sizeof *scratch), *out = calloc(DENSE, sizeof *out), start = 0;
        for (uint32_t g = 0; g < DENSE; g++)
                for (uint32_t p = g + 1; p < DENSE; p++)
                        assert_int_equal(replica_add_group_edge(replica, g, p), 0);
        assert_int_equal(replica_finish(replica), 0);
        struct closure *closure;
        assert_int_equal(closure_new(replica, &nested, &closure), 0);
        assert_int_equal(membership_in_directory(closure, &start, 1, scratch, 1, out), DENSE);
        closure_free(closure);
        replica_free(replica);
        free(scratch);
        free(out);
}

static void nothing_at_all(void **state) {
        struct replica *replica = groups_only(0);
        struct direct_groups direct;
        bool gate[1];
        assert_int_equal(replica_finish(replica), 0);
        struct closure *closure = closed(replica, &nested, PLENTY);
        assert_int_equal(direct_groups_new(replica, &direct), 0);
        assert_int_equal(direct.first[0], 0);
        gate_groups(&(struct mapping_settings){ 0 }, replica, gate);
        direct_groups_done(&direct);
        direct_groups_done(&direct);
        closure_free(closure);
        closure_free(NULL);
        replica_free(replica);
}

/* M9, N2: by name, by number, by both; numbers that no group has, that several have; users that two spell. */
static void direct_memberships(void **state) {
        struct replica *replica = replica_new();
        const struct { const char *name; uint32_t gid; bool posix; uint32_t edges[3], edge_count, want[4], count; } users[] = {
                { "by-name", 0, false, { 0, 2 }, 2, { 0, 2 }, 2 },
                { "by-number", 100, true, { 0 }, 0, { 1 }, 1 },
                { "by-both", 100, true, { 1, 2 }, 2, { 1, 2 }, 2 },
                { "two-groups-have-it", 200, true, { 0 }, 0, { 3, 4 }, 2 },
                { "name-and-two", 200, true, { 4, 0 }, 2, { 0, 3, 4 }, 3 },
                { "no-group-has-it", 150, true, { 2 }, 1, { 2 }, 1 },
                { "greater-than-all", 900, true, { 0 }, 0, { 0 }, 0 },
                { "smaller-than-all", 1, true, { 0 }, 0, { 0 }, 0 },
                { "not-posix", 100, false, { 0 }, 0, { 0 }, 0 },
                { "no-number", 0, true, { 0 }, 0, { 0 }, 0 },
                { "twice", 100, true, { 0 }, 1, { 0 }, 0 },
                { "TWICE", 100, true, { 1 }, 1, { 0 }, 0 },
                { "last", 0, false, { 2 }, 1, { 2 }, 1 },
        };
        const uint32_t numbers[] = { 0, 100, 0, 200, 200 };
        for (uint32_t g = 0; g < ARRAY_SIZE(numbers); g++)
                add_group(replica, (const char *[]){ "a", "b", "c", "d", "e" }[g], true, numbers[g]);
        for (uint32_t u = 0; u < ARRAY_SIZE(users); u++) {
                add_user(replica, users[u].name, users[u].gid, users[u].posix);
                for (uint32_t e = 0; e < users[u].edge_count; e++)
                        assert_int_equal(replica_add_user_edge(replica, u, users[u].edges[e]), 0);
        }
        struct direct_groups direct;
        assert_int_equal(replica_finish(replica), 0);
        assert_int_equal(direct_groups_new(replica, &direct), 0);
        for (uint32_t u = 0; u < ARRAY_SIZE(users); u++) {
                uint32_t *list = direct.groups + direct.first[u];
                size_t count = direct.first[u + 1] - direct.first[u];
                sort_u32(list, count);
                if (count != users[u].count || memcmp(list, users[u].want, count * sizeof *list) != 0)
                        fail_msg("M9 %s: %zu groups", users[u].name, count);
        }
        direct_groups_done(&direct);
        replica_free(replica);
}

static void sorting(void **state) {
        struct random random = { .state = random_seed() };
        static uint32_t list[20000];
        const size_t sizes[] = { 0, 1, 2, 3, 10, 60, 700, 5000, 20000 };
        for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
                uint64_t sum = 0, now = 0;
                for (size_t i = 0; i < sizes[s]; i++)
                        sum += list[i] = (uint32_t)random_next(&random);
                sort_u32(list, sizes[s]);
                for (size_t i = 0; i < sizes[s]; i++) {
                        now += list[i];
                        assert_true(i == 0 || list[i - 1] <= list[i]);
                }
                assert_true(now == sum);
        }
}

/* L4: names in any case (N1), not those that are refused (N3) or ambiguous (N2). */
static void gates(void **state) {
        struct replica *replica = replica_new();
        const char *const groups[] = { "linux", "Ops", "twice", "Twice", "123", "-bad", "docker" };
        for (size_t g = 0; g < ARRAY_SIZE(groups); g++)
                add_group(replica, groups[g], true, 0);
        assert_int_equal(replica_finish(replica), 0);
        const char *const allow[] = { "LINUX", "twice", "123", "-bad", "ops", "missing", "docker" };
        const struct mapping_settings mapping = { .allow_groups = allow, .allow_group_count = ARRAY_SIZE(allow) };
        const struct mapping_settings everybody = { .allow_all = true }, nobody = { 0 };
        const bool want[] = { true, true, false, false, false, false, true };
        bool gate[ARRAY_SIZE(groups)];
        gate_groups(&mapping, replica, gate);
        assert_memory_equal(gate, want, sizeof want);
        const uint32_t in[] = { 2, 4, 1 }, out[] = { 2, 3, 4, 5 };
        assert_int_equal(gate_check(&mapping, gate, in, ARRAY_SIZE(in)), REASON_OK);
        assert_int_equal(gate_check(&mapping, gate, out, ARRAY_SIZE(out)), REASON_NO_ACCESS);
        assert_int_equal(gate_check(&mapping, gate, NULL, 0), REASON_NO_ACCESS);
        assert_int_equal(gate_check(&everybody, gate, NULL, 0), REASON_OK);
        gate_groups(&nobody, replica, gate);
        assert_int_equal(gate_check(&nobody, gate, in, ARRAY_SIZE(in)), REASON_NO_ACCESS);
        replica_free(replica);
}

/* The owner's spelling is the one that is given; a lower one's is not (N1, M4, M7). */
static void owners_spelling(void **state) {
        struct replica *replicas[2] = { replica_new(), replica_new() };
        struct closure *closures[2];
        struct direct_groups direct[2];
        struct directory_settings directories[2] = { nested, nested };
        struct mapping_settings mappings[2] = { { .directory = 0 }, { .directory = 1 } };
        struct application_settings application = { .mappings = mappings, .mapping_count = 2, .membership = AGGREGATING };
        struct settings settings = { .directories = directories, .directory_count = 2, .applications = &application, .application_count = 1 };
        for (uint32_t i = 0; i < 2; i++) {
                add_user(replicas[i], i == 0 ? "JSmith" : "jsmith", 0, false);
                add_group(replicas[i], i == 0 ? "OPS" : "ops", true, 0);
                if (i == 1)
                        assert_int_equal(replica_add_user_edge(replicas[i], 0, 0), 0);
                assert_int_equal(replica_finish(replicas[i]), 0);
                closures[i] = closed(replicas[i], &nested, PLENTY);
                assert_int_equal(direct_groups_new(replicas[i], &direct[i]), 0);
        }
        const struct world world = { .settings = &settings, .application = &application, .replicas = (const struct replica *const *)replicas,
                .closures = (const struct closure *const *)closures, .direct = direct };
        const char **names;
        size_t count;
        assert_int_equal(world_groups_of_user(&world, "jSMITH", &names, &count), 0);
        assert_int_equal(count, 1);
        assert_string_equal(names[0], "OPS");
        free(names);
        assert_int_equal(world_members_of_group(&world, "Ops", &names, &count), 0);
        assert_int_equal(count, 1);
        assert_string_equal(names[0], "JSmith");
        free(names);
        assert_int_equal(world_members_of_group(&world, "none", &names, &count), 0);
        assert_int_equal(count, 0);
        assert_null(names);
        for (int i = 0; i < 2; i++) {
                closure_free(closures[i]);
                direct_groups_done(&direct[i]);
                replica_free(replicas[i]);
        }
}

/* The bounds of what may be published: exactly met is within, one more is not; per user and together, by edges, by number (M9) and by nesting (M1). */
static void bounds(void **state) {
        (void)state;
        static const struct { const char *rule; bool nested; size_t per_user, total; int r; uint32_t user; } rows[] = {
                { "M1: all", true, 10, 19, 0, REPLICA_NONE },
                { "M1: one user", true, 9, 1000, -EFBIG, 0 },
                { "M1: together", true, 10, 18, -EFBIG, REPLICA_NONE },
                { "not nested", false, 4, 5, 0, REPLICA_NONE },
                { "M9: by number, one user", false, 3, 1000, -EFBIG, 1 },
                { "M9: by number, together", false, 4, 4, -EFBIG, REPLICA_NONE },
                { "nobody may be anywhere", false, 0, 0, -EFBIG, 0 },
        };
        struct replica *replica = groups_only(10); /* a chain from 0 up; anna at its foot, bert at 1 and by number in three more */
        add_user(replica, "anna", 0, false);
        add_user(replica, "bert", 77, true);
        add_user(replica, "carl", 78, true);
        for (uint32_t g = 0; g + 1 < 10; g++)
                assert_int_equal(replica_add_group_edge(replica, g, g + 1), 0);
        for (uint32_t g = 7; g < 10; g++)
                replica->groups[g].gid = 77;
        assert_int_equal(replica_add_user_edge(replica, 0, 0), 0);
        assert_int_equal(replica_add_user_edge(replica, 1, 1), 0);
        assert_int_equal(replica_finish(replica), 0);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct directory_settings directory = { .name = "d", .active = true, .nested_groups = rows[i].nested };
                const struct membership_bounds limits = { rows[i].per_user, rows[i].total };
                uint32_t user = 99;
                int r = membership_within(replica, &directory, &limits, &user);
                if (r != rows[i].r || user != rows[i].user)
                        fail_msg("%s: %d, user %u", rows[i].rule, r, user);
        }
        replica_free(replica);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_graphs),
                cmocka_unit_test(a_deep_chain),
                cmocka_unit_test(a_great_cycle),
                cmocka_unit_test(a_dense_nesting),
                cmocka_unit_test(nothing_at_all),
                cmocka_unit_test(direct_memberships),
                cmocka_unit_test(bounds),
                cmocka_unit_test(sorting),
                cmocka_unit_test(gates),
                cmocka_unit_test(owners_spelling),
        };
        return cmocka_run_group_tests_name("M", tests, NULL, NULL);
}
