/* The judging half of the script language of compile_world.h: a view and a result against what a line says.
 * Relies on: view/reader.
 * Must never: be linked into the product. */
#pragma once

#include "model/local.h"
#include "view/compile.h"
#include "view/reader.h"

struct row_wish { enum name_kind kind; const char *name, *directory, *reason, *winner; }; /* NULL: any */

/* Whether the words hold; said tells what is there instead. */
bool check_user(const struct view *view, char **words, size_t count, char *said, size_t size);
bool check_group(const struct view *view, char **words, size_t count, char *said, size_t size);
bool check_access(const struct view *view, char **words, size_t count, char *said, size_t size);
bool check_row(const struct settings *settings, const struct compile_result *result, const struct row_wish *wish);

/* What must hold of any view: M5 (two readings of one relation), I4 (ids are injective both ways), N4 and I3 (no local name or id, nothing low),
 * N1 (found in any case). NULL, or what does not hold. */
const char *check_any_view(const struct view *view, const struct local_accounts *local);

/* The names of the user's listed groups, in folded order, comma-separated, into out. */
void check_groups_text(const struct view *view, const struct view_user *user, char *out, size_t size);
void check_members_text(const struct view_group *group, char *out, size_t size);
