/* One connection; see ldap/link.h. */
#include "directory/ldap/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openldap.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/ports.h"
#include "directory/ldap/dial.h"
#include "directory/ldap/words.h"
#include "model/ldap_uri.h"

#define READ_AHEAD_SMALL 4096
#define READ_AHEAD_LARGE 65536
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

void link_prepare_process(void) {
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        (void)setenv("LDAPNOINIT", "1", 1);
        (void)sigaction(SIGPIPE, &ignore, NULL);
}

static struct timeval left(uint64_t deadline_ms) {
        int ms = deadline_left_ms(deadline_ms);
        return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
}

/* libldap makes the descriptor blocking when it has connected or shaken hands; half a message would then stop us for ever. */
static int stay_nonblocking(const struct link *link) {
        int flags = fcntl(link->fd, F_GETFL);
        return flags < 0 || fcntl(link->fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* ... and nobody but root can be the one that listens; of a socket, dial() has seen to that. */
static bool peer_is_root_of_this_host(int fd) {
        struct sockaddr_storage address = { 0 };
        socklen_t len = sizeof address;
        if (getpeername(fd, (struct sockaddr *)&address, &len) < 0)
                return false;
        if (address.ss_family == AF_UNIX)
                return true;
        const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
        if (address.ss_family == AF_INET)
                return ntohl(four->sin_addr.s_addr) >> 24 == 127 && ntohs(four->sin_port) < ports_first_unprivileged();
        return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) && ntohs(six->sin6_port) < ports_first_unprivileged();
}

/* Below TLS. libldap's own limit for a handshake begins anew with every byte that comes: here reading waits itself, until the deadline of all of it. */
static int gate_setup(Sockbuf_IO_Desc *layer, void *link) {
        layer->sbiod_pvt = link;
        return 0;
}
static int gate_remove(_unused_ Sockbuf_IO_Desc *layer) {
        return 0;
}
static int gate_ctrl(Sockbuf_IO_Desc *layer, int option, void *value) {
        return LBER_SBIOD_CTRL_NEXT(layer, option, value);
}
static ber_slen_t gate_read(Sockbuf_IO_Desc *layer, void *buffer, ber_len_t len) {
        const struct link *link = layer->sbiod_pvt;
        struct pollfd poll_fd = { .fd = link->fd, .events = POLLIN };
        if (link->handshake_until_ms > 0 && poll(&poll_fd, 1, deadline_left_ms(link->handshake_until_ms)) <= 0) {
                errno = ETIMEDOUT;
                return -1;
        }
        return LBER_SBIOD_READ_NEXT(layer, buffer, len);
}
static ber_slen_t gate_write(Sockbuf_IO_Desc *layer, void *buffer, ber_len_t len) {
        return LBER_SBIOD_WRITE_NEXT(layer, buffer, len);
}
static int gate_close(_unused_ Sockbuf_IO_Desc *layer) {
        return 0;
}
#define GATE_LEVEL ((LBER_SBIOD_LEVEL_PROVIDER + LBER_SBIOD_LEVEL_TRANSPORT) / 2)
static Sockbuf_IO gate = { .sbi_setup = gate_setup, .sbi_remove = gate_remove, .sbi_ctrl = gate_ctrl, .sbi_read = gate_read, .sbi_write = gate_write,
                           .sbi_close = gate_close };

static int set_options(struct link *link, size_t message_max, uint64_t deadline_ms) {
        const int version = LDAP_VERSION3;
        const struct timeval limit = left(deadline_ms);
        Sockbuf *buffer = NULL;
        ber_len_t max = message_max;
        if (ldap_set_option(link->ld, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
            ldap_set_option(link->ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS ||
            ldap_set_option(link->ld, LDAP_OPT_NETWORK_TIMEOUT, &limit) != LDAP_OPT_SUCCESS ||
            ldap_set_option(link->ld, LDAP_OPT_TIMEOUT, &limit) != LDAP_OPT_SUCCESS ||
            /* Otherwise a handshake that stalls is an endless loop. */
            ldap_set_option(link->ld, LDAP_OPT_CONNECT_ASYNC, LDAP_OPT_ON) != LDAP_OPT_SUCCESS ||
            ldap_get_option(link->ld, LDAP_OPT_SOCKBUF, &buffer) != LDAP_OPT_SUCCESS || !buffer)
                return -EPROTO;
        /* Otherwise a length of 2 GB in a header is allocated. */
        return ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &max) == 1 && ber_sockbuf_add_io(buffer, &gate, GATE_LEVEL, link) == 0 ? 0 : -EPROTO;
}

/* A context of this handle's own; a failure must end it, or libldap would fall back to the process's. */
static int make_tls(const struct link *link, const struct ldap_settings *settings, struct sbuf *why) {
        const char *ca = settings->tls_ca_file[0] ? settings->tls_ca_file : SYSTEM_CA_FILE;
        const int demand = LDAP_OPT_X_TLS_DEMAND, lowest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, client = 0;
        bool ok = ldap_set_option(link->ld, LDAP_OPT_X_TLS_CACERTFILE, ca) == LDAP_OPT_SUCCESS &&
                  ldap_set_option(link->ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == LDAP_OPT_SUCCESS &&
                  ldap_set_option(link->ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &lowest) == LDAP_OPT_SUCCESS &&
                  ldap_set_option(link->ld, LDAP_OPT_X_TLS_NEWCTX, &client) == LDAP_OPT_SUCCESS;
        if (!ok)
                sbuf_printf(why, "TLS cannot be set up: is %s a file of certificates?", ca);
        return ok ? 0 : -EPROTO;
}

/* libldap takes a lowest version for GnuTLS and ignores it, and leaks 8 KiB a connection if given a priority string: so the version is looked at when
 * it is agreed on, before anything is sent. */
static bool version_is_good(const struct link *link) {
        char *version = NULL;
        (void)ldap_get_option(link->ld, LDAP_OPT_X_TLS_VERSION, &version);
        bool good = version && (strstr(version, "1.3") || strstr(version, "1.2"));
        ldap_memfree(version);
        return good;
}

static int shake_hands(struct link *link, uint64_t deadline_ms, struct sbuf *why) {
        const struct timeval limit = left(deadline_ms);
        (void)ldap_set_option(link->ld, LDAP_OPT_NETWORK_TIMEOUT, &limit);
        link->handshake_until_ms = deadline_ms;
        int code = ldap_install_tls(link->ld);
        link->handshake_until_ms = 0;
        if (code == LDAP_SUCCESS && ldap_tls_inplace(link->ld) && version_is_good(link))
                return 0;
        if (deadline_left_ms(deadline_ms) == 0) {
                sbuf_printf(why, "%s: the TLS handshake took too long", link->server);
                return -ETIMEDOUT;
        }
        /* libldap does not say which of these it was. */
        sbuf_printf(why, "%s: no TLS: its certificate is not valid, not for that name or not signed by tls_ca_file, or the server speaks no TLS 1.2",
                    link->server);
        return -EPROTO;
}

static int start_tls(struct link *link, uint64_t deadline_ms, struct sbuf *why) {
        LDAPMessage *message = NULL;
        char *diagnostic = NULL;
        int id = -1, code = LDAP_OTHER;
        if (ldap_start_tls(link->ld, NULL, NULL, &id) != LDAP_SUCCESS)
                code = LDAP_SERVER_DOWN;
        int r = code == LDAP_SERVER_DOWN ? -ECONNRESET : link_wait(link, id, LDAP_MSG_ALL, deadline_ms, &message);
        if (r < 0) {
                sbuf_printf(why, "%s: no answer to StartTLS: %s", link->server, strerror(-r));
                return r;
        }
        if (ldap_parse_result(link->ld, message, &code, NULL, &diagnostic, NULL, NULL, 1) != LDAP_SUCCESS)
                code = LDAP_PROTOCOL_ERROR;
        if (code != LDAP_SUCCESS) {
                sbuf_printf(why, "%s refuses StartTLS: ", link->server);
                link_describe(why, code, diagnostic);
        }
        ldap_memfree(diagnostic);
        return code == LDAP_SUCCESS ? shake_hands(link, deadline_ms, why) : -EPROTO;
}

static int secure(struct link *link, const struct ldap_settings *settings, const struct ldap_uri *uri, uint64_t deadline_ms, struct sbuf *why) {
        bool tls = uri->scheme == LDAP_SCHEME_LDAPS || (uri->scheme == LDAP_SCHEME_LDAP && settings->starttls);
        int r = tls ? make_tls(link, settings, why) : 0;
        if (r == 0 && tls)
                r = uri->scheme == LDAP_SCHEME_LDAPS ? shake_hands(link, deadline_ms, why) : start_tls(link, deadline_ms, why);
        if (r < 0)
                return r;
        link->may_send_secrets = tls || settings->insecure_plaintext || peer_is_root_of_this_host(link->fd);
        return stay_nonblocking(link);
}

/* libldap asks the kernel three times for each message otherwise, and a directory is many. Below TLS, and only once that is set up: the gate waits for
 * the descriptor, not for what would lie in here. */
static int read_ahead(const struct link *link, size_t message_max) {
        int size = message_max > LINK_MESSAGE_SMALL ? READ_AHEAD_LARGE : READ_AHEAD_SMALL;
        Sockbuf *buffer = NULL;
        if (ldap_get_option(link->ld, LDAP_OPT_SOCKBUF, &buffer) != LDAP_OPT_SUCCESS || !buffer)
                return -EPROTO;
        return ber_sockbuf_add_io(buffer, &ber_sockbuf_io_readahead, LBER_SBIOD_LEVEL_PROVIDER, &size) == 0 ? 0 : -ENOMEM;
}

int link_open(const struct ldap_settings *settings, const struct ldap_uri *uri, const struct link *beside, size_t message_max, uint64_t deadline_ms,
              struct link **result, struct sbuf *why) {
        _cleanup_(link_closep) struct link *link = calloc(1, sizeof *link);
        if (!link)
                return -ENOMEM;
        link->where = *uri;
        ldap_uri_print(uri, link->server, sizeof link->server);
        _cleanup_close_ int fd = beside ? dial_beside(beside->fd, uri, deadline_ms, why) : dial(uri, deadline_ms, why);
        if (fd < 0)
                return fd;
        link->peer_len = sizeof link->peer;
        if (getpeername(fd, (struct sockaddr *)&link->peer, &link->peer_len) < 0)
                return -errno;
        if (ldap_init_fd(fd, uri->scheme == LDAP_SCHEME_LDAPI ? LDAP_PROTO_IPC : LDAP_PROTO_TCP, link->server, &link->ld) != LDAP_SUCCESS) {
                sbuf_printf(why, "%s: libldap refuses the connection", link->server);
                return -EPROTO;
        }
        link->fd = TAKE_FD(fd);
        link->used_ms = clock_monotonic_ms();
        int r = set_options(link, message_max, deadline_ms);
        if (r == 0)
                r = stay_nonblocking(link);
        if (r < 0) {
                sbuf_printf(why, "%s: libldap refuses an option", link->server);
                return r;
        }
        r = secure(link, settings, uri, deadline_ms, why);
        if (r < 0)
                return r;
        r = read_ahead(link, message_max);
        if (r == 0)
                *result = TAKE_PTR(link);
        else
                sbuf_printf(why, "%s: there is no buffer to read into", link->server);
        return r;
}

bool link_same_server(const struct link *a, const struct link *b) {
        return strcmp(a->server, b->server) == 0 && strcmp(a->where.path, b->where.path) == 0 && a->peer_len == b->peer_len &&
               memcmp(&a->peer, &b->peer, a->peer_len) == 0;
}

void link_close(struct link *link) {
        if (!link)
                return;
        if (link->ld)
                (void)ldap_unbind_ext(link->ld, NULL, NULL);
        free(link);
}

bool link_is_cut(const struct link *link) {
        char byte;
        ssize_t n = recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

int link_wait(struct link *link, int id, int all, uint64_t deadline_ms, LDAPMessage **message) {
        struct timeval limit = left(deadline_ms);
        *message = NULL;
        /* A deadline that has passed is still one look: what is there already counts. */
        int type = ldap_result(link->ld, id, all, &limit, message);
        link->used_ms = clock_monotonic_ms();
        if (type > 0 && *message)
                return 0;
        return type == 0 ? -ETIMEDOUT : -ECONNRESET;
}

uint32_t link_expiring(const struct berval *value) {
        uint64_t seconds = 0;
        for (ber_len_t i = 0; value->bv_val && i < value->bv_len && seconds < UINT32_MAX; i++) {
                /* Some count the NUL behind it. */
                if (value->bv_val[i] == 0 && i + 1 == value->bv_len)
                        break;
                if (value->bv_val[i] < '0' || value->bv_val[i] > '9')
                        return 0;
                seconds = seconds * 10 + (uint64_t)(value->bv_val[i] - '0');
        }
        return seconds < UINT32_MAX ? (uint32_t)seconds : 0;
}

static void take_controls(struct link *link, LDAPControl **controls, struct bind_answer *answer) {
        for (size_t i = 0; controls && controls[i]; i++) {
                ber_int_t expire = -1, grace = -1;
                LDAPPasswordPolicyError error = PP_noError;
                if (strcmp(controls[i]->ldctl_oid, LDAP_CONTROL_X_PASSWORD_EXPIRED) == 0)
                        answer->netscape_expired = true;
                if (strcmp(controls[i]->ldctl_oid, LDAP_CONTROL_X_PASSWORD_EXPIRING) == 0)
                        answer->expires_s = link_expiring(&controls[i]->ldctl_value);
                if (strcmp(controls[i]->ldctl_oid, LDAP_CONTROL_PASSWORDPOLICYRESPONSE) != 0 ||
                    ldap_parse_passwordpolicy_control(link->ld, controls[i], &expire, &grace, &error) != LDAP_SUCCESS)
                        continue;
                answer->ppolicy = (int)error;
                answer->grace = (int)grace;
                if (expire > 0)
                        answer->expires_s = (uint32_t)expire;
        }
}

static int take_answer(struct link *link, LDAPMessage *message, struct bind_answer *answer) {
        LDAPControl **controls = NULL;
        char *diagnostic = NULL;
        *answer = (struct bind_answer){ .ppolicy = PP_noError, .grace = -1 };
        int code = ldap_parse_result(link->ld, message, &answer->code, NULL, &diagnostic, NULL, &controls, 1);
        if (code == LDAP_SUCCESS) {
                words_copy(diagnostic ? diagnostic : "", answer->text, sizeof answer->text);
                take_controls(link, controls, answer);
        }
        ldap_controls_free(controls);
        ldap_memfree(diagnostic);
        return code == LDAP_SUCCESS ? 0 : -ECONNRESET;
}

int link_answer(struct link *link, int id, uint64_t deadline_ms, struct bind_answer *answer) {
        LDAPMessage *message = NULL;
        int r = link_wait(link, id, LDAP_MSG_ALL, deadline_ms, &message);
        return r < 0 ? r : take_answer(link, message, answer);
}

int link_bind_send(struct link *link, const char *dn, const struct secret *password, int *id) {
        static char oid[] = LDAP_CONTROL_PASSWORDPOLICYREQUEST;
        LDAPControl policy = { .ldctl_oid = oid };
        LDAPControl *controls[] = { &policy, NULL };
        /* libldap only reads it. */
        struct berval credentials = { .bv_len = password->len, .bv_val = (char *)(uintptr_t)password->bytes };
        if (!dn[0] || password->len == 0)
                return -EINVAL;
        if (!link->may_send_secrets)
                return -EPERM;
        return ldap_sasl_bind(link->ld, dn, LDAP_SASL_SIMPLE, &credentials, controls, NULL, id) == LDAP_SUCCESS ? 0 : -ECONNRESET;
}

int link_bind(struct link *link, const char *dn, const struct secret *password, uint64_t deadline_ms, struct bind_answer *answer) {
        int id = -1, r = link_bind_send(link, dn, password, &id);
        return r < 0 ? r : link_answer(link, id, deadline_ms, answer);
}

void link_describe(struct sbuf *why, int code, const char *diagnostic) {
        char words[200];
        sbuf_printf(why, "%s (LDAP result %d)", ldap_err2string(code), code);
        words_copy(diagnostic ? diagnostic : "", words, sizeof words);
        if (words[0])
                sbuf_printf(why, ": %s", words);
}
