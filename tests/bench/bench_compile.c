/* How long the compiler takes and how much memory a build needs: replicas are made in memory, then compiled twice (with an empty registry, and
 * with the one that the first build filled).
 *   bench_compile [USERS [GROUPS [DIRECT]]]   default 1000000 50000 4: DIRECT leaf groups each, nested three deep
 * Relies on: view/compile. Nine tenths of the users are in the first directory, a fifth of them in the second as well.
 * Must never: run beside another benchmark. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "view/compile.h"
#include "view/reader.h"

static double now_s(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int r, const char *what) {
        if (r < 0) {
                fprintf(stderr, "bench_compile: %s: %s\n", what, strerror(-r));
                exit(1);
        }
}

/* A fixed sequence: every run makes the same world. */
static uint32_t next_random(uint64_t *state) {
        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(*state >> 33);
}

static text_ref text(struct replica *replica, const char *before, uint32_t number, const char *after) {
        char out[96];
        text_ref ref = 0;
        (void)snprintf(out, sizeof out, "%s%07" PRIu32 "%s", before, number, after);
        check(replica_add_text(replica, out, &ref), "text");
        return ref;
}

static void add_groups(struct replica *replica, uint32_t groups, uint64_t *state) {
        uint32_t tops = groups / 50 + 1, middles = groups / 5, index;
        for (uint32_t i = 0; i < groups; i++) {
                struct replica_group group = { .name = text(replica, "group", i, ""), .entry_id = text(replica, "4d36e96e-e325-11ce-bfc1-00000", i, ""), .active = true };
                check(replica_add_group(replica, &group, &index), "group");
                if (i >= middles)
                        check(replica_add_group_edge(replica, i, tops + next_random(state) % (middles - tops)), "nesting");
                else if (i >= tops)
                        check(replica_add_group_edge(replica, i, next_random(state) % tops), "nesting");
        }
}

static struct replica *make_directory(uint32_t first, uint32_t last, uint32_t groups, uint32_t direct, uint64_t seed) {
        struct replica *replica = replica_new();
        check(replica ? 0 : -12, "replica");
        add_groups(replica, groups, &seed);
        for (uint32_t i = first; i < last; i++) {
                uint32_t index;
                struct replica_user user = {
                        .name = text(replica, "user", i, ""), .entry_id = text(replica, "4d36e96e-e325-11ce-bfc1-00000", i, ""),
                        .display_name = text(replica, "User Number ", i, ""), .email = text(replica, "user", i, "@example.com"), .active = true,
                };
                check(replica_add_user(replica, &user, &index), "user");
                for (uint32_t k = 0; k < direct; k++)
                        check(replica_add_user_edge(replica, index, groups / 5 + next_random(&seed) % (groups - groups / 5)), "membership");
        }
        replica->synchronised_s = 1;
        check(replica_finish(replica), "replica_finish");
        return replica;
}

static void build_once(const struct compile_input *input, const char *what) {
        struct compile_result result;
        struct view view;
        struct stat st;
        struct rusage usage;
        clock_t cpu = clock();
        int fd = memfd_create("view", MFD_CLOEXEC);
        double start = now_s();
        check(compile_view(input, fd, &result), "compile_view");
        double took = now_s() - start, cpu_s = (double)(clock() - cpu) / CLOCKS_PER_SEC;
        check(fstat(fd, &st), "fstat");
        check(view_open_fd(fd, &view), "view_open_fd");
        uint64_t memberships = 0;
        for (uint32_t i = 0; i < view_group_count(&view); i++) {
                struct view_group group;
                if (view_group_at(&view, i, &group) == VIEW_FOUND)
                        memberships += group.member_count;
        }
        (void)getrusage(RUSAGE_SELF, &usage);
        printf("%s: %.2f s (%.2f s of processor time), %" PRIu32 " users, %" PRIu32 " groups, %" PRIu64 " memberships, %zu masked, view %.0f MB, peak RSS %.0f MB\n", what, took, cpu_s,
               result.user_count, result.group_count, memberships, result.row_count, (double)st.st_size / 1e6, (double)usage.ru_maxrss / 1e3);
        view_close(&view);
        compile_result_done(&result);
        registry_saved(input->registry);
        close(fd);
}

int main(int argc, char **argv) {
        uint32_t users = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000, groups = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 50000;
        uint32_t direct = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 4, first = users / 10 * 9;
        struct directory_settings directories[2] = {
                { .name = "customers", .type = DIRECTORY_INTERNAL, .active = true, .nested_groups = true, .home = "/home/%u", .shell = "/bin/bash" },
                { .name = "partners", .type = DIRECTORY_INTERNAL, .active = true, .nested_groups = true, .home = "/home/%u", .shell = "/bin/bash" },
        };
        const char *gate = "group0000001";
        struct mapping_settings mappings[2] = {
                { .directory = 0, .allow_groups = &gate, .allow_group_count = 1 }, { .directory = 1, .allow_all = true },
        };
        struct application_settings host = { .name = "host", .profile = "crowd", .mappings = mappings, .mapping_count = 2 };
        struct settings settings = { .directories = directories, .directory_count = 2, .applications = &host, .application_count = 1 };
        double start = now_s();
        struct replica *replicas[2] = { make_directory(0, first, groups, direct, 1), make_directory(first - first / 5, users, groups / 10 + 10, direct, 2) };
        struct local_accounts *local;
        check(local_accounts_new("root:x:0:0::/:/bin/sh\n", "root:x:0:\n", NULL, NULL, &local), "local accounts");
        printf("replicas made in memory: %.2f s\n", now_s() - start);
        struct registry *registry = registry_new();
        struct compile_input input = { .settings = &settings, .replicas = (const struct replica *const *)replicas, .local = local, .registry = registry,
                                       .generation = 1, .built_s = 1 };
        build_once(&input, "first build, empty registry");
        build_once(&input, "second build, nothing changed");
        registry_free(registry);
        local_accounts_free(local);
        replica_free(replicas[0]);
        replica_free(replicas[1]);
        return 0;
}
