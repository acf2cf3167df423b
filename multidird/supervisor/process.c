/* Starting the other roles; see supervisor/process.h.
 * Relies on: close_range, execveat on the descriptor of our own binary (also when the file was replaced by an upgrade meanwhile).
 * Must never: allocate between fork and exec. */
#include "multidird/supervisor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

const char *process_role_name(enum sandbox_role role) {
        switch (role) {
        case SANDBOX_KEEPER: return "keeper";
        case SANDBOX_CHECKER: return "checker";
        case SANDBOX_WORKER: return "worker";
        case SANDBOX_NONE:
        default: return "none";
        }
}

/* Room for a child's command line: made before the fork. */
struct arguments { char role[32], directory[300], authorities[PATH_MAX + 32]; char *list[8]; };

static void make_arguments(const struct process_role *what, struct arguments *arguments) {
        size_t count = 0;
        (void)snprintf(arguments->role, sizeof arguments->role, "--role=%s", process_role_name(what->role));
        arguments->list[count++] = (char *)(uintptr_t)"multidird";
        arguments->list[count++] = arguments->role;
        if (what->directory) {
                (void)snprintf(arguments->directory, sizeof arguments->directory, "--directory=%s", what->directory);
                arguments->list[count++] = arguments->directory;
        }
        if (what->authorities && what->authorities[0]) {
                (void)snprintf(arguments->authorities, sizeof arguments->authorities, "--authorities=%s", what->authorities);
                arguments->list[count++] = arguments->authorities;
        }
        if (what->unix_sockets)
                arguments->list[count++] = (char *)(uintptr_t)"--unix-sockets";
        arguments->list[count] = NULL;
}

/* In the child. Comes back only on failure. */
static void become_role(const struct service *service, enum sandbox_role role, char *const *arguments, int fd) {
        /* libldap must not look into files and variables of anybody's (ldap.conf, ldaprc) for what the configuration does not say. */
        char *nothing[] = { NULL }, *of_worker[] = { (char *)(uintptr_t)"LDAPNOINIT=1", NULL };
        bool worker = role == SANDBOX_WORKER;
        int self = service->self;
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
        if (sandbox_before_exec(role, worker ? service->worker_uid : service->keeper_uid, worker ? service->worker_gid : service->keeper_gid) < 0)
                return;
        (void)execveat(ROLE_FD + 1, "", arguments, worker ? of_worker : nothing, AT_EMPTY_PATH);
}

int process_start(const struct service *service, const struct process_role *what, pid_t *pid, int *fd) {
        struct arguments arguments;
        int pair[2];
        if (what->role == SANDBOX_WORKER && service->worker_uid == 0)
                return -ENOENT;
        make_arguments(what, &arguments);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int ours = pair[0];
        _cleanup_close_ int theirs = pair[1];
        pid_t child = fork();
        if (child < 0)
                return -errno;
        if (child == 0) {
                become_role(service, what->role, arguments.list, theirs);
                _exit(127);
        }
        *pid = child;
        *fd = TAKE_FD(ours);
        return 0;
}

const char *process_start_problem(const struct service *service, enum sandbox_role role, int error) {
        return role == SANDBOX_WORKER && service->worker_uid == 0 ? "there is no user multidir-worker" : strerror(-error);
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
