/* Connections of one process; see ldap/session.h. */
#include "directory/ldap/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/ldap/dial.h"
#include "directory/ldap/srv.h"

#define DOWN_MS 20000          /* how long a server that failed is asked last */
#define REFUSED_MS 600000      /* ... and one that refused the service's account: the others have another password, or the same mistake */
#define REFUSALS_MAX 2         /* ... so many in one try: servers lock accounts for them */
#define PREFER_MS 60000        /* how often the preferred server is tried again */
#define PREFER_TRY_MS 700      /* ... and for how long, at most, while another one works */
#define IDLE_MS 60000          /* older connections are made anew: firewalls forget them without a word */

void session_ask_last(struct session *session, const struct link *link) {
        session->down_until_ms[link->uri] = clock_monotonic_ms() + DOWN_MS;
}

void session_close(struct session *session) {
        link_close(TAKE_PTR(session->reader));
        link_close(TAKE_PTR(session->login));
        session->ahead = 0;
}

static uint64_t share(uint64_t deadline_ms, size_t parts) {
        return clock_monotonic_ms() + (uint64_t)deadline_left_ms(deadline_ms) / (parts > 0 ? parts : 1);
}

/* What another server would say too: nothing is gained by asking it. */
static bool is_final(int r) {
        return r == -EPERM || r == -EINVAL;
}

/* What servers say of an account and its password, and count against it. */
static bool is_of_the_account(int code) {
        return code == LDAP_INVALID_CREDENTIALS || code == LDAP_INAPPROPRIATE_AUTH || code == LDAP_CONSTRAINT_VIOLATION;
}

enum account_word session_take_account(struct session *session, struct sbuf *why) {
        enum account_word word = session->account;
        if (word == ACCOUNT_REFUSED)
                sbuf_add(why, session->refusal);
        session->account = ACCOUNT_NO_WORD;
        return word;
}

static int bind_service(struct session *session, struct link *link, uint64_t deadline_ms, struct sbuf *why) {
        static const struct secret none = { 0 };
        struct bind_answer answer;
        int r = link_bind(link, session->settings->bind_dn, session->password ? session->password : &none, deadline_ms, &answer);
        if (r == -EINVAL)
                sbuf_add(why, "bind_dn has no password: bind_password_file");
        else if (r == -EPERM)
                sbuf_printf(why, "%s: the connection is not encrypted: no password is sent (ldaps, starttls or insecure_plaintext)", link->server);
        else if (r < 0)
                sbuf_printf(why, "%s: no answer to the bind as bind_dn: %s", link->server, strerror(-r));
        if (r == 0 && answer.code == LDAP_SUCCESS)
                session->account = ACCOUNT_TAKEN; /* what was refused before is another password's by now */
        if (r < 0 || answer.code == LDAP_SUCCESS)
                return r;
        _cleanup_sbuf_ struct sbuf refusal = { 0 };
        sbuf_printf(&refusal, "%s refuses the bind as bind_dn: ", link->server);
        link_describe(&refusal, answer.code, answer.text);
        sbuf_add(why, sbuf_text(&refusal));
        if (is_of_the_account(answer.code)) {
                session->account = ACCOUNT_REFUSED;
                (void)snprintf(session->refusal, sizeof session->refusal, "%s", sbuf_text(&refusal));
        }
        return is_of_the_account(answer.code) ? -EACCES : -EAGAIN;
}

/* beside: as link_open. */
static int connect_server(struct session *session, const struct ldap_uri *uri, const struct link *beside, const struct session_want *want, uint64_t deadline_ms,
                          struct link **result, struct sbuf *why) {
        _cleanup_(link_closep) struct link *link = NULL;
        int r = link_open(session->settings, uri, beside, want->message_max, deadline_ms, &link, why);
        /* Either is a word of the server's: that it took the connection says nothing, a hung one's kernel does that too. */
        if (r == 0)
                r = want->bound && session->settings->bind_dn[0] ? bind_service(session, link, deadline_ms, why) : link_alive(link, deadline_ms, why);
        if (r == 0)
                *result = TAKE_PTR(link);
        return r;
}

/* One of the settings' URIs, which may stand for several servers (DNS SRV). */
static int connect_uri(struct session *session, size_t index, const struct session_want *want, uint64_t deadline_ms, struct link **link, struct sbuf *why) {
        struct ldap_uri uris[SRV_MAX];
        size_t count = 1;
        const char *mistake;
        int r = ldap_uri_parse(session->settings->uris[index], &uris[0], &mistake);
        if (r < 0)
                sbuf_printf(why, "%s is no address of a server: %s", session->settings->uris[index], mistake);
        else if (uris[0].srv)
                r = srv_expand(&uris[0], uris, &count, why);
        if (r < 0)
                return -EHOSTUNREACH;
        r = -EHOSTUNREACH;
        /* The servers of one domain have one password. */
        for (size_t i = 0; i < count && r < 0 && !is_final(r) && r != -EACCES; i++) {
                if (i > 0)
                        sbuf_add(why, "; ");
                r = connect_server(session, &uris[i], NULL, want, share(deadline_ms, count - i), link, why);
        }
        if (index == 0)
                session->refused_until_ms = r == -EACCES ? clock_monotonic_ms() + REFUSED_MS : 0;
        session->down_until_ms[index] = r == 0 || is_final(r) ? 0 : clock_monotonic_ms() + (r == -EACCES ? REFUSED_MS : DOWN_MS);
        if (r == 0)
                (*link)->uri = index;
        return r;
}

int session_connect(struct session *session, const struct session_want *want, uint64_t deadline_ms, struct link **link, struct sbuf *why) {
        size_t count = session->settings->uri_count < SESSION_URIS_MAX ? session->settings->uri_count : SESSION_URIS_MAX;
        bool tried[SESSION_URIS_MAX] = { false };
        size_t left = count;
        uint64_t now = clock_monotonic_ms();
        int r = -EHOSTUNREACH;
        unsigned refused = 0;
        _cleanup_sbuf_ struct sbuf reasons = { 0 };
        /* First those that are not known to be down, then the others: perhaps one is back. */
        for (int pass = 0; pass < 2 && r < 0; pass++) {
                for (size_t i = 0; i < count && r < 0 && !is_final(r) && refused < REFUSALS_MAX; i++) {
                        if (tried[i] || (pass == 0 && session->down_until_ms[i] > now))
                                continue;
                        if (left < count)
                                sbuf_add(&reasons, "; ");
                        tried[i] = true;
                        r = connect_uri(session, i, want, share(deadline_ms, left--), link, &reasons);
                        refused += r == -EACCES;
                }
        }
        if (r < 0)
                sbuf_add(why, sbuf_text(&reasons));
        else if (refused > 0)
                log_warning("%s%s takes it", sbuf_text(&reasons), (*link)->server);
        return r < 0 && refused > 0 ? -EACCES : r;
}

/* While a server further down the list works, the preferred one gets a short try now and then. */
static void return_to_preferred(struct session *session, const struct session_want *want, struct link **link, uint64_t deadline_ms) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct link *preferred = NULL;
        uint64_t now = clock_monotonic_ms(), try_ms = (uint64_t)deadline_left_ms(deadline_ms) / 4;
        if ((*link)->uri == 0 || now < session->prefer_after_ms)
                return;
        session->prefer_after_ms = now + PREFER_MS;
        /* It refused the account, and servers lock accounts for tries. */
        if (session->refused_until_ms > now)
                return;
        uint64_t until = now + (try_ms < PREFER_TRY_MS ? try_ms : PREFER_TRY_MS);
        enum account_word account = session->account;
        if (connect_uri(session, 0, want, until, &preferred, &why) < 0) {
                session->account = account; /* the one that is used has taken it */
                return;
        }
        link_close(*link);
        *link = preferred;
}

static int take_nothing(void *userdata, const struct ldap_entry *entry) {
        (void)userdata, (void)entry;
        return 0;
}

/* Whether the server reads. Only what it says of itself is an error; that base is not there is the configuration's. */
static int try_base(struct link *link, const char *base, uint64_t deadline_ms) {
        const char *const attributes[] = { LDAP_NO_ATTRS, NULL };
        const struct search search = { .base = base, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = attributes, .size_limit = 1,
                                       .entry = take_nothing };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        int r = search_run(link, &search, deadline_ms, &why);
        return r == -ETIMEDOUT || r == -ECONNRESET || r == -EAGAIN || r == -ECANCELED ? -EAGAIN : 0;
}

uint64_t session_look_ms(struct session *session, const struct link *link) {
        if (link->uri == 0)
                return UINT64_MAX;
        if (session->prefer_after_ms == 0)
                session->prefer_after_ms = clock_monotonic_ms() + PREFER_MS;
        return session->prefer_after_ms;
}

bool session_look(struct session *session, const char *base) {
        _cleanup_(link_closep) struct link *preferred = NULL;
        _cleanup_sbuf_ struct sbuf why = { 0 };
        enum account_word word = session->account;
        uint64_t now = clock_monotonic_ms();
        int r = connect_uri(session, 0, &(struct session_want){ LINK_MESSAGE_SMALL, true }, now + PREFER_TRY_MS, &preferred, &why);
        if (r == 0)
                r = try_base(preferred, base, now + PREFER_TRY_MS);
        session->prefer_after_ms = is_final(r) || r == -EACCES ? UINT64_MAX : now + PREFER_MS; /* no account is tried again and again */
        if (r < 0)
                session->account = word; /* the server that is read takes it */
        return r == 0;
}

/* Makes *link usable. *reused: it has been used before, so that a cut says nothing of the server. */
static int make_ready(struct session *session, const struct session_want *want, struct link **link, uint64_t deadline_ms, bool *reused, struct sbuf *why) {
        if (*link && (clock_monotonic_ms() - (*link)->used_ms > IDLE_MS || link_is_cut(*link)))
                link_close(TAKE_PTR(*link));
        *reused = *link != NULL;
        if (*link) {
                return_to_preferred(session, want, link, deadline_ms);
                return 0;
        }
        int r = session_connect(session, want, deadline_ms, link, why);
        if (r == 0 && (*link)->uri != 0)
                session->prefer_after_ms = clock_monotonic_ms() + PREFER_MS;
        return r;
}

/* One reconnect: only where the connection had been idle, and the server closed it instead of answering. */
static bool try_again(struct session *session, struct link **link, bool reused, int r) {
        bool dead = r == -ECONNRESET || r == -ETIMEDOUT;
        if (dead && !reused)
                session_ask_last(session, *link);
        if (dead)
                link_close(TAKE_PTR(*link));
        return r == -ECONNRESET && reused;
}

bool session_goes_elsewhere(const struct session *session, const struct link *link, int r) {
        uint64_t now = clock_monotonic_ms();
        bool another = false;
        for (size_t i = 0; i < session->settings->uri_count && i < SESSION_URIS_MAX; i++)
                another = another || (i != link->uri && session->down_until_ms[i] <= now);
        return (r == -EAGAIN || r == -ECANCELED) && another;
}

int session_connect_well(struct session *session, const char *base, uint64_t deadline_ms, struct link **link, struct sbuf *why) {
        static const struct session_want want = { LINK_MESSAGE_LARGE, true };
        for (;;) {
                int r = session_connect(session, &want, deadline_ms, link, why);
                if (r < 0 || session->settings->uri_count < 2 || !session_goes_elsewhere(session, *link, try_base(*link, base, share(deadline_ms, 2))))
                        return r;
                session_ask_last(session, *link);
                link_close(TAKE_PTR(*link));
        }
}

/* Nothing more is read there: the next one asks another server first. */
static void give_up_server(struct session *session) {
        if (session->reader)
                session_ask_last(session, session->reader);
        session_close(session);
}

int session_search(struct session *session, const struct search *search, void (*restart)(void *userdata), uint64_t deadline_ms, struct sbuf *why) {
        static const struct session_want reader = { LINK_MESSAGE_SMALL, true };
        for (int tries = 0;; tries++) {
                _cleanup_sbuf_ struct sbuf now = { 0 };
                bool reused;
                int r = make_ready(session, &reader, &session->reader, deadline_ms, &reused, why);
                if (r < 0)
                        return r;
                r = search_run(session->reader, search, deadline_ms, &now);
                bool again = r < 0 && try_again(session, &session->reader, reused && tries == 0, r);
                /* Each is given up once: when all are, it ends. */
                bool elsewhere = session->reader && session_goes_elsewhere(session, session->reader, r);
                if (elsewhere)
                        give_up_server(session);
                /* What one has sent before it failed is not to be mixed with what another one has. */
                if (!again && !(elsewhere && restart)) {
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
        int r = connect_server(session, &reader->where, reader, &want, deadline_ms, &session->login, why);
        if (r == 0)
                session->login->uri = reader->uri;
        return r;
}

int session_connect_reader(struct session *session, const struct session_want *want, uint64_t deadline_ms, struct link **link, struct sbuf *why) {
        if (!session->reader) {
                sbuf_add(why, "the connection was lost");
                return -ENOTCONN;
        }
        return connect_server(session, &session->reader->where, session->reader, want, deadline_ms, link, why);
}

void session_bind_ahead(struct session *session, const char *dn, const struct secret *password) {
        session_bind_forget(session);
        if (login_is_ready(session) && link_bind_send(session->login, dn, password, &session->ahead) < 0)
                session->ahead = 0;
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
                        if (!is_final(r) && r != -EACCES)
                                give_up_server(session);
                        return r;
                }
                r = bind_now(session, dn, password, deadline_ms, answer);
                if (r < 0 && try_again(session, &session->login, reused && tries == 0, r))
                        continue;
                if (r == -EPERM)
                        sbuf_printf(why, "%s: the connection is not encrypted: no password is sent (ldaps, starttls or insecure_plaintext)",
                                    session->login->server);
                else if (r < 0)
                        sbuf_printf(why, "no answer to a user's bind: %s", strerror(-r));
                if (r == -ECONNRESET || r == -ETIMEDOUT)
                        give_up_server(session);
                return r;
        }
}
