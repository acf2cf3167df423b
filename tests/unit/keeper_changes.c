/* The keeper's changes, through its JSON interface: rules U1 to U11, P2 to P6, L8, I3 to I5, N3, N4, each row on the state the former ones left.
 * Relies on: keeper_world.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keeper_world.h"

#define DIRECTORY(name, more) "[directory/" name "]\ntype = internal\n" more
#define MAPPED(app, name) "[application/" app "/" name "]\nallow_all = yes\n"
#define TWO(host) DIRECTORY("customers", "") DIRECTORY("partners", "") "[application/host]\ndirectories = customers, partners\n" host \
        MAPPED("host", "customers") MAPPED("host", "partners")
#define RUN(world, rows) keeper_world_run(world, rows, ARRAY_SIZE(rows))

#define DONE(directory, what) "{'result':'done','reason':'ok','changed':[{'directory':'" directory "','what':'" what "'}],'skipped':[]}"
#define REFUSED(why) "{'result':'refused','reason':'" why "','changed':[]}"

static void users(void **state) {
        static const struct keeper_check rows[] = {
                { "U1", "{'command':'user add','user':'ann','password':'pw','email':'a@x','display_name':'Ann A'}", 0, DONE("customers", "add-user") },
                { "U1", "{'command':'user add','user':'ANN','password':'pw'}", 4, REFUSED("exists") },
                { "N3", "{'command':'user add','user':'a:b'}", 1, REFUSED("invalid-name") },
                { "N3", "{'command':'user add','user':''}", 1, REFUSED("invalid-name") },
                { "N4", "{'command':'user add','user':'docker'}", 1, REFUSED("reserved-name") },
                { "N4", "{'command':'user add','user':'LocalGuy'}", 1, REFUSED("local-account") },
                { "L8", "{'command':'user add','user':'bob','password':''}", 1, REFUSED("empty-password") },
                { "L8", "{'command':'user add','user':'bob','password':'a\\u0000b'}", 1, REFUSED("bad-password") },
                { "I1", "{'command':'user add','user':'bob','uid':5000}", 2, "{'error':{'reason':'usage'}}" },
                { "U1", "{'command':'user show','user':'bob'}", 3, "{'error':{'reason':'user-not-found'}}" },
                { "U1", "{'command':'user show','user':'Ann'}", 0, "{'name':'ann','owner':'customers','email':'a@x','display_name':'Ann A','active':true,"
                  "'home':'/home/ann','shell':'/bin/bash','groups':[],'masked_in':[],'access':{'host':{'allowed':true,'reason':'ok'}}}" },
                { "U2", "{'command':'user modify','user':'ann','email':'b@x'}", 0, DONE("customers", "modify-user") },
                { "U3", "{'command':'user modify','user':'ann','attributes':{'k':'v'}}", 0, DONE("customers", "modify-user-attributes") },
                { "U3", "{'command':'user modify','user':'ann','email':'c@x','attributes':{'k':''}}", 0,
                  "{'changed':[{'what':'modify-user'},{'what':'modify-user-attributes'}]}" },
                { "U2", "{'command':'user modify','user':'ann','password':'new'}", 0, DONE("customers", "set-password") },
                { "U2", "{'command':'user modify','user':'ann'}", 2, "{'error':{'reason':'usage'}}" },
                { "U2", "{'command':'user modify','user':'none','email':'x'}", 3, REFUSED("user-not-found") },
                { "U2", "{'command':'user password','user':'ann','password':'n'}", 0, DONE("customers", "set-password") },
                { "L8", "{'command':'user password','user':'ann','password':''}", 1, REFUSED("empty-password") },
                { "U2", "{'command':'user password','user':'ann'}", 2, "{'error':{'reason':'usage'}}" },
                { "U3", "{'command':'user deactivate','user':'ANN'}", 0, DONE("customers", "modify-user-attributes") },
                { "L3", "{'command':'user show','user':'ann'}", 0, "{'active':false,'email':'c@x','access':{'host':{'allowed':false,'reason':'inactive'}}}" },
                { "U3", "{'command':'user activate','user':'ann'}", 0, DONE("customers", "modify-user-attributes") },
                { "U2", "{'command':'user rename','user':'ann','new_name':'anna'}", 0, DONE("customers", "rename-user") },
                { "U2", "{'command':'user rename','user':'ann','new_name':'anna'}", 3, REFUSED("user-not-found") },
                { "U2", "{'command':'user rename','user':'anna','new_name':'Anna'}", 0, DONE("customers", "rename-user") },
                { "N3", "{'command':'user rename','user':'anna','new_name':'-x'}", 1, REFUSED("invalid-name") },
                { "P3", "{'command':'user add','directory':'partners','user':'anna'}", 0, DONE("partners", "add-user") },
                { "M2", "{'command':'user show','user':'anna'}", 0, "{'owner':'customers','masked_in':['partners']}" },
                { "U4", "{'command':'user remove','user':'anna'}", 1, REFUSED("needs-unmask") },
                { "U4", "{'command':'user remove','user':'anna','unmask':true}", 0, DONE("customers", "remove-user") },
                { "I5", "{'command':'user show','user':'anna'}", 0, "{'owner':'partners','masked_in':[]}" },
                { "U4", "{'command':'user remove','user':'anna'}", 0, DONE("partners", "remove-user") },
                { "U4", "{'command':'user list'}", 0, "{'users':[]}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, TWO(""));
        RUN(&world, rows);
        assert_true(world.patches >= 6); /* these are changes of one user */
        keeper_world_close(&world);
}

/* A crash between a change and the build that publishes it: what the change meant for the name's owner is not forgotten (I5, U12). */
static void crash_before_build(void **state) {
        static const struct keeper_check fill[] = {
                { "", "{'command':'user add','directory':'customers','user':'ann'}", 0, NULL },
                { "", "{'command':'user add','directory':'customers','user':'jsmith'}", 0, NULL },
                { "", "{'command':'user add','directory':'partners','user':'jsmith'}", 0, NULL },
                { "", "{'command':'group add','directory':'partners','group':'night'}", 0, NULL },
        };
        static const struct keeper_check after[] = {
                { "I5", "{'command':'group show','group':'night'}", 0, "{'owner':'customers','members':['ann']}" },
                { "I5", "{'command':'user show','user':'jsmith'}", 0, "{'owner':'partners'}" },
                /* used up: the next change of owner is withheld as ever */
                { "P3", "{'command':'user add','directory':'customers','user':'jsmith'}", 0, NULL },
                { "I5", "{'command':'user show','user':'jsmith'}", 3, "{'error':{'reason':'id-conflict'}}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, TWO(""));
        RUN(&world, fill);
        json_t *member = json_pack("{s:s, s:s, s:[s]}", "command", "member add", "group", "night", "names", "ann");
        json_t *unmask = json_pack("{s:s, s:s, s:b}", "command", "user remove", "user", "jsmith", "unmask", 1);
        int exit;
        json_decref(keeper_command(world.keeper, member, &exit));
        assert_int_equal(exit, 0);
        json_decref(keeper_command(world.keeper, unmask, &exit));
        assert_int_equal(exit, 0);
        json_decref(member);
        json_decref(unmask);
        keeper_world_restart(&world, TWO(""));
        RUN(&world, after);
        keeper_world_close(&world);
}

/* What is acknowledged is there after a restart, and keeps its id (I2). */
static void restart(void **state) {
        static const struct keeper_check before[] = {
                { "U1", "{'command':'user add','user':'ann'}", 0, NULL },
                { "U5", "{'command':'group add','group':'ops'}", 0, NULL },
                { "U7", "{'command':'member add','group':'ops','names':['ann']}", 0, NULL },
        };
        static const struct keeper_check after[] = {
                { "U12", "{'command':'user show','user':'ann'}", 0, "{'owner':'customers','groups':['ops']}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, TWO(""));
        RUN(&world, before);
        int exit;
        json_t *one = keeper_world_ask(&world, "{'command':'user show','user':'ann'}", &exit);
        uint64_t generation = world.keeper->generation;
        keeper_world_restart(&world, TWO(""));
        assert_true(world.keeper->generation > generation);
        RUN(&world, after);
        json_t *two = keeper_world_ask(&world, "{'command':'user show','user':'ann'}", &exit);
        assert_true(json_equal(one, two));
        json_decref(one);
        json_decref(two);
        keeper_world_close(&world);
}

static void groups(void **state) {
        static const struct keeper_check rows[] = {
                { "U5", "{'command':'group add','group':'ops','description':'the crew'}", 0,
                  "{'result':'done','changed':[{'directory':'customers','what':'add-group'},{'directory':'partners','what':'add-group'}],'skipped':[]}" },
                { "U5", "{'command':'group add','group':'OPS'}", 4, REFUSED("exists") },
                { "N4", "{'command':'group add','group':'sudo'}", 1, NULL },
                { "I1", "{'command':'group add','group':'dev','gid':5000}", 2, "{'error':{'reason':'usage'}}" },
                { "U6", "{'command':'group modify','group':'ops','description':'x'}", 0, "{'changed':[{'what':'modify-group'},{'what':'modify-group'}]}" },
                { "U6", "{'command':'group modify','group':'ops'}", 2, "{'error':{'reason':'usage'}}" },
                { "U6", "{'command':'group modify','group':'none','description':'x'}", 3, REFUSED("group-not-found") },
                { "M4", "{'command':'group show','group':'Ops'}", 0, "{'name':'ops','owner':'customers','members':[],'directories':['customers','partners']}" },
                { "P3", "{'command':'group remove','directory':'customers','group':'ops'}", 0, DONE("customers", "remove-group") },
                { "M4", "{'command':'group show','group':'ops'}", 3, "{'error':{'reason':'id-conflict'}}" },
                { "I5", "{'command':'accept','name':'ops'}", 3, "{'error':{'reason':'user-not-found'}}" },
                { "I5", "{'command':'accept','name':'ops','group':true}", 0, "{'result':'done'}" },
                { "M4", "{'command':'group show','group':'ops'}", 0, "{'owner':'partners','directories':['partners']}" },
                { "U6", "{'command':'group remove','group':'ops'}", 0, DONE("partners", "remove-group") },
                { "U6", "{'command':'group list'}", 0, "{'groups':[]}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, TWO(""));
        RUN(&world, rows);
        keeper_world_close(&world);
}

static void members(void **state) {
        static const struct keeper_check rows[] = {
                { "P3", "{'command':'user add','directory':'customers','user':'ann'}", 0, NULL },
                { "P3", "{'command':'user add','directory':'partners','user':'ann'}", 0, NULL },
                { "P3", "{'command':'user add','directory':'partners','user':'bob'}", 0, NULL },
                { "P3", "{'command':'user add','directory':'customers','user':'amy'}", 0, NULL },
                { "P3", "{'command':'group add','directory':'partners','group':'night'}", 0, DONE("partners", "add-group") },
                { "U7", "{'command':'member add','group':'night','names':['ann','AMY','amy','bob']}", 0,
                  "{'changed':[{'directory':'customers','what':'add-group'},{'directory':'customers','what':'add-member'},"
                  "{'directory':'customers','what':'add-member'},{'directory':'partners','what':'add-member'}]}" },
                { "M4", "{'command':'group show','group':'night'}", 0, "{'members':['amy','ann','bob'],'directories':['customers','partners']}" },
                { "U7", "{'command':'member add','group':'night','names':['ann']}", 4, REFUSED("already-a-member") },
                { "U9", "{'command':'member remove','group':'night','names':['ann','none']}", 3, REFUSED("user-not-found") },
                { "U9", "{'command':'member remove','group':'night','names':['ann','bob']}", 0,
                  "{'changed':[{'directory':'customers','what':'remove-member'},{'directory':'partners','what':'remove-member'}]}" },
                { "U9", "{'command':'member remove','group':'night','names':['amy','bob']}", 1, REFUSED("not-a-member") },
                { "M4", "{'command':'group show','group':'night'}", 0, "{'members':['amy']}" },
                { "U7", "{'command':'member add','group':'none','names':['ann']}", 3, REFUSED("group-not-found") },
                { "U7", "{'command':'member add','group':'night','names':[]}", 2, "{'error':{'reason':'usage'}}" },
                { "U11", "{'command':'group add','directory':'customers','group':'day'}", 0, NULL },
                { "U11", "{'command':'member add','group':'day','names':['night'],'is_group':true}", 0, DONE("customers", "add-member") },
                { "M1", "{'command':'group show','group':'day'}", 0, "{'members':['amy']}" },
                { "U11", "{'command':'member add','group':'night','names':['DAY'],'is_group':true}", 1, REFUSED("circular") },
                { "U11", "{'command':'member add','group':'day','names':['day'],'is_group':true}", 1, REFUSED("circular") },
                { "U11", "{'command':'member add','group':'day','names':['none'],'is_group':true}", 3, REFUSED("group-not-found") },
                { "M1", "{'command':'explain groups','user':'amy'}", 0, "{'verdict':'allow','owner':'customers','groups':['day','night']}" },
                { "M4", "{'command':'explain group','group':'day'}", 0, "{'verdict':'allow','owner':'customers','members':['amy']}" },
                { "M1", "{'command':'explain groups','user':'none'}", 1, "{'verdict':'deny','reason':'user-not-found','groups':[]}" },
                { "U11", "{'command':'member remove','group':'day','names':['night'],'is_group':true}", 0, DONE("customers", "remove-member") },
                { "U11", "{'command':'member remove','group':'day','names':['night'],'is_group':true}", 1, REFUSED("not-a-member") },
        };
        struct keeper_world world;
        keeper_world_open(&world, TWO(""));
        RUN(&world, rows);
        keeper_world_close(&world);
}

static void aggregating(void **state) {
        static const struct keeper_check rows[] = {
                { "P3", "{'command':'user add','directory':'customers','user':'ann'}", 0, NULL },
                { "P3", "{'command':'user add','directory':'partners','user':'ann'}", 0, NULL },
                { "P3", "{'command':'group add','directory':'partners','group':'ops'}", 0, NULL },
                { "U8", "{'command':'member add','group':'ops','names':['ann']}", 0, DONE("partners", "add-member") },
                { "M3", "{'command':'user show','user':'ann'}", 0, "{'owner':'customers','groups':['ops']}" },
                { "P3", "{'command':'user show','user':'ann','directory':'customers'}", 0, "{'groups':[],'masked_in':[]}" },
                { "P3", "{'command':'user show','user':'ann','directory':'partners'}", 0, "{'owner':'partners','groups':['ops']}" },
                { "U10", "{'command':'member remove','group':'ops','names':['ann']}", 0, DONE("partners", "remove-member") },
                { "U8", "{'command':'group show','group':'ops'}", 0, "{'members':[]}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, TWO("membership = aggregating\n"));
        RUN(&world, rows);
        keeper_world_close(&world);
}

#define RESTRICTED DIRECTORY("customers", "permissions = read-only\n") DIRECTORY("partners", "") "[application/host]\ndirectories = customers, partners\n" \
        MAPPED("host", "customers") MAPPED("host", "partners") "permissions = modify-group, remove-group, modify-user\n"

static void permissions(void **state) {
        static const struct keeper_check fill[] = {
                { "", "{'command':'user add','directory':'customers','user':'ann'}", 0, NULL },
                { "", "{'command':'user add','directory':'partners','user':'bob'}", 0, NULL },
                { "", "{'command':'group add','group':'ops'}", 0, NULL },
        };
        static const struct keeper_check rows[] = {
                { "P2", "{'command':'user modify','user':'ann','email':'x'}", 5, "{'result':'refused','reason':'permission-denied','changed':[],'skipped':[]}" },
                { "U3", "{'command':'user deactivate','user':'ann'}", 0, DONE("customers", "modify-user-attributes") },
                { "P2", "{'command':'user add','user':'new'}", 5, "{'reason':'permission-denied','skipped':[{'directory':'customers','permission':'add-user',"
                  "'level':'directory'},{'directory':'partners','permission':'add-user','level':'application'}]}" },
                { "P3", "{'command':'user add','directory':'partners','user':'new'}", 0, DONE("partners", "add-user") },
                { "P3", "{'command':'user add','directory':'customers','user':'new2'}", 5, REFUSED("permission-denied") },
                { "U6", "{'command':'group modify','group':'ops','description':'d'}", 0,
                  "{'result':'done','changed':[{'directory':'partners','what':'modify-group'}],'skipped':[{'directory':'customers','permission':'modify-group','level':'directory'}]}" },
                { "P6", "{'command':'explain update','update':{'command':'user modify','user':'ann','email':'x'}}", 1,
                  "{'update':'user modify','verdict':'deny','reason':'permission-denied','changed':[]}" },
                { "U2", "{'command':'explain update','update':{'command':'user password','user':'bob'}}", 0,
                  "{'verdict':'allow','reason':'ok','changed':[{'directory':'partners','what':'set-password'}]}" },
                { "U1", "{'command':'explain update','directory':'partners','update':{'command':'user add','user':'zoe'}}", 0, "{'verdict':'allow','directory':'partners'}" },
                { "U1", "{'command':'user show','user':'zoe'}", 3, NULL },
                { "U4", "{'command':'explain update','update':{'command':'user list'}}", 2, "{'error':{'reason':'usage'}}" },
                { "P2", "{'command':'import begin','kind':'user','directory':'customers'}", 5, REFUSED("permission-denied") },
        };
        struct keeper_world world;
        keeper_world_open(&world, TWO(""));
        RUN(&world, fill);
        keeper_world_configure(&world, RESTRICTED);
        RUN(&world, rows);
        keeper_world_close(&world);
}

#define ATTRIBUTE DIRECTORY("customers", "ids = attribute\n") DIRECTORY("partners", "ids = attribute\n") "[application/host]\ndirectories = customers, partners\n" \
        MAPPED("host", "customers") MAPPED("host", "partners")

static void attribute_ids(void **state) {
        static const struct keeper_check rows[] = {
                { "I1", "{'command':'user add','user':'ann'}", 2, "{'error':{'reason':'usage'}}" },
                { "I3", "{'command':'user add','user':'ann','uid':999}", 1, REFUSED("id-conflict") },
                { "I3", "{'command':'user add','user':'ann','uid':100001}", 1, REFUSED("id-conflict") },
                { "I1", "{'command':'user add','user':'ann','uid':5001}", 0, DONE("customers", "add-user") },
                { "I4", "{'command':'user add','user':'bob','uid':5001}", 1, REFUSED("id-conflict") },
                { "P3", "{'command':'user add','directory':'partners','user':'bob','uid':5001}", 0, NULL },
                { "I4", "{'command':'user show','user':'bob'}", 3, "{'error':{'reason':'id-conflict'}}" },
                { "I4", "{'command':'masked'}", 0, "{'masked':[{'kind':'user','name':'bob','id':5001,'directory':'partners','winner':'customers','reason':'id-conflict'}]}" },
                { "I1", "{'command':'group add','directory':'partners','group':'night'}", 2, "{'error':{'reason':'usage'}}" },
                { "I1", "{'command':'group add','directory':'partners','group':'night','gid':6001}", 0, NULL },
                { "I5", "{'command':'member add','group':'night','names':['ann']}", 0, "{'changed':[{'directory':'customers','what':'add-group'},{'what':'add-member'}]}" },
                { "I5", "{'command':'group show','group':'night'}", 0, "{'gid':6001,'members':['ann'],'directories':['customers','partners']}" },
                { "I5", "{'command':'group show','group':'night','directory':'customers'}", 0, "{'gid':6001,'owner':'customers'}" },
                { "U2", "{'command':'user rename','user':'ann','new_name':'anna'}", 0, NULL },
                { "I5", "{'command':'user show','user':'anna'}", 0, "{'uid':5001,'groups':['night']}" },
                { "I1", "{'command':'group add','directory':'customers','group':'team','gid':7001}", 0, NULL },
                { "M10", "{'command':'user add','user':'amy','uid':5010,'gid':7001}", 0, NULL },
                { "M10", "{'command':'user show','user':'amy'}", 0, "{'uid':5010,'gid':7001,'groups':['team']}" },
                { "M9", "{'command':'member remove','group':'team','names':['amy']}", 1, REFUSED("not-a-member") },
                { "M9", "{'command':'member add','group':'team','names':['amy']}", 0, NULL },
                { "M9", "{'command':'member remove','group':'team','names':['amy']}", 0, NULL },
                { "M9", "{'command':'group show','group':'team'}", 0, "{'members':['amy']}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, ATTRIBUTE);
        RUN(&world, rows);
        keeper_world_close(&world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(users), cmocka_unit_test(restart), cmocka_unit_test(crash_before_build), cmocka_unit_test(groups), cmocka_unit_test(members),
                cmocka_unit_test(aggregating), cmocka_unit_test(permissions), cmocka_unit_test(attribute_ids),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
