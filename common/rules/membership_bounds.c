/* Whether a directory's memberships are few enough to be published; see membership.h.
 * Relies on: model/replica, rules/sort.
 * Must never: make a table of what has not been counted. */
#include "rules/membership.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "rules/sort.h"

DEFINE_CLEANUP(struct closure *, closure_free)

/* Counts against the bounds. */
struct tally { const struct membership_bounds *bounds; size_t total; uint32_t user; };

static int add(struct tally *tally, uint32_t user, size_t count) {
        tally->total += count;
        if (count <= tally->bounds->per_user && tally->total <= tally->bounds->total)
                return 0;
        tally->user = count > tally->bounds->per_user ? user : REPLICA_NONE;
        return -EFBIG;
}

/* How many of the sorted numbers are this one, at most one more than `most`: a number may be that of many groups (M9). */
static size_t count_number(const uint32_t *numbers, size_t count, uint32_t number, size_t most) {
        size_t low = 0, high = count, found = 0;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (numbers[middle] < number)
                        low = middle + 1;
                else
                        high = middle;
        }
        while (low + found < count && found <= most && numbers[low + found] == number)
                found++;
        return found;
}

/* Before nesting: by edges, and by number (M9). A group that a user is in both ways is counted twice. */
static int tally_direct(struct tally *tally, const struct replica *replica) {
        _cleanup_free_ size_t *edges = calloc((size_t)replica->user_count + 1, sizeof *edges);
        _cleanup_free_ uint32_t *numbers = calloc((size_t)replica->group_count + 1, sizeof *numbers);
        size_t number_count = 0;
        int r = 0;
        if (!edges || !numbers)
                return -ENOMEM;
        for (size_t i = 0; i < replica->user_edge_count; i++)
                edges[replica->user_edges[i].member]++;
        for (uint32_t g = 0; g < replica->group_count; g++)
                if (replica->groups[g].gid != 0)
                        numbers[number_count++] = replica->groups[g].gid;
        sort_u32(numbers, number_count);
        for (uint32_t u = 0; r == 0 && u < replica->user_count; u++) {
                const struct replica_user *user = &replica->users[u];
                if (user->posix_primary && user->gid != 0)
                        edges[u] += count_number(numbers, number_count, user->gid, tally->bounds->per_user);
                r = add(tally, u, edges[u]);
        }
        return r;
}

static int tally_nested(struct tally *tally, const struct replica *replica, const struct directory_settings *directory) {
        _cleanup_(closure_freep) struct closure *closure = NULL;
        _cleanup_(direct_groups_done) struct direct_groups direct = { 0 };
        _cleanup_free_ uint32_t *scratch = calloc((size_t)replica->group_count + 1, sizeof *scratch);
        _cleanup_free_ uint32_t *out = calloc((size_t)replica->group_count + 1, sizeof *out);
        int r = !scratch || !out ? -ENOMEM : closure_new(replica, directory, &closure);
        if (r == 0)
                r = direct_groups_new(replica, &direct);
        for (uint32_t u = 0; r == 0 && u < replica->user_count; u++)
                r = add(tally, u, membership_in_directory(closure, direct.groups + direct.first[u], direct.first[u + 1] - direct.first[u], scratch, u + 1, out));
        return r;
}

int membership_within(const struct replica *replica, const struct directory_settings *directory, const struct membership_bounds *bounds, uint32_t *user) {
        struct tally tally = { .bounds = bounds, .user = REPLICA_NONE };
        int r = tally_direct(&tally, replica);
        if (r == 0 && directory->nested_groups && replica->group_edge_count > 0) {
                tally.total = 0;
                r = tally_nested(&tally, replica, directory);
        }
        *user = tally.user;
        return r;
}
