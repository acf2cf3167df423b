/* What authenticate leaves for the account phase of the same handle, kept by user: sudo changes PAM_USER in mid-conversation.
 * Relies on: pam_set_data.
 * Must never: hold a password, or be found under another user's name. */
#pragma once

#include <stdbool.h>

#include <security/pam_modules.h>

#include "wire/message.h"

struct state {
        bool must_change;                        /* L7 */
        char directory[WIRE_NAME_MAX + 1];       /* the entry whose password was right (L12) */
        char entry_id[WIRE_NAME_MAX + 1];
        char text[WIRE_TEXT_MAX + 1];            /* for the user, shown once */
};

/* The user's record, or NULL. user: the published spelling. Owned by the handle, valid until the next state_set of this user or pam_end; may be
 * changed in place. */
struct state *state_get(pam_handle_t *pamh, const char *user);

/* Replaces the user's record by a copy of *state; NULL: by none. 0 or a negative errno (-ENOMEM, -EIO); on failure the user may have none. */
int state_set(pam_handle_t *pamh, const char *user, const struct state *state);
