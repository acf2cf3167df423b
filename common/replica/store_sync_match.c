/* Which row of the store each entry of a synchronisation is: by its immutable id. See store_sync.h.
 * Relies on: replica/store_sync_internal.
 * Must never: compare ids after folding; believe that a row of the file is unique. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "replica/store_sync_internal.h"

struct id_slot {
        uint32_t number;  /* + 1; 0: free */
        uint32_t hash;    /* its upper half: most others are told apart without a look at their texts */
};

/* From an immutable id to the number that its entry came with; open addressing. */
struct id_index {
        struct id_slot *slots;
        uint64_t mask, seed;
};

struct matching {
        struct store_sync *sync;
        struct sync_side *side;
        struct id_index index;
        uint32_t *order;  /* by row: the number that the entry came with */
        uint32_t ordered;
        bool is_group;
};

static const char *entry_id_of(const struct matching *matching, uint32_t number) {
        const struct replica *replica = matching->sync->replica;
        return replica_text(replica, matching->is_group ? replica->groups[number].entry_id : replica->users[number].entry_id);
}

/* Where the id is, or would be; its hash is there then. */
static struct id_slot *find_slot(const struct matching *matching, const char *entry_id, size_t len) {
        const struct id_index *index = &matching->index;
        uint64_t hash = hash_bytes(entry_id, len, index->seed);
        for (uint64_t at = hash & index->mask;; at = (at + 1) & index->mask) {
                struct id_slot *slot = &index->slots[at];
                if (slot->number == 0)
                        slot->hash = (uint32_t)(hash >> 32);
                if (slot->number == 0)
                        return slot;
                const char *other = slot->hash == (uint32_t)(hash >> 32) ? entry_id_of(matching, slot->number - 1) : NULL;
                if (other && strlen(other) == len && memcmp(other, entry_id, len) == 0)
                        return slot;
        }
}

static int make_index(struct matching *matching) {
        uint64_t size = 16;
        while (size < (uint64_t)matching->side->count * 2)
                size *= 2;
        matching->index.slots = calloc(size, sizeof *matching->index.slots);
        matching->index.mask = size - 1;
        if (!matching->index.slots || getrandom(&matching->index.seed, sizeof matching->index.seed, 0) != sizeof matching->index.seed)
                return sync_refuse(matching->sync, -ENOMEM, "%s", strerror(ENOMEM));
        for (uint32_t i = 0; i < matching->side->count; i++) {
                const char *entry_id = entry_id_of(matching, i);
                struct id_slot *slot = find_slot(matching, entry_id, strlen(entry_id));
                if (slot->number != 0)
                        return sync_refuse(matching->sync, -EEXIST, "two %s have the immutable id %s", matching->is_group ? "groups" : "users", entry_id);
                slot->number = i + 1;
        }
        return 0;
}

static int note_gone(struct sync_side *side, int64_t row) {
        void *gone = side->gone;
        int r = sync_room(&gone, &side->gone_size, side->gone_count, sizeof *side->gone);
        side->gone = gone;
        if (r == 0)
                side->gone[side->gone_count++] = row;
        side->differs = true;
        return r;
}

static enum sync_state compare(const struct matching *matching, uint32_t number, sqlite3_stmt *row) {
        struct sync_user user;
        struct sync_group group;
        if (matching->is_group) {
                sync_get_group(matching->sync, number, &group);
                return sync_compare_group(matching->sync, &group, row);
        }
        sync_get_user(matching->sync, number, &user);
        return sync_compare_user(matching->sync, &user, row);
}

static int match_row(struct matching *matching, sqlite3_stmt *statement) {
        struct sync_side *side = matching->side;
        int64_t row = sqlite3_column_int64(statement, 0);
        const char *entry_id = (const char *)sqlite3_column_text(statement, 1);
        const struct id_slot *slot = entry_id ? find_slot(matching, entry_id, (size_t)sqlite3_column_bytes(statement, 1)) : NULL;
        side->old_count++;
        /* In a damaged file an id may stand twice, and rows out of order. */
        if (!slot || slot->number == 0 || side->rows[slot->number - 1] != 0 || row < 1 ||
            (matching->ordered > 0 && side->rows[matching->order[matching->ordered - 1]] >= row))
                return note_gone(side, row);
        uint32_t number = slot->number - 1;
        side->rows[number] = row;
        side->states[number] = (uint8_t)compare(matching, number, statement);
        side->differs = side->differs || side->states[number] == SYNC_CHANGED;
        matching->order[matching->ordered++] = number;
        return 0;
}

static int match_rows(struct matching *matching) {
        struct database *database = &matching->sync->store->database;
        sqlite3_stmt *statement = database_statement(database, matching->is_group ? SYNC_GROUPS : SYNC_USERS);
        int r;
        while ((r = database_step(database, statement)) > 0) {
                r = match_row(matching, statement);
                if (r < 0) {
                        database_reset(statement);
                        return sync_refuse(matching->sync, r, "%s", strerror(-r));
                }
        }
        return r < 0 ? sync_store_failed(matching->sync, r) : 0;
}

/* New entries come after all that the store has. */
static void number_new(struct matching *matching, int64_t next) {
        struct sync_side *side = matching->side;
        for (uint32_t i = 0; i < side->count; i++)
                if (side->rows[i] == 0) {
                        side->rows[i] = next++;
                        matching->order[matching->ordered++] = i;
                        side->differs = true;
                }
}

/* Puts element order[k] of an array at k. */
static int reorder(void *array, const uint32_t *order, uint32_t count, size_t element) {
        _cleanup_free_ char *copy = malloc((size_t)count * element);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, array, count * element);
        for (uint32_t k = 0; k < count; k++)
                memcpy((char *)array + k * element, copy + order[k] * element, element);
        return 0;
}

/* By row from here on. */
static int apply_order(struct matching *matching) {
        struct store_sync *sync = matching->sync;
        struct sync_side *side = matching->side;
        const uint32_t *order = matching->order;
        uint32_t count = side->count, moved = 0;
        for (uint32_t k = 0; k < count; k++)
                moved += order[k] != k;
        if (moved == 0)
                return 0;
        side->ranks = malloc(count * sizeof *side->ranks);
        if (!side->ranks)
                return -ENOMEM;
        for (uint32_t k = 0; k < count; k++)
                side->ranks[order[k]] = k;
        int r = reorder(side->rows, order, count, sizeof *side->rows);
        if (r == 0)
                r = reorder(side->states, order, count, sizeof *side->states);
        if (r == 0 && matching->is_group)
                r = reorder(sync->group_dns.texts, order, count, sizeof *sync->group_dns.texts);
        if (r == 0 && matching->is_group)
                return reorder(sync->replica->groups, order, count, sizeof *sync->replica->groups);
        if (r == 0)
                r = reorder(sync->user_dns.texts, order, count, sizeof *sync->user_dns.texts);
        if (r == 0)
                r = reorder(sync->user_primaries.texts, order, count, sizeof *sync->user_primaries.texts);
        return r < 0 ? r : reorder(sync->replica->users, order, count, sizeof *sync->replica->users);
}

static int match_side(struct store_sync *sync, struct sync_side *side, bool is_group, int64_t next) {
        _cleanup_free_ uint32_t *order = calloc((size_t)side->count + 1, sizeof *order);
        side->rows = calloc((size_t)side->count + 1, sizeof *side->rows);
        side->states = calloc((size_t)side->count + 1, sizeof *side->states);
        if (!order || !side->rows || !side->states)
                return sync_refuse(sync, -ENOMEM, "%s", strerror(ENOMEM));
        struct matching matching = { .sync = sync, .side = side, .order = order, .is_group = is_group };
        int r = make_index(&matching);
        if (r == 0)
                r = match_rows(&matching);
        free(matching.index.slots);
        if (r < 0)
                return r;
        number_new(&matching, next);
        r = apply_order(&matching);
        return r < 0 ? sync_refuse(sync, r, "%s", strerror(-r)) : 0;
}

static void renumber(struct replica_edge *edges, size_t count, const uint32_t *members, const uint32_t *groups) {
        for (size_t i = 0; i < count && (members || groups); i++) {
                if (members)
                        edges[i].member = members[edges[i].member];
                if (groups)
                        edges[i].group = groups[edges[i].group];
        }
}

int sync_match(struct store_sync *sync) {
        struct replica *replica = sync->replica;
        int r = match_side(sync, &sync->users, false, sync->store->next_user);
        if (r == 0)
                r = match_side(sync, &sync->groups, true, sync->store->next_group);
        if (r < 0)
                return r;
        renumber(replica->user_edges, replica->user_edge_count, sync->users.ranks, sync->groups.ranks);
        renumber(replica->group_edges, replica->group_edge_count, sync->groups.ranks, sync->groups.ranks);
        for (size_t i = 0; sync->groups.ranks && i < sync->stray_count; i++)
                sync->strays[i].group = sync->groups.ranks[sync->strays[i].group];
        return 0;
}
