/* What a login's questions cost without a login: a bind as the user, then a base search for the entry's id, on one connection that is kept.
 * No service that asks a server both can be quicker than this and pam_permit together: what is left above that is the service's own.
 * Relies on: libldap; a running server (tests/bench/peers.sh starts it).
 * Must never: make a connection anew while it measures, or take an answer other than success.
 *
 * bench_floor URI DN-START DN-END PASSWORD AT-A-TIME COUNT SPREAD   users DN-START 0 DN-END to DN-START SPREAD-1 DN-END
 * Prints one line: p50 in microseconds, pairs per second. Exit 1 if anything was refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ldap.h>

#include "base/text.h"

#define COUNT_MAX 1000000u
#define TOGETHER_MAX 64u

struct plan { const char *uri, *start, *end, *password; uint32_t together, count, spread; };

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

/* One of those that ask at once: every together-th pair. */
static void work(const struct plan *plan, double *us, uint32_t first) {
        static char id_attribute[] = "entryUUID";
        char *attributes[] = { id_attribute, NULL };
        LDAP *ld = connection(plan);
        struct berval secret = { strlen(plan->password), (char *)(uintptr_t)plan->password };
        for (uint32_t i = first; i < plan->count; i += plan->together) {
                char dn[512];
                int id = 0;
                (void)snprintf(dn, sizeof dn, "%s%u%s", plan->start, i % plan->spread, plan->end);
                double start = now_us();
                must(ldap_sasl_bind(ld, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &id), "bind");
                take(ld, id, "bind");
                must(ldap_search_ext(ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)", attributes, 0, NULL, NULL, NULL, 0, &id), "search");
                take(ld, id, "search");
                us[i] = now_us() - start;
        }
}

static int by_size(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static int measure(const struct plan *plan, double *us) {
        int status = 0, wrong = 0;
        double start = now_us();
        for (uint32_t i = 0; i < plan->together; i++) {
                pid_t pid = fork();
                if (pid < 0)
                        return 1;
                if (pid == 0) {
                        work(plan, us, i);
                        _exit(0);
                }
        }
        while (wait(&status) > 0)
                wrong |= status;
        double took = now_us() - start;
        qsort(us, plan->count, sizeof *us, by_size);
        (void)printf("%.0f %.0f\n", us[plan->count / 2], plan->count / took * 1e6);
        return wrong != 0;
}

int main(int argc, char **argv) {
        struct plan plan = { 0 };
        if (argc != 8 || text_to_u32(argv[5], TOGETHER_MAX, &plan.together) < 0 || text_to_u32(argv[6], COUNT_MAX, &plan.count) < 0 ||
            text_to_u32(argv[7], COUNT_MAX, &plan.spread) < 0 || plan.together == 0 || plan.count < plan.together || plan.spread == 0) {
                (void)fprintf(stderr, "usage: bench_floor URI DN-START DN-END PASSWORD AT-A-TIME COUNT SPREAD\n");
                return 2;
        }
        plan.uri = argv[1];
        plan.start = argv[2];
        plan.end = argv[3];
        plan.password = argv[4];
        double *us = mmap(NULL, plan.count * sizeof *us, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return us == MAP_FAILED ? 1 : measure(&plan, us);
}
