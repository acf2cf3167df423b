/* Plain passwords of an import -> hashes, before anything is sent.
 * Relies on: directory/password, threads.
 * Must never: send or print a password. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "directory/password.h"
#include "multidirctl/import.h"
#include "multidirctl/print.h"

#define THREADS_MAX 64

struct work {
        struct import_table *table;
        char **hashes;               /* by row */
        atomic_size_t next, done;
        atomic_int error;
};

static int hash_row(struct work *work, size_t i) {
        const char *password = work->table->rows[i].texts[IMPORT_PASSWORD];
        _cleanup_secret_ struct secret secret = { 0 };
        if (!password)
                return 0;
        int r = secret_set(&secret, password, strlen(password));
        return r < 0 ? r : password_hash(&secret, &work->hashes[i]);
}

static void *hash_rows(void *data) {
        struct work *work = data;
        for (;;) {
                size_t i = atomic_fetch_add(&work->next, 1);
                if (i >= work->table->count || atomic_load(&work->error) != 0)
                        return NULL;
                int r = hash_row(work, i);
                if (r < 0 && r != -EMSGSIZE)
                        atomic_store(&work->error, r);
                atomic_fetch_add(&work->done, 1);
        }
}

static void wait_for_all(const struct ctl *ctl, struct work *work) {
        uint64_t started = clock_monotonic_ms();
        size_t total = work->table->count, done;
        while ((done = atomic_load(&work->done)) < total && atomic_load(&work->error) == 0) {
                struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
                (void)nanosleep(&pause, NULL);
                if (clock_monotonic_ms() - started > 1000)
                        print_progress(ctl, "hashing passwords", done, total);
        }
        print_progress_end(ctl);
}

static void run_threads(const struct ctl *ctl, struct work *work) {
        pthread_t threads[THREADS_MAX];
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        size_t wanted = processors < 1 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (size_t)processors, count = 0;
        while (count < wanted && pthread_create(&threads[count], NULL, hash_rows, work) == 0)
                count++;
        if (count == 0)
                (void)hash_rows(work);
        wait_for_all(ctl, work);
        for (size_t i = 0; i < count; i++)
                (void)pthread_join(threads[i], NULL);
}

/* The hashes into the rows; what could not be hashed is a bad line (L8: too long). */
static void take_hashes(struct work *work) {
        struct import_table *table = work->table;
        for (size_t i = 0; i < table->count; i++) {
                struct import_row *row = &table->rows[i];
                if (!row->texts[IMPORT_PASSWORD])
                        continue;
                if (row->texts[IMPORT_HASH])
                        import_bad(table, row->line, "both a password and a hash; valid: one of them");
                else if (!work->hashes[i])
                        import_bad(table, row->line, "the password is longer than %d bytes: crypt(5) takes no more (L8)", PASSWORD_BYTES_MAX);
                else
                        import_set(table, row, IMPORT_HASH, work->hashes[i]);
        }
}

int import_hash_passwords(const struct ctl *ctl, struct import_table *table) {
        bool any = false;
        for (size_t i = 0; i < table->count && !any; i++)
                any = table->rows[i].texts[IMPORT_PASSWORD] != NULL;
        if (!any)
                return 0;
        struct work work = { .table = table, .hashes = calloc(table->count, sizeof(char *)) };
        if (!work.hashes)
                return -ENOMEM;
        run_threads(ctl, &work);
        int r = atomic_load(&work.error);
        if (r == 0)
                take_hashes(&work);
        for (size_t i = 0; i < table->count; i++)
                free(work.hashes[i]);
        free(work.hashes);
        return r;
}
