/* Times a synchronisation from the stream to the store, as the keeper takes it in: the first, one without anything new, one with a few changes, one that
 * replaces every membership; and deltas, which send only what changed.
 * Usage: bench_sync [USERS [GROUPS [MEMBERSHIPS [FOLDER]]]]   (defaults: 100000 10000 1000000, a folder under /var/tmp)
 * Relies on: channel/sync_wire, replica/store_sync.
 * Must never: be run as part of the tests; leave a folder of its own behind. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "multidird/channel/channel.h"
#include "model/sync_key.h"
#include "multidird/channel/sync_wire.h"
#include "replica/store_sync.h"
#include "unit/folder.h"

struct size { unsigned long users, groups, memberships; };

/* What differs from the first: every nth user's display name; memberships moved by so many users. */
struct round { const char *name; unsigned long changed, shift; void (*delta)(const struct sync_sink *sink, const struct size *size); };

static double seconds(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn static void fail(const char *what, int r, const char *words) {
        (void)fprintf(stderr, "bench_sync: %s: %s (%s)\n", what, strerror(-r), words);
        exit(1);
}

static void check(const char *what, int r, const char *words) {
        if (r < 0)
                fail(what, r, words);
}

/* Looks like a UUID, and sorts like one: by chance. */
static void entry_id(char out[64], char kind, unsigned long n) {
        uint64_t a = (n + 1) * UINT64_C(0x9e3779b97f4a7c15), b = a * UINT64_C(0xd6e8feb86659fd93);
        a ^= b >> 32;
        (void)snprintf(out, 64, "%08x-%04x-%04x-%c%03x-%04x%08lx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xffff), kind,
                       (unsigned)(b & 0xfff), (unsigned)(b >> 12 & 0xffff), n);
}

static void send_user(const struct sync_sink *sink, unsigned long i, const char *display_end, const char *ou) {
        char name[32], id[64], dn[128], display[64], email[64], home[64];
        (void)snprintf(name, sizeof name, "user%07lu", i);
        (void)snprintf(dn, sizeof dn, "uid=%s,ou=%s,dc=corp,dc=example,dc=com", name, ou);
        (void)snprintf(display, sizeof display, "User Number %lu%s", i, display_end);
        (void)snprintf(email, sizeof email, "%s@example.com", name);
        (void)snprintf(home, sizeof home, "/home/%s", name);
        entry_id(id, 'u', i);
        check("send user", sink->user(sink->userdata, &(struct sync_user){ .name = name, .entry_id = id, .dn = dn, .display_name = display, .email = email,
                                                                           .home = home, .active = true }), "");
}

static void send_group(const struct sync_sink *sink, unsigned long i) {
        char name[32], id[64], dn[128];
        (void)snprintf(name, sizeof name, "group%06lu", i);
        (void)snprintf(dn, sizeof dn, "cn=%s,ou=groups,dc=corp,dc=example,dc=com", name);
        entry_id(id, 'g', i);
        check("send group", sink->group(sink->userdata, &(struct sync_group){ .name = name, .entry_id = id, .dn = dn, .active = true }), "");
}

static unsigned long each_group(const struct size *size) {
        unsigned long each = size->groups > 0 ? size->memberships / size->groups : 0;
        return each < size->users ? each : size->users;
}

static unsigned long member_of(const struct size *size, unsigned long group, unsigned long m, unsigned long shift) {
        return (group * 7919 + m * (size->users / each_group(size)) + shift) % size->users;
}

/* ---- Deltas: each is one change ---- */

static void one_user(const struct sync_sink *sink, const struct size *size) {
        send_user(sink, size->users / 2, " C", "people");
}

static void one_moved(const struct sync_sink *sink, const struct size *size) {
        send_user(sink, size->users / 2, " C", "others");
}

static void one_gone(const struct sync_sink *sink, const struct size *size) {
        char id[64];
        entry_id(id, 'u', size->users / 3);
        check("send gone", sink->gone(sink->userdata, SYNC_KIND_USER, id), "");
}

static void one_group(const struct sync_sink *sink, const struct size *size) {
        send_group(sink, size->groups / 2);
        for (unsigned long m = 0; m + 1 < each_group(size); m++) {
                char dn[128], key[SYNC_KEY_MAX + 1];
                (void)snprintf(dn, sizeof dn, "uid=user%07lu,ou=people,dc=corp,dc=example,dc=com", member_of(size, size->groups / 2, m, 1));
                check("key", sync_key(SYNC_REFERENCES_DN, dn, NULL, key), dn);
                check("send value", sink->reference(sink->userdata, key), "");
        }
}

/* Everything but one user is named as still there. */
static void a_sweep(const struct sync_sink *sink, const struct size *size) {
        for (unsigned long i = 0; i < size->users; i++) {
                char id[64];
                entry_id(id, 'u', i);
                if (i != size->users / 3 && i != size->users / 4)
                        check("send present", sink->present(sink->userdata, SYNC_KIND_USER, id), "");
        }
}

/* ---- Full runs ---- */

static void send_full(const struct sync_sink *sink, const struct size *size, const struct round *round) {
        check("begin", sink->begin(sink->userdata, &(struct sync_begin){ .references = SYNC_REFERENCES_DN, .nested = true }), "");
        for (unsigned long i = 0; i < size->users; i++)
                send_user(sink, i, round->changed && i % round->changed == 0 ? " B" : "", "people");
        for (unsigned long i = 0; i < size->groups; i++)
                send_group(sink, i);
        for (unsigned long g = 0; g < size->groups; g++)
                for (unsigned long m = 0; m < each_group(size); m++)
                        check("send member", sink->member(sink->userdata, (uint32_t)member_of(size, g, m, round->shift), (uint32_t)g), "");
}

static void send_all(int fd, const struct size *size, const struct round *round) {
        struct sync_sender *sender = sync_sender_new(fd);
        const struct sync_sink *sink = sync_sender_sink(sender);
        if (!round->delta) {
                send_full(sink, size, round);
        } else {
                check("begin", sink->begin(sink->userdata, &(struct sync_begin){ .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "here",
                                                                                 .sweep_users = round->delta == a_sweep }), "");
                round->delta(sink, size);
        }
        check("end", sink->end(sink->userdata, "here"), "");
        sync_sender_free(sender);
}

static void receive(int fd, struct store_sync *sync) {
        struct sync_receiver receiver = { 0 };
        struct channel *channel = NULL;
        struct channel_frame frame;
        int r = 0;
        check("channel", channel_new(fd, SYNC_FRAME_MAX, 0, &channel), "");
        while (!receiver.ended) {
                (void)poll(&(struct pollfd){ .fd = channel_fd(channel), .events = POLLIN }, 1, -1);
                check("read", channel_read(channel), "");
                while ((r = channel_next(channel, &frame)) > 0)
                        check("frame", sync_receiver_frame(&receiver, frame.type, frame.payload, frame.len, store_sync_sink(sync)), store_sync_error(sync));
                check("next", r, "");
        }
        channel_free(channel);
}

static void one_round(struct store *store, const struct size *size, const struct round *round, uint64_t now_s) {
        int fds[2], status;
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        struct rusage usage;
        double start = seconds();
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                fail("socketpair", -errno, "");
        (void)fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
                send_all(fds[0], size, round);
                _exit(0);
        }
        (void)close(fds[0]);
        struct store_sync *sync = store_sync_new();
        receive(fds[1], sync);
        double received = seconds();
        check("prepare", store_sync_prepare(sync, store, &changes), store_sync_error(sync));
        double compared = seconds();
        check("commit", store_sync_commit(sync, now_s, &replica), store_sync_error(sync));
        double end = seconds();
        store_sync_free(sync);
        (void)waitpid(child, &status, 0);
        (void)getrusage(RUSAGE_SELF, &usage);
        (void)printf("%-20s %6.2f s   stream %.2f, comparison %.2f, writing %.2f; %u users, %u groups, %zu memberships; peak %ld MiB\n", round->name, end - start,
                     received - start, compared - received, end - compared, changes.users, changes.groups, replica ? replica->user_edge_count : 0, usage.ru_maxrss / 1024);
        replica_free(replica);
}

int main(int argc, char **argv) {
        static const struct round rounds[] = { { "the first", 0, 0 }, { "nothing new", 0, 0 }, { "1 in 1,000 changed", 1000, 0 }, { "all members others", 1000, 1 },
                                               { "delta: one user", .delta = one_user }, { "delta: one moved", .delta = one_moved }, { "delta: one gone", .delta = one_gone },
                                               { "delta: one group", .delta = one_group }, { "delta: a sweep", .delta = a_sweep } };
        char folder[256];
        struct size size = {
                argc > 1 ? strtoul(argv[1], NULL, 10) : 100000,
                argc > 2 ? strtoul(argv[2], NULL, 10) : 10000,
                argc > 3 ? strtoul(argv[3], NULL, 10) : 1000000,
        };
        (void)snprintf(folder, sizeof folder, "%s/multidir-bench-XXXXXX", argc > 4 ? argv[4] : "/var/tmp");
        if (!mkdtemp(folder))
                fail("folder", -errno, folder);
        struct store *store = NULL;
        check("open", store_open(folder, "bench", DIRECTORY_LDAP, STORE_READ_WRITE, &store), folder);
        for (size_t i = 0; i < ARRAY_SIZE(rounds); i++)
                one_round(store, &size, &rounds[i], 1000 + i);
        double start = seconds();
        struct replica *replica = NULL;
        check("load", store_load(store, &replica), store_error(store));
        (void)printf("a load, beside it    %6.2f s\n", seconds() - start);
        replica_free(replica);
        store_close(store);
        help_remove_folder(folder);
        return 0;
}
