/* The sync stream's runs: several on one stream, deltas among them, what has no place in a run, and the greeting before all.
 * Relies on: cmocka, socket pairs.
 * Must never: depend on timing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>

#include "unit/sync_say.h"

/* A full run, and what changed after it: both through one sender. */
static unsigned char *two_runs(size_t *len) {
        int fds[2];
        const struct sync_begin delta = { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .linked = true, .from = "one", .sweep_users = true, .unknown_ok = true };
        unsigned char *bytes = malloc(65536);
        assert_non_null(bytes);
        socket_pair(fds);
        struct sync_sender *sender = sync_sender_new(fds[0]);
        const struct sync_sink *sink = sync_sender_sink(sender);
        void *to = sink->userdata;
        const struct sync_user user = { .name = "anna", .entry_id = "1", .fresh = true };
        const struct sync_group group = { .name = "ops", .entry_id = "a" };
        assert_int_equal(sink->begin(to, &(struct sync_begin){ .references = SYNC_REFERENCES_NAME }) | sink->user(to, &user) | sink->group(to, &group) |
                         sink->member(to, 0, 0) | sink->group(to, &group) | sink->member(to, 0, 1) | sink->stray(to, 0, "bert") | sink->end(to, "one"), 0);
        assert_int_equal(sink->begin(to, &delta) | sink->present(to, SYNC_KIND_USER, "1") | sink->group(to, &group) | sink->reference(to, "k1") | sink->reference(to, "k2") |
                         sink->user(to, &user) | sink->gone(to, SYNC_KIND_GROUP, "b") | sink->end(to, "two"), 0);
        sync_sender_free(sender);
        (void)close(fds[0]);
        ssize_t n = read(fds[1], bytes, 65536);
        assert_true(n > 0);
        (void)close(fds[1]);
        *len = (size_t)n;
        return bytes;
}

#define FIRST_RUN "full 2|-\nuser 0 0 0 0 fresh|anna|1|-|-|-|-|-|-|-|-\ngroup 0 0|ops|a|-|-|-\ngroup 0 0|ops|a|-|-|-\nmember 0 0\nmember 0 1\nstray 0 bert\nend one\n"
#define SECOND_RUN "delta 1 nested linked users lenient|one\npresent 1 1\ngroup 0 0|ops|a|-|-|-\nreference k1\nreference k2\nuser 0 0 0 0 fresh|anna|1|-|-|-|-|-|-|-|-\n" \
        "gone 2 b\nend two\n"

static void several_runs(void **state) {
        (void)state;
        size_t len;
        unsigned char *bytes = two_runs(&len);
        struct sync_receiver receiver = { 0 };
        _cleanup_sbuf_ struct sbuf text = { 0 };
        assert_int_equal(receive_runs(bytes, len, &receiver, &text, true), 0);
        assert_true(receiver.ended && !receiver.error[0]);
        assert_string_equal(sbuf_text(&text), FIRST_RUN SECOND_RUN);
        /* Cut anywhere in the second one, it has no end. */
        size_t first = strlen(FIRST_RUN);
        for (size_t cut = 0; cut < len; cut++) {
                struct sync_receiver cut_receiver = { 0 };
                _cleanup_sbuf_ struct sbuf cut_text = { 0 };
                assert_int_equal(receive_runs(bytes, cut, &cut_receiver, &cut_text, true), 0);
                if (strstr(sbuf_text(&cut_text), "end two") || (cut_receiver.ended && cut_text.len != first))
                        fail_msg("cut at byte %zu of %zu, the second run passes for a whole", cut, len);
        }
        free(bytes);
}

enum { BESIDE_GROUPS = 60, BESIDE_USERS = 700 };

/* Some groups have only a long text, some only members. */
static int send_beside(const struct sync_sink *sink) {
        static char description[4000];
        void *to = sink->userdata;
        memset(description, 'd', sizeof description - 1);
        int r = sink->begin(to, &(struct sync_begin){ .references = SYNC_REFERENCES_DN });
        for (unsigned u = 0; u < BESIDE_USERS && r == 0; u++)
                r = sink->user(to, &(struct sync_user){ .name = "u", .entry_id = "1" });
        for (unsigned g = 0; g < BESIDE_GROUPS && r == 0; g++) {
                r = sink->group(to, &(struct sync_group){ .name = "g", .entry_id = "1", .description = g % 3 == 0 ? description : NULL });
                for (unsigned u = 0; u < BESIDE_USERS && g % 3 != 0 && r == 0; u++)
                        r = sink->member(to, u, g);
        }
        if (r == 0)
                r = sink->child(to, 1, 0);
        return r == 0 && sink->member(to, 0, 0) == -EINVAL ? 0 : -EPROTO;
}

/* Groups, and members of them between: every member comes after its group, whichever fills its frame first, and none after what follows them. */
static void members_beside_groups(void **state) {
        (void)state;
        enum { SIZE = 1 << 20 };
        int fds[2], status;
        unsigned char *bytes = malloc(SIZE);
        struct sync_receiver receiver = { 0 };
        _cleanup_sbuf_ struct sbuf text = { 0 };
        size_t len = 0;
        assert_non_null(bytes);
        socket_pair(fds);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                struct sync_sender *sender = sync_sender_new(fds[0]);
                _exit(send_beside(sync_sender_sink(sender)) == 0 && sync_sender_end(sender, "enough") == 0 ? 0 : 1);
        }
        (void)close(fds[0]);
        for (ssize_t n; (n = read(fds[1], bytes + len, SIZE - len)) > 0;)
                len += (size_t)n;
        (void)close(fds[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(receive_runs(bytes, len, &receiver, &text, true), 0);
        assert_string_equal(receiver.error, "enough");
        assert_true(receiver.users == BESIDE_USERS && receiver.groups == BESIDE_GROUPS && receiver.members == BESIDE_GROUPS * 2 / 3 * BESIDE_USERS);
        free(bytes);
}

/* What a run of one kind must not have of the other, and what is out of place in it. */
static void wrong_words(void **state) {
        (void)state;
        static char key[SYNC_KEY_MAX + 2], cookie[SYNC_COOKIE_MAX + 2];
        memset(key, 'k', sizeof key - 1);
        memset(cookie, 'c', sizeof cookie - 1);
        const struct sync_begin full = { .references = SYNC_REFERENCES_DN }, delta = { .delta = true, .references = SYNC_REFERENCES_DN, .from = "x" };
        const struct sync_begin begins[] = {
                { .delta = true, .references = SYNC_REFERENCES_DN }, { .delta = true, .references = SYNC_REFERENCES_DN, .from = "" }, { .delta = true, .from = "x" },
                { .delta = true, .references = SYNC_REFERENCES_DN, .from = cookie }, { .from = "x" }, { .sweep_users = true }, { .unknown_ok = true },
        };
        for (size_t i = 0; i < ARRAY_SIZE(begins) + 12; i++) {
                int fds[2], r = 0;
                socket_pair(fds);
                struct sync_sender *sender = sync_sender_new(fds[0]);
                const struct sync_sink *sink = sync_sender_sink(sender);
                void *to = sink->userdata;
                const struct sync_group group = { .name = "ops", .entry_id = "a" };
                size_t row = i - ARRAY_SIZE(begins);
                if (i < ARRAY_SIZE(begins))
                        r = sink->begin(to, &begins[i]);
                else
                        assert_int_equal(sink->begin(to, row < 5 ? &full : &delta) | sink->group(to, &group), 0);
                switch (i < ARRAY_SIZE(begins) ? SIZE_MAX : row) {
                case 0: r = sink->reference(to, "k"); break;
                case 1: r = sink->gone(to, SYNC_KIND_USER, "1"); break;
                case 2: r = sink->present(to, SYNC_KIND_USER, "1"); break;
                case 3: r = sink->stray(to, 1, "k"); break;
                case 4: r = sink->stray(to, 0, key); break;
                case 5: r = sink->stray(to, 0, "k") | sink->member(to, 0, 0); break;
                case 6: r = sink->child(to, 0, 0); break;
                case 7: r = sink->gone(to, SYNC_KIND_NONE, "1"); break;
                case 8: r = sink->gone(to, SYNC_KIND_USER, ""); break;
                case 9: r = sink->gone(to, SYNC_KIND_USER, "1") | sink->reference(to, "k"); break;
                case 10: r = sink->begin(to, &full); break;
                case 11: r = sink->end(to, cookie); break;
                default: break;
                }
                if (r != -EINVAL)
                        fail_msg("row %zu: %d", i, r);
                sync_sender_free(sender);
                (void)close(fds[0]);
                (void)close(fds[1]);
        }
}

/* The same of bytes that no sender sends: after the beginning of a full run, or of a delta with a group. */
static const unsigned char delta_run[] = { 1, 1, 2, 0, 0, 0, 'x', 0 };
static const struct { const char *what; bool delta; unsigned type; const char *bytes; size_t len; int error; } misplaced[] = {
#define PLACED(what, delta, type, bytes, error) { what, delta, type, bytes, sizeof bytes - 1, error }
        PLACED("a change in a full run", false, SYNC_CHANGES, "\4\1\2\0\0\0" "1\0", -EPROTO), PLACED("users in a delta", true, SYNC_USERS, "x", -EPROTO),
        PLACED("a stray in a delta", true, SYNC_STRAYS, "x", -EPROTO), PLACED("a second beginning", true, SYNC_BEGIN, "\0\0\0\0\0\0", -EPROTO),
        PLACED("an unknown change", true, SYNC_CHANGES, "\6\1", -EBADMSG), PLACED("a change that is none", true, SYNC_CHANGES, "\0\1", -EBADMSG),
        PLACED("a reference of nothing", true, SYNC_CHANGES, "\3\2\0\0\0k\0", -EBADMSG), PLACED("an unknown kind", true, SYNC_CHANGES, "\4\3\2\0\0\0" "1\0", -EBADMSG),
        PLACED("a kind that is none", true, SYNC_CHANGES, "\5\0\2\0\0\0" "1\0", -EBADMSG), PLACED("no id", true, SYNC_CHANGES, "\5\1\0\0\0\0", -EBADMSG),
        PLACED("a greeting", true, SYNC_GREETING, "x", -EBADMSG),
};
static const struct { const char *what, *bytes; size_t len; } beginnings[] = {
#define BEGINNING(what, bytes) { what, bytes, sizeof bytes - 1 }
        BEGINNING("an unknown flag", "\100\1\0\0\0\0"), BEGINNING("unknown references", "\0\3\0\0\0\0"), BEGINNING("a delta from nowhere", "\1\1\0\0\0\0"),
        BEGINNING("a delta without references", "\1\0\2\0\0\0x\0"), BEGINNING("a full run from somewhere", "\0\1\2\0\0\0x\0"),
        BEGINNING("a sweep in a full run", "\4\1\0\0\0\0"), BEGINNING("more", "\0\1\0\0\0\0x"), BEGINNING("less", "\0\1\0\0"),
};

static void misplaced_frames(void **state) {
        (void)state;
        static const unsigned char full_begin[] = { 0, 1, 0, 0, 0, 0 };
        for (size_t i = 0; i < ARRAY_SIZE(misplaced); i++) {
                struct sync_receiver receiver = { 0 };
                _cleanup_sbuf_ struct sbuf text = { 0 };
                const struct sync_sink sink = saying(&text);
                assert_int_equal(sync_receiver_frame(&receiver, SYNC_BEGIN, misplaced[i].delta ? delta_run : full_begin,
                                                     misplaced[i].delta ? sizeof delta_run : sizeof full_begin, &sink), 0);
                int r = sync_receiver_frame(&receiver, misplaced[i].type, (const unsigned char *)misplaced[i].bytes, misplaced[i].len, &sink);
                if (r != misplaced[i].error)
                        fail_msg("%s: %d", misplaced[i].what, r);
        }
        for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++) {
                struct sync_receiver receiver = { 0 };
                _cleanup_sbuf_ struct sbuf text = { 0 };
                const struct sync_sink sink = saying(&text);
                int r = sync_receiver_frame(&receiver, SYNC_BEGIN, (const unsigned char *)beginnings[i].bytes, beginnings[i].len, &sink);
                if (r != -EBADMSG)
                        fail_msg("%s: %d", beginnings[i].what, r);
        }
}

/* The keeper speaks first. */
static void greeting(void **state) {
        (void)state;
        static char longest[SYNC_COOKIE_MAX + 2], cookie[SYNC_COOKIE_MAX + 1];
        memset(longest, 'c', SYNC_COOKIE_MAX);
        const char *const cookies[] = { "", "syncrepl\nrid=1,csn=2", longest };
        int fds[2];
        for (size_t i = 0; i < ARRAY_SIZE(cookies); i++) {
                struct channel *channel = NULL;
                socket_pair(fds);
                assert_int_equal(channel_new(fds[1], SYNC_FRAME_MAX, 0, &channel), 0);
                assert_int_equal(sync_send_greeting(channel, cookies[i]), 0);
                assert_int_equal(channel_write(channel), 0);
                assert_int_equal(sync_read_greeting(fds[0], 1000, cookie), 0);
                assert_string_equal(cookie, cookies[i]);
                longest[SYNC_COOKIE_MAX] = 'c';
                assert_int_equal(sync_send_greeting(channel, longest), -EINVAL);
                longest[SYNC_COOKIE_MAX] = 0;
                assert_int_equal(sync_read_greeting(fds[0], 10, cookie), -ETIMEDOUT);
                channel_free(channel);
                assert_int_equal(sync_read_greeting(fds[0], 1000, cookie), -EPIPE);
                (void)close(fds[0]);
        }
        static const char *const nonsense[] = { "this is no greeting at all", "\x4d\x44\x01\x61\xff\xff\xff\xff" };
        for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
                socket_pair(fds);
                assert_true(send(fds[1], nonsense[i], strlen(nonsense[i]), MSG_NOSIGNAL) > 0);
                assert_int_equal(sync_read_greeting(fds[0], 1000, cookie), -EBADMSG);
                (void)close(fds[0]);
                (void)close(fds[1]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(several_runs), cmocka_unit_test(members_beside_groups), cmocka_unit_test(wrong_words), cmocka_unit_test(misplaced_frames), cmocka_unit_test(greeting),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
