/* The sync stream: what the sender is given comes out of the receiver, whatever is cut off is no synchronisation (D5), and what no sender sends is refused.
 * Relies on: cmocka, socket pairs.
 * Must never: depend on timing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/sbuf.h"
#include "multidird/channel/channel.h"
#include "multidird/channel/sync_wire.h"
#include "unit/sync_help.h"
#include "unit/sync_say.h"

/* The bytes that a sender writes; malloc'ed. In a process of its own: a socket holds only so much. */
static unsigned char *stream_of(const struct help_directory *directory, const char *end, size_t *len) {
        int fds[2], status;
        socket_pair(fds);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                struct sync_sender *sender = sync_sender_new(fds[0]);
                _exit(sender && help_send(directory, sync_sender_sink(sender)) == 0 && sync_sender_end(sender, end) == 0 ? 0 : 1);
        }
        (void)close(fds[0]);
        unsigned char *bytes = malloc(1 << 20);
        assert_non_null(bytes);
        ssize_t n;
        for (*len = 0; (n = read(fds[1], bytes + *len, (1 << 20) - *len)) > 0;)
                *len += (size_t)n;
        (void)close(fds[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(n == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
        return bytes;
}

static struct help_directory *small(void) {
        struct help_directory *directory = help_directory("anna/1/A bert/2 !carl/3", "ops/a night/b", "anna>ops bert>ops carl>night night>>ops ops>>night");
        directory->users[0].ssh_keys = "ssh-ed25519 AAAA\nssh-ed25519 BBBB";
        directory->users[0].sid = "S-1-5-21-7";
        directory->users[1] = (struct sync_user){ .name = "bert", .entry_id = "2", .email = "", .uid = 4000, .gid = 4001, .posix_primary = true, .primary_group_sid = "S-1-5-21-8" };
        directory->groups[1].dn = "cn=night";
        directory->groups[0].description = "d";
        directory->groups[1].gid = UINT32_MAX;
        return directory;
}

static void comes_through(void **state) {
        (void)state;
        struct help_directory *directory = small();
        struct sync_receiver receiver = { 0 };
        _cleanup_sbuf_ struct sbuf text = { 0 };
        size_t len;
        unsigned char *bytes = stream_of(directory, "", &len);
        assert_int_equal(receive(bytes, len, &receiver, &text), 0);
        assert_true(receiver.ended && !receiver.error[0] && receiver.users == 3 && receiver.groups == 2 && receiver.members == 3 && receiver.children == 2);
        assert_string_equal(sbuf_text(&text),
                            "full 0|-\nuser 0 0 1 0|anna|1|cn=anna,dc=example|A|-|-|-|ssh-ed25519 AAAA\nssh-ed25519 BBBB|S-1-5-21-7|-\n"
                            "user 4000 4001 0 1|bert|2|-|-|-|-|-|-|-|S-1-5-21-8\n"
                            "user 0 0 0 0|carl|3|cn=carl,dc=example|-|-|-|-|-|-|-\n"
                            "group 0 1|ops|a|-|d|-\ngroup 4294967295 1|night|b|cn=night|-|-\n"
                            "member 0 0\nmember 1 0\nmember 2 1\nchild 1 0\nchild 0 1\nend \n");
        free(bytes);
        help_done(directory);
}

static void an_empty_directory(void **state) {
        (void)state;
        struct help_directory *directory = help_directory("", "", "");
        struct sync_receiver receiver = { 0 };
        _cleanup_sbuf_ struct sbuf text = { 0 };
        size_t len;
        unsigned char *bytes = stream_of(directory, "", &len);
        assert_int_equal(receive(bytes, len, &receiver, &text), 0);
        assert_true(receiver.ended && !receiver.error[0] && receiver.users == 0);
        free(bytes);
        help_done(directory);
}

/* D5: cut at every byte. */
static void cut_anywhere(void **state) {
        (void)state;
        struct help_directory *directory = small();
        size_t len;
        unsigned char *bytes = stream_of(directory, "", &len);
        assert_true(len > 200);
        for (size_t cut = 0; cut < len; cut++) {
                struct sync_receiver receiver = { 0 };
                _cleanup_sbuf_ struct sbuf text = { 0 };
                assert_int_equal(receive(bytes, cut, &receiver, &text), 0);
                if (receiver.ended)
                        fail_msg("cut at byte %zu of %zu, it passes for a whole", cut, len);
        }
        free(bytes);
        help_done(directory);
}

/* D5: a frame that is missing, doubled or moved. */
static void whole_frames(void **state) {
        (void)state;
        struct help_directory *directory = small();
        size_t len, starts[8], count = 0;
        unsigned char *bytes = stream_of(directory, "", &len);
        for (size_t at = 0; at < len; at += WIRE_HEADER + bytes[at + 4] + 256u * bytes[at + 5]) {
                assert_true(count < ARRAY_SIZE(starts) - 1);
                starts[count++] = at;
        }
        starts[count] = len;
        assert_int_equal(count, 6);
        for (size_t i = 0; i < count; i++)
                for (size_t j = 0; j < 3; j++) {
                        struct sync_receiver receiver = { 0 };
                        _cleanup_sbuf_ struct sbuf text = { 0 }, changed = { 0 };
                        size_t frame = starts[i + 1] - starts[i];
                        sbuf_add_bytes(&changed, bytes, starts[i]);
                        if (j == 1) /* doubled */
                                sbuf_add_bytes(&changed, bytes + starts[i], frame);
                        if (j == 1)
                                sbuf_add_bytes(&changed, bytes + starts[i], frame);
                        sbuf_add_bytes(&changed, bytes + starts[i + 1], len - starts[i + 1]);
                        if (j == 2) /* moved to the end */
                                sbuf_add_bytes(&changed, bytes + starts[i], frame);
                        int r = receive((const unsigned char *)changed.text, changed.len, &receiver, &text);
                        bool missing_end = j == 0 && i == count - 1, unmoved = j == 2 && i == count - 1;
                        if (missing_end ? r != 0 || receiver.ended : unmoved ? r != 0 || !receiver.ended : r >= 0)
                                fail_msg("frame %zu, change %zu: %d", i, j, r);
                }
        free(bytes);
        help_done(directory);
}

/* Why it failed, whatever came before. */
static void an_error_ends_it(void **state) {
        (void)state;
        struct help_directory *directory = small();
        char words[WIRE_TEXT_MAX + 100];
        memset(words, 'w', sizeof words - 1);
        words[sizeof words - 1] = 0;
        const char *const errors[] = { "the server's size limit was met", words };
        for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
                struct sync_receiver receiver = { 0 };
                _cleanup_sbuf_ struct sbuf text = { 0 };
                size_t len;
                unsigned char *bytes = stream_of(directory, errors[i], &len);
                assert_int_equal(receive(bytes, len, &receiver, &text), 0);
                assert_true(receiver.ended);
                assert_int_equal(strncmp(receiver.error, errors[i], WIRE_TEXT_MAX), 0);
                free(bytes);
        }
        help_done(directory);
}

/* What the sender itself refuses; the stream can still say why it ends. */
static void sender_refuses(void **state) {
        (void)state;
        static char name[SYNC_TEXT_MAX + 2], id[SYNC_ENTRY_ID_MAX + 2], dn[SYNC_DN_MAX + 2];
        memset(name, 'n', sizeof name - 1);
        memset(id, 'i', sizeof id - 1);
        memset(dn, 'd', sizeof dn - 1);
        const struct { struct sync_user user; uint32_t member, group; bool late; } rows[] = {
                { { .entry_id = "1" }, 0, 0, false }, { { .name = "", .entry_id = "1" }, 0, 0, false }, { { .name = name, .entry_id = "1" }, 0, 0, false },
                { { .name = "x" }, 0, 0, false }, { { .name = "x", .entry_id = "" }, 0, 0, false }, { { .name = "x", .entry_id = id }, 0, 0, false },
                { { .name = "x", .entry_id = "1", .dn = dn }, 0, 0, false }, { { .name = "x", .entry_id = "1" }, 1, 0, false },
                { { .name = "x", .entry_id = "1" }, 0, 1, false }, { { .name = "x", .entry_id = "1" }, 0, 0, true },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int fds[2];
                unsigned char bytes[8192];
                struct sync_receiver receiver = { 0 };
                _cleanup_sbuf_ struct sbuf text = { 0 };
                socket_pair(fds);
                struct sync_sender *sender = sync_sender_new(fds[0]);
                const struct sync_sink *sink = sync_sender_sink(sender);
                int r = sink->begin(sink->userdata, &(struct sync_begin){ 0 });
                if (r == 0)
                        r = sink->user(sink->userdata, &rows[i].user);
                if (r == 0)
                        r = sink->group(sink->userdata, &(struct sync_group){ .name = "g", .entry_id = "1" });
                if (r == 0)
                        r = sink->member(sink->userdata, rows[i].member, rows[i].group);
                if (r == 0 && rows[i].late)
                        r = sink->user(sink->userdata, &rows[i].user);
                if (r != -EINVAL)
                        fail_msg("row %zu: %d", i, r);
                assert_int_equal(sink->group(sink->userdata, &(struct sync_group){ .name = "g", .entry_id = "1" }), -EINVAL);
                assert_int_equal(sync_sender_end(sender, ""), -EINVAL);
                assert_int_equal(sync_sender_end(sender, "it is bad"), 0);
                assert_int_equal(sync_sender_end(sender, "it is bad"), -EINVAL);
                sync_sender_free(sender);
                (void)close(fds[0]);
                ssize_t len = read(fds[1], bytes, sizeof bytes);
                assert_true(len > 0);
                assert_int_equal(receive(bytes, (size_t)len, &receiver, &text), 0);
                assert_string_equal(receiver.error, "it is bad");
                (void)close(fds[1]);
        }
}

/* One absurd attribute, which people may write to their own entry, is no reason to go without the directory. */
static void long_texts(void **state) {
        (void)state;
        static char longest[SYNC_TEXT_MAX + 2];
        memset(longest, 'x', SYNC_TEXT_MAX);
        struct help_directory *directory = help_directory("", "", "");
        for (size_t i = 0; i < 2; i++) {
                struct sync_receiver receiver = { 0 };
                _cleanup_sbuf_ struct sbuf text = { 0 };
                size_t len;
                directory->user_count = 1;
                directory->users[0] = (struct sync_user){ .name = "x", .entry_id = "1", .display_name = longest, .email = longest, .home = longest, .shell = longest,
                                                          .ssh_keys = longest, .sid = longest, .primary_group_sid = longest };
                unsigned char *bytes = stream_of(directory, "", &len);
                assert_int_equal(receive(bytes, len, &receiver, &text), 0);
                assert_true(receiver.ended);
                assert_int_equal(text.len, i == 0 ? strlen("full 0|-\nuser 0 0 0 0|x|1|-|||||||\nend \n") + 7 * SYNC_TEXT_MAX
                                                  : strlen("full 0|-\nuser 0 0 0 0|x|1|-|-|-|-|-|-|-|-\nend \n"));
                free(bytes);
                longest[SYNC_TEXT_MAX] = 'x';
        }
        help_done(directory);
}

/* The keeper that gave up is an error, no signal. */
static void nobody_reads(void **state) {
        (void)state;
        int fds[2];
        socket_pair(fds);
        (void)close(fds[1]);
        struct sync_sender *sender = sync_sender_new(fds[0]);
        assert_int_equal(sync_sender_sink(sender)->begin(sync_sender_sink(sender)->userdata, &(struct sync_begin){ 0 }), -EPIPE);
        assert_int_equal(sync_sender_end(sender, ""), -EPIPE);
        assert_int_equal(sync_sender_sink(sender)->user(sync_sender_sink(sender)->userdata, &(struct sync_user){ .name = "x", .entry_id = "1" }), -EPIPE);
        sync_sender_free(sender);
        (void)close(fds[0]);
}

/* Frames that no sender sends, each as the only one, or after a good user and group. */
#define NO_TEXTS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define COUNTS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" /* of members, children and others */
#define NONE "\0\0\0\0"
#define IDS "\0\0\0\0\0\0\0\0"
static const struct { const char *what; unsigned type; const char *bytes; size_t len; } bad[] = {
#define FRAME(what, type, bytes) { what, type, bytes, sizeof bytes - 1 }
        FRAME("no rows", SYNC_USERS, ""), FRAME("an unknown type", SYNC_END + 1, "x"), FRAME("a type before them", SYNC_BEGIN - 1, "x"),
        FRAME("a cut number", SYNC_USERS, "\1\0\0"), FRAME("an unknown flag", SYNC_USERS, "\10" IDS "\2\0\0\0x\0\2\0\0\0" "1\0" NO_TEXTS),
        FRAME("no name", SYNC_USERS, "\1" IDS "\0\0\0\0\2\0\0\0" "1\0" NO_TEXTS), FRAME("no id", SYNC_USERS, "\1" IDS "\2\0\0\0x\0\0\0\0\0" NO_TEXTS),
        FRAME("an empty name", SYNC_USERS, "\1" IDS "\1\0\0\0\0\2\0\0\0" "1\0" NO_TEXTS), FRAME("a NUL in a name", SYNC_USERS, "\1" IDS "\4\0\0\0x\0y\0\2\0\0\0" "1\0" NO_TEXTS),
        FRAME("no NUL after a name", SYNC_USERS, "\1" IDS "\1\0\0\0x\2\0\0\0" "1\0" NO_TEXTS), FRAME("a length beyond the frame", SYNC_USERS, "\1" IDS "\xff\0\0\0x\0"),
        FRAME("a huge length", SYNC_USERS, "\1" IDS "\xff\xff\xff\xffx\0"), FRAME("a byte too many", SYNC_USERS, "\1" IDS "\2\0\0\0x\0\2\0\0\0" "1\0" NO_TEXTS "z"),
        FRAME("a group's unknown flag", SYNC_GROUPS, "\2" NONE "\2\0\0\0x\0\2\0\0\0" "1\0" NONE NONE NONE), FRAME("a group without id", SYNC_GROUPS, "\1" NONE "\2\0\0\0x\0" NONE NONE NONE NONE),
        FRAME("a user that did not come", SYNC_MEMBERS, "\1\0\0\0\0\0\0\0"), FRAME("a group that did not come", SYNC_MEMBERS, "\0\0\0\0\1\0\0\0"),
        FRAME("half a pair", SYNC_MEMBERS, "\0\0\0\0\0\0\0\0\0\0\0\0"), FRAME("a child that did not come", SYNC_CHILDREN, "\1\0\0\0\0\0\0\0"),
        FRAME("a stray of a group that did not come", SYNC_STRAYS, "\1\0\0\0\2\0\0\0k\0"), FRAME("a stray without a key", SYNC_STRAYS, NONE NONE),
        FRAME("an end of other counts", SYNC_END, "\2\0\0\0\1\0\0\0" COUNTS NONE NONE), FRAME("a cut end", SYNC_END, "\1\0\0\0\1\0\0\0\0\0"),
        FRAME("an end and more", SYNC_END, "\1\0\0\0\1\0\0\0" COUNTS NONE NONE "x"),
        FRAME("an error with a cookie", SYNC_END, "\1\0\0\0\1\0\0\0" COUNTS "\1\0\0\0e\2\0\0\0c\0"),
};

static const unsigned char full_run[] = { 0, 0, 0, 0, 0, 0 };

static void bad_frames(void **state) {
        (void)state;
        static const unsigned char user[] = "\1" IDS "\2\0\0\0x\0\2\0\0\0" "1\0" NO_TEXTS, group[] = "\1" NONE "\2\0\0\0g\0\2\0\0\0" "1\0" NONE NONE NONE;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                for (size_t after = 0; after < 2; after++) {
                        struct sync_receiver receiver = { 0 };
                        _cleanup_sbuf_ struct sbuf text = { 0 };
                        const struct sync_sink sink = saying(&text);
                        assert_int_equal(sync_receiver_frame(&receiver, SYNC_BEGIN, full_run, sizeof full_run, &sink), 0);
                        if (after) {
                                assert_int_equal(sync_receiver_frame(&receiver, SYNC_USERS, user, sizeof user - 1, &sink), 0);
                                if (bad[i].type > SYNC_GROUPS)
                                        assert_int_equal(sync_receiver_frame(&receiver, SYNC_GROUPS, group, sizeof group - 1, &sink), 0);
                        }
                        int r = sync_receiver_frame(&receiver, bad[i].type, (const unsigned char *)bad[i].bytes, bad[i].len, &sink);
                        if (r != -EBADMSG || receiver.ended)
                                fail_msg("%s: %d", bad[i].what, r);
                }
}

/* A sink that fails ends it with its own error. */
static int full(void *userdata, const struct sync_user *user) {
        (void)userdata;
        (void)user;
        return -EFBIG;
}

static void the_sink_fails(void **state) {
        (void)state;
        static const unsigned char user[] = "\1" IDS "\2\0\0\0x\0\2\0\0\0" "1\0" NO_TEXTS;
        struct sync_receiver receiver = { .begun = true };
        assert_int_equal(sync_receiver_frame(&receiver, SYNC_USERS, user, sizeof user - 1, &(struct sync_sink){ .user = full }), -EFBIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(comes_through), cmocka_unit_test(an_empty_directory), cmocka_unit_test(cut_anywhere), cmocka_unit_test(whole_frames),
                cmocka_unit_test(an_error_ends_it), cmocka_unit_test(sender_refuses), cmocka_unit_test(long_texts), cmocka_unit_test(nobody_reads),
                cmocka_unit_test(bad_frames), cmocka_unit_test(the_sink_fails),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
