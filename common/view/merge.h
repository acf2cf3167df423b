/* A view from the last one and a build of a few of its users (compile_view with a base): everything else is copied as it lies.
 * Relies on: view/format.h, view/reader.
 * Must never: leave a header that checks out on a file that is not complete; change the last view. */
#pragma once

#include "base/name_map.h"
#include "view/reader.h"

/* base: the last view. part: all groups of the new one, and of the users just those of names, as they are to be. names: folded names that base or
 * part may have; whoever of them is not in part goes. fd: empty, open for reading and writing. 0; -EAGAIN: base has no room for it, or is no view of
 * the same groups, directories and applications: build in full; or another negative errno (-ENOMEM, -ENOSPC, …). On failure the file is of no use. */
int view_merge(const struct view *base, const struct view *part, const struct name_map *names, int fd);
