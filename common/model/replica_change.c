/* Single changes to a finished replica; see replica.h. Each is linear in the replica's arrays at most, as moving memory is; nothing is read or sorted anew.
 * Relies on: base/name_map.
 * Must never: leave a name map pointing into text that has moved, or an edge at another entry than before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/replica_internal.h"

uint32_t replica_row_index(const int64_t *rows, uint32_t count, int64_t row) {
        uint32_t low = 0, high = rows ? count : 0;
        while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                if (rows[middle] == row)
                        return middle;
                if (rows[middle] < row)
                        low = middle + 1;
                else
                        high = middle;
        }
        return REPLICA_NONE;
}

static void rebase(struct name_map *map, uintptr_t from, char *to) {
        for (uint32_t i = 0; i < map->size; i++)
                if (map->slots[i].name)
                        map->slots[i].name = to + ((uintptr_t)map->slots[i].name - from);
}

/* A text of the replica's own; the one that is there where it is the same. */
static int put_text(struct replica *replica, const char *text, text_ref *ref) {
        uintptr_t from = (uintptr_t)replica->text;
        if (strcmp(replica_text(replica, *ref), text ? text : "") == 0)
                return 0;
        int r = replica_add_text(replica, text, ref);
        if (r == 0 && (uintptr_t)replica->text != from) {
                rebase(&replica->user_names, from, replica->text);
                rebase(&replica->group_names, from, replica->text);
        }
        const struct building *building = building_of(replica);
        return r < 0 ? r : building->too_long || replica->text_len / 2 > building->text_read + (16u << 20) ? -EOVERFLOW : 0;
}

/* Who has the name now: the map's entry, and N2. name must not lie in the text of an entry that is going. */
static int settle_name(struct replica *replica, const char *name) {
        uint32_t first = REPLICA_NONE, count = 0;
        name_map_remove(&replica->user_names, name);
        for (uint32_t i = 0; i < replica->user_count; i++)
                if (text_same_name(replica_text(replica, replica->users[i].name), name)) {
                        first = first == REPLICA_NONE ? i : first;
                        replica->users[i].ambiguous = count++ > 0;
                }
        if (first == REPLICA_NONE)
                return 0;
        replica->users[first].ambiguous = count > 1;
        return name_map_add(&replica->user_names, replica_text(replica, replica->users[first].name), first);
}

/* The user leaves its name to whoever else has it. The entry is no longer among the users, or already has another name. */
static int leave_name(struct replica *replica, text_ref name, bool ambiguous) {
        if (ambiguous)
                return settle_name(replica, replica_text(replica, name));
        name_map_remove(&replica->user_names, replica_text(replica, name));
        return 0;
}

static int take_name(struct replica *replica, uint32_t index) {
        const char *name = replica_text(replica, replica->users[index].name);
        replica->users[index].ambiguous = false;
        int r = name_map_add(&replica->user_names, name, index);
        return r == -EEXIST ? settle_name(replica, name) : r;
}

static int fill(struct replica *replica, struct replica_user *user, const struct replica_person *person) {
        const struct { text_ref *ref; const char *text; } texts[] = {
                { &user->name, person->name }, { &user->entry_id, person->entry_id }, { &user->display_name, person->display_name },
                { &user->email, person->email }, { &user->home, person->home }, { &user->shell, person->shell },
                { &user->ssh_keys, person->ssh_keys }, { &user->sid, person->sid },
        };
        int r = 0;
        for (size_t i = 0; r == 0 && i < sizeof texts / sizeof *texts; i++)
                r = put_text(replica, texts[i].text, texts[i].ref);
        user->uid = person->uid;
        user->gid = person->gid;
        user->active = person->active;
        user->posix_primary = person->posix_primary;
        return r;
}

/* by: 1 or -1. Edges, names and rows speak of users from `from` on under another index. */
static void shift_users(struct replica *replica, uint32_t from, int by) {
        for (size_t i = 0; i < replica->user_edge_count; i++)
                if (replica->user_edges[i].member >= from)
                        replica->user_edges[i].member += (uint32_t)by;
        for (uint32_t i = 0; i < replica->user_names.size; i++)
                if (replica->user_names.slots[i].name && replica->user_names.slots[i].value >= from)
                        replica->user_names.slots[i].value += (uint32_t)by;
}

/* An empty place for a new row, mostly at the end. */
static int open_place(struct replica *replica, int64_t row, uint32_t *index) {
        uint32_t at = replica->user_count;
        while (at > 0 && replica->user_rows[at - 1] > row)
                at--;
        if (replica->user_count == REPLICA_NONE)
                return -ENOMEM;
        int64_t *rows = reallocarray(replica->user_rows, (size_t)replica->user_count + 1, sizeof *rows);
        if (!rows)
                return -ENOMEM;
        replica->user_rows = rows;
        int r = RESERVE(replica->users, building_of(replica)->user_size, (size_t)replica->user_count + 1);
        if (r < 0)
                return r;
        if (at < replica->user_count) {
                shift_users(replica, at, 1);
                memmove(&replica->users[at + 1], &replica->users[at], (replica->user_count - at) * sizeof *replica->users);
                memmove(&rows[at + 1], &rows[at], (replica->user_count - at) * sizeof *rows);
        }
        rows[at] = row;
        replica->users[at] = (struct replica_user){ 0 };
        replica->user_count++;
        *index = at;
        return 0;
}

int replica_put_person(struct replica *replica, int64_t row, const struct replica_person *person) {
        uint32_t index = replica_row_index(replica->user_rows, replica->user_count, row);
        bool fresh = index == REPLICA_NONE;
        int r = fresh ? open_place(replica, row, &index) : 0;
        if (r < 0)
                return r;
        struct replica_user *user = &replica->users[index];
        text_ref former = user->name;
        bool ambiguous = user->ambiguous;
        r = fill(replica, user, person);
        if (r < 0 || (!fresh && user->name == former))
                return r;
        if (!fresh)
                r = leave_name(replica, former, ambiguous);
        return r == 0 ? take_name(replica, index) : r;
}

/* The user's edges: from *first, how many. */
static size_t edges_of(const struct replica *replica, uint32_t user, size_t *first) {
        size_t low = 0, high = replica->user_edge_count, end;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (replica->user_edges[middle].member < user)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (end = low; end < replica->user_edge_count && replica->user_edges[end].member == user;)
                end++;
        *first = low;
        return end - low;
}

static void cut_edges(struct replica *replica, size_t first, size_t count) {
        memmove(&replica->user_edges[first], &replica->user_edges[first + count], (replica->user_edge_count - first - count) * sizeof *replica->user_edges);
        replica->user_edge_count -= count;
}

int replica_drop_person(struct replica *replica, int64_t row) {
        size_t first;
        uint32_t index = replica_row_index(replica->user_rows, replica->user_count, row);
        if (index == REPLICA_NONE)
                return 0;
        const struct replica_user gone = replica->users[index];
        size_t count = edges_of(replica, index, &first);
        if (count > 0)
                cut_edges(replica, first, count);
        /* Its name leaves the map before the others move up; an ambiguous one's other entries are looked for afterwards. */
        name_map_remove(&replica->user_names, replica_text(replica, gone.name));
        shift_users(replica, index, -1);
        replica->user_count--;
        memmove(&replica->users[index], &replica->users[index + 1], (replica->user_count - index) * sizeof *replica->users);
        memmove(&replica->user_rows[index], &replica->user_rows[index + 1], (replica->user_count - index) * sizeof *replica->user_rows);
        return gone.ambiguous ? settle_name(replica, replica_text(replica, gone.name)) : 0;
}

int replica_set_member(struct replica *replica, int64_t user_row, int64_t group_row, bool member) {
        size_t first;
        uint32_t user = replica_row_index(replica->user_rows, replica->user_count, user_row);
        uint32_t group = replica_row_index(replica->group_rows, replica->group_count, group_row);
        if (user == REPLICA_NONE || group == REPLICA_NONE)
                return 0;
        size_t count = edges_of(replica, user, &first), at = first;
        while (at < first + count && replica->user_edges[at].group < group)
                at++;
        bool is = at < first + count && replica->user_edges[at].group == group;
        if (is == member)
                return 0;
        if (is) {
                cut_edges(replica, at, 1);
                return 0;
        }
        int r = RESERVE(replica->user_edges, building_of(replica)->user_edge_size, replica->user_edge_count + 1);
        if (r < 0)
                return r;
        memmove(&replica->user_edges[at + 1], &replica->user_edges[at], (replica->user_edge_count - at) * sizeof *replica->user_edges);
        replica->user_edges[at] = (struct replica_edge){ user, group };
        replica->user_edge_count++;
        return 0;
}
