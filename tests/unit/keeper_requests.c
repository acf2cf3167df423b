/* Bad requests to the keeper: unknown commands and fields, wrong types, 10,000 random ones. Always an answer, never a crash, nothing half done.
 * Relies on: keeper_world; run it under AddressSanitizer too.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "keeper_world.h"

#define WORLD "[directory/a]\ntype = internal\n[directory/b]\ntype = internal\nids = attribute\n[directory/off]\ntype = internal\nactive = no\n" \
        "[application/host]\ndirectories = a, b, off\n[application/host/a]\nallow_all = yes\n[application/other]\ndirectories = b, a\nmembership = aggregating\nservices = x\n"
#define USAGE "{'error':{'reason':'usage'}}"

static void bad(void **state) {
        static const struct keeper_check rows[] = {
                { "no object", "[]", 2, USAGE },
                { "no object", "'user list'", 2, USAGE },
                { "no object", "null", 2, USAGE },
                { "no command", "{}", 2, USAGE },
                { "no command", "{'command':7}", 2, USAGE },
                { "no command", "{'command':'user list\\u0000'}", 2, USAGE },
                { "unknown", "{'command':'explain login','user':'x'}", 2, USAGE },
                { "unknown", "{'command':'user'}", 2, USAGE },
                { "field", "{'command':'user list','x':1}", 2, USAGE },
                { "field", "{'command':'masked','application':'host'}", 2, USAGE },
                { "field", "{'command':'user show'}", 2, USAGE },
                { "type", "{'command':'user show','user':7}", 2, USAGE },
                { "type", "{'command':'user show','user':'a\\u0000b'}", 2, USAGE },
                { "type", "{'command':'user add','user':'a','uid':-1}", 2, USAGE },
                { "type", "{'command':'user add','user':'a','uid':4294967295}", 2, USAGE },
                { "type", "{'command':'user add','user':'a','uid':1.5}", 2, USAGE },
                { "type", "{'command':'user add','user':'a','attributes':{'k':1}}", 2, USAGE },
                { "value", "{'command':'user add','user':'a','attributes':{'k=':'v'}}", 2, USAGE },
                { "value", "{'command':'user add','user':'a','attributes':{'':'v'}}", 2, USAGE },
                { "value", "{'command':'user add','user':'a','ssh_keys':'nonsense'}", 2, USAGE },
                { "value", "{'command':'user add','user':'a','email':'a\\nb'}", 2, USAGE },
                { "type", "{'command':'member add','group':'g','names':'x'}", 2, USAGE },
                { "type", "{'command':'member add','group':'g','names':[1]}", 2, USAGE },
                { "type", "{'command':'user remove','user':'a','unmask':1}", 2, USAGE },
                { "selector", "{'command':'user list','application':'host','directory':'a'}", 2, USAGE },
                { "selector", "{'command':'user list','application':'none'}", 3, "{'error':{'reason':'application-not-found'}}" },
                { "selector", "{'command':'user list','directory':'none'}", 3, "{'error':{'reason':'directory-not-found'}}" },
                { "selector", "{'command':'explain update','update':{'command':'explain update','update':{}}}", 2, USAGE },
                { "P3", "{'command':'user add','directory':'off','user':'asleep'}", 0, "{'result':'done'}" },
                { "P3", "{'command':'user show','directory':'off','user':'asleep'}", 0, "{'owner':'off'}" },
                { "P3", "{'command':'user show','user':'asleep'}", 3, NULL },
                { "show", "{'command':'directory show','directory':'none'}", 3, NULL },
                { "show", "{'command':'application show','application':'none'}", 3, NULL },
                { "show", "{'command':'directory list'}", 0, "{'directories':[{'name':'a','type':'internal','state':'ready','error':null},{'name':'b'},{'name':'off','state':'off'}]}" },
                { "show, and what the supervisor knows", "{'command':'directory list','status':{'b':{'kept_by':'watch','full_age':3,'state':'syncing'},'c':{'name':'c'}}}", 0,
                  "{'directories':[{'name':'a','state':'ready'},{'name':'b','kept_by':'watch','full_age':3,'state':'syncing'},{'name':'off','state':'off'}]}" },
                { "show", "{'command':'directory list','status':1}", 2, USAGE },
                { "sync", "{'command':'directory sync'}", 0, "{'directories':[{'name':'a','state':'ready','users':0},{'name':'b'},{'name':'off','state':'off','users':1}]}" },
                { "sync", "{'command':'directory sync','directory':'b','full':true}", 0, "{'directories':[{'name':'b','error':null}]}" },
                { "sync", "{'command':'directory sync','directory':'none'}", 3, "{'error':{'reason':'directory-not-found'}}" },
                { "sync", "{'command':'directory sync','full':1}", 2, USAGE },
                { "show", "{'command':'application list'}", 0, "{'applications':[{'name':'host','directories':['a','b','off']},{'name':'other','services':['x']}]}" },
                { "show", "{'command':'directory show','directory':'b'}", 0, "{'name':'b','applications':['host','other']}" },
                { "show, and what the supervisor knows", "{'command':'directory show','directory':'b','status':{'kept_by':'watch','full_age':3,'state':'syncing'}}", 0,
                  "{'name':'b','kept_by':'watch','full_age':3,'state':'syncing','applications':['host','other']}" },
                { "show", "{'command':'directory show','directory':'b','status':1}", 2, USAGE },
                { "show", "{'command':'application show','application':'other'}", 0, "{'name':'other','directories':['b','a']}" },
        };
        struct keeper_world world;
        keeper_world_open(&world, WORLD);
        keeper_world_run(&world, rows, ARRAY_SIZE(rows));
        keeper_world_close(&world);
}

#define LDAP_WORLD "[directory/d]\ntype = ldap\nuri = ldaps://a\nbase = dc=x\npreset = openldap\nuser_name = uid\n[directory/i]\ntype = internal\n" \
        "[application/host]\ndirectories = d, i\n"

/* Each value says where it comes from, and a directory has the keys of its type only. */
static void settings_say_where_they_come_from(void **state) {
        static const struct { const char *directory, *key, *value, *from; } rows[] = {
                { "d", "type", "ldap", "multidir.conf:2" },
                { "d", "user_name", "uid", "multidir.conf:6" },
                { "d", "user_rdn", "cn", "preset openldap" },
                { "d", "user_email", "mail", "default" },
                { "d", "permissions", "read-write", "default" },
                { "i", "type", "internal", "multidir.conf:8" },
                { "i", "uri", NULL, NULL },
                { "i", "user_rdn", NULL, NULL },
        };
        struct keeper_world world;
        keeper_world_open(&world, LDAP_WORLD);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char request[96];
                int exit = -1;
                snprintf(request, sizeof request, "{'command':'directory show','directory':'%s'}", rows[i].directory);
                json_t *object = keeper_world_ask(&world, request, &exit), *row = NULL;
                size_t index;
                assert_int_equal(exit, 0);
                const char *value = NULL, *from = NULL;
                json_array_foreach(json_object_get(object, "settings"), index, row)
                        if (strcmp(json_string_value(json_object_get(row, "key")), rows[i].key) == 0) {
                                value = json_string_value(json_object_get(row, "value"));
                                from = json_string_value(json_object_get(row, "from"));
                        }
                if (!value != !rows[i].value || (value && (strcmp(value, rows[i].value) != 0 || strcmp(from, rows[i].from) != 0)))
                        fail_msg("%s %s: %s from %s", rows[i].directory, rows[i].key, value ? value : "(none)", from ? from : "(none)");
                json_decref(object);
        }
        keeper_world_close(&world);
}

/* Before the first configuration, and with a store that cannot be opened. */
static void unavailable(void **state) {
        struct keeper *keeper = keeper_new("/nonexistent");
        json_t *request = json_pack("{s:s}", "command", "user list");
        int exit = 0;
        json_t *object = keeper_command(keeper, request, &exit);
        assert_int_equal(exit, 6);
        json_decref(object);
        struct keeper_world world = { .keeper = keeper };
        assert_int_equal(keeper_set_local(keeper, NULL, NULL, NULL, NULL), 0);
        keeper_world_configure(&world, WORLD);
        object = keeper_command(keeper, request, &exit);
        assert_int_equal(exit, 6);
        json_decref(object);
        json_decref(request);
        request = json_pack("{s:s, s:s}", "command", "user add", "user", "x");
        object = keeper_command(keeper, request, &exit);
        assert_int_equal(exit, 6);
        assert_string_equal(json_string_value(json_object_get(object, "reason")), "unavailable");
        json_decref(object);
        json_decref(request);
        keeper_free(keeper);
        free(world.config);
}

static const char *const commands[] = {
        "user list", "user show", "user add", "user modify", "user rename", "user remove", "user activate", "user deactivate", "group list", "group show",
        "group add", "group modify", "group remove", "member add", "member remove", "import begin", "import rows", "import end", "import errors", "explain groups", "explain group",
        "explain update", "masked", "accept", "directory list", "directory show", "directory sync", "application list", "application show", "user password", "nonsense",
};
static const char *const fields[] = {
        "user", "group", "names", "is_group", "full", "uid", "gid", "home", "shell", "email", "attributes", "new_name", "unmask", "kind", "directory", "application",
        "dry_run", "rows", "update", "name", "description", "ssh_keys", "display_name", "command", "extra", "line", "members", "groups", "active", "hash",
};
static const char *const words[] = { "a", "b", "off", "host", "other", "user", "group", "ann", "ANN", "bob", "ops", "x:y", "", "-", "wheel", "\xc3\xa9", "root", "1234", "/home/x" };

static json_t *random_value(unsigned depth);

static json_t *random_object(unsigned depth) {
        json_t *object = json_object();
        for (int i = rand() % 6; i >= 0; i--)
                json_object_set_new(object, fields[(size_t)rand() % ARRAY_SIZE(fields)], random_value(depth + 1));
        if (rand() % 2)
                json_object_set_new(object, "command", json_string(commands[(size_t)rand() % ARRAY_SIZE(commands)]));
        return object;
}

static json_t *random_value(unsigned depth) {
        switch (rand() % (depth > 3 ? 9 : 11)) {
        case 0: return json_integer(rand() % 3 ? rand() % 70000 : (json_int_t)rand() * rand());
        case 1: return json_boolean(rand() % 2);
        case 2: return json_null();
        case 3: return json_real(1.5);
        case 4: return json_stringn("a\0b", 3);
        case 9: return random_object(depth);
        case 10: {
                json_t *array = json_array();
                for (int i = rand() % 4; i > 0; i--)
                        json_array_append_new(array, random_value(depth + 1));
                return array;
        }
        default: return json_string(words[(size_t)rand() % ARRAY_SIZE(words)]);
        }
}

static const char *word(void) {
        return words[(size_t)rand() % ARRAY_SIZE(words)];
}

/* Requests that are well formed, about few names, so that changes meet each other; sometimes with one field spoilt. */
static json_t *likely_request(void) {
        const char *command = commands[(size_t)rand() % ARRAY_SIZE(commands)];
        json_t *request = json_pack("{s:s}", "command", command);
        if (strncmp(command, "user ", 5) == 0 || strcmp(command, "explain groups") == 0)
                json_object_set_new(request, "user", json_string(word()));
        if (strncmp(command, "group ", 6) == 0 || strncmp(command, "member ", 7) == 0 || strcmp(command, "explain group") == 0)
                json_object_set_new(request, "group", json_string(word()));
        if (strstr(command, " list"))
                json_object_del(request, command[0] == 'u' ? "user" : "group");
        if (strcmp(command, "user modify") == 0)
                json_object_set_new(request, "email", json_string(word()));
        if (strcmp(command, "user rename") == 0)
                json_object_set_new(request, "new_name", json_string(word()));
        if (strncmp(command, "member ", 7) == 0) {
                json_object_set_new(request, "names", json_pack("[s,s]", word(), word()));
                json_object_set_new(request, "is_group", json_boolean(rand() % 2));
        }
        if (strcmp(command, "user add") == 0 && rand() % 2)
                json_object_set_new(request, "uid", json_integer(5000 + rand() % 20));
        if (strcmp(command, "import begin") == 0)
                json_object_update_new(request, json_pack("{s:s, s:s}", "kind", rand() % 2 ? "user" : "group", "directory", rand() % 2 ? "a" : "b"));
        if (strcmp(command, "import rows") == 0)
                json_object_set_new(request, "rows", json_pack("[{s:i, s:s, s:[s]}]", "line", 1, "name", word(), "groups", word()));
        if (strcmp(command, "accept") == 0)
                json_object_set_new(request, "name", json_string(word()));
        if (rand() % 3 == 0)
                json_object_set_new(request, rand() % 2 ? "directory" : "application", json_string(word()));
        if (rand() % 4 == 0)
                json_object_set_new(request, fields[(size_t)rand() % ARRAY_SIZE(fields)], random_value(1));
        if (strcmp(command, "explain update") == 0)
                json_object_set_new(request, "update", rand() % 8 ? likely_request() : random_value(1));
        return request;
}

static void random_requests(void **state) {
        struct keeper_world world;
        unsigned done = 0;
        keeper_world_open(&world, WORLD);
        srand(20240229);
        for (unsigned i = 0; i < 10000; i++) {
                json_t *request = rand() % 4 ? likely_request() : random_value(0);
                int exit = -1;
                json_t *object = keeper_command(world.keeper, request, &exit);
                if (!object || exit < 0 || exit > 8) {
                        char *text = json_dumps(request, JSON_ENCODE_ANY);
                        fail_msg("request %u: %s: exit %d, %s", i, text, exit, object ? "an object" : "no object");
                }
                done += exit == 0;
                if (exit == 2 || exit == 3)
                        assert_true(json_object_get(object, "error") || json_object_get(object, "result"));
                json_decref(object);
                json_decref(request);
        }
        print_message("%u of 10,000 requests were done\n", done);
        assert_true(done > 500); /* else the requests prove little */
        assert_int_equal(keeper_build(world.keeper), 0);
        keeper_world_close(&world);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(bad), cmocka_unit_test(settings_say_where_they_come_from), cmocka_unit_test(unavailable), cmocka_unit_test(random_requests) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
