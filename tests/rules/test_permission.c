/* Permissions, every combination (P1 to P6), and the sentences of P6.
 * Relies on: rules/permission, naive.
 * Must never: skip a combination. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "naive.h"
#include "rules/permission.h"

static const char letters[] = "-ildcj"; /* in the order of enum directory_type */

static void every_combination(void **state) {
        for (unsigned row = 0; row < 6 * 8 * (1u << 6); row++) {
                unsigned type = row % 6, p = row / 6 % 8, flags = row / 48;
                struct naive_permission naive = { .type = letters[type], .read_only = flags & 1, .console = flags & 2,
                        .external_never = flags & 4, .at_directory = flags & 8, .at_application = flags & 16, .password = flags & 32 };
                /* All the other permissions are the opposite: only this one's bit may count. */
                permission_set on = PERMISSION_BIT(p), off = (permission_set)~on;
                struct directory_settings directory = { .name = "d", .type = (enum directory_type)type, .active = true,
                        .read_only_kind = naive.read_only, .permissions = naive.at_directory ? on : off };
                struct mapping_settings mapping = { .permissions = naive.at_application ? on : off };
                struct application_settings application = { .name = "a",
                        .external_writes = naive.external_never ? EXTERNAL_WRITES_NEVER : EXTERNAL_WRITES_ALLOWED };
                enum permission_level level = LEVEL_SERVER;
                enum reason reason = permission_check(&directory, naive.console ? NULL : &application, &mapping, (enum permission)p,
                                                      naive.password, &level);
                char said[64];
                (void)snprintf(said, sizeof said, "%s%s%s", reason_name(reason), level == LEVEL_NONE ? "" : " ", permission_level_name(level));
                assert_string_equal(said, naive_permission(&naive));
        }
}

static void unclear_is_off(void **state) {
        struct directory_settings directory = { .name = "d", .type = DIRECTORY_INTERNAL, .permissions = PERMISSIONS_ALL };
        struct application_settings application = { .name = "a", .external_writes = EXTERNAL_WRITES_ALLOWED };
        enum permission_level level;
        assert_int_equal(permission_check(&directory, &application, NULL, PERMISSION_ADD_USER, false, &level), REASON_PERMISSION_DENIED);
        assert_int_equal(level, LEVEL_APPLICATION);
        assert_int_equal(permission_check(&directory, NULL, NULL, PERMISSION_MAX, false, &level), REASON_PERMISSION_DENIED);
        assert_int_equal(level, LEVEL_DIRECTORY);
        assert_int_equal(permission_check(&directory, NULL, NULL, (enum permission)-1, false, &level), REASON_PERMISSION_DENIED);
        assert_string_equal(permission_level_name((enum permission_level)77), "");
        assert_string_equal(permission_level_name(LEVEL_SERVER), "server");
}

/* P5: whoever keeps the passwords, and whether the change sets one. */
static void kinds(void **state) {
        static const struct { const char *what; enum directory_type type; bool read_only, password, never; enum reason reason; } rows[] = {
                { "a preset that is written", DIRECTORY_LDAP, false, false, false, REASON_OK },
                { "... a password", DIRECTORY_LDAP, false, true, false, REASON_OK },
                { "a preset that is read-only", DIRECTORY_LDAP, true, false, false, REASON_READ_ONLY_KIND },
                { "... a password", DIRECTORY_LDAP, true, true, false, REASON_READ_ONLY_KIND },
                { "external_writes = never", DIRECTORY_LDAP, false, false, true, REASON_READ_ONLY_KIND },
                { "... a password", DIRECTORY_LDAP, false, true, true, REASON_READ_ONLY_KIND },
                { "delegated", DIRECTORY_DELEGATED, false, false, true, REASON_OK },
                { "... a password", DIRECTORY_DELEGATED, false, true, false, REASON_READ_ONLY_KIND },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct directory_settings directory = { .name = "d", .type = rows[i].type, .permissions = PERMISSIONS_ALL, .read_only_kind = rows[i].read_only };
                const struct application_settings application = { .name = "a", .external_writes = rows[i].never ? EXTERNAL_WRITES_NEVER : EXTERNAL_WRITES_ALLOWED };
                const struct mapping_settings mapping = { .permissions = PERMISSIONS_ALL };
                enum permission_level level;
                if (permission_check(&directory, &application, &mapping, PERMISSION_MODIFY_USER, rows[i].password, &level) != rows[i].reason)
                        fail_msg("%zu: %s", i, rows[i].what);
        }
}

/* P4 */
static void bundles(void **state) {
        const struct { const char *name; permission_set set; bool on[PERMISSION_MAX]; } rows[] = {
                { "read-only", PERMISSIONS_READ_ONLY, { [PERMISSION_MODIFY_USER_ATTRIBUTES] = true, [PERMISSION_MODIFY_GROUP_ATTRIBUTES] = true } },
                { "read-only-local-groups", PERMISSIONS_READ_ONLY_LOCAL_GROUPS,
                  { [PERMISSION_MODIFY_USER_ATTRIBUTES] = true, [PERMISSION_MODIFY_GROUP_ATTRIBUTES] = true, [PERMISSION_ADD_GROUP] = true,
                    [PERMISSION_MODIFY_GROUP] = true, [PERMISSION_REMOVE_GROUP] = true } },
                { "read-write", PERMISSIONS_ALL, { true, true, true, true, true, true, true, true } },
                { "none", PERMISSIONS_NONE, { false } },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (unsigned p = 0; p < PERMISSION_MAX; p++) {
                        struct directory_settings directory = { .name = "d", .type = DIRECTORY_INTERNAL, .permissions = rows[i].set };
                        enum permission_level level;
                        enum reason reason = permission_check(&directory, NULL, NULL, (enum permission)p, false, &level);
                        if ((reason == REASON_OK) != rows[i].on[p])
                                fail_msg("%s: %s", rows[i].name, permission_name((enum permission)p));
                }
}

/* P6: who, where, what, which level, and what to do. */
static void refusals_say_what_to_do(void **state) {
        const struct directory_settings internal = { .name = "staff", .type = DIRECTORY_INTERNAL };
        const struct directory_settings posix = { .name = "posix", .type = DIRECTORY_LDAP, .read_only_kind = true };
        const struct directory_settings none = { .name = "odd" };
        const struct directory_settings delegated = { .name = "deleg", .type = DIRECTORY_DELEGATED };
        const struct directory_settings ldap = { .name = "corp", .type = DIRECTORY_LDAP };
        const struct application_settings never = { .name = "wiki", .external_writes = EXTERNAL_WRITES_NEVER };
        const struct application_settings allowed = { .name = "host", .external_writes = EXTERNAL_WRITES_ALLOWED };
        const struct {
                const char *rule;
                const struct directory_settings *directory;
                const struct application_settings *application;
                enum permission permission;
                enum permission_level level;
                const char *has[5];
        } rows[] = {
                { "P2 directory", &internal, &allowed, PERMISSION_ADD_USER, LEVEL_DIRECTORY,
                  { "user ann", "staff", "add-user", "directory level", "multidirctl permission set staff add-user on" } },
                { "P2 application", &internal, &allowed, PERMISSION_ADD_GROUP, LEVEL_APPLICATION,
                  { "user ann", "staff", "add-group", "application level (host)", "multidirctl --application host permission set staff add-group on" } },
                { "P3 console has no application level", &internal, NULL, PERMISSION_ADD_GROUP, LEVEL_APPLICATION, { "directory level" } },
                { "P5 read-only kind", &posix, &never, PERMISSION_MODIFY_USER, LEVEL_KIND, { "user ann", "posix", "modify-user", "read-only" } },
                { "P5 no type", &none, NULL, PERMISSION_MODIFY_USER, LEVEL_KIND, { "odd", "read-only" } },
                { "P5 delegated password", &delegated, &never, PERMISSION_MODIFY_USER, LEVEL_KIND, { "deleg", "LDAP server", "password" } },
                { "P5 external_writes", &ldap, &never, PERMISSION_REMOVE_USER, LEVEL_KIND,
                  { "corp", "remove-user", "external_writes = never", "application set wiki external_writes=allowed" } },
                { "P6 server", &ldap, &allowed, PERMISSION_REMOVE_USER, LEVEL_SERVER, { "corp", "remove-user", "server" } },
                { "P6 an unknown permission", &ldap, &allowed, PERMISSION_MAX, LEVEL_SERVER, { "corp", "the change" } },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[400];
                permission_text("user ann", rows[i].directory, rows[i].application, rows[i].permission, rows[i].level, text, sizeof text);
                for (size_t k = 0; k < ARRAY_SIZE(rows[i].has) && rows[i].has[k]; k++)
                        if (!strstr(text, rows[i].has[k]))
                                fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].rule, text, rows[i].has[k]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_combination),
                cmocka_unit_test(unclear_is_off),
                cmocka_unit_test(kinds),
                cmocka_unit_test(bundles),
                cmocka_unit_test(refusals_say_what_to_do),
        };
        return cmocka_run_group_tests_name("P", tests, NULL, NULL);
}
