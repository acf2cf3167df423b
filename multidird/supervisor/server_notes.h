/* What is known of directories' servers besides whether they answer (supervisor/outage.h): that one refuses the service's own account, bind_dn; and what the
 * last complete synchronisation left out.
 * Relies on: multidird/supervisor/configuration.
 * Must never: let each login try a password again that was refused: servers lock accounts for that; hold to a refusal when its cause may have gone: the
 * password's file is another one, or the configuration was read again.
 *
 * After a refusal nobody tries for 30 s, then one does; after the next for twice as long, up to five minutes. All of these do nothing for a directory
 * that has no server, or is not active. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/sbuf.h"
#include "multidird/supervisor/service.h"

/* Once, and after each reload: refusals are forgotten. 0 or -ENOMEM. */
int server_notes_configure(struct service *service);
void server_notes_stop(struct service *service);

/* The password's file is about to be read, for somebody who will bind with it. */
void server_notes_password(const struct service *service, const char *directory);
/* The server refused the bind as bind_dn; text: its words. */
void server_notes_refused(struct service *service, const char *directory, const char *text);
/* It took a bind that was made just now. */
void server_notes_taken(struct service *service, const char *directory);
/* Whether nobody is to bind anew now. */
bool server_notes_is_refused(struct service *service, const char *directory);
/* Somebody is about to, after server_notes_is_refused() said no: others wait for what comes of it. */
void server_notes_try(struct service *service, const char *directory);

/* Both, for whoever has nobody else to ask: false, and why as a sentence; or go on. */
bool server_notes_let(struct service *service, const char *directory, struct sbuf *why);

/* Of a complete synchronisation; "": nothing. Also the words of a process that was taken over. */
void server_notes_remark(struct service *service, const char *directory, const char *text);

struct server_notes_state {
        const char *refusal; /* what the server said, printable; "": it is not known to refuse the account */
        uint64_t again_s;    /* in so many seconds somebody may try */
        const char *remark;  /* printable; "": none */
};
/* False: nothing is known. The texts: until the next turn of the loop. */
bool server_notes_get(const struct service *service, const char *directory, struct server_notes_state *state);
