/* The keeper when the disk is full or broken, at every write of a change in two directories: the answer says what was done where (U12), nothing
 * else is changed, and what follows works again. Also a store that goes away.
 * Relies on: keeper_world, store_fault.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "keeper_world.h"
#include "store_fault.h"

#define CONFIG "[directory/a]\ntype = internal\n[directory/b]\ntype = internal\n[application/host]\ndirectories = a, b\n" \
        "[application/host/a]\nallow_all = yes\n[application/host/b]\nallow_all = yes\n"

static void fill(struct keeper_world *world) {
        static const struct keeper_check rows[] = {
                { "", "{'command':'user add','directory':'a','user':'ann'}", 0, NULL },
                { "", "{'command':'user add','directory':'b','user':'bob'}", 0, NULL },
                { "", "{'command':'group add','directory':'b','group':'night'}", 0, NULL },
        };
        keeper_world_run(world, rows, ARRAY_SIZE(rows));
}

static json_t *ask(struct keeper_world *world, int *exit, json_t *request) {
        json_t *object = keeper_command(world->keeper, request, exit);
        json_decref(request);
        assert_non_null(object);
        return object;
}

/* Whether the directory's group night has the member, as the console sees it. */
static bool has_member(struct keeper_world *world, const char *directory, const char *user) {
        int exit;
        json_t *object = ask(world, &exit, json_pack("{s:s, s:s, s:s}", "command", "group show", "directory", directory, "group", "night"));
        bool found = false;
        size_t i;
        json_t *name;
        json_array_foreach(json_object_get(object, "members"), i, name)
                found = found || strcmp(json_string_value(name), user) == 0;
        json_decref(object);
        return found;
}

static bool is_listed(const json_t *object, const char *directory) {
        size_t i;
        json_t *row;
        json_array_foreach(json_object_get(object, "changed"), i, row)
                if (strcmp(json_string_value(json_object_get(row, "directory")), directory) == 0)
                        return true;
        return false;
}

/* false: the fault lay beyond what the change writes. */
static bool one_fault(enum fault_mode mode, unsigned nth) {
        struct keeper_world world;
        int exit = -1;
        keeper_world_open(&world, CONFIG);
        fill(&world);
        fault_arm(mode, nth, nth);
        json_t *object = ask(&world, &exit, json_pack("{s:s, s:s, s:[s,s]}", "command", "member add", "group", "night", "names", "ann", "bob"));
        bool met = keeper_build(world.keeper) < 0 || exit != 0;
        fault_arm(FAULT_NONE, 0, 0);
        if (exit != 0 && exit != 6)
                fail_msg("mode %d, write %u: exit %d", (int)mode, nth, exit);
        if (exit == 6)
                assert_string_equal(json_string_value(json_object_get(object, "reason")), "unavailable");
        assert_int_equal(keeper_build(world.keeper), 0);
        for (unsigned round = 0; round < 2; round++) {
                if (is_listed(object, "a") != has_member(&world, "a", "ann") || is_listed(object, "b") != has_member(&world, "b", "bob"))
                        fail_msg("mode %d, write %u, %s: exit %d, but a %d, b %d", (int)mode, nth, round ? "after a restart" : "at once", exit,
                                 has_member(&world, "a", "ann"), has_member(&world, "b", "bob"));
                keeper_world_restart(&world, CONFIG);
        }
        json_decref(object);
        object = ask(&world, &exit, json_pack("{s:s, s:s}", "command", "user add", "user", "cat"));
        assert_int_equal(exit, 0);
        json_decref(object);
        assert_int_equal(keeper_build(world.keeper), 0);
        keeper_world_close(&world);
        return met;
}

static void every_write(void **state) {
        static const enum fault_mode modes[] = { FAULT_FULL, FAULT_BROKEN };
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++) {
                unsigned nth = 1;
                for (unsigned quiet = 0; quiet < 3 && nth < 80; nth++)
                        quiet = one_fault(modes[m], nth) ? 0 : quiet + 1;
                assert_true(nth > 5 && nth < 80);
        }
}

/* An import on a full disk: nothing of it. */
static void import(void **state) {
        struct keeper_world world;
        for (unsigned nth = 1; nth < 8; nth++) {
                int exit = -1;
                keeper_world_open(&world, CONFIG);
                fill(&world);
                json_decref(ask(&world, &exit, json_pack("{s:s, s:s, s:s}", "command", "import begin", "kind", "user", "directory", "a")));
                json_decref(ask(&world, &exit, json_pack("{s:s, s:[{s:i,s:s},{s:i,s:s}]}", "command", "import rows", "rows", "line", 1, "name", "x", "line", 2, "name", "y")));
                fault_arm(FAULT_FULL, nth, nth);
                json_t *object = ask(&world, &exit, json_pack("{s:s}", "command", "import end"));
                fault_arm(FAULT_NONE, 0, 0);
                json_decref(object);
                keeper_world_restart(&world, CONFIG);
                assert_int_equal(view_user_count(&world.keeper->view), exit == 0 ? 4 : 2);
                keeper_world_close(&world);
        }
}

int main(void) {
        fault_install();
        const struct CMUnitTest tests[] = { cmocka_unit_test(every_write), cmocka_unit_test(import) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
