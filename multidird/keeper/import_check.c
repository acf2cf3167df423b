/* What only all rows of an import together, or the directory, can tell; see keeper/import_internal.h. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "model/id.h"
#include "multidird/keeper/import_internal.h"

struct numbered { uint32_t id, line; };

static int compare_numbered(const void *a, const void *b) {
        const struct numbered *x = a, *y = b;
        return x->id != y->id ? (x->id < y->id ? -1 : 1) : x->line < y->line ? -1 : x->line > y->line;
}

static bool row_id(const struct keeper_import *import, const struct import_row *row, uint32_t *id) {
        bool user = import->kind == NAME_OF_USER;
        *id = user ? row->user.uid : row->group.gid;
        return user ? row->user.has_uid : row->group.has_gid;
}

/* I1, I3: whether a row must, or must not, say its id. */
static void check_id(const struct keeper *keeper, struct keeper_import *import, const struct import_row *row, const struct directory_settings *directory) {
        const char *what = import->kind == NAME_OF_USER ? "uid" : "gid", *why = "";
        uint32_t id;
        bool has = row_id(import, row, &id);
        if (directory->ids != IDS_ATTRIBUTE && (has || (import->kind == NAME_OF_USER && row->user.has_gid)))
                import_error(import, row->line, "%s: directory %s gives out ids itself (ids = allocate)", row->name, directory->name);
        else if (directory->ids == IDS_ATTRIBUTE && !has)
                import_error(import, row->line, "%s: directory %s takes ids from its entries (ids = attribute), and there is no %s", row->name,
                             directory->name, what);
        else if (has && id_check(directory, keeper->local, id, &why) != REASON_OK)
                import_error(import, row->line, "%s: %s %u: %s", row->name, what, id, why);
}

/* I4: one id twice, among the rows or with what the directory has. */
static int check_ids_once(struct keeper_import *import, const struct replica *replica) {
        _cleanup_free_ struct numbered *ids = calloc(import->count + 1, sizeof *ids);
        size_t count = 0;
        if (!ids)
                return -ENOMEM;
        for (size_t i = 0; i < import->count; i++)
                if (row_id(import, &import->rows[i], &ids[count].id))
                        ids[count++].line = import->rows[i].line;
        qsort(ids, count, sizeof *ids, compare_numbered);
        for (size_t i = 1; i < count; i++)
                if (ids[i].id == ids[i - 1].id)
                        import_error(import, ids[i].line, "id %u is on line %u already", ids[i].id, ids[i - 1].line);
        uint32_t entries = import->kind == NAME_OF_USER ? replica->user_count : replica->group_count;
        for (uint32_t i = 0; count > 0 && i < entries; i++) {
                uint32_t id = import->kind == NAME_OF_USER ? replica->users[i].uid : replica->groups[i].gid;
                size_t low = 0, high = count;
                while (low < high) {
                        size_t middle = low + (high - low) / 2;
                        if (ids[middle].id < id)
                                low = middle + 1;
                        else
                                high = middle;
                }
                if (id != 0 && low < count && ids[low].id == id)
                        import_error(import, ids[low].line, "id %u is %s's already", id,
                                     replica_text(replica, import->kind == NAME_OF_USER ? replica->users[i].name : replica->groups[i].name));
        }
        return 0;
}

static void check_users_row(struct keeper_import *import, const struct import_row *row, const struct replica *replica, enum directory_type type) {
        if (row->user.hash && type == DIRECTORY_DELEGATED) /* P5 */
                import_error(import, row->line, "%s: a delegated directory keeps no passwords: they are at its LDAP server", row->name);
        if (replica_find_user(replica, row->name) != REPLICA_NONE)
                import_error(import, row->line, "%s: the user exists already", row->name);
        for (size_t i = 0; i < row->group_count; i++)
                if (replica_find_group(replica, row->groups[i]) == REPLICA_NONE)
                        import_error(import, row->line, "%s: there is no group %s", row->name, row->groups[i]);
}

static void check_groups_row(struct keeper_import *import, const struct import_row *row, const struct replica *replica, bool nested) {
        if (replica_find_group(replica, row->name) != REPLICA_NONE)
                import_error(import, row->line, "%s: the group exists already", row->name);
        for (size_t i = 0; i < row->member_count; i++)
                if (replica_find_user(replica, row->members[i]) == REPLICA_NONE)
                        import_error(import, row->line, "%s: there is no user %s", row->name, row->members[i]);
        if (row->group_count > 0 && !nested)
                import_error(import, row->line, "%s: the directory has no nested groups (nested_groups = no)", row->name);
        for (size_t i = 0; i < row->group_count; i++)
                if (replica_find_group(replica, row->groups[i]) == REPLICA_NONE && name_map_get(&import->names, row->groups[i]) == NAME_MAP_NONE)
                        import_error(import, row->line, "%s: there is no group %s", row->name, row->groups[i]);
}

/* U11. Existing groups get no children from an import, so a circle lies among the rows: take away, again and again, the rows whose child rows
 * are all gone; what is left holds, or lies above, a circle. */
static int check_circles(struct keeper_import *import) {
        _cleanup_free_ uint32_t *left = calloc(import->count + 1, sizeof *left), *parents = calloc(import->count + 1, sizeof *parents);
        _cleanup_free_ size_t *first = calloc(import->count + 2, sizeof *first);
        size_t edges = 0;
        if (!left || !parents || !first)
                return -ENOMEM;
        for (size_t i = 0; i < import->count; i++)
                for (size_t k = 0; k < import->rows[i].group_count; k++) {
                        uint32_t child = name_map_get(&import->names, import->rows[i].groups[k]);
                        if (child == NAME_MAP_NONE)
                                continue;
                        left[i]++;
                        first[child + 1]++;
                        edges++;
                }
        for (size_t i = 0; i < import->count; i++)
                first[i + 1] += first[i];
        _cleanup_free_ uint32_t *above = calloc(edges + 1, sizeof *above), *queue = calloc(import->count + 1, sizeof *queue);
        if (!above || !queue)
                return -ENOMEM;
        for (size_t i = 0; i < import->count; i++)
                for (size_t k = 0; k < import->rows[i].group_count; k++) {
                        uint32_t child = name_map_get(&import->names, import->rows[i].groups[k]);
                        if (child != NAME_MAP_NONE)
                                above[first[child] + parents[child]++] = (uint32_t)i;
                }
        size_t head = 0, tail = 0;
        for (size_t i = 0; i < import->count; i++)
                if (left[i] == 0)
                        queue[tail++] = (uint32_t)i;
        for (; head < tail; head++)
                for (size_t k = first[queue[head]]; k < first[queue[head] + 1]; k++)
                        if (--left[above[k]] == 0)
                                queue[tail++] = above[k];
        for (size_t i = 0; i < import->count; i++)
                if (left[i] > 0)
                        import_error(import, import->rows[i].line, "%s: circular: a group would be inside itself", import->rows[i].name);
        return 0;
}

int import_check(struct keeper *keeper, struct keeper_import *import, size_t directory) {
        const struct replica *replica = keeper_replica(keeper, directory);
        const struct directory_settings *settings = &keeper_settings(keeper)->directories[directory];
        for (size_t i = 0; i < import->count; i++) {
                check_id(keeper, import, &import->rows[i], settings);
                if (import->kind == NAME_OF_USER)
                        check_users_row(import, &import->rows[i], replica, settings->type);
                else
                        check_groups_row(import, &import->rows[i], replica, settings->nested_groups);
        }
        int r = check_ids_once(import, replica);
        return r == 0 && import->kind == NAME_OF_GROUP ? check_circles(import) : r;
}
