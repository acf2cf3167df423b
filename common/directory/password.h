/* Password hashes through libxcrypt: yescrypt for new ones, for imported ones whatever crypt(5) has that is strong.
 * Relies on: crypt_r, crypt_gensalt_ra, crypt_checksalt.
 * Must never: compare in a time that depends on where the difference is; accept a hash that is empty, locked or malformed.
 *
 * Usable: yescrypt ($y$), gost-yescrypt ($gy$), scrypt ($7$), bcrypt ($2a$ $2b$ $2x$ $2y$), SHA-512 ($6$), SHA-256 ($5$), at a cost that
 * fits into a login. Refused although crypt(5) computes them: DES, BSDi, MD5 ($1$), SunMD5, SHA-1, NT: too weak. */
#pragma once

#include <stdbool.h>

#include "base/secret.h"

#define PASSWORD_BYTES_MAX 511 /* crypt(5) takes no more: a longer password cannot be set, and is wrong wherever it is tried */

/* A new yescrypt hash with libxcrypt's default cost; malloc'ed. 0, -ENOMEM, -EINVAL (empty, or a NUL in it), -EMSGSIZE (longer than
 * PASSWORD_BYTES_MAX). */
int password_hash(const struct secret *password, char **hash);

enum password_answer {
        PASSWORD_ANSWER_NONE = 0, /* no memory to compute it: says nothing about the password */
        PASSWORD_ANSWER_WRONG,
        PASSWORD_ANSWER_RIGHT,
};
/* Whether the password opens the hash. A hash that is not usable, and an empty or too long password, are WRONG at once. */
enum password_answer password_check(const struct secret *password, const char *hash);
/* The same as one bit. */
bool password_matches(const struct secret *password, const char *hash);

/* Spends what password_check() costs for a hash that password_hash() makes. */
void password_dummy(const struct secret *password);
/* Whether checking this hash costs what password_dummy() does: if not, the caller adds a dummy to hide that the entry exists (L9). */
bool password_costs_default(const char *hash);
/* Whether a text is a hash that this host's crypt can check (for imports); *why (if given) is a static text that says why not. */
bool password_hash_is_usable(const char *hash, const char **why);
