/* What each role gives up; see sandbox/sandbox.h. The filters are in sandbox/syscall_filter.c.
 * Relies on: the order: namespaces while still root, then the user, then (after the exec) everything that an exec would undo or need. */
#include "multidird/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "multidird/sandbox/syscall_filter.h"

#if defined(__SANITIZE_ADDRESS__)
#define UNLIMITED_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define UNLIMITED_MEMORY 1
#endif
#endif

#define KEEPER_MEMORY ((rlim_t)8 << 30)    /* address space: a million users, twice over while a view is built */
#define CHECKER_MEMORY ((rlim_t)512 << 20) /* SQLite's mapping and yescrypt's few megabytes */
#define WORKER_MEMORY ((rlim_t)2 << 30)    /* the numbers and DNs of a million entries while they are read */
#define KEEPER_FILE ((rlim_t)64 << 30)
#define WORKER_FILES 64                    /* descriptors: its channel, a stream, a connection or two, a name look-up */

int sandbox_find_user(const char *name, uid_t *uid, gid_t *gid) {
        _cleanup_fclose_ FILE *file = fopen("/etc/passwd", "re");
        if (!file)
                return -errno;
        struct passwd entry, *found = NULL;
        char buffer[4096];
        for (;;) {
                int r = fgetpwent_r(file, &entry, buffer, sizeof buffer, &found);
                if (r == ERANGE)
                        continue;
                if (r != 0)
                        return r == ENOENT ? -ENOENT : -r;
                if (strcmp(found->pw_name, name) == 0)
                        break;
        }
        if (found->pw_uid == 0 || found->pw_gid == 0)
                return -EPERM;
        *uid = found->pw_uid;
        *gid = found->pw_gid;
        return 0;
}

static int limit(int resource, rlim_t value) {
        struct rlimit both = { value, value };
        return setrlimit((__rlimit_resource_t)resource, &both) < 0 ? -errno : 0;
}

int sandbox_before_exec(enum sandbox_role role, uid_t uid, gid_t gid) {
        int namespaces = role == SANDBOX_WORKER ? CLONE_NEWIPC : CLONE_NEWNET | CLONE_NEWIPC;
        /* A manager may have taken CAP_SYS_ADMIN away; the filter forbids the others sockets in any case. */
        if ((unshare(namespaces) < 0 && errno != EPERM) || limit(RLIMIT_CORE, 0) < 0)
                return -errno;
        if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return -errno;
        return 0;
}

/* Lets the ruleset open path with the given rights; a path that is not there is no failure. A path of the system's may be a symbolic link. */
static int allow_path(int ruleset, const char *path, int no_follow, uint64_t rights) {
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC | no_follow);
        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
        struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };
        return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* Whether Landlock is not to be had: not in the kernel, or kept from us, as the system call filters of containers do (EPERM). */
static bool is_missing(int error) {
        return error == ENOSYS || error == EOPNOTSUPP || error == EPERM;
}

/* What finding a server's address and trusting its certificate takes, and nothing else of this host. */
static int allow_worker(int ruleset, const char *authorities) {
        static const char *const files[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services" };
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
                r = allow_path(ruleset, files[i], 0, LANDLOCK_ACCESS_FS_READ_FILE);
        return r == 0 && authorities ? allow_path(ruleset, authorities, 0, LANDLOCK_ACCESS_FS_READ_FILE) : r;
}

/* The stores folder, and in it only what the role needs; for a worker no folder at all. Without Landlock the file modes and the filter stand alone. */
static int enter_landlock(const struct sandbox *sandbox) {
        const uint64_t files = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
        const uint64_t folders = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
        const uint64_t others = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                LANDLOCK_ACCESS_FS_MAKE_SYM;
        struct landlock_ruleset_attr all = { .handled_access_fs = files | folders | others };
        _cleanup_close_ int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
        if (ruleset < 0)
                return is_missing(errno) ? 0 : -errno;
        uint64_t rights = sandbox->role == SANDBOX_KEEPER ? files | folders : LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
        int r = sandbox->role == SANDBOX_WORKER ? allow_worker(ruleset, sandbox->path) : allow_path(ruleset, sandbox->path, O_NOFOLLOW, rights);
        if (r == 0)
                r = allow_path(ruleset, "/dev/urandom", O_NOFOLLOW, LANDLOCK_ACCESS_FS_READ_FILE);
        if (r < 0)
                return r;
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

/* The filters of checkers and workers let them open nothing for writing; their log may be a file, which they must be able to say something in, so that they
 * have no limit on files' sizes. Whoever meets one, ours or the administrator's, is told by the call that failed, and does not die of it. */
static int enter_limits(enum sandbox_role role) {
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        int r = limit(RLIMIT_CORE, 0);
        if (r == 0 && sigaction(SIGXFSZ, &ignore, NULL) < 0)
                r = -errno;
#ifndef UNLIMITED_MEMORY
        if (r == 0)
                r = limit(RLIMIT_AS, role == SANDBOX_KEEPER ? KEEPER_MEMORY : role == SANDBOX_WORKER ? WORKER_MEMORY : CHECKER_MEMORY);
#endif
        if (r == 0 && role == SANDBOX_WORKER)
                r = limit(RLIMIT_NOFILE, WORKER_FILES);
        else if (r == 0 && role == SANDBOX_KEEPER)
                r = limit(RLIMIT_FSIZE, KEEPER_FILE);
        if (r == 0)
                r = limit(RLIMIT_NPROC, 0);
        return r;
}

int sandbox_enter(const struct sandbox *sandbox) {
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        int r = geteuid() == 0 || getegid() == 0 ? -EPERM : 0;
        if (r < 0)
                log_error("this role must not run as root");
        if (r == 0 && (r = enter_limits(sandbox->role)) < 0)
                log_error("cannot set the limits: %s", strerror(-r));
        if (r == 0 && (r = enter_landlock(sandbox)) < 0)
                log_error("cannot set the file rules: %s", strerror(-r));
        if (r == 0 && (r = syscall_filter_enter(sandbox)) < 0)
                log_error("cannot set the syscall filter: %s", strerror(-r));
        return r;
}
