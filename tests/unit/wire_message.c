/* Tests of common/wire's codec and messages: round trips at the greatest lengths, every truncation, every byte changed.
 * Relies on: cmocka.
 * Must never: need a service, a network or root. */
#include <setjmp.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/message.h"

union any_message {
        struct wire_authenticate authenticate;
        struct wire_authenticated authenticated;
        struct wire_change_password change_password;
        struct wire_changed changed;
        struct wire_session session;
};

#define PUT_GET(word) \
        static void put_##word(struct wire_writer *writer, const union any_message *message) { \
                wire_put_##word(writer, &message->word); \
        } \
        static int get_##word(const unsigned char *payload, size_t len, union any_message *out) { \
                return wire_get_##word(payload, len, &out->word); \
        }
PUT_GET(authenticate)
PUT_GET(authenticated)
PUT_GET(change_password)
PUT_GET(changed)
PUT_GET(session)

/* A text of exactly len bytes. */
static void fill(char *text, size_t len, char first) {
        for (size_t i = 0; i < len; i++)
                text[i] = (char)(first + (char)(i % 20));
        text[len] = 0;
}

static void fill_secret(struct secret *secret, size_t len) {
        unsigned char bytes[SECRET_MAX];
        for (size_t i = 0; i < len; i++)
                bytes[i] = (unsigned char)i; /* with NULs: they are the service's to refuse, L8 */
        assert_int_equal(secret_set(secret, bytes, len), 0);
}

static void make_authenticate(union any_message *message, size_t name, size_t text, size_t secret) {
        struct wire_authenticate *m = &message->authenticate;
        fill(m->user, name, 'a');
        fill(m->service, name, 'b');
        fill(m->application, name, 'c');
        fill(m->rhost, name, 'd');
        fill(m->tty, name, 'e');
        fill_secret(&m->password, secret);
}

static void make_authenticated(union any_message *message, size_t name, size_t text, size_t secret) {
        struct wire_authenticated *m = &message->authenticated;
        m->reason = REASON_OK;
        m->must_change = 1;
        fill(m->name, name, 'a');
        fill(m->directory, name, 'b');
        fill(m->entry_id, name, 'c');
        fill(m->text, text, 'd');
}

static void make_change_password(union any_message *message, size_t name, size_t text, size_t secret) {
        struct wire_change_password *m = &message->change_password;
        fill(m->user, name, 'a');
        fill(m->service, name, 'b');
        fill(m->application, name, 'c');
        m->as_root = 1;
        m->check_only = 1;
        fill_secret(&m->old_password, secret);
        fill_secret(&m->new_password, secret / 2);
}

static void make_changed(union any_message *message, size_t name, size_t text, size_t secret) {
        message->changed.reason = REASON_POLICY_REJECTED;
        fill(message->changed.text, text, 'a');
}

static void make_session(union any_message *message, size_t name, size_t text, size_t secret) {
        fill(message->session.user, name, 'a');
        fill(message->session.service, name, 'b');
        fill(message->session.application, name, 'c');
}

static const struct kind {
        const char *name;
        size_t size;
        void (*make)(union any_message *message, size_t name, size_t text, size_t secret);
        void (*put)(struct wire_writer *writer, const union any_message *message);
        int (*get)(const unsigned char *payload, size_t len, union any_message *out);
} kinds[] = {
        { "authenticate", sizeof(struct wire_authenticate), make_authenticate, put_authenticate, get_authenticate },
        { "authenticated", sizeof(struct wire_authenticated), make_authenticated, put_authenticated, get_authenticated },
        { "change_password", sizeof(struct wire_change_password), make_change_password, put_change_password, get_change_password },
        { "changed", sizeof(struct wire_changed), make_changed, put_changed, get_changed },
        { "session", sizeof(struct wire_session), make_session, put_session, get_session },
};

static const struct { size_t name, text, secret; } sizes[] = {
        { 0, 0, 0 }, { 1, 1, 1 }, { 8, 40, 12 }, { WIRE_NAME_MAX, WIRE_TEXT_MAX, SECRET_MAX },
};

/* Encodes a message of the given sizes; gives the payload's length. */
static size_t encode(const struct kind *kind, size_t size, union any_message *message, unsigned char *payload) {
        struct wire_writer writer = { .bytes = payload, .size = WIRE_AUTH_MAX };
        memset(message, 0, sizeof *message);
        kind->make(message, sizes[size].name, sizes[size].text, sizes[size].secret);
        kind->put(&writer, message);
        assert_false(writer.bad);
        return writer.len;
}

static void assert_zeroed(const union any_message *message, size_t size) {
        for (size_t i = 0; i < size; i++)
                assert_int_equal(((const unsigned char *)message)[i], 0);
}

/* The greatest message of each kind fits the socket's limit, and comes back as it was. */
static void test_round_trip(void **state) {
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
                for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
                        unsigned char payload[WIRE_AUTH_MAX];
                        union any_message in, out;
                        size_t len = encode(&kinds[k], s, &in, payload);
                        memset(&out, 0xa5, sizeof out);
                        assert_int_equal(kinds[k].get(payload, len, &out), 0);
                        assert_memory_equal(&in, &out, kinds[k].size);
                }
}

/* The payload lies in a heap block of its exact size, so that a sanitizer sees a byte read too far. */
static int get_exact(const struct kind *kind, const unsigned char *payload, size_t len, union any_message *out) {
        _cleanup_free_ unsigned char *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, payload, len);
        return kind->get(copy, len, out);
}

static void test_every_truncation(void **state) {
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
                for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
                        unsigned char payload[WIRE_AUTH_MAX];
                        union any_message in, out;
                        size_t len = encode(&kinds[k], s, &in, payload);
                        for (size_t cut = 0; cut < len; cut++) {
                                memset(&out, 0xa5, sizeof out);
                                assert_int_equal(get_exact(&kinds[k], payload, cut, &out), -EBADMSG);
                                assert_zeroed(&out, kinds[k].size);
                        }
                }
}

static void test_trailing_byte(void **state) {
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                unsigned char payload[WIRE_AUTH_MAX];
                union any_message in, out;
                size_t len = encode(&kinds[k], 2, &in, payload);
                payload[len] = 0;
                assert_int_equal(get_exact(&kinds[k], payload, len + 1, &out), -EBADMSG);
        }
}

/* Any byte, any bit: refused, or read as a message that encodes to those very bytes again. */
static void test_every_byte_changed(void **state) {
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                unsigned char payload[WIRE_AUTH_MAX], again[WIRE_AUTH_MAX];
                union any_message in, out;
                size_t len = encode(&kinds[k], 2, &in, payload);
                for (size_t at = 0; at < len; at++)
                        for (unsigned change = 1; change < 256; change++) {
                                payload[at] ^= (unsigned char)change;
                                memset(&out, 0xa5, sizeof out);
                                if (get_exact(&kinds[k], payload, len, &out) == 0) {
                                        struct wire_writer writer = { .bytes = again, .size = sizeof again };
                                        kinds[k].put(&writer, &out);
                                        assert_int_equal(writer.len, len);
                                        assert_memory_equal(again, payload, len);
                                } else {
                                        assert_zeroed(&out, kinds[k].size);
                                }
                                payload[at] ^= (unsigned char)change;
                        }
        }
}

/* One byte more than a field may hold is refused, not cut. */
static void test_one_too_long(void **state) {
        unsigned char payload[WIRE_AUTH_MAX * 2];
        char text[WIRE_TEXT_MAX + 2] = { 0 };
        struct wire_changed changed;
        memset(text, 'x', WIRE_TEXT_MAX + 1);
        struct wire_writer writer = { .bytes = payload, .size = sizeof payload };
        wire_put_u8(&writer, REASON_OK);
        wire_put_text(&writer, text);
        assert_int_equal(wire_get_changed(payload, writer.len, &changed), -EBADMSG);

        struct wire_session session;
        writer = (struct wire_writer) { .bytes = payload, .size = sizeof payload };
        wire_put_bytes(&writer, text, WIRE_NAME_MAX + 1);
        wire_put_text(&writer, "");
        wire_put_text(&writer, "");
        assert_int_equal(wire_get_session(payload, writer.len, &session), -EBADMSG);

        struct wire_authenticate authenticate;
        unsigned char secret[SECRET_MAX + 1] = { 0 };
        writer = (struct wire_writer) { .bytes = payload, .size = sizeof payload };
        for (int i = 0; i < 5; i++)
                wire_put_text(&writer, "");
        wire_put_bytes(&writer, secret, sizeof secret);
        assert_int_equal(wire_get_authenticate(payload, writer.len, &authenticate), -EBADMSG);
}

static void test_text_with_nul(void **state) {
        unsigned char payload[64];
        struct wire_session session;
        struct wire_writer writer = { .bytes = payload, .size = sizeof payload };
        wire_put_bytes(&writer, "ro\0ot", 5);
        wire_put_text(&writer, "");
        wire_put_text(&writer, "");
        assert_int_equal(wire_get_session(payload, writer.len, &session), -EBADMSG);
}

static void test_numbers(void **state) {
        unsigned char bytes[13];
        struct wire_writer writer = { .bytes = bytes, .size = sizeof bytes };
        wire_put_u8(&writer, 0xfe);
        wire_put_u32(&writer, 0x01020304);
        wire_put_u64(&writer, 0x1112131415161718);
        assert_false(writer.bad);
        assert_memory_equal(bytes, "\xfe\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11", 13);
        wire_put_u8(&writer, 1);
        assert_true(writer.bad);
        struct wire_reader reader = { .bytes = bytes, .len = sizeof bytes };
        assert_int_equal(wire_get_u8(&reader), 0xfe);
        assert_int_equal(wire_get_u32(&reader), 0x01020304);
        assert_true(wire_get_u64(&reader) == 0x1112131415161718);
        assert_true(wire_read_end(&reader));
        assert_int_equal(wire_get_u8(&reader), 0);
        assert_true(reader.bad);
}

/* A failure sticks: nothing read after it counts. */
static void test_bad_sticks(void **state) {
        unsigned char bytes[8] = { 0xff, 0xff, 0xff, 0xff, 1, 1, 1, 1 };
        struct wire_reader reader = { .bytes = bytes, .len = sizeof bytes };
        char text[5] = "left";
        wire_get_text(&reader, text, 4);
        assert_string_equal(text, "");
        assert_true(reader.bad);
        assert_int_equal(wire_get_u8(&reader), 0);
        assert_false(wire_read_end(&reader));
}

static void test_writer_overflow(void **state) {
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                unsigned char payload[WIRE_AUTH_MAX];
                union any_message in;
                size_t len = encode(&kinds[k], 2, &in, payload);
                for (size_t size = 0; size < len; size++) {
                        _cleanup_free_ unsigned char *small = malloc(size > 0 ? size : 1);
                        assert_non_null(small);
                        struct wire_writer writer = { .bytes = small, .size = size };
                        kinds[k].put(&writer, &in);
                        assert_true(writer.bad);
                        assert_true(writer.len <= size);
                }
        }
}

static const struct {
        const char *name;
        unsigned char header[WIRE_HEADER];
        size_t max;
        int result;
} headers[] = {
        { "a header", { 'M', 'D', WIRE_VERSION, 1, 4, 0, 0, 0 }, 4, 0 },
        { "payload above the limit", { 'M', 'D', WIRE_VERSION, 1, 5, 0, 0, 0 }, 4, -EBADMSG },
        { "payload of 4 GiB", { 'M', 'D', WIRE_VERSION, 1, 0xff, 0xff, 0xff, 0xff }, WIRE_AUTH_MAX, -EBADMSG },
        { "first magic byte", { 'm', 'D', WIRE_VERSION, 1, 0, 0, 0, 0 }, 4, -EBADMSG },
        { "second magic byte", { 'M', 'd', WIRE_VERSION, 1, 0, 0, 0, 0 }, 4, -EBADMSG },
        { "no type", { 'M', 'D', WIRE_VERSION, 0, 0, 0, 0, 0 }, 4, -EBADMSG },
        { "older version", { 'M', 'D', WIRE_VERSION - 1, 1, 0, 0, 0, 0 }, 4, -EPROTONOSUPPORT },
        { "newer version", { 'M', 'D', WIRE_VERSION + 1, 1, 0, 0, 0, 0 }, 4, -EPROTONOSUPPORT },
};

static void test_headers(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
                struct wire_frame frame = { 0 };
                int r = wire_parse_header(headers[i].header, headers[i].max, &frame);
                if (r != headers[i].result)
                        fail_msg("%s: %d", headers[i].name, r);
        }
        unsigned char header[WIRE_HEADER];
        struct wire_frame frame;
        wire_make_header(header, WIRE_ADMIN_REPLY, 0x123456);
        assert_int_equal(wire_parse_header(header, WIRE_ADMIN_MAX, &frame), 0);
        assert_int_equal(frame.type, WIRE_ADMIN_REPLY);
        assert_int_equal(frame.len, 0x123456);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_every_truncation),
                cmocka_unit_test(test_trailing_byte),
                cmocka_unit_test(test_every_byte_changed),
                cmocka_unit_test(test_one_too_long),
                cmocka_unit_test(test_text_with_nul),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_bad_sticks),
                cmocka_unit_test(test_writer_overflow),
                cmocka_unit_test(test_headers),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
