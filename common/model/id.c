/* Ids; see id.h. */
#include "model/id.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

enum { ID_SID_MAX = sizeof "S-1-5-21-4294967295-4294967295-4294967295" }; /* bytes of a domain's SID */
enum { ID_MAX = 0x7fffffff, RESERVED_FIRST = 60000, RESERVED_LAST = 65535, MIN_ID_LEAST = 1000 }; /* I3 */

void id_range(const struct directory_settings *directory, uint32_t *first, uint32_t *last) {
        if (directory->has_id_range) {
                *first = directory->id_range_first;
                *last = directory->id_range_last;
        } else if (directory->ids == IDS_ATTRIBUTE) {
                *first = 1;
                *last = ID_MAX;
        } else {
                bool sid = directory->ids == IDS_SID;
                *first = sid ? ID_SID_FIRST : ID_ALLOCATE_FIRST;
                *last = sid ? ID_SID_LAST : ID_ALLOCATE_LAST;
        }
}

static const char *id_fault(const struct directory_settings *directory, const struct local_accounts *local, uint32_t id) {
        uint32_t first, last;
        id_range(directory, &first, &last);
        if (id == ID_NONE)
                return directory->ids == IDS_ATTRIBUTE ? "the entry has no id, or one that is 0 or no number" : "the entry has no id";
        if (id < MIN_ID_LEAST || id < directory->min_id)
                return "the id is below min_id";
        if (id >= RESERVED_FIRST && id <= RESERVED_LAST)
                return "the id is one of 60000 to 65535, which the system keeps for itself";
        if (id > ID_MAX)
                return "the id is above 2147483647";
        if (id < first || id > last)
                return "the id is outside id_range";
        if (local_accounts_has_id(local, id))
                return "the id is in the local account files";
        if (local_accounts_in_subids(local, id))
                return "the id is in a range of /etc/subuid or /etc/subgid";
        return NULL;
}

enum reason id_check(const struct directory_settings *directory, const struct local_accounts *local, uint32_t id, const char **why) {
        const char *fault = id_fault(directory, local, id);
        if (fault && why)
                *why = fault;
        return fault ? REASON_ID_CONFLICT : REASON_OK;
}

uint32_t id_position(const char *directory, const char *entry_id, uint32_t first, uint32_t last) {
        uint64_t size = (uint64_t)last - first + 1;
        /* The seeds are fixed for ever: another number would give every entry another id. */
        uint64_t hash = hash_bytes(entry_id, strlen(entry_id), hash_bytes(directory, strlen(directory), UINT64_C(0x6d756c7469646972)));
        return first + (uint32_t)(hash % size);
}

static uint32_t rotate(uint32_t value, unsigned bits) {
        return value << bits | value >> (32 - bits);
}

static uint32_t murmur3_scramble(uint32_t block) {
        return rotate(block * 0xcc9e2d51u, 15) * 0x1b873593u;
}

/* MurmurHash3, 32 bits, as published by its author. */
static uint32_t murmur3(const char *bytes, size_t len, uint32_t seed) {
        const unsigned char *p = (const unsigned char *)bytes;
        uint32_t hash = seed, tail = 0;
        for (size_t i = 0; i < len / 4; i++, p += 4) {
                uint32_t block = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
                hash = rotate(hash ^ murmur3_scramble(block), 13) * 5 + 0xe6546b64u;
        }
        for (size_t i = 0; i < len % 4; i++)
                tail |= (uint32_t)p[i] << (8 * i);
        hash ^= murmur3_scramble(tail) ^ (uint32_t)len;
        hash = (hash ^ hash >> 16) * 0x85ebca6bu;
        hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
        return hash ^ hash >> 16;
}

/* "S-1-5-21-a-b-c-RID": where the domain's part ends, and the RID. */
static int split_sid(const char *sid, size_t *domain_len, uint32_t *rid) {
        static const char prefix[] = "S-1-5-21-";
        unsigned parts = 0;
        uint32_t number = 0;
        if (!text_starts_with(sid, prefix))
                return -EINVAL;
        for (const char *p = sid + sizeof prefix - 1;; parts++) {
                char digits[11];
                size_t len = strspn(p, "0123456789");
                if (len == 0 || len >= sizeof digits || parts == 4)
                        return -EINVAL;
                memcpy(digits, p, len);
                digits[len] = 0;
                if (text_to_u32(digits, UINT32_MAX, &number) < 0)
                        return -EINVAL;
                if (p[len] == 0) {
                        *domain_len = (size_t)(p - sid) - 1;
                        *rid = number;
                        return parts == 3 ? 0 : -EINVAL;
                }
                if (p[len] != '-')
                        return -EINVAL;
                p += len + 1;
        }
}

/* The slice of ids that a name gets. */
static uint32_t slice_of(const char *name, size_t len, uint32_t slices) {
        return murmur3(name, len, 0xdeadbeefu) % slices;
}

/* RIDs past the first slice have slices of their own: each is named after its first RID, and gives way to the domain's first slice. */
static uint32_t further_slice(const char *sid, size_t domain_len, uint32_t first_rid, uint32_t taken, uint32_t slices) {
        char name[ID_SID_MAX + sizeof "-4294967295"];
        int len = snprintf(name, sizeof name, "%.*s-%" PRIu32, (int)domain_len, sid, first_rid);
        uint32_t slice = slice_of(name, (size_t)len, slices);
        return slice == taken ? (slice + 1) % slices : slice;
}

int id_from_sid(const char *sid, uint32_t first, uint32_t last, uint32_t *id) {
        enum { SLICE_SIZE = 200000 };
        size_t domain_len;
        uint32_t rid;
        int r = split_sid(sid, &domain_len, &rid);
        if (r < 0)
                return r;
        uint32_t slices = (uint32_t)(((uint64_t)last - first + 1) / SLICE_SIZE), first_rid = rid / SLICE_SIZE * SLICE_SIZE;
        if (slices == 0 || (first_rid > 0 && slices == 1) || rid > INT32_MAX)
                return -ERANGE;
        uint32_t slice = slice_of(sid, domain_len, slices);
        if (first_rid > 0)
                slice = further_slice(sid, domain_len, first_rid, slice, slices);
        *id = first + slice * SLICE_SIZE + (rid - first_rid);
        return 0;
}
