/* What session.c (one operation's questions) and session_servers.c (which server they go to) share.
 * Relies on: ldap/session.
 * Must never: be included elsewhere. */
#pragma once

#include "directory/ldap/session.h"

/* Before deadline_ms, but only so many parts of what is left until then. */
uint64_t session_share_ms(uint64_t deadline_ms, size_t parts);

/* What another server would say too: nothing is gained by asking it. */
static inline bool session_is_final(int r) {
        return r == -EPERM || r == -EINVAL;
}

/* A new connection to one server, which has answered on it. beside: as link_open. Else as session_connect. */
int session_connect_server(struct session *session, const struct ldap_uri *uri, const struct link *beside, const struct session_want *want, uint64_t deadline_ms,
                           struct link **link, struct sbuf *why);

/* While a server further down the list works, the preferred one gets a short try now and then: *link is to it if it answers. */
void session_return_to_preferred(struct session *session, const struct session_want *want, struct link **link, uint64_t deadline_ms);
