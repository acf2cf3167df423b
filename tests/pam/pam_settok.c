/* A PAM module for tests that stands in an earlier line: leaves the passwords of its options (auth=TEXT, old=TEXT) in the handle.
 * Relies on: libpam.
 * Must never: be installed. */
#include <string.h>

#include <security/pam_modules.h>

#define MODULE_HOOK __attribute__((visibility("default")))

static int leave(pam_handle_t *pamh, int argc, const char **argv) {
        for (int i = 0; i < argc; i++) {
                int item = strncmp(argv[i], "auth=", 5) == 0 ? PAM_AUTHTOK : PAM_OLDAUTHTOK;
                if (pam_set_item(pamh, item, strchr(argv[i], '=') + 1) != PAM_SUCCESS)
                        return PAM_SYSTEM_ERR;
        }
        return PAM_SUCCESS;
}

MODULE_HOOK int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) { return leave(pamh, argc, argv); }
MODULE_HOOK int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) { return PAM_SUCCESS; }
MODULE_HOOK int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv) { return leave(pamh, argc, argv); }
