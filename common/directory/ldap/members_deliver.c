/* Memberships, delivered; see ldap/members.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "directory/ldap/members.h"

/* A part of a sorted list. */
struct slice { const struct members_pair *items; size_t count; };

static int compare_pairs(const void *a, const void *b) {
        const struct members_pair *x = a, *y = b;
        if (x->from != y->from)
                return x->from < y->from ? -1 : 1;
        return x->to < y->to ? -1 : x->to > y->to;
}

static void sort_pairs(struct members_pairs *pairs) {
        if (pairs->count > 1)
                qsort(pairs->items, pairs->count, sizeof *pairs->items, compare_pairs);
}

/* The first that is not before it. */
static size_t lower_bound(const struct members_pairs *sorted, uint32_t from) {
        size_t low = 0, high = sorted->count;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (sorted->items[middle].from < from)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static struct slice slice_of(const struct members_pairs *sorted, uint32_t from) {
        size_t low = lower_bound(sorted, from), high = low;
        if (low == sorted->count)
                return (struct slice){ 0 };
        while (high < sorted->count && sorted->items[high].from == from)
                high++;
        return (struct slice){ sorted->items + low, high - low };
}

/* M9, and the primary group of Active Directory: who is in the group without being named in it. */
static struct slice derived_of(struct members *members, uint32_t group) {
        const struct members_group *row = &members->groups[group];
        if (!members->sorted) {
                sort_pairs(&members->gids);
                sort_pairs(&members->primaries);
                members->sorted = true;
        }
        if (members->by_name)
                return row->gid != 0 ? slice_of(&members->gids, row->gid) : (struct slice){ 0 };
        return row->sid != INTERN_NONE ? slice_of(&members->primaries, row->sid) : (struct slice){ 0 };
}

static bool contains(const struct slice *slice, uint32_t user) {
        if (slice->count == 0)
                return false;
        const struct members_pair wanted = { slice->items[0].from, user };
        return bsearch(&wanted, slice->items, slice->count, sizeof wanted, compare_pairs) != NULL;
}

static int room_for_users(struct members *members, size_t count) {
        if (count <= members->users_size)
                return 0;
        uint32_t *users = reallocarray(members->users, count * 2, sizeof *users);
        if (!users)
                return -ENOMEM;
        members->users = users;
        members->users_size = count * 2;
        return 0;
}

static int compare_numbers(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return (x > y) - (x < y);
}

/* Each once. Servers mostly have them in order already. */
static int deliver_users(uint32_t *users, size_t count, uint32_t group, const struct sync_sink *sink) {
        bool ascend = true;
        int r = 0;
        for (size_t i = 1; i < count && ascend; i++)
                ascend = users[i - 1] < users[i];
        if (!ascend)
                qsort(users, count, sizeof *users, compare_numbers);
        for (size_t i = 0; i < count && r == 0; i++)
                if (i == 0 || users[i] != users[i - 1])
                        r = sink->member(sink->userdata, users[i], group);
        return r;
}

/* values: of this group; direct: group -> user, who says so of himself. */
static int deliver_one(struct members *members, uint32_t group, struct slice values, struct slice direct, const struct sync_sink *sink) {
        const struct slice derived = derived_of(members, group);
        size_t count = 0;
        int r = room_for_users(members, values.count + direct.count + derived.count);
        for (size_t i = 0; r == 0 && i < values.count; i++) {
                uint32_t number = values.items[i].to, user = members->targets[number].user;
                if (user != INTERN_NONE)
                        members->users[count++] = user;
                if (user == INTERN_NONE || contains(&derived, user))
                        r = members_add_pair(&members->open, group, number);
        }
        if (r < 0)
                return r;
        for (size_t i = 0; i < direct.count; i++)
                members->users[count++] = direct.items[i].to;
        for (size_t i = 0; i < derived.count; i++)
                members->users[count++] = derived.items[i].to;
        members->groups[group].delivered = true;
        return deliver_users(members->users, count, group, sink);
}

int members_deliver_group(struct members *members, const struct sync_sink *sink) {
        struct slice values = { .count = members->values.count - members->from };
        if (members->group_count == 0)
                return 0;
        if (values.count > 0)
                values.items = members->values.items + members->from;
        int r = deliver_one(members, members->group_count - 1, values, (struct slice){ 0 }, sink);
        if (!members->nested)
                members->values.count = members->from;
        members->from = members->values.count;
        return r;
}

/* What users say of themselves, by group. */
static int turn_backward(const struct members *members, struct members_pairs *direct) {
        int r = 0;
        for (size_t i = 0; i < members->backward.count && r == 0; i++) {
                uint32_t group = members->targets[members->backward.items[i].to].group;
                if (group != INTERN_NONE)
                        r = members_add_pair(direct, group, members->backward.items[i].from);
        }
        sort_pairs(direct);
        return r;
}

static int deliver_rest(struct members *members, const struct sync_sink *sink) {
        struct members_pairs direct = { 0 };
        int r = members_put_off(members);
        if (r == 0)
                r = turn_backward(members, &direct);
        sort_pairs(&members->late);
        for (uint32_t g = 0; r == 0 && g < members->group_count; g++)
                if (!members->groups[g].delivered)
                        r = deliver_one(members, g, slice_of(&members->late, g), slice_of(&direct, g), sink);
        free(direct.items);
        return r;
}

/* A group that is a member of the other; INTERN_NONE: the name is none such. */
static uint32_t child_of(const struct members *members, const struct members_pair *value) {
        uint32_t child = members->targets[value->to].group;
        return members->nested && child != value->from ? child : INTERN_NONE;
}

/* Of names that are a user's as well, and so are not open. */
static int add_twofold(const struct members *members, const struct members_pairs *values, struct members_pairs *children) {
        int r = 0;
        for (size_t i = 0; i < values->count && r == 0 && members->twofold; i++) {
                uint32_t child = child_of(members, &values->items[i]);
                if (child != INTERN_NONE && members->targets[values->items[i].to].user != INTERN_NONE)
                        r = members_add_pair(children, child, values->items[i].from);
        }
        return r;
}

/* Each value for which nobody's membership stands by itself is a group, or a stray. */
static int part_open(const struct members *members, struct members_pairs *children, struct members_pairs *strays) {
        int r = add_twofold(members, &members->values, children);
        if (r == 0)
                r = add_twofold(members, &members->late, children);
        for (size_t i = 0; i < members->open.count && r == 0; i++) {
                const struct members_pair *value = &members->open.items[i];
                uint32_t child = child_of(members, value);
                r = child != INTERN_NONE ? members_add_pair(children, child, value->from) : members_add_pair(strays, value->to, value->from);
        }
        sort_pairs(children);
        sort_pairs(strays);
        return r;
}

static bool is_repeated(const struct members_pairs *sorted, size_t i) {
        return i > 0 && compare_pairs(&sorted->items[i], &sorted->items[i - 1]) == 0;
}

static int deliver_children(const struct members_pairs *children, const struct sync_sink *sink) {
        int r = 0;
        for (size_t i = 0; i < children->count && r == 0; i++)
                if (!is_repeated(children, i))
                        r = sink->child(sink->userdata, children->items[i].from, children->items[i].to);
        return r;
}

static int deliver_strays(const struct members *members, const struct members_pairs *strays, const struct sync_sink *sink) {
        char key[SYNC_KEY_MAX + 1];
        int r = 0;
        for (size_t i = 0; i < strays->count && r == 0; i++) {
                const struct intern_text *text = &members->names.texts[strays->items[i].from];
                if (is_repeated(strays, i))
                        continue;
                memcpy(key, text->bytes, text->len);
                key[text->len] = 0;
                r = sink->stray(sink->userdata, strays->items[i].to, key);
        }
        return r;
}

int members_deliver(struct members *members, const struct sync_sink *sink, bool *all_strays) {
        struct members_pairs children = { 0 }, strays = { 0 };
        int r = deliver_rest(members, sink);
        if (r == 0)
                r = part_open(members, &children, &strays);
        if (r == 0)
                r = deliver_children(&children, sink);
        /* Repeated ones count here: it is a bound, not a number of anything. */
        *all_strays = strays.count <= SYNC_STRAYS_MAX;
        if (r == 0 && sink->stray && *all_strays)
                r = deliver_strays(members, &strays, sink);
        free(children.items);
        free(strays.items);
        return r;
}
