/* How the memberships of a synchronisation differ from the store's: one sweep over both, in the order of the store's trees. See store_sync.h.
 * Relies on: replica/store_sync_internal; both sides ordered by row id.
 * Must never: need more memory than the memberships themselves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replica/store_sync_internal.h"

/* The numbers of a side's entries ascend as their rows do. */
struct sweep {
        struct sync_table *table;
        const int64_t *groups, *members; /* rows, by number */
        uint32_t group_count, member_count;
        uint32_t group;                  /* where the sweep is among those that came */
        size_t at;
};

/* By group; within one by member, as the edges are sorted by member. */
static int by_group(struct sync_table *table, const struct replica_edge *edges, size_t count, uint32_t groups) {
        table->count = count;
        table->first = calloc((size_t)groups + 2, sizeof *table->first);
        table->members = calloc(count + 1, sizeof *table->members);
        if (!table->first || !table->members)
                return -ENOMEM;
        /* One place further than it ends up: filling moves each start to the next one's. */
        size_t *next = table->first + 1;
        for (size_t i = 0; i < count; i++)
                if (edges[i].group + 1 < groups)
                        next[edges[i].group + 1]++;
        for (uint32_t g = 1; g < groups; g++)
                next[g] += next[g - 1];
        for (size_t i = 0; i < count; i++)
                table->members[next[edges[i].group]++] = edges[i].member;
        return 0;
}

/* More changes than half of what there is: writing all of it is faster, and the lists need not grow. */
static bool is_too_many(struct sync_table *table) {
        if (!table->replace && table->fresh_count + table->gone_count > table->count / 2 + 1000) {
                table->replace = true;
                table->fresh_count = table->gone_count = 0;
        }
        return table->replace;
}

static int note_fresh(struct sweep *sweep) {
        struct sync_table *table = sweep->table;
        table->differs = true;
        if (is_too_many(table))
                return 0;
        void *fresh = table->fresh;
        int r = sync_room(&fresh, &table->fresh_size, table->fresh_count, sizeof *table->fresh);
        table->fresh = fresh;
        if (r == 0)
                table->fresh[table->fresh_count++] = (struct replica_edge){ table->members[sweep->at], sweep->group };
        return r;
}

static int compare_rows(const void *a, const void *b) {
        int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
        return (left > right) - (left < right);
}

/* Whether the entry of that row came. */
static bool is_there(const int64_t *rows, uint32_t count, int64_t row) {
        return count > 0 && bsearch(&row, rows, count, sizeof *rows, compare_rows);
}

static int note_gone(struct sweep *sweep, int64_t group, int64_t member) {
        struct sync_table *table = sweep->table;
        table->differs = true;
        table->lost += is_there(sweep->groups, sweep->group_count, group) && is_there(sweep->members, sweep->member_count, member);
        if (is_too_many(table))
                return 0;
        void *gone = table->gone;
        int r = sync_room(&gone, &table->gone_size, table->gone_count, sizeof *table->gone);
        table->gone = gone;
        if (r == 0)
                table->gone[table->gone_count++] = (struct sync_pair){ group, member };
        return r;
}

/* Whether there is one more that came, and which. */
static bool here(struct sweep *sweep, int64_t *group, int64_t *member) {
        while (sweep->group < sweep->group_count && sweep->at >= sweep->table->first[sweep->group + 1])
                sweep->group++;
        if (sweep->group >= sweep->group_count)
                return false;
        *group = sweep->groups[sweep->group];
        *member = sweep->members[sweep->table->members[sweep->at]];
        return true;
}

/* One row of the store; what came and lies before it is new. */
static int meet(struct sweep *sweep, int64_t old_group, int64_t old_member) {
        int64_t group, member;
        int r = 0;
        sweep->table->old_count++;
        while (r == 0 && here(sweep, &group, &member)) {
                if (group > old_group || (group == old_group && member > old_member))
                        break;
                if (group == old_group && member == old_member) {
                        sweep->at++;
                        return 0;
                }
                r = note_fresh(sweep);
                sweep->at++;
        }
        return r < 0 ? r : note_gone(sweep, old_group, old_member);
}

static int compare_table(struct store_sync *sync, struct sweep *sweep, enum store_statement which) {
        struct database *database = &sync->store->database;
        sqlite3_stmt *statement = database_statement(database, which);
        int64_t group, member;
        int r;
        while ((r = database_step(database, statement)) > 0) {
                r = meet(sweep, sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1));
                if (r < 0) {
                        database_reset(statement);
                        return sync_refuse(sync, r, "%s", strerror(-r));
                }
        }
        if (r < 0)
                return sync_store_failed(sync, r);
        for (; r == 0 && here(sweep, &group, &member); sweep->at++)
                r = note_fresh(sweep);
        return r < 0 ? sync_refuse(sync, r, "%s", strerror(-r)) : 0;
}

int sync_compare_members(struct store_sync *sync) {
        const struct replica *replica = sync->replica;
        uint32_t groups = sync->groups.count;
        sync->members.differs = sync->ahead.on && replica->user_edge_count > 0;
        int r = sync->ahead.on ? 0 : by_group(&sync->members, replica->user_edges, replica->user_edge_count, groups);
        if (r == 0)
                r = by_group(&sync->children, replica->group_edges, replica->group_edge_count, groups);
        if (r < 0)
                return sync_refuse(sync, r, "%s", strerror(-r));
        if (!sync->ahead.on)
                r = compare_table(sync, &(struct sweep){ .table = &sync->members, .groups = sync->groups.rows, .members = sync->users.rows,
                                                         .group_count = groups, .member_count = sync->users.count }, SYNC_MEMBERS);
        if (r < 0)
                return r;
        return compare_table(sync, &(struct sweep){ .table = &sync->children, .groups = sync->groups.rows, .members = sync->groups.rows,
                                                    .group_count = groups, .member_count = groups }, SYNC_CHILDREN);
}
