/* Secrets: a type of their own, length-carrying, wiped when done, not printable.
 * Relies on: explicit_bzero.
 * Must never: be passed to a format function, logged, or copied into a plain string that outlives the call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 1024 /* bytes, rule L8 */

/* A password. bytes[len] is always 0, so that C interfaces can be handed bytes; it may hold NULs before that
 * (secret_has_nul() tells). Embedded by value: about 1 KiB. */
struct secret {
        size_t len;
        char bytes[SECRET_MAX + 1];
};

/* Copies len bytes in. Returns 0, or -EMSGSIZE when longer than SECRET_MAX (the secret is then empty). */
int secret_set(struct secret *secret, const void *bytes, size_t len);

/* Wipes it; it is then the empty secret. Safe on zeroed memory and twice. */
void secret_done(struct secret *secret);

/* Whether a NUL byte lies inside the length. */
bool secret_has_nul(const struct secret *secret);

/* free(), of memory that may have held a secret: wiped first, all that malloc gave. For libraries that take their memory from a caller. */
void secret_free(void *memory);

#define _cleanup_secret_ __attribute__((cleanup(secret_done)))
