/* Comparing builds; see merge_compare.h. */
#include "unit/merge_compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char words[512];

static const char *differs(const char *what, const char *name) {
        (void)snprintf(words, sizeof words, "%s: %s", what, name);
        return words;
}

static int text_order(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted texts, one after the other: the same set or not. Takes both lists. */
static const char *compare_lists(const char *what, char **a, size_t a_count, char **b, size_t b_count) {
        const char *said = NULL;
        qsort(a, a_count, sizeof *a, text_order);
        qsort(b, b_count, sizeof *b, text_order);
        for (size_t i = 0; !said && (i < a_count || i < b_count); i++)
                if (i >= a_count || i >= b_count || strcmp(a[i], b[i]) != 0) {
                        char pair[400];
                        (void)snprintf(pair, sizeof pair, "%.180s / %.180s", i < a_count ? a[i] : "(end)", i < b_count ? b[i] : "(end)");
                        said = differs(what, pair);
                }
        for (size_t i = 0; i < a_count; i++)
                free(a[i]);
        for (size_t i = 0; i < b_count; i++)
                free(b[i]);
        free(a);
        free(b);
        return said;
}

static const char *compare_access(const struct view *a, uint32_t i, const struct view *b, uint32_t j, const char *name) {
        const char *keys_a = "", *keys_b = "";
        size_t len_a = 0, len_b = 0;
        for (uint32_t app = 0; app < view_application_count(a); app++) {
                struct view_access x, y;
                if (view_user_access(a, i, app, &x) != VIEW_FOUND || view_user_access(b, j, app, &y) != VIEW_FOUND)
                        return differs("an access is missing", name);
                if (x.reason != y.reason || strcmp(x.directory, y.directory) != 0 || strcmp(x.entry_id, y.entry_id) != 0)
                        return differs("access", name);
        }
        if (view_user_keys(a, i, &keys_a, &len_a) != VIEW_FOUND || view_user_keys(b, j, &keys_b, &len_b) != VIEW_FOUND || strcmp(keys_a, keys_b) != 0)
                return differs("keys", name);
        return NULL;
}

static const char *compare_user(const struct view *a, uint32_t index, const struct view *b) {
        struct view_user x, y, z;
        if (view_user_at(a, index, &x) != VIEW_FOUND)
                return "a user cannot be read";
        if (view_user_by_name(b, x.name, &y) != VIEW_FOUND || view_user_by_uid(b, x.uid, &z) != VIEW_FOUND || y.index != z.index)
                return differs("user", x.name);
        if (strcmp(x.name, y.name) != 0 || x.uid != y.uid || x.gid != y.gid || strcmp(x.gecos, y.gecos) != 0 || strcmp(x.home, y.home) != 0 ||
            strcmp(x.shell, y.shell) != 0 || x.primary_listed != y.primary_listed || x.private_group != y.private_group)
                return differs("user's fields", x.name);
        if (x.gid_count != y.gid_count || (x.gid_count > 0 && memcmp(x.gids, y.gids, 4 * (size_t)x.gid_count) != 0))
                return differs("user's groups", x.name);
        return compare_access(a, index, b, y.index, x.name);
}

static char **members_of(const struct view_group *group) {
        char **list = calloc((size_t)group->member_count + 1, sizeof *list);
        for (uint32_t i = 0; list && i < group->member_count; i++)
                list[i] = strdup(group->members + group->member_offsets[i]);
        return list;
}

static const char *compare_group(const struct view *a, uint32_t index, const struct view *b) {
        struct view_group x, y, z;
        if (view_group_at(a, index, &x) != VIEW_FOUND || view_group_by_name(b, x.name, &y) != VIEW_FOUND || view_group_by_gid(b, x.gid, &z) != VIEW_FOUND)
                return "a group is missing";
        if (strcmp(x.name, y.name) != 0 || x.gid != y.gid || z.name != y.name)
                return differs("group", x.name);
        return compare_lists(x.name, members_of(&x), x.member_count, members_of(&y), y.member_count);
}

const char *compare_views(const struct view *a, const struct view *b) {
        const char *said = NULL;
        if (view_user_count(a) != view_user_count(b))
                return "the number of users";
        if (view_group_count(a) != view_group_count(b))
                return "the number of groups";
        for (uint32_t i = 0; !said && i < view_user_count(a); i++)
                said = compare_user(a, i, b);
        for (uint32_t i = 0; !said && i < view_group_count(a); i++)
                said = compare_group(a, i, b);
        return said;
}

static char **rows_of(const struct compile_result *result) {
        char **list = calloc(result->row_count + 1, sizeof *list);
        for (size_t i = 0; list && i < result->row_count; i++) {
                const struct masked_row *row = &result->rows[i];
                if (asprintf(&list[i], "%s %s id %u of %u, winner %d, %s: %s", row->kind == NAME_OF_USER ? "user" : "group", row->name, row->id,
                             row->directory, (int)row->winner, reason_name(row->reason), row->text) < 0)
                        abort();
        }
        return list;
}

const char *compare_rows(const struct compile_result *a, const struct compile_result *b) {
        return compare_lists("row", rows_of(a), a->row_count, rows_of(b), b->row_count);
}

static char **pending_of(const struct registry *registry) {
        size_t count = registry_pending_count(registry);
        char **list = calloc(count + 1, sizeof *list);
        for (size_t i = 0; list && i < count; i++) {
                const struct registry_row *row = registry_pending(registry, i);
                if (asprintf(&list[i], "%d %s of %s, entry %s, id %u", (int)row->kind, row->name, row->directory, row->entry_id, row->id) < 0)
                        abort();
        }
        return list;
}

const char *compare_pending(const struct registry *a, const struct registry *b) {
        return compare_lists("registry row", pending_of(a), registry_pending_count(a), pending_of(b), registry_pending_count(b));
}

static const char *compare_replica_user(const struct replica *a, const struct replica *b, uint32_t i) {
        const struct replica_user *x = &a->users[i], *y = &b->users[i];
        const text_ref refs[][2] = { { x->name, y->name }, { x->entry_id, y->entry_id }, { x->display_name, y->display_name }, { x->email, y->email },
                                     { x->home, y->home }, { x->shell, y->shell }, { x->ssh_keys, y->ssh_keys }, { x->sid, y->sid } };
        for (size_t t = 0; t < sizeof refs / sizeof *refs; t++)
                if (strcmp(replica_text(a, refs[t][0]), replica_text(b, refs[t][1])) != 0)
                        return differs("replica's text", replica_text(b, refs[t][1]));
        if (x->uid != y->uid || x->gid != y->gid || x->active != y->active || x->ambiguous != y->ambiguous || x->posix_primary != y->posix_primary ||
            a->user_rows[i] != b->user_rows[i] || replica_find_user(a, replica_text(b, y->name)) != replica_find_user(b, replica_text(b, y->name)))
                return differs("replica's user", replica_text(b, y->name));
        return NULL;
}

const char *compare_replicas(const struct replica *a, const struct replica *b) {
        const char *said = NULL;
        if (!a || !b)
                return a == b ? NULL : "a replica";
        if (a->user_count != b->user_count || a->user_edge_count != b->user_edge_count || a->user_names.used != b->user_names.used)
                return "a replica's counts";
        for (uint32_t i = 0; !said && i < a->user_count; i++)
                said = compare_replica_user(a, b, i);
        if (!said && a->user_edge_count > 0 && memcmp(a->user_edges, b->user_edges, a->user_edge_count * sizeof *a->user_edges) != 0)
                said = "a replica's memberships";
        return said;
}
