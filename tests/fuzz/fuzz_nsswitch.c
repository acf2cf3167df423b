/* nsswitch.conf of any bytes: our word goes in once, and out again; what glibc could read before it can read after.
 * Relies on: libFuzzer, multidirctl's library, glibc's own reader of such lines.
 * Must never: open a file. */
#include <nss.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidirctl/nsswitch.h"
#include "multidirctl/nsswitch_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* glibc keeps every line that it has read, and forgets to free the bad ones. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
        return "leak:__nss_configure_lookup\nleak:__libc_dynarray_emplace_enlarge";
}

/* Whether glibc reads every line of a database of ours. */
static bool glibc_reads(const char *text) {
        bool good = true;
        for (char *copy = strdup(text), *at = copy, *end; copy; at = end + 1) {
                end = at + strcspn(at, "\n");
                struct span line = { at, (size_t)(end - at) };
                bool last = *end == 0;
                size_t behind = 0;
                *end = 0;
                if (nsswitch_line(line, &behind) < NSSWITCH_DATABASES)
                        good &= __nss_configure_lookup("aliases", at + behind) == 0;
                if (last) {
                        free(copy);
                        break;
                }
        }
        return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = strndup((const char *)data, size), *in = NULL, *again = NULL, *out = NULL, *once_more = NULL;
        char why[NSSWITCH_WHY_SIZE] = "";
        bool changed = false;
        int r = text ? nsswitch_insert(text, &in, &changed, why) : -1;
        if (r == -EINVAL && why[0] && !in) {
                free(text);
                return 0;
        }
        if (r < 0 || (!changed && strcmp(text, in) != 0) || (glibc_reads(text) && !glibc_reads(in)))
                abort();
        if (nsswitch_insert(in, &again, &changed, why) < 0 || changed || strcmp(in, again) != 0)
                abort();
        if (nsswitch_remove(in, &out, &changed) < 0 || nsswitch_remove(out, &once_more, &changed) < 0 || changed || strcmp(out, once_more) != 0 ||
            (glibc_reads(in) && !glibc_reads(out)))
                abort();
        free(text);
        free(in);
        free(again);
        free(out);
        free(once_more);
        return 0;
}
