/* What a login's questions cost without a login: a bind as the user, then a base search for the entry's id, on one connection that is kept.
 * No service that asks a server both can be quicker than this and pam_permit together: what is left above that is the service's own.
 * "apart": likewise where, as here, another process than the one that takes requests speaks to the server: the question comes over a UNIX socket, is
 * handed on to a process that is idle, and the answer goes back the same way. Nothing else is done.
 * Relies on: libldap; a running server (tests/bench/peers.sh starts it).
 * Must never: make a connection to the server anew while it measures, or take an answer other than success.
 *
 * bench_floor alone|apart URI DN-START DN-END PASSWORD AT-A-TIME COUNT SPREAD   users DN-START 0 DN-END to DN-START SPREAD-1 DN-END
 * Prints one line: p50 in microseconds, pairs per second. Exit 1 if anything was refused. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ldap.h>

#include "base/cleanup.h"
#include "base/text.h"

#define COUNT_MAX 1000000u
#define TOGETHER_MAX 64u

struct plan { const char *uri, *start, *end, *password; uint32_t together, count, spread; };

/* Who asks in the others' place, where they are apart: what it works for, and the end of the socket on which it is given work; -1: idle. */
struct helper { int to, client; };

static double now_us(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Ends the process when the server says anything but success. */
static void must(int code, const char *what) {
        if (code == LDAP_SUCCESS)
                return;
        (void)fprintf(stderr, "bench_floor: %s: %s\n", what, ldap_err2string(code));
        _exit(1);
}

static LDAP *connection(const struct plan *plan) {
        LDAP *ld = NULL;
        const int version = LDAP_VERSION3;
        must(ldap_initialize(&ld, plan->uri), "connection");
        must(ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version), "version");
        return ld;
}

static void take(LDAP *ld, int id, const char *what) {
        LDAPMessage *answer = NULL;
        int code = LDAP_OTHER;
        if (ldap_result(ld, id, LDAP_MSG_ALL, NULL, &answer) <= 0)
                must(LDAP_SERVER_DOWN, what);
        LDAPMessage *last = answer;
        for (LDAPMessage *m = answer; m; m = ldap_next_message(ld, m))
                last = m;
        must(ldap_parse_result(ld, last, &code, NULL, NULL, NULL, NULL, 0), what);
        must(code, what);
        (void)ldap_msgfree(answer);
}

static void ask(LDAP *ld, const struct plan *plan, uint32_t i) {
        static char id_attribute[] = "entryUUID";
        char *attributes[] = { id_attribute, NULL }, dn[512];
        struct berval secret = { strlen(plan->password), (char *)(uintptr_t)plan->password };
        int id = 0;
        (void)snprintf(dn, sizeof dn, "%s%u%s", plan->start, i % plan->spread, plan->end);
        must(ldap_sasl_bind(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &id), "bind");
        take(ld, id, "bind");
        must(ldap_search_ext(ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0, NULL, NULL, NULL, 0, &id), "search");
        take(ld, id, "search");
}

static void whole(ssize_t n, const char *what) {
        if (n != sizeof(uint32_t))
                must(LDAP_SERVER_DOWN, what);
}

static struct sockaddr_un address_of(pid_t pid) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "bench-floor-%d", (int)pid); /* abstract: it goes with the process */
        return address;
}

/* One request, as a PAM module makes it: a connection of its own. */
static void ask_apart(pid_t between, uint32_t i) {
        const struct sockaddr_un address = address_of(between);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
                must(LDAP_SERVER_DOWN, "connect");
        whole(write(fd, &i, sizeof i), "write");
        whole(read(fd, &i, sizeof i), "read");
}

/* One of those that ask at once: every together-th pair. between: 0: the server itself is asked. */
static void work(const struct plan *plan, pid_t between, double *us, uint32_t first) {
        LDAP *ld = between ? NULL : connection(plan);
        for (uint32_t i = first; i < plan->count; i += plan->together) {
                double start = now_us();
                if (between)
                        ask_apart(between, i);
                else
                        ask(ld, plan, i);
                us[i] = now_us() - start;
        }
}

static void help(const struct plan *plan, int fd) {
        LDAP *ld = connection(plan);
        uint32_t i;
        while (read(fd, &i, sizeof i) == sizeof i) {
                ask(ld, plan, i);
                whole(write(fd, &i, sizeof i), "answer");
        }
        _exit(0);
}

static struct helper helper_start(const struct plan *plan) {
        int ends[2];
        pid_t pid = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ? -1 : fork();
        if (pid < 0)
                must(LDAP_NO_MEMORY, "helper");
        if (pid == 0) {
                (void)close(ends[0]);
                help(plan, ends[1]);
        }
        (void)close(ends[1]);
        return (struct helper){ ends[0], -1 };
}

/* As many helpers as ask at once: one is always idle when a request comes. */
static void take_request(int listener, struct helper *helpers) {
        uint32_t i;
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
                must(LDAP_SERVER_DOWN, "accept");
        whole(read(client, &i, sizeof i), "request");
        while (helpers->client >= 0)
                helpers++;
        helpers->client = client;
        whole(write(helpers->to, &i, sizeof i), "hand on");
}

static void take_answer(struct helper *helper) {
        uint32_t i;
        whole(read(helper->to, &i, sizeof i), "answer");
        whole(write(helper->client, &i, sizeof i), "hand back");
        (void)close(helper->client);
        helper->client = -1;
}

static void stand_between(const struct plan *plan, int listener) {
        struct helper helpers[TOGETHER_MAX];
        struct pollfd fds[TOGETHER_MAX + 1] = { { .fd = listener, .events = POLLIN } };
        for (uint32_t i = 0; i < plan->together; i++) {
                helpers[i] = helper_start(plan);
                fds[i + 1] = (struct pollfd){ .fd = helpers[i].to, .events = POLLIN };
        }
        while (poll(fds, plan->together + 1, -1) > 0) {
                for (uint32_t i = 0; i < plan->together; i++)
                        if (fds[i + 1].revents)
                                take_answer(&helpers[i]);
                if (fds[0].revents)
                        take_request(listener, helpers);
        }
        _exit(1);
}

/* The process that takes requests; it and its helpers end with this one. */
static pid_t between_start(const struct plan *plan) {
        pid_t self = getpid();
        const struct sockaddr_un address = address_of(self);
        int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) < 0 || listen(listener, (int)TOGETHER_MAX) < 0)
                must(LDAP_SERVER_DOWN, "listen");
        pid_t pid = fork();
        if (pid == 0)
                stand_between(plan, listener);
        (void)close(listener);
        return pid < 0 ? 0 : pid;
}

static int by_size(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static int measure(const struct plan *plan, bool apart, double *us) {
        int status = 0, wrong = 0;
        pid_t between = apart ? between_start(plan) : 0, self = getpid();
        double start = now_us();
        for (uint32_t i = 0; i < plan->together; i++) {
                pid_t pid = fork();
                if (pid < 0)
                        return 1;
                if (pid == 0) {
                        work(plan, apart ? self : 0, us, i);
                        _exit(0);
                }
        }
        for (uint32_t ended = 0; ended < plan->together; ended++) {
                pid_t pid = wait(&status);
                wrong |= pid < 0 || pid == between || status;
        }
        double took = now_us() - start;
        if (between)
                (void)kill(between, SIGTERM);
        qsort(us, plan->count, sizeof *us, by_size);
        (void)printf("%.0f %.0f\n", us[plan->count / 2], plan->count / took * 1e6);
        return wrong != 0;
}

int main(int argc, char **argv) {
        struct plan plan = { 0 };
        bool apart = argc == 9 && strcmp(argv[1], "apart") == 0;
        if (argc != 9 || (!apart && strcmp(argv[1], "alone") != 0) || text_to_u32(argv[6], TOGETHER_MAX, &plan.together) < 0 ||
            text_to_u32(argv[7], COUNT_MAX, &plan.count) < 0 || text_to_u32(argv[8], COUNT_MAX, &plan.spread) < 0 || plan.together == 0 ||
            plan.count < plan.together || plan.spread == 0) {
                (void)fprintf(stderr, "usage: bench_floor alone|apart URI DN-START DN-END PASSWORD AT-A-TIME COUNT SPREAD\n");
                return 2;
        }
        plan.uri = argv[2];
        plan.start = argv[3];
        plan.end = argv[4];
        plan.password = argv[5];
        double *us = mmap(NULL, plan.count * sizeof *us, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return us == MAP_FAILED ? 1 : measure(&plan, apart, us);
}
