/* multidirctl's command line: words and options in any order, and one clear error for everything else.
 * Relies on: cmocka, multidirctl's library.
 * Must never: need a service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "multidirctl/arguments.h"

#define WORDS_MAX 12

struct row { const char *name; const char *words[WORDS_MAX]; const char *command; const char *fields; /* JSON */ const char *error; /* part of its text */ };

static const struct row rows[] = {
        { "a command of one word", { "status" }, "status", "{}", NULL },
        { "a command of two", { "user", "list" }, "user list", "{}", NULL },
        { "selectors before", { "--directory", "d", "user", "add", "ann" }, "user add", "{\"user\":\"ann\",\"directory\":\"d\"}", NULL },
        { "options anywhere", { "user", "--email", "a@b", "add", "--directory=d", "ann" }, "user add", "{\"user\":\"ann\",\"directory\":\"d\",\"email\":\"a@b\"}", NULL },
        { "a value that looks like an option", { "user", "add", "ann", "--email", "--json" }, "user add", "{\"user\":\"ann\",\"email\":\"--json\"}", NULL },
        { "numbers", { "user", "add", "ann", "--uid", "5000", "--gid=6000" }, "user add", "{\"user\":\"ann\",\"uid\":5000,\"gid\":6000}", NULL },
        { "attributes", { "user", "modify", "ann", "--attribute", "a=1", "--attribute", "b=x=y" }, "user modify", "{\"user\":\"ann\",\"attributes\":{\"a\":\"1\",\"b\":\"x=y\"}}", NULL },
        { "many names", { "member", "add", "g", "a", "b", "--group" }, "member add", "{\"group\":\"g\",\"names\":[\"a\",\"b\"],\"is_group\":true}", NULL },
        { "--group of accept", { "accept", "--group", "g" }, "accept", "{\"name\":\"g\",\"group\":true}", NULL },
        { "-- ends options", { "user", "show", "--", "--x" }, "user show", "{\"user\":\"--x\"}", NULL },
        { "a single dash is a word", { "check", "-" }, "check", "{\"file\":\"-\"}", NULL },
        { "an optional argument", { "check" }, "check", "{}", NULL },
        { "P2 permission set", { "permission", "set", "d", "add-user", "off", "--application", "host" }, "permission set",
          "{\"directory\":\"d\",\"permission\":\"add-user\",\"state\":\"off\",\"application\":\"host\"}", NULL },
        { "explain update", { "explain", "update", "user", "add", "ann", "--email", "x" }, "explain update", "{\"update\":{\"command\":\"user add\",\"user\":\"ann\",\"email\":\"x\"}}", NULL },
        { "explain update with a selector", { "--application", "a", "explain", "update", "member", "remove", "g", "n" }, "explain update",
          "{\"update\":{\"command\":\"member remove\",\"group\":\"g\",\"names\":[\"n\"],\"application\":\"a\"}}", NULL },
        { "empty text", { "user", "modify", "ann", "--email", "" }, "user modify", "{\"user\":\"ann\",\"email\":\"\"}", NULL },
        { "nothing", { NULL }, NULL, NULL, "no command" },
        { "half a command", { "user" }, NULL, NULL, "user list, user show" },
        { "a mistyped command", { "stauts" }, NULL, NULL, "did you mean \"status\"?" },
        { "a mistyped second word", { "user", "lst" }, NULL, NULL, "user list" },
        { "a mistyped option", { "user", "add", "ann", "--emial", "x" }, NULL, NULL, "did you mean --email?" },
        { "an option of another command", { "user", "list", "--uid", "5" }, NULL, NULL, "user list takes no --uid" },
        { "an option without its value", { "user", "add", "ann", "--uid" }, NULL, NULL, "--uid needs a value: --uid NUMBER" },
        { "a flag with a value", { "user", "remove", "ann", "--unmask=yes" }, NULL, NULL, "--unmask takes no value" },
        { "a missing argument", { "user", "rename", "ann" }, NULL, NULL, "user rename needs NEW-NAME" },
        { "a missing name", { "member", "add", "g" }, NULL, NULL, "member add needs NAME" },
        { "an argument too many", { "user", "show", "a", "b" }, NULL, NULL, "user show does not take \"b\"" },
        { "an option twice", { "user", "add", "ann", "--email", "a", "--email", "b" }, NULL, NULL, "--email is given twice" },
        { "an attribute twice", { "user", "add", "ann", "--attribute", "a=1", "--attribute", "a=2" }, NULL, NULL, "is given twice" },
        { "an attribute without =", { "user", "add", "ann", "--attribute", "a" }, NULL, NULL, "--attribute K=V" },
        { "both selectors", { "user", "list", "--application", "a", "--directory", "d" }, NULL, NULL, "exclude each other" },
        { "a selector where there is none", { "masked", "--directory", "d" }, NULL, NULL, "masked takes no --directory" },
        { "a bad number", { "user", "add", "ann", "--uid", "-5" }, NULL, NULL, "not a number" },
        { "a number too large", { "user", "add", "ann", "--uid", "4294967295" }, NULL, NULL, "not a number" },
        { "not UTF-8", { "user", "show", "\xff" }, NULL, NULL, "not valid UTF-8" },
        { "explain update of no change", { "explain", "update", "user", "show", "x" }, NULL, NULL, "needs a change" },
        { "explain update alone", { "explain", "update" }, NULL, NULL, "explain update needs COMMAND" },
};

static void check_row(const struct row *row) {
        char *argv[WORDS_MAX + 1] = { (char *)(uintptr_t)"multidirctl" };
        int argc = 1;
        for (; argc <= WORDS_MAX && row->words[argc - 1]; argc++)
                argv[argc] = (char *)(uintptr_t)row->words[argc - 1];
        struct arguments arguments;
        json_t *error = NULL;
        int r = arguments_parse(argc, argv, &arguments, &error);
        const char *text = json_string_value(json_object_get(json_object_get(error, "error"), "text"));
        if (row->error ? r != EXIT_USAGE || !text || !strstr(text, row->error) : r != 0)
                fail_msg("%s: %d, %s", row->name, r, text ? text : "no error");
        if (!row->error) {
                _cleanup_json_ json_t *wanted = json_loads(row->fields, 0, NULL);
                char *got = json_dumps(arguments.fields, JSON_COMPACT);
                if (strcmp(arguments.command->words, row->command) != 0 || !wanted || !json_equal(wanted, arguments.fields))
                        fail_msg("%s: %s %s", row->name, arguments.command->words, got);
                free(got);
        }
        json_decref(error);
        arguments_done(&arguments);
}

static void test_rows(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check_row(&rows[i]);
}

static void test_flags(void **state) {
        char *argv[] = { (char *)(uintptr_t)"multidirctl", (char *)(uintptr_t)"user", (char *)(uintptr_t)"add", (char *)(uintptr_t)"ann",
                         (char *)(uintptr_t)"--password-stdin", (char *)(uintptr_t)"--json", (char *)(uintptr_t)"--ssh-keys", (char *)(uintptr_t)"keys" };
        struct arguments arguments;
        json_t *error = NULL;
        assert_int_equal(arguments_parse(8, argv, &arguments, &error), 0);
        assert_true(arguments.json && arguments.password_stdin && !arguments.help && !arguments.update);
        assert_string_equal(arguments.ssh_keys_file, "keys");
        assert_null(json_object_get(arguments.fields, "password"));
        arguments_done(&arguments);
}

/* Each option bit of the table belongs to a row, so that help and parser agree; every command has a line of help. */
static void test_tables(void **state) {
        uint32_t known = 0;
        for (const struct option_row *row = option_rows; row->name; row++) {
                assert_int_equal(known & row->bit, 0);
                known |= row->bit;
        }
        for (const struct command *row = commands; row->words; row++) {
                assert_int_equal(row->options & ~known, 0);
                assert_true(row->help && *row->help);
                for (size_t i = 0; i + 1 < COMMAND_ARGUMENTS; i++)
                        if (row->arguments[i].kind == ARGUMENT_MANY)
                                assert_int_equal(row->arguments[i + 1].kind, ARGUMENT_NONE);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_flags),
                cmocka_unit_test(test_tables),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
