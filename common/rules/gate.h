/* The gate (rule L4): whether the owner's mapping lets a user in.
 * Relies on: rules/membership.
 * Must never: look at another directory than the owner, or at the membership scheme. */
#pragma once

#include <stdbool.h>

#include "base/reason.h"
#include "rules/membership.h"

/* Marks, per group of the owner's replica, whether it is one of the mapping's allow_groups (names in any case, N1; refused names N3 and
 * ambiguous groups never match). gate has group_count entries. */
void gate_groups(const struct mapping_settings *mapping, const struct replica *replica, bool *gate);

/* groups: all groups of the user in the owner directory, direct and nested. REASON_OK or REASON_NO_ACCESS. */
enum reason gate_check(const struct mapping_settings *mapping, const bool *gate, const uint32_t *groups, size_t count);

/* What a configuration says of its gates, as one number: of every mapping of every application whom it lets in, and of its directory what its groups
 * grant (M1, M6). Two configurations with the same one let the same people in, as long as the directories say the same. Never 0, which is for "not known". */
uint64_t gate_digest(const struct settings *settings);
