/* From the view's records to struct passwd and struct group in a caller's buffer: the size first, then the bytes.
 * Relies on: view/reader.h.
 * Must never: write outside the buffer, allocate (but for the gid array, as its contract asks), or make an NSS status. */
#pragma once

#include <grp.h>
#include <pwd.h>
#include <stddef.h>

#include "view/reader.h"

/* What a look-up came to; status_of (entry.c) alone turns it into a status. Zero is the safe answer. */
enum result {
        RESULT_UNAVAILABLE = 0,
        RESULT_FOUND,
        RESULT_NOT_FOUND,
        RESULT_TOO_SMALL, /* a larger buffer will do */
        RESULT_NO_MEMORY,
};

/* Each: RESULT_FOUND, RESULT_TOO_SMALL, or RESULT_UNAVAILABLE (a damaged member vector). *out is untouched unless found. */
enum result pack_user(const struct view_user *user, struct passwd *out, char *buffer, size_t len);
enum result pack_group(const struct view_group *group, struct group *out, char *buffer, size_t len);

/* Appends the user's gids except skip to (*gids)[*start…]; grows the array of *size entries by realloc, to at most limit (<= 0: any number);
 * what does not fit the limit is left out, as the contract of initgroups_dyn has it. RESULT_FOUND or RESULT_NO_MEMORY. */
enum result pack_gids(const struct view_user *user, gid_t skip, long *start, long *size, gid_t **gids, long limit);
