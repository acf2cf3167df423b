/* Look-ups in a mapped view; see reader.h.
 * Relies on: view/format.h.
 * Must never: use an offset or a count of the file before it was compared with the mapping's size or with the record that it lies in. Linked
 * into the NSS module: no allocation, no lock, no descriptor, no environment. */
#include "view/reader.h"

#include <string.h>

#include "view/format.h"
#include "view/reader_internal.h"

const unsigned char *view_section_bytes(const struct view *view, enum view_section_id id, uint32_t element, uint32_t *count) {
        const struct view_header *header = view_header_of(view);
        uint64_t start = (uint64_t)header->sections[id].start * VIEW_UNIT;
        uint64_t size = (uint64_t)header->sections[id].count * element;
        if (start < sizeof(*header) || start > view->size || size > view->size - start)
                return NULL;
        *count = header->sections[id].count;
        return view->base + start;
}

const unsigned char *view_record_bytes(const struct view *view, uint32_t position, size_t least) {
        uint64_t start = (uint64_t)position * VIEW_UNIT;
        if (start < sizeof(struct view_header) || start > view->size || view->size - start < least)
                return NULL;
        uint32_t size;
        memcpy(&size, view->base + start, sizeof(size));
        if (size < least || size > view->size - start)
                return NULL;
        return view->base + start;
}

/* A text of len bytes at *at, inside record[0..size) with its NUL; moves *at behind it. NULL: it is not. */
static const char *text_in_record(const unsigned char *record, uint32_t size, uint64_t *at, uint32_t len) {
        uint64_t start = *at, end = start + len;
        if (end >= size || record[end] != 0)
                return NULL;
        *at = end + 1;
        return (const char *)record + start;
}

bool view_parse_user(const struct view *view, uint32_t position, struct view_user *user) {
        const unsigned char *bytes = view_record_bytes(view, position, sizeof(struct view_user_record));
        if (!bytes)
                return false;
        const struct view_user_record *record = (const void *)bytes;
        if (record->kind != VIEW_RECORD_USER || record->name_len == 0)
                return false;
        uint32_t size = record->size;
        uint64_t at = sizeof(*record);
        const char *name = text_in_record(bytes, size, &at, record->name_len);
        at = sizeof(*record) + view_name_room(record->name_len);
        const char *gecos = text_in_record(bytes, size, &at, record->gecos_len);
        const char *home = text_in_record(bytes, size, &at, record->home_len);
        const char *shell = text_in_record(bytes, size, &at, record->shell_len);
        if (!name || !gecos || !home || !shell)
                return false;
        at = (at + 3) & ~UINT64_C(3);
        if (at > size || (uint64_t)record->gid_count * 4 > size - at)
                return false;
        *user = (struct view_user) {
                .name = name, .name_len = record->name_len, .gecos = gecos, .gecos_len = record->gecos_len,
                .home = home, .home_len = record->home_len, .shell = shell, .shell_len = record->shell_len,
                .uid = record->uid, .gid = record->gid, .gids = (const void *)(bytes + at), .gid_count = record->gid_count,
                .primary_listed = record->flags & VIEW_FLAG_PRIMARY_LISTED,
                .private_group = record->flags & VIEW_FLAG_PRIVATE_GROUP, .index = record->index,
        };
        return true;
}

/* A private group has no record of its own: it is what its user says (M10). */
static bool parse_private_group(const struct view *view, uint32_t position, struct view_group *group) {
        struct view_user user;
        if (!view_parse_user(view, position, &user) || !user.private_group)
                return false;
        *group = (struct view_group) { .name = user.name, .name_len = user.name_len, .gid = user.gid };
        return true;
}

bool view_parse_group(const struct view *view, uint32_t position, struct view_group *group) {
        const unsigned char *bytes = view_record_bytes(view, position, sizeof(struct view_group_record));
        if (!bytes)
                return false;
        const struct view_group_record *record = (const void *)bytes;
        if (record->kind == VIEW_RECORD_USER)
                return parse_private_group(view, position, group);
        if (record->kind != VIEW_RECORD_GROUP || record->name_len == 0)
                return false;
        uint32_t size = record->size, count = record->member_count, len = record->members_len;
        uint64_t at = sizeof(*record);
        const char *name = text_in_record(bytes, size, &at, record->name_len);
        uint64_t offsets = sizeof(*record) + view_name_room(record->name_len), members = offsets + (uint64_t)count * 4;
        if (!name || members > size || len > size - members || len > INT32_MAX)
                return false;
        if (count > 0 && (len == 0 || bytes[members + len - 1] != 0))
                return false;
        *group = (struct view_group) {
                .name = name, .name_len = record->name_len, .gid = record->gid, .member_count = count,
                .members = (const char *)bytes + members, .members_len = len,
                .member_offsets = count > 0 ? (const void *)(bytes + offsets) : NULL,
        };
        return true;
}

/* Whether the record at position is the key's: its name follows a header of the size that its kind has. */
static bool record_has_name(const struct view *view, uint32_t position, const struct view_key *key) {
        const unsigned char *bytes = view_record_bytes(view, position, sizeof(struct view_group_record));
        if (!bytes)
                return false;
        const struct view_group_record *record = (const void *)bytes;
        size_t header = record->kind == VIEW_RECORD_GROUP ? sizeof(*record) : sizeof(struct view_user_record);
        if (record->size < header + (size_t)key->count * VIEW_UNIT || view_name_room(record->name_len) != key->count * VIEW_UNIT)
                return false;
        return view_key_matches(key, bytes + header);
}

/* Has a record's first lines on their way together: found one after the other they would cost a memory access each. */
static inline void fetch_record(const struct view *view, uint32_t position) {
        uint64_t start = (uint64_t)position * VIEW_UNIT;
        if (start + 3 * (uint64_t)VIEW_LINE > view->size)
                return;
        __builtin_prefetch(view->base + start);
        __builtin_prefetch(view->base + start + VIEW_LINE);
        __builtin_prefetch(view->base + start + 2 * (size_t)VIEW_LINE);
}

/* The position that an index has under hash and tag, and, by name, whose record has the key's name. 0: none. */
static uint32_t index_find(const struct view *view, enum view_section_id id, uint64_t hash, uint32_t tag, const struct view_key *key) {
        uint32_t count = 0;
        const struct view_bucket *buckets = (const void *)view_section_bytes(view, id, sizeof(struct view_bucket), &count);
        if (!buckets || count == 0)
                return 0;
        uint32_t at = view_bucket_of(hash, count);
        for (uint32_t probed = 0; probed < count; probed++) {
                const struct view_bucket *bucket = &buckets[at];
                for (unsigned i = 0; i < 8; i++) {
                        uint32_t position = bucket->entry[i].position;
                        if (position == 0)
                                return 0;
                        if (bucket->entry[i].tag != tag)
                                continue;
                        fetch_record(view, position);
                        if (!key || record_has_name(view, position, key))
                                return position;
                }
                if (++at == count)
                        at = 0;
        }
        return 0;
}

static uint32_t find_name(const struct view *view, enum view_section_id id, const char *name) {
        size_t len = strnlen(name, VIEW_NAME_MAX + 1);
        if (len == 0 || len > VIEW_NAME_MAX)
                return 0;
        struct view_key key;
        view_key_init(&key, name, len, view_header_of(view)->seed);
        return index_find(view, id, key.hash, (uint32_t)key.hash, &key);
}

static uint32_t find_id(const struct view *view, enum view_section_id id, uint32_t number) {
        return index_find(view, id, hash_u64(number, view_header_of(view)->seed), number, NULL);
}

enum view_answer view_user_by_name(const struct view *view, const char *name, struct view_user *user) {
        uint32_t position = find_name(view, VIEW_USER_NAMES, name);
        if (position == 0)
                return VIEW_NOT_FOUND;
        return view_parse_user(view, position, user) ? VIEW_FOUND : VIEW_UNAVAILABLE;
}

enum view_answer view_user_by_uid(const struct view *view, uint32_t uid, struct view_user *user) {
        uint32_t position = find_id(view, VIEW_USER_IDS, uid);
        if (position == 0)
                return VIEW_NOT_FOUND;
        struct view_user found;
        if (!view_parse_user(view, position, &found) || found.uid != uid)
                return VIEW_UNAVAILABLE;
        *user = found;
        return VIEW_FOUND;
}

enum view_answer view_group_by_name(const struct view *view, const char *name, struct view_group *group) {
        uint32_t position = find_name(view, VIEW_GROUP_NAMES, name);
        if (position == 0)
                return VIEW_NOT_FOUND;
        return view_parse_group(view, position, group) ? VIEW_FOUND : VIEW_UNAVAILABLE;
}

enum view_answer view_group_by_gid(const struct view *view, uint32_t gid, struct view_group *group) {
        uint32_t position = find_id(view, VIEW_GROUP_IDS, gid);
        if (position == 0)
                return VIEW_NOT_FOUND;
        struct view_group found;
        if (!view_parse_group(view, position, &found) || found.gid != gid)
                return VIEW_UNAVAILABLE;
        *group = found;
        return VIEW_FOUND;
}

/* The position in an enumeration table; 0: beyond its end, or no table. */
static uint32_t table_position(const struct view *view, enum view_section_id id, uint32_t index) {
        uint32_t count = 0;
        const uint32_t *table = (const void *)view_section_bytes(view, id, sizeof(uint32_t), &count);
        return table && index < count ? table[index] : 0;
}

enum view_answer view_user_at(const struct view *view, uint32_t index, struct view_user *user) {
        if (index >= view_user_count(view))
                return VIEW_NOT_FOUND;
        struct view_user found;
        if (!view_parse_user(view, table_position(view, VIEW_USER_TABLE, index), &found) || found.index != index)
                return VIEW_UNAVAILABLE;
        *user = found;
        return VIEW_FOUND;
}

enum view_answer view_group_at(const struct view *view, uint32_t index, struct view_group *group) {
        if (index >= view_group_count(view))
                return VIEW_NOT_FOUND;
        return view_parse_group(view, table_position(view, VIEW_GROUP_TABLE, index), group) ? VIEW_FOUND : VIEW_UNAVAILABLE;
}

/* A table that does not lie inside the file has no entries: a walk over a damaged view ends. */
static uint32_t table_count(const struct view *view, enum view_section_id id) {
        uint32_t count = 0;
        return view_section_bytes(view, id, sizeof(uint32_t), &count) ? count : 0;
}

uint32_t view_user_count(const struct view *view) {
        return table_count(view, VIEW_USER_TABLE);
}

uint32_t view_group_count(const struct view *view) {
        return table_count(view, VIEW_GROUP_TABLE);
}

uint64_t view_generation(const struct view *view) {
        return view_header_of(view)->generation;
}

uint64_t view_built_s(const struct view *view) {
        return view_header_of(view)->built_s;
}

uint32_t view_account_max_age_s(const struct view *view) {
        return view_header_of(view)->account_max_age_s;
}

uint64_t view_gates(const struct view *view) {
        return view_header_of(view)->gates;
}

bool view_superseded(const struct view *view) {
        return __atomic_load_n(&view_header_of(view)->superseded, __ATOMIC_ACQUIRE) != 0;
}
