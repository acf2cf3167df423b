/* A map from folded names to small numbers (indexes of users, groups, directories).
 * Relies on: the seeded hash of base/hash.h. Keys are kept by reference and compared after ASCII folding (N1).
 * Must never: be used in a shim. */
#pragma once

#include <stdint.h>

#define NAME_MAP_NONE UINT32_MAX

struct name_map_slot {
        const char *name; /* NULL: free */
        uint32_t hash, value;
};

/* Zeroed memory is an empty map. */
struct name_map {
        struct name_map_slot *slots;
        uint32_t used, size; /* size: a power of two, or 0 */
};

/* Frees it; zeroed memory is fine. The names are not its own. */
void name_map_done(struct name_map *map);

/* Room for that many names without growing. 0 or -ENOMEM. */
int name_map_reserve(struct name_map *map, uint32_t names);

/* Adds name -> value (value < NAME_MAP_NONE). name must outlive the map.
 * Returns 0, -EEXIST when a name that folds to the same is there (the map is unchanged), -ENOMEM. */
int name_map_add(struct name_map *map, const char *name, uint32_t value);

/* Takes a name out, in any case; nothing where it is absent. */
void name_map_remove(struct name_map *map, const char *name);

/* The value of name, in any case; NAME_MAP_NONE if absent. */
uint32_t name_map_get(const struct name_map *map, const char *name);
