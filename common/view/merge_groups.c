/* The members of groups in a merge; see merge_internal.h.
 * Relies on: the users' gids in both views, which are the members read from the other end (M5).
 * Must never: touch a group whose members stay the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "view/merge_internal.h"

bool merge_same_groups(const struct view *base, const struct view *part) {
        uint32_t count = view_group_count(base);
        bool same = count == view_group_count(part);
        for (uint32_t i = 0; same && i < count; i++) {
                struct view_group a, b;
                same = view_group_at(base, i, &a) == VIEW_FOUND && view_group_at(part, i, &b) == VIEW_FOUND && a.gid == b.gid && strcmp(a.name, b.name) == 0;
        }
        return same;
}

/* The number of the group that has the gid; UINT32_MAX: none, a private one (M10) or a local one (N4). */
static uint32_t group_number(const struct view *view, uint32_t gid) {
        struct view_group group;
        uint32_t count = 0;
        const uint32_t *table = (const void *)view_section_bytes(view, VIEW_GROUP_TABLE, sizeof *table, &count);
        if (view_group_by_gid(view, gid, &group) != VIEW_FOUND || !table)
                return UINT32_MAX;
        const struct view_group_record *record = (const void *)(group.name - sizeof *record);
        if (record->kind != VIEW_RECORD_GROUP || record->index >= count || merge_at(&(struct merge){ .to = (unsigned char *)(uintptr_t)view->base },
                                                                                      table[record->index]) != (const unsigned char *)record)
                return UINT32_MAX;
        return record->index;
}

static bool has_gid(const struct view_user *user, uint32_t gid) {
        uint32_t low = 0, high = user->gid_count;
        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                if (user->gids[middle] == gid)
                        return true;
                if (user->gids[middle] < gid)
                        low = middle + 1;
                else
                        high = middle;
        }
        return user->primary_listed && user->gid == gid;
}

/* Marks the groups that list `user` of `view` and not `other` (NULL: nobody) under that very spelling. */
static void mark(const struct view *view, const struct view_user *user, const struct view_user *other, uint8_t *touched) {
        for (uint32_t i = 0; i <= user->gid_count; i++) {
                uint32_t gid = i < user->gid_count ? user->gids[i] : user->gid;
                if ((i == user->gid_count && !user->primary_listed) || (other && has_gid(other, gid)))
                        continue;
                uint32_t number = group_number(view, gid);
                if (number != UINT32_MAX)
                        touched[number] = 1;
        }
}

static void mark_all(const struct merge *m, uint8_t *touched) {
        for (uint32_t i = 0; i < m->names->size; i++) {
                struct view_user before, now;
                const char *name = m->names->slots[i].name;
                if (!name)
                        continue;
                bool was = view_user_by_name(m->base, name, &before) == VIEW_FOUND, is = view_user_by_name(m->part, name, &now) == VIEW_FOUND;
                bool comparable = was && is && strcmp(before.name, now.name) == 0;
                if (was)
                        mark(m->base, &before, comparable ? &now : NULL, touched);
                if (is)
                        mark(m->part, &now, comparable ? &before : NULL, touched);
        }
}

/* A member list while it is put together. */
struct members { uint32_t *offsets; uint32_t count; char *names; uint32_t len; };

static void members_done(struct members *members) {
        free(members->offsets);
        free(members->names);
}

static void members_add(struct members *members, const char *name) {
        size_t len = strlen(name) + 1;
        members->offsets[members->count++] = members->len;
        memcpy(members->names + members->len, name, len);
        members->len += (uint32_t)len;
}

static int members_make(const struct merge *m, const struct view_group *before, const struct view_group *now, struct members *members) {
        uint64_t room = (uint64_t)before->members_len + now->members_len;
        if (room > INT32_MAX)
                return -EAGAIN;
        members->offsets = calloc((size_t)before->member_count + now->member_count + 1, sizeof *members->offsets);
        members->names = malloc(room + 1);
        if (!members->offsets || !members->names)
                return -ENOMEM;
        for (uint32_t i = 0; i < before->member_count; i++) {
                const char *name = before->members + before->member_offsets[i];
                if (name_map_get(m->names, name) == NAME_MAP_NONE)
                        members_add(members, name);
        }
        for (uint32_t i = 0; i < now->member_count; i++)
                members_add(members, now->members + now->member_offsets[i]);
        return 0;
}

/* Gives the group's record other room, with some to grow in; the former place is wiped. */
static int relocate(struct merge *m, uint32_t *position, uint64_t size) {
        uint64_t room = (size + size / 8 + VIEW_LINE - 1) / VIEW_LINE * VIEW_LINE;
        const struct view_group_record *old = (const void *)merge_at(m, *position);
        uint32_t from = *position, old_size = old->size, to = room > UINT32_MAX ? 0 : merge_append(m, VIEW_GROUPS, (uint32_t)room);
        if (to == 0)
                return -EAGAIN;
        memcpy(merge_touch(m, merge_at(m, to), room), old, sizeof *old + old->name_len);
        struct view_group_record *record = (void *)merge_at(m, to);
        record->size = (uint32_t)room;
        struct merge_entry entry = { .name = (const char *)(record + 1), .name_len = record->name_len, .id = record->gid, .position = to };
        int r = merge_index_move(m, VIEW_GROUP_NAMES, VIEW_GROUP_IDS, &entry, from);
        memset(merge_touch(m, merge_at(m, from), old_size), 0, old_size);
        merge_touch(m, position, sizeof *position);
        *position = to;
        return r;
}

static int rewrite(struct merge *m, uint32_t number) {
        struct view_group before, now;
        _cleanup_(members_done) struct members members = { 0 };
        uint32_t *table = merge_section(m, VIEW_GROUP_TABLE);
        if (view_group_at(m->base, number, &before) != VIEW_FOUND || view_group_at(m->part, number, &now) != VIEW_FOUND)
                return -EAGAIN;
        int r = members_make(m, &before, &now, &members);
        if (r < 0)
                return r;
        size_t start = sizeof(struct view_group_record) + view_name_room(before.name_len);
        uint64_t size = start + 4 * (uint64_t)members.count + members.len;
        struct view_group_record *record = (void *)merge_at(m, table[number]);
        if (size > record->size)
                r = relocate(m, &table[number], size);
        if (r < 0)
                return r;
        record = (void *)merge_at(m, table[number]);
        merge_touch(m, record, record->size);
        record->member_count = members.count;
        record->members_len = members.len;
        unsigned char *at = (unsigned char *)record + start;
        memcpy(at, members.offsets, 4 * (size_t)members.count);
        memcpy(at + 4 * (size_t)members.count, members.names, members.len);
        memset((unsigned char *)record + size, 0, record->size - size);
        return 0;
}

int merge_groups(struct merge *m) {
        int r = 0;
        uint32_t count = view_group_count(m->base);
        _cleanup_free_ uint8_t *touched = calloc((size_t)count + 1, 1);
        if (!touched)
                return -ENOMEM;
        mark_all(m, touched);
        for (uint32_t i = 0; r == 0 && i < count; i++)
                if (touched[i])
                        r = rewrite(m, i);
        return r;
}
