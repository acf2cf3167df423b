/* Which server a process asks; see ldap/session.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/ldap/dial.h"
#include "directory/ldap/session_internal.h"
#include "directory/ldap/srv.h"

#define DOWN_MS 20000          /* how long a server that failed is asked last */
#define REFUSED_MS 600000      /* ... and one that refused the service's account: the others have another password, or the same mistake */
#define REFUSALS_MAX 4         /* ... so many in one try: servers lock accounts for them */
#define DOMAIN_REFUSALS_MAX 2  /* ... of one +srv address */
#define PREFER_MS 60000        /* how often the preferred server is tried again */
#define PREFER_TRY_MS 700      /* ... and for how long, at most, while another one works */

uint64_t session_share_ms(uint64_t deadline_ms, size_t parts) {
        return clock_monotonic_ms() + (uint64_t)deadline_left_ms(deadline_ms) / (parts > 0 ? parts : 1);
}

void session_ask_last(struct session *session, const struct link *link) {
        session->down_until_ms[link->uri] = session->avoid_until_ms = clock_monotonic_ms() + DOWN_MS;
        session->lost = true;
        memcpy(session->avoid, link->server, sizeof session->avoid);
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

int session_connect_server(struct session *session, const struct ldap_uri *uri, const struct link *beside, const struct session_want *want, uint64_t deadline_ms,
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

/* Of the servers that DNS lists, the one that was given up last comes last. */
static void put_last(const struct session *session, struct ldap_uri uris[SRV_MAX], size_t count) {
        char server[LDAP_URI_TEXT_MAX];
        for (size_t i = 0; i + 1 < count && session->avoid_until_ms > clock_monotonic_ms(); i++) {
                ldap_uri_print(&uris[i], server, sizeof server);
                if (strcmp(server, session->avoid) != 0)
                        continue;
                struct ldap_uri avoided = uris[i];
                memmove(&uris[i], &uris[i + 1], (count - i - 1) * sizeof *uris);
                uris[count - 1] = avoided;
                return;
        }
}

/* One of the settings' URIs, as the servers that it stands for. */
static int list_servers(const struct session *session, size_t index, struct ldap_uri uris[SRV_MAX], size_t *count, struct sbuf *why) {
        const char *mistake;
        *count = 1;
        int r = ldap_uri_parse(session->settings->uris[index], &uris[0], &mistake);
        if (r < 0)
                sbuf_printf(why, "%s is no address of a server: %s", session->settings->uris[index], mistake);
        else if (uris[0].srv)
                r = srv_expand(&uris[0], uris, count, why);
        if (r == 0)
                put_last(session, uris, *count);
        return r;
}

/* *refused: how many have refused the service's account in this try. The servers of one domain mostly have one password: two of them are enough. */
static int connect_uri(struct session *session, size_t index, const struct session_want *want, uint64_t deadline_ms, unsigned *refused, struct link **link,
                       struct sbuf *why) {
        struct ldap_uri uris[SRV_MAX];
        size_t count;
        unsigned before = *refused;
        if (list_servers(session, index, uris, &count, why) < 0)
                return -EHOSTUNREACH;
        int r = -EHOSTUNREACH;
        for (size_t i = 0; i < count && r < 0 && !session_is_final(r) && *refused < REFUSALS_MAX && *refused - before < DOMAIN_REFUSALS_MAX; i++) {
                if (i > 0)
                        sbuf_add(why, "; ");
                r = session_connect_server(session, &uris[i], NULL, want, session_share_ms(deadline_ms, count - i), link, why);
                *refused += r == -EACCES;
        }
        bool refuses = r < 0 && *refused > before;
        if (index == 0)
                session->refused_until_ms = refuses ? clock_monotonic_ms() + REFUSED_MS : 0;
        session->down_until_ms[index] = r == 0 || session_is_final(r) ? 0 : clock_monotonic_ms() + (refuses ? REFUSED_MS : DOWN_MS);
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
                for (size_t i = 0; i < count && r < 0 && !session_is_final(r) && refused < REFUSALS_MAX; i++) {
                        if (tried[i] || (pass == 0 && session->down_until_ms[i] > now))
                                continue;
                        if (left < count)
                                sbuf_add(&reasons, "; ");
                        tried[i] = true;
                        r = connect_uri(session, i, want, session_share_ms(deadline_ms, left--), &refused, link, &reasons);
                }
        }
        if (r < 0)
                sbuf_add(why, sbuf_text(&reasons));
        else if (refused > 0)
                log_warning("%s%s takes it", sbuf_text(&reasons), (*link)->server);
        return r < 0 && refused > 0 ? -EACCES : r;
}

void session_return_to_preferred(struct session *session, const struct session_want *want, struct link **link, uint64_t deadline_ms) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct link *preferred = NULL;
        uint64_t now = clock_monotonic_ms(), try_ms = (uint64_t)deadline_left_ms(deadline_ms) / 4;
        unsigned refused = 0;
        if ((*link)->uri == 0 || now < session->prefer_after_ms)
                return;
        session->prefer_after_ms = now + PREFER_MS;
        /* It refused the account, and servers lock accounts for tries. */
        if (session->refused_until_ms > now)
                return;
        uint64_t until = now + (try_ms < PREFER_TRY_MS ? try_ms : PREFER_TRY_MS);
        enum account_word account = session->account;
        if (connect_uri(session, 0, want, until, &refused, &preferred, &why) < 0) {
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
        unsigned refused = 0;
        if (session->refused_until_ms > now) {
                session->prefer_after_ms = session->refused_until_ms; /* no account is tried again and again */
                return false;
        }
        int r = connect_uri(session, 0, &(struct session_want){ LINK_MESSAGE_SMALL, true }, now + PREFER_TRY_MS, &refused, &preferred, &why);
        if (r == 0)
                r = try_base(preferred, base, now + PREFER_TRY_MS);
        session->prefer_after_ms = session_is_final(r) ? UINT64_MAX : r == -EACCES ? session->refused_until_ms : now + PREFER_MS;
        if (r < 0)
                session->account = word; /* the server that is read takes it */
        return r == 0;
}

/* How many servers a +srv address stands for, the next look will tell: it is worth one. */
static bool has_another(const struct session *session, const struct link *link) {
        uint64_t now = clock_monotonic_ms();
        bool another = !session->lost && strstr(session->settings->uris[link->uri], "+srv:");
        for (size_t i = 0; i < session->settings->uri_count && i < SESSION_URIS_MAX; i++)
                another = another || (i != link->uri && session->down_until_ms[i] <= now);
        return another;
}

bool session_goes_elsewhere(const struct session *session, const struct link *link, int r) {
        return (r == -EAGAIN || r == -ECANCELED) && has_another(session, link);
}

uint64_t session_patience_ms(const struct session *session, const struct link *link, uint64_t deadline_ms) {
        return has_another(session, link) ? clock_monotonic_ms() + (uint64_t)deadline_left_ms(deadline_ms) / 4 * 3 : deadline_ms;
}

int session_connect_well(struct session *session, const char *base, uint64_t deadline_ms, struct link **link, struct sbuf *why) {
        static const struct session_want want = { LINK_MESSAGE_LARGE, true };
        session->lost = false;
        for (;;) {
                int r = session_connect(session, &want, deadline_ms, link, why);
                if (r < 0 || !has_another(session, *link) ||
                    !session_goes_elsewhere(session, *link, try_base(*link, base, session_share_ms(deadline_ms, 2))))
                        return r;
                session_ask_last(session, *link);
                link_close(TAKE_PTR(*link));
        }
}
