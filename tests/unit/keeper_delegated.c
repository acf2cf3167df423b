/* Delegated directories at the keeper (D3): users and groups as of an internal one, no passwords (P5), and one entry of the server a user.
 * Relies on: keeper_world, cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "keeper_world.h"
#include "multidird/keeper/admissions.h"
#include "multidird/keeper/delegated.h"

#define WORLD "[directory/d]\ntype = delegated\nuri = ldaps://a\nbase = dc=x\npreset = openldap-posix\n[directory/i]\ntype = internal\n" \
        "[application/host]\ndirectories = d, i\nexternal_writes = never\n"
#define DENIED "{'result':'refused','reason':'read-only-kind','changed':[]}"

static void changes(void **state) {
        (void)state;
        static const struct keeper_check rows[] = {
                { "D3", "{'command':'user add','user':'ann','display_name':'Ann'}", 0, "{'result':'done','changed':[{'directory':'d','what':'add-user'}]}" },
                { "D3", "{'command':'user show','user':'ann'}", 0, "{'owner':'d','display_name':'Ann','active':true}" },
                { "D3", "{'command':'group add','group':'inner'}", 0, "{'result':'done'}" },
                { "D3", "{'command':'group add','group':'outer'}", 0, "{'result':'done'}" },
                { "D3", "{'command':'member add','directory':'d','group':'inner','names':['ann']}", 0, "{'result':'done'}" },
                { "D3, M1: nesting is this host's, whatever the preset says", "{'command':'member add','directory':'d','group':'outer','names':['inner'],'is_group':true}", 0, "{'result':'done'}" },
                { "M1", "{'command':'user show','user':'ann'}", 0, "{'groups':['inner','outer']}" },
                { "P5", "{'command':'user password','user':'ann','password':'x'}", 5, DENIED },
                { "P5", "{'command':'user password','directory':'d','user':'ann','password':'x'}", 5, DENIED },
                { "P5", "{'command':'user modify','user':'ann','display_name':'Anna','password':'x'}", 5, DENIED },
                { "P5", "{'command':'user add','directory':'d','user':'ben','password':'x'}", 5, DENIED },
                { "P5: all or nothing", "{'command':'user show','user':'ann'}", 0, "{'display_name':'Ann'}" },
                { "P5", "{'command':'user show','user':'ben'}", 3, NULL },
                { "U1: the next that may have the password", "{'command':'user add','user':'ben','password':'x'}", 0, "{'changed':[{'directory':'i','what':'add-user'}]}" },
                { "U3", "{'command':'user deactivate','user':'ann'}", 0, "{'result':'done'}" },
                { "U3", "{'command':'user show','user':'ann'}", 0, "{'active':false}" },
                { "U2", "{'command':'user rename','user':'ann','new_name':'anna'}", 0, "{'result':'done'}" },
                { "import", "{'command':'import begin','kind':'user','directory':'d'}", 0, NULL },
                { "import", "{'command':'import rows','rows':[{'line':1,'name':'cy'},{'line':2,'name':'di','hash':'$y$j9T$DYbJcBLz.e2g0xC8V9CwK0$4ulrWR1ugnGgMhrJg4eHgKxi8bqyM1g3i0G3pSyRsB6'}]}", 0, NULL },
                { "P5", "{'command':'import end'}", 1, NULL },
                { "import", "{'command':'import begin','kind':'user','directory':'d'}", 0, NULL },
                { "import", "{'command':'import rows','rows':[{'line':1,'name':'cy'}]}", 0, NULL },
                { "import", "{'command':'import end'}", 0, NULL },
                { "import", "{'command':'user show','user':'cy'}", 0, "{'owner':'d'}" },
                { "sync", "{'command':'directory sync','directory':'d'}", 0, "{'directories':[{'name':'d','type':'delegated','state':'ready','users':2,'error':null}]}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, WORLD);
        keeper_world_run(&world, rows, ARRAY_SIZE(rows));
        keeper_world_close(&world);
}

static void entry_of(struct keeper_world *world, const char *user, char out[64]) {
        const struct replica *replica = keeper_replica(world->keeper, 0);
        uint32_t index = replica_find_user(replica, user);
        assert_int_not_equal(index, REPLICA_NONE);
        (void)snprintf(out, 64, "%s", replica_text(replica, replica->users[index].entry_id));
}

static void records(void **state) {
        (void)state;
        static const struct { const char *what, *directory, *user, *entry_of, *external; bool dry; enum record_state state; } rows[] = {
                { "would be put on record", "d", "ann", "ann", "e-1", true, RECORD_SAME },
                { "which left nothing behind", "d", "ben", "ben", "e-1", true, RECORD_SAME },
                { "the first login", "d", "ann", "ann", "e-1", false, RECORD_SAME },
                { "the next", "d", "ANN", "ann", "e-1", false, RECORD_SAME },
                { "another entry", "d", "ann", "ann", "e-2", false, RECORD_OTHER },
                { "case counts in ids", "d", "ann", "ann", "E-1", false, RECORD_OTHER },
                { "an entry that is another user's", "d", "ben", "ben", "e-1", false, RECORD_OTHER },
                { "an entry that is another user's, dry", "d", "ben", "ben", "e-1", true, RECORD_OTHER },
                { "and is not ben's for all that", "d", "ben", "ben", "e-2", false, RECORD_SAME },
                { "another user has the name by now", "d", "cy", "ben", "e-3", false, RECORD_UNKNOWN },
                { "nobody", "d", "nobody-here", "ben", "e-3", false, RECORD_UNKNOWN },
                { "no id", "d", "cy", "cy", "", false, RECORD_UNKNOWN },
                { "an internal directory", "i", "cy", "cy", "e-3", false, RECORD_UNKNOWN },
                { "no directory", "x", "cy", "cy", "e-3", false, RECORD_UNKNOWN },
        };
        struct keeper_world world;
        static const struct keeper_check fill[] = {
                { "D3", "{'command':'user add','user':'ann'}", 0, NULL }, { "D3", "{'command':'user add','user':'ben'}", 0, NULL },
                { "D3", "{'command':'user add','user':'cy'}", 0, NULL },
        };
        keeper_world_open(&world, WORLD);
        keeper_world_run(&world, fill, ARRAY_SIZE(fill));
        for (size_t restart = 0; restart < 2; restart++) {
                for (size_t i = restart == 0 ? 0 : 3; i < ARRAY_SIZE(rows); i++) {
                        struct protocol_admit record = { .dry = rows[i].dry };
                        struct protocol_admitted admitted;
                        char entry[64];
                        entry_of(&world, rows[i].entry_of, entry);
                        (void)snprintf(record.directory, sizeof record.directory, "%s", rows[i].directory);
                        (void)snprintf(record.user, sizeof record.user, "%s", rows[i].user);
                        (void)snprintf(record.entry_id, sizeof record.entry_id, "%s", entry);
                        (void)snprintf(record.external_id, sizeof record.external_id, "%.*s", SYNC_ENTRY_ID_MAX, rows[i].external);
                        uint64_t wanted = world.keeper->wanted;
                        keeper_admit(world.keeper, &record, &admitted);
                        enum record_state got = admitted.state;
                        if (got != rows[i].state || strcmp(admitted.entry_id, got == RECORD_SAME ? entry : "") != 0 || admitted.active != (got == RECORD_SAME) || world.keeper->wanted != wanted)
                                fail_msg("%s: %d, view touched %d", rows[i].what, got, world.keeper->wanted != wanted);
                }
                keeper_world_restart(&world, WORLD);
        }
        keeper_world_close(&world);
}

#define IMPORTING "[directory/d]\ntype = delegated\nuri = ldaps://a\nbase = dc=x\nimport_groups_on_login = yes\n[application/host]\ndirectories = d\n"

/* The groups of ann after logins with these lists; "" for what the service would have to call nonsense, which changes nothing. */
static void groups(void **state) {
        (void)state;
        static const struct { const char *what, *list; bool has; enum record_state state; const char *groups; } rows[] = {
                { "two", "g-1\n0\nred\ng-2\n0\nblue\n", true, RECORD_SAME, "['blue','own','red']" },
                { "the same again", "g-1\n0\nred\ng-2\n0\nblue\n", true, RECORD_SAME, "['blue','own','red']" },
                { "twice in the list", "g-1\n0\nred\ng-1\n0\nred\ng-2\n0\nblue\n", true, RECORD_SAME, "['blue','own','red']" },
                { "known by its id, called as the server does", "g-1\n0\nscarlet\n", true, RECORD_SAME, "['own','scarlet']" },
                { "not read: nothing is believed", "", false, RECORD_UNKNOWN, "['own','scarlet']" },
                { "a group of this host", "g-9\n0\nOWN\ng-8\n0\nothers\n", true, RECORD_SAME, "['own']" },
                { "a name that is the system's", "g-7\n0\nsudo\ng-6\n0\nadm:in\ng-1\n0\nred\n", true, RECORD_SAME, "['own','red']" },
                { "cut", "g-2\n0\nblue\ng-3\n0", true, RECORD_UNKNOWN, "['own','red']" },
                { "no number", "g-2\nx\nblue\n", true, RECORD_UNKNOWN, "['own','red']" },
                { "no id", "\n0\nblue\n", true, RECORD_UNKNOWN, "['own','red']" },
                { "none", "", true, RECORD_SAME, "['own']" },
        };
        static const struct keeper_check fill[] = {
                { "D3", "{'command':'user add','user':'ann'}", 0, NULL }, { "D3", "{'command':'group add','group':'own'}", 0, NULL },
                { "D3", "{'command':'group add','group':'others'}", 0, NULL }, { "D3", "{'command':'member add','group':'own','names':['ann']}", 0, NULL },
        };
        struct keeper_world world;
        char entry[64];
        keeper_world_open(&world, IMPORTING);
        keeper_world_run(&world, fill, ARRAY_SIZE(fill));
        entry_of(&world, "ann", entry);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                static struct protocol_admit admit; /* large */
                struct protocol_admitted admitted;
                char expected[64];
                admit = (struct protocol_admit){ .directory = "d", .user = "ann", .external_id = "e-1", .profile = { .name = "ann", .has_groups = rows[i].has } };
                memcpy(admit.entry_id, entry, sizeof entry);
                (void)snprintf(admit.profile.groups, sizeof admit.profile.groups, "%s", rows[i].list);
                keeper_admit(world.keeper, &admit, &admitted);
                if (admitted.state != rows[i].state)
                        fail_msg("%s: %d", rows[i].what, admitted.state);
                (void)snprintf(expected, sizeof expected, "{'groups':%s}", rows[i].groups);
                const struct keeper_check check = { rows[i].what, "{'command':'user show','user':'ann'}", 0, expected };
                keeper_world_run(&world, &check, 1);
        }
        keeper_world_close(&world);
}

static const struct protocol_admit *of_login(struct keeper_world *world, const char *user, const char *list) {
        static struct protocol_admit admit; /* large */
        admit = (struct protocol_admit){ .directory = "d", .profile = { .has_groups = true } };
        (void)snprintf(admit.user, sizeof admit.user, "%s", user);
        (void)snprintf(admit.profile.name, sizeof admit.profile.name, "%s", user);
        (void)snprintf(admit.external_id, sizeof admit.external_id, "e-%c%s", user[0] | ' ', user + 1); /* the entry is one, however its name is spelt */
        (void)snprintf(admit.profile.groups, sizeof admit.profile.groups, "%s", list);
        entry_of(world, user, admit.entry_id);
        return &admit;
}

static void log_in(struct keeper_world *world, const char *user, const char *list, struct protocol_admitted *admitted) {
        keeper_admit(world->keeper, of_login(world, user, list), admitted);
}

static void expect_groups(struct keeper_world *world, const char *what, const char *user, const char *groups) {
        char command[64], expected[64];
        /* In the directory: what is published waits for ids, too (I4). */
        (void)snprintf(command, sizeof command, "{'command':'user show','directory':'d','user':'%s'}", user);
        (void)snprintf(expected, sizeof expected, "{'groups':%s}", groups);
        const struct keeper_check check = { what, command, 0, expected };
        keeper_world_run(world, &check, 1);
}

/* Whose a name is by now, login after login: who logs in with which list, whether the view changes, the groups of both users, and one that there is not. */
static void names(void **state) {
        (void)state;
        static const struct { const char *what, *user, *list; bool changes; const char *ann, *cyd, *gone; } rows[] = {
                { "D3: imported; nested into one of this host", "ann", "g-1\n0\ngate\n", true, "['gate','outer']", "[]", "retired" },
                { "D3: nothing new", "ann", "g-1\n0\ngate\n", false, "['gate','outer']", "[]", "retired" },
                { "D3: renamed at the server: the nesting stays", "ann", "g-1\n0\nretired\n", true, "['outer','retired']", "[]", "gate" },
                { "L4: its name is another's by now", "cyd", "g-2\n0\ngate\n", true, "['outer','retired']", "['gate']", "former" },
                { "D3: two exchange their names", "ann", "g-1\n0\ngate\ng-2\n0\nretired\n", true, "['gate','outer','retired']", "['retired']", "former" },
                { "D3: three in a circle", "ann", "g-2\n0\ngate\ng-1\n0\nx\ng-9\n0\nretired\n", true, "['gate','outer','retired','x']", "['gate']", "former" },
                { "D3: and back", "ann", "g-1\n0\ngate\ng-2\n0\nretired\n", true, "['gate','outer','retired']", "['retired']", "x-is-g-1" },
                { "L4: made anew at the server: the former one opens nothing", "cyd", "g-3\n0\nGATE\n", true, "['retired']", "['GATE']", "former" },
                { "D3: which is known again when it has another name", "ann", "g-1\n0\nformer\n", true, "['former']", "['GATE']", "x" },
                { "D3: another spelling", "cyd", "g-3\n0\ngate\n", true, "['former']", "['gate']", "x" },
                { "N2: two in one answer are nobody's, and not created", "cyd", "g-4\n0\nTwin\ng-3\n0\ngate\ng-5\n0\ntWIN\n", false, "['former']", "['gate']", "twin" },
                { "N2: one of them was here", "cyd", "g-6\n0\nGATE\ng-3\n0\ngate\n", true, "['former']", "[]", "twin" },
                { "N2: it is one's again", "cyd", "g-3\n0\ngate\n", true, "['former']", "['gate']", "twin" },
                { "D3: a name of this host's own: refused", "cyd", "g-3\n0\ngate\ng-7\n0\nOWN\n", false, "['former']", "['gate']", "twin" },
                { "L4: renamed to one: it keeps neither", "ann", "g-1\n0\nOwn\n", true, "[]", "['gate']", "former" },
                { "L4: renamed to what cannot be published", "cyd", "g-3\n0\nsudo\n", true, "[]", "[]", "gate" },
        };
        static const struct keeper_check fill[] = {
                { "D3", "{'command':'user add','user':'ann'}", 0, NULL }, { "D3", "{'command':'user add','user':'cyd'}", 0, NULL },
                { "D3", "{'command':'group add','group':'own'}", 0, NULL }, { "D3", "{'command':'group add','group':'outer'}", 0, NULL },
        };
        static const struct keeper_check nest = { "M1", "{'command':'member add','group':'outer','names':['gate'],'is_group':true}", 0, NULL };
        struct keeper_world world;
        struct protocol_admitted admitted;
        keeper_world_open(&world, IMPORTING);
        keeper_world_run(&world, fill, ARRAY_SIZE(fill));
        log_in(&world, "ann", "", &admitted);
        log_in(&world, "cyd", "", &admitted);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char command[64];
                uint64_t wanted = world.keeper->wanted;
                log_in(&world, rows[i].user, rows[i].list, &admitted);
                if (admitted.state != RECORD_SAME || (world.keeper->wanted != wanted) != rows[i].changes)
                        fail_msg("%s: %d, view touched %d", rows[i].what, admitted.state, world.keeper->wanted != wanted);
                if (i == 0)
                        keeper_world_run(&world, &nest, 1);
                expect_groups(&world, rows[i].what, "ann", rows[i].ann);
                expect_groups(&world, rows[i].what, "cyd", rows[i].cyd);
                (void)snprintf(command, sizeof command, "{'command':'group show','directory':'d','group':'%s'}", rows[i].gone);
                const struct keeper_check gone = { rows[i].what, command, 3, NULL };
                keeper_world_run(&world, &gone, 1);
        }
        log_in(&world, "ann", "g-1\n0\none\ng-1\n0\nother\n", &admitted);
        assert_int_equal(admitted.state, RECORD_UNKNOWN);
        expect_groups(&world, "one entry has one name", "ann", "[]");
        static const struct keeper_check own = { "D3", "{'command':'group show','group':'own'}", 0, NULL };
        keeper_world_run(&world, &own, 1);
        keeper_world_close(&world);
}

static void count_answer(void *data, const struct protocol_admitted *admitted) {
        unsigned *answers = data;
        assert_int_equal(admitted->state, RECORD_SAME);
        ++*answers;
}

/* Whoever logs in while the view is still to show what another login of the same user has changed waits for it, too; others do not. */
static void waiting(void **state) {
        (void)state;
        static const struct { const char *what, *user, *list; bool published, waits; } rows[] = {
                { "L12: as before: at once", "ann", "", true, false },
                { "D3: something has changed", "ann", "g-1\n0\nred\n", true, true },
                { "L12: the same user, on record by now", "ann", "g-1\n0\nred\n", false, true },
                { "N1: by another spelling", "Ann", "g-1\n0\nred\n", false, true },
                { "L12: another user", "cyd", "", false, false },
                { "L12: it is shown", "ann", "g-1\n0\nred\n", true, false },
        };
        static const struct keeper_check fill[] = {
                { "D3", "{'command':'user add','user':'ann'}", 0, NULL }, { "D3", "{'command':'user add','user':'cyd'}", 0, NULL },
        };
        struct keeper_world world;
        struct protocol_admitted admitted;
        unsigned answers = 0, expected = 0, held = 0;
        keeper_world_open(&world, IMPORTING);
        keeper_world_run(&world, fill, ARRAY_SIZE(fill));
        log_in(&world, "ann", "", &admitted);
        log_in(&world, "cyd", "", &admitted);
        struct admissions *admissions = admissions_new(world.keeper, count_answer, &answers);
        assert_non_null(admissions);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (rows[i].published) {
                        world.keeper->built = world.keeper->wanted;
                        admissions_release(admissions, world.keeper->built, NULL);
                        expected += held;
                        held = 0;
                }
                admissions_take(admissions, of_login(&world, rows[i].user, rows[i].list), false);
                held += rows[i].waits;
                expected += !rows[i].waits;
                if (answers != expected)
                        fail_msg("%s: %u answers", rows[i].what, answers);
        }
        admissions_free(admissions);
        keeper_world_close(&world);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(changes), cmocka_unit_test(records), cmocka_unit_test(groups),
                                           cmocka_unit_test(names), cmocka_unit_test(waiting) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
