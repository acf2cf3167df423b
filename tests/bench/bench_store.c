/* Times the store of one directory: filling it, and loading it as a replica.
 * Usage: bench_store [USERS [GROUPS [MEMBERSHIPS [FOLDER]]]]   (defaults: 1000000 50000 10000000, a folder under /var/tmp)
 *        bench_store USERS GROUPS MEMBERSHIPS FOLDER fill      only fills FOLDER/bench.db and leaves it there (million.sh)
 * Relies on: replica/store.
 * Must never: be run as part of the tests; leave a folder of its own behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "replica/store.h"
#include "unit/folder.h"

struct size {
        unsigned long users, groups, memberships;
};

static double seconds(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double peak_mib(void) {
        struct rusage usage;
        (void)getrusage(RUSAGE_SELF, &usage);
        return (double)usage.ru_maxrss / 1024;
}

_Noreturn static void fail(const char *what, int r, const struct store *store) {
        (void)fprintf(stderr, "bench_store: %s: %s (%s)\n", what, strerror(-r), store ? store_error(store) : "");
        exit(1);
}

static void check(const char *what, int r, const struct store *store) {
        if (r < 0)
                fail(what, r, store);
}

static void add_users(struct store *store, unsigned long count) {
        check("begin", store_begin(store), store);
        for (unsigned long i = 0; i < count; i++) {
                char name[32], email[64], display[64];
                (void)snprintf(name, sizeof name, "user%07lu", i);
                (void)snprintf(display, sizeof display, "User Number %lu", i);
                (void)snprintf(email, sizeof email, "%s@example.com", name);
                check("add user", store_add_user(store, &(struct store_user){
                        .name = name, .display_name = display, .email = email,
                        .hash = "$y$j9T$AAt9R641xPvCI9nXw1HHW/$cuQRBMN3N/f8IcmVN.4YrZ1bHMOiLOoz9/XQMKV/v0A" }), store);
        }
        check("commit", store_commit(store), store);
}

static void add_groups(struct store *store, unsigned long count) {
        check("begin", store_begin(store), store);
        for (unsigned long i = 0; i < count; i++) {
                char name[32], parent[32];
                (void)snprintf(name, sizeof name, "group%06lu", i);
                check("add group", store_add_group(store, &(struct store_group){ .name = name }), store);
                (void)snprintf(parent, sizeof parent, "group%06lu", i / 37); /* three deep at 50,000 */
                if (i >= 37)
                        check("add child", store_add_group_member(store, parent, name), store);
        }
        check("commit", store_commit(store), store);
}

/* Group by group, as a directory server lists them. */
static void add_memberships(struct store *store, const struct size *size) {
        unsigned long each = size->groups > 0 ? size->memberships / size->groups : 0;
        unsigned long stride = size->users > each && each > 0 ? size->users / each : 1;
        check("begin", store_begin(store), store);
        for (unsigned long g = 0; g < size->groups; g++) {
                char group[32];
                (void)snprintf(group, sizeof group, "group%06lu", g);
                for (unsigned long m = 0; m < each && m < size->users; m++) {
                        char user[32];
                        (void)snprintf(user, sizeof user, "user%07lu", (g * 7919 + m * stride) % size->users);
                        int r = store_add_member(store, group, user);
                        check("add member", r == -EEXIST ? 0 : r, store);
                }
        }
        check("commit", store_commit(store), store);
}

static void time_load(const char *folder) {
        struct store *store = NULL;
        struct replica *replica = NULL;
        check("open", store_open(folder, "bench", DIRECTORY_INTERNAL, STORE_READ_ONLY, &store), NULL);
        double before = peak_mib(), start = seconds();
        check("load", store_load(store, &replica), store);
        (void)printf("load             %7.2f s   peak %.0f MiB (%.0f before): %u users, %u groups, %zu memberships, %zu nestings\n",
                     seconds() - start, peak_mib(), before, replica->user_count, replica->group_count, replica->user_edge_count,
                     replica->group_edge_count);
        replica_free(replica);
        store_close(store);
}

static void time_filling(const char *folder, const struct size *size) {
        struct store *store = NULL;
        check("open", store_open(folder, "bench", DIRECTORY_INTERNAL, STORE_READ_WRITE, &store), NULL);
        double start = seconds();
        add_users(store, size->users);
        (void)printf("users            %7.2f s   one transaction\n", seconds() - start);
        start = seconds();
        add_groups(store, size->groups);
        (void)printf("groups           %7.2f s   one transaction, nested\n", seconds() - start);
        start = seconds();
        add_memberships(store, size);
        (void)printf("memberships      %7.2f s   one transaction, by name\n", seconds() - start);
        start = seconds();
        check("modify", store_modify_user(store, "user0000001", &(struct store_user){ .email = "x@example.com" }), store);
        (void)printf("one change       %7.2f ms\n", (seconds() - start) * 1e3);
        start = seconds();
        check("remove", store_remove_user(store, "user0000002"), store);
        (void)printf("one removal      %7.2f ms  (sweeps the memberships)\n", (seconds() - start) * 1e3);
        store_close(store);
}

int main(int argc, char **argv) {
        char folder[256] = "/var/tmp/multidir-bench-XXXXXX";
        struct size size = {
                argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000,
                argc > 2 ? strtoul(argv[2], NULL, 10) : 50000,
                argc > 3 ? strtoul(argv[3], NULL, 10) : 10000000,
        };
        if (argc == 6 && strcmp(argv[5], "fill") == 0) {
                time_filling(argv[4], &size);
                return 0;
        }
        if (argc > 4)
                (void)snprintf(folder, sizeof folder, "%s/multidir-bench-XXXXXX", argv[4]);
        if (!mkdtemp(folder))
                fail("folder", -errno, NULL);
        pid_t filler = fork(); /* so that the peak of loading is its own */
        if (filler == 0) {
                time_filling(folder, &size);
                (void)fflush(stdout);
                _exit(0);
        }
        int status = 1;
        if (filler > 0)
                (void)waitpid(filler, &status, 0);
        if (status == 0)
                time_load(folder);
        help_remove_folder(folder);
        return status == 0 ? 0 : 1;
}
