/* What the values of groups are compared by: a normal DN, or a folded user name, as a C string; and a hash of it that is written to disk.
 * Relies on: model/dn, base/hash.
 * Must never: give two names that differ one key; change what a key hashes to (a new version of the store's schema would have to come with it). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "model/sync.h"

/* The key of dn[0..len), or of a user's name. 0; -ENOENT: none: what has none is no entry's, and an entry without one is named by no value (no DN, longer
 * than any entry's, empty, with a NUL in it). *key_len may be NULL. */
int sync_key_dn(const char *dn, size_t len, char key[SYNC_KEY_MAX + 1], size_t *key_len);
int sync_key_name(const char *name, size_t len, char key[SYNC_KEY_MAX + 1], size_t *key_len);

/* By what is set, NULL: -ENOENT. */
int sync_key(enum sync_references references, const char *dn, const char *name, char key[SYNC_KEY_MAX + 1]);

/* Never 0. Signed, as SQLite's integers are. */
int64_t sync_key_hash(const char *key);
