/* Password changes at a server: their outcome; see requests/server_password.h. */
#include "multidird/requests/server_password.h"

#include <stdio.h>

#include "rules/permission.h"

enum reason server_password_outcome(const struct protocol_answer *answer, bool given, const struct directory_settings *directory, const char *user,
                                    char *text, size_t size) {
        char subject[WIRE_NAME_MAX + 8];
        text[0] = 0;
        switch (given ? answer->set : PASSWORD_SET_UNAVAILABLE) {
        case PASSWORD_SET_DONE:
                return REASON_OK;
        case PASSWORD_SET_WRONG:
        case PASSWORD_SET_LOCKED: /* as at a login: the log says which */
                return REASON_WRONG_PASSWORD;
        case PASSWORD_SET_EXPIRED:
                (void)snprintf(text, size, "The password of user %s has expired, and the server of directory %s lets its owner change it no more. Its administrator can.",
                               user, directory->name);
                return REASON_PASSWORD_EXPIRED;
        case PASSWORD_SET_REJECTED:
                (void)snprintf(text, size, "The server of directory %s refuses the new password of user %s: %s", directory->name, user, answer->text);
                return REASON_POLICY_REJECTED;
        case PASSWORD_SET_DENIED:
                (void)snprintf(subject, sizeof subject, "user %s", user);
                permission_text(subject, directory, NULL, PERMISSION_MODIFY_USER, LEVEL_SERVER, text, size);
                return REASON_PERMISSION_DENIED;
        case PASSWORD_SET_NOT_FOUND:
                (void)snprintf(text, size, "The server of directory %s has the user no more.", directory->name);
                return REASON_USER_NOT_FOUND;
        case PASSWORD_SET_UNAVAILABLE:
                (void)snprintf(text, size, "The server of directory %s takes no password now; the old one is still valid.", directory->name);
                return REASON_UNAVAILABLE;
        case PASSWORD_SET_UNKNOWN:
        default:
                (void)snprintf(text, size, "The server of directory %s did not answer; please see whether the new password works.", directory->name);
                return REASON_UNAVAILABLE;
        }
}
