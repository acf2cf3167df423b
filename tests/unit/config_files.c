/* Configuration files on disk, and the file of changes made at run time.
 * Relies on: cmocka, common/config, a folder of its own under /tmp.
 * Must never: touch /etc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/file.h"
#include "config/config.h"

struct row { const char *name, *text, *section, *key, *value, *wanted; /* NULL: refused */ };

static const struct row rows[] = {
        { "no file yet", NULL, "application/host", "publish", "all", "[application/host]\npublish = all\n" },
        { "empty file", "", "application/host", "publish", "all", "[application/host]\npublish = all\n" },
        { "new section", "[service]\nlogin_deadline = 9s\n", "application/host", "publish", "all",
          "[service]\nlogin_deadline = 9s\n\n[application/host]\npublish = all\n" },
        { "new key in the section", "[application/host]\nprofile = jira\n\n[service]\n", "application/host", "publish", "all",
          "[application/host]\nprofile = jira\npublish = all\n\n[service]\n" },
        { "replaced, comments stay", "; mine\n[application/host]\n  publish=with-access ; why\n# end\n", "application/host", "publish", "all",
          "; mine\n[application/host]\npublish = all\n# end\n" },
        { "not another section's key", "[application/ssh]\npublish = all\n[application/host]\n", "application/host", "publish", "with-access",
          "[application/ssh]\npublish = all\n[application/host]\npublish = with-access\n" },
        { "removed", "[application/host]\npublish = all\nprofile = jira\n", "application/host", "publish", NULL, "[application/host]\nprofile = jira\n" },
        { "removed, was not there", "[application/host]\n", "application/host", "publish", NULL, "[application/host]\n" },
        { "no newline at the end", "[application/host]", "application/host", "publish", "all", "[application/host]\npublish = all\n" },
        { "no newline after the key", "[application/host]\npublish = all", "application/host", "publish", "with-access", "[application/host]\npublish = with-access\n" },
        { "empty value", "", "application/host", "services", "", "[application/host]\nservices = \n" },
        { "newline", "", "application/host", "services", "a\n[service]", NULL },
        { "comment in the value", "", "application/host", "services", "a ; b", NULL },
        { "blanks around", "", "application/host", "services", " a", NULL },
        { "control character", "", "application/host", "services", "a\001", NULL },
        { "key with =", "", "application/host", "a = b", "c", NULL },
        { "section with ]", "", "x]\n[y", "a", "c", NULL },
};

static void test_set_text(void **state) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char *text = NULL;
                int r = config_set_text(rows[i].text, rows[i].section, rows[i].key, rows[i].value, &text);
                if (rows[i].wanted ? r != 0 || strcmp(text, rows[i].wanted) != 0 : r != -EINVAL)
                        fail_msg("%s: %d\n%s", rows[i].name, r, text ? text : "(none)");
                free(text);
        }
}

static struct config_source source(const char *path, const char *text) {
        return (struct config_source){ .path = (char *)(uintptr_t)path, .text = (char *)(uintptr_t)text, .len = strlen(text) };
}

static void test_overridden(void **state) {
        struct config_source items[] = {
                source("/etc/multidir/multidir.conf", "[a]\nk = 1\nz = 1\n"),
                source("/etc/multidir/multidir.conf.d/10-site.conf", "[a]\nk = 2\nonly_before = 1\n"),
                source("/etc/multidir/multidir.conf.d/95-last.conf", "[a]\nk = 3\n[b]\nm = 1\n"),
                source("/etc/multidir/multidir.conf.d/99-end.conf", "[a]\nm = 3\n"),
        };
        struct config_sources sources = { items, 4 };
        assert_string_equal(config_overridden(&sources, "a", "k"), items[2].path);
        assert_string_equal(config_overridden(&sources, "a", "m"), items[3].path);
        assert_null(config_overridden(&sources, "a", "only_before"));
        assert_null(config_overridden(&sources, "a", "z"));
        assert_null(config_overridden(&sources, "c", "k"));
}

static char folder[64];

static void put(const char *name, const char *text, mode_t mode) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        assert_int_equal(file_replace(path, text, strlen(text), mode), 0);
}

static int read_all(struct config_sources *sources, struct sbuf *errors) {
        char file[160], conf_d[160];
        snprintf(file, sizeof file, "%s/multidir.conf", folder);
        snprintf(conf_d, sizeof conf_d, "%s/d", folder);
        return config_read_sources(file, conf_d, sources, errors);
}

static void test_read_sources(void **state) {
        struct config_sources sources = { 0 };
        struct sbuf errors = { 0 };
        char path[160];
        assert_int_equal(read_all(&sources, &errors), -ENOENT);
        assert_non_null(strstr(sbuf_text(&errors), "multidir.conf: "));
        sbuf_done(&errors);
        put("multidir.conf", "main", 0644);
        assert_int_equal(read_all(&sources, &errors), 0); /* a missing folder is fine */
        assert_int_equal(sources.count, 1);
        config_sources_done(&sources);
        snprintf(path, sizeof path, "%s/d", folder);
        assert_int_equal(mkdir(path, 0755), 0);
        put("d/20.conf", "second", 0644);
        put("d/100.conf", "first", 0640);
        put("d/.hidden.conf", "no", 0644);
        put("d/20.conf.bak", "no", 0644);
        assert_int_equal(read_all(&sources, &errors), 0);
        assert_int_equal(sources.count, 3);
        assert_string_equal(sources.items[0].text, "main");
        assert_string_equal(sources.items[1].text, "first"); /* bytes, not numbers */
        assert_string_equal(sources.items[2].text, "second");
        config_sources_done(&sources);
        if (geteuid() == 0) {
                put("d/20.conf", "second", 0666);
                assert_int_equal(read_all(&sources, &errors), -EPERM);
                assert_non_null(strstr(sbuf_text(&errors), "20.conf: mode 0666"));
                assert_int_equal(sources.count, 0);
                sbuf_done(&errors);
                put("d/20.conf", "second", 0644);
                assert_int_equal(chmod(folder, 0775), 0); /* who can write the folder can put another file there */
                assert_int_equal(read_all(&sources, &errors), -EPERM);
                assert_non_null(strstr(sbuf_text(&errors), "mode 0775 lets others write it; valid: mode 0755"));
                assert_int_equal(chmod(folder, 0700), 0);
                sbuf_done(&errors);
                snprintf(path, sizeof path, "%s/open", folder); /* ... also the one that a symbolic link leads to */
                assert_int_equal(mkdir(path, 0700), 0);
                put("open/real.conf", "linked", 0644);
                snprintf(path, sizeof path, "%s/d/20.conf", folder);
                assert_int_equal(unlink(path), 0);
                assert_int_equal(symlink("../open/real.conf", path), 0);
                assert_int_equal(read_all(&sources, &errors), 0);
                config_sources_done(&sources);
                snprintf(path, sizeof path, "%s/open", folder);
                assert_int_equal(chmod(path, 0777), 0);
                assert_int_equal(read_all(&sources, &errors), -EPERM);
                assert_non_null(strstr(sbuf_text(&errors), "/open: mode 0777"));
        }
        sbuf_done(&errors);
}

static int set_up(void **state) {
        memcpy(folder, "/tmp/multidir-config.XXXXXX", sizeof "/tmp/multidir-config.XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
        static const char *const names[] = { "d/20.conf", "d/100.conf", "d/.hidden.conf", "d/20.conf.bak", "multidir.conf", "d", "open/real.conf", "open", "" };
        char path[160];
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                (void)remove(path);
        }
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set_text),
                cmocka_unit_test(test_overridden),
                cmocka_unit_test_setup_teardown(test_read_sources, set_up, tear_down),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
