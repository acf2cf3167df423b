/* Tests of the PAM module's parts that need neither libpam nor a view: its options, and the look into /etc/passwd.
 * Relies on: cmocka.
 * Must never: read the host's own /etc/passwd. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "local.h"
#include "options.h"
#include "wire/message.h"

static char long_application[16 + WIRE_NAME_MAX + 1], longest_application[16 + WIRE_NAME_MAX];

static const struct {
        const char *name;
        const char *argv[6];
        const char *wrong; /* NULL: accepted */
        struct options options;
} option_rows[] = {
        { "none", { NULL }, NULL, { .application = "" } },
        { "all", { "use_first_pass", "try_first_pass", "use_authtok", "quiet", "debug", NULL }, NULL,
          { .application = "", .use_first_pass = true, .try_first_pass = true, .use_authtok = true, .quiet = true, .debug = true } },
        { "application", { "application=ssh", NULL }, NULL, { .application = "ssh" } },
        { "application and a switch", { "debug", "application=ssh", NULL }, NULL, { .application = "ssh", .debug = true } },
        { "the longest application", { longest_application, NULL }, NULL, { .application = longest_application + 12 } },
        { "application without a name", { "application=", NULL }, "application=", { 0 } },
        { "application too long", { long_application, NULL }, long_application, { 0 } },
        { "application twice", { "application=a", "application=b", NULL }, "application=b", { 0 } },
        { "application alone", { "application", NULL }, "application", { 0 } },
        { "a misspelt application", { "aplication=ssh", NULL }, "aplication=ssh", { 0 } },
        { "another case", { "DEBUG", NULL }, "DEBUG", { 0 } },
        { "a value that a switch does not take", { "debug=yes", NULL }, "debug=yes", { 0 } },
        { "an option of other modules", { "debug", "nullok", NULL }, "nullok", { 0 } },
        { "an empty word", { "", NULL }, "", { 0 } },
};

static void test_options(void **state) {
        memset(long_application, 'x', sizeof long_application - 1);
        memset(longest_application, 'x', sizeof longest_application - 1);
        memcpy(long_application, "application=", 12);
        memcpy(longest_application, "application=", 12);
        long_application[12 + WIRE_NAME_MAX + 1] = 0;
        longest_application[12 + WIRE_NAME_MAX] = 0;
        for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
                struct options options = { .application = "untouched" };
                const char *wrong = NULL;
                int argc = 0;
                while (option_rows[i].argv[argc])
                        argc++;
                int r = options_parse(argc, (const char **)option_rows[i].argv, &options, &wrong);
                if (r != (option_rows[i].wrong ? -EINVAL : 0))
                        fail_msg("%s: %d", option_rows[i].name, r);
                assert_string_equal(options.application, r == 0 ? option_rows[i].options.application : "untouched");
                if (r < 0)
                        assert_string_equal(wrong, option_rows[i].wrong);
                const struct options *expected = &option_rows[i].options;
                assert_int_equal(options.use_first_pass, expected->use_first_pass);
                assert_int_equal(options.try_first_pass, expected->try_first_pass);
                assert_int_equal(options.use_authtok, expected->use_authtok);
                assert_int_equal(options.quiet, expected->quiet);
                assert_int_equal(options.debug, expected->debug);
        }
}

static const char passwd[] =
        "root:x:0:0:root:/root:/bin/bash\n"
        "\n"
        "# alice:x:1:1::/:\n"
        "  blank:x:5:5::/:\n"
        "JSmith:x:1000:1000::/home/jsmith:/bin/bash\n"
        "nocolon\n"
        ":x:7:7::/:\n"
        "field:value:0:0::/:\n"
        "last:x:6:6::/:";

static const struct { const char *rule, *name; int found; } local_rows[] = {
        { "first line", "root", 1 },
        { "last line, without its newline", "last", 1 },
        { "N1: another case of ours", "ROOT", 1 },
        { "N4: another case of theirs", "jsmith", 1 },
        { "a beginning of a name", "roo", 0 },
        { "more than a name", "rooty", 0 },
        { "a line without a colon", "nocolon", 0 },
        { "in a comment", "alice", 0 },
        { "behind blanks, as libc reads it", "blank", 1 },
        { "another field", "value", 0 },
        { "a name with a colon", "field:value", 0 },
        { "the empty name", "", 0 },
        { "nobody", "zed", 0 },
        { "a newline in the name", "x\nroot", 0 },
};

static void write_file(const char *path, const char *text, size_t times) {
        _cleanup_fclose_ FILE *file = fopen(path, "we");
        assert_non_null(file);
        for (size_t i = 0; i < times; i++)
                assert_int_equal(fwrite(text, strlen(text), 1, file), 1);
}

static void test_local(void **state) {
        char folder[] = "/tmp/pam-parts-XXXXXX", path[64];
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/passwd", folder);
        assert_int_equal(local_has_name(path, "root"), 0);
        write_file(path, passwd, 1);
        for (size_t i = 0; i < ARRAY_SIZE(local_rows); i++) {
                int r = local_has_name(path, local_rows[i].name);
                if (r != local_rows[i].found)
                        fail_msg("%s: %d", local_rows[i].rule, r);
        }
        assert_int_equal(local_has_name(folder, "root"), -EISDIR);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(folder), 0);
}

/* The name lies across every place where one read ends and the next begins. */
static void test_local_across_reads(void **state) {
        char folder[] = "/tmp/pam-parts-XXXXXX", path[64], text[4200];
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/passwd", folder);
        for (size_t before = 4080; before < 4100; before++) {
                memset(text, 'x', before - 1);
                memcpy(text + before - 1, "\nwanted:x:1:1::/:\n", sizeof "\nwanted:x:1:1::/:\n");
                write_file(path, text, 1);
                assert_int_equal(local_has_name(path, "wanted"), 1);
                assert_int_equal(local_has_name(path, "want"), 0);
        }
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(folder), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_local),
                cmocka_unit_test(test_local_across_reads),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
