/* replPropertyMetaData; see ldap/active.h. All of it little-endian: version (1), 0, count, 0, each 32 bits; then of each attribute its number, its version, the time
 * (64 bits), the server (16 bytes) and the number there of its last change, and that number here. */
#include <errno.h>

#include "directory/ldap/active.h"

#define HEADER 16u
#define ITEM 48u
#define VERSION 1u

static uint32_t get_u32(const unsigned char *at) {
        return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get_u64(const unsigned char *at) {
        return (uint64_t)get_u32(at + 4) << 32 | get_u32(at);
}

int active_stamp_of(const struct berval *value, uint32_t attribute, struct active_stamp *stamp) {
        const unsigned char *bytes = (const unsigned char *)value->bv_val;
        *stamp = (struct active_stamp){ 0 };
        if (!bytes || value->bv_len < HEADER || get_u32(bytes) != VERSION)
                return -EBADMSG;
        uint32_t count = get_u32(bytes + 8);
        if (count > (value->bv_len - HEADER) / ITEM)
                return -EBADMSG;
        for (uint32_t i = 0; i < count; i++) {
                const unsigned char *item = bytes + HEADER + (size_t)i * ITEM;
                if (get_u32(item) != attribute)
                        continue;
                *stamp = (struct active_stamp){ .version = get_u32(item + 4), .usn = get_u64(item + 40) };
                return 0;
        }
        return -ENOENT;
}
