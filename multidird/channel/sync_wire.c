/* The sync stream as bytes; see channel/sync_wire.h.
 * Relies on: wire/codec. A text is its bytes and a NUL, so that the receiver's sink gets it where it lies; no bytes at all: there is none.
 * Must never: hold more than one frame. */
#include "multidird/channel/sync_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64 * 1024, FLAG_ACTIVE = 1, FLAG_POSIX_PRIMARY = 2 };

/* What one row may need on top of a batch. */
_Static_assert(BATCH + 8 * (SYNC_TEXT_MAX + 5) + SYNC_DN_MAX + SYNC_ENTRY_ID_MAX + 64 < SYNC_FRAME_MAX, "a row must always fit");

struct sync_sender {
        int fd;
        struct sync_sink sink;
        unsigned type;             /* of the entries that wait in the frame; 0: none yet */
        struct sync_receiver sent; /* the counts */
        int failed;                /* nothing more is sent */
        struct wire_writer writer;
        unsigned char frame[WIRE_HEADER + SYNC_FRAME_MAX];
};

static int write_all(int fd, const unsigned char *bytes, size_t len) {
        while (len > 0) {
                ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
                if (n < 0 && errno == EAGAIN) {
                        struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
                        (void)poll(&poll_fd, 1, -1);
                        continue;
                }
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        bytes += n;
                        len -= (size_t)n;
                }
        }
        return 0;
}

/* Sends what waits, if anything does. */
static int flush(struct sync_sender *sender) {
        if (sender->failed == 0 && sender->writer.bad)
                sender->failed = -EINVAL;
        if (sender->failed == 0 && sender->writer.len > 0) {
                wire_make_header(sender->frame, (enum wire_type)sender->type, sender->writer.len);
                sender->failed = write_all(sender->fd, sender->frame, WIRE_HEADER + sender->writer.len);
                sender->writer.len = 0;
        }
        return sender->failed;
}

/* Makes room for an entry of that type. */
static int next_row(struct sync_sender *sender, unsigned type) {
        if (sender->failed == 0 && (type < sender->type || sender->sent.ended))
                sender->failed = -EINVAL;
        if (sender->failed == 0 && (type != sender->type || sender->writer.len >= BATCH) && flush(sender) == 0)
                sender->type = type;
        return sender->failed;
}

static void put_text(struct wire_writer *writer, const char *text) {
        size_t len = text ? strlen(text) : 0;
        if (len > SYNC_TEXT_MAX)
                len = 0;
        wire_put_bytes(writer, text, len > 0 ? len + 1 : 0);
}

static bool is_named(const char *name, const char *entry_id) {
        return name && *name && strlen(name) <= SYNC_TEXT_MAX && entry_id && *entry_id && strlen(entry_id) <= SYNC_ENTRY_ID_MAX;
}

static int refuse(struct sync_sender *sender) {
        if (sender->failed == 0)
                sender->failed = -EINVAL;
        return sender->failed;
}

static int send_user(void *userdata, const struct sync_user *user) {
        struct sync_sender *sender = userdata;
        struct wire_writer *writer = &sender->writer;
        if (!is_named(user->name, user->entry_id) || (user->dn && strlen(user->dn) > SYNC_DN_MAX) || sender->sent.users == UINT32_MAX)
                return refuse(sender);
        int r = next_row(sender, SYNC_USERS);
        if (r < 0)
                return r;
        const char *const texts[] = { user->name, user->entry_id, user->dn, user->display_name, user->email, user->home, user->shell, user->ssh_keys,
                                      user->sid };
        wire_put_u8(writer, (uint8_t)((user->active ? FLAG_ACTIVE : 0) | (user->posix_primary ? FLAG_POSIX_PRIMARY : 0)));
        wire_put_u32(writer, user->uid);
        wire_put_u32(writer, user->gid);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                put_text(writer, texts[i]);
        sender->sent.users++;
        return 0;
}

static int send_group(void *userdata, const struct sync_group *group) {
        struct sync_sender *sender = userdata;
        struct wire_writer *writer = &sender->writer;
        if (!is_named(group->name, group->entry_id) || sender->sent.groups == UINT32_MAX)
                return refuse(sender);
        int r = next_row(sender, SYNC_GROUPS);
        if (r < 0)
                return r;
        wire_put_u8(writer, group->active ? FLAG_ACTIVE : 0);
        wire_put_u32(writer, group->gid);
        put_text(writer, group->name);
        put_text(writer, group->entry_id);
        put_text(writer, group->description);
        put_text(writer, group->sid);
        sender->sent.groups++;
        return 0;
}

static int send_pair(struct sync_sender *sender, unsigned type, uint32_t member, uint32_t members, uint32_t group) {
        if (member >= members || group >= sender->sent.groups)
                return refuse(sender);
        int r = next_row(sender, type);
        if (r < 0)
                return r;
        wire_put_u32(&sender->writer, member);
        wire_put_u32(&sender->writer, group);
        return 0;
}

static int send_member(void *userdata, uint32_t user, uint32_t group) {
        struct sync_sender *sender = userdata;
        int r = send_pair(sender, SYNC_MEMBERS, user, sender->sent.users, group);
        sender->sent.members += r == 0;
        return r;
}

static int send_child(void *userdata, uint32_t child, uint32_t parent) {
        struct sync_sender *sender = userdata;
        int r = send_pair(sender, SYNC_CHILDREN, child, sender->sent.groups, parent);
        sender->sent.children += r == 0;
        return r;
}

struct sync_sender *sync_sender_new(int fd) {
        struct sync_sender *sender = calloc(1, sizeof *sender);
        if (!sender)
                return NULL;
        sender->fd = fd;
        sender->sink = (struct sync_sink){ .user = send_user, .group = send_group, .member = send_member, .child = send_child, .userdata = sender };
        sender->writer = (struct wire_writer){ .bytes = sender->frame + WIRE_HEADER, .size = SYNC_FRAME_MAX };
        return sender;
}

void sync_sender_free(struct sync_sender *sender) {
        free(sender);
}

const struct sync_sink *sync_sender_sink(struct sync_sender *sender) {
        return &sender->sink;
}

int sync_sender_end(struct sync_sender *sender, const char *error) {
        char text[WIRE_TEXT_MAX + 1];
        struct wire_writer *writer = &sender->writer;
        if (sender->sent.ended)
                return -EINVAL;
        if (error && *error) {
                /* What was refused here never left: the stream is whole, and can say why it ends. What waits is of no use any more. */
                if (sender->failed == -EINVAL)
                        sender->failed = 0;
                writer->len = 0;
                writer->bad = false;
        }
        int r = flush(sender);
        if (r < 0)
                return r;
        (void)snprintf(text, sizeof text, "%s", error ? error : "");
        wire_put_u32(writer, sender->sent.users);
        wire_put_u32(writer, sender->sent.groups);
        wire_put_u64(writer, sender->sent.members);
        wire_put_u64(writer, sender->sent.children);
        wire_put_text(writer, text);
        sender->type = SYNC_END;
        sender->sent.ended = true;
        return flush(sender);
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

static int get_user(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        struct sync_user user = { 0 };
        uint8_t flags = get_flags(reader, FLAG_ACTIVE | FLAG_POSIX_PRIMARY);
        user.active = flags & FLAG_ACTIVE;
        user.posix_primary = flags & FLAG_POSIX_PRIMARY;
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
        if (reader->bad || !user.name || !user.entry_id || receiver->users == UINT32_MAX)
                return -EBADMSG;
        receiver->users++;
        return sink->user(sink->userdata, &user);
}

static int get_group(struct sync_receiver *receiver, struct wire_reader *reader, const struct sync_sink *sink) {
        struct sync_group group = { .active = get_flags(reader, FLAG_ACTIVE) };
        group.gid = wire_get_u32(reader);
        group.name = get_text(reader, SYNC_TEXT_MAX);
        group.entry_id = get_text(reader, SYNC_ENTRY_ID_MAX);
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

static int get_end(struct sync_receiver *receiver, struct wire_reader *reader) {
        uint32_t users = wire_get_u32(reader), groups = wire_get_u32(reader);
        uint64_t members = wire_get_u64(reader), children = wire_get_u64(reader);
        char error[sizeof receiver->error];
        wire_get_text(reader, error, WIRE_TEXT_MAX);
        if (!wire_read_end(reader))
                return -EBADMSG;
        /* A synchronisation that failed need not have sent all that it read. */
        if (!error[0] && (users != receiver->users || groups != receiver->groups || members != receiver->members || children != receiver->children))
                return -EBADMSG;
        memcpy(receiver->error, error, sizeof error);
        receiver->ended = true;
        return 0;
}

int sync_receiver_frame(struct sync_receiver *receiver, unsigned type, const unsigned char *payload, size_t len, const struct sync_sink *sink) {
        static int (*const rows[])(struct sync_receiver *, struct wire_reader *, const struct sync_sink *) = {
                [SYNC_USERS - SYNC_USERS] = get_user, [SYNC_GROUPS - SYNC_USERS] = get_group, [SYNC_MEMBERS - SYNC_USERS] = get_member,
                [SYNC_CHILDREN - SYNC_USERS] = get_child,
        };
        struct wire_reader reader = { .bytes = payload, .len = len };
        if (type < SYNC_USERS || type > SYNC_END || len == 0)
                return -EBADMSG;
        if (receiver->ended || type < receiver->last)
                return -EPROTO;
        receiver->last = type;
        if (type == SYNC_END)
                return get_end(receiver, &reader);
        int r = 0;
        while (r == 0 && reader.at < reader.len)
                r = rows[type - SYNC_USERS](receiver, &reader, sink);
        return r;
}
