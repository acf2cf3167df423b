/* What each role gives up, before it looks at a byte that it did not make itself.
 * Relies on: Linux (namespaces, Landlock where the kernel has it), libseccomp.
 * Must never: go on when a part of it fails. Landlock alone may be missing: the kernel may be built without it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum sandbox_role {
        SANDBOX_NONE = 0,
        SANDBOX_KEEPER,  /* reads and writes the stores; no network, no exec, no other file */
        SANDBOX_CHECKER, /* reads one store; opens nothing for writing */
        SANDBOX_WORKER,  /* has the network, and of files what finding and trusting a server takes; no stores, nothing for writing, no exec */
};

struct sandbox {
        enum sandbox_role role;
        const char *path;        /* keeper, checker: the stores folder. Worker: the file of certification authorities, or NULL */
        bool unix_sockets;       /* worker: its server is asked through a socket of this host (ldapi) */
};

/* Looks a service user up in /etc/passwd itself: name services may not be there yet, and this service is one. 0, -ENOENT, -EPERM (it is uid or
 * gid 0), or the errno of reading. */
int sandbox_find_user(const char *name, uid_t *uid, gid_t *gid);

/* In a forked child of root, before the exec: no network (but for a worker), no core, no root, dies with its parent. Allocates nothing. 0 or a
 * negative errno. */
int sandbox_before_exec(enum sandbox_role role, uid_t uid, gid_t gid);

/* In the role itself, first thing: not dumpable, memory and process limits, file rules and the syscall filter. 0 or a negative errno, logged. */
int sandbox_enter(const struct sandbox *sandbox);
