/* Tests of multidird/channel/jobs: each message comes out as it went in, and none is accepted that was cut, lengthened, or holds a number that means
 * nothing (a worker may have been taken over).
 * Relies on: cmocka, socket pairs.
 * Must never: depend on timing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "multidird/channel/jobs.h"

struct pair { struct channel *from, *to; };

static struct pair pair_new(void) {
        struct pair pair = { 0 };
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(channel_new(fds[0], 65536, 0, &pair.from), 0);
        assert_int_equal(channel_new(fds[1], 65536, 0, &pair.to), 0);
        return pair;
}

static void pair_free(struct pair *pair) {
        channel_free(pair->from);
        channel_free(pair->to);
}

static struct channel_frame pass(struct pair *pair) {
        struct channel_frame frame;
        assert_int_equal(channel_write(pair->from), 0);
        assert_int_equal(channel_read(pair->to), 0);
        assert_int_equal(channel_next(pair->to, &frame), 1);
        return frame;
}

typedef int (*get_fn)(const unsigned char *payload, size_t len);

static int get_check(const unsigned char *payload, size_t len) {
        struct protocol_check check;
        int r = protocol_get_check(payload, len, &check);
        if (r < 0)
                assert_true(check.password.len == 0 && check.new_password.len == 0 && check.user[0] == 0);
        return r;
}

static int get_answer(const unsigned char *payload, size_t len) {
        struct protocol_answer answer;
        int r = protocol_get_answer(payload, len, &answer);
        if (r < 0)
                assert_true(answer.presence == PRESENCE_UNAVAILABLE && answer.password == CHECK_UNAVAILABLE && !answer.active && answer.synchronised_s == 0 &&
                            answer.set == PASSWORD_SET_UNKNOWN && answer.change == CHANGE_UNKNOWN && !answer.notice.grace && answer.notice.expires_s == 0);
        return r;
}

static int get_secret(const unsigned char *payload, size_t len) {
        struct secret secret;
        int r = protocol_get_secret(payload, len, &secret);
        if (r < 0)
                assert_int_equal(secret.len, 0);
        return r;
}

static int get_progress(const unsigned char *payload, size_t len) {
        struct protocol_progress progress;
        return protocol_get_progress(payload, len, &progress);
}

static int get_run(const unsigned char *payload, size_t len) {
        struct protocol_run run;
        return protocol_get_run(payload, len, &run);
}

static int get_synced(const unsigned char *payload, size_t len) {
        struct protocol_synced synced;
        return protocol_get_synced(payload, len, &synced);
}

static int get_note(const unsigned char *payload, size_t len) {
        struct protocol_note note;
        int r = protocol_get_note(payload, len, &note);
        if (r < 0)
                assert_true(!note.refused && !note.taken && note.text[0] == 0);
        return r;
}

static const struct protocol_check a_check = { .id = 9, .user = "anna", .entry_id = "5f2c", .dn = "uid=anna,dc=x", .password = { 2, "pw" },
                                              .new_password = { 3, "new" } };
static const struct protocol_answer an_answer = { .id = 9, .presence = PRESENCE_FOUND, .password = CHECK_DENIED, .active = true, .unreachable = true, .refused = true,
                                                  .synchronised_s = 7, .set = PASSWORD_SET_REJECTED, .change = CHANGE_PARTLY, .reason = REASON_POLICY_REJECTED,
                                                  .by_right = true,
                                                  .notice = { .grace = true, .grace_left = 2, .expires_s = 86400 },
                                                  .entry_id = "5f2c", .dn = "uid=anna,dc=x", .external_id = "e-77",
                                                  .profile = { .name = "anna", .display_name = "Anna", .email = "a@x", .home = "/h", .shell = "/s", .uid = 7, .gid = 8 },
                                                  .text = "it connects\nit binds" };
static const struct secret a_secret = { 9, "reader-pw" };

static int send_number(unsigned which, struct channel *channel) {
        switch (which) {
        case 0: return protocol_send_check(channel, CHECKER_CHECK, &a_check);
        case 1: return protocol_send_answer(channel, &an_answer);
        case 2: return protocol_send_secret(channel, &a_secret);
        case 3: return protocol_send_progress(channel, &(struct protocol_progress){ 9, 500, 100000 });
        case 4: return protocol_send_note(channel, &(struct protocol_note){ .id = 9, .refused = true, .text = "the server refuses the bind" });
        case 5: return protocol_send_run(channel, &(struct protocol_run){ 9, SYNC_KEPT_WATCH, 1800000000 });
        default: return protocol_send_synced(channel, &(struct protocol_synced){ 9, true, true, "the server ended the connection" });
        }
}

static const get_fn getters[] = { get_check, get_answer, get_secret, get_progress, get_note, get_run, get_synced };

/* Every message, cut at every byte, and one byte longer. */
static void test_lengths(void **state) {
        for (unsigned which = 0; which < ARRAY_SIZE(getters); which++) {
                struct pair pair = pair_new();
                unsigned char bytes[8192] = { 0 };
                assert_int_equal(send_number(which, pair.from), 0);
                struct channel_frame frame = pass(&pair);
                assert_true(frame.len < sizeof bytes);
                memcpy(bytes, frame.payload, frame.len);
                assert_int_equal(getters[which](bytes, frame.len), 0);
                assert_int_equal(getters[which](bytes, frame.len + 1), -EBADMSG);
                for (size_t len = 0; len < frame.len; len++)
                        assert_int_equal(getters[which](bytes, len), -EBADMSG);
                pair_free(&pair);
        }
}

static void test_contents(void **state) {
        struct pair pair = pair_new();
        struct protocol_check check;
        struct protocol_answer answer;
        assert_int_equal(send_number(0, pair.from), 0);
        struct channel_frame frame = pass(&pair);
        assert_int_equal(protocol_get_check(frame.payload, frame.len, &check), 0);
        assert_true(check.id == 9 && check.password.len == 2 && memcmp(check.password.bytes, "pw", 3) == 0);
        assert_true(check.new_password.len == 3 && memcmp(check.new_password.bytes, "new", 4) == 0);
        assert_string_equal(check.user, a_check.user);
        assert_string_equal(check.entry_id, a_check.entry_id);
        assert_string_equal(check.dn, a_check.dn);
        assert_int_equal(send_number(1, pair.from), 0);
        frame = pass(&pair);
        assert_int_equal(protocol_get_answer(frame.payload, frame.len, &answer), 0);
        assert_true(answer.id == 9 && answer.presence == PRESENCE_FOUND && answer.password == CHECK_DENIED && answer.active && answer.synchronised_s == 7);
        assert_true(answer.unreachable && answer.refused && !answer.taken && answer.change == CHANGE_PARTLY && answer.reason == REASON_POLICY_REJECTED && answer.by_right);
        assert_true(answer.set == PASSWORD_SET_REJECTED && answer.notice.grace && answer.notice.grace_left == 2 && answer.notice.expires_s == 86400);
        assert_string_equal(answer.entry_id, an_answer.entry_id);
        assert_string_equal(answer.dn, an_answer.dn);
        assert_string_equal(answer.external_id, an_answer.external_id);
        assert_memory_equal(&answer.profile, &an_answer.profile, sizeof answer.profile);
        assert_string_equal(answer.text, an_answer.text);
        pair_free(&pair);
}

/* What is said of the service's own account, in both messages that do. */
static void test_account(void **state) {
        static const struct { bool refused, taken; } rows[] = { { false, false }, { true, false }, { false, true } };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct pair pair = pair_new();
                struct protocol_answer answer = { .id = 9, .refused = rows[i].refused, .taken = rows[i].taken };
                struct protocol_note note = { .id = 9, .refused = rows[i].refused, .taken = rows[i].taken };
                assert_int_equal(protocol_send_answer(pair.from, &answer), 0);
                struct channel_frame frame = pass(&pair);
                assert_int_equal(protocol_get_answer(frame.payload, frame.len, &answer), 0);
                assert_true(answer.refused == rows[i].refused && answer.taken == rows[i].taken);
                assert_int_equal(protocol_send_note(pair.from, &note), 0);
                frame = pass(&pair);
                assert_int_equal(protocol_get_note(frame.payload, frame.len, &note), 0);
                assert_true(note.refused == rows[i].refused && note.taken == rows[i].taken);
                pair_free(&pair);
        }
}

/* Byte offsets of an answer: id 8, presence 4, password 4, active 1, set 4, grace 1, …, change 4, reason 4, by_right 1. A number outside its enum must not become a yes. */
static void test_numbers(void **state) {
        static const struct { const char *what; size_t at; unsigned char value; int result; } rows[] = {
                { "presence: the last that there is", 8, PRESENCE_NOT_FOUND, 0 }, { "presence: one more", 8, PRESENCE_NOT_FOUND + 1, -EBADMSG },
                { "presence: the top byte", 11, 0x80, -EBADMSG },                 { "password: the last that there is", 12, CHECK_DENIED, 0 },
                { "password: one more", 12, CHECK_DENIED + 1, -EBADMSG },         { "password: the top byte", 15, 0x80, -EBADMSG },
                { "active: neither yes nor no", 16, 2, -EBADMSG },                { "active: no", 16, 0, 0 },
                { "set: the last that there is", 17, PASSWORD_SET_NOT_FOUND, 0 }, { "set: one more", 17, PASSWORD_SET_NOT_FOUND + 1, -EBADMSG },
                { "set: the top byte", 20, 0x80, -EBADMSG },                      { "grace: neither yes nor no", 21, 2, -EBADMSG },
                { "unreachable: neither yes nor no", 38, 2, -EBADMSG },           { "unreachable: no", 38, 0, 0 },
                { "refused, taken: more than both", 39, 3, -EBADMSG },            { "refused, taken: neither", 39, 0, 0 },
                { "change: the last that there is", 40, CHANGE_PARTLY, 0 },       { "change: one more", 40, CHANGE_STATE_MAX, -EBADMSG },
                { "reason: the last that there is", 44, REASON_MAX - 1, 0 },      { "reason: one more", 44, REASON_MAX, -EBADMSG },
                { "reason: the top byte", 47, 0x80, -EBADMSG },                   { "by_right: neither yes nor no", 48, 2, -EBADMSG },
        };
        struct pair pair = pair_new();
        assert_int_equal(send_number(1, pair.from), 0);
        struct channel_frame frame = pass(&pair);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                unsigned char bytes[8192];
                memcpy(bytes, frame.payload, frame.len);
                bytes[rows[i].at] = rows[i].value;
                int r = get_answer(bytes, frame.len);
                if (r != rows[i].result)
                        fail_msg("%s: %d", rows[i].what, r);
        }
        pair_free(&pair);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lengths),
                cmocka_unit_test(test_contents),
                cmocka_unit_test(test_account),
                cmocka_unit_test(test_numbers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
