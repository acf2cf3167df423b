/* The client of both sockets; see client.h.
 * Nothing here blocks but poll: the socket is non-blocking, and every poll ends at the deadline. */
#include "wire/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* A full backlog answers EAGAIN on a UNIX socket, and poll cannot wait for room in it. */
#define BACKLOG_PAUSE_MS 5

/* Milliseconds for poll until the deadline; 0 when it has passed. */
static int time_left(uint64_t deadline_ms) {
        uint64_t now = clock_monotonic_ms();
        if (now >= deadline_ms)
                return 0;
        return deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
}

/* Waits until fd has one of events (or an error to report). 0, -ETIMEDOUT or another negative errno. */
static int wait_for(int fd, short events, uint64_t deadline_ms) {
        struct pollfd pollfd = { .fd = fd, .events = events };
        for (;;) {
                int left = time_left(deadline_ms);
                if (left == 0)
                        return -ETIMEDOUT;
                int n = poll(&pollfd, 1, left);
                if (n > 0)
                        return pollfd.revents & POLLNVAL ? -EBADF : 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

/* Connects fd. 0 or a negative errno. */
static int connect_until(int fd, const struct sockaddr_un *address, uint64_t deadline_ms) {
        for (;;) {
                int error = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
                if (error == 0 || error == EISCONN)
                        return 0;
                if (error != EAGAIN && error != EINTR)
                        return -error;
                int left = time_left(deadline_ms);
                if (left == 0)
                        return -ETIMEDOUT;
                if (error == EAGAIN)
                        (void)poll(NULL, 0, left < BACKLOG_PAUSE_MS ? left : BACKLOG_PAUSE_MS);
        }
}

/* A program that closed its standard descriptors must not get our socket in their place. */
static int move_above_standard(int *fd) {
        if (*fd > STDERR_FILENO)
                return 0;
        int higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (higher < 0)
                return -errno;
        (void)close(*fd);
        *fd = higher;
        return 0;
}

static int check_server(int fd) {
        struct ucred server = { .uid = (uid_t)-1 };
        socklen_t len = sizeof server;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &len) < 0)
                return -errno;
        return len == sizeof server && server.uid == 0 ? 0 : -EPERM;
}

int wire_connect(const char *path, uint64_t deadline_ms) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t len = strlen(path);
        if (len >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, len + 1);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        int r = move_above_standard(&fd);
        if (r == 0)
                r = connect_until(fd, &address, deadline_ms);
        if (r == 0)
                r = check_server(fd);
        return r < 0 ? r : TAKE_FD(fd);
}

/* Takes n sent bytes off the front of the vectors. */
static void advance(struct iovec *parts, size_t count, size_t n) {
        for (size_t i = 0; i < count && n > 0; i++) {
                size_t step = n < parts[i].iov_len ? n : parts[i].iov_len;
                parts[i].iov_base = (unsigned char *)parts[i].iov_base + step;
                parts[i].iov_len -= step;
                n -= step;
        }
}

int wire_send(int fd, enum wire_type type, const void *payload, size_t len, uint64_t deadline_ms) {
        unsigned char header[WIRE_HEADER];
        if (len > UINT32_MAX)
                return -EMSGSIZE;
        wire_make_header(header, type, len);
        struct iovec parts[2] = {
                { .iov_base = header, .iov_len = sizeof header },
                { .iov_base = (void *)payload, .iov_len = len },
        };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = len > 0 ? 2 : 1 };
        for (size_t left = sizeof header + len; left > 0;) {
                ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n > 0) {
                        advance(parts, 2, (size_t)n);
                        left -= (size_t)n;
                        continue;
                }
                if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                int r = wait_for(fd, POLLOUT, deadline_ms);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Fills bytes[0..len). 0, -ECONNRESET at the end of the stream, -ETIMEDOUT or another negative errno. */
static int receive_exactly(int fd, unsigned char *bytes, size_t len, uint64_t deadline_ms) {
        while (len > 0) {
                ssize_t n = recv(fd, bytes, len, MSG_DONTWAIT);
                if (n == 0)
                        return -ECONNRESET;
                if (n > 0) {
                        bytes += n;
                        len -= (size_t)n;
                        continue;
                }
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                int r = wait_for(fd, POLLIN, deadline_ms);
                if (r < 0)
                        return r;
        }
        return 0;
}

int wire_receive(int fd, enum wire_type *type, unsigned char *buffer, size_t size, size_t *len, uint64_t deadline_ms) {
        unsigned char header[WIRE_HEADER];
        struct wire_frame frame = { 0 };
        int r = receive_exactly(fd, header, sizeof header, deadline_ms);
        if (r == 0)
                r = wire_parse_header(header, size, &frame);
        if (r == 0)
                r = receive_exactly(fd, buffer, frame.len, deadline_ms);
        if (r < 0)
                return r;
        *type = frame.type;
        *len = frame.len;
        return 0;
}
