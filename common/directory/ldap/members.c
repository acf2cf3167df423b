/* Memberships; see ldap/members.h. */
#include "directory/ldap/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/sync_key.h"

void members_done(struct members *members) {
        intern_done(&members->names);
        intern_done(&members->sids);
        free(members->targets);
        free(members->sid_targets);
        free(members->values.items);
        free(members->backward.items);
        free(members->primaries.items);
        free(members->user_gids.items);
        free(members->group_gids.items);
        *members = (struct members){ 0 };
}

static int add_pair(struct members_pairs *pairs, uint32_t from, uint32_t to) {
        if (pairs->count >= MEMBERS_PAIRS_MAX)
                return -E2BIG;
        if (pairs->count == pairs->size) {
                size_t size = pairs->size > 0 ? pairs->size * 2 : 256;
                struct members_pair *items = reallocarray(pairs->items, size, sizeof *items);
                if (!items)
                        return -ENOMEM;
                pairs->items = items;
                pairs->size = size;
        }
        pairs->items[pairs->count++] = (struct members_pair){ from, to };
        return 0;
}

/* The string's number, with room for its target. */
static int intern_target(struct intern *intern, struct members_target **targets, size_t *size, const void *bytes, size_t len, uint32_t *number) {
        int r = intern_put(intern, bytes, len, number);
        if (r < 0 || *number < *size)
                return r;
        size_t new_size = *size > 0 ? *size * 2 : 256;
        struct members_target *grown = reallocarray(*targets, new_size, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        for (size_t i = *size; i < new_size; i++)
                grown[i] = (struct members_target){ INTERN_NONE, INTERN_NONE };
        *targets = grown;
        *size = new_size;
        return 0;
}

static int intern_name(struct members *members, const void *bytes, size_t len, uint32_t *number) {
        return intern_target(&members->names, &members->targets, &members->targets_size, bytes, len, number);
}

static int intern_sid(struct members *members, const char *sid, uint32_t *number) {
        return intern_target(&members->sids, &members->sid_targets, &members->sid_targets_size, sid, strlen(sid), number);
}

/* -ENOENT: what has no key is no entry's. */
static int intern_key(struct members *members, const char *value, size_t len, uint32_t *number) {
        char key[SYNC_KEY_MAX + 1];
        size_t key_len;
        int r = members->by_name ? sync_key_name(value, len, key, &key_len) : sync_key_dn(value, len, key, &key_len);
        return r < 0 ? -ENOENT : intern_name(members, key, key_len, number);
}

int members_add_user(struct members *members, const struct sync_user *user) {
        uint32_t index = members->user_count++, number;
        const char *value = members->by_name ? user->name : user->dn;
        int r = value ? intern_key(members, value, strlen(value), &number) : -ENOENT;
        int known = 0;
        if (r == 0) {
                known = members->targets[number].user != INTERN_NONE ? -EEXIST : 0;
                if (!known)
                        members->targets[number].user = index;
        }
        if (r < 0 && r != -ENOENT)
                return r;
        r = members->by_name && user->gid != 0 ? add_pair(&members->user_gids, index, user->gid) : 0;
        if (r == 0 && user->primary_group_sid) {
                r = intern_sid(members, user->primary_group_sid, &number);
                if (r == 0)
                        r = add_pair(&members->primaries, index, number);
        }
        /* Two users of one name: N2 refuses both, whatever they are members of. */
        return r < 0 ? r : members->by_name ? 0 : known;
}

int members_add_group(struct members *members, const struct sync_group *group) {
        uint32_t index = members->group_count++, number;
        int r = !members->by_name && group->dn ? intern_key(members, group->dn, strlen(group->dn), &number) : -ENOENT, known = 0;
        if (r == 0) {
                known = members->targets[number].group != INTERN_NONE ? -EEXIST : 0;
                if (!known)
                        members->targets[number].group = index;
        }
        if (r < 0 && r != -ENOENT)
                return r;
        if (group->sid) {
                r = intern_sid(members, group->sid, &number);
                if (r < 0)
                        return r;
                members->sid_targets[number].group = index;
        }
        r = members->by_name && group->gid != 0 ? add_pair(&members->group_gids, index, group->gid) : 0;
        return r < 0 ? r : known;
}

int members_add_value(struct members *members, uint32_t group, const struct berval *value) {
        uint32_t number;
        int r = intern_key(members, value->bv_val, value->bv_len, &number);
        return r == -ENOENT ? 0 : r < 0 ? r : add_pair(&members->values, number, group);
}

int members_add_member_of(struct members *members, uint32_t user, const struct berval *value) {
        uint32_t number;
        int r = members->by_name ? -ENOENT : intern_key(members, value->bv_val, value->bv_len, &number);
        return r == -ENOENT ? 0 : r < 0 ? r : add_pair(&members->backward, user, number);
}

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

/* M9: a user is in every group that has the user's gidNumber. */
static int join_gids(struct members *members, struct members_pairs *users) {
        struct members_pairs *groups = &members->group_gids;
        for (size_t i = 0; i < groups->count; i++)
                groups->items[i] = (struct members_pair){ groups->items[i].to, groups->items[i].from };
        sort_pairs(groups);
        for (size_t u = 0; u < members->user_gids.count; u++) {
                const struct members_pair *user = &members->user_gids.items[u];
                size_t low = 0, high = groups->count;
                while (low < high) {
                        size_t middle = low + (high - low) / 2;
                        if (groups->items[middle].from < user->to)
                                low = middle + 1;
                        else
                                high = middle;
                }
                for (; low < groups->count && groups->items[low].from == user->to; low++) {
                        int r = add_pair(users, user->from, groups->items[low].to);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* What users are in by their primary group. */
static int join_primaries(struct members *members, struct members_pairs *users) {
        int r = 0;
        for (size_t i = 0; i < members->primaries.count && r == 0; i++) {
                uint32_t group = members->sid_targets[members->primaries.items[i].to].group;
                if (group != INTERN_NONE)
                        r = add_pair(users, members->primaries.items[i].from, group);
        }
        return r;
}

static bool contains(const struct members_pairs *sorted, uint32_t from, uint32_t to) {
        const struct members_pair wanted = { from, to };
        return sorted->count > 0 && bsearch(&wanted, sorted->items, sorted->count, sizeof wanted, compare_pairs);
}

/* Where memberships go on their way out. */
struct joined { struct members_pairs derived, users, groups, strays; bool all_strays; };

static int add_stray(struct joined *joined, const struct members_pair *value) {
        /* Repeated ones count here: it is a bound, not a number of anything. */
        if (joined->strays.count < SYNC_STRAYS_MAX)
                return add_pair(&joined->strays, value->from, value->to);
        joined->all_strays = false;
        return 0;
}

/* Names to entries. A value is a stray where no membership stands for it, or one that would be there without it. */
static int join_values(struct members *members, struct joined *joined) {
        int r = 0;
        for (size_t i = 0; i < members->values.count && r == 0; i++) {
                const struct members_pair *value = &members->values.items[i];
                const struct members_target target = members->targets[value->from];
                bool stands = false;
                if (target.user != INTERN_NONE) {
                        stands = !contains(&joined->derived, target.user, value->to);
                        r = add_pair(&joined->users, target.user, value->to);
                }
                if (r == 0 && target.group != INTERN_NONE && members->nested && target.group != value->to) {
                        stands = true;
                        r = add_pair(&joined->groups, target.group, value->to);
                }
                if (r == 0 && !stands)
                        r = add_stray(joined, value);
        }
        for (size_t i = 0; i < members->backward.count && r == 0; i++) {
                uint32_t group = members->targets[members->backward.items[i].to].group;
                if (group != INTERN_NONE)
                        r = add_pair(&joined->users, members->backward.items[i].from, group);
        }
        for (size_t i = 0; i < joined->derived.count && r == 0; i++)
                r = add_pair(&joined->users, joined->derived.items[i].from, joined->derived.items[i].to);
        return r;
}

static int deliver(struct members_pairs *pairs, int (*take)(void *userdata, uint32_t from, uint32_t to), void *userdata) {
        int r = 0;
        sort_pairs(pairs);
        for (size_t i = 0; i < pairs->count && r == 0; i++) {
                const struct members_pair *pair = &pairs->items[i];
                if (i == 0 || compare_pairs(pair, pair - 1) != 0)
                        r = take(userdata, pair->from, pair->to);
        }
        return r;
}

static int deliver_strays(const struct members *members, struct members_pairs *pairs, const struct sync_sink *sink) {
        char key[SYNC_KEY_MAX + 1];
        int r = 0;
        sort_pairs(pairs);
        for (size_t i = 0; i < pairs->count && r == 0; i++) {
                const struct members_pair *pair = &pairs->items[i];
                const struct intern_text *text = &members->names.texts[pair->from];
                if (i > 0 && compare_pairs(pair, pair - 1) == 0)
                        continue;
                memcpy(key, text->bytes, text->len);
                key[text->len] = 0;
                r = sink->stray(sink->userdata, pair->to, key);
        }
        return r;
}

int members_deliver(struct members *members, const struct sync_sink *sink, bool *all_strays) {
        struct joined joined = { .all_strays = true };
        int r = join_gids(members, &joined.derived);
        if (r == 0)
                r = join_primaries(members, &joined.derived);
        sort_pairs(&joined.derived);
        if (r == 0)
                r = join_values(members, &joined);
        if (r == 0)
                r = deliver(&joined.users, sink->member, sink->userdata);
        if (r == 0)
                r = deliver(&joined.groups, sink->child, sink->userdata);
        if (r == 0 && sink->stray && joined.all_strays)
                r = deliver_strays(members, &joined.strays, sink);
        *all_strays = joined.all_strays;
        free(joined.derived.items);
        free(joined.users.items);
        free(joined.groups.items);
        free(joined.strays.items);
        return r;
}
