/* The nesting of one directory; see membership.h.
 * Relies on: model/replica (edges in range, no self-edges).
 * Must never: recurse, or keep an answer per group that grows with the square of the groups: ABOVE_MAX bounds what is kept.
 *
 * Groups are condensed into components (Tarjan, iterative): a component is a cycle, or one group. They are numbered so that whatever is above a
 * component has a lower number. For each, from the top down, the list of all groups above is kept as long as there is room; the others are
 * walked when asked, down to where lists are kept. */
#include "rules/membership.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rules/sort.h"

#define NONE UINT32_MAX
#define ABOVE_MAX ((size_t)1 << 23) /* entries, 32 MiB */

struct closure {
        uint32_t group_count, count;       /* count: components */
        uint32_t *component;               /* of each group; NONE: grants nothing */
        uint32_t *first_member, *members;  /* the groups of each component, ascending */
        size_t *first_parent;
        uint32_t *parents;                 /* the components right above, descending, each once */
        size_t *first_above;
        uint32_t *above;                   /* all groups of the component and above it; empty: not kept */
        size_t above_size;
};

void closure_free(struct closure *closure) {
        if (!closure)
                return;
        free(closure->component);
        free(closure->first_member);
        free(closure->members);
        free(closure->first_parent);
        free(closure->parents);
        free(closure->first_above);
        free(closure->above);
        free(closure);
}
DEFINE_CLEANUP(struct closure *, closure_free)

static bool grants(const struct replica_group *group, const struct directory_settings *directory) {
        return !group->ambiguous && (group->active || !directory->ignore_inactive_groups);
}

/* The edges child -> parent between groups that grant, as a table by child. */
struct nesting { size_t *first; uint32_t *parents; };

static void nesting_done(struct nesting *nesting) {
        free(nesting->first);
        free(nesting->parents);
}

static int nesting_init(struct nesting *nesting, const struct replica *replica, const struct directory_settings *directory) {
        size_t edges = directory->nested_groups ? replica->group_edge_count : 0;
        nesting->first = calloc((size_t)replica->group_count + 2, sizeof *nesting->first);
        nesting->parents = calloc(edges + 1, sizeof *nesting->parents);
        if (!nesting->first || !nesting->parents)
                return -ENOMEM;
        /* Counted one place further up, so that filling leaves each offset where it belongs. */
        size_t *next = nesting->first + 1;
        for (int pass = 0; pass < 2; pass++) {
                for (size_t i = 0; i < edges; i++) {
                        const struct replica_edge *edge = &replica->group_edges[i];
                        if (!grants(&replica->groups[edge->member], directory) || !grants(&replica->groups[edge->group], directory))
                                continue;
                        if (pass == 0)
                                next[edge->member + 1]++;
                        else
                                nesting->parents[next[edge->member]++] = edge->group;
                }
                for (uint32_t g = 0; pass == 0 && g < replica->group_count; g++)
                        next[g + 1] += next[g];
        }
        return 0;
}

/* What Tarjan's algorithm remembers; `open` is its stack of groups whose component is not known yet, `path` stands for the recursion. */
struct search {
        const struct nesting *nesting;
        struct closure *closure;
        uint32_t *order, *low;  /* order 0: not reached yet */
        uint32_t *open, *path;
        size_t *edge;           /* per group: the next edge to follow */
        uint32_t open_count, path_count, reached;
};

static void search_done(struct search *search) {
        free(search->order);
        free(search->low);
        free(search->open);
        free(search->path);
        free(search->edge);
}

static int search_init(struct search *search, const struct nesting *nesting, struct closure *closure) {
        size_t room = (size_t)closure->group_count + 1;
        *search = (struct search){
                .nesting = nesting, .closure = closure,
                .order = calloc(room, sizeof *search->order), .low = calloc(room, sizeof *search->low),
                .open = calloc(room, sizeof *search->open), .path = calloc(room, sizeof *search->path),
                .edge = calloc(room, sizeof *search->edge),
        };
        return search->order && search->low && search->open && search->path && search->edge ? 0 : -ENOMEM;
}

static void enter(struct search *search, uint32_t group) {
        search->order[group] = search->low[group] = ++search->reached;
        search->edge[group] = search->nesting->first[group];
        search->open[search->open_count++] = group;
        search->path[search->path_count++] = group;
}

/* The end of a group's edges: closes its component if it is the component's root, and hands its low mark to the group below it. */
static void leave(struct search *search, uint32_t group) {
        struct closure *closure = search->closure;
        search->path_count--;
        if (search->low[group] == search->order[group]) {
                uint32_t member;
                do {
                        member = search->open[--search->open_count];
                        closure->component[member] = closure->count;
                } while (member != group);
                closure->count++;
        }
        if (search->path_count > 0) {
                uint32_t from = search->path[search->path_count - 1];
                if (search->low[group] < search->low[from])
                        search->low[from] = search->low[group];
        }
}

static void search_from(struct search *search, uint32_t start) {
        const struct nesting *nesting = search->nesting;
        enter(search, start);
        while (search->path_count > 0) {
                uint32_t group = search->path[search->path_count - 1];
                if (search->edge[group] == nesting->first[group + 1]) {
                        leave(search, group);
                        continue;
                }
                uint32_t parent = nesting->parents[search->edge[group]++];
                if (search->order[parent] == 0)
                        enter(search, parent);
                else if (search->closure->component[parent] == NONE && search->order[parent] < search->low[group])
                        search->low[group] = search->order[parent];
        }
}

static int condense(struct closure *closure, const struct replica *replica, const struct directory_settings *directory,
                    const struct nesting *nesting) {
        _cleanup_(search_done) struct search search;
        int r = search_init(&search, nesting, closure);
        if (r < 0)
                return r;
        for (uint32_t g = 0; g < closure->group_count; g++)
                closure->component[g] = NONE;
        for (uint32_t g = 0; g < closure->group_count; g++)
                if (search.order[g] == 0 && grants(&replica->groups[g], directory))
                        search_from(&search, g);
        return 0;
}

/* The groups of each component, ascending because they are met ascending. */
static int list_members(struct closure *closure) {
        closure->first_member = calloc((size_t)closure->count + 2, sizeof *closure->first_member);
        closure->members = calloc((size_t)closure->group_count + 1, sizeof *closure->members);
        if (!closure->first_member || !closure->members)
                return -ENOMEM;
        uint32_t *next = closure->first_member + 1;
        for (uint32_t g = 0; g < closure->group_count; g++)
                if (closure->component[g] != NONE)
                        next[closure->component[g] + 1]++;
        for (uint32_t c = 0; c < closure->count; c++)
                next[c + 1] += next[c];
        for (uint32_t g = 0; g < closure->group_count; g++)
                if (closure->component[g] != NONE)
                        closure->members[next[closure->component[g]]++] = g;
        return 0;
}

/* The components right above each, descending: the nearest first, which mostly have all the others above them. */
static int list_parents(struct closure *closure, const struct nesting *nesting) {
        size_t filled = 0;
        closure->first_parent = calloc((size_t)closure->count + 1, sizeof *closure->first_parent);
        closure->parents = calloc(nesting->first[closure->group_count] + 1, sizeof *closure->parents);
        if (!closure->first_parent || !closure->parents)
                return -ENOMEM;
        for (uint32_t c = 0; c < closure->count; c++) {
                uint32_t *list = closure->parents + filled;
                size_t n = 0, kept = 0;
                for (uint32_t m = closure->first_member[c]; m < closure->first_member[c + 1]; m++) {
                        uint32_t group = closure->members[m];
                        for (size_t e = nesting->first[group]; e < nesting->first[group + 1]; e++)
                                if (closure->component[nesting->parents[e]] != c)
                                        list[n++] = closure->component[nesting->parents[e]];
                }
                sort_u32(list, n);
                for (size_t i = 0; i < n; i++)
                        if (i == 0 || list[i] != list[i - 1])
                                list[kept++] = list[i];
                for (size_t i = 0; i < kept / 2; i++) {
                        uint32_t swapped = list[i];
                        list[i] = list[kept - 1 - i];
                        list[kept - 1 - i] = swapped;
                }
                filled += kept;
                closure->first_parent[c + 1] = filled;
        }
        return 0;
}

static bool is_kept(const struct closure *closure, uint32_t component) {
        return closure->first_above[component] < closure->first_above[component + 1];
}

/* Adds what the component is and has above it, as far as it is kept, to out; n: how many are there. Returns how many are then.
 * A component whose first group is marked was added before, and with a kept one all above it. */
static size_t add_component(const struct closure *closure, uint32_t component, uint32_t *marks, uint32_t mark, uint32_t *out, size_t n) {
        if (component == NONE || marks[closure->members[closure->first_member[component]]] == mark)
                return n;
        bool kept = is_kept(closure, component);
        const uint32_t *list = kept ? closure->above + closure->first_above[component] : closure->members + closure->first_member[component];
        size_t count = kept ? closure->first_above[component + 1] - closure->first_above[component]
                            : closure->first_member[component + 1] - closure->first_member[component];
        for (size_t i = 0; i < count; i++)
                if (marks[list[i]] != mark) {
                        marks[list[i]] = mark;
                        out[n++] = list[i];
                }
        return n;
}

static size_t add_parents(const struct closure *closure, uint32_t component, uint32_t *marks, uint32_t mark, uint32_t *out, size_t n) {
        for (size_t i = closure->first_parent[component]; i < closure->first_parent[component + 1]; i++)
                n = add_component(closure, closure->parents[i], marks, mark, out, n);
        return n;
}

/* Keeps the lists from the top down until there is no more room. Above a kept component all are kept: they have lower numbers. */
static int keep_above(struct closure *closure, size_t room) {
        _cleanup_free_ uint32_t *marks = calloc((size_t)closure->group_count + 1, sizeof *marks);
        closure->first_above = calloc((size_t)closure->count + 1, sizeof *closure->first_above);
        if (!marks || !closure->first_above)
                return -ENOMEM;
        size_t used = 0;
        bool full = false;
        for (uint32_t c = 0; c < closure->count; c++) {
                closure->first_above[c] = closure->first_above[c + 1] = used;
                if (full)
                        continue;
                if (closure->above_size - used < closure->group_count) {
                        size_t bigger = (closure->above_size + closure->group_count) * 2;
                        uint32_t *moved = realloc(closure->above, bigger * sizeof *moved);
                        if (!moved)
                                return -ENOMEM;
                        closure->above = moved;
                        closure->above_size = bigger;
                }
                size_t n = add_component(closure, c, marks, c + 1, closure->above + used, 0);
                n = add_parents(closure, c, marks, c + 1, closure->above + used, n);
                full = used + n > room;
                if (!full)
                        used += n;
                closure->first_above[c + 1] = used;
        }
        return 0;
}

int closure_new_bounded(const struct replica *replica, const struct directory_settings *directory, size_t room, struct closure **closure) {
        _cleanup_(nesting_done) struct nesting nesting = { 0 };
        _cleanup_(closure_freep) struct closure *c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        c->group_count = replica->group_count;
        c->component = calloc((size_t)replica->group_count + 1, sizeof *c->component);
        if (!c->component)
                return -ENOMEM;
        int r = nesting_init(&nesting, replica, directory);
        if (r == 0)
                r = condense(c, replica, directory, &nesting);
        if (r == 0)
                r = list_members(c);
        if (r == 0)
                r = list_parents(c, &nesting);
        if (r == 0)
                r = keep_above(c, room);
        if (r == 0)
                *closure = TAKE_PTR(c);
        return r;
}

int closure_new(const struct replica *replica, const struct directory_settings *directory, struct closure **closure) {
        return closure_new_bounded(replica, directory, ABOVE_MAX, closure);
}

void closure_below(const struct closure *closure, uint32_t group, bool *below) {
        uint32_t top = closure->component[group];
        memset(below, 0, closure->group_count * sizeof *below);
        for (uint32_t c = top; c != NONE && c < closure->count; c++) {
                bool is_below = c == top;
                for (size_t i = closure->first_parent[c]; i < closure->first_parent[c + 1] && !is_below; i++)
                        is_below = below[closure->members[closure->first_member[closure->parents[i]]]];
                for (uint32_t m = closure->first_member[c]; is_below && m < closure->first_member[c + 1]; m++)
                        below[closure->members[m]] = true;
        }
}

int closure_is_above(const struct closure *closure, uint32_t group, uint32_t upper) {
        _cleanup_free_ bool *below = calloc((size_t)closure->group_count + 1, sizeof *below);
        if (!below)
                return -ENOMEM;
        closure_below(closure, upper, below);
        return below[group];
}

size_t membership_in_directory(const struct closure *closure, const uint32_t *direct, size_t direct_count, uint32_t *scratch, uint32_t stamp,
                               uint32_t *out) {
        size_t n = 0;
        for (size_t i = 0; i < direct_count; i++)
                n = add_component(closure, closure->component[direct[i]], scratch, stamp, out, n);
        /* out is the queue of what is still to be walked; each component once, at its first group. */
        for (size_t i = 0; i < n; i++) {
                uint32_t component = closure->component[out[i]];
                if (!is_kept(closure, component) && closure->members[closure->first_member[component]] == out[i])
                        n = add_parents(closure, component, scratch, stamp, out, n);
        }
        if (n < closure->group_count / 16) {
                sort_u32(out, n);
                return n;
        }
        n = 0;
        for (uint32_t g = 0; g < closure->group_count; g++)
                if (scratch[g] == stamp)
                        out[n++] = g;
        return n;
}
