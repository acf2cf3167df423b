/* What the keeper decides of changes that servers take part in (U1 to U12): which steps, in which order, of which entries; and its own part afterwards.
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/sbuf.h"
#include "multidird/keeper/handover.h"
#include "replica/store_sync.h"
#include "unit/keeper_world.h"
#include "unit/sync_help.h"

#define LDAP(name, more) "[directory/" name "]\ntype = ldap\nuri = ldap://127.0.0.1\nbase = dc=example\n" more
#define OPEN(name) "[application/host/" name "]\nallow_all = yes\n"
#define STAFF "[directory/staff]\ntype = internal\n"
#define WORLD(host) LDAP("corp", "preset = openldap\n") LDAP("old", "preset = posix\nids = allocate\n") STAFF "[application/host]\n" host OPEN("corp") OPEN("old") OPEN("staff")

static struct keeper_world world;

static void fill(size_t directory, const char *users, const char *groups, const char *edges) {
        struct help_directory *content = help_directory(users, groups, edges);
        struct store_sync *sync = store_sync_new();
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        assert_int_equal(help_send(content, store_sync_sink(sync)), 0);
        assert_int_equal(store_sync_prepare(sync, world.keeper->directories[directory].store, &changes), 0);
        assert_int_equal(store_sync_commit(sync, clock_real_s(), &replica), 0);
        replica_free(replica);
        store_sync_free(sync);
        help_done(content);
        keeper_mark_stale(world.keeper, directory);
        keeper_touch(world.keeper);
        keeper_refresh(world.keeper);
        assert_int_equal(keeper_build(world.keeper), 0);
}

static void open_with(const char *config) {
        static const struct keeper_check staff[] = {
                { "P3", "{'command':'user add','directory':'staff','user':'sam'}", 0, NULL },
                { "P3", "{'command':'user add','directory':'staff','user':'bert'}", 0, NULL },
                { "P3", "{'command':'group add','directory':'staff','group':'crew'}", 0, NULL },
                { "P3", "{'command':'group add','directory':'staff','group':'ops'}", 0, NULL },
                { "P3", "{'command':'member add','directory':'staff','group':'ops','names':['bert']}", 0, NULL },
        };
        keeper_world_open(&world, config);
        fill(0, "Anna/1 bert/2 !carl/3", "Ops/a night/b", "Anna>Ops bert>Ops night>>Ops");
        fill(1, "paul/p", "old/o", "paul>old");
        keeper_world_run(&world, staff, ARRAY_SIZE(staff));
}

/* The plan as text: "DIRECTORY what NAME/ID[>MEMBER/ID]; …". */
static void plan_text(struct sbuf *text) {
        const struct protocol_planned *message = &world.keeper->planned->message;
        for (size_t i = 0; i < message->step_count; i++) {
                struct directory_change change;
                assert_int_equal(update_unpack(message->steps[i].change, message->steps[i].change_len, &change), 0);
                bool at_server = message->steps[i].at_server; /* the ids of what is kept here are random */
                sbuf_printf(text, "%s%s %s%s %s/%s", i > 0 ? "; " : "", message->steps[i].directory, at_server ? "" : "here ",
                            message->steps[i].what, change.name, at_server ? change.entry_id : "");
                if (change.member)
                        sbuf_printf(text, "<%s%s/%s", change.member_is_group ? "group " : "", change.member, at_server ? change.member_id : "");
        }
}

struct row { const char *rule, *request, *plan; };

static void run_rows(const struct row *rows, size_t count) {
        for (size_t i = 0; i < count; i++) {
                _cleanup_sbuf_ struct sbuf text = { 0 };
                int exit;
                json_t *object = keeper_world_ask(&world, rows[i].request, &exit);
                assert_non_null(object);
                if (!world.keeper->planned)
                        fail_msg("%s: nothing is handed over: %d %s", rows[i].rule, exit, json_dumps(object, JSON_COMPACT));
                plan_text(&text);
                if (strcmp(sbuf_text(&text), rows[i].plan) != 0)
                        fail_msg("%s: %s, wanted %s", rows[i].rule, sbuf_text(&text), rows[i].plan);
                keeper_planned_free(TAKE_PTR(world.keeper->planned));
                json_decref(object);
        }
}

static void plans(void **state) {
        static const struct row rows[] = {
                { "U1 the first that may", "{'command':'user add','user':'tom','display_name':'Tom'}", "corp add-user tom/" },
                { "U2 the owner, as it is spelled there", "{'command':'user modify','user':'ANNA','email':'a@x'}", "corp modify-user Anna/1" },
                { "U3 both", "{'command':'user modify','user':'anna','email':'a@x','attributes':{'title':'x'}}",
                  "corp modify-user Anna/1; corp modify-user-attributes Anna/1" },
                { "U3 the flag", "{'command':'user activate','user':'carl'}", "corp modify-user-attributes carl/3" },
                { "U2 rename", "{'command':'user rename','user':'anna','new_name':'Ann'}", "corp rename-user Anna/1" },
                { "U2 a password", "{'command':'user modify','user':'anna','password':'secret'}", "corp set-password Anna/1" },
                { "U4", "{'command':'user remove','user':'anna'}", "corp remove-user Anna/1" },
                { "U4 --unmask", "{'command':'user remove','user':'bert','unmask':true}", "corp remove-user bert/2" },
                { "U5 all that may, in the application's order", "{'command':'group add','group':'new'}", "corp add-group new/; staff here add-group new/" },
                { "U6", "{'command':'group modify','group':'ops','description':'x'}", "corp modify-group Ops/a; staff here modify-group ops/" },
                { "U6 remove", "{'command':'group remove','group':'ops'}", "corp remove-group Ops/a; staff here remove-group ops/" },
                { "U7 the owner only", "{'command':'member add','group':'night','names':['anna']}", "corp add-member night/b<Anna/1" },
                { "U7 a group is made on the way", "{'command':'member add','group':'crew','names':['anna','carl']}",
                  "corp add-group crew/; corp add-member crew/<Anna/1; corp add-member crew/<carl/3" },
                { "U7 by directory, whatever the order of the names", "{'command':'member add','group':'crew','names':['anna','sam','carl']}",
                  "corp add-group crew/; corp add-member crew/<Anna/1; corp add-member crew/<carl/3; staff here add-member crew/<sam/" },
                { "U9", "{'command':'member remove','group':'ops','names':['anna','bert']}", "corp remove-member Ops/a<Anna/1; corp remove-member Ops/a<bert/2" },
                { "U11", "{'command':'member remove','group':'ops','names':['night'],'is_group':true}", "corp remove-member Ops/a<group night/b" },
                { "P3 the console", "{'command':'group add','directory':'corp','group':'mine'}", "corp add-group mine/" },
        };
        open_with(WORLD("directories = corp, old, staff\n"));
        run_rows(rows, ARRAY_SIZE(rows));
        keeper_world_close(&world);
}

static void plans_of_unions(void **state) {
        static const struct row rows[] = {
                { "U10 everywhere", "{'command':'member remove','group':'ops','names':['bert']}", "corp remove-member Ops/a<bert/2; staff here remove-member ops/<bert/" },
        };
        open_with(WORLD("directories = corp, old, staff\nmembership = aggregating\n"));
        run_rows(rows, ARRAY_SIZE(rows));
        keeper_world_close(&world);
}

/* What is refused is not handed over; what is only explained neither; and the replica is a replica. */
static void nothing_is_done(void **state) {
        static const struct keeper_check rows[] = {
                { "U1", "{'command':'user add','user':'anna'}", 4, "{'reason':'exists'}" },
                { "U2", "{'command':'user rename','user':'anna','new_name':'paul'}", 4, "{'reason':'exists'}" },
                { "U4", "{'command':'user remove','user':'bert'}", 1, "{'reason':'needs-unmask'}" },
                { "U7", "{'command':'member add','group':'ops','names':['carl','nobody']}", 3, "{'reason':'user-not-found'}" },
                { "U7", "{'command':'member add','group':'ops','names':['anna']}", 4, "{'reason':'already-a-member'}" },
                { "U11", "{'command':'member add','group':'night','names':['ops'],'is_group':true}", 1, "{'reason':'circular'}" },
                { "L8", "{'command':'user add','user':'tom','password':''}", 1, "{'reason':'empty-password'}" },
                { "N3", "{'command':'user add','user':'a:b'}", 1, "{'reason':'invalid-name'}" },
                { "P5", "{'command':'user modify','user':'paul','email':'p@x'}", 5, "{'reason':'read-only-kind'}" },
                { "explain", "{'command':'explain update','update':{'command':'user modify','user':'anna','email':'a@x'}}", 0,
                  "{'verdict':'allow','changed':[{'directory':'corp','what':'modify-user'}]}" },
                { "explain", "{'command':'explain update','update':{'command':'user add','user':'tom','password':'x'}}", 0, "{'verdict':'allow'}" },
                { "U12", "{'command':'group show','group':'ops'}", 0, "{'members':['anna','bert']}" },
        };
        open_with(WORLD("directories = corp, old, staff\n"));
        keeper_world_run(&world, rows, ARRAY_SIZE(rows));
        assert_null(world.keeper->planned);
        keeper_world_close(&world);
}

/* L6: what a replica older than replica_max_age lacks may be there all the same; whom it has, the server is asked for. */
static void old_replicas(void **state) {
        static const struct keeper_check refused[] = {
                { "U1", "{'command':'user add','user':'tom'}", 6, "{'reason':'unavailable'}" },
                { "U2", "{'command':'user modify','user':'sam','email':'s@x'}", 6, "{'reason':'unavailable'}" },
                { "U2", "{'command':'user rename','user':'anna','new_name':'tom'}", 6, "{'reason':'unavailable'}" },
                { "U5", "{'command':'group add','group':'new'}", 6, "{'reason':'unavailable'}" },
                { "P3", "{'command':'user modify','directory':'staff','user':'sam','email':'s@x'}", 0, NULL },
        };
        static const struct row rows[] = { { "U2", "{'command':'user modify','user':'anna','email':'a@x'}", "corp modify-user Anna/1" } };
        const uint64_t times[] = { clock_real_s() - 25 * 3600, clock_real_s() + 3600 };
        open_with(WORLD("directories = corp, old, staff\n"));
        for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
                world.keeper->replicas[0]->synchronised_s = times[i];
                keeper_world_run(&world, refused, ARRAY_SIZE(refused));
                run_rows(rows, ARRAY_SIZE(rows));
        }
        keeper_world_close(&world);
}

/* The password is with the plan, and with no other one; an acceptance too (I5). */
static void what_goes_along(void **state) {
        int exit;
        open_with(WORLD("directories = corp, old, staff\n"));
        json_decref(keeper_world_ask(&world, "{'command':'user add','user':'tom','password':'secret'}", &exit));
        assert_true(world.keeper->planned && world.keeper->planned->message.password.len == 6);
        assert_string_equal(world.keeper->planned->message.subject.name, "tom");
        assert_false(world.keeper->planned->message.subject.accept);
        json_decref(keeper_world_ask(&world, "{'command':'user remove','user':'bert','unmask':true}", &exit));
        assert_int_equal(world.keeper->planned->message.password.len, 0);
        assert_true(world.keeper->planned->message.subject.accept);
        json_decref(keeper_world_ask(&world, "{'command':'group add','group':'new'}", &exit));
        assert_non_null(strstr(world.keeper->planned->message.skipped, "\"directory\":\"old\""));
        keeper_world_close(&world);
}

/* D5: what this host takes away is no loss to the shrink guard; what goes beside it is one. */
static void what_leaves(void **state) {
        int exit;
        open_with(WORLD("directories = corp, old, staff\n"));
        json_decref(keeper_world_ask(&world, "{'command':'user remove','user':'anna'}", &exit));
        json_decref(keeper_world_ask(&world, "{'command':'member remove','group':'ops','names':['bert']}", &exit));
        json_decref(keeper_world_ask(&world, "{'command':'group remove','group':'night'}", &exit));
        const struct keeper_leaving *leaving = &world.keeper->directories[0].leaving;
        assert_true(leaving->users == 1 && leaving->groups == 1 && leaving->memberships == 1 && leaving->until_ms > clock_monotonic_ms());
        json_decref(keeper_world_ask(&world, "{'command':'explain update','update':{'command':'user remove','user':'carl'}}", &exit));
        assert_int_equal(leaving->users, 1);
        keeper_world_close(&world);
}

static json_t *apply(const char *directory, const struct directory_change *change, int *exit) {
        size_t len = 0;
        unsigned char *bytes = change ? update_pack(change, &len) : NULL;
        struct update_step step = { .directory = directory, .what = "x", .change = bytes, .change_len = len };
        const struct protocol_apply apply = { .id = 1, .steps = &step, .step_count = change ? 1 : 0 };
        json_t *object = keeper_apply(world.keeper, &apply, exit);
        free(bytes);
        assert_non_null(object);
        return object;
}

/* D5: each entry counts once, however often it is tried; what stays after all does not; and what a synchronisation has seen go may go again. */
static void what_stays(void **state) {
        int exit;
        open_with(WORLD("directories = corp, old, staff\n"));
        struct keeper_leaving *leaving = &world.keeper->directories[0].leaving;
        for (int i = 0; i < 3; i++) {
                json_decref(keeper_world_ask(&world, "{'command':'user remove','user':'anna'}", &exit));
                json_decref(keeper_world_ask(&world, "{'command':'member remove','group':'ops','names':['bert']}", &exit));
        }
        assert_true(leaving->users == 1 && leaving->memberships == 1);
        struct update_step *steps = world.keeper->planned->message.steps;
        const struct protocol_apply refused = { .id = 1, .steps = steps, .step_count = world.keeper->planned->message.step_count };
        /* Three commands remove it: what one of them may have done is no loss because others were refused. */
        static const uint64_t left[] = { 1, 1, 0, 0 };
        for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
                json_decref(keeper_apply(world.keeper, &refused, &exit));
                assert_int_equal(exit, 0);
                assert_true(leaving->users == 1 && leaving->memberships == left[i]);
        }
        json_decref(keeper_world_ask(&world, "{'command':'member remove','group':'ops','names':['bert']}", &exit));
        assert_int_equal(leaving->memberships, 1);
        /* A synchronisation brought it. */
        leaving->memberships = 0;
        json_decref(keeper_world_ask(&world, "{'command':'member remove','group':'ops','names':['bert']}", &exit));
        assert_int_equal(leaving->memberships, 1);
        keeper_world_close(&world);
}

/* The keeper's own part; nothing of a server's, and nothing of users, which no plan gives back. */
static void its_own_part(void **state) {
        static const struct { const char *what, *directory; struct directory_change change; int exit; const char *has; } rows[] = {
                { "a group", "staff", { .operation = CHANGE_ADD_GROUP, .name = "new", .entry_id = "" }, 0, "\"result\": \"done\"" },
                { "a member", "staff", { .operation = CHANGE_ADD_MEMBER, .name = "new", .entry_id = "", .member = "sam", .member_id = "" }, 0, "\"what\": \"x\"" },
                { "a member twice", "staff", { .operation = CHANGE_ADD_MEMBER, .name = "new", .entry_id = "", .member = "sam", .member_id = "" }, 6, "refused" },
                { "a server's", "corp", { .operation = CHANGE_ADD_GROUP, .name = "new", .entry_id = "" }, 6, "refused" },
                { "a user", "staff", { .operation = CHANGE_REMOVE_USER, .name = "sam", .entry_id = "" }, 6, "refused" },
                { "no such directory", "none", { .operation = CHANGE_ADD_GROUP, .name = "g", .entry_id = "" }, 6, "refused" },
        };
        int exit;
        open_with(WORLD("directories = corp, old, staff\n"));
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                json_t *object = apply(rows[i].directory, &rows[i].change, &exit);
                char *text = json_dumps(object, 0);
                if (exit != rows[i].exit || !strstr(text, rows[i].has))
                        fail_msg("%s: %d %s", rows[i].what, exit, text);
                free(text);
                json_decref(object);
        }
        json_decref(apply("staff", NULL, &exit));
        assert_int_equal(exit, 0);
        static const struct keeper_check after[] = { { "U7", "{'command':'group show','group':'new'}", 0, "{'members':['sam']}" } };
        keeper_world_run(&world, after, ARRAY_SIZE(after));
        keeper_world_close(&world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(plans), cmocka_unit_test(plans_of_unions), cmocka_unit_test(nothing_is_done), cmocka_unit_test(what_goes_along), cmocka_unit_test(what_leaves),
                cmocka_unit_test(what_stays), cmocka_unit_test(old_replicas),
                cmocka_unit_test(its_own_part),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
