/* Imports through the keeper: every bad line is named, nothing is written while one is bad, one transaction (P3, N2 to N4, I1 to I4, U11).
 * Relies on: keeper_world.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "keeper_world.h"
#include "multidird/keeper/import.h"

#define ONE(settings) "[directory/staff]\ntype = internal\n" settings "[application/host]\ndirectories = staff\n[application/host/staff]\nallow_all = yes\n"
#define RUN(world, rows) keeper_world_run(world, rows, ARRAY_SIZE(rows))
#define BEGIN(kind) { "P3", "{'command':'import begin','kind':'" kind "','directory':'staff'}", 0, "{'result':'begun'}" }
#define ROWS(rows, ...) { "", "{'command':'import rows','rows':[" rows "]}", 0, NULL }
#define HASH "$y$j9T$abcdefghijklmnop$0123456789012345678901234567890123456789012"

static void good(void **state) {
        static const struct keeper_check rows[] = {
                { "P3", "{'command':'import end'}", 2, "{'error':{'reason':'usage'}}" },
                { "P3", "{'command':'import rows','rows':[]}", 2, "{'error':{'reason':'usage'}}" },
                { "P3", "{'command':'import begin','kind':'dog','directory':'staff'}", 2, "{'error':{'reason':'usage'}}" },
                { "P3", "{'command':'import begin','kind':'user','directory':'none'}", 3, NULL },
                { "", "{'command':'group add','group':'ops'}", 0, NULL },
                BEGIN("user"),
                ROWS("{'line':2,'name':'ann','email':'a@x','hash':'" HASH "','groups':['ops','OPS'],'attributes':{'k':'v'}}"),
                ROWS("{'line':3,'name':'bob','active':false,'groups':[]}"),
                { "", "{'command':'import end'}", 0, "{'result':'done','imported':2,'dry_run':false,'changed':[{'directory':'staff','what':'add-user'}]}" },
                { "", "{'command':'user show','user':'ann'}", 0, "{'email':'a@x','groups':['ops'],'active':true}" },
                { "L3", "{'command':'user show','user':'bob'}", 0, "{'active':false,'groups':[]}" },
                BEGIN("group"),
                ROWS("{'line':2,'name':'top','groups':['middle','ops']},{'line':3,'name':'middle','members':['bob','BOB'],'groups':[]}"),
                { "U11", "{'command':'import end'}", 0, "{'imported':2}" },
                { "M1", "{'command':'group show','group':'top'}", 0, "{'members':['ann','bob']}" },
                { "", "{'command':'import begin','kind':'user','directory':'staff','dry_run':true}", 0, NULL },
                ROWS("{'line':1,'name':'zoe'}"),
                { "", "{'command':'import end'}", 0, "{'result':'done','would_import':1,'dry_run':true,'changed':[]}" },
                { "", "{'command':'user show','user':'zoe'}", 3, NULL },
        };
        struct keeper_world world;
        keeper_world_open(&world, ONE(""));
        RUN(&world, rows);
        keeper_world_close(&world);
}

static void bad_lines(void **state) {
        static const struct keeper_check rows[] = {
                { "", "{'command':'user add','user':'ann'}", 0, NULL },
                { "", "{'command':'group add','group':'ops'}", 0, NULL },
                BEGIN("user"),
                ROWS("{'line':2,'name':'good'},{'line':3,'name':'a:b'},{'line':4,'name':'wheel'},{'line':5,'name':'ANN'},{'line':6,'name':'GOOD'},"
                     "{'line':7,'name':'h','hash':'plain'},{'line':8,'name':'g','groups':['none']},{'line':9},{'line':10,'name':'u','uid':5000},"
                     "{'line':11,'name':'x','colour':'red'},{'line':12,'name':'y','active':'no'},7,{'line':14,'name':'localguy'},{'line':15,'name':'l','groups':[3]}"),
                { "", "{'command':'import end'}", 1, "{'result':'refused','changed':[],'errors':[{'line':3},{'line':4},{'line':6},{'line':7},{'line':9},"
                  "{'line':11},{'line':12},{'line':0},{'line':14},{'line':15},{'line':5},{'line':8},{'line':10}]}" },
                { "", "{'command':'user list'}", 0, "{'users':['ann']}" },
                BEGIN("group"),
                ROWS("{'line':1,'name':'OPS'},{'line':2,'name':'a','groups':['b']},{'line':3,'name':'b','groups':['c']},{'line':4,'name':'c','groups':['a']},"
                     "{'line':5,'name':'d','groups':['ops','none']},{'line':6,'name':'e','members':['nobody-here']},{'line':7,'name':'self','groups':['self']}"),
                { "U11", "{'command':'import end'}", 1, "{'errors':[{'line':1},{'line':5},{'line':6},{'line':2},{'line':3},{'line':4},{'line':7}]}" },
                { "", "{'command':'group list'}", 0, "{'groups':['ops']}" },
                { "", "{'command':'import end'}", 2, NULL },
        };
        struct keeper_world world;
        keeper_world_open(&world, ONE(""));
        RUN(&world, rows);
        keeper_world_close(&world);
}

static void numbers(void **state) {
        static const struct keeper_check rows[] = {
                { "", "{'command':'user add','user':'ann','uid':5001}", 0, NULL },
                BEGIN("user"),
                ROWS("{'line':1,'name':'a'},{'line':2,'name':'b','uid':999},{'line':3,'name':'c','uid':5001},{'line':4,'name':'d','uid':5002},{'line':5,'name':'e','uid':5002}"),
                { "I4", "{'command':'import end'}", 1, "{'errors':[{'line':1},{'line':2},{'line':5},{'line':3}]}" },
                BEGIN("user"),
                ROWS("{'line':1,'name':'a','uid':5002,'gid':6001}"),
                { "I1", "{'command':'import end'}", 0, NULL },
                { "I1", "{'command':'user show','user':'a'}", 0, "{'uid':5002,'gid':5002}" },
                { "U11", "{'command':'import begin','kind':'group','directory':'staff'}", 0, NULL },
                ROWS("{'line':1,'name':'g','gid':6001,'groups':['g2']},{'line':2,'name':'g2','gid':6002}"),
                { "U11", "{'command':'import end'}", 1, "{'errors':[{'line':1}]}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, ONE("ids = attribute\nnested_groups = no\n"));
        RUN(&world, rows);
        keeper_world_close(&world);
}

static void permissions(void **state) {
        static const struct keeper_check rows[] = {
                BEGIN("user"),
                ROWS("{'line':1,'name':'ann'}"),
                { "P3", "{'command':'import end'}", 0, NULL },
                { "P1", "{'command':'import begin','kind':'group','directory':'staff'}", 0, NULL },
                ROWS("{'line':1,'name':'ops','members':['ann']}"),
                { "P1", "{'command':'import end'}", 5, "{'result':'refused','reason':'permission-denied'}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, ONE("permissions = add-user, add-group\n"));
        RUN(&world, rows);
        keeper_world_close(&world);
}

/* Two connections import beside each other; one that closes takes its rows with it. */
static void connections(void **state) {
        static const struct keeper_check first[] = { BEGIN("user"), ROWS("{'line':1,'name':'ann'}") };
        static const struct keeper_check second[] = { BEGIN("user"), ROWS("{'line':1,'name':'bob'}"), { "", "{'command':'import end'}", 0, "{'imported':1}" } };
        static const struct keeper_check gone[] = { { "", "{'command':'import end'}", 2, NULL }, { "", "{'command':'user list'}", 0, "{'users':['bob']}" } };
        struct keeper_world world;
        keeper_world_open(&world, ONE(""));
        world.keeper->connection = 1;
        RUN(&world, first);
        world.keeper->connection = 2;
        RUN(&world, second);
        keeper_import_drop(world.keeper, 1);
        world.keeper->connection = 1;
        RUN(&world, gone);
        keeper_world_close(&world);
}

static void count_progress(void *data, uint64_t done, uint64_t total) {
        (*(unsigned *)data)++;
        assert_true(done <= total && total == 20000);
}

/* 10,000 users with groups: one transaction, with progress. */
static void many(void **state) {
        struct keeper_world world;
        unsigned told = 0;
        int exit;
        keeper_world_open(&world, ONE(""));
        world.keeper->progress = count_progress;
        world.keeper->progress_data = &told;
        json_decref(keeper_world_ask(&world, "{'command':'group add','group':'ops'}", &exit));
        json_decref(keeper_world_ask(&world, "{'command':'import begin','kind':'user','directory':'staff'}", &exit));
        for (unsigned i = 0; i < 10; i++) {
                json_t *rows = json_array();
                for (unsigned k = 0; k < 1000; k++)
                        json_array_append_new(rows, json_pack("{s:i, s:o, s:s, s:[s]}", "line", (int)(i * 1000 + k + 1), "name", json_sprintf("user%u-%u", i, k),
                                                              "hash", HASH, "groups", "ops"));
                json_t *request = json_pack("{s:s, s:o}", "command", "import rows", "rows", rows);
                json_decref(keeper_command(world.keeper, request, &exit));
                assert_int_equal(exit, 0);
                json_decref(request);
        }
        uint64_t start = clock_monotonic_ms();
        json_decref(keeper_world_ask(&world, "{'command':'import end'}", &exit));
        print_message("10,000 users imported and built in %llu ms\n", (unsigned long long)(clock_monotonic_ms() - start));
        assert_int_equal(exit, 0);
        assert_int_equal(view_user_count(&world.keeper->view), 10000);
        assert_true(told >= 20);
        keeper_world_close(&world);
}

/* Every bad line is named, however many: the first with the refusal, the others when they are asked for. */
static void many_bad_lines(void **state) {
        static const struct keeper_check after[] = {
                { "", "{'command':'import errors'}", 0, "{'errors':[]}" },
                { "", "{'command':'import rows','rows':[]}", 2, NULL },
                { "", "{'command':'import end'}", 2, NULL },
        };
        enum { ROWS_OF_EACH = 5000, BATCHES = 9, ALL = ROWS_OF_EACH * BATCHES };
        static bool named[ALL + 1];
        struct keeper_world world;
        int exit;
        keeper_world_open(&world, ONE(""));
        json_decref(keeper_world_ask(&world, "{'command':'import begin','kind':'user','directory':'staff'}", &exit));
        for (int i = 0; i < BATCHES; i++) {
                json_t *rows = json_array();
                for (int k = 1; k <= ROWS_OF_EACH; k++)
                        json_array_append_new(rows, json_pack("{s:i, s:o}", "line", i * ROWS_OF_EACH + k, "name", json_sprintf("a:%d", i * ROWS_OF_EACH + k)));
                json_t *request = json_pack("{s:s, s:o}", "command", "import rows", "rows", rows);
                json_decref(keeper_command(world.keeper, request, &exit));
                json_decref(request);
        }
        size_t count = 0;
        for (json_t *reply = keeper_world_ask(&world, "{'command':'import end'}", &exit); reply;) {
                const json_t *errors = json_object_get(reply, "errors");
                size_t size = json_array_size(errors);
                assert_true(json_array_size(errors) <= 20000);
                for (size_t i = 0; i < size; i++)
                        named[json_integer_value(json_object_get(json_array_get(errors, i), "line"))] = true;
                count += size;
                if (count == size) {
                        assert_int_equal(exit, 1);
                        assert_int_equal(json_integer_value(json_object_get(reply, "bad")), ALL);
                }
                json_decref(reply);
                reply = size > 0 ? keeper_world_ask(&world, "{'command':'import errors'}", &exit) : NULL;
        }
        assert_int_equal(count, ALL);
        for (int i = 1; i <= ALL; i++)
                assert_true(named[i]);
        RUN(&world, after);
        keeper_world_close(&world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good), cmocka_unit_test(bad_lines), cmocka_unit_test(numbers), cmocka_unit_test(permissions),
                cmocka_unit_test(connections), cmocka_unit_test(many), cmocka_unit_test(many_bad_lines),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
