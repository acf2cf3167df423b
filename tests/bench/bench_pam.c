/* Measures whole logins as a program on this host makes them: pam_start, authenticate, account, pam_end, with whatever modules the service names.
 * Relies on: libpam; a running service and its server (tests/bench/peers.sh starts them); Linux shared memory.
 * Must never: share a PAM handle or a process between logins that run at once: real ones do not.
 *
 * bench_pam SERVICE USER PASSWORD AT-A-TIME COUNT [SPREAD]   USER0 to USER(SPREAD-1) in turn; without SPREAD, USER itself
 * Prints one line: p50 and p99 in microseconds, logins per second, how many were refused, the slowest in microseconds. Exit 1 if any was refused. */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include "base/text.h"

#define COUNT_MAX 1000000u
#define TOGETHER_MAX 1024u

struct plan { const char *service, *user, *password; uint32_t together, count, spread; };
struct shared { atomic_uint ready, refused; int gate[2]; double us[]; }; /* gate: a pipe that ends when all may begin */

static double now_us(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Answers every question with the password: there is only one. */
static int converse(int count, const struct pam_message **messages, struct pam_response **answers, void *userdata) {
        const struct plan *plan = userdata;
        struct pam_response *made = calloc((size_t)count, sizeof *made);
        if (!made)
                return PAM_BUF_ERR;
        for (int i = 0; i < count; i++)
                if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
                        made[i].resp = strdup(plan->password);
        *answers = made;
        return PAM_SUCCESS;
}

/* How long it took; negative when it was refused. */
static double login(const struct plan *plan, uint32_t number) {
        char user[256];
        struct pam_conv conversation = { converse, (void *)(uintptr_t)plan };
        pam_handle_t *pamh = NULL;
        if (plan->spread > 0)
                (void)snprintf(user, sizeof user, "%s%u", plan->user, number % plan->spread);
        else
                (void)snprintf(user, sizeof user, "%s", plan->user);
        double start = now_us();
        int r = pam_start(plan->service, user, &conversation, &pamh);
        if (r == PAM_SUCCESS)
                r = pam_authenticate(pamh, 0);
        if (r == PAM_SUCCESS)
                r = pam_acct_mgmt(pamh, 0);
        if (pamh)
                (void)pam_end(pamh, r);
        double took = now_us() - start;
        return r == PAM_SUCCESS ? took : -took;
}

/* One of those that log in at once: every together-th login. */
static void work(const struct plan *plan, struct shared *shared, uint32_t first) {
        char nothing;
        (void)close(shared->gate[1]);
        (void)atomic_fetch_add(&shared->ready, 1);
        while (read(shared->gate[0], &nothing, 1) < 0 && errno == EINTR)
                ;
        for (uint32_t i = first; i < plan->count; i += plan->together) {
                double took = login(plan, i);
                if (took < 0)
                        (void)atomic_fetch_add(&shared->refused, 1);
                shared->us[i] = took < 0 ? -took : took;
        }
}

static int by_size(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static int measure(const struct plan *plan, struct shared *shared) {
        if (pipe(shared->gate) < 0)
                return -errno;
        for (uint32_t i = 0; i < plan->together; i++) {
                pid_t pid = fork();
                if (pid < 0)
                        return -errno;
                if (pid == 0) {
                        work(plan, shared, i);
                        _exit(0);
                }
        }
        while (atomic_load(&shared->ready) < plan->together)
                (void)usleep(1000);
        double start = now_us();
        (void)close(shared->gate[1]);
        while (wait(NULL) > 0)
                ;
        double took = now_us() - start;
        qsort(shared->us, plan->count, sizeof *shared->us, by_size);
        (void)printf("%.0f %.0f %.0f %u %.0f\n", shared->us[plan->count / 2], shared->us[(uint64_t)plan->count * 99 / 100], plan->count / took * 1e6,
                     atomic_load(&shared->refused), shared->us[plan->count - 1]);
        return atomic_load(&shared->refused) > 0;
}

int main(int argc, char **argv) {
        struct plan plan = { 0 };
        if (argc < 6 || argc > 7 || text_to_u32(argv[4], TOGETHER_MAX, &plan.together) < 0 || text_to_u32(argv[5], COUNT_MAX, &plan.count) < 0 ||
            (argc == 7 && text_to_u32(argv[6], COUNT_MAX, &plan.spread) < 0) || plan.together == 0 || plan.count < plan.together) {
                (void)fprintf(stderr, "usage: bench_pam SERVICE USER PASSWORD AT-A-TIME COUNT [SPREAD]\n");
                return 2;
        }
        plan.service = argv[1];
        plan.user = argv[2];
        plan.password = argv[3];
        size_t size = sizeof(struct shared) + plan.count * sizeof(double);
        struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
                return 1;
        int r = measure(&plan, shared);
        if (r < 0)
                (void)fprintf(stderr, "bench_pam: %s\n", strerror(-r));
        return r == 0 ? 0 : 1;
}
