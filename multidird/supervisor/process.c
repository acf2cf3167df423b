/* Starting the other roles; see supervisor/process.h.
 * Relies on: close_range, execveat on the descriptor of our own binary (also when the file was replaced by an upgrade meanwhile).
 * Must never: allocate between fork and exec. */
#include "multidird/supervisor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "multidird/sandbox/sandbox.h"

/* In the child. Comes back only on failure. */
static void become_role(const struct service *service, const char *role, const char *directory, int fd) {
        char role_option[32], directory_option[300];
        int self = service->self;
        (void)snprintf(role_option, sizeof role_option, "--role=%s", role);
        (void)snprintf(directory_option, sizeof directory_option, "--directory=%s", directory ? directory : "");
        char *arguments[] = { (char *)"multidird", role_option, directory ? directory_option : NULL, NULL };
        char *environment[] = { NULL };
        sigset_t none;
        /* 3 is the socket pair, 4 our own binary (closed by the exec); both are moved out of the way of each other first. */
        int socket_fd = fcntl(fd, F_DUPFD, 10), self_fd = fcntl(self, F_DUPFD, 10);
        if (socket_fd < 0 || self_fd < 0 || dup2(socket_fd, ROLE_FD) < 0 || dup3(self_fd, ROLE_FD + 1, O_CLOEXEC) < 0 ||
            close_range(ROLE_FD + 2, ~0u, 0) < 0)
                return;
        int null = open("/dev/null", O_RDWR);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
                return;
        (void)close(null);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        if (sandbox_before_exec(service->keeper_uid, service->keeper_gid) < 0)
                return;
        (void)execveat(ROLE_FD + 1, "", arguments, environment, AT_EMPTY_PATH);
}

int process_start(const struct service *service, const char *role, const char *directory, pid_t *pid, int *fd) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int ours = pair[0];
        _cleanup_close_ int theirs = pair[1];
        pid_t child = fork();
        if (child < 0)
                return -errno;
        if (child == 0) {
                become_role(service, role, directory, theirs);
                _exit(127);
        }
        *pid = child;
        *fd = TAKE_FD(ours);
        return 0;
}

int process_watch(struct service *service, pid_t pid, sd_event_child_handler_t callback, void *userdata, sd_event_source **source) {
        int r = sd_event_add_child(service->event, source, pid, WEXITED, callback, userdata);
        return r < 0 ? r : 0;
}

static int on_forgotten(sd_event_source *source, const siginfo_t *info, void *userdata) {
        return 0;
}

void process_forget(struct service *service, pid_t pid) {
        (void)sd_event_add_child(service->event, NULL, pid, WEXITED, on_forgotten, NULL);
}

void process_describe(const siginfo_t *info, char text[64]) {
        if (info->si_code == CLD_EXITED)
                (void)snprintf(text, 64, "exit status %d", info->si_status);
        else
                (void)snprintf(text, 64, "signal %d (%s)", info->si_status, strsignal(info->si_status));
}
