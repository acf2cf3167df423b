/* Tests of multidird/channel/channel: what stays in memory of a frame that is done with, and what a peer that does not read may cost.
 * Relies on: cmocka, socket pairs.
 * Must never: depend on timing. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "multidird/channel/channel.h"
#include "wire/message.h"

static const char password[] = "correct horse battery staple";

struct pair { struct channel *a, *b; };

static struct pair make_pair(size_t max_payload, size_t max_queued) {
        struct pair pair = { 0 };
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(channel_new(fds[0], max_payload, max_queued, &pair.a), 0);
        assert_int_equal(channel_new(fds[1], max_payload, max_queued, &pair.b), 0);
        return pair;
}

static void free_pair(struct pair *pair) {
        channel_free(pair->a);
        channel_free(pair->b);
}

static bool holds(const unsigned char *bytes, size_t len) {
        return memmem(bytes, len, password, strlen(password)) != NULL;
}

/* The buffer stays where it is while nothing is read, so that a frame's place can be looked at after the frame. */
static void wipes_what_is_done(void **state) {
        struct pair pair = make_pair(4096, 0);
        struct channel_frame frame, second;
        assert_int_equal(channel_send(pair.a, WIRE_AUTHENTICATE, password, strlen(password)), 0);
        assert_int_equal(channel_send(pair.a, WIRE_SESSION, "next", 4), 0);
        assert_int_equal(channel_write(pair.a), 0);
        assert_int_equal(channel_read(pair.b), 0);
        assert_int_equal(channel_next(pair.b, &frame), 1);
        assert_true(holds(frame.payload, frame.len));
        assert_int_equal(channel_next(pair.b, &second), 1);
        assert_false(holds(frame.payload, frame.len));
        assert_memory_equal(second.payload, "next", 4);
        assert_int_equal(channel_next(pair.b, &second), 0);
        assert_int_equal(frame.payload[0], 0);
        free_pair(&pair);
}

/* A frame in two halves, behind one that is wiped, comes out whole. */
static void keeps_what_is_not(void **state) {
        struct pair pair = make_pair(4096, 0);
        struct channel_frame frame;
        unsigned char bytes[WIRE_HEADER + 8];
        wire_make_header(bytes, WIRE_SESSION, 8);
        memcpy(bytes + WIRE_HEADER, "12345678", 8);
        assert_int_equal(channel_send(pair.a, WIRE_AUTHENTICATE, password, strlen(password)), 0);
        assert_int_equal(channel_write(pair.a), 0);
        assert_int_equal(send(channel_fd(pair.a), bytes, 11, 0), 11);
        assert_int_equal(channel_read(pair.b), 0);
        assert_int_equal(channel_next(pair.b, &frame), 1);
        assert_int_equal(channel_next(pair.b, &frame), 0);
        assert_int_equal(send(channel_fd(pair.a), bytes + 11, sizeof bytes - 11, 0), sizeof bytes - 11);
        assert_int_equal(channel_read(pair.b), 0);
        assert_int_equal(channel_next(pair.b, &frame), 1);
        assert_int_equal(frame.len, 8);
        assert_memory_equal(frame.payload, "12345678", 8);
        free_pair(&pair);
}

static void refuses_what_nobody_reads(void **state) {
        struct pair pair = make_pair(4096, 1000);
        char bytes[400] = { 0 };
        assert_int_equal(channel_send(pair.a, WIRE_SESSION, bytes, sizeof bytes), 0);
        assert_int_equal(channel_send(pair.a, WIRE_SESSION, bytes, sizeof bytes), 0);
        assert_int_equal(channel_send(pair.a, WIRE_SESSION, bytes, sizeof bytes), -ENOBUFS);
        assert_int_equal(channel_write(pair.a), 0);
        assert_int_equal(channel_send(pair.a, WIRE_SESSION, bytes, sizeof bytes), 0);
        free_pair(&pair);
}

static void refuses_long_frames(void **state) {
        struct pair pair = make_pair(16, 0);
        struct channel_frame frame;
        assert_int_equal(channel_send(pair.a, WIRE_SESSION, "0123456789abcdefg", 17), 0);
        assert_int_equal(channel_write(pair.a), 0);
        assert_int_equal(channel_read(pair.b), 0);
        assert_int_equal(channel_next(pair.b, &frame), -EBADMSG);
        free_pair(&pair);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wipes_what_is_done), cmocka_unit_test(keeps_what_is_not),
                cmocka_unit_test(refuses_what_nobody_reads), cmocka_unit_test(refuses_long_frames),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
