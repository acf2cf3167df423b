/* Secrets; see secret.h. */
#include "base/secret.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

int secret_set(struct secret *secret, const void *bytes, size_t len) {
        secret_done(secret);
        if (len > SECRET_MAX)
                return -EMSGSIZE;
        if (len > 0)
                memcpy(secret->bytes, bytes, len);
        secret->len = len;
        secret->bytes[len] = 0;
        return 0;
}

void secret_done(struct secret *secret) {
        explicit_bzero(secret, sizeof *secret);
}

bool secret_has_nul(const struct secret *secret) {
        return memchr(secret->bytes, 0, secret->len) != NULL;
}

void secret_free(void *memory) {
        if (memory)
                explicit_bzero(memory, malloc_usable_size(memory));
        free(memory);
}
