/* The sync stream's sending end; see sync_wire.h.
 * Relies on: channel/sync_wire_internal.
 * Must never: hold more than two frames. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "multidird/channel/sync_wire_internal.h"

enum { BATCH = 64 * 1024 };

/* What one row may need on top of a batch. */
_Static_assert(BATCH + 9 * (SYNC_TEXT_MAX + 5) + SYNC_DN_MAX + SYNC_ENTRY_ID_MAX + 64 < SYNC_FRAME_MAX, "a row must always fit");

struct sync_sender {
        int fd;
        struct sync_sink sink;
        unsigned type;             /* of the entries that wait in the frame; 0: none yet */
        struct sync_receiver sent; /* the counts, and where in a run we are */
        int failed;                /* nothing more is sent */
        struct wire_writer writer;
        struct wire_writer members; /* wait beside the groups: a frame for each group and each group's members would be a system call for each */
        unsigned char frame[WIRE_HEADER + SYNC_FRAME_MAX];
        unsigned char members_frame[WIRE_HEADER + BATCH];
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

static void send_frame(struct sync_sender *sender, unsigned type, unsigned char *frame, struct wire_writer *writer) {
        if (sender->failed == 0 && writer->bad)
                sender->failed = -EINVAL;
        if (sender->failed == 0 && writer->len > 0) {
                wire_make_header(frame, (enum wire_type)type, writer->len);
                sender->failed = write_all(sender->fd, frame, WIRE_HEADER + writer->len);
                writer->len = 0;
        }
}

/* Sends what waits, if anything does: groups before their members. */
static int flush(struct sync_sender *sender) {
        send_frame(sender, sender->type, sender->frame, &sender->writer);
        send_frame(sender, SYNC_MEMBERS, sender->members_frame, &sender->members);
        return sender->failed;
}

static int refuse(struct sync_sender *sender) {
        if (sender->failed == 0)
                sender->failed = -EINVAL;
        return sender->failed;
}

/* Makes room for an entry of that type. */
static int next_row(struct sync_sender *sender, unsigned type) {
        if (!sender->sent.begun || sender->sent.ended || type < sender->type)
                return refuse(sender);
        if (sender->failed == 0 && (type != sender->type || sender->writer.len >= BATCH) && flush(sender) == 0)
                sender->type = type;
        return sender->failed;
}

static int next_change(struct sync_sender *sender, enum sync_change change) {
        if (!sender->sent.delta)
                return refuse(sender);
        int r = next_row(sender, SYNC_CHANGES);
        if (r < 0)
                return r;
        wire_put_u8(&sender->writer, (uint8_t)change);
        if (change != SYNC_CHANGE_REFERENCE)
                sender->sent.in_group = change == SYNC_CHANGE_GROUP;
        sender->sent.others += change > SYNC_CHANGE_GROUP;
        return 0;
}

static void put_text(struct wire_writer *writer, const char *text) {
        size_t len = text ? strlen(text) : 0;
        if (len > SYNC_TEXT_MAX)
                len = 0;
        wire_put_bytes(writer, text, len > 0 ? len + 1 : 0);
}

static bool is_text(const char *text, size_t max) {
        return text && *text && strlen(text) <= max;
}

static int send_begin(void *userdata, const struct sync_begin *begin) {
        struct sync_sender *sender = userdata;
        bool sweeps = begin->sweep_users || begin->sweep_groups || begin->unknown_ok;
        bool bad = begin->delta ? !is_text(begin->from, SYNC_COOKIE_MAX) || begin->references == SYNC_REFERENCES_NONE : sweeps || begin->from;
        if (sender->sent.begun || sender->sent.ended || bad)
                return refuse(sender);
        uint8_t flags = (uint8_t)((begin->delta ? SYNC_FLAG_DELTA : 0) | (begin->nested ? SYNC_FLAG_NESTED : 0) | (begin->sweep_users ? SYNC_FLAG_SWEEP_USERS : 0) |
                                  (begin->sweep_groups ? SYNC_FLAG_SWEEP_GROUPS : 0) | (begin->unknown_ok ? SYNC_FLAG_UNKNOWN_OK : 0) |
                                  (begin->linked ? SYNC_FLAG_LINKED : 0));
        sender->sent = (struct sync_receiver){ .begun = true, .delta = begin->delta };
        sender->type = SYNC_BEGIN;
        wire_put_u8(&sender->writer, flags);
        wire_put_u8(&sender->writer, (uint8_t)begin->references);
        put_text(&sender->writer, begin->from);
        return flush(sender);
}

static int send_user(void *userdata, const struct sync_user *user) {
        struct sync_sender *sender = userdata;
        struct wire_writer *writer = &sender->writer;
        if (!is_text(user->name, SYNC_TEXT_MAX) || !is_text(user->entry_id, SYNC_ENTRY_ID_MAX) || (user->dn && strlen(user->dn) > SYNC_DN_MAX) ||
            sender->sent.users == UINT32_MAX)
                return refuse(sender);
        int r = sender->sent.delta ? next_change(sender, SYNC_CHANGE_USER) : next_row(sender, SYNC_USERS);
        if (r < 0)
                return r;
        const char *const texts[] = { user->name, user->entry_id, user->dn, user->display_name, user->email, user->home, user->shell, user->ssh_keys,
                                      user->sid, user->primary_group_sid };
        wire_put_u8(writer, (uint8_t)((user->active ? SYNC_FLAG_ACTIVE : 0) | (user->posix_primary ? SYNC_FLAG_POSIX_PRIMARY : 0) |
                                  (user->fresh ? SYNC_FLAG_FRESH : 0)));
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
        if (!is_text(group->name, SYNC_TEXT_MAX) || !is_text(group->entry_id, SYNC_ENTRY_ID_MAX) || (group->dn && strlen(group->dn) > SYNC_DN_MAX) ||
            sender->sent.groups == UINT32_MAX)
                return refuse(sender);
        int r = sender->sent.delta ? next_change(sender, SYNC_CHANGE_GROUP) : next_row(sender, SYNC_GROUPS);
        if (r < 0)
                return r;
        const char *const texts[] = { group->name, group->entry_id, group->dn, group->description, group->sid };
        wire_put_u8(writer, (uint8_t)((group->active ? SYNC_FLAG_ACTIVE : 0) | (group->fresh ? SYNC_FLAG_FRESH : 0)));
        wire_put_u32(writer, group->gid);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                put_text(writer, texts[i]);
        sender->sent.groups++;
        return 0;
}

static int send_member(void *userdata, uint32_t user, uint32_t group) {
        struct sync_sender *sender = userdata;
        struct wire_writer *writer = &sender->members;
        if (!sender->sent.begun || sender->sent.delta || sender->type > SYNC_MEMBERS || user >= sender->sent.users || group >= sender->sent.groups)
                return refuse(sender);
        if (sender->failed == 0 && writer->len + 2 * sizeof(uint32_t) > writer->size)
                (void)flush(sender);
        if (sender->failed < 0)
                return sender->failed;
        wire_put_u32(writer, user);
        wire_put_u32(writer, group);
        sender->sent.members++;
        return 0;
}

static int send_child(void *userdata, uint32_t child, uint32_t parent) {
        struct sync_sender *sender = userdata;
        if (sender->sent.delta || child >= sender->sent.groups || parent >= sender->sent.groups)
                return refuse(sender);
        int r = next_row(sender, SYNC_CHILDREN);
        if (r < 0)
                return r;
        wire_put_u32(&sender->writer, child);
        wire_put_u32(&sender->writer, parent);
        sender->sent.children++;
        return 0;
}

static int send_stray(void *userdata, uint32_t group, const char *key) {
        struct sync_sender *sender = userdata;
        if (sender->sent.delta || group >= sender->sent.groups || !is_text(key, SYNC_KEY_MAX))
                return refuse(sender);
        int r = next_row(sender, SYNC_STRAYS);
        if (r < 0)
                return r;
        wire_put_u32(&sender->writer, group);
        put_text(&sender->writer, key);
        sender->sent.others++;
        return 0;
}

static int send_reference(void *userdata, const char *key) {
        struct sync_sender *sender = userdata;
        if (!sender->sent.in_group || !is_text(key, SYNC_KEY_MAX))
                return refuse(sender);
        int r = next_change(sender, SYNC_CHANGE_REFERENCE);
        if (r == 0)
                put_text(&sender->writer, key);
        return r;
}

static int send_id(struct sync_sender *sender, enum sync_change change, enum sync_kind kind, const char *entry_id) {
        if ((kind != SYNC_KIND_USER && kind != SYNC_KIND_GROUP) || !is_text(entry_id, SYNC_ENTRY_ID_MAX))
                return refuse(sender);
        int r = next_change(sender, change);
        if (r < 0)
                return r;
        wire_put_u8(&sender->writer, (uint8_t)kind);
        put_text(&sender->writer, entry_id);
        return 0;
}

static int send_gone(void *userdata, enum sync_kind kind, const char *entry_id) {
        return send_id(userdata, SYNC_CHANGE_GONE, kind, entry_id);
}

static int send_present(void *userdata, enum sync_kind kind, const char *entry_id) {
        return send_id(userdata, SYNC_CHANGE_PRESENT, kind, entry_id);
}

static int put_end(struct sync_sender *sender, const char *error, const char *cookie) {
        struct wire_writer *writer = &sender->writer;
        int r = flush(sender);
        if (r < 0)
                return r;
        wire_put_u32(writer, sender->sent.users);
        wire_put_u32(writer, sender->sent.groups);
        wire_put_u64(writer, sender->sent.members);
        wire_put_u64(writer, sender->sent.children);
        wire_put_u64(writer, sender->sent.others);
        wire_put_text(writer, error);
        put_text(writer, cookie);
        sender->type = SYNC_END;
        r = flush(sender);
        sender->type = 0;
        return r;
}

static int send_end(void *userdata, const char *cookie) {
        struct sync_sender *sender = userdata;
        if (!sender->sent.begun || sender->sent.ended || (cookie && strlen(cookie) > SYNC_COOKIE_MAX))
                return refuse(sender);
        int r = put_end(sender, "", cookie);
        sender->sent = (struct sync_receiver){ 0 };
        return r;
}

static const struct sync_sink functions = {
        .begin = send_begin, .user = send_user, .group = send_group, .member = send_member, .child = send_child, .stray = send_stray,
        .reference = send_reference, .gone = send_gone, .present = send_present, .end = send_end,
};

struct sync_sender *sync_sender_new(int fd) {
        struct sync_sender *sender = calloc(1, sizeof *sender);
        if (!sender)
                return NULL;
        sender->fd = fd;
        sender->sink = functions;
        sender->sink.userdata = sender;
        sender->writer = (struct wire_writer){ .bytes = sender->frame + WIRE_HEADER, .size = SYNC_FRAME_MAX };
        sender->members = (struct wire_writer){ .bytes = sender->members_frame + WIRE_HEADER, .size = BATCH };
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
        if (!error || !*error)
                return send_end(sender, "");
        if (sender->sent.ended)
                return -EINVAL;
        /* What was refused here never left: the stream is whole, and can say why it ends. What waits is of no use any more. */
        if (sender->failed == -EINVAL)
                sender->failed = 0;
        sender->writer.len = sender->members.len = 0;
        sender->writer.bad = sender->members.bad = false;
        (void)snprintf(text, sizeof text, "%s", error);
        int r = put_end(sender, text, NULL);
        sender->sent.ended = true;
        return r;
}
