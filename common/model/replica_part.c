/* A part of a replica: a few of its users, and all groups; see replica.h.
 * Relies on: base/name_map.
 * Must never: bring the users in another order than they have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/replica_internal.h"

DEFINE_CLEANUP(struct replica *, replica_free)

static int copy_text(const struct replica *from, text_ref ref, struct replica *to, text_ref *copy) {
        return replica_add_text(to, replica_text(from, ref), copy);
}

static int copy_groups(const struct replica *from, struct replica *to) {
        int r = 0;
        for (uint32_t i = 0; r == 0 && i < from->group_count; i++) {
                uint32_t index;
                const struct replica_group *group = &from->groups[i];
                struct replica_group copy = { .gid = group->gid, .active = group->active };
                r = copy_text(from, group->name, to, &copy.name);
                if (r == 0)
                        r = copy_text(from, group->entry_id, to, &copy.entry_id);
                if (r == 0)
                        r = copy_text(from, group->sid, to, &copy.sid);
                if (r == 0)
                        r = replica_add_group(to, &copy, &index);
        }
        for (size_t i = 0; r == 0 && i < from->group_edge_count; i++)
                r = replica_add_group_edge(to, from->group_edges[i].member, from->group_edges[i].group);
        return r;
}

static int copy_edges(const struct replica *from, uint32_t user, struct replica *to, uint32_t index) {
        size_t low = 0, high = from->user_edge_count;
        int r = 0;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (from->user_edges[middle].member < user)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; r == 0 && low < from->user_edge_count && from->user_edges[low].member == user; low++)
                r = replica_add_user_edge(to, index, from->user_edges[low].group);
        return r;
}

static int copy_user(const struct replica *from, uint32_t user, struct replica *to) {
        uint32_t index;
        int r = 0;
        struct replica_user copy = from->users[user];
        if (copy.ambiguous)
                return -EAGAIN;
        text_ref *const texts[] = { &copy.name, &copy.entry_id, &copy.display_name, &copy.email, &copy.home, &copy.shell, &copy.ssh_keys, &copy.sid };
        for (size_t i = 0; r == 0 && i < sizeof texts / sizeof *texts; i++)
                r = copy_text(from, *texts[i], to, texts[i]);
        if (r == 0)
                r = replica_add_user(to, &copy, &index);
        return r == 0 ? copy_edges(from, user, to, index) : r;
}

static int index_order(const void *a, const void *b) {
        const uint32_t *x = a, *y = b;
        return *x < *y ? -1 : *x > *y;
}

static int copy_users(const struct replica *from, const struct name_map *names, struct replica *to) {
        uint32_t count = 0;
        int r = 0;
        _cleanup_free_ uint32_t *users = calloc((size_t)names->used + 1, sizeof *users);
        if (!users)
                return -ENOMEM;
        for (uint32_t i = 0; i < names->size; i++) {
                uint32_t user = names->slots[i].name ? replica_find_user(from, names->slots[i].name) : REPLICA_NONE;
                if (user != REPLICA_NONE)
                        users[count++] = user;
        }
        qsort(users, count, sizeof *users, index_order);
        for (uint32_t i = 0; r == 0 && i < count; i++)
                r = copy_user(from, users[i], to);
        return r;
}

int replica_part(const struct replica *replica, const struct name_map *names, struct replica **part) {
        _cleanup_(replica_freep) struct replica *made = replica_new();
        if (!made)
                return -ENOMEM;
        made->synchronised_s = replica->synchronised_s;
        made->revision = replica->revision;
        int r = copy_groups(replica, made);
        if (r == 0)
                r = copy_users(replica, names, made);
        if (r == 0)
                r = replica_finish(made);
        if (r == 0)
                *part = TAKE_PTR(made);
        return r;
}
