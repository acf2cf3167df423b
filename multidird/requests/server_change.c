/* Changes at a server: their outcome in words; see requests/server_change.h. */
#include "multidird/requests/server_change.h"

#include <string.h>

#include "rules/permission.h"

/* The permission that a change takes (P1), for the sentence about the server's own. */
static enum permission permission_of(const char *what) {
        if (strcmp(what, "rename-user") == 0 || strcmp(what, "set-password") == 0)
                return PERMISSION_MODIFY_USER;
        if (strcmp(what, "add-member") == 0 || strcmp(what, "remove-member") == 0)
                return PERMISSION_MODIFY_GROUP;
        return permission_from_name(what);
}

static void refused(const struct protocol_answer *answer, const struct directory_settings *directory, const char *subject, const char *what, struct sbuf *text) {
        char sentence[1024];
        if (!answer->by_right) {
                sbuf_printf(text, "%s, directory %s: %s", subject, directory->name, answer->text[0] ? answer->text : "its server refuses the change");
                return;
        }
        permission_text(subject, directory, NULL, permission_of(what), LEVEL_SERVER, sentence, sizeof sentence);
        sbuf_printf(text, "%s (%s)", sentence, answer->text);
}

enum change_state server_change_outcome(const struct protocol_answer *answer, bool given, const struct directory_settings *directory, const char *subject,
                                        const char *what, enum reason *reason, struct sbuf *text) {
        *reason = given && answer->change == CHANGE_REFUSED ? answer->reason : REASON_UNAVAILABLE;
        if (!given) {
                sbuf_printf(text, "%s, directory %s: its server cannot be asked now; nothing was changed there", subject, directory->name);
                return CHANGE_REFUSED;
        }
        switch (answer->change) {
        case CHANGE_DONE:
                break;
        case CHANGE_REFUSED:
                refused(answer, directory, subject, what, text);
                break;
        case CHANGE_PARTLY:
                sbuf_printf(text, "%s, directory %s: %s", subject, directory->name, answer->text);
                break;
        case CHANGE_UNKNOWN:
        case CHANGE_STATE_MAX:
        default:
                sbuf_printf(text, "%s, directory %s: its server did not answer: whether the change is done is not known; the next synchronisation will show it",
                            subject, directory->name);
                if (answer->text[0])
                        sbuf_printf(text, " (%s)", answer->text);
                return CHANGE_UNKNOWN;
        }
        return answer->change;
}
