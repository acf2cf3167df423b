/* The indexes of a view that is changed in place; see merge_internal.h.
 *
 * Buckets are filled from the front, and one that is not full ends every search that comes by (format.h). So when an entry goes from a full bucket,
 * one that had to go past it moves back into the gap, and so on until a bucket that was not full.
 * Relies on: view/format.h.
 * Must never: leave an entry behind a bucket that is not full and that its search passes. */
#include <errno.h>

#include "view/merge_internal.h"

enum { SLOTS = 8, PROBES_MAX = 32 };

struct index { struct view_bucket *buckets; uint32_t count; bool by_name; };

static struct index index_of(const struct merge *m, enum view_section_id id) {
        return (struct index){ .buckets = merge_section(m, id), .count = m->header.sections[id].count,
                               .by_name = id == VIEW_USER_NAMES || id == VIEW_GROUP_NAMES };
}

/* A record's name: its offset is that of its kind. */
static void record_key(const struct merge *m, uint32_t position, struct view_key *key) {
        const struct view_user_record *record = (const void *)merge_at(m, position);
        size_t header = record->kind == VIEW_RECORD_USER ? sizeof *record : sizeof(struct view_group_record);
        view_key_init(key, (const char *)record + header, record->name_len, m->header.seed);
}

static uint32_t home_of(const struct merge *m, const struct index *index, uint32_t bucket, unsigned slot) {
        struct view_key key;
        if (!index->by_name)
                return view_bucket_of(hash_u64(index->buckets[bucket].entry[slot].tag, m->header.seed), index->count);
        record_key(m, index->buckets[bucket].entry[slot].position, &key);
        return view_bucket_of(key.hash, index->count);
}

static unsigned used_slots(const struct view_bucket *bucket) {
        unsigned used = 0;
        while (used < SLOTS && bucket->entry[used].position != 0)
                used++;
        return used;
}

static uint32_t next_bucket(const struct index *index, uint32_t bucket) {
        return bucket + 1 == index->count ? 0 : bucket + 1;
}

static int put(struct merge *m, const struct index *index, uint64_t hash, uint32_t tag, uint32_t position) {
        uint32_t at = view_bucket_of(hash, index->count);
        for (uint32_t probed = 0; index->count > 0 && probed < PROBES_MAX && probed < index->count; probed++, at = next_bucket(index, at)) {
                unsigned used = used_slots(&index->buckets[at]);
                if (used == SLOTS)
                        continue;
                merge_touch(m, &index->buckets[at], sizeof index->buckets[at]);
                index->buckets[at].entry[used].tag = tag;
                index->buckets[at].entry[used].position = position;
                return 0;
        }
        return -EAGAIN;
}

/* Where the position stands under the hash. false: nowhere. */
static bool find(const struct index *index, uint64_t hash, uint32_t position, uint32_t *bucket, unsigned *slot) {
        *bucket = view_bucket_of(hash, index->count);
        for (uint32_t probed = 0; probed < index->count; probed++, *bucket = next_bucket(index, *bucket)) {
                unsigned used = used_slots(&index->buckets[*bucket]);
                for (*slot = 0; *slot < used; (*slot)++)
                        if (index->buckets[*bucket].entry[*slot].position == position)
                                return true;
                if (used < SLOTS)
                        return false;
        }
        return false;
}

/* Takes a slot away; the bucket's last entry fills it. */
static void close_gap(struct merge *m, struct view_bucket *bucket, unsigned slot) {
        merge_touch(m, bucket, sizeof *bucket);
        unsigned last = used_slots(bucket) - 1;
        bucket->entry[slot] = bucket->entry[last];
        bucket->entry[last].tag = bucket->entry[last].position = 0;
}

/* An entry at or behind `from` (which follows the gap) that belongs at or before the gap's bucket. */
static bool find_displaced(const struct merge *m, const struct index *index, uint32_t gap, uint32_t *bucket, unsigned *slot) {
        *bucket = gap;
        for (uint32_t passed = 1; passed < index->count; passed++) {
                *bucket = next_bucket(index, *bucket);
                unsigned used = used_slots(&index->buckets[*bucket]);
                for (*slot = 0; *slot < used; (*slot)++) {
                        uint32_t home = home_of(m, index, *bucket, *slot);
                        uint32_t distance = *bucket >= home ? *bucket - home : *bucket + index->count - home;
                        if (distance >= passed)
                                return true;
                }
                if (used < SLOTS)
                        return false;
        }
        return false;
}

static int take(struct merge *m, const struct index *index, uint64_t hash, uint32_t position) {
        uint32_t bucket, from;
        unsigned slot;
        if (index->count == 0 || !find(index, hash, position, &bucket, &slot))
                return -EAGAIN;
        for (;;) {
                bool full = used_slots(&index->buckets[bucket]) == SLOTS;
                close_gap(m, &index->buckets[bucket], slot);
                if (!full || !find_displaced(m, index, bucket, &from, &slot))
                        return 0;
                index->buckets[bucket].entry[SLOTS - 1] = index->buckets[from].entry[slot];
                bucket = from;
        }
}

static bool known(const struct merge *m, const struct index *names, const struct index *ids, const struct view_key *key, uint32_t id) {
        uint32_t at = view_bucket_of(key->hash, names->count);
        for (uint32_t probed = 0; probed < names->count; probed++, at = next_bucket(names, at)) {
                unsigned used = used_slots(&names->buckets[at]);
                for (unsigned i = 0; i < used; i++) {
                        struct view_key other;
                        if (names->buckets[at].entry[i].tag != (uint32_t)key->hash)
                                continue;
                        record_key(m, names->buckets[at].entry[i].position, &other);
                        if (other.hash == key->hash && other.count == key->count)
                                return true; /* or as good as: the installer would refuse a view with a name twice */
                }
                if (used < SLOTS)
                        break;
        }
        at = view_bucket_of(hash_u64(id, m->header.seed), ids->count);
        for (uint32_t probed = 0; probed < ids->count; probed++, at = next_bucket(ids, at)) {
                unsigned used = used_slots(&ids->buckets[at]);
                for (unsigned i = 0; i < used; i++)
                        if (ids->buckets[at].entry[i].tag == id)
                                return true;
                if (used < SLOTS)
                        break;
        }
        return false;
}

int merge_index_add(struct merge *m, enum view_section_id names, enum view_section_id ids, const struct merge_entry *entry) {
        struct view_key key;
        struct index by_name = index_of(m, names), by_id = index_of(m, ids);
        view_key_init(&key, entry->name, entry->name_len, m->header.seed);
        if (by_name.count == 0 || by_id.count == 0 || known(m, &by_name, &by_id, &key, entry->id))
                return -EAGAIN;
        int r = put(m, &by_name, key.hash, (uint32_t)key.hash, entry->position);
        return r < 0 ? r : put(m, &by_id, hash_u64(entry->id, m->header.seed), entry->id, entry->position);
}

int merge_index_remove(struct merge *m, enum view_section_id names, enum view_section_id ids, const struct merge_entry *entry) {
        struct view_key key;
        struct index by_name = index_of(m, names), by_id = index_of(m, ids);
        view_key_init(&key, entry->name, entry->name_len, m->header.seed);
        int r = take(m, &by_name, key.hash, entry->position);
        return r < 0 ? r : take(m, &by_id, hash_u64(entry->id, m->header.seed), entry->position);
}

int merge_index_move(struct merge *m, enum view_section_id names, enum view_section_id ids, const struct merge_entry *entry, uint32_t from) {
        struct view_key key;
        uint32_t bucket;
        unsigned slot;
        struct index by_name = index_of(m, names), by_id = index_of(m, ids);
        view_key_init(&key, entry->name, entry->name_len, m->header.seed);
        if (by_name.count == 0 || !find(&by_name, key.hash, from, &bucket, &slot))
                return -EAGAIN;
        merge_touch(m, &by_name.buckets[bucket], sizeof by_name.buckets[bucket]);
        by_name.buckets[bucket].entry[slot].position = entry->position;
        if (by_id.count == 0 || !find(&by_id, hash_u64(entry->id, m->header.seed), from, &bucket, &slot))
                return -EAGAIN;
        merge_touch(m, &by_id.buckets[bucket], sizeof by_id.buckets[bucket]);
        by_id.buckets[bucket].entry[slot].position = entry->position;
        return 0;
}
