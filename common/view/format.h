/* How the view file lies on disk: one header, then sections. The one place that writer, reader and verifier share.
 * Relies on: base/hash, base/text; a little-endian host (the file is little-endian and mapped as it lies).
 * Must never: hold a pointer, or a number whose meaning depends on the machine. A change of layout raises VIEW_VERSION.
 *
 * Positions are u32 in units of VIEW_UNIT bytes, so a file has at most 32 GiB. Everything in the file starts at a multiple of a unit; indexes
 * and records that look-ups touch start at a cache line. The file's size is a multiple of VIEW_PAGE, so that a mapping has no ragged end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the view file is mapped as it lies, little-endian");

#define VIEW_MAGIC "MDVIEW\r\n"
#define VIEW_VERSION 1u
#define VIEW_UNIT 8u
#define VIEW_LINE 64u
#define VIEW_PAGE 4096u
#define VIEW_NAME_MAX 255u /* N3 */
#define VIEW_SIZE_MAX ((uint64_t)UINT32_MAX * VIEW_UNIT)

/* start: in units. count: elements of the section's own kind. */
struct view_section { uint32_t start, count; };

enum view_section_id {
        VIEW_USER_NAMES = 0, /* struct view_bucket: published users by folded name */
        VIEW_USER_IDS,       /* … by uid */
        VIEW_GROUP_NAMES,    /* … groups, and users with a private group (M10), by folded name */
        VIEW_GROUP_IDS,      /* … by gid */
        VIEW_USER_TABLE,     /* uint32_t: position of each user's record, in enumeration order */
        VIEW_GROUP_TABLE,    /* … of each group's; private groups are not in it */
        VIEW_META,           /* bytes: directories, applications, services and their names */
        VIEW_USERS,          /* units: user records */
        VIEW_GROUPS,         /* units: group records */
        VIEW_ACCOUNTS,       /* units: account records */
        VIEW_SECTION_MAX
};

struct view_header {
        char magic[8];
        uint32_t version;
        uint32_t superseded; /* the mark: the only word that ever changes; outside every checksum. 0: newest as far as known */
        uint64_t seed;       /* of the indexes' hash */
        uint64_t file_size;
        uint64_t generation;
        uint64_t built_s;
        uint64_t body_checksum;   /* hash_bytes, seed 0, of everything behind the header */
        uint64_t header_checksum; /* of the header, with this field and the mark as zero */
        struct view_section sections[VIEW_SECTION_MAX];
        uint32_t directory_count, application_count, service_count;
        uint32_t account_max_age_s; /* 0: no limit. For the account phase, which cannot read the configuration */
        uint64_t gates;             /* the gates that its access was decided by (rules/gate.h, gate_digest); 0, as in views from before there was this: not known */
        uint32_t reserved[22];
};
_Static_assert(sizeof(struct view_header) == 256, "the header is four cache lines");
_Static_assert(offsetof(struct view_header, superseded) == 12, "the mark's place is fixed");

/* One cache line of an index. Entries are filled from the front; an unused one (position 0) ends the search, a full bucket goes on in the next
 * (the last one in the first). By name the tag is the low half of the hash, by id it is the id itself. */
struct view_bucket { struct { uint32_t tag, position; } entry[8]; };
_Static_assert(sizeof(struct view_bucket) == VIEW_LINE, "a bucket is one cache line");

enum view_record_kind { VIEW_RECORD_NONE = 0, VIEW_RECORD_USER = 0x5531, VIEW_RECORD_GROUP = 0x4731, VIEW_RECORD_ACCOUNT = 0x4131 };
enum { VIEW_FLAG_PRIVATE_GROUP = 1, VIEW_FLAG_PRIMARY_LISTED = 2 };

/* Followed by: the name, NUL-padded to whole units; gecos, home and shell, each with its NUL; padding to 4; gid_count gids, ascending. */
struct view_user_record {
        uint32_t size; /* bytes, all of it, a multiple of VIEW_LINE */
        uint16_t kind; /* enum view_record_kind */
        uint8_t flags;
        uint8_t name_len;
        uint32_t uid, gid;
        uint32_t index;   /* in enumeration order */
        uint32_t account; /* units from the start of VIEW_ACCOUNTS */
        uint32_t gecos_len, home_len, shell_len;
        uint32_t gid_count;
};
_Static_assert(sizeof(struct view_user_record) == 40, "the name begins in the record's first line");

/* Followed by: the name, NUL-padded to whole units; member_count offsets into the names; members_len bytes of names, each with its NUL. */
struct view_group_record {
        uint32_t size; /* bytes, all of it, a multiple of VIEW_LINE */
        uint16_t kind;
        uint8_t reserved;
        uint8_t name_len;
        uint32_t gid;
        uint32_t index;
        uint32_t member_count;
        uint32_t members_len; /* below 2^31 */
};
_Static_assert(sizeof(struct view_group_record) == 24, "whole units");

/* Followed by: one view_account_entry per application; texts; the SSH keys and their NUL, padded to whole units with NULs. */
struct view_account_record {
        uint32_t size;  /* bytes, a multiple of VIEW_UNIT; the last byte is NUL */
        uint16_t kind;
        uint16_t reserved;
        uint32_t index; /* of the user */
        uint32_t keys, keys_len; /* bytes from the start of the record; length without the NUL */
};
struct view_account_entry { uint32_t reason, directory, entry_id; }; /* directory: index, UINT32_MAX none; entry_id: bytes from the record's start */

/* VIEW_META: directory_count offsets of names; application_count view_application_entry; service_count offsets; texts. All offsets are bytes from
 * the section's start, and its last byte is NUL, so that every text ends inside it. */
struct view_application_entry { uint32_t name, first_service, service_count; };

static inline uint32_t view_round(uint64_t bytes, uint32_t to) {
        return (uint32_t)((bytes + to - 1) / to * to);
}

/* Bytes that a name of that length takes in a record. */
static inline uint32_t view_name_room(uint32_t len) {
        return (len / VIEW_UNIT + 1) * VIEW_UNIT;
}

/* Eight bytes folded at once (N1): bit 5 is set in the bytes that are 'A' to 'Z'. Bytes above 0x7f stay. */
static inline uint64_t view_fold8(uint64_t w) {
        const uint64_t ones = UINT64_C(0x0101010101010101), high = ones * 0x80;
        uint64_t low = w & ~high;
        uint64_t above_z = low + ones * (0x7f - 'Z'), from_a = low + ones * (0x80 - 'A');
        uint64_t upper = (from_a ^ above_z) & ~w & high;
        return w | upper >> 2;
}

/* A folded name, NUL-padded to whole units with at least one NUL, and its hash: what an index by name is asked with. */
struct view_key {
        uint64_t words[(VIEW_NAME_MAX + 1) / 8];
        uint64_t hash;
        uint32_t count; /* words */
};

static inline uint64_t view_load8(const char *p) {
        uint64_t w;
        memcpy(&w, p, 8);
        return w;
}

/* The len % 8 bytes at the end of name[0..len), NUL-padded. Read straight into a register: bytes copied to memory first and read back as a word
 * would cost the processor a stall, more than all the rest of the look-up. */
static inline uint64_t view_name_tail(const char *name, size_t len) {
        size_t rest = len % 8;
        if (rest == 0)
                return 0;
        if (len >= 8)
                return view_load8(name + len - 8) >> (8 * (8 - rest));
        uint64_t w = 0;
        for (size_t i = 0; i < rest; i++)
                w |= (uint64_t)(unsigned char)name[i] << (8 * i);
        return w;
}

/* name[0..len) without NULs, 1 <= len <= VIEW_NAME_MAX. */
static inline void view_key_init(struct view_key *key, const char *name, size_t len, uint64_t seed) {
        uint32_t whole = (uint32_t)(len / 8);
        for (uint32_t i = 0; i < whole; i++)
                key->words[i] = view_fold8(view_load8(name + (size_t)i * 8));
        key->words[whole] = view_fold8(view_name_tail(name, len));
        key->count = whole + 1;
        key->hash = hash_bytes(key->words, (size_t)key->count * 8, seed);
}

/* Whether the NUL-padded name at a record is the key's, in any case. Looks at key->count words. */
static inline bool view_key_matches(const struct view_key *key, const unsigned char *name) {
        uint64_t differs = 0;
        for (uint32_t i = 0; i < key->count; i++) {
                uint64_t w;
                memcpy(&w, name + (size_t)i * 8, 8);
                differs |= view_fold8(w) ^ key->words[i];
        }
        return differs == 0;
}

/* The bucket where a search for hash begins, of count buckets. */
static inline uint32_t view_bucket_of(uint64_t hash, uint32_t count) {
        return (uint32_t)(((hash >> 32) * count) >> 32);
}

static inline uint64_t view_header_checksum(const struct view_header *header) {
        struct view_header copy;
        memcpy(&copy, header, sizeof(copy));
        copy.superseded = 0;
        copy.header_checksum = 0;
        return hash_bytes(&copy, sizeof(copy), 0);
}
