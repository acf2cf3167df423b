/* Measures logins over auth.sock: what one costs beyond its password hash, and how many at once are answered.
 * Relies on: a running service (tests/bench/login.sh starts one) and its users; wire/client as the PAM module uses it.
 *
 * bench_login one USER PASSWORD HASH COUNT     one after the other; HASH is the user's, timed alone in the same run; -: a server checks it
 * bench_login many PREFIX PASSWORD N           N users PREFIX0… at once */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "directory/password.h"
#include "wire/client.h"

static double now_us(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* REASON_OK or why not; -errno as a negative number when nothing was answered. */
static int login(const char *user, const char *password, uint64_t wait_ms) {
        struct wire_authenticate ask = { .service = "bench" };
        (void)snprintf(ask.user, sizeof ask.user, "%s", user);
        (void)secret_set(&ask.password, password, strlen(password));
        unsigned char buffer[WIRE_AUTH_MAX];
        struct wire_writer writer = { .bytes = buffer, .size = sizeof buffer };
        wire_put_authenticate(&writer, &ask);
        uint64_t deadline = clock_monotonic_ms() + wait_ms;
        _cleanup_close_ int fd = wire_connect(WIRE_AUTH_SOCKET, deadline);
        if (fd < 0)
                return fd;
        enum wire_type type;
        size_t len;
        int r = wire_send(fd, WIRE_AUTHENTICATE, buffer, writer.len, deadline);
        if (r == 0)
                r = wire_receive(fd, &type, buffer, sizeof buffer, &len, deadline);
        if (r < 0)
                return r;
        struct wire_authenticated answer;
        if (type != WIRE_AUTHENTICATED || wire_get_authenticated(buffer, len, &answer) < 0)
                return -EBADMSG;
        return (int)answer.reason;
}

static int by_size(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;
        return (x > y) - (x < y);
}

static int one_after_the_other(const char *user, const char *password, const char *hash, unsigned count) {
        static double logins[10000], hashes[10000];
        struct secret secret = { 0 };
        (void)secret_set(&secret, password, strlen(password));
        bool hashed = strcmp(hash, "-") != 0;
        for (unsigned i = 0; i < count; i++) {
                double start = now_us();
                int reason = login(user, password, 10000);
                logins[i] = now_us() - start;
                if (reason != REASON_OK) {
                        (void)fprintf(stderr, "login %u: %s\n", i, reason < 0 ? strerror(-reason) : reason_name((enum reason)reason));
                        return 1;
                }
                start = now_us();
                if (hashed && !password_matches(&secret, hash))
                        return 1;
                hashes[i] = now_us() - start;
        }
        qsort(logins, count, sizeof *logins, by_size);
        qsort(hashes, count, sizeof *hashes, by_size);
        if (!hashed) {
                (void)printf("one login: p50 %.0f us, p99 %.0f us\n", logins[count / 2], logins[count * 99 / 100]);
                return 0;
        }
        double beyond = logins[count / 2] - hashes[count / 2];
        (void)printf("one login: p50 %.0f us, p99 %.0f us; its hash alone: p50 %.0f us; beyond the hash: %.0f us (target: below 1000) %s\n",
                     logins[count / 2], logins[count * 99 / 100], hashes[count / 2], beyond, beyond < 1000 ? "PASS" : "FAIL");
        return beyond < 1000 ? 0 : 1;
}

struct try { char user[64]; const char *password; int reason; double ms; pthread_barrier_t *start; };

static void *try_run(void *arg) {
        struct try *try = arg;
        (void)pthread_barrier_wait(try->start);
        double start = now_us();
        try->reason = login(try->user, try->password, 20000);
        try->ms = (now_us() - start) / 1000;
        return NULL;
}

static int many_at_once(const char *prefix, const char *password, unsigned count) {
        static struct try tries[4096];
        static pthread_t threads[4096];
        pthread_barrier_t start;
        (void)pthread_barrier_init(&start, NULL, count);
        for (unsigned i = 0; i < count; i++) {
                tries[i] = (struct try){ .password = password, .start = &start };
                (void)snprintf(tries[i].user, sizeof tries[i].user, "%s%u", prefix, i);
                if (pthread_create(&threads[i], NULL, try_run, &tries[i]) != 0)
                        return 1;
        }
        unsigned let_in = 0, refused = 0, silent = 0;
        double slowest = 0;
        for (unsigned i = 0; i < count; i++) {
                (void)pthread_join(threads[i], NULL);
                let_in += tries[i].reason == REASON_OK;
                refused += tries[i].reason >= 0 && tries[i].reason != REASON_OK;
                silent += tries[i].reason < 0;
                slowest = tries[i].ms > slowest ? tries[i].ms : slowest;
        }
        (void)printf("%u logins at once: %u let in, %u answered otherwise, %u not answered; the slowest took %.0f ms\n", count, let_in, refused, silent, slowest);
        return silent == 0 && (count > 200 || let_in == count) ? 0 : 1;
}

int main(int argc, char **argv) {
        uint32_t count;
        if (argc == 6 && strcmp(argv[1], "one") == 0 && text_to_u32(argv[5], 10000, &count) == 0 && count > 0)
                return one_after_the_other(argv[2], argv[3], argv[4], count);
        if (argc == 5 && strcmp(argv[1], "many") == 0 && text_to_u32(argv[4], 4096, &count) == 0 && count > 0)
                return many_at_once(argv[2], argv[3], count);
        (void)fprintf(stderr, "usage: bench_login one USER PASSWORD HASH COUNT | many PREFIX PASSWORD N\n");
        return 2;
}
