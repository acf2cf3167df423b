/* Fuzz target of what the PAM module's client takes from its socket: the first byte chooses the question, the rest is what comes back.
 * Relies on: libFuzzer; pam_multidir/ask.
 * Must never: take a reply that is not wholly one message of the expected type. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(int fd, uint8_t which) {
        static const struct wire_authenticate authenticate = { .user = "jsmith", .service = "sshd" };
        static const struct wire_change_password change = { .user = "jsmith", .check_only = 1 };
        static const struct wire_session session = { .user = "jsmith" };
        uint64_t deadline_ms = clock_monotonic_ms() + 1000;
        struct wire_authenticated authenticated;
        struct wire_changed changed;
        if (which % 3 == 0) {
                if (ask_authenticate_on(fd, &authenticate, &authenticated, deadline_ms) == 0 &&
                    ((unsigned)authenticated.reason >= REASON_MAX || authenticated.must_change > 1))
                        abort();
        } else if (which % 3 == 1) {
                if (ask_change_password_on(fd, &change, &changed, deadline_ms) == 0 && (unsigned)changed.reason >= REASON_MAX)
                        abort();
        } else {
                (void)ask_session_on(fd, &session, deadline_ms);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        int fds[2];
        if (size == 0 || size > 16384 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return 0;
        if (send(fds[1], data + 1, size - 1, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)(size - 1) && shutdown(fds[1], SHUT_WR) == 0)
                ask(fds[0], data[0]);
        (void)close(fds[0]);
        (void)close(fds[1]);
        return 0;
}
