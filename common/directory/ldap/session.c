/* Connections of one process, and what one operation asks on them; see ldap/session.h. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "directory/ldap/dial.h"
#include "directory/ldap/session_internal.h"

#define IDLE_MS 60000          /* older connections are made anew: firewalls forget them without a word */
#define ATTEMPTS_MAX 3         /* at one operation */
#define BINDS_MAX 2            /* of the user in one operation: servers count wrong passwords */

void session_begin(struct session *session) {
        session->chosen = session->lost = session->staying = false;
        session->attempts = 1;
        session->binds = 0;
}

void session_stay(struct session *session) {
        session->staying = true;
}

bool session_begin_again(struct session *session, uint64_t deadline_ms) {
        if (!session->lost || session->staying || session->attempts >= ATTEMPTS_MAX || session->binds >= BINDS_MAX || deadline_left_ms(deadline_ms) == 0)
                return false;
        session->chosen = session->lost = false;
        session->attempts++;
        return true;
}

void session_close(struct session *session) {
        link_close(TAKE_PTR(session->reader));
        link_close(TAKE_PTR(session->login));
        session->ahead = 0;
}

/* Makes the reader usable. *reused: it has been used before, so that a cut says nothing of the server. */
static int make_ready(struct session *session, uint64_t deadline_ms, bool *reused, struct sbuf *why) {
        static const struct session_want want = { LINK_MESSAGE_SMALL, true };
        struct link **reader = &session->reader;
        *reused = *reader != NULL;
        if (session->chosen && !*reader)
                sbuf_add(why, "the connection was lost");
        if (session->chosen)
                return *reader ? 0 : -ENOTCONN;
        if (*reader && (clock_monotonic_ms() - (*reader)->used_ms > IDLE_MS || link_is_cut(*reader)))
                link_close(TAKE_PTR(*reader));
        *reused = *reader != NULL;
        if (*reader) {
                session_return_to_preferred(session, &want, reader, deadline_ms);
                return 0;
        }
        int r = session_connect(session, &want, deadline_ms, reader, why);
        session->prefer_after_ms = 0;
        if (r == 0)
                (void)session_look_ms(session, *reader);
        else
                session->lost = false; /* all of them were asked */
        return r;
}

void session_give_up(struct session *session) {
        if (session->reader)
                session_ask_last(session, session->reader);
        session_close(session);
}

/* After a search that came to r: whether the same is asked again, of a new connection. */
static bool asks_again(struct session *session, int r, bool reused, bool restarts) {
        /* It had been idle, and the server closed it instead of answering. */
        if (r == -ECONNRESET && reused && !session->chosen) {
                link_close(TAKE_PTR(session->reader));
                return true;
        }
        bool dead = r == -ECONNRESET || r == -ETIMEDOUT, ill = !session->staying && session_goes_elsewhere(session, session->reader, r);
        if (dead || ill)
                session_give_up(session);
        /* What one has sent before it failed is not to be mixed with what another one has. */
        bool again = ill && restarts && !session->chosen;
        if (!dead && !ill) {
                session->chosen = true;
                session->lost = false;
        }
        return again;
}

int session_search(struct session *session, const struct search *search, void (*restart)(void *userdata), uint64_t deadline_ms, struct sbuf *why) {
        for (unsigned tries = 1;; tries++) {
                _cleanup_sbuf_ struct sbuf now = { 0 };
                bool reused;
                int r = make_ready(session, deadline_ms, &reused, why);
                if (r < 0)
                        return r;
                r = search_run(session->reader, search, session_patience_ms(session, session->reader, deadline_ms), &now);
                if (!asks_again(session, r, reused && tries == 1, restart)) {
                        sbuf_add(why, sbuf_text(&now));
                        return r;
                }
                if (restart)
                        restart(search->userdata);
        }
}

/* Whether the login connection may be used as it is: to the server that the reader reads, as what was read there is what the bind is about. */
static bool login_is_ready(const struct session *session) {
        const struct link *reader = session->reader, *login = session->login;
        return reader && login && clock_monotonic_ms() - login->used_ms <= IDLE_MS && link_same_server(login, reader) && !link_is_cut(login);
}

/* Makes it so. */
static int make_login_ready(struct session *session, uint64_t deadline_ms, bool *reused, struct sbuf *why) {
        static const struct session_want want = { LINK_MESSAGE_SMALL, false };
        const struct link *reader = session->reader;
        if (!reader) {
                sbuf_add(why, "the connection was lost");
                return -ENOTCONN;
        }
        if (!login_is_ready(session))
                link_close(TAKE_PTR(session->login));
        *reused = session->login != NULL;
        if (session->login)
                return 0;
        int r = session_connect_server(session, &reader->where, reader, &want, session_patience_ms(session, reader, deadline_ms), &session->login, why);
        if (r == 0)
                session->login->uri = reader->uri;
        return r;
}

int session_connect_reader(struct session *session, const struct session_want *want, uint64_t deadline_ms, struct link **link, struct sbuf *why) {
        if (!session->reader) {
                sbuf_add(why, "the connection was lost");
                return -ENOTCONN;
        }
        return session_connect_server(session, &session->reader->where, session->reader, want, deadline_ms, link, why);
}

void session_bind_ahead(struct session *session, const char *dn, const struct secret *password) {
        session_bind_forget(session);
        if (session->attempts > 1 || !login_is_ready(session))
                return;
        if (link_bind_send(session->login, dn, password, &session->ahead) < 0)
                session->ahead = 0;
        else
                session->binds++;
}

void session_bind_forget(struct session *session) {
        if (session->ahead)
                link_close(TAKE_PTR(session->login));
        session->ahead = 0;
}

/* The bind, or what the server says to the one that was sent ahead. */
static int bind_now(struct session *session, const char *dn, const struct secret *password, uint64_t deadline_ms, struct bind_answer *answer) {
        int id = session->ahead;
        session->ahead = 0;
        session->binds += id == 0;
        return id ? link_answer(session->login, id, deadline_ms, answer) : link_bind(session->login, dn, password, deadline_ms, answer);
}

int session_bind(struct session *session, const char *dn, const struct secret *password, uint64_t deadline_ms, struct bind_answer *answer,
                 struct sbuf *why) {
        /* What was read meanwhile may be another server's, after a connection that was lost. */
        if (session->ahead && !(session->reader && link_same_server(session->login, session->reader)))
                session_bind_forget(session);
        for (int tries = 0;; tries++) {
                bool reused = true;
                int r = session->ahead ? 0 : make_login_ready(session, deadline_ms, &reused, why);
                if (r < 0) {
                        if (!session_is_final(r) && r != -EACCES)
                                session_give_up(session);
                        return r;
                }
                /* Whoever has just answered a search is only slow; and a password is not sent to one server after the other. */
                r = bind_now(session, dn, password, deadline_ms, answer);
                if (r == -ECONNRESET && reused && tries == 0 && session->binds < BINDS_MAX) {
                        link_close(TAKE_PTR(session->login));
                        continue;
                }
                if (r == -EPERM)
                        sbuf_printf(why, "%s: the connection is not encrypted: no password is sent (ldaps, starttls or insecure_plaintext)",
                                    session->login->server);
                else if (r < 0)
                        sbuf_printf(why, "no answer to a user's bind: %s", strerror(-r));
                if (r == -ECONNRESET || r == -ETIMEDOUT)
                        session_give_up(session);
                return r;
        }
}
