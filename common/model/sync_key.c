/* Keys of member values; see sync_key.h. */
#include "model/sync_key.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "model/dn.h"

#define SEED UINT64_C(0x6d756c7469646972)
#define NAME_MAX_BYTES 1024 /* longer than any name that counts */

int sync_key_dn(const char *dn, size_t len, char key[SYNC_KEY_MAX + 1], size_t *key_len) {
        char normal[DN_NORMAL_MAX];
        size_t normal_len;
        /* A normal form is at most twice as long as the DN: what is longer than SYNC_KEY_MAX is no entry's. */
        if (dn_normal(dn, len, normal, &normal_len) < 0 || normal_len > SYNC_KEY_MAX)
                return -ENOENT;
        memcpy(key, normal, normal_len);
        key[normal_len] = 0;
        if (key_len)
                *key_len = normal_len;
        return 0;
}

int sync_key_name(const char *name, size_t len, char key[SYNC_KEY_MAX + 1], size_t *key_len) {
        if (len == 0 || len > NAME_MAX_BYTES || memchr(name, 0, len))
                return -ENOENT;
        text_fold(key, name, len);
        key[len] = 0;
        if (key_len)
                *key_len = len;
        return 0;
}

int sync_key(enum sync_references references, const char *dn, const char *name, char key[SYNC_KEY_MAX + 1]) {
        if (references == SYNC_REFERENCES_DN && dn)
                return sync_key_dn(dn, strlen(dn), key, NULL);
        if (references == SYNC_REFERENCES_NAME && name)
                return sync_key_name(name, strlen(name), key, NULL);
        return -ENOENT;
}

int64_t sync_key_hash(const char *key) {
        uint64_t hash = hash_bytes(key, strlen(key), SEED);
        return hash == 0 ? 1 : (int64_t)hash;
}
