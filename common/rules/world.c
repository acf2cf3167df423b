/* The merge over directories, for one user or group at a time; see membership.h.
 * Relies on: the closure and the table of direct groups of each directory.
 * Must never: say of a membership in one reading what it does not say in the other (M5): both walk the same sites. */
#include "rules/membership.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"

/* A growing list of names owned by the replicas. */
struct names { const char **items; size_t count, size; };

static void names_done(struct names *names) {
        free(names->items);
}

static int names_add(struct names *names, const char *name) {
        if (names->count == names->size) {
                size_t size = names->size * 2 + 16;
                const char **moved = realloc(names->items, size * sizeof *moved);
                if (!moved)
                        return -ENOMEM;
                names->items = moved;
                names->size = size;
        }
        names->items[names->count++] = name;
        return 0;
}

static int compare_items(const void *a, const void *b) {
        return text_compare_names(*(const char *const *)a, *(const char *const *)b);
}

/* Folded order, each folded name once; then out of the list. */
static void names_give(struct names *names, const char ***items, size_t *count) {
        size_t kept = 0;
        if (names->count > 0)
                qsort(names->items, names->count, sizeof *names->items, compare_items);
        for (size_t i = 0; i < names->count; i++)
                if (kept == 0 || !text_same_name(names->items[kept - 1], names->items[i]))
                        names->items[kept++] = names->items[i];
        *items = TAKE_PTR(names->items);
        *count = kept;
}

#define NO_SITE SIZE_MAX

/* The directory at a position of the order; NULL where it takes no part. *end: the order ends here, nothing below is published (D6). */
static const struct replica *site(const struct world *world, size_t position, size_t *directory, bool *end) {
        *directory = world->application->mappings[position].directory;
        const struct directory_settings *settings = &world->settings->directories[*directory];
        const struct replica *replica = settings->active ? world->replicas[*directory] : NULL;
        *end = settings->active && !replica && settings->on_unavailable == ON_UNAVAILABLE_STOP;
        return replica;
}

typedef uint32_t (*find_entry)(const struct replica *replica, const char *name);

/* The first position whose directory has the name; NO_SITE. */
static size_t owner(const struct world *world, find_entry find, const char *name, size_t *directory, uint32_t *entry) {
        bool end = false;
        for (size_t i = 0; i < world->application->mapping_count && !end; i++) {
                size_t d;
                const struct replica *replica = site(world, i, &d, &end);
                uint32_t found = replica ? find(replica, name) : REPLICA_NONE;
                if (found == REPLICA_NONE)
                        continue;
                *directory = d;
                *entry = found;
                return i;
        }
        return NO_SITE;
}

size_t world_owner_of_user(const struct world *world, const char *name, uint32_t *entry) {
        size_t directory;
        return owner(world, replica_find_user, name, &directory, entry) == NO_SITE ? SETTINGS_NONE : directory;
}

size_t world_owner_of_group(const struct world *world, const char *name, uint32_t *entry) {
        size_t directory;
        return owner(world, replica_find_group, name, &directory, entry) == NO_SITE ? SETTINGS_NONE : directory;
}

/* The owner's spelling of a group, NULL if it is not published: nobody's, or ambiguous in its owner (N2). */
static const char *published_group(const struct world *world, const char *name) {
        uint32_t entry;
        size_t directory = world_owner_of_group(world, name, &entry);
        if (directory == SETTINGS_NONE || world->replicas[directory]->groups[entry].ambiguous)
                return NULL;
        return replica_text(world->replicas[directory], world->replicas[directory]->groups[entry].name);
}

/* The same for a user, with the owner's position. */
static const char *published_user(const struct world *world, const char *name, size_t *position) {
        uint32_t entry;
        size_t directory;
        *position = owner(world, replica_find_user, name, &directory, &entry);
        if (*position == NO_SITE || world->replicas[directory]->users[entry].ambiguous)
                return NULL;
        return replica_text(world->replicas[directory], world->replicas[directory]->users[entry].name);
}

static int add_groups(const struct world *world, size_t directory, uint32_t user, struct names *names) {
        const struct replica *replica = world->replicas[directory];
        const struct direct_groups *direct = &world->direct[directory];
        _cleanup_free_ uint32_t *scratch = calloc((size_t)replica->group_count + 1, sizeof *scratch);
        _cleanup_free_ uint32_t *groups = calloc((size_t)replica->group_count + 1, sizeof *groups);
        if (!scratch || !groups)
                return -ENOMEM;
        size_t count = membership_in_directory(world->closures[directory], direct->groups + direct->first[user],
                                               direct->first[user + 1] - direct->first[user], scratch, 1, groups);
        for (size_t i = 0; i < count; i++) {
                const char *name = published_group(world, replica_text(replica, replica->groups[groups[i]].name));
                if (name && names_add(names, name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int world_groups_of_user(const struct world *world, const char *user, const char ***names, size_t *count) {
        _cleanup_(names_done) struct names list = { 0 };
        size_t owner_position;
        bool end = !published_user(world, user, &owner_position);
        for (size_t i = 0; i < world->application->mapping_count && !end; i++) {
                size_t directory;
                const struct replica *replica = site(world, i, &directory, &end);
                if (!replica || !membership_counts(world->application->membership, owner_position, i))
                        continue;
                uint32_t entry = replica_find_user(replica, user);
                if (entry != REPLICA_NONE && add_groups(world, directory, entry, &list) < 0)
                        return -ENOMEM;
        }
        names_give(&list, names, count);
        return 0;
}

static int add_members(const struct world *world, size_t position, size_t directory, uint32_t group, struct names *names) {
        const struct replica *replica = world->replicas[directory];
        const struct direct_groups *direct = &world->direct[directory];
        _cleanup_free_ bool *below = calloc((size_t)replica->group_count + 1, sizeof *below);
        if (!below)
                return -ENOMEM;
        closure_below(world->closures[directory], group, below);
        for (uint32_t u = 0; u < replica->user_count; u++) {
                size_t owner_position, i = direct->first[u];
                while (i < direct->first[u + 1] && !below[direct->groups[i]])
                        i++;
                if (i == direct->first[u + 1])
                        continue;
                const char *name = published_user(world, replica_text(replica, replica->users[u].name), &owner_position);
                if (name && membership_counts(world->application->membership, owner_position, position) && names_add(names, name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int world_members_of_group(const struct world *world, const char *group, const char ***names, size_t *count) {
        _cleanup_(names_done) struct names list = { 0 };
        bool end = !published_group(world, group);
        for (size_t i = 0; i < world->application->mapping_count && !end; i++) {
                size_t directory;
                const struct replica *replica = site(world, i, &directory, &end);
                uint32_t entry = replica ? replica_find_group(replica, group) : REPLICA_NONE;
                if (entry != REPLICA_NONE && add_members(world, i, directory, entry, &list) < 0)
                        return -ENOMEM;
        }
        names_give(&list, names, count);
        return 0;
}
