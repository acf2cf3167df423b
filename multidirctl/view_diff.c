/* view diff: what two kept views say differently.
 * Relies on: view_commands.h.
 * Must never: take longer than a look-up for each entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "multidirctl/view_commands.h"

struct pair { const struct view *from, *to; };

static json_t *text_of(const char *text, uint32_t len) {
        json_t *value = json_stringn(text, len);
        return value ? value : json_string("?");
}

static void add_field(json_t *fields, const char *field, json_t *from, json_t *to) {
        (void)json_array_append_new(fields, json_pack("{s:s, s:o, s:o}", "field", field, "from", from, "to", to));
}

static void compare_text(json_t *fields, const char *field, const char *a, uint32_t a_len, const char *b, uint32_t b_len) {
        if (a_len != b_len || memcmp(a, b, a_len) != 0)
                add_field(fields, field, text_of(a, a_len), text_of(b, b_len));
}

static void compare_number(json_t *fields, const char *field, uint32_t a, uint32_t b) {
        if (a != b)
                add_field(fields, field, json_integer(a), json_integer(b));
}

static json_t *group_name(const struct view *view, uint32_t gid) {
        struct view_group group;
        return view_group_by_gid(view, gid, &group) == VIEW_FOUND ? text_of(group.name, group.name_len) : json_sprintf("%u", gid);
}

/* Both ascending: the groups of one that the other has not. */
static json_t *groups_without(const struct view *view, const uint32_t *of, uint32_t count, const uint32_t *without, uint32_t without_count) {
        json_t *names = json_array();
        uint32_t k = 0;
        for (uint32_t i = 0; names && i < count; i++) {
                while (k < without_count && without[k] < of[i])
                        k++;
                if (k == without_count || without[k] != of[i])
                        (void)json_array_append_new(names, group_name(view, of[i]));
        }
        return names;
}

static void compare_keys(const struct pair *pair, json_t *fields, const struct view_user *a, const struct view_user *b) {
        const char *x = "", *y = "";
        size_t x_len = 0, y_len = 0;
        if (view_user_keys(pair->from, a->index, &x, &x_len) != VIEW_FOUND)
                x_len = 0;
        if (view_user_keys(pair->to, b->index, &y, &y_len) != VIEW_FOUND)
                y_len = 0;
        /* Keys end with a line end each; the last one's says nothing. */
        x_len -= x_len > 0 && x[x_len - 1] == '\n';
        y_len -= y_len > 0 && y[y_len - 1] == '\n';
        if (x_len != y_len || (x_len > 0 && memcmp(x, y, x_len) != 0))
                add_field(fields, "ssh_keys", text_of(x, (uint32_t)x_len), text_of(y, (uint32_t)y_len));
}

/* Who may log in where is part of a view too. */
static void compare_access(const struct pair *pair, json_t *fields, const struct view_user *a, const struct view_user *b) {
        for (uint32_t i = 0; i < view_application_count(pair->to); i++) {
                const char *name = view_application_name(pair->to, i);
                uint32_t other = name ? view_application_by_name(pair->from, name) : UINT32_MAX;
                struct view_access x = { 0 }, y = { 0 };
                if (other == UINT32_MAX || view_user_access(pair->from, a->index, other, &x) != VIEW_FOUND ||
                    view_user_access(pair->to, b->index, i, &y) != VIEW_FOUND)
                        continue;
                _cleanup_free_ char *field = NULL;
                if (asprintf(&field, "access %s", name) < 0) {
                        field = NULL;
                        continue;
                }
                if (x.reason != y.reason)
                        add_field(fields, field, json_string(reason_name(x.reason)), json_string(reason_name(y.reason)));
                else if (x.directory && y.directory && strcmp(x.directory, y.directory) != 0)
                        add_field(fields, field, text_of(x.directory, (uint32_t)strlen(x.directory)), text_of(y.directory, (uint32_t)strlen(y.directory)));
        }
}

static json_t *compare_users(const struct pair *pair, const struct view_user *a, const struct view_user *b) {
        json_t *fields = json_array();
        if (!fields)
                return NULL;
        compare_text(fields, "name", a->name, a->name_len, b->name, b->name_len);
        compare_number(fields, "uid", a->uid, b->uid);
        compare_number(fields, "gid", a->gid, b->gid);
        compare_text(fields, "gecos", a->gecos, a->gecos_len, b->gecos, b->gecos_len);
        compare_text(fields, "home", a->home, a->home_len, b->home, b->home_len);
        compare_text(fields, "shell", a->shell, a->shell_len, b->shell, b->shell_len);
        if (a->gid_count != b->gid_count || (a->gid_count > 0 && memcmp(a->gids, b->gids, a->gid_count * sizeof *a->gids) != 0))
                add_field(fields, "groups", groups_without(pair->from, a->gids, a->gid_count, b->gids, b->gid_count),
                          groups_without(pair->to, b->gids, b->gid_count, a->gids, a->gid_count));
        compare_keys(pair, fields, a, b);
        compare_access(pair, fields, a, b);
        return fields;
}

static json_t *new_part(void) {
        return json_pack("{s:[], s:[], s:[]}", "added", "removed", "changed");
}

static void note_changed(json_t *part, const char *name, uint32_t len, json_t *fields) {
        if (json_array_size(fields) > 0)
                (void)json_array_append_new(json_object_get(part, "changed"), json_pack("{s:o, s:o}", "name", text_of(name, len), "fields", fields));
        else
                json_decref(fields);
}

static json_t *diff_users(const struct pair *pair) {
        json_t *part = new_part();
        struct view_user a, b;
        for (uint32_t i = 0; part && i < view_user_count(pair->from); i++)
                if (view_user_at(pair->from, i, &a) == VIEW_FOUND && view_user_by_name(pair->to, a.name, &b) != VIEW_FOUND)
                        (void)json_array_append_new(json_object_get(part, "removed"), text_of(a.name, a.name_len));
        for (uint32_t i = 0; part && i < view_user_count(pair->to); i++) {
                if (view_user_at(pair->to, i, &b) != VIEW_FOUND)
                        continue;
                if (view_user_by_name(pair->from, b.name, &a) != VIEW_FOUND)
                        (void)json_array_append_new(json_object_get(part, "added"), text_of(b.name, b.name_len));
                else
                        note_changed(part, b.name, b.name_len, compare_users(pair, &a, &b));
        }
        return part;
}

static int by_text(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The members' names, sorted; malloc'ed; NULL when memory is out or the record is damaged. */
static const char **sorted_members(const struct view_group *group) {
        const char **names = calloc((size_t)group->member_count + 1, sizeof *names);
        for (uint32_t i = 0; names && i < group->member_count; i++) {
                if (group->member_offsets[i] >= group->members_len) {
                        free(names);
                        return NULL;
                }
                names[i] = group->members + group->member_offsets[i];
        }
        if (names && group->member_count > 1)
                qsort(names, group->member_count, sizeof *names, by_text);
        return names;
}

/* Both sorted: the names of one that the other has not. */
static json_t *members_without(const char *const *of, uint32_t count, const char *const *without, uint32_t without_count) {
        json_t *names = json_array();
        uint32_t k = 0;
        for (uint32_t i = 0; names && i < count; i++) {
                while (k < without_count && strcmp(without[k], of[i]) < 0)
                        k++;
                if (k == without_count || strcmp(without[k], of[i]) != 0)
                        (void)json_array_append_new(names, text_of(of[i], (uint32_t)strlen(of[i])));
        }
        return names;
}

static void compare_members(json_t *fields, const struct view_group *a, const struct view_group *b) {
        _cleanup_free_ const char **x = sorted_members(a), **y = sorted_members(b);
        if (!x || !y)
                return;
        json_t *gone = members_without(x, a->member_count, y, b->member_count), *come = members_without(y, b->member_count, x, a->member_count);
        if (json_array_size(gone) + json_array_size(come) > 0)
                add_field(fields, "members", gone, come);
        else {
                json_decref(gone);
                json_decref(come);
        }
}

static json_t *compare_groups(const struct view_group *a, const struct view_group *b) {
        json_t *fields = json_array();
        if (!fields)
                return NULL;
        compare_text(fields, "name", a->name, a->name_len, b->name, b->name_len);
        compare_number(fields, "gid", a->gid, b->gid);
        if (a->members_len != b->members_len || (a->members_len > 0 && memcmp(a->members, b->members, a->members_len) != 0))
                compare_members(fields, a, b);
        return fields;
}

static json_t *diff_groups(const struct pair *pair) {
        json_t *part = new_part();
        struct view_group a, b;
        for (uint32_t i = 0; part && i < view_group_count(pair->from); i++)
                if (view_group_at(pair->from, i, &a) == VIEW_FOUND && view_group_by_name(pair->to, a.name, &b) != VIEW_FOUND)
                        (void)json_array_append_new(json_object_get(part, "removed"), text_of(a.name, a.name_len));
        for (uint32_t i = 0; part && i < view_group_count(pair->to); i++) {
                if (view_group_at(pair->to, i, &b) != VIEW_FOUND)
                        continue;
                if (view_group_by_name(pair->from, b.name, &a) != VIEW_FOUND)
                        (void)json_array_append_new(json_object_get(part, "added"), text_of(b.name, b.name_len));
                else
                        note_changed(part, b.name, b.name_len, compare_groups(&a, &b));
        }
        return part;
}

static json_t *open_number(const struct ctl *ctl, const char *text, struct view *view, int *exit) {
        uint64_t number;
        if (text_to_u64(text, INT64_MAX, &number) < 0)
                return ctl_error(exit, EXIT_USAGE, "usage", "\"%s\" is no view's number; see view list", text);
        int r = views_open(ctl, number, view);
        if (r == -ENOENT)
                return ctl_error(exit, EXIT_NOT_FOUND, "view-not-found", "view %s is not kept; see view list", text);
        return r < 0 ? ctl_error(exit, EXIT_UNAVAILABLE, "unavailable", "view %s: %s", text, strerror(-r)) : NULL;
}

/* The newest kept view that is older than the other. */
static json_t *open_before(const struct ctl *ctl, const struct view *other, struct view *view, int *exit) {
        _cleanup_free_ uint64_t *list = NULL;
        size_t count = 0;
        int r = views_list(ctl, &list, &count);
        for (size_t i = count; r == 0 && i-- > 0;)
                if (list[i] < view_generation(other) && views_open(ctl, list[i], view) == 0)
                        return NULL;
        return ctl_error(exit, EXIT_NOT_FOUND, "view-not-found", "no view before view %ju is kept; see view list", (uintmax_t)view_generation(other));
}

static json_t *diff(const struct view *from, const struct view *to, int *exit) {
        struct pair pair = { from, to };
        json_t *users = diff_users(&pair), *groups = diff_groups(&pair);
        *exit = EXIT_DONE;
        return json_pack("{s:I, s:I, s:o, s:o}", "from", (json_int_t)view_generation(from), "to", (json_int_t)view_generation(to), "users", users, "groups", groups);
}

json_t *view_diff_run(struct ctl *ctl, const json_t *fields, int *exit) {
        const char *a = ctl_field(fields, "from"), *b = ctl_field(fields, "to");
        struct view from = { 0 }, to = { 0 };
        json_t *error = NULL;
        int r = b ? 0 : views_open_current(ctl, &to);
        if (b)
                error = open_number(ctl, b, &to, exit);
        else if (r < 0)
                error = ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "there is no view to read (" VIEW_PATH ": %s)", strerror(-r));
        if (!error)
                error = a ? open_number(ctl, a, &from, exit) : open_before(ctl, &to, &from, exit);
        json_t *object = error ? error : diff(&from, &to, exit);
        if (from.base)
                view_close(&from);
        if (to.base)
                view_close(&to);
        return object;
}
