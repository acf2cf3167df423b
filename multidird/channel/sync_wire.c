/* The sync stream's receiving end, and the greeting; see sync_wire.h.
 * Relies on: channel/sync_wire_internal.
 * Must never: allocate. */
#include "multidird/channel/sync_wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "multidird/channel/sync_wire_internal.h"

int sync_send_greeting(struct channel *channel, const char *cookie) {
        struct wire_writer writer;
        size_t len = strlen(cookie);
        if (len > SYNC_COOKIE_MAX)
                return -EINVAL;
        int r = channel_begin(channel, SYNC_GREETING, 4 + len, &writer);
        if (r < 0)
                return r;
        wire_put_text(&writer, cookie);
        return channel_end(channel, &writer, -1);
}

static int read_all(int fd, unsigned char *bytes, size_t len, uint64_t deadline_ms) {
        while (len > 0) {
                uint64_t now = clock_monotonic_ms();
                struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
                int r = poll(&poll_fd, 1, now < deadline_ms ? (int)(deadline_ms - now) : 0);
                if (r == 0)
                        return -ETIMEDOUT;
                ssize_t n = r < 0 ? -1 : recv(fd, bytes, len, MSG_DONTWAIT);
                if (n == 0)
                        return -EPIPE;
                if (n < 0 && errno != EINTR && errno != EAGAIN)
                        return errno == ECONNRESET ? -EPIPE : -errno;
                if (n > 0) {
                        bytes += n;
                        len -= (size_t)n;
                }
        }
        return 0;
}

int sync_read_greeting(int fd, uint32_t timeout_ms, char cookie[SYNC_COOKIE_MAX + 1]) {
        unsigned char header[WIRE_HEADER], payload[4 + SYNC_COOKIE_MAX];
        uint64_t deadline_ms = clock_monotonic_ms() + (timeout_ms < INT32_MAX ? timeout_ms : INT32_MAX);
        struct wire_frame frame;
        cookie[0] = 0;
        int r = read_all(fd, header, sizeof header, deadline_ms);
        if (r < 0)
                return r;
        if (wire_parse_header(header, sizeof payload, &frame) < 0 || (unsigned)frame.type != SYNC_GREETING)
                return -EBADMSG;
        r = read_all(fd, payload, frame.len, deadline_ms);
        if (r < 0)
                return r;
        struct wire_reader reader = { .bytes = payload, .len = frame.len };
        wire_get_text(&reader, cookie, SYNC_COOKIE_MAX);
        return wire_read_end(&reader) ? 0 : -EBADMSG;
}

/* Points into the payload; NULL: none. What holds a NUL, or does not end with one, is bad. */
static const char *get_text(struct wire_reader *reader, size_t max) {
        size_t len = 0;
        const char *text = (const char *)wire_get_bytes(reader, max + 1, &len);
        if (reader->bad || len == 0)
                return NULL;
        if (len == 1 || memchr(text, 0, len) != text + len - 1) {
                reader->bad = true;
                return NULL;
        }
        return text;
}

static uint8_t get_flags(struct wire_reader *reader, uint8_t known) {
        uint8_t flags = wire_get_u8(reader);
        if (flags & ~known)
                reader->bad = true;
        return flags;
}

static int get_begin(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        uint8_t flags = get_flags(reader, SYNC_FLAG_DELTA | SYNC_FLAG_NESTED | SYNC_FLAG_SWEEP_USERS | SYNC_FLAG_SWEEP_GROUPS | SYNC_FLAG_UNKNOWN_OK |
                                  SYNC_FLAG_LINKED);
        uint8_t references = wire_get_u8(reader);
        struct sync_begin begin = { .delta = flags & SYNC_FLAG_DELTA, .nested = flags & SYNC_FLAG_NESTED, .sweep_users = flags & SYNC_FLAG_SWEEP_USERS,
                                    .sweep_groups = flags & SYNC_FLAG_SWEEP_GROUPS, .unknown_ok = flags & SYNC_FLAG_UNKNOWN_OK, .linked = flags & SYNC_FLAG_LINKED };
        begin.from = get_text(reader, SYNC_COOKIE_MAX);
        if (!wire_read_end(reader) || references > SYNC_REFERENCES_NAME)
                return -EBADMSG;
        begin.references = (enum sync_references)references;
        if (begin.delta ? !begin.from || references == SYNC_REFERENCES_NONE : begin.from || (flags & ~(SYNC_FLAG_NESTED | SYNC_FLAG_LINKED)))
                return -EBADMSG;
        receiver->begun = true;
        receiver->delta = begin.delta;
        return sink->begin(sink->userdata, &begin);
}

static int get_user(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        struct sync_user user = { 0 };
        uint8_t flags = get_flags(reader, SYNC_FLAG_ACTIVE | SYNC_FLAG_POSIX_PRIMARY | SYNC_FLAG_FRESH);
        user.fresh = flags & SYNC_FLAG_FRESH;
        user.active = flags & SYNC_FLAG_ACTIVE;
        user.posix_primary = flags & SYNC_FLAG_POSIX_PRIMARY;
        user.uid = wire_get_u32(reader);
        user.gid = wire_get_u32(reader);
        user.name = get_text(reader, SYNC_TEXT_MAX);
        user.entry_id = get_text(reader, SYNC_ENTRY_ID_MAX);
        user.dn = get_text(reader, SYNC_DN_MAX);
        user.display_name = get_text(reader, SYNC_TEXT_MAX);
        user.email = get_text(reader, SYNC_TEXT_MAX);
        user.home = get_text(reader, SYNC_TEXT_MAX);
        user.shell = get_text(reader, SYNC_TEXT_MAX);
        user.ssh_keys = get_text(reader, SYNC_TEXT_MAX);
        user.sid = get_text(reader, SYNC_TEXT_MAX);
        user.primary_group_sid = get_text(reader, SYNC_TEXT_MAX);
        if (reader->bad || !user.name || !user.entry_id || receiver->users == UINT32_MAX)
                return -EBADMSG;
        receiver->users++;
        return sink->user(sink->userdata, &user);
}

static int get_group(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        uint8_t flags = get_flags(reader, SYNC_FLAG_ACTIVE | SYNC_FLAG_FRESH);
        struct sync_group group = { .active = flags & SYNC_FLAG_ACTIVE, .fresh = flags & SYNC_FLAG_FRESH };
        group.gid = wire_get_u32(reader);
        group.name = get_text(reader, SYNC_TEXT_MAX);
        group.entry_id = get_text(reader, SYNC_ENTRY_ID_MAX);
        group.dn = get_text(reader, SYNC_DN_MAX);
        group.description = get_text(reader, SYNC_TEXT_MAX);
        group.sid = get_text(reader, SYNC_TEXT_MAX);
        if (reader->bad || !group.name || !group.entry_id || receiver->groups == UINT32_MAX)
                return -EBADMSG;
        receiver->groups++;
        return sink->group(sink->userdata, &group);
}

static int get_member(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        uint32_t user = wire_get_u32(reader), group = wire_get_u32(reader);
        if (reader->bad || user >= receiver->users || group >= receiver->groups)
                return -EBADMSG;
        receiver->members++;
        return sink->member(sink->userdata, user, group);
}

static int get_child(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        uint32_t child = wire_get_u32(reader), parent = wire_get_u32(reader);
        if (reader->bad || child >= receiver->groups || parent >= receiver->groups)
                return -EBADMSG;
        receiver->children++;
        return sink->child(sink->userdata, child, parent);
}

static int get_stray(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        uint32_t group = wire_get_u32(reader);
        const char *key = get_text(reader, SYNC_KEY_MAX);
        if (reader->bad || !key || group >= receiver->groups)
                return -EBADMSG;
        receiver->others++;
        return sink->stray(sink->userdata, group, key);
}

static int get_reference(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        const char *key = get_text(reader, SYNC_KEY_MAX);
        if (reader->bad || !key || !receiver->in_group)
                return -EBADMSG;
        receiver->others++;
        return sink->reference(sink->userdata, key);
}

static int get_id(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink,
                  int (*take)(void *userdata, enum sync_kind kind, const char *entry_id)) {
        uint8_t kind = wire_get_u8(reader);
        const char *entry_id = get_text(reader, SYNC_ENTRY_ID_MAX);
        if (reader->bad || !entry_id || (kind != SYNC_KIND_USER && kind != SYNC_KIND_GROUP))
                return -EBADMSG;
        receiver->others++;
        return take(sink->userdata, (enum sync_kind)kind, entry_id);
}

static int get_change(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        uint8_t change = wire_get_u8(reader);
        if (change == SYNC_CHANGE_REFERENCE)
                return get_reference(receiver, reader, sink);
        receiver->in_group = change == SYNC_CHANGE_GROUP;
        switch (change) {
        case SYNC_CHANGE_USER:
                return get_user(receiver, reader, sink);
        case SYNC_CHANGE_GROUP:
                return get_group(receiver, reader, sink);
        case SYNC_CHANGE_GONE:
                return get_id(receiver, reader, sink, sink->gone);
        case SYNC_CHANGE_PRESENT:
                return get_id(receiver, reader, sink, sink->present);
        default:
                return -EBADMSG;
        }
}

static int get_end(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        uint32_t users = wire_get_u32(reader), groups = wire_get_u32(reader);
        uint64_t members = wire_get_u64(reader), children = wire_get_u64(reader), others = wire_get_u64(reader);
        char error[sizeof receiver->error];
        wire_get_text(reader, error, WIRE_TEXT_MAX);
        const char *cookie = get_text(reader, SYNC_COOKIE_MAX);
        if (!wire_read_end(reader))
                return -EBADMSG;
        /* A run that failed need not have sent all that it read, nor have begun. */
        bool whole = receiver->begun && users == receiver->users && groups == receiver->groups && members == receiver->members &&
                     children == receiver->children && others == receiver->others;
        if (error[0] ? cookie != NULL : !whole)
                return -EBADMSG;
        int r = error[0] ? 0 : sink->end(sink->userdata, cookie ? cookie : "");
        if (r < 0)
                return r;
        memcpy(receiver->error, error, sizeof error);
        receiver->ended = true;
        return 0;
}

/* Which frames a run has: a full one in their order, a delta only one kind of them. */
static bool is_in_order(const struct sync_receiver *receiver, unsigned type) {
        if (receiver->ended)
                return false;
        if (type == SYNC_END)
                return true;
        if (!receiver->begun || type == SYNC_BEGIN)
                return !receiver->begun && type == SYNC_BEGIN;
        if (receiver->delta)
                return type == SYNC_CHANGES;
        return type != SYNC_CHANGES && (type >= receiver->last || (type == SYNC_GROUPS && receiver->last == SYNC_MEMBERS));
}

int sync_receiver_frame(struct sync_receiver *receiver, unsigned type, const unsigned char *payload, size_t len, const struct sync_sink *sink) {
        static int (*const rows[])(struct sync_receiver *, struct wire_reader *, const struct sync_sink *) = {
                [SYNC_USERS - SYNC_BEGIN] = get_user, [SYNC_GROUPS - SYNC_BEGIN] = get_group, [SYNC_MEMBERS - SYNC_BEGIN] = get_member,
                [SYNC_CHILDREN - SYNC_BEGIN] = get_child, [SYNC_STRAYS - SYNC_BEGIN] = get_stray, [SYNC_CHANGES - SYNC_BEGIN] = get_change,
        };
        struct wire_reader reader = { .bytes = payload, .len = len };
        if (type < SYNC_BEGIN || type > SYNC_END || len == 0)
                return -EBADMSG;
        if (!is_in_order(receiver, type))
                return -EPROTO;
        if (type == SYNC_BEGIN)
                return get_begin(receiver, &reader, sink);
        if (type == SYNC_END)
                return get_end(receiver, &reader, sink);
        receiver->last = type;
        int r = 0;
        while (r == 0 && reader.at < reader.len)
                r = rows[type - SYNC_BEGIN](receiver, &reader, sink);
        return r;
}

void sync_receiver_next(struct sync_receiver *receiver) {
        *receiver = (struct sync_receiver){ 0 };
}
