/* The course of a merge, and the users; see merge.h. First everyone concerned goes from the indexes, then those who are there now come in: ids and names may
 * pass between them.
 * Relies on: a private mapping, which madvise() makes what the file is again; the room that writer_layout.c leaves behind the sections that grow.
 * Must never: believe base further than its header and the record at hand say. */
#include "view/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "view/merge_internal.h"
#include "view/patch.h"

/* One name of the merge. number: in base's table, or where it comes to stand; UINT32_MAX: none. */
struct person {
        struct view_user before, now;
        uint32_t number;
        bool was, is;
};

uint32_t merge_append(struct merge *m, enum view_section_id id, uint32_t size) {
        struct view_section *section = &m->header.sections[id];
        uint64_t end = ((uint64_t)section->start + section->count) * VIEW_UNIT, limit = m->size;
        for (unsigned i = 0; i < VIEW_SECTION_MAX; i++) {
                uint64_t other = (uint64_t)m->header.sections[i].start * VIEW_UNIT;
                if (m->header.sections[i].start > section->start && other < limit)
                        limit = other;
        }
        if (end > limit || size > limit - end)
                return 0;
        section->count += size / VIEW_UNIT;
        return (uint32_t)(end / VIEW_UNIT);
}

/* One more element of the table of users: there must be room before the next section. */
static int grow_table(struct merge *m) {
        struct view_section *table = &m->header.sections[VIEW_USER_TABLE];
        uint64_t end = (uint64_t)table->start * VIEW_UNIT + (uint64_t)table->count * 4;
        for (unsigned i = 0; i < VIEW_SECTION_MAX; i++) {
                uint64_t other = (uint64_t)m->header.sections[i].start * VIEW_UNIT;
                if (m->header.sections[i].start > table->start && end + 4 > other)
                        return -EAGAIN;
        }
        merge_touch(m, m->to + end, 4);
        table->count++;
        return 0;
}

static struct view_user_record *record_at(const struct merge *m, uint32_t number) {
        const uint32_t *table = merge_section(m, VIEW_USER_TABLE);
        return (void *)merge_at(m, table[number]);
}

static struct view_account_record *account_at(const struct merge *m, const struct view_user_record *record) {
        return (void *)merge_at(m, m->header.sections[VIEW_ACCOUNTS].start + record->account);
}

typedef int (*index_change)(struct merge *, enum view_section_id, enum view_section_id, const struct merge_entry *);

static int index_user(struct merge *m, uint32_t number, index_change change) {
        const struct view_user_record *record = record_at(m, number);
        const uint32_t *table = merge_section(m, VIEW_USER_TABLE);
        struct merge_entry entry = { .name = (const char *)(record + 1), .name_len = record->name_len, .id = record->uid, .position = table[number] };
        int r = change(m, VIEW_USER_NAMES, VIEW_USER_IDS, &entry);
        return r == 0 && (record->flags & VIEW_FLAG_PRIVATE_GROUP) ? change(m, VIEW_GROUP_NAMES, VIEW_GROUP_IDS, &entry) : r;
}

/* The former record's room if the new one fits, else more at the section's end; *position is where. What was there is wiped. */
static int make_room(struct merge *m, enum view_section_id id, uint32_t former, uint32_t former_size, uint32_t size, uint32_t *position) {
        if (former_size > 0)
                memset(merge_touch(m, merge_at(m, former), former_size), 0, former_size);
        *position = size <= former_size ? former : merge_append(m, id, size);
        return *position == 0 ? -EAGAIN : 0;
}

/* Copies a user's two records from part to the number's place in the table. fresh: nobody stood there. */
static int put_user(struct merge *m, const struct person *person, bool fresh) {
        uint32_t *table = merge_section(m, VIEW_USER_TABLE), position, account_position, accounts = m->header.sections[VIEW_ACCOUNTS].start;
        const struct view_user_record *record = (const void *)(person->now.name - sizeof *record);
        uint32_t part_accounts = view_header_of(m->part)->sections[VIEW_ACCOUNTS].start;
        const struct view_account_record *account = (const void *)view_record_bytes(m->part, part_accounts + record->account, sizeof *account);
        if (!account)
                return -EBADMSG;
        const struct view_user_record *old = fresh ? NULL : record_at(m, person->number);
        uint32_t old_account = old ? accounts + old->account : 0, old_account_size = old ? account_at(m, old)->size : 0;
        int r = make_room(m, VIEW_USERS, old ? table[person->number] : 0, old ? old->size : 0, record->size, &position);
        if (r == 0)
                r = make_room(m, VIEW_ACCOUNTS, old_account, old_account_size, account->size, &account_position);
        if (r < 0)
                return r;
        struct view_user_record *copy = memcpy(merge_touch(m, merge_at(m, position), record->size), record, record->size);
        struct view_account_record *account_copy = memcpy(merge_touch(m, merge_at(m, account_position), account->size), account, account->size);
        copy->index = account_copy->index = person->number;
        copy->account = account_position - accounts;
        merge_touch(m, &table[person->number], sizeof *table);
        table[person->number] = position;
        return index_user(m, person->number, merge_index_add);
}

/* Nobody stands at the number any more: the last one of the table moves there. */
static void close_table(struct merge *m, uint32_t number) {
        uint32_t *table = merge_section(m, VIEW_USER_TABLE), last = --m->header.sections[VIEW_USER_TABLE].count;
        if (number != last) {
                struct view_user_record *record = merge_touch(m, record_at(m, last), sizeof *record);
                struct view_account_record *account = merge_touch(m, account_at(m, record), sizeof *account);
                record->index = account->index = number;
                merge_touch(m, &table[number], sizeof *table);
                table[number] = table[last];
        }
        merge_touch(m, &table[last], sizeof *table);
        table[last] = 0;
}

static void wipe_user(struct merge *m, uint32_t number) {
        struct view_user_record *record = record_at(m, number);
        struct view_account_record *account = account_at(m, record);
        memset(merge_touch(m, account, account->size), 0, account->size);
        memset(merge_touch(m, record, record->size), 0, record->size);
}

static int person_order(const void *a, const void *b) {
        const struct person *x = a, *y = b;
        return x->number > y->number ? -1 : x->number < y->number;
}

static int merge_users(struct merge *m, struct person *people, size_t count) {
        int r = 0;
        for (size_t i = 0; r == 0 && i < count; i++)
                if (people[i].was)
                        r = index_user(m, people[i].number, merge_index_remove);
        for (size_t i = 0; r == 0 && i < count; i++) {
                bool fresh = !people[i].was;
                if (!people[i].is)
                        continue;
                if (fresh) {
                        people[i].number = m->header.sections[VIEW_USER_TABLE].count;
                        r = grow_table(m);
                }
                if (r == 0)
                        r = put_user(m, &people[i], fresh);
        }
        /* From the end: the one that moves into a gap is then never one that goes. */
        qsort(people, count, sizeof *people, person_order);
        for (size_t i = 0; r == 0 && i < count; i++)
                if (people[i].was && !people[i].is) {
                        wipe_user(m, people[i].number);
                        close_table(m, people[i].number);
                }
        return r;
}

/* All of names who are in either view. -EINVAL: part has somebody else too. */
static int find_people(const struct merge *m, struct person *people, size_t *count) {
        uint32_t found = 0;
        for (uint32_t i = 0; i < m->names->size; i++) {
                const char *name = m->names->slots[i].name;
                struct person *person = &people[*count];
                if (!name)
                        continue;
                enum view_answer was = view_user_by_name(m->base, name, &person->before), is = view_user_by_name(m->part, name, &person->now);
                if (was == VIEW_UNAVAILABLE || is == VIEW_UNAVAILABLE)
                        return -EAGAIN;
                person->was = was == VIEW_FOUND;
                person->is = is == VIEW_FOUND;
                person->number = person->was ? person->before.index : UINT32_MAX;
                if (person->was && person->number >= m->header.sections[VIEW_USER_TABLE].count)
                        return -EAGAIN;
                *count += person->was || person->is;
                found += person->is;
        }
        return found == view_user_count(m->part) ? 0 : -EINVAL;
}

/* Directories, applications and services are named alike, and the gates are the same. */
static bool same_meta(const struct view *a, const struct view *b) {
        const struct view_header *x = view_header_of(a), *y = view_header_of(b);
        uint32_t count_a = 0, count_b = 0;
        const unsigned char *meta_a = view_section_bytes(a, VIEW_META, 1, &count_a), *meta_b = view_section_bytes(b, VIEW_META, 1, &count_b);
        return meta_a && meta_b && count_a == count_b && memcmp(meta_a, meta_b, count_a) == 0 && x->directory_count == y->directory_count &&
               x->application_count == y->application_count && x->service_count == y->service_count && x->account_max_age_s == y->account_max_age_s &&
               x->gates == y->gates;
}

static void write_header(struct merge *m) {
        const struct view_header *part = view_header_of(m->part);
        m->header.superseded = 0;
        m->header.generation = part->generation;
        m->header.built_s = part->built_s;
        m->header.body_checksum = hash_bytes(m->to + sizeof m->header, (size_t)(m->size - sizeof m->header), 0);
        m->header.header_checksum = view_header_checksum(&m->header);
        memcpy(merge_touch(m, m->to, sizeof m->header), &m->header, sizeof m->header);
}

/* Changes were in this process alone: pages that it gives up come from the file again. */
void view_merge_undo(struct view *view) {
        (void)madvise((void *)(uintptr_t)view->base, view->size, MADV_DONTNEED);
}

static int merge(struct merge *m, int fd) {
        size_t count = 0;
        const struct view_header *base = view_header_of(m->base);
        struct view_patch_header header = { .base_generation = base->generation, .base_checksum = base->header_checksum, .file_size = m->size };
        _cleanup_free_ struct person *people = calloc((size_t)m->names->used + 1, sizeof *people);
        int r = people ? find_people(m, people, &count) : -ENOMEM;
        if (r == 0)
                r = merge_groups(m);
        if (r == 0)
                r = merge_users(m, people, count);
        if (r < 0)
                return r;
        write_header(m);
        return view_patch_write(fd, &header, m->to, m->dirty);
}

int view_merge(struct view *view, const struct view *part, const struct name_map *names, int fd) {
        struct merge m = { .base = view, .part = part, .names = names, .to = (unsigned char *)(uintptr_t)view->base, .size = view->size };
        if (view_check_header(view) < 0 || view_check_header(part) < 0 || !same_meta(view, part) || !merge_same_groups(view, part))
                return -EAGAIN;
        m.header = *view_header_of(view);
        _cleanup_free_ uint8_t *dirty = calloc(m.size / VIEW_PAGE / 8 + 1, 1);
        if (!dirty)
                return -ENOMEM;
        m.dirty = dirty;
        int r = merge(&m, fd);
        if (r < 0)
                view_merge_undo(view);
        return r;
}
