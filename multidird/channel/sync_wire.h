/* The sync stream: what a synchronisation reads on its way from a worker, which has the network, to the keeper, which has the stores. Frames as
 * wire/message.h's, over a socket of their own:
 *   the keeper: GREETING, once: where the worker may go on
 *   the worker: any number of runs (model/sync.h): BEGIN (USERS* (GROUPS | MEMBERS)* CHILDREN* STRAYS* | CHANGES*) END
 * A run without END is none (D5). An END that says what went wrong may come at any time, and is the last one.
 * Relies on: wire/codec, wire/message, model/sync; a channel (multidird/channel/channel) at the keeper's end.
 * Must never: give a sink what was not checked (the sender reads from the network: the receiver takes it for an attacker); let what was cut off pass for
 * a whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/sync.h"
#include "multidird/channel/channel.h"
#include "wire/message.h"

enum sync_frame {
        SYNC_BEGIN = 96,  /* apart from enum protocol_type */
        SYNC_USERS,
        SYNC_GROUPS,
        SYNC_MEMBERS,
        SYNC_CHILDREN,
        SYNC_STRAYS,
        SYNC_CHANGES,     /* all rows of a delta, a byte before each says which */
        SYNC_END,
        SYNC_GREETING,
};

#define SYNC_FRAME_MAX (1u << 20) /* payload bytes: channel_new's max_payload */

/* ---- The worker's end ---- */

/* Waits for the keeper's greeting, at most timeout_ms. cookie: what the store holds, "": nothing that a delta could begin at. 0; -ETIMEDOUT; -EPIPE: the keeper
 * gave up; -EBADMSG; or poll's or recv's errno. To be called once, before anything is sent. */
int sync_read_greeting(int fd, uint32_t timeout_ms, char cookie[SYNC_COOKIE_MAX + 1]);

struct sync_sender;

/* A sender over a connected SOCK_STREAM socket, which stays the caller's and is best blocking. NULL: memory is out. */
struct sync_sender *sync_sender_new(int fd);
/* Without an END before, the other end takes the run for broken. */
void sync_sender_free(struct sync_sender *sender);
DEFINE_CLEANUP(struct sync_sender *, sync_sender_free)

/* Where runs go; owned by the sender; it has no use for progress. Entries are sent in batches, begin and end at once. A text other than name, id and DN that is
 * longer than SYNC_TEXT_MAX is left out, as if the entry had none. Each function gives 0; -EINVAL: out of order, no name, no id, one that is too long (also a
 * name over SYNC_TEXT_MAX, a DN, key or cookie over its own bound), a membership of an entry that was not sent; -EPIPE, -ECONNRESET: the keeper gave up, so
 * also between two runs: it refused the one before; or send's errno. No signal. */
const struct sync_sink *sync_sender_sink(struct sync_sender *sender);
/* error NULL or "": as the sink's end, with no cookie. Else why the run is not complete, or there is none, and nothing follows (cut at WIRE_TEXT_MAX bytes).
 * 0 or as above; -EINVAL: no run is open, or one was ended by an error. */
int sync_sender_end(struct sync_sender *sender, const char *error);

/* ---- The keeper's end ---- */

/* Queues the greeting. 0; -EINVAL: longer than SYNC_COOKIE_MAX; or as channel_begin. */
int sync_send_greeting(struct channel *channel, const char *cookie);

/* Zeroed memory is the start of a stream. */
struct sync_receiver {
        bool begun;                /* within a run */
        bool delta, in_group;      /* a reference may come */
        unsigned last;             /* the type of the last frame with entries; 0: none yet */
        uint32_t users, groups;    /* so far, of this run */
        uint64_t members, children, others;
        bool ended;                /* what came last is an END; sync_receiver_next() is due before another frame */
        char error[WIRE_TEXT_MAX + 1]; /* of the END: "" is a complete run */
};

/* One frame, as channel_next gave it. Every entry is checked, then given to the sink, all functions of which must be there. 0; -EBADMSG: it is no such stream,
 * or its counts do not agree with what came; -EPROTO: out of order, or after an END; or the sink's error. */
int sync_receiver_frame(struct sync_receiver *receiver, unsigned type, const unsigned char *payload, size_t len, const struct sync_sink *sink);
/* After an END without an error: another run may begin. */
void sync_receiver_next(struct sync_receiver *receiver);
