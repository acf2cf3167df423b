/* One connection to one LDAP server, with everything that libldap needs to be told before it can be trusted with a deadline.
 * Relies on: libldap 2.5 (ldap_init_fd, per-handle TLS contexts), ldap/dial.
 * Must never: send a password over a line that others can read, unless the administrator said insecure_plaintext; read ldap.conf, an ldaprc or
 * LDAP* variables; wait longer than its deadline, whatever the server does; follow a referral. */
#pragma once

#include <ldap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/sbuf.h"
#include "base/secret.h"
#include "model/ldap_uri.h"
#include "model/ldap_settings.h"

/* One message of the server may be this large: an entry without its members, or a group with a million of them. */
#define LINK_MESSAGE_SMALL ((size_t)4 << 20)
#define LINK_MESSAGE_LARGE ((size_t)256 << 20)

struct link {
        LDAP *ld;
        int fd;                 /* the handle's own */
        bool may_send_secrets;  /* TLS, a UNIX socket, a port of this host that is root's, or insecure_plaintext */
        size_t uri;             /* which of the settings' */
        uint64_t used_ms;
        uint64_t handshake_until_ms; /* while TLS is being set up; else 0 */
        struct ldap_uri where;       /* one server: never +srv */
        char server[LDAP_URI_TEXT_MAX]; /* the same, for messages */
        struct sockaddr_storage peer;   /* and the address: the name can stand for several. peer_len bytes of it */
        socklen_t peer_len;
};

/* Once in a process, before anything else of libldap: no configuration but ours, no SIGPIPE. */
void link_prepare_process(void);

/* Connects to one server and makes it private as the settings say. Nobody is bound. beside: at the address of that connection, whose server it is; NULL: at
 * any that the name has. 0, or -ETIMEDOUT, -EPROTO (TLS: no trust, or none spoken),
 * -ENOMEM or another negative errno, with a sentence in *why. */
int link_open(const struct ldap_settings *settings, const struct ldap_uri *uri, const struct link *beside, size_t message_max, uint64_t deadline_ms,
              struct link **link, struct sbuf *why);
/* Whether both are to one address, by one name. */
bool link_same_server(const struct link *a, const struct link *b);
void link_close(struct link *link);
DEFINE_CLEANUP(struct link *, link_close)

/* Whether the server has closed it meanwhile, as far as this host knows. */
bool link_is_cut(const struct link *link);

/* Waits for an answer to request id. *message is the caller's (ldap_msgfree). 0; -ETIMEDOUT; -ECONNRESET: the connection is dead, or what came is no LDAP.
 * After any failure the link must be closed. all: LDAP_MSG_ONE or LDAP_MSG_ALL. */
int link_wait(struct link *link, int id, int all, uint64_t deadline_ms, LDAPMessage **message);

/* Asks for a word, any word (probe.c). 0: there is somebody; -EAGAIN: who says to be busy or away; else as link_wait, with a sentence in *why. */
int link_alive(struct link *link, uint64_t deadline_ms, struct sbuf *why);

/* What the server said to a bind: the result, and what the controls beside it say. */
struct bind_answer {
        int code;                 /* LDAP_SUCCESS, LDAP_INVALID_CREDENTIALS, … */
        char text[256];           /* the server's diagnostic, cut, without control characters: for the log and bind_outcome() only */
        bool netscape_expired;    /* control 2.16.840.1.113730.3.4.4 */
        int ppolicy;              /* LDAPPasswordPolicyError; PP_noError: none said */
        int grace;                /* logins left with an expired password; -1: not said */
        uint32_t expires_s;       /* the password expires in so many seconds; 0: not said */
};
/* The value of control 2.16.840.1.113730.3.4.5, seconds in ASCII; 0: it is none, or too large to be one. */
uint32_t link_expiring(const struct berval *value);
/* Waits for the one answer to request id that is a result: of a bind, a change, an extended operation. 0: see *answer; -ETIMEDOUT, -ECONNRESET. */
int link_answer(struct link *link, int id, uint64_t deadline_ms, struct bind_answer *answer);

/* A simple bind. Neither dn nor password may be empty: that would be an anonymous bind that every server grants (-EINVAL).
 * 0: the server answered, see *answer. -EPERM: the line is not private, nothing was sent; -ETIMEDOUT, -ECONNRESET. */
int link_bind(struct link *link, const char *dn, const struct secret *password, uint64_t deadline_ms, struct bind_answer *answer);

/* The first half of it: *id is for link_answer(). Until that was called nothing else may be sent (RFC 4511, 4.2.1), but link_close(). */
int link_bind_send(struct link *link, const char *dn, const struct secret *password, int *id);

/* "CODE text (the server's words)" for messages. */
void link_describe(struct sbuf *why, int code, const char *diagnostic);
