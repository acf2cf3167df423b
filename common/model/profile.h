/* What a server says of one user, beside whose password it is: what a delegated directory copies on a login (D3).
 * Relies on: nothing.
 * Must never: hold a password, or a text that was cut. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PROFILE_TEXT_MAX 255
#define PROFILE_GROUPS_TEXT_MAX 32767 /* about 500 groups */

/* "" and 0: the server does not say, or says more than fits. As the server has it, unchecked. */
struct user_profile {
        char name[PROFILE_TEXT_MAX + 1], display_name[PROFILE_TEXT_MAX + 1], email[PROFILE_TEXT_MAX + 1];
        char home[PROFILE_TEXT_MAX + 1], shell[PROFILE_TEXT_MAX + 1];
        uint32_t uid, gid;
        bool has_groups;                 /* they were asked for, and all came */
        char groups[PROFILE_GROUPS_TEXT_MAX + 1]; /* three lines a group: the immutable id, the gid (0: none), the name */
};
