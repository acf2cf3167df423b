/* The local account files; see local.h.
 * Relies on: base/arena, base/name_map.
 * Must never: be laxer than libc: whatever libc takes for an account is one here. */
#include "model/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"

struct id_span { uint32_t first, last; }; /* inclusive */
struct id_spans { struct id_span *items; size_t count, size; };

struct local_accounts {
        struct arena arena;                     /* of the names */
        struct name_map names, users, groups;   /* both files; /etc/passwd; /etc/group -> index into group_ids */
        const char **group_names;               /* by index of groups, as spelt: the look-up for local_groups is exact */
        uint32_t *group_ids;
        uint32_t group_count, group_size;
        struct id_spans ids, subids;            /* sorted */
};

DEFINE_CLEANUP(struct local_accounts *, local_accounts_free)

void local_accounts_free(struct local_accounts *accounts) {
        if (!accounts)
                return;
        name_map_done(&accounts->names);
        name_map_done(&accounts->users);
        name_map_done(&accounts->groups);
        free(accounts->group_names);
        free(accounts->group_ids);
        free(accounts->ids.items);
        free(accounts->subids.items);
        arena_done(&accounts->arena);
        free(accounts);
}

static int spans_add(struct id_spans *spans, uint32_t first, uint32_t last) {
        if (spans->count == spans->size) {
                size_t size = spans->size ? spans->size * 2 : 64;
                struct id_span *items = reallocarray(spans->items, size, sizeof *items);
                if (!items)
                        return -ENOMEM;
                spans->items = items;
                spans->size = size;
        }
        spans->items[spans->count++] = (struct id_span){ first, last };
        return 0;
}

static int span_order(const void *a, const void *b) {
        const struct id_span *x = a, *y = b;
        return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted and merged, so that one halving search answers. */
static void spans_sort(struct id_spans *spans) {
        size_t kept = 0;
        if (spans->count == 0)
                return;
        qsort(spans->items, spans->count, sizeof *spans->items, span_order);
        for (size_t i = 1; i < spans->count; i++) {
                struct id_span *last = &spans->items[kept];
                if (spans->items[i].first > last->last)
                        spans->items[++kept] = spans->items[i];
                else if (spans->items[i].last > last->last)
                        last->last = spans->items[i].last;
        }
        spans->count = kept + 1;
}

static bool spans_have(const struct id_spans *spans, uint32_t id) {
        size_t low = 0, high = spans->count;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (id < spans->items[middle].first)
                        high = middle;
                else if (id > spans->items[middle].last)
                        low = middle + 1;
                else
                        return true;
        }
        return false;
}

enum { FIELDS = 4 };

/* The next line cut at ':' into up to FIELDS fields in place; false at the end. Blank lines and comments give count 0. */
static bool next_line(char **rest, char *fields[FIELDS], size_t *count) {
        char *line = *rest;
        if (!line || !*line)
                return false;
        char *end = strchr(line, '\n');
        *rest = end ? end + 1 : NULL;
        if (end)
                *end = 0;
        line += strspn(line, " \t\r\f\v"); /* libc skips them too */
        *count = 0;
        if (*line == 0 || *line == '#')
                return true;
        while (*count < FIELDS) {
                fields[(*count)++] = line;
                char *colon = strchr(line, ':');
                if (!colon)
                        break;
                *colon = 0;
                line = colon + 1;
        }
        return true;
}

/* As glibc reads ids: whatever strtoul takes up to the end of the field, cut to 32 bits. */
static bool field_id(const char *field, uint32_t *id) {
        char *end;
        unsigned long value = strtoul(field, &end, 10);
        if (end == field || *end != 0)
                return false;
        *id = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
        return true;
}

static int add_name(struct local_accounts *accounts, struct name_map *map, const char *name, uint32_t value) {
        char *copy = arena_strdup(&accounts->arena, name);
        if (!copy)
                return -ENOMEM;
        int r = name_map_add(&accounts->names, copy, 0);
        if (r == 0 || r == -EEXIST)
                r = name_map_add(map, copy, value);
        return r == -EEXIST ? 0 : r;
}

static int read_passwd(struct local_accounts *accounts, char *text) {
        char *fields[FIELDS] = { 0 };
        size_t count;
        int r = 0;
        while (r == 0 && next_line(&text, fields, &count)) {
                uint32_t uid, gid;
                /* "+" and "-" lines are NIS compatibility, no accounts. */
                if (count < 4 || !fields[0][0] || strchr("+-", fields[0][0]) || !field_id(fields[2], &uid) || !field_id(fields[3], &gid))
                        continue;
                r = add_name(accounts, &accounts->users, fields[0], 0);
                if (r == 0)
                        r = spans_add(&accounts->ids, uid, uid);
                /* A primary gid without a line in /etc/group is a local id all the same: a published group of that number would be given to
                 * that user. */
                if (r == 0)
                        r = spans_add(&accounts->ids, gid, gid);
        }
        return r;
}

static int add_group(struct local_accounts *accounts, const char *name, uint32_t gid) {
        if (accounts->group_count == accounts->group_size) {
                uint32_t size = accounts->group_size ? accounts->group_size * 2 : 64;
                const char **names = reallocarray(accounts->group_names, size, sizeof *names);
                if (!names)
                        return -ENOMEM;
                accounts->group_names = names;
                uint32_t *ids = reallocarray(accounts->group_ids, size, sizeof *ids);
                if (!ids)
                        return -ENOMEM;
                accounts->group_ids = ids;
                accounts->group_size = size;
        }
        char *copy = arena_strdup(&accounts->arena, name);
        if (!copy)
                return -ENOMEM;
        accounts->group_names[accounts->group_count] = copy;
        accounts->group_ids[accounts->group_count] = gid;
        accounts->group_count++;
        return add_name(accounts, &accounts->groups, name, accounts->group_count - 1);
}

static int read_group(struct local_accounts *accounts, char *text) {
        char *fields[FIELDS] = { 0 };
        size_t count;
        int r = 0;
        while (r == 0 && next_line(&text, fields, &count)) {
                uint32_t gid;
                if (count < 3 || !fields[0][0] || strchr("+-", fields[0][0]) || !field_id(fields[2], &gid))
                        continue;
                r = add_group(accounts, fields[0], gid);
                if (r == 0)
                        r = spans_add(&accounts->ids, gid, gid);
        }
        return r;
}

static int read_subids(struct local_accounts *accounts, char *text) {
        char *fields[FIELDS] = { 0 };
        size_t count;
        int r = 0;
        while (r == 0 && next_line(&text, fields, &count)) {
                uint32_t first, number;
                if (count < 3 || !field_id(fields[1], &first) || !field_id(fields[2], &number) || number == 0)
                        continue;
                uint32_t last = number - 1 > UINT32_MAX - first ? UINT32_MAX : first + (number - 1);
                r = spans_add(&accounts->subids, first, last);
        }
        return r;
}

/* Runs one of the readers over a copy of the text, which it may cut up. */
static int read_copy(struct local_accounts *accounts, const char *text, int (*reader)(struct local_accounts *, char *)) {
        if (!text)
                return 0;
        _cleanup_free_ char *copy = strdup(text);
        return copy ? reader(accounts, copy) : -ENOMEM;
}

int local_accounts_new(const char *passwd, const char *group, const char *subuid, const char *subgid, struct local_accounts **accounts) {
        _cleanup_(local_accounts_freep) struct local_accounts *made = calloc(1, sizeof *made);
        if (!made)
                return -ENOMEM;
        int r = read_copy(made, passwd, read_passwd);
        if (r == 0)
                r = read_copy(made, group, read_group);
        if (r == 0)
                r = read_copy(made, subuid, read_subids);
        if (r == 0)
                r = read_copy(made, subgid, read_subids);
        if (r < 0)
                return r;
        spans_sort(&made->ids);
        spans_sort(&made->subids);
        *accounts = TAKE_PTR(made);
        return 0;
}

bool local_accounts_has_name(const struct local_accounts *accounts, const char *name) {
        return name_map_get(&accounts->names, name) != NAME_MAP_NONE;
}

bool local_accounts_has_user(const struct local_accounts *accounts, const char *name) {
        return name_map_get(&accounts->users, name) != NAME_MAP_NONE;
}

bool local_accounts_has_id(const struct local_accounts *accounts, uint32_t id) {
        return spans_have(&accounts->ids, id);
}

bool local_accounts_in_subids(const struct local_accounts *accounts, uint32_t id) {
        return spans_have(&accounts->subids, id);
}

bool local_accounts_group_id(const struct local_accounts *accounts, const char *group, uint32_t *gid) {
        /* Exact, not folded: two local groups may differ in case only. */
        for (uint32_t i = 0; i < accounts->group_count; i++)
                if (strcmp(accounts->group_names[i], group) == 0) {
                        *gid = accounts->group_ids[i];
                        return true;
                }
        return false;
}
