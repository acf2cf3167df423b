/* A channel: the service's end of a socket pair between two of its processes. Frames of wire/message.h in both directions, non-blocking,
 * buffered, with descriptors passed along (a finished view in sealed memory).
 * Relies on: wire/message; the owner's own loop (poll in the keeper and checkers, sd-event in the supervisor).
 * Must never: block; believe a length before it was checked; keep a secret in memory after its frame is done with (buffers are wiped).
 *
 *   loop: wait for POLLIN, and POLLOUT when channel_wants_write()
 *         channel_read(); while ((r = channel_next(…, &frame)) > 0) handle(frame);   r < 0, or channel_read() < 0: drop the channel
 *         channel_write() */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/codec.h"

struct channel; /* opaque; one thread */

struct channel_frame {
        unsigned type;                /* enum wire_type or enum protocol_type; not yet known to be either */
        const unsigned char *payload; /* valid until the next channel_read, channel_next or channel_free */
        size_t len;
};

#define CHANNEL_FDS_MAX 32 /* received descriptors that nobody took yet; more is an error. One call of channel_read takes in fewer */

/* Takes fd (a connected SOCK_STREAM socket), also on failure. max_payload: the largest payload that is accepted. max_queued: bytes that may
 * wait to be sent before channel_send refuses (0: no limit). Returns 0, -ENOMEM, or fcntl's errno. */
int channel_new(int fd, size_t max_payload, size_t max_queued, struct channel **channel);
/* Closes the socket and every descriptor that was not taken; wipes and frees. NULL is fine. */
void channel_free(struct channel *channel);
DEFINE_CLEANUP(struct channel *, channel_free)

/* The socket, for poll. Owned by the channel. */
int channel_fd(const struct channel *channel);

/* Reads what is there (a bounded amount per call). Returns 0 (also when nothing was there), -ECONNRESET when the other end is gone,
 * -EBADMSG for descriptors beyond CHANNEL_FDS_MAX, -ENOMEM, or recvmsg's errno. */
int channel_read(struct channel *channel);
/* The next complete frame. 1 and *frame; 0: none yet; -EBADMSG, -EPROTONOSUPPORT: not our frames, the channel is useless. */
int channel_next(struct channel *channel, struct channel_frame *frame);
/* Whether bytes were read that no frame was made of yet. */
bool channel_has_unread(const struct channel *channel);
/* The oldest received descriptor, CLOEXEC; the caller closes it. -ENOENT: none came. It travels with the first byte of its frame, so it is
 * there when that frame is. */
int channel_take_fd(struct channel *channel);

/* Begins a frame of at most size payload bytes: *writer writes straight into the queue. 0, -ENOMEM, -EMSGSIZE (size above 4 GiB),
 * -ENOBUFS (max_queued). After 0, channel_end must be called. */
int channel_begin(struct channel *channel, unsigned type, size_t size, struct wire_writer *writer);
/* Ends it. fd: a descriptor to pass along, or -1; taken, also on failure. -EOVERFLOW: the writer went bad, nothing is sent. */
int channel_end(struct channel *channel, struct wire_writer *writer, int fd);
/* One frame of ready bytes. As channel_begin and channel_end together. */
int channel_send(struct channel *channel, unsigned type, const void *payload, size_t len);

/* Whether something is queued that the socket did not take yet. */
bool channel_wants_write(const struct channel *channel);
/* Writes what the socket takes now. 0, -ECONNRESET (also for EPIPE; no signal), or sendmsg's errno. */
int channel_write(struct channel *channel);
