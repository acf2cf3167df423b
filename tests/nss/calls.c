/* What the module asks of the system: a filter kills the process at any call that the design does not name, and an allocator of the test's own
 * counts. Look-ups, the first and later ones, a newer view, both walks, misses.
 * Relies on: argv[1]: the module as a shared object; libseccomp; world.h. Not built with sanitizers: they make calls and allocate. */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "base/cleanup.h"
#include "world.h"

/* The C library's own, under the names that it keeps for an interposer. */
extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void __libc_free(void *p);

static unsigned long mallocs, reallocs;
#define INTERPOSED __attribute__((visibility("default")))
INTERPOSED void *malloc(size_t size) { mallocs++; return __libc_malloc(size); }
INTERPOSED void *calloc(size_t count, size_t size) { mallocs++; return __libc_calloc(count, size); }
INTERPOSED void *realloc(void *p, size_t size) { reallocs++; return __libc_realloc(p, size); }
INTERPOSED void free(void *p) { mallocs += p != NULL; __libc_free(p); }

static struct {
        enum nss_status (*getpwnam_r)(const char *, struct passwd *, char *, size_t, int *);
        enum nss_status (*getpwuid_r)(uid_t, struct passwd *, char *, size_t, int *);
        enum nss_status (*getpwent_r)(struct passwd *, char *, size_t, int *);
        enum nss_status (*getgrnam_r)(const char *, struct group *, char *, size_t, int *);
        enum nss_status (*getgrgid_r)(gid_t, struct group *, char *, size_t, int *);
        enum nss_status (*getgrent_r)(struct group *, char *, size_t, int *);
        enum nss_status (*initgroups_dyn)(const char *, gid_t, long *, long *, gid_t **, long, int *);
        enum nss_status (*endpwent)(void);
        enum nss_status (*endgrent)(void);
} nss;

static void load(const char *path) {
        static const struct { const char *name; void *at; } functions[] = {
                { "getpwnam_r", &nss.getpwnam_r }, { "getpwuid_r", &nss.getpwuid_r }, { "getpwent_r", &nss.getpwent_r },
                { "getgrnam_r", &nss.getgrnam_r }, { "getgrgid_r", &nss.getgrgid_r }, { "getgrent_r", &nss.getgrent_r },
                { "initgroups_dyn", &nss.initgroups_dyn }, { "endpwent", &nss.endpwent }, { "endgrent", &nss.endgrent },
        };
        void *module = dlopen(path, RTLD_NOW);
        for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
                char name[64];
                (void)snprintf(name, sizeof(name), "_nss_multidir_%s", functions[i].name);
                void *symbol = module ? dlsym(module, name) : NULL;
                if (!symbol)
                        exit(2);
                memcpy(functions[i].at, &symbol, sizeof(symbol));
        }
}

/* Ends the process at any other call. brk and mremap are realloc's; clock_gettime is not here: it must come from the vdso. */
static bool confine(void) {
        static const int calls[] = { SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(close),
                                     SCMP_SYS(brk), SCMP_SYS(mremap), SCMP_SYS(exit_group) };
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
                if (!filter || seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) < 0)
                        return false;
        return seccomp_load(filter) == 0;
}

/* 0, or the number of the question that was answered wrongly. */
static int ask_all(gid_t **gids, char *buffer, size_t len) {
        struct passwd user;
        struct group group;
        long start = 0, size = 1, count = 0;
        int error = 0;
        if (nss.getpwnam_r("user00003", &user, buffer, len, &error) != NSS_STATUS_SUCCESS)
                return 1;
        if (nss.getpwuid_r(10003, &user, buffer, len, &error) != NSS_STATUS_SUCCESS)
                return 2;
        if (nss.getgrnam_r("everybody", &group, buffer, len, &error) != NSS_STATUS_SUCCESS)
                return 3;
        if (nss.getgrgid_r(50001, &group, buffer, len, &error) != NSS_STATUS_SUCCESS)
                return 4;
        if (nss.initgroups_dyn("user00001", 50000, &start, &size, gids, 0, &error) != NSS_STATUS_SUCCESS || start != 39)
                return 5;
        if (nss.getpwnam_r("nobody", &user, buffer, len, &error) != NSS_STATUS_NOTFOUND ||
            nss.getgrgid_r(4, &group, buffer, len, &error) != NSS_STATUS_NOTFOUND ||
            nss.getpwnam_r("user00003", &user, buffer, 10, &error) != NSS_STATUS_TRYAGAIN)
                return 6;
        while (nss.getpwent_r(&user, buffer, len, &error) == NSS_STATUS_SUCCESS)
                count++;
        while (nss.getgrent_r(&group, buffer, len, &error) == NSS_STATUS_SUCCESS)
                count++;
        (void)nss.endpwent();
        (void)nss.endgrent();
        return count == 300 + 40 ? 0 : 7;
}

/* With `mapped`, a first view was mapped before and a newer one waits: finding it is done under the filter. */
static int child(bool mapped) {
        static char buffer[64 << 10];
        static const struct world newer = { .users = 300, .groups = 40, .each = 3, .tag = 'b', .generation = 2, .all_in_first = 1 };
        gid_t *gids = __libc_malloc(sizeof(*gids));
        if (mapped && (ask_all(&gids, buffer, sizeof(buffer)) != 0 || world_replace(&newer, ASK_PATH) < 0))
                return 20;
        if (mapped)
                gids = __libc_realloc(gids, sizeof(*gids));
        if (!confine())
                return 21;
        mallocs = reallocs = 0; /* confine allocates; from here on only the module runs */
        int r = ask_all(&gids, buffer, sizeof(buffer));
        for (int i = 0; r == 0 && i < 1000; i++) {
                struct passwd user;
                int error;
                r = nss.getpwuid_r(10000 + (uid_t)i % 300, &user, buffer, sizeof(buffer), &error) == NSS_STATUS_SUCCESS ? 0 : 8;
                if (r == 0 && mapped && !strstr(user.pw_gecos, " b"))
                        r = 11;
        }
        if (r == 0)
                r = mallocs != 0 ? 9 : reallocs != 1 ? 10 : 0;
        return r;
}

static bool run(bool mapped) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
                _exit(child(mapped));
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return false;
        (void)printf("%s: %s %d\n", mapped ? "a newer view" : "the first look-up", WIFEXITED(status) ? "exit" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv) {
        const struct world world = { .users = 300, .groups = 40, .each = 3, .tag = 'a', .generation = 1, .all_in_first = 1 };
        if (argc < 2)
                return 2;
        load(argv[1]);
        ask_enter();
        bool right = world_publish(&world, ASK_PATH, 0444) == 0 && run(false) && run(true);
        ask_leave();
        return right ? 0 : 1;
}
