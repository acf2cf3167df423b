/* Fuzz target of what the service's processes say to each other: the first byte of the input chooses the message; the rest goes through a
 * real channel in pieces, is read, and must come out of the sender as the same bytes.
 * Relies on: libFuzzer, socketpair.
 * Must never: accept bytes that are not the encoding of what was read from them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "multidird/channel/admit.h"
#include "multidird/channel/jobs.h"
#include "multidird/channel/protocol.h"
#include "multidird/channel/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANNEL_MAX 65536

/* Reads a message, and sends it again: 0 when it was one. */
typedef int (*again_fn)(const unsigned char *payload, size_t len, struct channel *channel);

#define MESSAGE(word, ...) \
        static int word##_again(const unsigned char *payload, size_t len, struct channel *channel) { \
                struct protocol_##word message; \
                int r = protocol_get_##word(payload, len, &message); \
                if (r < 0) \
                        return r; \
                if (protocol_send_##word(channel __VA_ARGS__, &message) < 0) \
                        abort(); \
                return 0; \
        }
#define COMMA ,
MESSAGE(admin, COMMA KEEPER_ADMIN)
MESSAGE(installed)
MESSAGE(gate)
MESSAGE(gate_reply)
MESSAGE(session)
MESSAGE(change_password)
MESSAGE(password_changed)
MESSAGE(check, COMMA CHECKER_CHECK)
MESSAGE(answer)
MESSAGE(progress)
MESSAGE(synced)
MESSAGE(note)
MESSAGE(keeper_synced)
MESSAGE(admit)
MESSAGE(admitted)
MESSAGE(applied)

/* A password beside a change that sets none does not come out again. */
static int change_again(const unsigned char *payload, size_t len, struct channel *channel) {
        struct protocol_change change;
        int r = protocol_get_change(payload, len, &change);
        if (r < 0)
                return r;
        bool whole = sizeof(uint64_t) + 2 * sizeof(uint32_t) + change.change_len + change.password.len == len;
        if (whole && protocol_send_change(channel, &change) < 0)
                abort();
        if (!whole && change.password.len > 0)
                abort();
        secret_done(&change.password);
        return whole ? 0 : -1;
}

static int planned_again(const unsigned char *payload, size_t len, struct channel *channel) {
        struct protocol_planned planned;
        int r = protocol_get_planned(payload, len, &planned);
        if (r == 0 && protocol_send_planned(channel, &planned) < 0)
                abort();
        protocol_planned_done(&planned);
        return r;
}

static int apply_again(const unsigned char *payload, size_t len, struct channel *channel) {
        struct protocol_apply apply;
        int r = protocol_get_apply(payload, len, &apply);
        if (r == 0 && protocol_send_apply(channel, &apply) < 0)
                abort();
        protocol_apply_done(&apply);
        return r;
}

/* One change by itself. */
static int update_again(const unsigned char *payload, size_t len, struct channel *channel) {
        struct directory_change change;
        size_t packed_len = 0;
        int r = update_unpack(payload, len, &change);
        unsigned char *packed = r == 0 ? update_pack(&change, &packed_len) : NULL;
        if (r == 0 && (!packed || channel_send(channel, KEEPER_STATE, packed, packed_len) < 0))
                abort();
        free(packed);
        return r;
}

static int sync_again(const unsigned char *payload, size_t len, struct channel *channel) {
        struct protocol_sync sync;
        int r = protocol_get_sync(payload, len, &sync);
        if (r == 0 && protocol_send_sync(channel, &sync, -1) < 0)
                abort();
        return r;
}

static int secret_again(const unsigned char *payload, size_t len, struct channel *channel) {
        _cleanup_secret_ struct secret secret;
        int r = protocol_get_secret(payload, len, &secret);
        if (r == 0 && protocol_send_secret(channel, &secret) < 0)
                abort();
        return r;
}

static int config_again(const unsigned char *payload, size_t len, struct channel *channel) {
        struct config_sources sources;
        int r = protocol_get_config(payload, len, &sources);
        if (r < 0)
                return r;
        /* A path ends at its first NUL: such a message need not come out again as it went in. */
        config_sources_done(&sources);
        return -1;
}

static int local_again(const unsigned char *payload, size_t len, struct channel *channel) {
        struct protocol_local_copy local;
        if (protocol_get_local(payload, len, &local) == 0)
                protocol_local_done(&local);
        return -1;
}

static const again_fn messages[] = {
        admin_again, installed_again, gate_again, gate_reply_again, session_again, change_password_again, password_changed_again,
        check_again, answer_again, config_again, local_again, progress_again, synced_again, secret_again, sync_again, keeper_synced_again, admit_again,
        admitted_again, note_again, planned_again, apply_again, applied_again, change_again, update_again,
};

static void pair(struct channel *ends[2]) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || channel_new(fds[0], CHANNEL_MAX, 0, &ends[0]) < 0 ||
            channel_new(fds[1], CHANNEL_MAX, 0, &ends[1]) < 0)
                abort();
}

/* The next frame at an end, NULL: there is none. */
static const unsigned char *pass(struct channel *from, struct channel *to, size_t *len) {
        struct channel_frame frame;
        if (channel_write(from) < 0 || channel_read(to) < 0 || channel_next(to, &frame) <= 0)
                return NULL;
        *len = frame.len;
        return frame.payload;
}

static void try_message(again_fn again, const uint8_t *data, size_t size) {
        struct channel *there[2], *back[2];
        size_t len = 0, len_again = 0;
        pair(there);
        pair(back);
        if (channel_send(there[0], KEEPER_STATE, data, size) < 0)
                abort();
        const unsigned char *payload = pass(there[0], there[1], &len);
        if (!payload || len != size || (size > 0 && memcmp(payload, data, size) != 0))
                abort();
        if (again(payload, len, back[0]) == 0) {
                const unsigned char *same = pass(back[0], back[1], &len_again);
                if (!same || len_again != size || memcmp(same, data, size) != 0)
                        abort();
        }
        for (size_t i = 0; i < 2; i++) {
                channel_free(there[i]);
                channel_free(back[i]);
        }
}

/* The bytes themselves at the other end of a socket. */
static void try_stream(const uint8_t *data, size_t size) {
        int fds[2];
        struct channel *channel = NULL;
        struct channel_frame frame;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || channel_new(fds[1], CHANNEL_MAX, 0, &channel) < 0)
                abort();
        size_t half = size / 2;
        if (write(fds[0], data, half) == (ssize_t)half && channel_read(channel) == 0 && channel_next(channel, &frame) >= 0 &&
            write(fds[0], data + half, size - half) == (ssize_t)(size - half) && channel_read(channel) == 0)
                while (channel_next(channel, &frame) > 0)
                        continue;
        (void)close(fds[0]);
        channel_free(channel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0 || size > 4096)
                return 0;
        size_t choice = data[0] % (sizeof messages / sizeof messages[0] + 1);
        if (choice < sizeof messages / sizeof messages[0])
                try_message(messages[choice], data + 1, size - 1);
        else
                try_stream(data + 1, size - 1);
        return 0;
}
