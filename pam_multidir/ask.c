/* One question to the service; see ask.h. */
#include "ask.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct payload { unsigned char bytes[WIRE_AUTH_MAX]; size_t len; };

static void payload_done(struct payload *payload) {
        explicit_bzero(payload, sizeof *payload);
}
#define _cleanup_payload_ _cleanup_(payload_done)

/* Sends what the writer holds and receives the one frame of the expected type into *answer. */
static int exchange(int fd, enum wire_type type, const struct wire_writer *question, enum wire_type expected, struct payload *answer,
                    uint64_t deadline_ms) {
        enum wire_type got = WIRE_NONE;
        if (question->bad)
                return -EMSGSIZE;
        int r = wire_send(fd, type, question->bytes, question->len, deadline_ms);
        if (r == 0)
                r = wire_receive(fd, &got, answer->bytes, sizeof answer->bytes, &answer->len, deadline_ms);
        if (r == 0 && got != expected)
                r = -EBADMSG;
        return r;
}

int ask_authenticate_on(int fd, const struct wire_authenticate *request, struct wire_authenticated *reply, uint64_t deadline_ms) {
        _cleanup_payload_ struct payload question = { 0 };
        struct payload answer;
        struct wire_authenticated read;
        struct wire_writer writer = { .bytes = question.bytes, .size = sizeof question.bytes };
        wire_put_authenticate(&writer, request);
        int r = exchange(fd, WIRE_AUTHENTICATE, &writer, WIRE_AUTHENTICATED, &answer, deadline_ms);
        if (r == 0)
                r = wire_get_authenticated(answer.bytes, answer.len, &read);
        if (r == 0)
                *reply = read;
        return r;
}

int ask_change_password_on(int fd, const struct wire_change_password *request, struct wire_changed *reply, uint64_t deadline_ms) {
        _cleanup_payload_ struct payload question = { 0 };
        struct payload answer;
        struct wire_changed read;
        struct wire_writer writer = { .bytes = question.bytes, .size = sizeof question.bytes };
        wire_put_change_password(&writer, request);
        int r = exchange(fd, WIRE_CHANGE_PASSWORD, &writer, WIRE_CHANGED, &answer, deadline_ms);
        if (r == 0)
                r = wire_get_changed(answer.bytes, answer.len, &read);
        if (r == 0)
                *reply = read;
        return r;
}

int ask_session_on(int fd, const struct wire_session *request, uint64_t deadline_ms) {
        struct payload question, answer;
        struct wire_writer writer = { .bytes = question.bytes, .size = sizeof question.bytes };
        wire_put_session(&writer, request);
        return exchange(fd, WIRE_SESSION, &writer, WIRE_SESSION_NOTED, &answer, deadline_ms);
}

int ask_authenticate(const struct wire_authenticate *request, struct wire_authenticated *reply) {
        uint64_t deadline_ms = clock_monotonic_ms() + ASK_DEADLINE_MS;
        _cleanup_close_ int fd = wire_connect(WIRE_AUTH_SOCKET, deadline_ms);
        return fd < 0 ? fd : ask_authenticate_on(fd, request, reply, deadline_ms);
}

int ask_change_password(const struct wire_change_password *request, struct wire_changed *reply) {
        uint64_t deadline_ms = clock_monotonic_ms() + ASK_CHANGE_DEADLINE_MS;
        _cleanup_close_ int fd = wire_connect(WIRE_AUTH_SOCKET, deadline_ms);
        return fd < 0 ? fd : ask_change_password_on(fd, request, reply, deadline_ms);
}

int ask_session(const struct wire_session *request) {
        uint64_t deadline_ms = clock_monotonic_ms() + ASK_SESSION_DEADLINE_MS;
        _cleanup_close_ int fd = wire_connect(WIRE_AUTH_SOCKET, deadline_ms);
        return fd < 0 ? fd : ask_session_on(fd, request, deadline_ms);
}
