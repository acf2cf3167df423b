/* A map from folded names to small numbers; see name_map.h. */
#include "base/name_map.h"

#include <errno.h>

#include "base/bulk.h"
#include "base/hash.h"
#include "base/text.h"

void name_map_done(struct name_map *map) {
        bulk_free(map->slots, map->size * sizeof *map->slots);
        *map = (struct name_map){ 0 };
}

/* Byte-wise over the folded name: names are short, and this needs no copy. */
static uint32_t name_hash(const char *name) {
        uint64_t h = HASH_K0;
        for (; *name; name++)
                h = (h ^ (unsigned char)text_fold_byte(*name)) * HASH_K1;
        return (uint32_t)(hash_mix(h, HASH_K2) >> 16);
}

static struct name_map_slot *find(const struct name_map *map, const char *name, uint32_t hash) {
        uint32_t mask = map->size - 1;
        for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
                struct name_map_slot *slot = &map->slots[i];
                if (!slot->name || (slot->hash == hash && text_same_name(slot->name, name)))
                        return slot;
        }
}

static int resize(struct name_map *map, uint32_t size) {
        struct name_map bigger = { .size = size };
        bigger.slots = bulk_alloc(size * sizeof *bigger.slots);
        if (!bigger.slots)
                return -ENOMEM;
        for (uint32_t i = 0; i < map->size; i++)
                if (map->slots[i].name)
                        *find(&bigger, map->slots[i].name, map->slots[i].hash) = map->slots[i];
        bigger.used = map->used;
        bulk_free(map->slots, map->size * sizeof *map->slots);
        *map = bigger;
        return 0;
}

int name_map_reserve(struct name_map *map, uint32_t names) {
        uint32_t size = 16;
        if (names > UINT32_MAX / 4)
                return -ENOMEM;
        while (size < names * 2)
                size *= 2;
        return size > map->size ? resize(map, size) : 0;
}

int name_map_add(struct name_map *map, const char *name, uint32_t value) {
        if (map->used >= map->size / 2) {
                int r = name_map_reserve(map, map->used + 1 > 8 ? map->used * 2 : 8);
                if (r < 0)
                        return r;
        }
        uint32_t hash = name_hash(name);
        struct name_map_slot *slot = find(map, name, hash);
        if (slot->name)
                return -EEXIST;
        *slot = (struct name_map_slot){ .name = name, .hash = hash, .value = value };
        map->used++;
        return 0;
}

void name_map_remove(struct name_map *map, const char *name) {
        if (map->size == 0)
                return;
        struct name_map_slot *gap = find(map, name, name_hash(name));
        uint32_t mask = map->size - 1, at = (uint32_t)(gap - map->slots);
        if (!gap->name)
                return;
        map->used--;
        /* What had to pass the gap on its way moves up, or would not be found any more. */
        for (uint32_t i = (at + 1) & mask; map->slots[i].name; i = (i + 1) & mask) {
                uint32_t home = map->slots[i].hash & mask;
                if (((i - home) & mask) < ((i - at) & mask))
                        continue;
                map->slots[at] = map->slots[i];
                at = i;
        }
        map->slots[at] = (struct name_map_slot){ 0 };
}

uint32_t name_map_get(const struct name_map *map, const char *name) {
        if (map->size == 0)
                return NAME_MAP_NONE;
        const struct name_map_slot *slot = find(map, name, name_hash(name));
        return slot->name ? slot->value : NAME_MAP_NONE;
}
