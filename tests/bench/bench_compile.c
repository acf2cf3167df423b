/* How long a build takes from replicas in memory to a published file, and how much memory: first with an empty registry, then with the one that
 * this filled. Publishing is what the installer does: verify, copy, sync, rename.
 *   bench_compile                           100,000 and 1,000,000 users against their targets; exit 1 if one is missed
 *   bench_compile USERS GROUPS TENTHS       one world: TENTHS / 10 leaf groups for each user on average, nested three deep
 * Relies on: view/compile. Nine tenths of the users are in the first directory, a fifth of them in the second as well.
 * Must never: run beside another benchmark. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static struct replica *make_directory(uint32_t first, uint32_t last, uint32_t groups, uint32_t tenths, uint64_t seed) {
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
                for (uint32_t k = (i * tenths + 5) / 10; k < ((i + 1) * tenths + 5) / 10; k++)
                        check(replica_add_user_edge(replica, index, groups / 5 + next_random(&seed) % (groups - groups / 5)), "membership");
        }
        replica->synchronised_s = 1;
        check(replica_finish(replica), "replica_finish");
        return replica;
}

/* As the installer: the whole check, a copy, synced and renamed into place. */
static void publish(int fd, off_t size) {
        const char *what, *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp";
        char path[4096], target[sizeof path + sizeof ".view"];
        struct view view;
        check(view_open_fd(fd, &view), "view_open_fd");
        check(view_verify(&view, &what), "view_verify");
        view_close(&view);
        (void)snprintf(path, sizeof path, "%s/bench_compile.XXXXXX", folder);
        int copy = mkostemp(path, O_CLOEXEC);
        check(copy < 0 ? -errno : 0, path);
        for (off_t done = 0; done < size;) {
                ssize_t n = sendfile(copy, fd, &done, (size_t)(size - done));
                check(n < 0 ? -errno : 0, "sendfile");
        }
        (void)snprintf(target, sizeof target, "%s.view", path);
        check(fsync(copy) < 0 || rename(path, target) < 0 ? -errno : 0, "publish");
        close(copy);
        (void)unlink(target);
}

static uint64_t count_memberships(int fd) {
        struct view view;
        uint64_t memberships = 0;
        check(view_open_fd(fd, &view), "view_open_fd");
        for (uint32_t i = 0; i < view_group_count(&view); i++) {
                struct view_group group;
                if (view_group_at(&view, i, &group) == VIEW_FOUND)
                        memberships += group.member_count;
        }
        view_close(&view);
        return memberships;
}

/* One build and its publication; seconds of both. */
static double build_once(const struct compile_input *input, const char *what) {
        struct compile_result result;
        struct stat st;
        struct rusage usage;
        clock_t cpu = clock();
        int fd = memfd_create("view", MFD_CLOEXEC);
        double start = now_s();
        check(compile_view(input, fd, &result), "compile_view");
        double built = now_s() - start, cpu_s = (double)(clock() - cpu) / CLOCKS_PER_SEC;
        (void)getrusage(RUSAGE_SELF, &usage);
        check(fstat(fd, &st), "fstat");
        publish(fd, st.st_size);
        double all = now_s() - start;
        printf("  %s: built in %.2f s (%.2f s of processor time), published after %.2f s; %" PRIu32 " users, %" PRIu32 " groups, %" PRIu64
               " memberships, %zu masked; view %.0f MB, peak memory %.0f MB\n", what, built, cpu_s, all, result.user_count, result.group_count,
               count_memberships(fd), result.row_count, (double)st.st_size / 1e6, (double)usage.ru_maxrss / 1e3);
        compile_result_done(&result);
        registry_saved(input->registry);
        close(fd);
        return all;
}

/* Seconds of the slower of two builds. */
static double run_world(uint32_t users, uint32_t groups, uint32_t tenths) {
        uint32_t first = users / 10 * 9;
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
        struct replica *replicas[2] = { make_directory(0, first, groups, tenths, 1), make_directory(first - first / 5, users, groups / 10 + 10, tenths, 2) };
        struct local_accounts *local;
        check(local_accounts_new("root:x:0:0::/:/bin/sh\n", "root:x:0:\n", NULL, NULL, &local), "local accounts");
        printf("%" PRIu32 " users, %" PRIu32 " groups: replicas made in memory in %.2f s\n", users, groups, now_s() - start);
        struct registry *registry = registry_new();
        struct compile_input input = { .settings = &settings, .replicas = (const struct replica *const *)replicas, .local = local, .registry = registry,
                                       .generation = 1, .built_s = 1 };
        double slower = build_once(&input, "first build, empty registry"), again = build_once(&input, "second build, nothing changed");
        slower = again > slower ? again : slower;
        registry_free(registry);
        local_accounts_free(local);
        replica_free(replicas[0]);
        replica_free(replicas[1]);
        return slower;
}

struct target { uint32_t users, groups, tenths; double seconds; long megabytes; };

/* In a process of its own, so that its peak memory is its own. */
static bool meets(const struct target *target) {
        struct rusage usage;
        int status;
        (void)fflush(stdout);
        pid_t child = fork();
        check(child < 0 ? -errno : 0, "fork");
        if (child == 0) {
                double took = run_world(target->users, target->groups, target->tenths);
                (void)getrusage(RUSAGE_SELF, &usage);
                bool good = took < target->seconds && usage.ru_maxrss / 1000 < target->megabytes;
                printf("  target: published in under %.0f s, in less than %ld MB: %s\n", target->seconds, target->megabytes, good ? "met" : "MISSED");
                (void)fflush(stdout);
                _exit(good ? 0 : 1);
        }
        check(waitpid(child, &status, 0) < 0 ? -errno : 0, "waitpid");
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv) {
        static const struct target targets[] = { { 100000, 5000, 34, 1, 1200 }, { 1000000, 50000, 34, 10, 1200 } };
        bool good = true;
        if (argc > 3) {
                (void)run_world((uint32_t)strtoul(argv[1], NULL, 10), (uint32_t)strtoul(argv[2], NULL, 10), (uint32_t)strtoul(argv[3], NULL, 10));
                return 0;
        }
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
                good &= meets(&targets[i]);
        return good ? 0 : 1;
}
