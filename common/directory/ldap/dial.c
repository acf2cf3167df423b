/* Connections before a deadline; see ldap/dial.h. */
#include "directory/ldap/dial.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"

#define USER_TIMEOUT_MS 20000 /* data that nobody acknowledges for so long ends the connection */
#define KEEPALIVE_IDLE_S 10   /* silence before the other end's kernel is asked */
#define KEEPALIVE_S 2         /* ... and again */

int deadline_left_ms(uint64_t deadline_ms) {
        uint64_t now = clock_monotonic_ms();
        return deadline_ms <= now ? 0 : deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
}

/* Waits for a connect that is on its way. */
static int finish(int fd, uint64_t deadline_ms) {
        for (;;) {
                struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
                int n = poll(&poll_fd, 1, deadline_left_ms(deadline_ms));
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        return -ETIMEDOUT;
                if (n > 0)
                        break;
        }
        int error = 0;
        socklen_t len = sizeof error;
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

static int connect_to(const struct sockaddr *address, socklen_t len, uint64_t deadline_ms) {
        _cleanup_close_ int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        int r = connect(fd, address, len) < 0 ? -errno : 0;
        if (r == -EINPROGRESS || r == -EINTR)
                r = finish(fd, deadline_ms);
        if (r < 0)
                return r;
        if (address->sa_family != AF_UNIX) {
                /* Without these a login takes 40 ms longer, a server that a firewall forgot is noticed after a quarter of an hour, and one that came back
                 * without knowing us, while we wait for its answer, not at all. */
                const int one = 1, user_timeout = USER_TIMEOUT_MS, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_S;
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
                (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
                (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
                (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
        }
        return TAKE_FD(fd);
}

/* A socket in a folder that others may write can be anybody's. */
static int check_folder(const char *path, const struct stat *socket_file, struct sbuf *why) {
        char folder[LDAP_PATH_MAX + 1];
        struct stat st;
        const char *slash = strrchr(path, '/');
        (void)snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
        if (stat(folder, &st) < 0)
                return -errno;
        if (!(st.st_mode & S_IWOTH) && (st.st_uid == 0 || st.st_uid == socket_file->st_uid))
                return 0;
        sbuf_printf(why, "the socket %s is in a folder that others own or everybody can write: nothing is sent", path);
        return -EPERM;
}

/* Who listens: root, or whoever the socket belongs to. */
static int check_listener(int fd, const char *path, const struct stat *socket_file, struct sbuf *why) {
        struct ucred peer;
        socklen_t len = sizeof peer;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
                return -errno;
        if (peer.uid == 0 || peer.uid == socket_file->st_uid)
                return 0;
        sbuf_printf(why, "uid %u listens on the socket %s, which belongs to uid %u: nothing is sent", peer.uid, path, socket_file->st_uid);
        return -EPERM;
}

static int dial_socket(const struct ldap_uri *uri, uint64_t deadline_ms, struct sbuf *why) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        memcpy(address.sun_path, uri->path, strlen(uri->path));
        struct stat st;
        size_t before = why->len;
        _cleanup_close_ int fd = -1;
        int r = stat(uri->path, &st) < 0 ? -errno : check_folder(uri->path, &st, why);
        if (r == 0)
                r = fd = connect_to((const struct sockaddr *)&address, sizeof address, deadline_ms);
        if (r >= 0)
                r = check_listener(fd, uri->path, &st, why);
        if (r < 0 && why->len == before)
                sbuf_printf(why, "cannot connect to the socket %s: %s", uri->path, strerror(-r));
        return r < 0 ? r : TAKE_FD(fd);
}

/* The resolver's own patience, 5 s a try, would use up a login. */
static void hurry_resolver(void) {
        if (res_init() == 0) {
                _res.retrans = 1;
                _res.retry = 2;
        }
}

int dial(const struct ldap_uri *uri, uint64_t deadline_ms, struct sbuf *why) {
        static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
        struct addrinfo *list = NULL;
        char port[8];
        unsigned count = 0;
        if (uri->scheme == LDAP_SCHEME_LDAPI)
                return dial_socket(uri, deadline_ms, why);
        hurry_resolver();
        (void)snprintf(port, sizeof port, "%u", uri->port);
        int r = getaddrinfo(uri->host, port, &hints, &list);
        if (r != 0) {
                sbuf_printf(why, "%s has no address: %s", uri->host, gai_strerror(r));
                return -EHOSTUNREACH;
        }
        for (const struct addrinfo *a = list; a; a = a->ai_next)
                count++;
        r = -EHOSTUNREACH;
        for (const struct addrinfo *a = list; a && r < 0; a = a->ai_next, count--)
                r = connect_to(a->ai_addr, a->ai_addrlen, clock_monotonic_ms() + (uint64_t)deadline_left_ms(deadline_ms) / count);
        freeaddrinfo(list);
        if (r < 0)
                sbuf_printf(why, "cannot connect to %s port %u: %s", uri->host, uri->port, strerror(-r));
        return r;
}

int dial_beside(int fd, const struct ldap_uri *uri, uint64_t deadline_ms, struct sbuf *why) {
        struct sockaddr_storage peer = { 0 };
        socklen_t len = sizeof peer;
        if (uri->scheme == LDAP_SCHEME_LDAPI)
                return dial_socket(uri, deadline_ms, why);
        int r = getpeername(fd, (struct sockaddr *)&peer, &len) < 0 ? -errno : connect_to((const struct sockaddr *)&peer, len, deadline_ms);
        if (r < 0)
                sbuf_printf(why, "cannot connect once more to %s port %u: %s", uri->host, uri->port, strerror(-r));
        return r;
}
