/* nsswitch.conf of any bytes: our word goes in once, and out again.
 * Relies on: libFuzzer, multidirctl's library.
 * Must never: open a file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "multidirctl/nsswitch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = strndup((const char *)data, size), *in = NULL, *again = NULL, *out = NULL, *once_more = NULL;
        bool changed = false;
        if (!text || nsswitch_insert(text, &in, &changed) < 0 || (!changed && strcmp(text, in) != 0))
                abort();
        if (nsswitch_insert(in, &again, &changed) < 0 || changed || strcmp(in, again) != 0)
                abort();
        if (nsswitch_remove(in, &out, &changed) < 0 || nsswitch_remove(out, &once_more, &changed) < 0 || changed || strcmp(out, once_more) != 0)
                abort();
        free(text);
        free(in);
        free(again);
        free(out);
        free(once_more);
        return 0;
}
