/* The gate; see gate.h.
 * Relies on: model/name, model/replica.
 * Must never: match a group that cannot be told from another (N2) or whose name is refused (N3). */
#include "rules/gate.h"

#include <string.h>

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
