/* Direct memberships as one table; see membership.h. (The nesting is in closure.c, the merge over directories in world.c.)
 * Relies on: model/replica.
 * Must never: resolve a gidNumber outside its directory (M9, M10). */
#include "rules/membership.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* The groups of a replica that have a number, by number. */
struct number { uint32_t gid, group; };
struct numbers { struct number *items; size_t count; };

static int compare_numbers(const void *a, const void *b) {
        const struct number *x = a, *y = b;
        if (x->gid != y->gid)
                return x->gid < y->gid ? -1 : 1;
        return x->group < y->group ? -1 : 1;
}

static int numbers_init(struct numbers *numbers, const struct replica *replica) {
        numbers->items = calloc((size_t)replica->group_count + 1, sizeof *numbers->items);
        if (!numbers->items)
                return -ENOMEM;
        for (uint32_t g = 0; g < replica->group_count; g++)
                if (replica->groups[g].gid != 0)
                        numbers->items[numbers->count++] = (struct number){ replica->groups[g].gid, g };
        qsort(numbers->items, numbers->count, sizeof *numbers->items, compare_numbers);
        return 0;
}

static void numbers_done(struct numbers *numbers) {
        free(numbers->items);
}

/* The first group with at least that number. */
static size_t numbers_find(const struct numbers *numbers, uint32_t gid) {
        size_t low = 0, high = numbers->count;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (numbers->items[middle].gid < gid)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* M9: the number that makes a user a member of the groups that have it; 0: none. */
static uint32_t primary_number(const struct replica_user *user) {
        return user->posix_primary && !user->ambiguous ? user->gid : 0;
}

static bool has_group(const struct direct_groups *table, size_t from, size_t to, uint32_t group) {
        for (size_t i = from; i < to; i++)
                if (table->groups[i] == group)
                        return true;
        return false;
}

/* How many places each user takes at most, at first[user + 1]; then the offsets. */
static void count_places(const struct replica *replica, const struct numbers *numbers, size_t *first) {
        for (size_t i = 0; i < replica->user_edge_count; i++)
                if (!replica->users[replica->user_edges[i].member].ambiguous)
                        first[replica->user_edges[i].member + 1]++;
        for (uint32_t u = 0; u < replica->user_count; u++) {
                uint32_t gid = primary_number(&replica->users[u]);
                for (size_t k = numbers_find(numbers, gid); gid != 0 && k < numbers->count && numbers->items[k].gid == gid; k++)
                        first[u + 1]++;
                first[u + 1] += first[u];
        }
}

/* Fills the places; next[user]: the user's next free one. */
static void fill_places(const struct replica *replica, const struct numbers *numbers, struct direct_groups *table, size_t *next) {
        for (size_t i = 0; i < replica->user_edge_count; i++) {
                const struct replica_edge *edge = &replica->user_edges[i];
                if (!replica->users[edge->member].ambiguous)
                        table->groups[next[edge->member]++] = edge->group;
        }
        for (uint32_t u = 0; u < replica->user_count; u++) {
                uint32_t gid = primary_number(&replica->users[u]);
                for (size_t k = numbers_find(numbers, gid); gid != 0 && k < numbers->count && numbers->items[k].gid == gid; k++)
                        if (!has_group(table, table->first[u], next[u], numbers->items[k].group))
                                table->groups[next[u]++] = numbers->items[k].group;
        }
}

/* Closes the gaps left by groups that a user is in by name and by number. */
static void close_gaps(struct direct_groups *table, uint32_t user_count, const size_t *next) {
        size_t filled = 0;
        for (uint32_t u = 0; u < user_count; u++) {
                size_t from = table->first[u];
                table->first[u] = filled;
                for (size_t i = from; i < next[u]; i++)
                        table->groups[filled++] = table->groups[i];
        }
        table->first[user_count] = filled;
}

int direct_groups_new(const struct replica *replica, struct direct_groups *table) {
        _cleanup_(numbers_done) struct numbers numbers = { 0 };
        _cleanup_free_ size_t *next = calloc((size_t)replica->user_count + 1, sizeof *next);
        _cleanup_(direct_groups_done) struct direct_groups made = { .first = calloc((size_t)replica->user_count + 1, sizeof *made.first) };
        int r = numbers_init(&numbers, replica);
        if (r < 0 || !next || !made.first)
                return -ENOMEM;
        count_places(replica, &numbers, made.first);
        made.groups = calloc(made.first[replica->user_count] + 1, sizeof *made.groups);
        if (!made.groups)
                return -ENOMEM;
        for (uint32_t u = 0; u < replica->user_count; u++)
                next[u] = made.first[u];
        fill_places(replica, &numbers, &made, next);
        close_gaps(&made, replica->user_count, next);
        *table = made;
        made = (struct direct_groups){ 0 };
        return 0;
}

void direct_groups_done(struct direct_groups *table) {
        free(table->first);
        free(table->groups);
        *table = (struct direct_groups){ 0 };
}
