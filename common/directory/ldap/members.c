/* Memberships, gathered; see ldap/members.h. */
#include "directory/ldap/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/sync_key.h"

void members_done(struct members *members) {
        intern_done(&members->names);
        intern_done(&members->sids);
        free(members->targets);
        free(members->sid_targets);
        free(members->groups);
        free(members->users);
        struct members_pairs *const all[] = { &members->values, &members->late, &members->open, &members->backward, &members->primaries, &members->gids };
        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                free(all[i]->items);
        *members = (struct members){ 0 };
}

int members_add_pair(struct members_pairs *pairs, uint32_t from, uint32_t to) {
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

static int room_for_targets(struct members_target **targets, size_t *size, size_t count) {
        if (count <= *size)
                return 0;
        size_t new_size = *size > 0 ? *size * 2 : 256;
        while (new_size < count)
                new_size *= 2;
        struct members_target *grown = reallocarray(*targets, new_size, sizeof *grown);
        if (!grown)
                return -ENOMEM;
        for (size_t i = *size; i < new_size; i++)
                grown[i] = (struct members_target){ INTERN_NONE, INTERN_NONE };
        *targets = grown;
        *size = new_size;
        return 0;
}

/* The string's number, with room for its target. */
static int intern_target(struct intern *intern, struct members_target **targets, size_t *size, const void *bytes, size_t len, uint32_t *number) {
        int r = intern_put(intern, bytes, len, number);
        return r < 0 ? r : room_for_targets(targets, size, intern->count);
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
        members->sorted = false;
        r = members->by_name && user->gid != 0 ? members_add_pair(&members->gids, user->gid, index) : 0;
        if (r == 0 && user->primary_group_sid) {
                r = intern_sid(members, user->primary_group_sid, &number);
                if (r == 0)
                        r = members_add_pair(&members->primaries, number, index);
        }
        /* Two users of one name: N2 refuses both, whatever they are members of. */
        return r < 0 ? r : members->by_name ? 0 : known;
}

/* The values of the last group, if it was not delivered: they wait for the end. */
int members_put_off(struct members *members) {
        int r = 0;
        for (size_t i = members->from; r == 0 && i < members->values.count; i++)
                r = members_add_pair(&members->late, members->values.items[i].from, members->values.items[i].to);
        members->values.count = members->from;
        return r;
}

static int new_group(struct members *members, const struct sync_group *group) {
        if (members->group_count == members->groups_size) {
                size_t size = members->groups_size > 0 ? members->groups_size * 2 : 256;
                struct members_group *groups = reallocarray(members->groups, size, sizeof *groups);
                if (!groups)
                        return -ENOMEM;
                members->groups = groups;
                members->groups_size = size;
        }
        members->groups[members->group_count++] = (struct members_group){ .gid = members->by_name ? group->gid : 0, .sid = INTERN_NONE };
        return 0;
}

int members_add_group(struct members *members, const struct sync_group *group) {
        int r = members_put_off(members), known = 0;
        if (r == 0)
                r = new_group(members, group);
        if (r < 0)
                return r;
        uint32_t index = members->group_count - 1, number;
        r = !members->by_name && group->dn ? intern_key(members, group->dn, strlen(group->dn), &number) : -ENOENT;
        if (r == 0) {
                known = members->targets[number].group != INTERN_NONE ? -EEXIST : 0;
                if (!known)
                        members->targets[number].group = index;
                members->twofold = members->twofold || members->targets[number].user != INTERN_NONE;
        }
        if (r < 0 && r != -ENOENT)
                return r;
        r = group->sid ? intern_sid(members, group->sid, &number) : -ENOENT;
        if (r == 0 && members->sid_targets[number].group == INTERN_NONE) {
                members->sid_targets[number].group = index;
                members->groups[index].sid = number;
        }
        return r < 0 && r != -ENOENT ? r : known;
}

/* One behind the other. */
struct keys { char bytes[INTERN_MANY * 256 + SYNC_KEY_MAX + 1]; struct intern_key keys[INTERN_MANY]; size_t count; };

/* As far as they fit; of how many values. */
static size_t make_keys(const struct members *members, const struct berval *values, size_t count, struct keys *keys) {
        size_t used = 0, taken = 0;
        keys->count = 0;
        for (; taken < count && keys->count < INTERN_MANY && sizeof keys->bytes - used > SYNC_KEY_MAX; taken++) {
                const struct berval *value = &values[taken];
                char *key = keys->bytes + used;
                size_t len;
                /* What has no key is no entry's. */
                if ((members->by_name ? sync_key_name(value->bv_val, value->bv_len, key, &len) : sync_key_dn(value->bv_val, value->bv_len, key, &len)) < 0)
                        continue;
                keys->keys[keys->count++] = (struct intern_key){ key, len };
                used += len;
        }
        return taken;
}

int members_add_values(struct members *members, uint32_t group, const struct berval *values, size_t count) {
        bool last = group + 1 == members->group_count && !members->groups[group].delivered;
        struct members_pairs *pairs = last ? &members->values : &members->late;
        uint32_t numbers[INTERN_MANY];
        struct keys keys;
        int r = 0;
        while (r == 0 && count > 0) {
                size_t taken = make_keys(members, values, count, &keys);
                values += taken;
                count -= taken;
                r = intern_put_many(&members->names, keys.keys, keys.count, numbers);
                if (r == 0)
                        r = room_for_targets(&members->targets, &members->targets_size, members->names.count);
                for (size_t i = 0; i < keys.count && r == 0; i++)
                        r = members_add_pair(pairs, group, numbers[i]);
        }
        return r;
}

int members_add_member_of(struct members *members, uint32_t user, const struct berval *value) {
        uint32_t number;
        int r = members->by_name ? -ENOENT : intern_key(members, value->bv_val, value->bv_len, &number);
        return r == -ENOENT ? 0 : r < 0 ? r : members_add_pair(&members->backward, user, number);
}
