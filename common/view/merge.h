/* A view from the last one and a build of a few of its users (compile_view with a base): everything else stays as it lies.
 * Relies on: view/format.h, view/reader, view/patch.
 * Must never: leave a header that checks out on a view that is not complete; change a file. */
#pragma once

#include "base/name_map.h"
#include "view/reader.h"

/* view: the last view, of this process alone: mapped privately from a file that stays as it is, writable, and never changed before. It becomes the new
 * one, in memory. part: all groups of the new one, and of the users just those of names, as they are to be. names: folded names that view or part may
 * have; whoever of them is not in part goes. fd: empty; gets the patch (view/patch.h) that makes the former file the new one. 0; -EAGAIN: the view has
 * no room for it, or is no view of the same groups, directories and applications: build in full; or another negative errno. On failure the view is as it
 * was, and what is in fd of no use. */
void view_merge_undo(struct view *view); /* of one that succeeded: the view is what its file is again */
int view_merge(struct view *view, const struct view *part, const struct name_map *names, int fd);
