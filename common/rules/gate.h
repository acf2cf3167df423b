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
