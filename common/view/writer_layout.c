/* Puts a view together in its file: sections, indexes, the groups' member vectors, checksums; see writer.h.
 * Relies on: posix_fallocate and a shared writable mapping of the file.
 * Must never: leave a header that checks out on a file that is not complete: it is written last. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "view/writer_internal.h"

/* The file while it is filled. */
struct layout {
        struct view_writer *w;
        unsigned char *base;
        uint64_t size;
        struct view_section sections[VIEW_SECTION_MAX];
};

/* A section of count elements behind what is there, at a cache line. */
static void place(struct layout *l, enum view_section_id id, uint64_t count, uint32_t element) {
        l->sections[id] = (struct view_section) { .start = (uint32_t)(l->size / VIEW_UNIT), .count = (uint32_t)count };
        l->size = (l->size + count * element + VIEW_LINE - 1) / VIEW_LINE * VIEW_LINE;
}

/* Room that stays behind what is there, for changes in place (view/merge.h): zero, and of no meaning to a reader. */
static void spare(struct layout *l, uint64_t bytes) {
        l->size += (bytes + VIEW_LINE - 1) / VIEW_LINE * VIEW_LINE;
}

static uint64_t spare_users(uint64_t users) {
        return users / 64 + 32;
}

/* Buckets for that many entries at load 0.5. */
static uint64_t buckets_for(uint64_t entries) {
        return (entries + 3) / 4;
}

/* Bytes of a group's record, with some for members to come. */
static uint64_t group_size(const struct group_build *group) {
        uint64_t size = sizeof(struct view_group_record) + view_name_room(group->name_len) + 4 * (uint64_t)group->member_count + group->members_len;
        return (size + size / 64 + VIEW_LINE - 1) / VIEW_LINE * VIEW_LINE;
}

/* Gives every group record its place in the section. Returns the section's bytes, or 0 when a group is too large for one. */
static uint64_t place_groups(struct view_writer *w) {
        uint64_t at = 0;
        for (uint32_t i = 0; i < writer_group_count(w); i++) {
                struct group_build *group = writer_group(w, i);
                uint64_t size = group_size(group);
                if (group->members_len > INT32_MAX || size > UINT32_MAX - VIEW_LINE || at / VIEW_UNIT > UINT32_MAX)
                        return 0;
                group->position = (uint32_t)(at / VIEW_UNIT);
                at += size;
        }
        return at;
}

static uint64_t meta_size(const struct view_writer *w) {
        return w->directories.used + w->applications.used + w->services.used + w->texts.used + 1;
}

static int place_all(struct layout *l) {
        struct view_writer *w = l->w;
        uint64_t users = w->user_count, groups = writer_group_count(w), group_bytes = place_groups(w), meta = meta_size(w);
        if ((groups > 0 && group_bytes == 0) || meta > UINT32_MAX || groups + w->private_count > UINT32_MAX)
                return -EOVERFLOW;
        uint64_t group_entries = groups + w->private_count, more = spare_users(users);
        l->size = sizeof(struct view_header);
        place(l, VIEW_USER_NAMES, buckets_for(users + more), sizeof(struct view_bucket));
        place(l, VIEW_USER_IDS, buckets_for(users + more), sizeof(struct view_bucket));
        place(l, VIEW_GROUP_NAMES, buckets_for(group_entries + more), sizeof(struct view_bucket));
        place(l, VIEW_GROUP_IDS, buckets_for(group_entries + more), sizeof(struct view_bucket));
        place(l, VIEW_USER_TABLE, users, sizeof(uint32_t));
        spare(l, more * sizeof(uint32_t));
        place(l, VIEW_GROUP_TABLE, groups, sizeof(uint32_t));
        place(l, VIEW_META, meta, 1);
        place(l, VIEW_USERS, w->users.used / VIEW_UNIT, VIEW_UNIT);
        spare(l, w->users.used / 64 + 4096);
        place(l, VIEW_GROUPS, group_bytes / VIEW_UNIT, VIEW_UNIT);
        spare(l, group_bytes / 32 + 4096);
        place(l, VIEW_ACCOUNTS, w->accounts.used / VIEW_UNIT, VIEW_UNIT);
        spare(l, w->accounts.used / 64 + 4096);
        l->size = (l->size + VIEW_PAGE - 1) / VIEW_PAGE * VIEW_PAGE;
        return l->size > VIEW_SIZE_MAX || l->size > SIZE_MAX ? -EOVERFLOW : 0;
}

static unsigned char *section(const struct layout *l, enum view_section_id id) {
        return l->base + (uint64_t)l->sections[id].start * VIEW_UNIT;
}

/* Makes room (ENOSPC must come here, not as a signal from the mapping) and maps the file. */
static int map_file(struct layout *l, int fd) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size != 0)
                return -EINVAL;
        int r;
        do
                r = posix_fallocate(fd, 0, (off_t)l->size);
        while (r == EINTR);
        if (r != 0)
                return -r;
        void *base = mmap(NULL, (size_t)l->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (base == MAP_FAILED)
                return -errno;
        l->base = base;
        return 0;
}

/* Moves a store into its section, giving its memory back on the way: the peak is one file, not two. */
static void move_store(struct layout *l, enum view_section_id id, struct store *store) {
        enum { STEP = 8 << 20 };
        for (size_t at = 0; at < store->used; at += STEP) {
                size_t n = store->used - at < STEP ? store->used - at : STEP;
                memcpy(section(l, id) + at, store->base + at, n);
                store_drop_front(store, at + n);
        }
        store_done(store);
}

static void copy_store(unsigned char **at, const struct store *store) {
        if (store->used > 0)
                memcpy(*at, store->base, store->used);
        *at += store->used;
}

static void rebase(struct store *store, uint32_t stride, uint32_t by) {
        for (size_t at = 0; at < store->used; at += stride) {
                uint32_t offset;
                memcpy(&offset, store->base + at, sizeof(offset));
                offset += by;
                memcpy(store->base + at, &offset, sizeof(offset));
        }
}

/* Texts lie behind the three arrays; their offsets were counted from the first text. */
static void write_meta(struct layout *l) {
        struct view_writer *w = l->w;
        unsigned char *at = section(l, VIEW_META);
        uint32_t texts = (uint32_t)(w->directories.used + w->applications.used + w->services.used);
        rebase(&w->directories, sizeof(uint32_t), texts);
        rebase(&w->applications, sizeof(struct view_application_entry), texts);
        rebase(&w->services, sizeof(uint32_t), texts);
        copy_store(&at, &w->directories);
        copy_store(&at, &w->applications);
        copy_store(&at, &w->services);
        copy_store(&at, &w->texts);
}

/* Whether the record at position has the key's name. Only positions that this writer put into an index come here. */
static bool same_name(const struct layout *l, uint32_t position, const struct view_key *key) {
        const unsigned char *bytes = l->base + (uint64_t)position * VIEW_UNIT;
        const struct view_user_record *record = (const void *)bytes;
        size_t header = record->kind == VIEW_RECORD_USER ? sizeof(*record) : sizeof(struct view_group_record);
        return view_name_room(record->name_len) == key->count * VIEW_UNIT && view_key_matches(key, bytes + header);
}

/* 0, or -EEXIST when the name (with a key) or the id is there. The index is never full: it has twice the room. */
static int index_put(struct layout *l, enum view_section_id id, uint64_t hash, uint32_t tag, uint32_t position, const struct view_key *key) {
        struct view_bucket *buckets = (void *)section(l, id);
        uint32_t count = l->sections[id].count;
        for (uint32_t at = view_bucket_of(hash, count);; at = at + 1 == count ? 0 : at + 1)
                for (unsigned i = 0; i < 8; i++) {
                        if (buckets[at].entry[i].position == 0) {
                                buckets[at].entry[i].tag = tag;
                                buckets[at].entry[i].position = position;
                                return 0;
                        }
                        if (buckets[at].entry[i].tag == tag && (!key || same_name(l, buckets[at].entry[i].position, key)))
                                return -EEXIST;
                }
}

static int index_both(struct layout *l, enum view_section_id names, enum view_section_id ids, const struct view_key *key, uint32_t id,
                      uint32_t position) {
        int r = index_put(l, names, key->hash, (uint32_t)key->hash, position, key);
        return r < 0 ? r : index_put(l, ids, hash_u64(id, l->w->seed), id, position, NULL);
}

static int write_groups(struct layout *l) {
        struct view_writer *w = l->w;
        uint32_t *table = (void *)section(l, VIEW_GROUP_TABLE), start = l->sections[VIEW_GROUPS].start;
        for (uint32_t i = 0; i < writer_group_count(w); i++) {
                struct group_build *group = writer_group(w, i);
                if (group->position > UINT32_MAX - start)
                        return -EOVERFLOW;
                group->position += start;
                unsigned char *at = l->base + (uint64_t)group->position * VIEW_UNIT;
                const char *name = (const char *)w->group_names.base + group->name;
                *(struct view_group_record *)(void *)at = (struct view_group_record) {
                        .size = (uint32_t)group_size(group), .kind = VIEW_RECORD_GROUP, .name_len = (uint8_t)group->name_len, .gid = group->gid,
                        .index = i, .member_count = group->member_count, .members_len = (uint32_t)group->members_len,
                };
                memcpy(at + sizeof(struct view_group_record), name, group->name_len);
                table[i] = group->position;
                struct view_key key;
                view_key_init(&key, name, group->name_len, w->seed);
                int r = index_both(l, VIEW_GROUP_NAMES, VIEW_GROUP_IDS, &key, group->gid, group->position);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Appends a user's name to the member vectors of its groups; *list moves behind the user's list. */
static void write_memberships(struct layout *l, const char *name, uint32_t name_len, size_t *list) {
        uint32_t count;
        memcpy(&count, l->w->lists.base + *list, sizeof(count));
        const uint32_t *indexes = (const void *)(l->w->lists.base + *list + 4);
        for (uint32_t i = 0; i < count; i++) {
                struct group_build *group = writer_group(l->w, indexes[i]);
                unsigned char *record = l->base + (uint64_t)group->position * VIEW_UNIT;
                uint32_t *offsets = (void *)(record + sizeof(struct view_group_record) + view_name_room(group->name_len));
                offsets[group->filled++] = group->filled_len;
                memcpy((char *)(offsets + group->member_count) + group->filled_len, name, name_len + 1);
                group->filled_len += name_len + 1;
        }
        *list += 4 + 4 * (size_t)count;
}

static int write_users(struct layout *l) {
        struct view_writer *w = l->w;
        uint32_t *table = (void *)section(l, VIEW_USER_TABLE);
        uint64_t position = l->sections[VIEW_USERS].start;
        size_t list = 0;
        for (uint32_t i = 0; i < w->user_count; i++) {
                const struct view_user_record *record = (const void *)(l->base + position * VIEW_UNIT);
                const char *name = (const char *)(record + 1);
                struct view_key key;
                view_key_init(&key, name, record->name_len, w->seed);
                table[i] = (uint32_t)position;
                int r = index_both(l, VIEW_USER_NAMES, VIEW_USER_IDS, &key, record->uid, (uint32_t)position);
                if (r == 0 && (record->flags & VIEW_FLAG_PRIVATE_GROUP))
                        r = index_both(l, VIEW_GROUP_NAMES, VIEW_GROUP_IDS, &key, record->gid, (uint32_t)position);
                if (r < 0)
                        return r;
                write_memberships(l, name, record->name_len, &list);
                position += record->size / VIEW_UNIT;
        }
        return 0;
}

static void write_header(struct layout *l) {
        const struct view_writer *w = l->w;
        struct view_header header = {
                .magic = VIEW_MAGIC, .version = VIEW_VERSION, .seed = w->seed, .file_size = l->size, .generation = w->generation,
                .built_s = w->built_s, .account_max_age_s = w->account_max_age_s, .gates = w->gates, .directory_count = writer_directory_count(w),
                .application_count = writer_application_count(w),
                .service_count = writer_service_count(w),
                .body_checksum = hash_bytes(l->base + sizeof(header), (size_t)(l->size - sizeof(header)), 0),
        };
        memcpy(header.sections, l->sections, sizeof(header.sections));
        header.header_checksum = view_header_checksum(&header);
        memcpy(l->base, &header, sizeof(header));
}

int view_writer_finish(struct view_writer *writer, int fd) {
        struct layout l = { .w = writer };
        if (writer->finished)
                return -EINVAL;
        writer->finished = 1;
        int r = place_all(&l);
        if (r == 0)
                r = map_file(&l, fd);
        if (r < 0)
                return r;
        write_meta(&l);
        move_store(&l, VIEW_USERS, &writer->users);
        move_store(&l, VIEW_ACCOUNTS, &writer->accounts);
        r = write_groups(&l);
        if (r == 0)
                r = write_users(&l);
        if (r == 0)
                write_header(&l);
        (void)munmap(l.base, (size_t)l.size);
        return r;
}
