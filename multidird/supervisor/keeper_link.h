/* The supervisor's side of the keeper: the process, started again when it dies, and what is asked of it.
 * Relies on: multidird/channel/protocol, multidird/supervisor/process.
 * Must never: believe the keeper. Whatever it sends is checked as an attacker's. */
#pragma once

#include "multidird/channel/admit.h"
#include "multidird/channel/protocol.h"
#include "multidird/channel/update.h"
#include "multidird/supervisor/service.h"

/* Starts the first keeper. Later ones are started by themselves. 0 or a negative errno. */
int keeper_link_start(struct service *service);
void keeper_link_stop(struct service *service);
/* Whether a keeper runs now. */
bool keeper_link_is_up(const struct service *service);

/* Sends the configuration in force, or the local files as last read. With no keeper up: the next one gets them anyway. */
void keeper_link_send_configuration(struct service *service);
void keeper_link_send_local(struct service *service);

typedef void (*gate_done_fn)(enum gate_answer answer, void *userdata);
typedef void (*admitted_done_fn)(const struct protocol_admitted *admitted, void *userdata);
typedef void (*changed_done_fn)(const struct protocol_password_changed *changed, void *userdata);
typedef void (*applied_done_fn)(const struct protocol_applied *applied, void *userdata);

/* A question under way. Embedded in what waits for the answer; zeroed memory is none. */
struct ask {
        struct ask *next;
        uint64_t id;                  /* 0: not under way */
        gate_done_fn gate_done;       /* one of the four */
        applied_done_fn applied_done;
        admitted_done_fn admitted_done;
        changed_done_fn changed_done;
        void *userdata;
};

/* L4. done is called once from the loop: unavailable also when the keeper died. gate->id is filled in. 0 or a negative errno. */
int keeper_link_gate(struct service *service, struct protocol_gate *gate, gate_done_fn done, void *userdata, struct ask *ask);
/* D3. admitted: NULL when the keeper died. admit->id is filled in. */
int keeper_link_admit(struct service *service, struct protocol_admit *admit, admitted_done_fn done, void *userdata, struct ask *ask);
/* changed: NULL when the keeper died and what it did is unknown. change->id is filled in; its secret stays the caller's. */
int keeper_link_change_password(struct service *service, struct protocol_change_password *change, changed_done_fn done, void *userdata,
                                struct ask *ask);
/* The keeper's part of a change at servers. applied: NULL when the keeper died and what it did is unknown. apply->id is filled in. */
int keeper_link_apply(struct service *service, struct protocol_apply *apply, applied_done_fn done, void *userdata, struct ask *ask);
/* Of these steps, those at servers were not done. */
void keeper_link_undone(struct service *service, const struct update_step *steps, size_t count);
/* done will not be called. One that is not under way is fine. */
void ask_cancel(struct service *service, struct ask *ask);

/* Passes a command on; the replies go to sockets_admin_reply(). -EHOSTDOWN: no keeper. */
int keeper_link_admin(struct service *service, uint64_t connection, uint64_t id, const char *json, size_t len);
void keeper_link_admin_closed(struct service *service, uint64_t connection);
void keeper_link_session(struct service *service, const struct protocol_session *session);
/* The file that the keeper's view became, before it is told so. Takes fd. */
void keeper_link_view_file(struct service *service, uint64_t incarnation, uint64_t generation, int fd);
/* Answers a KEEPER_VIEW of the keeper with that incarnation number; nothing is sent when it is another keeper now. */
void keeper_link_installed(struct service *service, uint64_t incarnation, const struct protocol_installed *installed);

/* A synchronisation; sync_keeper_answer() gets what became of it, or sync_keeper_gone() is called. Takes fd, also on failure. -EHOSTDOWN: no keeper. */
int keeper_link_sync(struct service *service, const struct protocol_sync *sync, int fd);

/* The last KEEPER_STATE, NULL: none yet. NUL-terminated, len bytes; owned by the link. *since_ms: how long ago it came. */
const char *keeper_link_state(const struct service *service, size_t *len, uint64_t *since_ms);
