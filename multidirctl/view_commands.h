/* The kept views of this host, found and opened.
 * Relies on: view/reader.
 * Must never: write; need more rights than reading /var/lib/multidir. */
#pragma once

#include "multidirctl/ctl.h"
#include "view/reader.h"

#define VIEWS_FOLDER "/var/lib/multidir/views"

/* Numbers of the views in the folder, ascending; malloc'ed. 0 or a negative errno. */
int views_list(const struct ctl *ctl, uint64_t **generations, size_t *count);
/* Opens one of them; the caller closes it with view_close. Errors as view_open. */
int views_open(const struct ctl *ctl, uint64_t generation, struct view *view);
/* The current one. */
int views_open_current(const struct ctl *ctl, struct view *view);
