/* What the service's own processes say to each other: supervisor and keeper, supervisor and checkers and workers. Same frames as the sockets.
 * Relies on: multidird/channel/channel, wire/codec, wire/message.
 * Must never: be spoken on auth.sock or admin.sock; be trusted because of who sent it (the supervisor checks every field of a message from a
 * keeper or checker as if it came from an attacker).
 *
 * Each message has protocol_send_X(channel, …): queues it; 0 or a negative errno of channel_begin / channel_end.
 * And protocol_get_X(payload, len, &x): 0 or -EBADMSG; texts and pointers in *x point into the payload unless they are arrays. *x is zeroed
 * on failure. Text with a length is not NUL-terminated. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "base/secret.h"
#include "config/config.h"
#include "multidird/channel/channel.h"
#include "rules/login.h"
#include "wire/message.h"

#define PROTOCOL_MAX (96u << 20) /* payload bytes between our own processes: the largest account files, an import's rows */

enum protocol_type {
        /* supervisor -> keeper; CONFIG also -> checker, as its first message */
        PROTOCOL_CONFIG = WIRE_INTERNAL_FIRST, /* struct config_sources: the configuration's texts. The first message; again on reload */
        KEEPER_LOCAL,           /* struct protocol_local: the local account files. The second message; again when they change */
        KEEPER_ADMIN,           /* struct protocol_admin -> any number of ADMIN_PROGRESS, one ADMIN_REPLY or PLANNED */
        KEEPER_ADMIN_CLOSED,    /* u64 connection: the peer is gone; its import is given up. No answer */
        KEEPER_INSTALLED,       /* struct protocol_installed: answers a VIEW; unasked, between CONFIG and LOCAL: this host has a view already */
        KEEPER_GATE,            /* struct protocol_gate -> GATE_REPLY */
        KEEPER_SESSION,         /* struct protocol_session: a session started. No answer */
        KEEPER_CHANGE_PASSWORD, /* struct protocol_change_password -> PASSWORD_CHANGED, once the change is durable */
        KEEPER_SYNC,            /* struct protocol_sync, and the receiving end of a sync stream (channel/sync_wire.h) -> SYNCED */
        KEEPER_ADMIT,           /* struct protocol_admit (channel/admit.h) -> ADMITTED, once it is durable, and in the view */
        KEEPER_APPLY,           /* struct protocol_apply (channel/update.h) -> APPLIED, once its view is installed */
        KEEPER_VIEW_FILE,       /* u64 generation, and the file that its VIEW became, open for reading; before INSTALLED. No answer */
        /* keeper -> supervisor */
        KEEPER_ADMIN_PROGRESS,  /* struct protocol_admin */
        KEEPER_ADMIN_REPLY,     /* struct protocol_admin */
        KEEPER_VIEW,            /* u64 generation, and a sealed memfd with the view, or the patch of the one before (view/patch.h) -> VIEW_FILE, INSTALLED.
                                   The next one only after the answer */
        KEEPER_GATE_REPLY,      /* struct protocol_gate_reply */
        KEEPER_PASSWORD_CHANGED,/* struct protocol_password_changed */
        KEEPER_ADMITTED,        /* struct protocol_admitted */
        KEEPER_STATE,           /* JSON text: what `status` says of the directories; sent after every load, build and synchronisation */
        KEEPER_SYNCED,          /* struct protocol_keeper_synced, once for each run of a stream: its view is installed, or it failed */
        KEEPER_PLANNED,         /* struct protocol_planned (channel/update.h): instead of an ADMIN_REPLY; the supervisor replies when it is done */
        KEEPER_APPLIED,         /* struct protocol_applied (channel/update.h) */
        /* supervisor -> checker; answered one by one, in order */
        CHECKER_FIND,           /* struct protocol_check (channel/jobs.h), password empty -> ANSWER */
        CHECKER_CHECK,          /* struct protocol_check -> ANSWER */
        CHECKER_DUMMY,          /* struct protocol_check, user empty -> ANSWER */
        /* checker -> supervisor */
        CHECKER_ANSWER,         /* struct protocol_answer */
        /* supervisor -> worker: CONFIG, SECRET, then FIND, CHECK, TEST, CHANGE_, SET_PASSWORD, CHANGE or SYNC, answered one by one, in order; see channel/jobs.h */
        WORKER_SECRET,          /* struct secret: the password of bind_dn */
        WORKER_TEST,            /* struct protocol_check, user and password empty -> ANSWER */
        WORKER_CHANGE_PASSWORD, /* struct protocol_check: password and new_password: by the user, who knows the old one -> ANSWER */
        WORKER_SET_PASSWORD,    /* struct protocol_check: new_password alone: by the directory's own account -> ANSWER */
        WORKER_CHANGE,          /* struct protocol_change (channel/update.h): a change of the directory's -> ANSWER */
        WORKER_SYNC,            /* u64 id, and a socket to the keeper -> any number of PROGRESS, NOTE and RUN, one SYNCED */
        WORKER_PROBE,           /* u64 milliseconds: does the server answer within them? -> ANSWER, whose id is that number */
        /* worker -> supervisor */
        WORKER_PROGRESS,        /* struct protocol_progress */
        WORKER_SYNCED,          /* struct protocol_synced */
        WORKER_NOTE,            /* struct protocol_note */
        WORKER_RUN,             /* struct protocol_run */
        PROTOCOL_TYPE_END
};

/* The sources: paths and texts are copied out (free with config_sources_done). -ENOMEM too. */
int protocol_send_config(struct channel *channel, const struct config_sources *sources);
int protocol_get_config(const unsigned char *payload, size_t len, struct config_sources *sources);

/* The local account files; NULL: absent. */
struct protocol_local { const char *passwd, *group, *subuid, *subgid; };
int protocol_send_local(struct channel *channel, const struct protocol_local *local);
/* The texts are malloc'ed, NUL-terminated (a NUL inside a file ends its text); free with protocol_local_done. -ENOMEM too. */
struct protocol_local_copy { char *passwd, *group, *subuid, *subgid; };
int protocol_get_local(const unsigned char *payload, size_t len, struct protocol_local_copy *local);
void protocol_local_done(struct protocol_local_copy *local);

/* A command of multidirctl, and what is said to it. One command is the supervisor's own, sent for a reload: {"command":"publish"}, answered when
 * the view that follows from everything before it is installed. (connection, id) names the request: connections are never reused in the life of the
 * supervisor, id counts per connection. json[0..json_len) is the payload of WIRE_ADMIN, _PROGRESS or _REPLY, as it is. */
struct protocol_admin { uint64_t connection, id; const char *json; size_t json_len; };
int protocol_send_admin(struct channel *channel, enum protocol_type type, const struct protocol_admin *admin);
int protocol_get_admin(const unsigned char *payload, size_t len, struct protocol_admin *admin);

/* One number: KEEPER_ADMIN_CLOSED (fd -1), KEEPER_VIEW (fd: the memfd, taken also on failure). */
int protocol_send_number(struct channel *channel, enum protocol_type type, uint64_t number, int fd);
int protocol_get_number(const unsigned char *payload, size_t len, uint64_t *number);

struct protocol_installed {
        uint64_t generation;
        int error;                    /* 0: it is the view now; else a negative errno: the former one still is */
        char text[WIRE_TEXT_MAX + 1]; /* for the log and the waiting commands; "" when error is 0 */
};
int protocol_send_installed(struct channel *channel, const struct protocol_installed *installed);
int protocol_get_installed(const unsigned char *payload, size_t len, struct protocol_installed *installed);

/* A question about names that there are not is answered too: it tells that the keeper is alive.
 * L4: does the mapping (application, directory) let the user in, by membership in that directory? Not, if the replica has another entry under the name
 * than entry_id, the one that logs in. gates: of the configuration that is asked about (rules/gate.h); a keeper that has another one cannot say. */
struct protocol_gate {
        uint64_t id, gates;
        char application[WIRE_NAME_MAX + 1], directory[WIRE_NAME_MAX + 1], user[WIRE_NAME_MAX + 1], entry_id[WIRE_NAME_MAX + 1];
};
int protocol_send_gate(struct channel *channel, const struct protocol_gate *gate);
int protocol_get_gate(const unsigned char *payload, size_t len, struct protocol_gate *gate);

enum gate_answer { GATE_UNAVAILABLE = 0, GATE_CLOSED, GATE_OPEN, GATE_ANSWER_END };
struct protocol_gate_reply { uint64_t id; enum gate_answer answer; };
int protocol_send_gate_reply(struct channel *channel, const struct protocol_gate_reply *reply);
int protocol_get_gate_reply(const unsigned char *payload, size_t len, struct protocol_gate_reply *reply);

/* The supervisor has looked the entry up in the view; the keeper adds the time. */
struct protocol_session {
        char application[WIRE_NAME_MAX + 1], directory[WIRE_NAME_MAX + 1], entry_id[WIRE_NAME_MAX + 1];
        char user[WIRE_NAME_MAX + 1], service[WIRE_NAME_MAX + 1];
};
int protocol_send_session(struct channel *channel, const struct protocol_session *session);
int protocol_get_session(const unsigned char *payload, size_t len, struct protocol_session *session);

/* U2, set-password, for passwd(1): the rules decide as for any change by that application. directory and entry_id: the entry whose old password
 * was checked, or that the view publishes (as root); where the rules would change another entry's password, it is refused (id-conflict).
 * check_only: only say whether it would be allowed. Without it, one of a directory with a server of its own is refused: a worker does that. */
struct protocol_change_password {
        uint64_t id;
        char application[WIRE_NAME_MAX + 1], user[WIRE_NAME_MAX + 1], directory[WIRE_NAME_MAX + 1], entry_id[WIRE_NAME_MAX + 1];
        uint8_t check_only;
        uint8_t as_administrator;     /* multidirctl: of whichever entry the rules say; entry_id is "", and with application "" directory is the
                                         console's (P3). check_only too: the keeper's own changes come as commands */
        struct secret new_password;
};
int protocol_send_change_password(struct channel *channel, const struct protocol_change_password *change);
/* Wipe out->new_password after use. */
int protocol_get_change_password(const unsigned char *payload, size_t len, struct protocol_change_password *change);

struct protocol_password_changed {
        uint64_t id;
        enum reason reason;           /* REASON_OK: done, durable */
        char text[WIRE_TEXT_MAX + 1]; /* P6, for the user; may be empty */
        char directory[WIRE_NAME_MAX + 1], entry_id[WIRE_NAME_MAX + 1]; /* with REASON_OK: which entry's it is */
};
int protocol_send_password_changed(struct channel *channel, const struct protocol_password_changed *changed);
int protocol_get_password_changed(const unsigned char *payload, size_t len, struct protocol_password_changed *changed);

/* A synchronisation of that directory comes over the descriptor. id: the supervisor's own, given back. One that is under way for the directory is given
 * up, and answered first. Send no more than CHANNEL_FDS_MAX of these before the keeper could read. fd is taken, also on failure. */
struct protocol_sync {
        uint64_t id;
        uint64_t began_s; /* when its worker was started: what its first run reads is no newer than that. 0, or in the future: now */
        bool full;        /* the worker is told of no cookie */
        char directory[WIRE_NAME_MAX + 1];
};
int protocol_send_sync(struct channel *channel, const struct protocol_sync *sync, int fd);
int protocol_get_sync(const unsigned char *payload, size_t len, struct protocol_sync *sync);

struct protocol_keeper_synced {
        uint64_t id;
        bool complete;                /* D5: the store has it, durable. Else nothing has changed, the last good replica stays, and the stream is closed */
        bool delta;                   /* what was told is a delta */
        bool full_needed;             /* it is not complete because only a full run can be: the next one will be. Or it is, and a full run should follow soon */
        uint32_t users, groups;       /* of the directory's replica now, whichever that is */
        uint64_t full_s;              /* when the last full run that was taken in began, as far as the store remembers; 0: not at all */
        char directory[WIRE_NAME_MAX + 1];
        char error[WIRE_TEXT_MAX + 1]; /* why it is not complete; or, where it is, why its view is not published; else "" */
};
int protocol_send_keeper_synced(struct channel *channel, const struct protocol_keeper_synced *synced);
int protocol_get_keeper_synced(const unsigned char *payload, size_t len, struct protocol_keeper_synced *synced);

/* KEEPER_STATE: one JSON object
 *   {"directories":[{"name","type","state","age","users","groups","error"}], "masked":N, "warnings":[TEXT…]}
 * state: "ready", "empty" (no complete replica yet), "failed", "off"; age in seconds or null; error a text or null. */
int protocol_send_state(struct channel *channel, const char *json, size_t len);
