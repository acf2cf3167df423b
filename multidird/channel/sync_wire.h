/* The sync stream: a synchronisation's entries on their way from a worker, which has the network, to the keeper, which has the stores. Frames as
 * wire/message.h's, one way, over a socket of their own:
 *   USERS* GROUPS* MEMBERS* CHILDREN* END. A stream without END is none (D5).
 * Relies on: wire/codec, wire/message, model/sync; a channel (multidird/channel/channel) at the receiving end.
 * Must never: give a sink what was not checked (the sender reads from the network: the receiver takes it for an attacker); let what was cut off pass for
 * a whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/sync.h"
#include "wire/message.h"

enum sync_frame {
        SYNC_USERS = 96,  /* apart from enum protocol_type */
        SYNC_GROUPS,
        SYNC_MEMBERS,
        SYNC_CHILDREN,
        SYNC_END,
};

#define SYNC_FRAME_MAX (1u << 20) /* payload bytes: channel_new's max_payload */

/* ---- The worker's end ---- */

struct sync_sender;

/* A sender over a connected SOCK_STREAM socket, which stays the caller's and is best blocking. NULL: memory is out. */
struct sync_sender *sync_sender_new(int fd);
/* Without an END before, the other end takes the stream for broken. */
void sync_sender_free(struct sync_sender *sender);
DEFINE_CLEANUP(struct sync_sender *, sync_sender_free)

/* Where the entries go; owned by the sender; it has no use for progress. Entries are sent in batches. A text other than name, id and DN that is longer than SYNC_TEXT_MAX is left out,
 * as if the entry had none. Each function gives 0; -EINVAL: out of order, no name, no id, one that is too long (also a name over SYNC_TEXT_MAX, a DN over
 * SYNC_DN_MAX), a membership of an entry that was not sent; -EPIPE, -ECONNRESET: the keeper gave up; or send's errno. No signal. */
const struct sync_sink *sync_sender_sink(struct sync_sender *sender);
/* The end, once; -EINVAL: a second one. error NULL or "": the synchronisation is complete; else why it is not (cut at WIRE_TEXT_MAX bytes). 0 or as above. */
int sync_sender_end(struct sync_sender *sender, const char *error);

/* ---- The keeper's end ---- */

/* Zeroed memory is the start of a stream. */
struct sync_receiver {
        unsigned last;             /* the type of the last frame with entries; 0: none yet */
        uint32_t users, groups;    /* so far */
        uint64_t members, children;
        bool ended;
        char error[WIRE_TEXT_MAX + 1]; /* of the END: "" is a complete synchronisation */
};

/* One frame, as channel_next gave it. Every entry is checked, then given to the sink. 0; -EBADMSG: it is no such stream, or its counts do not agree with
 * what came; -EPROTO: out of order, or after the END; or the sink's error. */
int sync_receiver_frame(struct sync_receiver *receiver, unsigned type, const unsigned char *payload, size_t len, const struct sync_sink *sink);
