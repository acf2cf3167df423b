/* The name service measured: the module's functions called directly, beside nscd through the C library, over the same people, in one run.
 *   bench_nss world USERS GROUPS VIEW [PASSWD GROUP]   writes the people as a view, and as files
 *   bench_nss compare MODULE USERS GROUPS              both, interleaved, with the targets
 *   bench_nss large MODULE USERS                       random keys of a large view
 *   bench_nss first MODULE|nscd NAME                   one look-up, in a process that has made none: prints ns
 * Relies on: run_nss.sh, which starts nscd in a namespace of its own. Exit 0: every target was met; 1: one was missed; 2: it could not be measured.
 * Must never: be run over the host's own files. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/writer.h"

enum { EACH = 10, ROUNDS = 5, BUFFER = 4 << 20 };

static struct {
        enum nss_status (*getpwnam_r)(const char *, struct passwd *, char *, size_t, int *);
        enum nss_status (*getpwuid_r)(uid_t, struct passwd *, char *, size_t, int *);
        enum nss_status (*getgrnam_r)(const char *, struct group *, char *, size_t, int *);
        enum nss_status (*getgrgid_r)(gid_t, struct group *, char *, size_t, int *);
        enum nss_status (*initgroups_dyn)(const char *, gid_t, long *, long *, gid_t **, long, int *);
} nss;
static char buffer[BUFFER];
static gid_t gids[4096];

static void user_name(char *name, size_t size, uint32_t i) { (void)snprintf(name, size, "user%06u", i); }
static uint32_t user_id(uint32_t i) { return 1000000 + i; }
static uint32_t group_id(uint32_t g) { return 3000000 + g; }

/* Groups: `groups` of them that the users are spread over, then one of 1,000 members, then one of 10,000 (or as many as there are). The last
 * user is in every one. */
static uint32_t groups_of(uint32_t i, uint32_t users, uint32_t groups, uint32_t *list) {
        uint32_t count = 0;
        if (i == users - 1) {
                for (; count < groups && count < 1000; count++)
                        list[count] = count;
                return count;
        }
        for (uint32_t k = 0; k < EACH; k++)
                list[count++] = (uint32_t)(((uint64_t)i * EACH + k) % groups);
        if (i < 1000)
                list[count++] = groups;
        if (i < 10000)
                list[count++] = groups + 1;
        return count;
}

static void group_name(char *name, size_t size, uint32_t g, uint32_t groups) {
        if (g < groups)
                (void)snprintf(name, size, "group%05u", g);
        else
                (void)snprintf(name, size, "%s", g == groups ? "thousand" : "tenthousand");
}

static int write_view(uint32_t users, uint32_t groups, const char *path) {
        struct view_writer *writer;
        uint32_t index, list[1024];
        char name[32], gecos[32], home[48], entry[40];
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
        int r = fd < 0 ? -errno : view_writer_new(1, 1, 0x5eed, &writer);
        if (r < 0)
                return r;
        r = view_writer_add_directory(writer, "staff", &index);
        if (r == 0)
                r = view_writer_add_application(writer, "host", NULL, 0);
        for (uint32_t g = 0; r == 0 && g < groups + 2; g++) {
                group_name(name, sizeof(name), g, groups);
                r = view_writer_add_group(writer, name, group_id(g), &index);
        }
        for (uint32_t i = 0; r == 0 && i < users; i++) {
                user_name(name, sizeof(name), i);
                (void)snprintf(gecos, sizeof(gecos), "User Number %u", i);
                (void)snprintf(home, sizeof(home), "/home/%s", name);
                (void)snprintf(entry, sizeof(entry), "7a0f0e4c-0000-0000-0000-%012u", i);
                const struct view_writer_access access = { .reason = REASON_OK, .directory = 0, .entry_id = entry };
                r = view_writer_add_user(writer, &(struct view_writer_user) {
                        .name = name, .gecos = gecos, .home = home, .shell = "/bin/bash", .keys = "", .uid = user_id(i), .gid = 100,
                        .groups = list, .group_count = groups_of(i, users, groups, list), .access = &access }, &index);
        }
        if (r == 0)
                r = view_writer_finish(writer, fd);
        view_writer_free(writer);
        return r;
}

/* The same people as files, after what the files hold already. */
static int write_files(uint32_t users, uint32_t groups, const char *passwd_path, const char *group_path) {
        _cleanup_fclose_ FILE *passwd = fopen(passwd_path, "ae"), *group = fopen(group_path, "ae");
        _cleanup_free_ struct { char *text; size_t len; } *members = calloc(groups + 2, sizeof(*members));
        char name[32];
        uint32_t list[1024];
        if (!passwd || !group || !members)
                return -ENOMEM;
        for (uint32_t i = 0; i < users; i++) {
                user_name(name, sizeof(name), i);
                (void)fprintf(passwd, "%s:*:%u:100:User Number %u:/home/%s:/bin/bash\n", name, user_id(i), i, name);
                uint32_t count = groups_of(i, users, groups, list);
                for (uint32_t k = 0; k < count; k++) {
                        size_t len = members[list[k]].len, more = strlen(name) + 1;
                        char *text = realloc(members[list[k]].text, len + more + 1);
                        if (!text)
                                return -ENOMEM;
                        (void)snprintf(text + len, more + 1, "%s%s", len ? "," : "", name);
                        members[list[k]].text = text;
                        members[list[k]].len = len + strlen(text + len);
                }
        }
        for (uint32_t g = 0; g < groups + 2; g++) {
                group_name(name, sizeof(name), g, groups);
                (void)fprintf(group, "%s:*:%u:%s\n", name, group_id(g), members[g].text ? members[g].text : "");
                free(members[g].text);
        }
        return ferror(passwd) || ferror(group) ? -EIO : 0;
}

/* Time in ticks, after everything before it and before everything behind it. */
static inline uint64_t ticks(void) {
#ifdef __x86_64__
        uint32_t low, high;
        __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high) : : "memory");
        return (uint64_t)high << 32 | low;
#else
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

static double ns_per_tick = 1;
static uint64_t timer_cost, timer_step = UINT64_MAX; /* ticks; the step is the smallest difference that the timer can show */

static int compare_u64(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return x < y ? -1 : x > y;
}

static void calibrate(void) {
        struct timespec a, b;
        static uint64_t costs[10001];
        for (size_t i = 0; i < ARRAY_SIZE(costs); i++) {
                uint64_t t = ticks();
                costs[i] = ticks() - t;
        }
        qsort(costs, ARRAY_SIZE(costs), sizeof(costs[0]), compare_u64);
        timer_cost = costs[ARRAY_SIZE(costs) / 2];
        for (size_t i = 1; i < ARRAY_SIZE(costs); i++)
                if (costs[i] != costs[i - 1] && costs[i] - costs[i - 1] < timer_step)
                        timer_step = costs[i] - costs[i - 1];
        (void)clock_gettime(CLOCK_MONOTONIC, &a);
        uint64_t t = ticks();
        (void)usleep(50000);
        t = ticks() - t;
        (void)clock_gettime(CLOCK_MONOTONIC, &b);
        ns_per_tick = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)t;
}

static int load(const char *path) {
        static const struct { const char *name; void *at; } functions[] = {
                { "getpwnam_r", &nss.getpwnam_r }, { "getpwuid_r", &nss.getpwuid_r }, { "getgrnam_r", &nss.getgrnam_r },
                { "getgrgid_r", &nss.getgrgid_r }, { "initgroups_dyn", &nss.initgroups_dyn },
        };
        void *module = dlopen(path, RTLD_NOW);
        for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
                char name[64];
                (void)snprintf(name, sizeof(name), "_nss_multidir_%s", functions[i].name);
                void *symbol = module ? dlsym(module, name) : NULL;
                if (!symbol)
                        return -ENOENT;
                memcpy(functions[i].at, &symbol, sizeof(symbol));
        }
        return 0;
}

/* One question, asked of the module or through the C library: a name or an id. Gives ticks, or UINT64_MAX when the answer is not as expected. */
enum question { GETPWNAM, GETPWUID, GETGRNAM, GETGRGID, INITGROUPS, MISS };

static uint64_t ask_module(enum question question, const char *name, uint32_t id) {
        struct passwd user;
        struct group group;
        int error;
        long start = 1, size = (long)ARRAY_SIZE(gids);
        gid_t *list = gids;
        enum nss_status status = NSS_STATUS_UNAVAIL;
        uint64_t t = ticks();
        switch (question) {
        case GETPWNAM: case MISS: status = nss.getpwnam_r(name, &user, buffer, BUFFER, &error); break;
        case GETPWUID: status = nss.getpwuid_r(id, &user, buffer, BUFFER, &error); break;
        case GETGRNAM: status = nss.getgrnam_r(name, &group, buffer, BUFFER, &error); break;
        case GETGRGID: status = nss.getgrgid_r(id, &group, buffer, BUFFER, &error); break;
        case INITGROUPS: status = nss.initgroups_dyn(name, 100, &start, &size, &list, 0, &error); break;
        }
        t = ticks() - t;
        return status == (question == MISS ? NSS_STATUS_NOTFOUND : NSS_STATUS_SUCCESS) ? t : UINT64_MAX;
}

static uint64_t ask_libc(enum question question, const char *name, uint32_t id) {
        struct passwd user, *user_found = NULL;
        struct group group, *group_found = NULL;
        int count = (int)ARRAY_SIZE(gids), r = -1;
        uint64_t t = ticks();
        switch (question) {
        case GETPWNAM: case MISS: r = getpwnam_r(name, &user, buffer, BUFFER, &user_found); break;
        case GETPWUID: r = getpwuid_r(id, &user, buffer, BUFFER, &user_found); break;
        case GETGRNAM: r = getgrnam_r(name, &group, buffer, BUFFER, &group_found); break;
        case GETGRGID: r = getgrgid_r(id, &group, buffer, BUFFER, &group_found); break;
        case INITGROUPS: r = getgrouplist(name, 100, gids, &count) > 1 ? 0 : -1; break;
        }
        t = ticks() - t;
        if (question == MISS)
                return user_found ? UINT64_MAX : t;
        return r == 0 && (question == INITGROUPS || user_found || group_found) ? t : UINT64_MAX;
}

typedef uint64_t ask_function(enum question question, const char *name, uint32_t id);

/* A figure, in ns: the median of what the rounds gave. */
struct figure { double p50, p99; };

struct measure {
        const char *label;
        enum question question;
        uint32_t keys;       /* how many different ones: users or groups */
        const char *fixed;   /* one name for all calls */
        uint32_t calls, peer_calls;
        double most;         /* target: at most this share of nscd's; 0: none */
};

static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t n) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (uint32_t)((random_state >> 32) * n >> 32);
}

/* One round: p50 and p99 of `calls` calls. Negative: an answer was wrong. */
static struct figure round_of(const struct measure *m, ask_function *ask, uint32_t calls) {
        static uint32_t serial;
        _cleanup_free_ uint64_t *times = calloc(calls, sizeof(*times));
        if (!times)
                return (struct figure) { -1, -1 };
        for (uint32_t i = 0; i < calls; i++) {
                char name[32];
                uint32_t key = random_below(m->keys), id = m->question == GETGRGID ? group_id(key) : user_id(key);
                user_name(name, sizeof(name), key);
                if (m->question == MISS)
                        (void)snprintf(name, sizeof(name), "nobody%06u", serial++);
                times[i] = ask(m->question, m->fixed ? m->fixed : name, id);
                if (times[i] == UINT64_MAX)
                        return (struct figure) { -1, -1 };
                times[i] -= times[i] < timer_cost ? times[i] : timer_cost;
        }
        qsort(times, calls, sizeof(*times), compare_u64);
        return (struct figure) { (double)times[calls / 2] * ns_per_tick, (double)times[(uint64_t)calls * 99 / 100] * ns_per_tick };
}

static int compare_double(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;
        return x < y ? -1 : x > y;
}

static struct figure median(const struct figure *rounds) {
        double p50[ROUNDS], p99[ROUNDS];
        for (unsigned i = 0; i < ROUNDS; i++) {
                p50[i] = rounds[i].p50;
                p99[i] = rounds[i].p99;
        }
        qsort(p50, ROUNDS, sizeof(p50[0]), compare_double);
        qsort(p99, ROUNDS, sizeof(p99[0]), compare_double);
        return (struct figure) { p50[ROUNDS / 2], p99[ROUNDS / 2] };
}

/* Module and nscd in turn, so that both see the same machine. */
static int measure(const struct measure *m, struct figure *ours, struct figure *theirs) {
        struct figure a[ROUNDS], b[ROUNDS];
        (void)round_of(m, ask_module, m->calls / 4 + 1);
        (void)round_of(m, ask_libc, m->peer_calls / 4 + 1);
        for (unsigned i = 0; i < ROUNDS; i++) {
                a[i] = round_of(m, ask_module, m->calls);
                b[i] = round_of(m, ask_libc, m->peer_calls);
                if (a[i].p50 < 0 || b[i].p50 < 0) {
                        (void)fprintf(stderr, "%s: wrong answer of %s\n", m->label, a[i].p50 < 0 ? "the module" : "the C library");
                        return -1;
                }
        }
        *ours = median(a);
        *theirs = median(b);
        return 0;
}

static bool verdict(bool met) {
        (void)puts(met ? "  PASS" : "  FAIL");
        return met;
}

/* Each name for the first time in this process, after one look-up: what was mapped, but never touched. The child prints nothing. */
static double first_of_each(uint32_t users) {
        int ends[2], status = 0;
        double p50 = -1;
        if (pipe(ends) < 0)
                return -1;
        pid_t pid = fork();
        if (pid == 0) {
                uint64_t *times = calloc(users, sizeof(*times));
                char name[32];
                for (uint32_t i = 0; times && i < users - 1; i++) {
                        user_name(name, sizeof(name), (uint32_t)((uint64_t)i * 7919 % (users - 1)));
                        times[i] = ask_module(GETPWNAM, name, 0);
                        times[i] -= times[i] < timer_cost ? times[i] : timer_cost;
                }
                qsort(times, users - 1, sizeof(*times), compare_u64);
                p50 = (double)times[users / 2] * ns_per_tick;
                _exit(write(ends[1], &p50, sizeof(p50)) == (ssize_t)sizeof(p50) ? 0 : 1);
        }
        if (pid < 0 || read(ends[0], &p50, sizeof(p50)) != (ssize_t)sizeof(p50))
                p50 = -1;
        (void)waitpid(pid, &status, 0);
        (void)close(ends[0]);
        (void)close(ends[1]);
        return p50;
}

/* Asks nscd for everything once: what is measured later are its hits. */
static void fill_peer(uint32_t users, uint32_t groups) {
        char name[32];
        for (uint32_t i = 0; i < users; i++) {
                user_name(name, sizeof(name), i);
                (void)ask_libc(GETPWNAM, name, 0);
                (void)ask_libc(INITGROUPS, name, 0);
        }
        for (uint32_t g = 0; g < groups + 2; g++)
                (void)ask_libc(GETGRGID, NULL, group_id(g));
}

static int compare(uint32_t users, uint32_t groups) {
        static const char *const header = "                                        module p50     p99    nscd p50     p99   ratio  target";
        char many[32];
        user_name(many, sizeof(many), users - 1);
        const struct measure measures[] = {
                { "getpwnam", GETPWNAM, users - 1, NULL, 20000, 20000, 1.0 },
                { "getpwuid", GETPWUID, users - 1, NULL, 20000, 20000, 1.0 },
                { "getgrgid, 100 members", GETGRGID, groups, NULL, 20000, 20000, 1.0 },
                { "initgroups, 10 groups", INITGROUPS, users - 1, NULL, 20000, 20000, 1.0 },
                { "getgrnam, 1,000 members", GETGRNAM, 1, "thousand", 2000, 2000, 0 },
                { "getgrnam, 10,000 members", GETGRNAM, 1, "tenthousand", 1000, 1000, 2.0 / 3 },
                { "initgroups, 1,000 groups", INITGROUPS, 1, many, 5000, 5000, 2.0 / 3 },
                { "miss, each another name", MISS, users - 1, NULL, 20000, 300, 1.0 },
        };
        struct figure ours[ARRAY_SIZE(measures)], theirs[ARRAY_SIZE(measures)];
        bool met = true;
        const double step = timer_step == UINT64_MAX ? 0 : (double)timer_step * ns_per_tick;
        fill_peer(users, groups);
        (void)printf("the timer's step is %.0f ns; less is no difference\n", step);
        (void)puts(header);
        for (size_t i = 0; i < ARRAY_SIZE(measures); i++) {
                const struct measure *m = &measures[i];
                if (measure(m, &ours[i], &theirs[i]) < 0)
                        return 2;
                double ratio = ours[i].p50 / theirs[i].p50;
                (void)printf("%-38s %8.0f ns %7.0f %8.0f ns %7.0f   %5.2f", m->label, ours[i].p50, ours[i].p99, theirs[i].p50, theirs[i].p99, ratio);
                if (m->most > 0) {
                        (void)printf("  %.2f", m->most);
                        met &= verdict(ours[i].p50 <= m->most * theirs[i].p50 + step);
                } else
                        (void)puts("");
        }
        const double hit = ours[0].p50, miss = ours[ARRAY_SIZE(measures) - 1].p50, first = first_of_each(users);
        (void)printf("a miss beside a hit: %.0f ns, %.0f ns (target: no dearer)", miss, hit);
        met &= verdict(miss <= hit);
        (void)printf("first look-up of each name: p50 %.0f ns (target: as any other, at most 2 times a hit's)", first);
        met &= verdict(first >= 0 && first <= 2 * hit);
        return met ? 0 : 1;
}

static int large(uint32_t users) {
        static const struct { const char *label; enum question question; } rows[] = {
                { "getpwnam", GETPWNAM }, { "getpwuid", GETPWUID }, { "initgroups", INITGROUPS }, { "miss", MISS },
        };
        bool met = true;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct measure m = { rows[i].label, rows[i].question, users - 1, NULL, 100000, 0, 0 };
                struct figure rounds[ROUNDS];
                for (unsigned k = 0; k < ROUNDS; k++)
                        if ((rounds[k] = round_of(&m, ask_module, m.calls)).p50 < 0)
                                return 2;
                struct figure figure = median(rounds);
                (void)printf("%u users, random keys, %-10s p50 %4.0f ns, p99 %5.0f ns (target: p50 below 600 ns)", users, m.label, figure.p50, figure.p99);
                met &= verdict(figure.p50 < 600);
        }
        return met ? 0 : 1;
}

int main(int argc, char **argv) {
        const char *what = argc > 2 ? argv[1] : "";
        uint32_t users = argc > 3 ? (uint32_t)strtoul(argv[strcmp(what, "world") == 0 ? 2 : 3], NULL, 10) : 0;
        memset(buffer, 1, sizeof(buffer));
        if (strcmp(what, "first") != 0) /* which comes right after the start, as in a real process */
                calibrate();
        if (strcmp(what, "world") == 0 && argc >= 5) {
                uint32_t groups = (uint32_t)strtoul(argv[3], NULL, 10);
                int r = write_view(users, groups, argv[4]);
                if (r == 0 && argc == 7)
                        r = write_files(users, groups, argv[5], argv[6]);
                return r == 0 ? 0 : 2;
        }
        bool libc = argc > 2 && strcmp(argv[2], "nscd") == 0;
        if (argc < 4 || (!libc && load(argv[2]) < 0))
                return 2;
        if (strcmp(what, "first") == 0) {
                uint64_t t = libc ? ask_libc(GETPWNAM, argv[3], 0) : ask_module(GETPWNAM, argv[3], 0);
                calibrate();
                (void)printf("%.0f\n", (double)t * ns_per_tick);
                return t == UINT64_MAX ? 2 : 0;
        }
        if (strcmp(what, "large") == 0)
                return large(users);
        return strcmp(what, "compare") == 0 && argc > 4 ? compare(users, (uint32_t)strtoul(argv[4], NULL, 10)) : 2;
}
