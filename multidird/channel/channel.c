/* A channel; see channel/channel.h.
 * Relies on: recvmsg and sendmsg with SCM_RIGHTS. A stream socket never merges bytes across passed descriptors, so a descriptor arrives
 * with, or before, the first byte of its frame.
 * Must never: block; leave frame bytes behind in freed memory. */
#include "multidird/channel/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/message.h"

#define READ_CHUNK (64u * 1024) /* at most; channels of small messages need no more than one of them, and wipe all of it in the end */
#define READS_PER_CALL 16

struct queued {
        struct queued *next;
        size_t size, len, sent; /* bytes: allocated, to send (header included), sent */
        int fd;                 /* to pass with the first byte, or -1 */
        unsigned char bytes[];
};

struct channel {
        int fd;
        size_t max_payload, max_queued;
        size_t chunk;                     /* bytes to make room for before a read */
        unsigned char *in;
        size_t in_size, in_start, in_len; /* unread bytes are in[in_start..in_len) */
        size_t wiped;                     /* bytes before this one hold nothing any more */
        int fds[CHANNEL_FDS_MAX];
        size_t fd_count;
        struct queued *out, *out_last, *open; /* open: between channel_begin and channel_end */
        size_t queued;                        /* bytes in out */
};

int channel_new(int fd, size_t max_payload, size_t max_queued, struct channel **channel) {
        _cleanup_close_ int owned = fd;
        /* Not blocking: each call says so itself. */
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        struct channel *new = calloc(1, sizeof *new);
        if (!new)
                return -ENOMEM;
        new->fd = TAKE_FD(owned);
        new->max_payload = max_payload;
        new->max_queued = max_queued;
        new->chunk = max_payload < READ_CHUNK - WIRE_HEADER ? WIRE_HEADER + max_payload : READ_CHUNK;
        *channel = new;
        return 0;
}

static void queued_free(struct queued *frame) {
        if (!frame)
                return;
        if (frame->fd >= 0)
                (void)close(frame->fd);
        explicit_bzero(frame->bytes, frame->size);
        free(frame);
}

void channel_free(struct channel *channel) {
        if (!channel)
                return;
        for (size_t i = 0; i < channel->fd_count; i++)
                (void)close(channel->fds[i]);
        while (channel->out) {
                struct queued *next = channel->out->next;
                queued_free(channel->out);
                channel->out = next;
        }
        queued_free(channel->open);
        if (channel->in)
                explicit_bzero(channel->in, channel->in_size);
        free(channel->in);
        (void)close(channel->fd);
        free(channel);
}

int channel_fd(const struct channel *channel) {
        return channel->fd;
}

/* The frames that were given out and are done with may have held passwords. */
static void wipe_done(struct channel *channel) {
        if (channel->in_start > channel->wiped)
                explicit_bzero(channel->in + channel->wiped, channel->in_start - channel->wiped);
        channel->wiped = channel->in_start;
}

/* Moves the unread bytes to the front of a buffer that has room for `room` more; what lay before them is wiped. */
static int make_room(struct channel *channel, size_t room) {
        size_t unread = channel->in_len - channel->in_start;
        if (channel->in_size - channel->in_len >= room)
                return 0;
        if (channel->in_size >= unread + room && channel->in_size <= 4 * (unread + room)) {
                memmove(channel->in, channel->in + channel->in_start, unread);
                explicit_bzero(channel->in + unread, channel->in_len - unread);
        } else {
                size_t size = unread + (unread / 2 > room ? unread / 2 : room);
                unsigned char *bigger = malloc(size);
                if (!bigger)
                        return -ENOMEM;
                if (channel->in) {
                        memcpy(bigger, channel->in + channel->in_start, unread);
                        explicit_bzero(channel->in, channel->in_size);
                        free(channel->in);
                }
                channel->in = bigger;
                channel->in_size = size;
        }
        channel->in_start = channel->wiped = 0;
        channel->in_len = unread;
        return 0;
}

/* Keeps the descriptors of one message; closes those beyond the limit. */
static int keep_fds(struct channel *channel, struct msghdr *message) {
        int r = message->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < count; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                        if (channel->fd_count < CHANNEL_FDS_MAX) {
                                channel->fds[channel->fd_count++] = fd;
                        } else {
                                (void)close(fd);
                                r = -EBADMSG;
                        }
                }
        }
        return r;
}

/* 1: more may be there than there was room for; 0: no more, for now; negative: as channel_read. */
static int read_once(struct channel *channel) {
        int r = make_room(channel, channel->chunk);
        if (r < 0)
                return r;
        union { struct cmsghdr align; char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))]; } control;
        struct iovec iov = { channel->in + channel->in_len, channel->in_size - channel->in_len };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
        ssize_t n;
        do
                n = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        r = keep_fds(channel, &message);
        if (r < 0)
                return r;
        if (n == 0)
                return -ECONNRESET;
        channel->in_len += (size_t)n;
        return (size_t)n == iov.iov_len;
}

int channel_read(struct channel *channel) {
        for (int i = 0; i < READS_PER_CALL; i++) {
                int r = read_once(channel);
                /* The end is told once the frames before it were taken: the owner comes back, as the socket stays readable. */
                if (r == -ECONNRESET && i > 0)
                        return 0;
                if (r <= 0)
                        return r;
        }
        return 0;
}

int channel_next(struct channel *channel, struct channel_frame *frame) {
        wipe_done(channel);
        size_t unread = channel->in_len - channel->in_start;
        struct wire_frame header;
        if (unread < WIRE_HEADER)
                return 0;
        const unsigned char *start = channel->in + channel->in_start;
        int r = wire_parse_header(start, channel->max_payload, &header);
        if (r < 0)
                return r;
        if (unread - WIRE_HEADER < header.len)
                return 0;
        frame->type = (unsigned)header.type;
        frame->payload = start + WIRE_HEADER;
        frame->len = header.len;
        channel->in_start += WIRE_HEADER + header.len;
        return 1;
}

bool channel_has_unread(const struct channel *channel) {
        return channel->in_len > channel->in_start;
}

int channel_take_fd(struct channel *channel) {
        if (channel->fd_count == 0)
                return -ENOENT;
        int fd = channel->fds[0];
        channel->fd_count--;
        memmove(channel->fds, channel->fds + 1, channel->fd_count * sizeof channel->fds[0]);
        return fd;
}

int channel_begin(struct channel *channel, unsigned type, size_t size, struct wire_writer *writer) {
        if (size > UINT32_MAX)
                return -EMSGSIZE;
        if (channel->max_queued > 0 && channel->queued + size > channel->max_queued)
                return -ENOBUFS;
        struct queued *frame = malloc(sizeof *frame + WIRE_HEADER + size);
        if (!frame)
                return -ENOMEM;
        *frame = (struct queued){ .size = WIRE_HEADER + size, .fd = -1 };
        wire_make_header(frame->bytes, (enum wire_type)type, 0);
        queued_free(channel->open);
        channel->open = frame;
        *writer = (struct wire_writer){ .bytes = frame->bytes + WIRE_HEADER, .size = size };
        return 0;
}

int channel_end(struct channel *channel, struct wire_writer *writer, int fd) {
        struct queued *frame = TAKE_PTR(channel->open);
        frame->fd = fd;
        if (writer->bad) {
                queued_free(frame);
                return -EOVERFLOW;
        }
        /* The type is the header's fourth byte; only the length was not known before. */
        wire_make_header(frame->bytes, (enum wire_type)frame->bytes[3], writer->len);
        frame->len = WIRE_HEADER + writer->len;
        channel->queued += frame->len;
        if (channel->out)
                channel->out_last->next = frame;
        else
                channel->out = frame;
        channel->out_last = frame;
        return 0;
}

int channel_send(struct channel *channel, unsigned type, const void *payload, size_t len) {
        struct wire_writer writer;
        int r = channel_begin(channel, type, len, &writer);
        if (r < 0)
                return r;
        if (len > 0)
                memcpy(writer.bytes, payload, len);
        writer.len = len;
        return channel_end(channel, &writer, -1);
}

bool channel_wants_write(const struct channel *channel) {
        return channel->out != NULL;
}

static ssize_t send_some(struct channel *channel, struct queued *frame) {
        union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control = { 0 };
        struct iovec iov = { frame->bytes + frame->sent, frame->len - frame->sent };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        if (frame->fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof control;
                struct cmsghdr *c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &frame->fd, sizeof frame->fd);
        }
        return sendmsg(channel->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int channel_write(struct channel *channel) {
        while (channel->out) {
                struct queued *frame = channel->out;
                ssize_t n = send_some(channel, frame);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return 0;
                if (n < 0)
                        return errno == EPIPE ? -ECONNRESET : -errno;
                if (frame->fd >= 0)
                        (void)close(TAKE_FD(frame->fd));
                frame->sent += (size_t)n;
                if (frame->sent < frame->len)
                        continue;
                channel->queued -= frame->len;
                channel->out = frame->next;
                queued_free(frame);
        }
        return 0;
}
