/* Building a replica; see replica.h.
 * Relies on: base/name_map.
 * Must never: change a replica once it is finished (its name maps point into its text; replica_change.c knows how). */
#include "model/replica_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bulk.h"
#include "base/cleanup.h"

/* Room for `need` elements in *array; doubles, so that adding stays linear. */
int replica_reserve(void **array, size_t *size, size_t need, size_t element) {
        if (need <= *size)
                return 0;
        size_t bigger = *size < 64 ? 64 : *size * 2;
        while (bigger < need)
                bigger *= 2;
        if (bigger > SIZE_MAX / element)
                return -ENOMEM;
        void *moved = bulk_resize(*array, *size * element, bigger * element);
        if (!moved)
                return -ENOMEM;
        *array = moved;
        *size = bigger;
        return 0;
}

struct replica *replica_new(void) {
        struct building *building = calloc(1, sizeof *building);
        if (!building)
                return NULL;
        struct replica *replica = &building->replica;
        if (RESERVE(replica->text, building->text_size, 1) < 0) {
                free(building);
                return NULL;
        }
        replica->text[0] = 0;
        replica->text_len = 1;
        return replica;
}

void replica_free(struct replica *replica) {
        if (!replica)
                return;
        name_map_done(&replica->user_names);
        name_map_done(&replica->group_names);
        struct building *building = building_of(replica);
        bulk_free(replica->text, building->text_size);
        bulk_free(replica->users, building->user_size * sizeof *replica->users);
        bulk_free(replica->groups, building->group_size * sizeof *replica->groups);
        bulk_free(replica->user_edges, building->user_edge_size * sizeof *replica->user_edges);
        bulk_free(replica->group_edges, building->group_edge_size * sizeof *replica->group_edges);
        free(replica->user_rows);
        free(replica->group_rows);
        free(building);
}

int replica_add_text(struct replica *replica, const char *text, text_ref *ref) {
        struct building *building = building_of(replica);
        if (!text || !*text) {
                *ref = 0;
                return 0;
        }
        size_t len = strlen(text) + 1;
        if (len > UINT32_MAX - replica->text_len) {
                building->too_long = true;
                *ref = 0;
                return 0;
        }
        int r = RESERVE(replica->text, building->text_size, replica->text_len + len);
        if (r < 0)
                return r;
        memcpy(replica->text + replica->text_len, text, len);
        *ref = (text_ref)replica->text_len;
        replica->text_len += len;
        return 0;
}

int replica_add_user(struct replica *replica, const struct replica_user *user, uint32_t *index) {
        if (replica->user_count == REPLICA_NONE)
                return -ENOMEM;
        int r = RESERVE(replica->users, building_of(replica)->user_size, (size_t)replica->user_count + 1);
        if (r < 0)
                return r;
        replica->users[replica->user_count] = *user;
        *index = replica->user_count++;
        return 0;
}

int replica_add_group(struct replica *replica, const struct replica_group *group, uint32_t *index) {
        if (replica->group_count == REPLICA_NONE)
                return -ENOMEM;
        int r = RESERVE(replica->groups, building_of(replica)->group_size, (size_t)replica->group_count + 1);
        if (r < 0)
                return r;
        replica->groups[replica->group_count] = *group;
        *index = replica->group_count++;
        return 0;
}

int replica_add_user_edge(struct replica *replica, uint32_t user, uint32_t group) {
        int r = RESERVE(replica->user_edges, building_of(replica)->user_edge_size, replica->user_edge_count + 1);
        if (r == 0)
                replica->user_edges[replica->user_edge_count++] = (struct replica_edge){ user, group };
        return r;
}

int replica_add_group_edge(struct replica *replica, uint32_t child, uint32_t parent) {
        int r = RESERVE(replica->group_edges, building_of(replica)->group_edge_size, replica->group_edge_count + 1);
        if (r == 0)
                replica->group_edges[replica->group_edge_count++] = (struct replica_edge){ child, parent };
        return r;
}

static bool edges_in_range(const struct replica_edge *edges, size_t count, uint32_t members, uint32_t groups) {
        for (size_t i = 0; i < count; i++)
                if (edges[i].member >= members || edges[i].group >= groups)
                        return false;
        return true;
}

static bool edges_ascend(const struct replica_edge *edges, size_t count) {
        for (size_t i = 1; i < count; i++)
                if (edges[i - 1].member > edges[i].member ||
                    (edges[i - 1].member == edges[i].member && edges[i - 1].group >= edges[i].group))
                        return false;
        return true;
}

/* One stable counting pass over the edges; key: their group, or their member. */
static int edges_sort_pass(const struct replica_edge *from, struct replica_edge *to, size_t count, uint32_t keys, bool by_group) {
        _cleanup_free_ size_t *next = calloc((size_t)keys + 1, sizeof *next);
        if (!next)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                next[(by_group ? from[i].group : from[i].member) + 1]++;
        for (uint32_t k = 0; k < keys; k++)
                next[k + 1] += next[k];
        for (size_t i = 0; i < count; i++)
                to[next[by_group ? from[i].group : from[i].member]++] = from[i];
        return 0;
}

/* Sorts by member, then group, and drops what stands twice. Linear: ten million edges are common. */
static int edges_clean(struct replica_edge *edges, size_t *count, uint32_t members, uint32_t groups, bool self_edges) {
        size_t kept = 0;
        if (!edges_in_range(edges, *count, members, groups))
                return -EINVAL;
        if (!edges_ascend(edges, *count)) {
                _cleanup_free_ struct replica_edge *other = calloc(*count, sizeof *other);
                if (!other)
                        return -ENOMEM;
                int r = edges_sort_pass(edges, other, *count, groups, true);
                if (r == 0)
                        r = edges_sort_pass(other, edges, *count, members, false);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < *count; i++) {
                bool again = kept > 0 && edges[kept - 1].member == edges[i].member && edges[kept - 1].group == edges[i].group;
                if (!again && (self_edges || edges[i].member != edges[i].group))
                        edges[kept++] = edges[i];
        }
        *count = kept;
        return 0;
}

static int name_users(struct replica *replica) {
        int r = name_map_reserve(&replica->user_names, replica->user_count);
        for (uint32_t i = 0; r == 0 && i < replica->user_count; i++) {
                const char *name = replica_text(replica, replica->users[i].name);
                r = name_map_add(&replica->user_names, name, i);
                if (r == -EEXIST) { /* N2 */
                        replica->users[i].ambiguous = true;
                        replica->users[name_map_get(&replica->user_names, name)].ambiguous = true;
                        r = 0;
                }
        }
        return r;
}

static int name_groups(struct replica *replica) {
        int r = name_map_reserve(&replica->group_names, replica->group_count);
        for (uint32_t i = 0; r == 0 && i < replica->group_count; i++) {
                const char *name = replica_text(replica, replica->groups[i].name);
                r = name_map_add(&replica->group_names, name, i);
                if (r == -EEXIST) { /* N2 */
                        replica->groups[i].ambiguous = true;
                        replica->groups[name_map_get(&replica->group_names, name)].ambiguous = true;
                        r = 0;
                }
        }
        return r;
}

/* Gives back spare room but for some that single changes will take; a block that cannot shrink simply stays. *size: its room in elements. */
static void *shrink(void *array, size_t *size, size_t count, size_t element) {
        size_t room = count + count / 64 + 16;
        void *smaller = room < *size ? bulk_resize(array, *size * element, room * element) : NULL;
        if (!smaller)
                return array;
        *size = room;
        return smaller;
}

#define SHRINK(array, size, count) ((array) = shrink((array), &(size), (count), sizeof *(array)))

int replica_finish(struct replica *replica) {
        if (building_of(replica)->too_long)
                return -EOVERFLOW;
        int r = edges_clean(replica->user_edges, &replica->user_edge_count, replica->user_count, replica->group_count, true);
        if (r == 0)
                r = edges_clean(replica->group_edges, &replica->group_edge_count, replica->group_count, replica->group_count, false);
        if (r < 0)
                return r;
        struct building *building = building_of(replica);
        SHRINK(replica->text, building->text_size, replica->text_len);
        SHRINK(replica->users, building->user_size, replica->user_count);
        SHRINK(replica->groups, building->group_size, replica->group_count);
        SHRINK(replica->user_edges, building->user_edge_size, replica->user_edge_count);
        SHRINK(replica->group_edges, building->group_edge_size, replica->group_edge_count);
        building->text_read = replica->text_len;
        /* Only now: the maps keep pointers into the text, which must not move again. */
        r = name_users(replica);
        return r == 0 ? name_groups(replica) : r;
}
