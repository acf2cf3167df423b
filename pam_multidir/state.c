/* What authenticate leaves for the account phase; see state.h. */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define KEY_SIZE (sizeof "multidir:" + WIRE_NAME_MAX)

static void make_key(char key[KEY_SIZE], const char *user) {
        (void)snprintf(key, KEY_SIZE, "multidir:%s", user);
}

static void state_free(pam_handle_t *pamh, void *data, int status) {
        free(data);
}

struct state *state_get(pam_handle_t *pamh, const char *user) {
        char key[KEY_SIZE];
        const void *data = NULL;
        make_key(key, user);
        if (pam_get_data(pamh, key, &data) != PAM_SUCCESS)
                return NULL;
        return (struct state *)data;
}

int state_set(pam_handle_t *pamh, const char *user, const struct state *state) {
        char key[KEY_SIZE];
        _cleanup_free_ struct state *copy = NULL;
        make_key(key, user);
        if (state) {
                copy = malloc(sizeof *copy);
                if (!copy)
                        return -ENOMEM;
                *copy = *state;
        }
        if (!state && !state_get(pamh, user))
                return 0;
        if (pam_set_data(pamh, key, copy, state_free) != PAM_SUCCESS)
                return -EIO;
        (void)TAKE_PTR(copy);
        return 0;
}
