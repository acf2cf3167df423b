/* Password hashes through libxcrypt: yescrypt for new ones, whatever crypt(5) knows for imported ones.
 * Relies on: crypt_ra, crypt_gensalt_ra.
 * Must never: compare in a time that depends on where the difference is; accept a hash that is empty, locked or malformed. */
#pragma once

#include <stdbool.h>

#include "base/secret.h"

/* A new yescrypt hash with libxcrypt's default cost; malloc'ed. 0, -ENOMEM, -EINVAL (a NUL in the password). */
int password_hash(const struct secret *password, char **hash);
/* Whether the password opens the hash. A bad hash is never right. */
bool password_matches(const struct secret *password, const char *hash);
/* Spends what password_matches() costs for a hash that password_hash() makes. */
void password_dummy(const struct secret *password);
/* Whether a text is a hash that this host's crypt can check (for imports); *why is a static text. */
bool password_hash_is_usable(const char *hash, const char **why);
