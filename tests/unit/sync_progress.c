/* What whoever waits for synchronisations is told of how far they are (supervisor/sync_progress.h).
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "multidird/supervisor/sync_progress.h"

struct one { bool ended; uint64_t read, had; };

static void texts(void **state) {
        static const struct { const char *what; size_t count; struct one each[3]; const char *wanted; } rows[] = {
                { "none", 0, { { 0 } }, "{}" },
                { "nothing was read yet", 1, { { false, 0, 110000 } }, "{}" },
                { "the first run: there is no estimate", 1, { { false, 12345, 0 } }, "{\"done\":12345}" },
                { "as many as the last time", 1, { { false, 500, 110000 } }, "{\"done\":500,\"total\":110000}" },
                { "all of them, and it has not ended", 1, { { false, 110000, 110000 } }, "{\"done\":110000,\"total\":110001}" },
                { "more than the last time", 1, { { false, 1500, 800 } }, "{\"done\":1500,\"total\":1501}" },
                { "it has ended", 1, { { true, 0, 800 } }, "{\"done\":800,\"total\":800}" },
                { "... and brought nobody", 1, { { true, 0, 0 } }, "{}" },
                { "the sum of two", 2, { { false, 500, 800 }, { false, 1000, 4000 } }, "{\"done\":1500,\"total\":4800}" },
                { "... of which one has ended", 2, { { true, 0, 800 }, { false, 1000, 4000 } }, "{\"done\":1800,\"total\":4800}" },
                { "... of which one never ran", 2, { { false, 500, 800 }, { false, 1000, 0 } }, "{\"done\":1500}" },
                { "... whose numbers are no numbers", 3, { { false, UINT64_MAX, UINT64_MAX }, { false, UINT64_MAX, 1 }, { true, 0, UINT64_MAX } },
                  "{\"done\":3298534883328,\"total\":3298534883330}" },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct sync_progress progress = { 0 };
                char text[SYNC_PROGRESS_TEXT];
                for (size_t k = 0; k < rows[i].count; k++)
                        sync_progress_add(&progress, rows[i].each[k].ended, rows[i].each[k].read, rows[i].each[k].had);
                sync_progress_text(&progress, text);
                if (strcmp(text, rows[i].wanted) != 0)
                        fail_msg("%s: %s", rows[i].what, text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(texts) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
