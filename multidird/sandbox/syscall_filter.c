/* The syscall filters; see sandbox/syscall_filter.h. */
#include "multidird/sandbox/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/cleanup.h"

/* All roles: memory, time, their socket pair, and looking at files that are open or that the file rules let them open. */
static const int calls_of_all[] = {
        SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(lseek),
        SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access), SCMP_SYS(faccessat),
        SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
        SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex),
        SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
        SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
        SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
        SCMP_SYS(getrandom), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrusage),
        SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
        SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* The keeper writes stores and makes views in memory. */
static const int calls_of_keeper[] = {
        SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fsync),
        SCMP_SYS(fdatasync), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
        SCMP_SYS(memfd_create), SCMP_SYS(fchmod), SCMP_SYS(flock), SCMP_SYS(getdents64), SCMP_SYS(umask), SCMP_SYS(fstatfs),
};

/* A worker's connections: libldap's and the resolver's. It connects, and never waits for others to. */
static const int calls_of_worker[] = {
        SCMP_SYS(connect), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(shutdown),
        SCMP_SYS(sendmmsg), SCMP_SYS(getppid),
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count) {
        for (size_t i = 0; i < count; i++) {
                /* A call that this machine does not have has no number to allow. */
                int r = calls[i] < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Allowed where the bits of mask are all clear in argument number n. */
static int allow_without(scmp_filter_ctx filter, int call, unsigned n, unsigned long mask) {
        if (call < 0)
                return 0;
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_CMP(n, SCMP_CMP_MASKED_EQ, mask, 0));
}

/* Never who is sent which signal when a descriptor is ready (F_SETOWN, F_SETSIG, O_ASYNC): that would be kill() for all processes of the same user. */
static int allow_fcntl(scmp_filter_ctx filter, enum sandbox_role role) {
        static const int commands[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL };
        static const int of_stores[] = { F_GETLK, F_SETLK, F_SETLKW, F_ADD_SEALS, F_GET_SEALS };
        int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 2, SCMP_CMP(1, SCMP_CMP_EQ, F_SETFL), SCMP_CMP(2, SCMP_CMP_MASKED_EQ, O_ASYNC, 0));
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(commands); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_CMP(1, SCMP_CMP_EQ, (unsigned long)commands[i]));
        for (size_t i = 0; r == 0 && role != SANDBOX_WORKER && i < ARRAY_SIZE(of_stores); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_CMP(1, SCMP_CMP_EQ, (unsigned long)of_stores[i]));
        return r;
}

/* Sockets of a worker. Libraries ask by themselves for what it does not need (nscd's socket, the system log's, the list of interfaces): there is
 * none, as if the kernel had been built without. */
static int allow_sockets(scmp_filter_ctx filter, bool unix_sockets) {
        static const struct { unsigned long family, type; } kinds[] = {
                { AF_INET, SOCK_STREAM }, { AF_INET, SOCK_DGRAM }, { AF_INET6, SOCK_STREAM }, { AF_INET6, SOCK_DGRAM }, { AF_UNIX, SOCK_STREAM },
        };
        const unsigned long type_mask = ~(unsigned long)(SOCK_CLOEXEC | SOCK_NONBLOCK);
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
                if (kinds[i].family != AF_UNIX || unix_sockets)
                        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_CMP(0, SCMP_CMP_EQ, kinds[i].family),
                                             SCMP_CMP(1, SCMP_CMP_MASKED_EQ, type_mask, kinds[i].type));
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 2, SCMP_CMP(0, SCMP_CMP_EQ, AF_UNIX),
                                     SCMP_CMP(1, SCMP_CMP_MASKED_EQ, type_mask, SOCK_DGRAM));
        if (r == 0 && !unix_sockets)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 2, SCMP_CMP(0, SCMP_CMP_EQ, AF_UNIX),
                                     SCMP_CMP(1, SCMP_CMP_MASKED_EQ, type_mask, SOCK_STREAM));
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_CMP(0, SCMP_CMP_EQ, AF_NETLINK));
        return r;
}

static int fill_worker(scmp_filter_ctx filter, bool unix_sockets) {
        int r = allow(filter, calls_of_worker, ARRAY_SIZE(calls_of_worker));
        if (r == 0)
                r = allow_sockets(filter, unix_sockets);
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_CMP(1, SCMP_CMP_EQ, FIONREAD));
        /* libsasl lists the folders of its plug-ins, which the file rules forbid where the kernel has them. Without them too it shall find none. */
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(getdents64), 0);
        return r;
}

static int fill(scmp_filter_ctx filter, const struct sandbox *sandbox) {
        const unsigned long writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
        int r = allow(filter, calls_of_all, ARRAY_SIZE(calls_of_all));
        if (r == 0)
                r = allow_without(filter, SCMP_SYS(mmap), 2, PROT_EXEC);
        if (r == 0)
                r = allow_without(filter, SCMP_SYS(mprotect), 2, PROT_EXEC);
        if (r == 0)
                r = allow_fcntl(filter, sandbox->role);
        /* isatty(), for the log. */
        if (r == 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_CMP(1, SCMP_CMP_EQ, TCGETS));
        if (r == 0 && sandbox->role == SANDBOX_KEEPER)
                return allow(filter, calls_of_keeper, ARRAY_SIZE(calls_of_keeper));
        if (r == 0)
                r = allow_without(filter, SCMP_SYS(open), 1, writing);
        if (r == 0)
                r = allow_without(filter, SCMP_SYS(openat), 2, writing);
        return r == 0 && sandbox->role == SANDBOX_WORKER ? fill_worker(filter, sandbox->unix_sockets) : r;
}

int syscall_filter_enter(const struct sandbox *sandbox) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!filter)
                return -ENOMEM;
        int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        if (r == 0)
                r = fill(filter, sandbox);
        if (r == 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r;
}
