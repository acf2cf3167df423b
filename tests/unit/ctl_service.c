/* multidirctl against a service of the test's own: good replies, malformed ones, refused reloads; and what it writes at run time.
 * Relies on: cmocka, multidirctl's library, root (the client talks to root's sockets only), a folder of its own under /tmp.
 * Must never: touch /etc or /run. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "multidirctl/run.h"
#include "wire/message.h"

static char root[64], socket_path[100];
static pid_t server = -1;
static int listener = -1;

static char *at(const char *path) {
        static char full[4][256];
        static unsigned n;
        char *out = full[n++ % 4];
        snprintf(out, sizeof full[0], "%s%s", root, path);
        return out;
}

#define FRAMES_MAX 4
struct reply { unsigned char bytes[512]; size_t len; };

static struct reply frame(enum wire_type type, const char *payload) {
        struct reply reply = { .len = WIRE_HEADER + strlen(payload) };
        assert_true(reply.len <= sizeof reply.bytes);
        wire_make_header(reply.bytes, type, strlen(payload));
        memcpy(reply.bytes + WIRE_HEADER, payload, strlen(payload));
        return reply;
}

/* One request read whole (or the end of the connection): false at its end. */
static bool swallow(int fd) {
        unsigned char header[WIRE_HEADER];
        struct wire_frame parsed;
        if (recv(fd, header, sizeof header, MSG_WAITALL) != (ssize_t)sizeof header || wire_parse_header(header, WIRE_ADMIN_MAX, &parsed) < 0)
                return false;
        char byte;
        for (size_t i = 0; i < parsed.len; i++)
                if (recv(fd, &byte, 1, 0) != 1)
                        return false;
        return true;
}

/* Serves one connection after another: the n-th request of each gets the n-th reply (the last one again and again). */
static void serve(const struct reply *replies, size_t count) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
                int fd = accept(listener, NULL, NULL);
                size_t n = 0;
                if (fd < 0)
                        _exit(1);
                while (swallow(fd)) {
                        const struct reply *reply = &replies[n + 1 < count ? n++ : count - 1];
                        if (reply->len == 0 || send(fd, reply->bytes, reply->len, MSG_NOSIGNAL) < 0)
                                break;
                        if (reply->len < WIRE_HEADER)
                                break;
                }
                (void)close(fd);
        }
}

static void stop(void) {
        if (server > 0) {
                (void)kill(server, SIGKILL);
                (void)waitpid(server, NULL, 0);
        }
        server = -1;
        (void)unlink(socket_path);
}

static void start(const struct reply *replies, size_t count) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        stop(); /* a failed check leaves its server behind */
        snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(listener >= 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(listener, 8), 0);
        server = fork();
        assert_true(server >= 0);
        if (server == 0)
                serve(replies, count);
        (void)close(listener);
}

/* Runs a line of words separated by blanks; out and err are what it printed (free them). */
static int run(const char *line, char **out, char **err) {
        char *argv[16] = { (char *)(uintptr_t)"multidirctl" }, *copy = strdup(line), *save = NULL;
        size_t out_len, err_len;
        int argc = 1;
        for (char *word = strtok_r(copy, " ", &save); word && argc < 16; word = strtok_r(NULL, " ", &save))
                argv[argc++] = word;
        struct ctl ctl = { .root = root, .admin_socket = socket_path };
        ctl.out = open_memstream(out, &out_len);
        ctl.err = open_memstream(err, &err_len);
        assert_true(ctl.out && ctl.err);
        int status = ctl_run(&ctl, argc, argv);
        fclose(ctl.out);
        fclose(ctl.err);
        free(copy);
        return status;
}

static void expect(const char *line, int status, const char *out_has, const char *err_has) {
        char *out = NULL, *err = NULL;
        int r = run(line, &out, &err);
        if (r != status || !strstr(out, out_has) || !strstr(err, err_has))
                fail_msg("%s: exit %d (wanted %d)\nout: %s\nerr: %s", line, r, status, out, err);
        free(out);
        free(err);
}

static bool must_skip(void) {
        return geteuid() != 0;
}

static void test_replies(void **state) {
        static const struct { const char *name, *line, *payload; int status; const char *out, *err; } rows[] = {
                { "a list", "user list", "{\"exit\":0,\"object\":{\"users\":[\"ann\",\"bob\"]}}", 0, "ann\nbob\n", "" },
                { "an empty list", "user list", "{\"exit\":0,\"object\":{\"users\":[]}}", 0, "", "" },
                { "as JSON", "--json user list", "{\"exit\":0,\"object\":{\"users\":[\"ann\"]}}", 0, "{\"users\": [\"ann\"]}\n", "" },
                { "an error", "user show x", "{\"exit\":3,\"object\":{\"error\":{\"reason\":\"user-not-found\",\"text\":\"no user x\"}}}", 3, "", "multidirctl: no user x\n" },
                { "an error as JSON", "user show x --json", "{\"exit\":3,\"object\":{\"error\":{\"reason\":\"user-not-found\",\"text\":\"no\"}}}", 3, "\"reason\": \"user-not-found\"", "" },
                { "P6 a refusal in the words of one directory: once", "user add x", "{\"exit\":5,\"object\":{\"result\":\"refused\",\"reason\":\"read-only-kind\",\"text\":\"why\",\"changed\":[],"
                  "\"skipped\":[{\"directory\":\"b\",\"text\":\"other\"},{\"directory\":\"a\",\"text\":\"why\"}]}}", 5, "", "multidirctl: refused: b: other\nmultidirctl: refused: why (read-only-kind)\n" },
                { "P6 a refusal", "user add x", "{\"exit\":5,\"object\":{\"result\":\"refused\",\"reason\":\"permission-denied\",\"text\":\"why\",\"changed\":[],\"skipped\":[]}}", 5, "", "refused: why (permission-denied)" },
                { "a change", "group remove g", "{\"exit\":0,\"object\":{\"result\":\"done\",\"reason\":\"ok\",\"changed\":[{\"directory\":\"d\",\"what\":\"remove-group\"}],\"skipped\":[{\"directory\":\"e\",\"text\":\"no\"}]}}",
                  0, "done: remove-group in d\nskipped: e: no\n", "" },
                { "explain login, denied", "explain login x", "{\"exit\":1,\"object\":{\"user\":\"x\",\"verdict\":\"deny\",\"reason\":\"no-access\",\"owner\":\"d\",\"steps\":[{\"rule\":\"L4\",\"directory\":\"d\",\"result\":\"no-access\",\"text\":\"t\"}]}}",
                  1, "deny: no-access, owner d", "" },
                { "made, not published: what was done, then why it does not show", "user add x",
                  "{\"exit\":6,\"object\":{\"result\":\"done\",\"changed\":[{\"directory\":\"d\",\"what\":\"add-user\"}],\"skipped\":[],\"error\":{\"text\":\"a rollback\"}}}",
                  6, "done: add-user in d\n", "multidirctl: a rollback\n" },
                { "nothing changed, with a text", "reload --force", "{\"exit\":0,\"object\":{\"result\":\"done\",\"changed\":[],\"skipped\":[],\"text\":\"in force\"}}", 0,
                  "done: in force\n", "" },
                { "a table", "directory sync", "{\"exit\":6,\"object\":{\"directories\":[{\"name\":\"d\",\"state\":\"failed\"}]}}", 6, "NAME  STATE\nd     failed\n", "" },
                { "control characters of a directory do not reach the terminal", "user list", "{\"exit\":0,\"object\":{\"users\":[\"a\\u001b[31mb\"]}}", 0, "a?[31mb\n", "" },
                { "... nor in JSON, which stays JSON", "--json user list", "{\"exit\":0,\"object\":{\"users\":[\"a\\u001b\\u007f\\u0085\\u00a0\u00fc\"]}}", 0,
                  "{\"users\": [\"a\\u001B\\u007F\\u0085\u00a0\u00fc\"]}\n", "" },
                { "ages have units", "status", "{\"exit\":0,\"object\":{\"view\":{\"generation\":7,\"age\":59},\"directories\":[{\"name\":\"d\",\"age\":7200},{\"name\":\"e\",\"age\":null}]}}", 0,
                  "  age         59 s\n\ndirectories\nNAME  AGE\nd     2 h\ne     -\n", "" },
                { "... not in JSON", "--json status", "{\"exit\":0,\"object\":{\"view\":{\"age\":90000}}}", 0, "{\"view\": {\"age\": 90000}}\n", "" },
                { "not JSON", "user list", "{\"exit\":0,", 7, "", "cannot be read" },
                { "not an object", "user list", "[1]", 7, "", "cannot be read" },
                { "no exit", "user list", "{\"object\":{}}", 7, "", "cannot be read" },
                { "an exit that is none", "user list", "{\"exit\":99,\"object\":{}}", 7, "", "cannot be read" },
                { "an exit that is a text", "user list", "{\"exit\":\"0\",\"object\":{}}", 7, "", "cannot be read" },
                { "no object", "user list", "{\"exit\":0}", 7, "", "cannot be read" },
                { "an object of another shape", "user list", "{\"exit\":0,\"object\":{\"users\":{\"a\":1}}}", 0, "", "" },
                { "changes of another shape", "user add x", "{\"exit\":0,\"object\":{\"result\":1,\"changed\":5}}", 0, "", "" },
                { "an explanation of another shape", "explain login x", "{\"exit\":0,\"object\":{\"verdict\":[],\"steps\":7}}", 0, "", "" },
                { "an empty payload", "user list", "", 7, "", "cannot be read" },
        };
        if (must_skip())
                skip();
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct reply reply = frame(WIRE_ADMIN_REPLY, rows[i].payload);
                start(&reply, 1);
                expect(rows[i].line, rows[i].status, rows[i].out, rows[i].err);
                stop();
        }
}

static void test_malformed_frames(void **state) {
        struct reply good = frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{\"users\":[\"ann\"]}}"), bad;
        if (must_skip())
                skip();
        for (size_t byte = 0; byte < WIRE_HEADER; byte++) {
                bad = good;
                bad.bytes[byte] ^= 0x40;
                if (byte >= 4 && byte < 7)
                        bad.len = WIRE_HEADER - 1; /* a longer length would only be waited for: the end of the stream instead */
                start(&bad, 1);
                expect("user list", 7, "", "multidirctl: the service");
                stop();
        }
        for (size_t len = 0; len < WIRE_HEADER; len++) {
                bad = good;
                bad.len = len;
                start(&bad, 1);
                expect("user list", 7, "", "multidirctl: the service");
                stop();
        }
        bad = frame(WIRE_AUTHENTICATED, "{}");
        start(&bad, 1);
        expect("user list", 7, "", "cannot be read");
        stop();
}

static void test_no_service(void **state) {
        stop();
        expect("user list", 7, "", "multidird is not running");
        expect("--json status", 7, "\"reason\": \"unavailable\"", "");
        expect("application set host publish=all", 7, "", "multidird is not running");
        assert_int_equal(access(at("/etc/multidir/multidir.conf.d/90-multidirctl.conf"), F_OK), -1);
}

static void put(const char *path, const char *text) {
        assert_int_equal(file_replace(at(path), text, strlen(text), 0644), 0);
}

static void assert_runtime(const char *wanted) {
        char *text = NULL;
        size_t len;
        int r = file_read(at("/etc/multidir/multidir.conf.d/90-multidirctl.conf"), 1 << 20, &text, &len);
        if (wanted ? r != 0 || strcmp(text, wanted) != 0 : r != -ENOENT)
                fail_msg("the runtime file: %s", text ? text : "(none)");
        free(text);
}

static void write_configuration(void) {
        put("/etc/multidir/multidir.conf", "[directory/d]\ntype = internal\n[directory/e]\ntype = internal\n[application/host]\ndirectories = d\n");
        (void)unlink(at("/etc/multidir/multidir.conf.d/90-multidirctl.conf"));
        (void)unlink(at("/etc/multidir/multidir.conf.d/95-site.conf"));
}

static void test_settings(void **state) {
        struct reply reply = frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{}}");
        if (must_skip())
                skip();
        write_configuration();
        start(&reply, 1);
        expect("application set host membership=aggregating publish=with-access", 0, "membership = aggregating", "");
        assert_runtime("[application/host]\nmembership = aggregating\npublish = with-access\n");
        expect("application set host/d allow_all=yes", 0, "", "");
        expect("permission set d add-user off", 0, "done: add-user in directory/d\n", "");
        expect("permission set d remove-group off --application host", 0, "", "");
        assert_runtime("[application/host]\nmembership = aggregating\npublish = with-access\n\n[application/host/d]\nallow_all = yes\n"
                       "permissions = add-user, modify-user, modify-user-attributes, remove-user, add-group, modify-group, modify-group-attributes\n"
                       "\n[directory/d]\npermissions = modify-user, modify-user-attributes, remove-user, add-group, modify-group, modify-group-attributes, remove-group\n");
        expect("permission set d add-user on", 0, "done: add-user in directory/d\n", "");
        expect("permission set d add-user on", 0, "nothing to change", "");
        expect("--json permission list", 0, "\"remove-group\": \"off\"", "");
        stop();
}

static void test_settings_refused(void **state) {
        struct reply reply = frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{}}");
        if (must_skip())
                skip();
        write_configuration();
        start(&reply, 1);
        expect("application set nope publish=all", 3, "", "no application is named \"nope\"");
        expect("application set host/e allow_all=yes", 3, "", "has no directory \"e\"");
        expect("permission set nope add-user off", 3, "", "no directory is named \"nope\"");
        expect("permission set e add-user off --application host", 3, "", "has no directory \"e\"");
        expect("permission set d add-users off", 2, "", "valid: add-user");
        expect("permission set d add-user maybe", 2, "", "valid: on, off");
        expect("application set host publish", 2, "", "KEY=VALUE");
        expect("application set host publish=some", 8, "", "90-multidirctl.conf:2: [application/host] publish = some: valid: all, with-access");
        expect("application set host colour=red", 8, "", "has no key \"colour\"");
        put("/etc/multidir/multidir.conf.d/95-site.conf", "[application/host]\npublish = all\n");
        expect("application set host publish=with-access", 8, "", "95-site.conf sets [application/host] publish");
        assert_runtime(NULL);
        put("/etc/multidir/multidir.conf.d/95-site.conf", "[application/host]\nseats = 9\n");
        expect("application set host publish=with-access", 8, "", "95-site.conf:2: ");
        assert_runtime(NULL);
        stop();
}

/* The service has the last word: what it refuses is not left in the file. */
static void test_settings_put_back(void **state) {
        struct reply refused = frame(WIRE_ADMIN_REPLY, "{\"exit\":8,\"object\":{\"error\":{\"reason\":\"configuration\",\"text\":\"I will not\"}}}");
        if (must_skip())
                skip();
        write_configuration();
        start(&refused, 1);
        expect("application set host publish=with-access", 8, "", "I will not");
        assert_runtime(NULL);
        put("/etc/multidir/multidir.conf.d/90-multidirctl.conf", "; mine\n");
        expect("application set host publish=with-access", 8, "", "I will not");
        assert_runtime("; mine\n");
        stop();
}

static void write_import(const char *text) {
        put("/import.csv", text);
}

static void test_import(void **state) {
        struct reply replies[3] = { frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{}}"), frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{}}"),
                                    frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{\"result\":\"done\",\"imported\":2}}") };
        char line[256];
        if (must_skip())
                skip();
        snprintf(line, sizeof line, "--directory d user import %s", at("/import.csv"));
        write_import("name\nann\nbob\n");
        start(replies, 3);
        expect(line, 0, "imported  2", "");
        write_import("name,uid\nann,x\nbob,\n");
        expect(line, 1, "", "line 2: uid: \"x\" is not a number");
        stop();
        expect(line, 1, "", "line 2: uid: \"x\" is not a number");
        replies[2] = frame(WIRE_ADMIN_REPLY, "{\"exit\":1,\"object\":{\"errors\":[{\"line\":3,\"text\":\"taken\"}]}}");
        start(replies, 3);
        expect(line, 1, "", "line 2: uid: \"x\" is not a number from 1 to 4294967294\nline 3: taken\nmultidirctl: 2 bad lines");
        stop();
        struct reply pages[5] = { replies[0], replies[0], frame(WIRE_ADMIN_REPLY, "{\"exit\":1,\"object\":{\"bad\":4,\"errors\":[{\"line\":3,\"text\":\"taken\"}]}}"),
                                  frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{\"errors\":[{\"line\":2,\"text\":\"odd\"}]}}"),
                                  frame(WIRE_ADMIN_REPLY, "{\"exit\":0,\"object\":{\"errors\":[]}}") };
        write_import("name\nann\nbob\n");
        start(pages, 5);
        expect(line, 1, "", "line 2: odd\nline 3: taken\nmultidirctl: 4 bad lines, of which 2 are named; nothing was changed\n");
        stop();
        expect("user import /nonexistent", 2, "", "needs --directory");
        expect("--directory d user import /nonexistent", 2, "", "/nonexistent: No such file");
}

static int set_up(void **state) {
        static const char *const folders[] = { "/etc", "/etc/multidir", "/etc/multidir/multidir.conf.d" };
        memcpy(root, "/tmp/multidir-ctl.XXXXXX", sizeof "/tmp/multidir-ctl.XXXXXX");
        if (!mkdtemp(root))
                return -1;
        snprintf(socket_path, sizeof socket_path, "%s/admin.sock", root);
        for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
                if (mkdir(at(folders[i]), 0755) < 0)
                        return -1;
        return 0;
}

static int tear_down(void **state) {
        static const char *const paths[] = { "/etc/multidir/multidir.conf.d/90-multidirctl.conf", "/etc/multidir/multidir.conf.d/95-site.conf", "/etc/multidir/multidir.conf",
                                             "/etc/multidir/multidir.conf.d", "/etc/multidir", "/etc", "/import.csv", "" };
        stop();
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
                (void)remove(at(paths[i]));
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_no_service),
                cmocka_unit_test(test_replies),
                cmocka_unit_test(test_malformed_frames),
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_settings_refused),
                cmocka_unit_test(test_settings_put_back),
                cmocka_unit_test(test_import),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
