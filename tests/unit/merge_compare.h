/* Whether two builds say the same, whatever the order of users and members.
 * Relies on: view/reader.
 * Must never: be linked into the product. */
#pragma once

#include "model/registry.h"
#include "model/replica.h"
#include "view/compile.h"
#include "view/reader.h"

/* NULL, or what differs. */
const char *compare_views(const struct view *a, const struct view *b);
const char *compare_rows(const struct compile_result *a, const struct compile_result *b);
const char *compare_pending(const struct registry *a, const struct registry *b);
const char *compare_replicas(const struct replica *a, const struct replica *b);
