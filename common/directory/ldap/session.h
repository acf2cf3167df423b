/* The connections that one process has to one directory's servers: one for the service account's searches, one for users' binds. They stay open;
 * fail-over, return to the preferred server and the one reconnect after an idle cut are here.
 * Relies on: ldap/link.
 * Must never: search on the connection that users bind on, but for the entry of who is bound; or bind a user on the one that searches; mix what two
 * servers say in one operation: what is a DN at one can be somebody else's at another. */
#pragma once

#include "directory/directory.h"
#include "directory/ldap/link.h"
#include "directory/ldap/search.h"

#define SESSION_URIS_MAX 16

struct session {
        const struct ldap_settings *settings;
        const struct secret *password;               /* of bind_dn; NULL: none */
        struct link *reader, *login;                 /* NULL: not open */
        int ahead;                                   /* the request of session_bind_ahead(), which nobody has asked about yet; 0: none */
        uint64_t down_until_ms[SESSION_URIS_MAX];    /* a server that failed is asked last until then */
        uint64_t refused_until_ms;                   /* the preferred one refused the service's account: no return to it is tried until then */
        uint64_t prefer_after_ms;                    /* when the preferred server is tried again */
        char avoid[LDAP_URI_TEXT_MAX];               /* the server that failed last: of those that a +srv address stands for it comes last until then */
        uint64_t avoid_until_ms;
        bool chosen, lost, staying;                  /* of the operation that is under way: a server has answered; it has failed; session_stay() */
        unsigned attempts, binds;                    /* ... how often it was begun, and the user bound */
        enum account_word account;                   /* what session_take_account() gives */
        char refusal[256];                           /* ... of one that was refused: the words */
};

void session_close(struct session *session);

struct session_want {
        size_t message_max;   /* LINK_MESSAGE_SMALL, LINK_MESSAGE_LARGE */
        bool bound;           /* as the service account; does nothing where there is none */
};
/* A new connection to the first server that takes one and has answered on it (a hung one's kernel takes connections too), each with its share of the time.
 * *link is the caller's. 0; -EACCES: a server refused the bind, and no other took it (of those that refuse, four are tried at most); -EPERM: it would have
 * gone in the clear; -EINVAL: there is no password; or another negative errno; with a sentence in *why. */
int session_connect(struct session *session, const struct session_want *want, uint64_t deadline_ms, struct link **link, struct sbuf *why);

/* Likewise as the service account, for large messages, to the first server that also reads: one that takes a bind may refuse a search of base, and once a run
 * has begun no other server can be asked. Where there is one server only, that is not tried. */
int session_connect_well(struct session *session, const char *base, uint64_t deadline_ms, struct link **link, struct sbuf *why);

/* Each operation (a login, a look-up, a change) is one server's. It begins with session_begin(); the first search that is answered chooses the server, and its
 * connection: from then on session_search() asks nobody else, and fails with -ENOTCONN once that connection is lost. */
void session_begin(struct session *session);
/* Whether the operation is worth to be begun again from the start, and begins it: the server failed in the middle of it, there is time, it is not the third
 * attempt, and the user's password was not sent twice. */
bool session_begin_again(struct session *session, uint64_t deadline_ms);
/* From here on something may have been changed at the server: the operation is not begun again, and a server that is busy is not left for that. */
void session_stay(struct session *session);

/* The server of that connection failed: for a while, others are asked before it. */
void session_ask_last(struct session *session, const struct link *link);
/* Likewise of the one that was read, whose connections are closed. */
void session_give_up(struct session *session);
/* Until when the answer to a search is waited for there: where there is another server that has not failed lately, a quarter of the time is kept for that. */
uint64_t session_patience_ms(const struct session *session, const struct link *link, uint64_t deadline_ms);
/* Whether r, of a search there, is a word on that server alone (-EAGAIN, -ECANCELED: busy, unavailable, unwilling, …), and there is another one that has not
 * failed lately. */
bool session_goes_elsewhere(const struct session *session, const struct link *link, int r);

/* What a server has said of bind_dn and its password since this was asked last: a word on the account, not on how things are there now, and none where a
 * connection was used that had been bound before. *why: the words of a refusal. */
enum account_word session_take_account(struct session *session, struct sbuf *why);

/* A new connection to the server (its name, port and address) that session_search() last read: what was read there is what is changed there. -ENOTCONN: nothing
 * was read, or that connection is lost. Else as session_connect. */
int session_connect_reader(struct session *session, const struct session_want *want, uint64_t deadline_ms, struct link **link, struct sbuf *why);

/* For who keeps a connection for hours: when to look again whether the preferred server answers; UINT64_MAX: link is to that one. A session's first look is
 * a minute after it was asked this. */
uint64_t session_look_ms(struct session *session, const struct link *link);
/* Looks, for as short as a login does, and says whether it answers, takes the account and reads base, so that who connects anew is served there. The next
 * look is a minute later; ten minutes where it has refused the account, as each try may count against that. */
bool session_look(struct session *session, const char *base);

/* A search on the reader connection, as session_begin() says. An operation's first one opens it if need be, once more if the server had closed it, and at
 * another server if this one says that it cannot or does not want to. The entry callback may therefore see entries again: it must take that (restart is
 * called before each further run; NULL: it takes what comes twice, and goes to no other server for that). -ENOTCONN: the connection was lost. */
int session_search(struct session *session, const struct search *search, void (*restart)(void *userdata), uint64_t deadline_ms, struct sbuf *why);

/* Sends the bind that session_bind() is going to be asked for, so that the server works on it while the entry is read. Does nothing where the login
 * connection is not open yet, or is another server's than the reader's, nor at a second attempt: servers count wrong passwords. Then either session_bind()
 * with the same dn and password, or session_bind_forget(). */
void session_bind_ahead(struct session *session, const char *dn, const struct secret *password);
/* Whatever the server says to it is of no interest. Does nothing where there is none. */
void session_bind_forget(struct session *session);

/* A user's bind on the login connection, likewise, at the server (its name, port and address) that session_search() last read: that must have been called before.
 * As link_bind; -ENOTCONN: nothing was read. After a server that takes no binds, reader is NULL. */
int session_bind(struct session *session, const char *dn, const struct secret *password, uint64_t deadline_ms, struct bind_answer *answer,
                 struct sbuf *why);
