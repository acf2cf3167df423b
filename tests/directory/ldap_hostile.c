/* Servers that mean harm, or are broken: whatever they do, an answer comes before the deadline, without a spinning processor or gigabytes, and a part of a
 * directory is never the whole (L5, D5).
 * Relies on: cmocka; a server of the test's own, in a process of its own, that speaks just enough BER.
 * Must never: need a network but the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "directory/ldap_evil.h"
#include "directory/ldap_help.h"

#define LIMIT_MS 700

static pid_t server;
static struct ldap_case c;
static struct collected got;

/* A process that listens, with one more for each connection. */
static void start_server(enum evil_mode mode, const char *scheme) {
        static char uri[64];
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof address;
        int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(listening >= 0 && bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 16) == 0 &&
                    getsockname(listening, (struct sockaddr *)&address, &len) == 0);
        server = fork();
        assert_true(server >= 0);
        if (server == 0) {
                (void)setpgid(0, 0);
                for (;;) {
                        int fd = accept(listening, NULL, NULL);
                        if (fork() == 0) {
                                evil_serve(fd, mode);
                                _exit(0);
                        }
                        (void)close(fd);
                }
        }
        (void)setpgid(server, server);
        (void)close(listening);
        (void)snprintf(uri, sizeof uri, "%s://127.0.0.1:%u", scheme, ntohs(address.sin_port));
        help_case(&c, uri, "");
        c.opening.login_ms = c.opening.sync_ms = LIMIT_MS;
}
static void stop_server(void) {
        if (server <= 0)
                return;
        (void)kill(-server, SIGKILL);
        (void)waitpid(server, NULL, 0);
        server = 0;
}
static int teardown(void **state) {
        stop_server();
        collected_done(&got);
        if (c.directory)
                help_close(&c);
        return 0;
}

static uint64_t processor_ms(void) {
        struct rusage use;
        (void)getrusage(RUSAGE_SELF, &use);
        return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 + (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
}
static long memory_mb(void) {
        struct rusage use;
        (void)getrusage(RUSAGE_SELF, &use);
        return use.ru_maxrss / 1024;
}

/* find and check against a server of this mode: unavailable, in time, idle, small. answers: it is there, and others may be asked about at it. */
static const struct { const char *what; enum evil_mode mode; const char *scheme; bool starttls, answers; } login_rows[] = {
        { "says nothing", STALL, "ldap", false },
        { "hangs up", CLOSE, "ldap", false },
        { "sends half a message", PARTIAL, "ldap", false },
        { "sends a byte now and then", DRIP, "ldap", false },
        { "speaks HTTP", GARBAGE, "ldap", false },
        { "announces two gigabytes", HUGE_MESSAGE, "ldap", false },
        { "nests without end", DEEP, "ldap", false },
        { "sends random bytes", RANDOM, "ldap", false },
        { "does not shake hands", TLS_STALL, "ldaps", false },
        { "shakes hands byte by byte", TLS_DRIP, "ldaps", false },
        { "speaks no TLS", STALL, "ldaps", false },
        { "grants StartTLS, and stalls", STARTTLS_STALL, "ldap", true },
        { "injects an answer behind StartTLS", STARTTLS_INJECT, "ldap", true },
        { "is busy", BIND_BUSY, "ldap", false },
        { "refers the bind", BIND_REFERRAL, "ldap", false },
        { "answers the bind with nothing", BIND_NO_CODE, "ldap", false },
        { "does not answer the search", SEARCH_STALL, "ldap", false },
        { "sends entries for ever", SEARCH_ENDLESS, "ldap", false, true },
        { "refers the search", SEARCH_REFERENCE, "ldap", false, true },
        { "sends an entry that is none", SEARCH_BAD_ENTRY, "ldap", false, true },
        { "answers another request", SEARCH_OTHER_ID, "ldap", false },
        { "stops at a time limit", SEARCH_TIME_LIMIT, "ldap", false, true },
        { "cuts the search off", SEARCH_CUT, "ldap", false },
};
static void logins(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(login_rows); i++) {
                struct directory_entry entry = { 0 }, checked = { 0 };
                struct secret password = { 0 };
                assert_int_equal(secret_set(&password, "alice-pw", 8), 0);
                start_server(login_rows[i].mode, login_rows[i].scheme);
                c.ldap.starttls = login_rows[i].starttls;
                help_open(&c);
                uint64_t start = clock_monotonic_ms(), cpu = processor_ms();
                directory_ldap.find(c.directory, "alice", &entry);
                uint64_t one = clock_monotonic_ms() - start;
                enum password_result result = directory_ldap.check(c.directory, "alice", &password, &checked);
                uint64_t both = clock_monotonic_ms() - start;
                cpu = processor_ms() - cpu;
                if (entry.presence != PRESENCE_UNAVAILABLE || result != CHECK_UNAVAILABLE)
                        fail_msg("a server that %s: %d, %d", login_rows[i].what, entry.presence, result);
                /* The second time one without end is still busy with the first. */
                if (entry.unreachable == login_rows[i].answers || (checked.unreachable == login_rows[i].answers && login_rows[i].mode != SEARCH_ENDLESS))
                        fail_msg("a server that %s: unreachable %d, %d", login_rows[i].what, entry.unreachable, checked.unreachable);
                if (one > LIMIT_MS + 1500 || both > 2 * LIMIT_MS + 2000)
                        fail_msg("a server that %s takes %u and %u ms", login_rows[i].what, (unsigned)one, (unsigned)both);
                if (cpu > 1000)
                        fail_msg("a server that %s costs %u ms of the processor", login_rows[i].what, (unsigned)cpu);
                if (memory_mb() > 600)
                        fail_msg("a server that %s costs %ld MB", login_rows[i].what, memory_mb());
                help_close(&c);
                stop_server();
        }
}

/* A synchronisation from them fails in time, and says why. */
static const struct { const char *what; enum evil_mode mode; uint32_t page_size; int result; const char *why; } sync_rows[] = {
        { "says nothing", STALL, 0, -ETIMEDOUT, "bind" },
        { "does not answer the search", SEARCH_STALL, 0, -ETIMEDOUT, "the server does not" },
        { "sends entries for ever", SEARCH_ENDLESS, 0, -ETIMEDOUT, "the server does not" },
        { "turns pages for ever", SEARCH_PAGES_FOR_EVER, 100, -ETIMEDOUT, "the server does not" }, /* within a page, or between two */
        { "turns empty pages for ever", SEARCH_EMPTY_PAGES, 100, -EFBIG, "empty page" },
        { "forgets its paging", SEARCH_NO_PAGING, 5, -EFBIG, "paged = no" },
        { "forgets its paging, II", SEARCH_NO_PAGING, 3, -EFBIG, "paged = no" },
        { "refers", SEARCH_REFERENCE, 0, -EREMOTE, "referral" },
        { "sends an entry that is none", SEARCH_BAD_ENTRY, 0, -EPROTO, "not well formed" },
        { "stops at a time limit", SEARCH_TIME_LIMIT, 0, -EFBIG, "after 1 entries" },
        { "cuts the search off", SEARCH_CUT, 0, -ECONNRESET, "connection was lost" },
};
static int forget(void *userdata, const struct sync_user *user) { return 0; }
static const struct sync_sink forgetful = { .user = forget };

static void synchronisations(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(sync_rows); i++) {
                start_server(sync_rows[i].mode, "ldap");
                c.ldap.page_size = sync_rows[i].page_size;
                c.ldap.group_name = "";
                help_open(&c);
                got = (struct collected){ 0 };
                uint64_t start = clock_monotonic_ms();
                int r = directory_ldap.sync(c.directory, &(struct directory_sync){ .cookie = "" }, &forgetful, &got.why);
                uint64_t took = clock_monotonic_ms() - start;
                if (r != sync_rows[i].result || !strstr(sbuf_text(&got.why), sync_rows[i].why))
                        fail_msg("a server that %s: %d: %s", sync_rows[i].what, r, sbuf_text(&got.why));
                if (took > LIMIT_MS + 1500)
                        fail_msg("a server that %s takes %u ms", sync_rows[i].what, (unsigned)took);
                collected_done(&got);
                help_close(&c);
                stop_server();
        }
}

/* The same server, well-behaved: what fails above does not fail for another reason. A name with a NUL is nobody's, and not the name before it. */
static void a_good_one(void **state) {
        struct directory_entry entry = { 0 };
        start_server(SEARCH_GOOD, "ldap");
        c.ldap.group_name = "";
        help_open(&c);
        assert_int_equal(help_sync(&c, &got), 0);
        assert_int_equal(got.user_count, 1);
        directory_ldap.find(c.directory, "alice", &entry);
        assert_int_equal(entry.presence, PRESENCE_FOUND);
        /* It gives alice whatever is asked for: somebody else's name is not found. */
        directory_ldap.find(c.directory, "bob", &entry);
        assert_int_equal(entry.presence, PRESENCE_NOT_FOUND);
        help_close(&c);
        stop_server();
        collected_done(&got);
        start_server(SEARCH_NUL, "ldap");
        c.ldap.group_name = "";
        help_open(&c);
        directory_ldap.find(c.directory, "root", &entry);
        assert_int_equal(entry.presence, PRESENCE_NOT_FOUND);
        assert_int_equal(help_sync(&c, &got), 0);
        assert_int_equal(got.user_count, 0);
        help_close(&c);
        stop_server();
        collected_done(&got);
        start_server(SEARCH_UNSOLICITED, "ldap");
        help_open(&c);
        directory_ldap.find(c.directory, "alice", &entry);
        assert_int_not_equal(entry.presence, PRESENCE_FOUND);
}

/* Members in pieces, as Active Directory gives them, are put together again; pieces that do not follow each other are an error. */
static const struct { const char *what; enum evil_mode mode; int result; const char *lines, *why; } range_rows[] = {
        { "three pieces", RANGES, 0, "u0>big u1>big u2>big u3>big u4>big", "" },
        { "fewer than there were", RANGES_SHRUNK, 0, "u0>big u1>big", "" },
        { "the same again", RANGES_REPEATED, -EPROTO, "", "repeats" },
        { "no answer", RANGES_UNANSWERED, -EPROTO, "", "could not be read to their end" },
};
static void ranges(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(range_rows); i++) {
                _cleanup_sbuf_ struct sbuf lines = { 0 };
                start_server(range_rows[i].mode, "ldap");
                help_open(&c);
                int r = help_sync(&c, &got);
                help_lines(&got, &lines);
                if (r != range_rows[i].result || strcmp(sbuf_text(&lines), range_rows[i].lines) != 0 || !strstr(sbuf_text(&got.why), range_rows[i].why))
                        fail_msg("%s: %d: %s: %s", range_rows[i].what, r, sbuf_text(&lines), sbuf_text(&got.why));
                collected_done(&got);
                help_close(&c);
                stop_server();
        }
}

/* D5: answers that end after any byte: what is not complete is an error, and never taken for all. What a lost line does not keep from being
 * whole, because it was asked for again, is. */
static void cut_after_each_byte(void **state) {
        static const char whole[] = "u0>big u1>big";
        size_t failed = 0, done = 0, limit = 0, step = getenv("MULTIDIR_TEST_QUICK") ? 7 : 1;
        for (bool over = false; !over;) {
                _cleanup_sbuf_ struct sbuf lines = { 0 };
                evil_limit = limit += step;
                start_server(SMALL, "ldap");
                help_open(&c);
                uint64_t start = clock_monotonic_ms();
                int r = help_sync(&c, &got);
                uint64_t took = clock_monotonic_ms() - start;
                help_lines(&got, &lines);
                if (r == 0 && (got.user_count != 3 || strcmp(sbuf_text(&lines), whole) != 0))
                        fail_msg("after %zu bytes: taken for whole: %zu users, %s", limit, got.user_count, sbuf_text(&lines));
                if (took > LIMIT_MS + 1500)
                        fail_msg("after %zu bytes: %u ms", limit, (unsigned)took);
                if (r < 0 && got.why.len == 0)
                        fail_msg("after %zu bytes: %d, and no word", limit, r);
                failed += r < 0 ? step : 0;
                done = r == 0 ? done + step : 0;
                over = done >= 50 || limit > 20000;
                collected_done(&got);
                help_close(&c);
                stop_server();
        }
        evil_limit = 0;
        if (failed < 500 || done < 50)
                fail_msg("%zu failed, and then %zu did not", failed, done);
}

/* One attribute with a million values. */
static void a_million_values(void **state) {
        static const struct { const char *what; enum evil_mode mode; size_t users; const char *lines; } many_rows[] = {
                { "members", MANY_MEMBERS, 3, "u0>many" },
                { "addresses", MANY_MAILS, 4, "" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(many_rows); i++) {
                _cleanup_sbuf_ struct sbuf lines = { 0 };
                start_server(many_rows[i].mode, "ldap");
                c.opening.sync_ms = 30000;
                help_open(&c);
                int r = help_sync(&c, &got);
                help_lines(&got, &lines);
                if (r != 0 || got.user_count != many_rows[i].users || strcmp(sbuf_text(&lines), many_rows[i].lines) != 0)
                        fail_msg("a million %s: %d: %s: %zu users, %s", many_rows[i].what, r, sbuf_text(&got.why), got.user_count, sbuf_text(&lines));
                if (memory_mb() > 1000)
                        fail_msg("a million %s cost %ld MB", many_rows[i].what, memory_mb());
                collected_done(&got);
                help_close(&c);
                stop_server();
        }
}

/* D5: a user's groups in pieces, too: they are not read on, but never taken for all. Whoever logs in needs none of them. */
static void member_of_in_parts(void **state) {
        struct directory_entry entry = { 0 };
        start_server(MEMBER_OF_PARTS, "ldap");
        c.ldap.user_name = "cn";
        c.ldap.user_member_of = "memberOf";
        help_open(&c);
        assert_int_equal(help_sync(&c, &got), -EMSGSIZE);
        assert_non_null(strstr(sbuf_text(&got.why), "cn=big,dc=x: the server gives its user_member_of in parts"));
        directory_ldap.find(c.directory, "big", &entry);
        assert_int_equal(entry.presence, PRESENCE_FOUND);
}

/* A server that hangs does not use up the time of the one behind it, and is asked last from then on. */
static void behind_a_hung_one(void **state) {
        static char first[64];
        struct directory_entry entry = { 0 };
        start_server(STALL, "ldap");
        (void)snprintf(first, sizeof first, "%s", c.uris[0]);
        pid_t hung = server;
        start_server(SEARCH_GOOD, "ldap");
        c.uris[1] = c.uris[0];
        c.uris[0] = first;
        c.ldap.uri_count = 2;
        help_open(&c);
        uint64_t start = clock_monotonic_ms();
        directory_ldap.find(c.directory, "alice", &entry);
        bool found = entry.presence == PRESENCE_FOUND;
        uint64_t took = clock_monotonic_ms() - start;
        directory_ldap.find(c.directory, "alice", &entry);
        uint64_t again = clock_monotonic_ms() - start - took;
        (void)kill(-hung, SIGKILL);
        (void)waitpid(hung, NULL, 0);
        assert_true(found);
        assert_int_equal(entry.presence, PRESENCE_FOUND);
        if (took > LIMIT_MS || again > 200)
                fail_msg("%u ms, then %u ms", (unsigned)took, (unsigned)again);
}

/* A password that was sent may be set, whatever the server makes of the rest; it is tried another way only where the server has no such operation. */
static void passwords(void **state) {
        static const struct { const char *what; enum evil_mode mode; enum password_set set; } set_rows[] = {
                { "knows no RFC 3062: modified", SET_UNKNOWN, PASSWORD_SET_DONE },
                { "knows no RFC 3062, refuses the other way", SET_NEITHER, PASSWORD_SET_DENIED },
                { "does not answer the change", SET_STALL, PASSWORD_SET_UNKNOWN },
                { "hangs up on the change", SET_CUT, PASSWORD_SET_UNKNOWN },
                { "answers the change with HTTP", SET_GARBAGE, PASSWORD_SET_UNKNOWN },
                { "does not answer the bind", STALL, PASSWORD_SET_UNAVAILABLE },
                { "does not answer the search", SEARCH_STALL, PASSWORD_SET_UNAVAILABLE },
        };
        for (size_t i = 0; i < ARRAY_SIZE(set_rows); i++) {
                struct directory_entry entry = { 0 };
                struct secret old = { 0 }, new = { 0 };
                _cleanup_sbuf_ struct sbuf why = { 0 };
                assert_int_equal(secret_set(&old, "alice-pw", 8), 0);
                assert_int_equal(secret_set(&new, "alice-2nd", 9), 0);
                start_server(set_rows[i].mode, "ldap");
                c.settings.writes_passwords = true;
                help_open(&c);
                uint64_t start = clock_monotonic_ms();
                enum password_set set = directory_ldap.set_password(c.directory, "alice", &old, &new, &entry, &why);
                uint64_t took = clock_monotonic_ms() - start;
                help_close(&c);
                stop_server();
                if (set != set_rows[i].set || took > LIMIT_MS + 1500)
                        fail_msg("%s: %d, %u ms", set_rows[i].what, set, (unsigned)took);
        }
}

/* A removal that nobody answers for may be done, and then the groups say a name that is nobody's. */
static void a_removal(void **state) {
        static struct change_result result;
        start_server(SET_CUT, "ldap");
        c.ldap.writable = true;
        help_open(&c);
        directory_ldap.change(c.directory, &(struct directory_change){ .operation = CHANGE_REMOVE_USER, .name = "alice", .entry_id = "" }, NULL, &result);
        help_close(&c);
        stop_server();
        if (result.state != CHANGE_UNKNOWN || !strstr(result.text, "groups there may still name"))
                fail_msg("%d: %s", result.state, result.text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(a_good_one, teardown),
                cmocka_unit_test_teardown(logins, teardown),
                cmocka_unit_test_teardown(passwords, teardown),
                cmocka_unit_test_teardown(a_removal, teardown),
                cmocka_unit_test_teardown(synchronisations, teardown),
                cmocka_unit_test_teardown(ranges, teardown),
                cmocka_unit_test_teardown(cut_after_each_byte, teardown),
                cmocka_unit_test_teardown(a_million_values, teardown),
                cmocka_unit_test_teardown(member_of_in_parts, teardown),
                cmocka_unit_test_teardown(behind_a_hung_one, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
