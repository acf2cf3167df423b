/* The id registry and the replica builder (I2, I5, N2).
 * Relies on: model/registry, model/replica.
 * Must never: need a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/registry.h"
#include "model/replica.h"

static void put(struct registry *registry, enum name_kind kind, const char *name, const char *directory, const char *entry, uint32_t id) {
        struct registry_row row = { .kind = kind, .name = name, .directory = directory, .entry_id = entry, .id = id };
        assert_int_equal(registry_put(registry, &row), 0);
}

static uint32_t id_of(const struct registry *registry, const char *name) {
        const struct registry_row *row = registry_by_name(registry, NAME_OF_USER, name);
        return row ? row->id : 0;
}

static void test_rows(void **state) {
        struct registry *registry = registry_new();
        (void)state;
        put(registry, NAME_OF_USER, "Ann", "A", "e1", 5000);
        put(registry, NAME_OF_GROUP, "ann", "A", "g1", 5001);
        assert_int_equal(id_of(registry, "ANN"), 5000);
        assert_string_equal(registry_by_id(registry, NAME_OF_USER, 5000)->name, "ann");
        assert_null(registry_by_id(registry, NAME_OF_GROUP, 5000));
        assert_int_equal(registry_by_entry(registry, NAME_OF_USER, "A", "e1")->id, 5000);
        assert_null(registry_by_entry(registry, NAME_OF_USER, "B", "e1"));
        assert_int_equal(registry_pending_count(registry), 2);
        /* The same row again is no change. */
        put(registry, NAME_OF_USER, "ann", "A", "e1", 5000);
        assert_int_equal(registry_pending_count(registry), 2);
        registry_saved(registry);
        assert_int_equal(registry_pending_count(registry), 0);
        /* I2: the former row of a name stays known by its id and entry. */
        const struct registry_row *former = registry_by_name(registry, NAME_OF_USER, "ann");
        put(registry, NAME_OF_USER, "ann", "B", "e2", 6000);
        assert_int_equal(registry_pending_count(registry), 1);
        assert_false(former->current);
        assert_int_equal(id_of(registry, "ann"), 6000);
        assert_ptr_equal(registry_by_id(registry, NAME_OF_USER, 5000), former);
        assert_ptr_equal(registry_by_entry(registry, NAME_OF_USER, "A", "e1"), former);
        assert_true(registry_pending(registry, 0)->current);
        assert_string_equal(registry_pending(registry, 0)->directory, "B");
        assert_null(registry_pending(registry, 1));
        registry_free(registry);
}

static void test_revert(void **state) {
        struct registry *registry = registry_new();
        char name[32], entry[32];
        (void)state;
        put(registry, NAME_OF_USER, "ann", "A", "e1", 5000);
        registry_saved(registry);
        put(registry, NAME_OF_USER, "ann", "B", "e2", 6000);
        for (uint32_t i = 0; i < 40000; i++) {
                (void)snprintf(name, sizeof name, "user%u", i);
                (void)snprintf(entry, sizeof entry, "entry%u", i);
                put(registry, NAME_OF_USER, name, "A", entry, 10000 + i);
        }
        assert_int_equal(id_of(registry, "user39999"), 49999);
        registry_revert(registry);
        assert_int_equal(registry_pending_count(registry), 0);
        assert_int_equal(id_of(registry, "ann"), 5000);
        assert_true(registry_by_name(registry, NAME_OF_USER, "ann")->current);
        assert_null(registry_by_id(registry, NAME_OF_USER, 6000));
        assert_null(registry_by_name(registry, NAME_OF_USER, "user0"));
        put(registry, NAME_OF_USER, "bob", "A", "e3", 7000);
        assert_int_equal(id_of(registry, "bob"), 7000);
        assert_int_equal(id_of(registry, "ann"), 5000);
        registry_free(registry);
}

static void test_load(void **state) {
        struct registry *registry = registry_new();
        struct registry_row older = { .kind = NAME_OF_USER, .name = "ann", .directory = "A", .entry_id = "e1", .id = 5000, .current = false };
        struct registry_row newer = { .kind = NAME_OF_USER, .name = "ann", .directory = "B", .entry_id = "e2", .id = 6000, .current = true };
        (void)state;
        assert_int_equal(registry_load(registry, &older), 0);
        assert_null(registry_by_name(registry, NAME_OF_USER, "ann"));
        assert_int_equal(registry_load(registry, &newer), 0);
        assert_int_equal(registry_pending_count(registry), 0);
        assert_int_equal(id_of(registry, "ann"), 6000);
        assert_false(registry_by_id(registry, NAME_OF_USER, 5000)->current);
        put(registry, NAME_OF_USER, "bob", "A", "e3", 7000);
        registry_revert(registry);
        assert_int_equal(id_of(registry, "ann"), 6000);
        assert_false(registry_by_id(registry, NAME_OF_USER, 5000)->current);
        registry_free(registry);
}

static void test_accept(void **state) {
        struct registry *registry = registry_new();
        (void)state;
        registry_revert(registry);
        assert_int_equal(registry_accept(registry, NAME_OF_USER, "Ann"), 0);
        assert_int_equal(registry_accept(registry, NAME_OF_USER, "ann"), 0);
        assert_true(registry_is_accepted(registry, NAME_OF_USER, "ANN"));
        assert_false(registry_is_accepted(registry, NAME_OF_GROUP, "ann"));
        registry_clear_accepted(registry);
        assert_false(registry_is_accepted(registry, NAME_OF_USER, "ann"));
        /* A build that was thrown away did not use it up. */
        registry_revert(registry);
        assert_true(registry_is_accepted(registry, NAME_OF_USER, "ann"));
        registry_clear_accepted(registry);
        registry_saved(registry);
        registry_revert(registry);
        assert_false(registry_is_accepted(registry, NAME_OF_USER, "ann"));
        registry_free(registry);
}

static text_ref text(struct replica *replica, const char *words) {
        text_ref ref;
        assert_int_equal(replica_add_text(replica, words, &ref), 0);
        return ref;
}

static uint32_t add_user(struct replica *replica, const char *name) {
        uint32_t index;
        struct replica_user user = { .name = text(replica, name), .entry_id = text(replica, name), .active = true };
        assert_int_equal(replica_add_user(replica, &user, &index), 0);
        return index;
}

static uint32_t add_group(struct replica *replica, const char *name) {
        uint32_t index;
        struct replica_group group = { .name = text(replica, name), .entry_id = text(replica, name), .active = true };
        assert_int_equal(replica_add_group(replica, &group, &index), 0);
        return index;
}

static void test_replica(void **state) {
        struct replica *replica = replica_new();
        (void)state;
        uint32_t ann = add_user(replica, "Ann"), bob = add_user(replica, "bob"), again = add_user(replica, "ANN");
        uint32_t ops = add_group(replica, "ops"), all = add_group(replica, "all");
        assert_int_equal(text(replica, NULL), 0);
        assert_int_equal(text(replica, ""), 0);
        static const uint32_t edges[][2] = { { 1, 1 }, { 0, 1 }, { 1, 0 }, { 1, 1 }, { 0, 1 } };
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(replica_add_user_edge(replica, edges[i][0], edges[i][1]), 0);
        assert_int_equal(replica_add_group_edge(replica, ops, ops), 0);
        assert_int_equal(replica_add_group_edge(replica, ops, all), 0);
        assert_int_equal(replica_add_group_edge(replica, ops, all), 0);
        assert_int_equal(replica_finish(replica), 0);
        assert_true(replica->users[ann].ambiguous && replica->users[again].ambiguous && !replica->users[bob].ambiguous);
        assert_int_equal(replica_find_user(replica, "ann"), ann);
        assert_int_equal(replica_find_user(replica, "BOB"), bob);
        assert_int_equal(replica_find_user(replica, "cat"), REPLICA_NONE);
        assert_int_equal(replica_find_group(replica, "OPS"), ops);
        assert_int_equal(replica->user_edge_count, 3);
        assert_int_equal(replica->user_edges[0].member, 0);
        assert_int_equal(replica->user_edges[1].group, 0);
        assert_int_equal(replica->user_edges[2].group, 1);
        assert_int_equal(replica->group_edge_count, 1);
        assert_int_equal(replica->group_edges[0].group, all);
        replica_free(replica);
}

static void test_replica_refuses(void **state) {
        struct replica *replica = replica_new();
        (void)state;
        (void)add_user(replica, "ann");
        (void)add_group(replica, "ops");
        assert_int_equal(replica_add_user_edge(replica, 0, 1), 0);
        assert_int_equal(replica_finish(replica), -EINVAL);
        replica_free(replica);
        replica = replica_new();
        assert_int_equal(replica_finish(replica), 0);
        assert_int_equal(replica_find_user(replica, "ann"), REPLICA_NONE);
        replica_free(replica);
        replica_free(NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows), cmocka_unit_test(test_revert), cmocka_unit_test(test_load), cmocka_unit_test(test_accept),
                cmocka_unit_test(test_replica), cmocka_unit_test(test_replica_refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
