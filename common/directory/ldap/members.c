/* Memberships; see ldap/members.h. */
#include "directory/ldap/members.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/dn.h"
#include "directory/ldap/entry.h"

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

/* -ENOENT: no DN, or one so long that no entry of ours has it. */
static int intern_dn(struct members *members, const char *dn, size_t len, uint32_t *number) {
        char normal[DN_NORMAL_MAX];
        size_t normal_len;
        if (dn_normal(dn, len, normal, &normal_len) < 0)
                return -ENOENT;
        return intern_name(members, normal, normal_len, number);
}

/* -ENOENT: longer than any name that counts. */
static int intern_user_name(struct members *members, const char *name, size_t len, uint32_t *number) {
        char folded[1024];
        if (len == 0 || len > sizeof folded)
                return -ENOENT;
        text_fold(folded, name, len);
        return intern_name(members, folded, len, number);
}

/* "S-1-5-21-A-B-C-RID" with another RID. */
static int add_primary(struct members *members, uint32_t user, const char *sid, uint32_t rid) {
        char text[ENTRY_SID_MAX + 12];
        const char *dash = sid ? strrchr(sid, '-') : NULL;
        uint32_t number;
        if (!dash || rid == 0)
                return 0;
        int len = snprintf(text, sizeof text, "%.*s-%u", (int)(dash - sid), sid, rid);
        if (len < 0 || (size_t)len >= sizeof text)
                return 0;
        int r = intern_sid(members, text, &number);
        return r < 0 ? r : add_pair(&members->primaries, user, number);
}

int members_add_user(struct members *members, const char *dn, const char *name, uint32_t gid, const char *sid, uint32_t primary_rid) {
        uint32_t user = members->user_count++, number;
        int r = members->by_name ? intern_user_name(members, name, strlen(name), &number) : dn ? intern_dn(members, dn, strlen(dn), &number) : -ENOENT;
        int known = 0;
        if (r == 0) {
                known = members->targets[number].user != INTERN_NONE ? -EEXIST : 0;
                if (!known)
                        members->targets[number].user = user;
        }
        if (r < 0 && r != -ENOENT)
                return r;
        r = members->by_name && gid != 0 ? add_pair(&members->user_gids, user, gid) : 0;
        if (r == 0)
                r = add_primary(members, user, sid, primary_rid);
        /* Two users of one name: N2 refuses both, whatever they are members of. */
        return r < 0 ? r : members->by_name ? 0 : known;
}

int members_add_group(struct members *members, const char *dn, uint32_t gid, const char *sid) {
        uint32_t group = members->group_count++, number;
        int r = !members->by_name && dn ? intern_dn(members, dn, strlen(dn), &number) : -ENOENT, known = 0;
        if (r == 0) {
                known = members->targets[number].group != INTERN_NONE ? -EEXIST : 0;
                if (!known)
                        members->targets[number].group = group;
        }
        if (r < 0 && r != -ENOENT)
                return r;
        if (sid) {
                r = intern_sid(members, sid, &number);
                if (r < 0)
                        return r;
                members->sid_targets[number].group = group;
        }
        r = members->by_name && gid != 0 ? add_pair(&members->group_gids, group, gid) : 0;
        return r < 0 ? r : known;
}

int members_add_value(struct members *members, uint32_t group, const struct berval *value) {
        uint32_t number;
        int r = members->by_name ? intern_user_name(members, value->bv_val, value->bv_len, &number) :
                                   intern_dn(members, value->bv_val, value->bv_len, &number);
        return r == -ENOENT ? 0 : r < 0 ? r : add_pair(&members->values, number, group);
}

int members_add_member_of(struct members *members, uint32_t user, const struct berval *value) {
        uint32_t number;
        int r = members->by_name ? -ENOENT : intern_dn(members, value->bv_val, value->bv_len, &number);
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

/* Names to entries; what is no entry of this directory is left out. */
static int join_values(struct members *members, struct members_pairs *users, struct members_pairs *groups) {
        int r = 0;
        for (size_t i = 0; i < members->values.count && r == 0; i++) {
                const struct members_pair *value = &members->values.items[i];
                const struct members_target target = members->targets[value->from];
                if (target.user != INTERN_NONE)
                        r = add_pair(users, target.user, value->to);
                if (r == 0 && target.group != INTERN_NONE && members->nested)
                        r = add_pair(groups, target.group, value->to);
        }
        for (size_t i = 0; i < members->backward.count && r == 0; i++) {
                uint32_t group = members->targets[members->backward.items[i].to].group;
                if (group != INTERN_NONE)
                        r = add_pair(users, members->backward.items[i].from, group);
        }
        for (size_t i = 0; i < members->primaries.count && r == 0; i++) {
                uint32_t group = members->sid_targets[members->primaries.items[i].to].group;
                if (group != INTERN_NONE)
                        r = add_pair(users, members->primaries.items[i].from, group);
        }
        return r;
}

static int deliver(struct members_pairs *pairs, int (*take)(void *userdata, uint32_t from, uint32_t to), void *userdata, bool same_kind) {
        int r = 0;
        sort_pairs(pairs);
        for (size_t i = 0; i < pairs->count && r == 0; i++) {
                const struct members_pair *pair = &pairs->items[i];
                bool repeated = i > 0 && compare_pairs(pair, pair - 1) == 0;
                if (!repeated && !(same_kind && pair->from == pair->to))
                        r = take(userdata, pair->from, pair->to);
        }
        return r;
}

int members_deliver(struct members *members, const struct sync_sink *sink) {
        struct members_pairs users = { 0 }, groups = { 0 };
        int r = join_values(members, &users, &groups);
        if (r == 0)
                r = join_gids(members, &users);
        if (r == 0)
                r = deliver(&users, sink->member, sink->userdata, false);
        if (r == 0)
                r = deliver(&groups, sink->child, sink->userdata, true);
        free(users.items);
        free(groups.items);
        return r;
}
