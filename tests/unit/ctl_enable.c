/* enable and disable on a copy of the host: nsswitch.conf gets our word and loses it again, byte for byte.
 * Relies on: cmocka, multidirctl's library, a folder of its own under /tmp.
 * Must never: touch /etc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "multidirctl/enable.h"
#include "multidirctl/enable_file.h"
#include "multidirctl/nsswitch.h"

struct row { const char *name, *before, *after; };

static const struct row rows[] = {
        { "Debian's own", "passwd:         files systemd\ngroup:          files systemd\nshadow:         files systemd\n",
          "passwd:         files multidir systemd\ngroup:          files multidir systemd\nshadow:         files systemd\n" },
        { "no blank after the colon", "passwd:files\ngroup:\tfiles\n", "passwd:files multidir\ngroup:\tfiles multidir\n" },
        { "a merge ties files to what follows: behind that", "passwd: files\ngroup:          files [SUCCESS=merge] systemd\n", "passwd: files multidir\ngroup:          files [SUCCESS=merge] systemd multidir\n" },
        { "... and no further", "passwd: files [ !notfound = continue ] systemd sss\ngroup: files [success=Merge] systemd [SUCCESS=merge] a[unavail=return]  b\n",
          "passwd: files [ !notfound = continue ] systemd multidir sss\ngroup: files [success=Merge] systemd [SUCCESS=merge] a[unavail=return] multidir  b\n" },
        { "a merge with nothing behind it", "passwd: files [SUCCESS=merge]  \ngroup: files\n", "passwd: files [SUCCESS=merge] multidir  \ngroup: files multidir\n" },
        { "other criteria belong to files alone", "passwd: files [UNAVAIL=return TRYAGAIN=continue] sss\ngroup: files[!NOTFOUND=return]sss\n",
          "passwd: files [UNAVAIL=return TRYAGAIN=continue] multidir sss\ngroup: files[!NOTFOUND=return] multidir sss\n" },
        { "the last word on an outcome counts", "passwd: files [NOTFOUND=return NOTFOUND=continue] sss\ngroup: files [!success=return NOTFOUND=continue] sss\n",
          "passwd: files [NOTFOUND=return NOTFOUND=continue] multidir sss\ngroup: files [!success=return NOTFOUND=continue] multidir sss\n" },
        { "what ends the search behind us", "passwd: files sss [NOTFOUND=return] nis\ngroup: files [SUCCESS=merge] a b [NOTFOUND=return] c\n",
          "passwd: files multidir sss [NOTFOUND=return] nis\ngroup: files [SUCCESS=merge] a multidir b [NOTFOUND=return] c\n" },
        { "without files nothing is in front of us", "passwd: sss [NOTFOUND=return] nis\ngroup: files\n", "passwd: multidir sss [NOTFOUND=return] nis\ngroup: files multidir\n" },
        { "compat", "passwd: compat\ngroup: compat sss\n", "passwd: compat multidir\ngroup: compat multidir sss\n" },
        { "no files at all", "passwd: sss\ngroup:\n", "passwd: multidir sss\ngroup: multidir\n" },
        { "no files, no blank", "passwd:sss\ngroup: files\n", "passwd: multidir sss\ngroup: files multidir\n" },
        { "# begins no comment behind other words", "passwd: files # local\ngroup: sss#x files#x\n", "passwd: files multidir # local\ngroup: multidir sss#x files#x\n" },
        { "initgroups where it is there", "passwd: files\ngroup: files\ninitgroups: files\n", "passwd: files multidir\ngroup: files multidir\ninitgroups: files [SUCCESS=continue] multidir\n" },
        { "... with its own criteria", "passwd: files\ngroup: files\ninitgroups: files [SUCCESS=continue] sss [!UNAVAIL=continue]\n",
          "passwd: files multidir\ngroup: files multidir\ninitgroups: files [SUCCESS=continue] sss [!UNAVAIL=continue] multidir\n" },
        { "carriage returns are blanks", "passwd: files\r\ngroup:\vfiles\fsss\r\n", "passwd: files multidir\r\ngroup:\vfiles multidir\fsss\r\n" },
        { "without a colon, and with two", "passwd files sss\ngroup :: files\n", "passwd files multidir sss\ngroup :: files multidir\n" },
        { "the last line of two counts: both", "passwd: files\ngroup: files\npasswd: files sss\n", "passwd: files multidir\ngroup: files multidir\npasswd: files multidir sss\n" },
        { "a missing line", "passwd: files\n", "passwd: files multidir\ngroup: files multidir\n" },
        { "no newline at the end", "group: files\npasswd: files", "group: files multidir\npasswd: files multidir\n" },
        { "no newline at the end, the word there: glibc does not see the line", "group: files multidir\npasswd: files multidir", "group: files multidir\npasswd: files multidir\n" },
        { "no newline at the end of another line", "group: files\npasswd: files\nhosts: dns", "group: files multidir\npasswd: files multidir\nhosts: dns" },
        { "nothing in it", "", "passwd: files multidir\ngroup: files multidir\n" },
        { "passwd_compat is another database", "passwd_compat: nis\npasswd: files\ngroup: files\n", "passwd_compat: nis\npasswd: files multidir\ngroup: files multidir\n" },
        { "a commented line", "#passwd: files\npasswd: files\ngroup: files\n", "#passwd: files\npasswd: files multidir\ngroup: files multidir\n" },
};

static void test_text(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char *made = NULL, *again = NULL;
                bool changed = false;
                char why[NSSWITCH_WHY_SIZE];
                assert_int_equal(nsswitch_insert(rows[i].before, &made, &changed, why), 0);
                if (!changed || strcmp(made, rows[i].after) != 0)
                        fail_msg("%s: got\n%s", rows[i].name, made);
                assert_int_equal(nsswitch_insert(made, &again, &changed, why), 0);
                if (changed || strcmp(made, again) != 0)
                        fail_msg("%s: not the same the second time:\n%s", rows[i].name, again);
                free(again);
                free(made);
        }
}

/* Where there is no right place nothing is touched, and the line is named. */
static void test_refused(void **state) {
        static const struct { const char *name, *text, *why; } refusals[] = {
                { "the search ends at files", "group: files\npasswd: files [NOTFOUND=return] sss\n", "line 2, passwd: the search ends before multidir" },
                { "... whatever else it says", "passwd: files\ngroup: files [SUCCESS=merge NOTFOUND=return] sss\n", "line 2, group: the search ends" },
                { "... negated", "passwd: files [!UNAVAIL=return] sss\ngroup: files\n", "line 1, passwd: the search ends" },
                { "... in front of files", "passwd: sss [NOTFOUND=return] files\ngroup: files\n", "line 1, passwd: the search ends" },
                { "... in front of files that are tied", "passwd: files\ngroup: sss [NOTFOUND=return] files [SUCCESS=merge] systemd\n", "line 2, group: the search ends" },
                { "... where files are tied to", "passwd: files\ngroup: files [SUCCESS=merge] systemd [NOTFOUND=return] sss\n", "line 2, group: the search ends" },
                { "a second bracket", "passwd: files [UNAVAIL=return] [TRYAGAIN=continue] sss\ngroup: files\n", "line 1, passwd: the C library reads at most one" },
                { "... anywhere", "passwd: files sss [UNAVAIL=return][x]\ngroup: files\n", "line 1, passwd: the C library reads at most one" },
                { "a bracket without a service", "passwd: files\ngroup:[x]y\n", "line 2, group: the C library reads at most one" },
                { "a bracket that is never closed", "passwd: files [SUCCESS=merge] systemd [NOTF\ngroup: files\n", "line 1, passwd: the C library cannot read" },
                { "... closed too early", "passwd: files [NOTFOUND=]\ngroup: files\n", "line 1, passwd: the C library cannot read" },
                { "nothing in a bracket", "passwd: files []\ngroup: files\n", "line 1, passwd: the C library cannot read" },
                { "a negation by itself", "passwd: files [! NOTFOUND=continue]\ngroup: files\n", "line 1, passwd: the C library cannot read" },
                { "no such outcome", "passwd: files\ngroup: files # [x]\n", "line 2, group: the C library cannot read" },
                { "initgroups that ends", "passwd: files\ngroup: files\ninitgroups: files [NOTFOUND=return SUCCESS=continue]\n", "line 3, initgroups: the search ends" },
                { "initgroups that does not go on", "passwd: files\ngroup: files\ninitgroups: files [UNAVAIL=return]\n", "line 3, initgroups: the search ends" },
                { "... nor from service to service", "passwd: files\ngroup: files\ninitgroups: files sss\n", "line 3, initgroups: without [SUCCESS=continue]" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
                char *made = NULL, why[NSSWITCH_WHY_SIZE] = "";
                bool changed;
                int r = nsswitch_insert(refusals[i].text, &made, &changed, why);
                if (r != -EINVAL || made || strncmp(why, refusals[i].why, strlen(refusals[i].why)) != 0)
                        fail_msg("%s: %d, %s", refusals[i].name, r, why);
        }
}

static void test_remove(void **state) {
        static const struct row removals[] = {
                { "what insert puts in", "passwd: files multidir systemd\ngroup: files multidir\n", "passwd: files systemd\ngroup: files\n" },
                { "at the end, behind a merge", "passwd: files [SUCCESS=merge] multidir  \ngroup: files [success=merge] systemd multidir  # x\n",
                  "passwd: files [SUCCESS=merge]  \ngroup: files [success=merge] systemd  # x\n" },
                { "twice in a line", "passwd: multidir files  multidir\n", "passwd: files\n" },
                { "not part of a word", "passwd: files multidirx xmultidir #multidir\n", "passwd: files multidirx xmultidir #multidir\n" },
                { "what glibc reads as a service", "passwd: files # multidir\n", "passwd: files #\n" },
                { "with what was put in before it, in initgroups only", "initgroups: files [SUCCESS=continue] multidir sss\ngroup: files [SUCCESS=continue] multidir\n",
                  "initgroups: files sss\ngroup: files [SUCCESS=continue]\n" },
                { "carriage returns", "passwd: files multidir\r\n", "passwd: files\r\n" },
                { "where glibc has stopped reading", "passwd: files [x] [y] multidir\n", "passwd: files [x] [y]\n" },
                { "not another database", "shadow: files multidir\n", "shadow: files multidir\n" },
                { "with its own criterion", "group: files multidir[NOTFOUND=return] x\npasswd: multidir [ a ]\n", "group: files x\npasswd:\n" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
                char *made = NULL;
                bool changed;
                assert_int_equal(nsswitch_remove(removals[i].before, &made, &changed), 0);
                if (strcmp(made, removals[i].after) != 0 || changed != (strcmp(removals[i].before, removals[i].after) != 0))
                        fail_msg("%s: got\n%s", removals[i].name, made);
                free(made);
        }
}

static char root[64];
static struct ctl ctl;

static char *at(const char *path) {
        static char full[4][256];
        static unsigned n;
        char *out = full[n++ % 4];
        snprintf(out, sizeof full[0], "%s%s", root, path);
        return out;
}

static void put(const char *path, const char *text, mode_t mode) {
        assert_int_equal(file_replace(at(path), text, strlen(text), mode), 0);
}

static void assert_file(const char *path, const char *wanted) {
        char *text = NULL;
        size_t len = 0;
        assert_int_equal(file_read(at(path), 1 << 20, &text, &len), 0);
        assert_string_equal(text, wanted);
        free(text);
}

static int run(int (*step)(struct ctl *, json_t *, const char **), size_t *changes) {
        json_t *object = ctl_changes("done", "ok");
        const char *what = "";
        int r = step(&ctl, object, &what);
        *changes = json_array_size(json_object_get(object, "changed"));
        json_decref(object);
        return r;
}

static void test_byte_for_byte(void **state) {
        size_t changes;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct stat st;
                if (strstr(rows[i].before, "multidir"))
                        continue; /* a word that was there before us stays: the last disable below would take it out */
                put("/etc/nsswitch.conf", rows[i].before, 0640);
                assert_int_equal(run(enable_nsswitch, &changes), 0);
                assert_int_equal(changes, 1);
                assert_file("/etc/nsswitch.conf", rows[i].after);
                assert_int_equal(run(enable_nsswitch, &changes), 0);
                assert_int_equal(changes, 0);
                assert_int_equal(run(disable_nsswitch, &changes), 0);
                assert_int_equal(changes, 1);
                assert_file("/etc/nsswitch.conf", rows[i].before);
                assert_int_equal(stat(at("/etc/nsswitch.conf"), &st), 0);
                assert_int_equal(st.st_mode & 07777, 0640);
                assert_int_equal(run(disable_nsswitch, &changes), 0);
                assert_int_equal(changes, 0);
                assert_int_equal(access(at(ENABLE_FOLDER), F_OK), -1);
        }
}

static void test_changed_by_others(void **state) {
        size_t changes;
        put("/etc/nsswitch.conf", "passwd:\tfiles\ngroup:\tfiles\n", 0644);
        assert_int_equal(run(enable_nsswitch, &changes), 0);
        put("/etc/nsswitch.conf", "passwd:\tfiles multidir sss\ngroup:\tfiles multidir sss\nhosts: dns\n", 0644);
        assert_int_equal(run(disable_nsswitch, &changes), 0);
        assert_int_equal(changes, 1);
        assert_file("/etc/nsswitch.conf", "passwd:\tfiles sss\ngroup:\tfiles sss\nhosts: dns\n");
}

/* Somebody took one word out: enable puts it back, and disable gives back what was there before the first enable. */
static void test_enabled_again(void **state) {
        size_t changes;
        put("/etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0644);
        assert_int_equal(run(enable_nsswitch, &changes), 0);
        put("/etc/nsswitch.conf", "passwd: files multidir\ngroup: files\n", 0644);
        assert_int_equal(run(enable_nsswitch, &changes), 0);
        assert_int_equal(changes, 1);
        assert_file("/etc/nsswitch.conf", "passwd: files multidir\ngroup: files multidir\n");
        assert_int_equal(run(disable_nsswitch, &changes), 0);
        assert_file("/etc/nsswitch.conf", "passwd: files\ngroup: files\n");
}

static void test_no_file(void **state) {
        size_t changes;
        (void)unlink(at("/etc/nsswitch.conf"));
        assert_int_equal(run(enable_nsswitch, &changes), 0);
        assert_file("/etc/nsswitch.conf", "passwd: files multidir\ngroup: files multidir\n");
        assert_int_equal(run(disable_nsswitch, &changes), 0);
        assert_int_equal(access(at("/etc/nsswitch.conf"), F_OK), -1);
}

static void test_symbolic_link(void **state) {
        size_t changes;
        struct stat st;
        put("/etc/real.conf", "passwd: files\ngroup: files\n", 0644);
        (void)unlink(at("/etc/nsswitch.conf"));
        assert_int_equal(symlink("real.conf", at("/etc/nsswitch.conf")), 0);
        assert_int_equal(run(enable_nsswitch, &changes), 0);
        assert_file("/etc/real.conf", "passwd: files multidir\ngroup: files multidir\n");
        assert_int_equal(lstat(at("/etc/nsswitch.conf"), &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(run(disable_nsswitch, &changes), 0);
        assert_file("/etc/real.conf", "passwd: files\ngroup: files\n");
        assert_int_equal(lstat(at("/etc/nsswitch.conf"), &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(unlink(at("/etc/nsswitch.conf")), 0);
}

/* What cannot be kept is not changed. */
static void test_nowhere_to_keep(void **state) {
        size_t changes;
        put("/etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0644);
        assert_int_equal(rmdir(at("/var/lib/multidir")), 0);
        put("/var/lib/multidir", "a file where the folder should be", 0644);
        assert_int_equal(run(enable_nsswitch, &changes), -ENOTDIR);
        assert_file("/etc/nsswitch.conf", "passwd: files\ngroup: files\n");
        assert_int_equal(unlink(at("/var/lib/multidir")), 0);
        assert_int_equal(mkdir(at("/var/lib/multidir"), 0755), 0);
}

static int set_up(void **state) {
        static const char *const folders[] = { "/etc", "/var", "/var/lib", "/var/lib/multidir" };
        memcpy(root, "/tmp/multidir-enable.XXXXXX", sizeof "/tmp/multidir-enable.XXXXXX");
        if (!mkdtemp(root))
                return -1;
        for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
                if (mkdir(at(folders[i]), 0755) < 0)
                        return -1;
        ctl = (struct ctl){ .out = stdout, .err = stderr, .root = root };
        return 0;
}

static int tear_down(void **state) {
        static const char *const paths[] = { "/etc/nsswitch.conf", "/etc/real.conf", "/etc", "/var/lib/multidir", "/var/lib", "/var", "" };
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
                (void)remove(at(paths[i]));
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_remove),
                cmocka_unit_test(test_byte_for_byte),
                cmocka_unit_test(test_changed_by_others),
                cmocka_unit_test(test_enabled_again),
                cmocka_unit_test(test_no_file),
                cmocka_unit_test(test_symbolic_link),
                cmocka_unit_test(test_nowhere_to_keep),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
