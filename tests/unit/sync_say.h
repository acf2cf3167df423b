/* What the tests of the sync stream share: a sink that writes down what it gets, and a receiver over a socket pair.
 * Relies on: cmocka (include it before).
 * Must never: be included by anything but tests. */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sbuf.h"
#include "multidird/channel/channel.h"
#include "multidird/channel/sync_wire.h"

/* ---- A sink that writes down what it gets ---- */

static inline void say(struct sbuf *text, const char *value) {
        sbuf_printf(text, "|%s", value ? value : "-");
}

static inline int say_user(void *userdata, const struct sync_user *user) {
        struct sbuf *text = userdata;
        sbuf_printf(text, "user %u %u %d %d%s", user->uid, user->gid, user->active, user->posix_primary, user->fresh ? " fresh" : "");
        const char *const values[] = { user->name, user->entry_id, user->dn, user->display_name, user->email, user->home, user->shell, user->ssh_keys, user->sid,
                                       user->primary_group_sid };
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                say(text, values[i]);
        sbuf_add(text, "\n");
        return 0;
}

static inline int say_group(void *userdata, const struct sync_group *group) {
        struct sbuf *text = userdata;
        sbuf_printf(text, "group %u %d", group->gid, group->active);
        const char *const values[] = { group->name, group->entry_id, group->dn, group->description, group->sid };
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                say(text, values[i]);
        sbuf_add(text, "\n");
        return 0;
}

static inline int say_member(void *userdata, uint32_t user, uint32_t group) {
        sbuf_printf(userdata, "member %u %u\n", user, group);
        return 0;
}

static inline int say_child(void *userdata, uint32_t child, uint32_t parent) {
        sbuf_printf(userdata, "child %u %u\n", child, parent);
        return 0;
}

static inline int say_begin(void *userdata, const struct sync_begin *begin) {
        sbuf_printf(userdata, "%s %d%s%s%s%s%s", begin->delta ? "delta" : "full", begin->references, begin->nested ? " nested" : "", begin->linked ? " linked" : "", begin->sweep_users ? " users" : "",
                    begin->sweep_groups ? " groups" : "", begin->unknown_ok ? " lenient" : "");
        say(userdata, begin->from);
        sbuf_add(userdata, "\n");
        return 0;
}

static inline int say_stray(void *userdata, uint32_t group, const char *key) {
        sbuf_printf(userdata, "stray %u %s\n", group, key);
        return 0;
}

static inline int say_reference(void *userdata, const char *key) {
        sbuf_printf(userdata, "reference %s\n", key);
        return 0;
}

static inline int say_gone(void *userdata, enum sync_kind kind, const char *entry_id) {
        sbuf_printf(userdata, "gone %d %s\n", kind, entry_id);
        return 0;
}

static inline int say_present(void *userdata, enum sync_kind kind, const char *entry_id) {
        sbuf_printf(userdata, "present %d %s\n", kind, entry_id);
        return 0;
}

static inline int say_end(void *userdata, const char *cookie) {
        sbuf_printf(userdata, "end %s\n", cookie);
        return 0;
}

static inline struct sync_sink saying(struct sbuf *text) {
        return (struct sync_sink){ .begin = say_begin, .user = say_user, .group = say_group, .member = say_member, .child = say_child, .stray = say_stray,
                                   .reference = say_reference, .gone = say_gone, .present = say_present, .end = say_end, .userdata = text };
}

/* ---- Both ends ---- */

static inline void socket_pair(int fds[2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

/* What a stream of these bytes is: text is what the sink got. The receiver's last answer, or the channel's: 0 while it waits for more. */
static inline int receive_runs(const unsigned char *bytes, size_t len, struct sync_receiver *receiver, struct sbuf *text, bool several) {
        int fds[2], r = 0;
        struct channel *channel = NULL;
        struct channel_frame frame;
        const struct sync_sink sink = saying(text);
        socket_pair(fds);
        assert_int_equal(channel_new(fds[1], SYNC_FRAME_MAX, 0, &channel), 0);
        size_t sent = 0;
        do {
                ssize_t n = len > sent ? send(fds[0], bytes + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
                sent += n > 0 ? (size_t)n : 0;
                assert_int_equal(channel_read(channel), 0);
                while (r == 0 && (r = channel_next(channel, &frame)) > 0) {
                        if (several && receiver->ended && !receiver->error[0])
                                sync_receiver_next(receiver);
                        r = sync_receiver_frame(receiver, frame.type, frame.payload, frame.len, &sink);
                }
        } while (r == 0 && sent < len);
        (void)close(fds[0]);
        channel_free(channel);
        return r;
}

_unused_ static inline int receive(const unsigned char *bytes, size_t len, struct sync_receiver *receiver, struct sbuf *text) {
        return receive_runs(bytes, len, receiver, text, false);
}
