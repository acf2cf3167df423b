/* The gate; see gate.h.
 * Relies on: model/name, model/replica, base/hash.
 * Must never: match a group that cannot be told from another (N2) or whose name is refused (N3). */
#include "rules/gate.h"

#include <string.h>

#include "base/hash.h"
#include "model/name.h"

void gate_groups(const struct mapping_settings *mapping, const struct replica *replica, bool *gate) {
        memset(gate, 0, replica->group_count * sizeof *gate);
        for (size_t i = 0; i < mapping->allow_group_count; i++) {
                const char *name = mapping->allow_groups[i];
                if (name_check(NAME_OF_GROUP, name, NULL) != REASON_OK)
                        continue;
                uint32_t group = replica_find_group(replica, name);
                if (group != REPLICA_NONE && !replica->groups[group].ambiguous)
                        gate[group] = true;
        }
}

enum reason gate_check(const struct mapping_settings *mapping, const bool *gate, const uint32_t *groups, size_t count) {
        if (mapping->allow_all)
                return REASON_OK;
        for (size_t i = 0; i < count; i++)
                if (gate[groups[i]])
                        return REASON_OK;
        return REASON_NO_ACCESS;
}

static uint64_t add_text(uint64_t digest, const char *text) {
        return hash_bytes(text, strlen(text), digest);
}

static uint64_t add_mapping(uint64_t digest, const struct directory_settings *directory, const struct mapping_settings *mapping) {
        digest = hash_u64((uint64_t)directory->type << 8 | (uint64_t)directory->active << 3 | (uint64_t)directory->nested_groups << 2 |
                          (uint64_t)directory->ignore_inactive_groups << 1 | (uint64_t)mapping->allow_all, add_text(digest, directory->name));
        digest = hash_u64(mapping->allow_group_count, digest);
        for (size_t i = 0; i < mapping->allow_group_count; i++)
                digest = add_text(digest, mapping->allow_groups[i]);
        return digest;
}

uint64_t gate_digest(const struct settings *settings) {
        uint64_t digest = 1;
        for (size_t a = 0; a < settings->application_count; a++) {
                const struct application_settings *application = &settings->applications[a];
                digest = hash_u64(application->mapping_count, add_text(digest, application->name));
                for (size_t i = 0; i < application->mapping_count; i++)
                        digest = add_mapping(digest, &settings->directories[application->mappings[i].directory], &application->mappings[i]);
        }
        return digest ? digest : 1;
}
