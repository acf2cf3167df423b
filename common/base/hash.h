/* One seeded 64-bit hash: for the view's indexes, the checksums and the in-memory maps.
 * Relies on: unaligned loads through memcpy; little-endian and big-endian give the same numbers.
 * Must never: be taken for a cryptographic hash. The seed keeps a directory's names from choosing their buckets. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define HASH_K0 UINT64_C(0x9e3779b97f4a7c15)
#define HASH_K1 UINT64_C(0xd6e8feb86659fd93)
#define HASH_K2 UINT64_C(0xa0761d6478bd642f)

static inline uint64_t hash_load(const unsigned char *p, size_t n) {
        uint64_t v = 0;
        if (n == 8) {
                memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
                v = __builtin_bswap64(v);
#endif
                return v;
        }
        for (size_t i = 0; i < n; i++)
                v |= (uint64_t)p[i] << (8 * i);
        return v;
}

/* The high half folded into the low half of a 128-bit product: every input bit reaches every output bit. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
        __uint128_t product = (__uint128_t)a * b;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Hash of bytes[0..len). */
static inline uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed) {
        const unsigned char *p = bytes;
        uint64_t h = seed ^ HASH_K0 ^ hash_mix(len ^ HASH_K1, HASH_K2);
        size_t left = len;
        for (; left >= 8; left -= 8, p += 8)
                h = hash_mix(h ^ hash_load(p, 8), HASH_K1 ^ seed);
        if (left > 0)
                h = hash_mix(h ^ hash_load(p, left) ^ HASH_K2, HASH_K0);
        return hash_mix(h ^ HASH_K1, h ^ len ^ HASH_K2);
}

/* Hash of one number, for the indexes by id. */
static inline uint64_t hash_u64(uint64_t value, uint64_t seed) {
        return hash_mix(value ^ seed ^ HASH_K0, (value + HASH_K1) ^ HASH_K2);
}
