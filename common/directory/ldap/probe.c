/* Whether somebody answers at the other end: one read of the root entry, which every server lets everybody read or refuses with a word.
 * Relies on: ldap/session.
 * Must never: send a password, or bind: it is asked again and again while a server is away, and a wrong password would lock its account. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "directory/ldap/kind.h"

int link_alive(struct link *link, uint64_t deadline_ms, struct sbuf *why) {
        static char none[] = LDAP_NO_ATTRS, everything[] = "(objectClass=*)";
        char *attributes[] = { none, NULL };
        LDAPMessage *message = NULL;
        char *diagnostic = NULL;
        int id = -1, code = LDAP_PROTOCOL_ERROR, r = -ECONNRESET;
        if (ldap_search_ext(link->ld, "", LDAP_SCOPE_BASE, everything, attributes, 0, NULL, NULL, NULL, 1, &id) == LDAP_SUCCESS)
                r = link_wait(link, id, LDAP_MSG_ALL, deadline_ms, &message);
        if (r < 0) {
                sbuf_printf(why, "%s takes the connection, but does not answer: %s", link->server, strerror(-r));
                return r;
        }
        if (ldap_parse_result(link->ld, message, &code, NULL, &diagnostic, NULL, NULL, 1) != LDAP_SUCCESS)
                code = LDAP_PROTOCOL_ERROR;
        /* Whoever refuses is there. */
        bool away = code == LDAP_BUSY || code == LDAP_UNAVAILABLE || code == LDAP_PROTOCOL_ERROR;
        if (away) {
                sbuf_printf(why, "%s: ", link->server);
                link_describe(why, code, diagnostic);
        }
        ldap_memfree(diagnostic);
        return away ? -EAGAIN : 0;
}

int ldap_kind_probe(struct directory *directory, uint32_t limit_ms, struct sbuf *why) {
        _cleanup_(link_closep) struct link *link = NULL;
        return session_connect(&directory->session, &(struct session_want){ LINK_MESSAGE_SMALL, false }, clock_monotonic_ms() + limit_ms, &link, why);
}
