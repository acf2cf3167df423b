/* A change that directories with a server of their own take part in (U12), on its way: the keeper plans it (PLANNED), a worker does it at a server
 * (CHANGE), and the keeper does what is to be done here, and tells what became of it all (APPLY, APPLIED). Same rules as channel/protocol.h, where the
 * numbers are.
 * Relies on: multidird/channel/protocol, model/change.
 * Must never: be trusted because of who sent it; leave a password in a message that was not read to its end. */
#pragma once

#include "model/change.h"
#include "model/name.h"
#include "multidird/channel/protocol.h"

#define UPDATE_STEPS_MAX 4096
#define UPDATE_WHAT_MAX 63
#define UPDATE_BLOB_MAX ((size_t)1 << 20) /* bytes of one change */

/* One change as bytes, malloc'ed; NULL when memory is out. */
unsigned char *update_pack(const struct directory_change *change, size_t *len);
/* The texts point into bytes. -EBADMSG: *change is empty then. */
int update_unpack(const unsigned char *bytes, size_t len, struct directory_change *change);

/* Bytes and texts point to where whoever made it says, those that were received into the payload. */
struct update_step {
        const char *directory, *what;   /* what: as the command's answer names it */
        bool at_server;                 /* a worker's; else the keeper's own */
        const unsigned char *change;
        size_t change_len;
};
/* A name whose fate the answer tells; accept: it may have another owner afterwards (I5). "": none. */
struct update_subject { enum name_kind kind; bool accept; char name[WIRE_NAME_MAX + 1]; };

/* KEEPER_PLANNED: instead of the reply to that command. Steps of one directory stand together, in the application's order. */
struct protocol_planned {
        uint64_t connection, request;
        struct update_subject subject;
        const char *skipped;            /* the "skipped" list of the answer, JSON */
        struct secret password;         /* for the steps that set one; empty: none */
        struct update_step *steps;
        size_t step_count;
};
int protocol_send_planned(struct channel *channel, const struct protocol_planned *planned);
/* Steps are malloc'ed: protocol_planned_done(), in every case. */
int protocol_get_planned(const unsigned char *payload, size_t len, struct protocol_planned *planned);
void protocol_planned_done(struct protocol_planned *planned);

/* KEEPER_APPLY: steps of the keeper's own, which it has planned before, or such at servers as were not done in the end; there may be none. */
struct protocol_apply { uint64_t id; struct update_subject subject; struct update_step *steps; size_t step_count; };
int protocol_send_apply(struct channel *channel, const struct protocol_apply *apply);
int protocol_get_apply(const unsigned char *payload, size_t len, struct protocol_apply *apply);
void protocol_apply_done(struct protocol_apply *apply);

/* KEEPER_APPLIED, once the view that has it is installed. json: {"exit", "object"}, as the reply to a command. */
struct protocol_applied { uint64_t id; const char *json; size_t json_len; };
int protocol_send_applied(struct channel *channel, const struct protocol_applied *applied);
int protocol_get_applied(const unsigned char *payload, size_t len, struct protocol_applied *applied);

/* WORKER_CHANGE -> CHECKER_ANSWER. password: with CHANGE_SET_PASSWORD, and ADD_USER where one was given. With any other it is neither sent nor taken (L2). */
struct protocol_change { uint64_t id; const unsigned char *change; size_t change_len; struct secret password; };
int protocol_send_change(struct channel *channel, const struct protocol_change *change);
/* Wipe change->password after use. */
int protocol_get_change(const unsigned char *payload, size_t len, struct protocol_change *change);
