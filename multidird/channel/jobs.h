/* What the supervisor asks of a checker or a worker, and what they answer. Same frames, same rules as channel/protocol.h, where the numbers are.
 * Relies on: multidird/channel/protocol, model/sync.
 * Must never: be trusted because of who sent it; leave a password in a message that was not read to its end. */
#pragma once

#include "model/change.h"
#include "model/password.h"
#include "model/sync.h"
#include "multidird/channel/admit.h"
#include "multidird/channel/protocol.h"

#define JOB_TEXT_MAX 2048

/* CHECKER_FIND, _CHECK, _DUMMY, WORKER_TEST, _CHANGE_PASSWORD, _SET_PASSWORD: a user to find, a password to check or set, or a server to try. */
struct protocol_check {
        uint64_t id;
        char user[WIRE_NAME_MAX + 1];
        char entry_id[WIRE_NAME_MAX + 1]; /* to a worker: what the replica, or a former answer, has of the user; "": nothing */
        char dn[SYNC_DN_MAX + 1];
        struct secret password, new_password;
};
int protocol_send_check(struct channel *channel, enum protocol_type type, const struct protocol_check *check);
/* Wipe out->password and out->new_password after use. */
int protocol_get_check(const unsigned char *payload, size_t len, struct protocol_check *check);

struct protocol_answer {
        uint64_t id;
        enum presence presence;         /* to FIND */
        enum password_result password;  /* to CHECK */
        enum password_set set;          /* to CHANGE_PASSWORD, SET_PASSWORD; text: for whoever chose it; presence: UNAVAILABLE if the server was. A job that
                                           got no answer of a process has this zeroed too: before() tells whether one had it */
        enum change_state change;       /* to WORKER_CHANGE, with the next two; text: struct change_result's. Zeroed as `set` is */
        enum reason reason;
        bool by_right;
        struct password_notice notice;  /* to CHECK, of a right password */
        bool active;                    /* the entry's own flag */
        bool unreachable;               /* of an unavailable answer: no server could be asked; else it is about this entry or this answer only */
        bool refused;                   /* the server refuses the directory's own account; text: in its words */
        bool taken;                     /* ... has taken it, on a connection that was bound for this job: one that was bound before proves nothing */
        uint64_t synchronised_s;        /* a replica's answer: when that was complete; 0: there is no complete one, or it is no replica's answer */
        char entry_id[WIRE_NAME_MAX + 1];
        char dn[SYNC_DN_MAX + 1];       /* a network directory's: where the entry is; else "" */
        char external_id[SYNC_ENTRY_ID_MAX + 1]; /* a checker's, of a delegated directory: the server's entry on record; else "" */
        struct user_profile profile;    /* a worker's, of a delegated directory: what the server says of the user */
        char text[JOB_TEXT_MAX + 1];    /* to TEST: what was tried, a line each; PRESENCE_FOUND when all went well */
};
int protocol_send_answer(struct channel *channel, const struct protocol_answer *answer);
int protocol_get_answer(const unsigned char *payload, size_t len, struct protocol_answer *answer);

/* WORKER_SECRET: the password of bind_dn, empty where there is none. */
int protocol_send_secret(struct channel *channel, const struct secret *secret);
/* Wipe it after use. */
int protocol_get_secret(const unsigned char *payload, size_t len, struct secret *secret);

/* WORKER_SYNC is protocol_send_number: the job's id, and a stream socket to the keeper that takes the entries; the keeper's greeting says where to begin. */

/* WORKER_PROGRESS: entries read so far, and how many there will be (0: not known). */
struct protocol_progress { uint64_t id, done, total; };
int protocol_send_progress(struct channel *channel, const struct protocol_progress *progress);
int protocol_get_progress(const unsigned char *payload, size_t len, struct protocol_progress *progress);

/* WORKER_RUN: a run is on its way to its end. What becomes of it the keeper says. */
struct protocol_run {
        uint64_t id;
        enum sync_keeping keeping; /* SYNC_KEPT_WATCH: others follow when something changes */
        uint64_t end_s;            /* when an account that is active may end, by the wall clock: the next one is due then; 0: none is known to */
};
int protocol_send_run(struct channel *channel, const struct protocol_run *run);
int protocol_get_run(const unsigned char *payload, size_t len, struct protocol_run *run);

/* WORKER_SYNCED: nothing more comes over the stream. */
struct protocol_synced {
        uint64_t id;
        bool full_needed; /* what has changed cannot be told: the next one must be a full one */
        bool lost;        /* it was a watch that ended between two runs; the keeper was told nothing */
        char text[WIRE_TEXT_MAX + 1]; /* why the last run is not complete, or the watch has ended; "": neither */
};
int protocol_send_synced(struct channel *channel, const struct protocol_synced *synced);
int protocol_get_synced(const unsigned char *payload, size_t len, struct protocol_synced *synced);

/* WORKER_NOTE: before the stream's end, so that it is known before the keeper's word: the server refuses the directory's own account, in its words; or has
 * taken it; or (neither) what was read is complete, and text: what of it is left out, or not as it should be; "": nothing. */
struct protocol_note { uint64_t id; bool refused, taken; char text[WIRE_TEXT_MAX + 1]; };
int protocol_send_note(struct channel *channel, const struct protocol_note *note);
int protocol_get_note(const unsigned char *payload, size_t len, struct protocol_note *note);
