/* Password hashes as an import brings them: any bytes are either refused with words, or a hash that crypt(5) can take.
 * Relies on: directory/password.
 * Must never: compute a hash (that would take the time of a login per input). */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "directory/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *why = NULL;
        char *hash = strndup((const char *)data, size);
        if (!hash)
                return 0;
        bool usable = password_hash_is_usable(hash, &why);
        if (usable == (why != NULL) || (usable && strpbrk(hash, ":\n")))
                abort();
        (void)password_costs_default(hash);
        free(hash);
        return 0;
}
