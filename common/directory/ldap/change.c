/* Changes at the server (U12), by the service account: users, groups, memberships.
 * Relies on: ldap/session, ldap/change.h.
 * Must never: change another entry than the one that is meant; change anything where the preset is read-only (P5); try twice what may have been done. */
#include "directory/ldap/change.h"

#include "base/clock.h"

#define CHANGE_MS 20000u /* of all of it: the groups that name an entry may be many */

static void run(struct changing *changing) {
        switch (changing->change->operation) {
        case CHANGE_ADD_USER: change_add_user(changing); break;
        case CHANGE_MODIFY_USER: change_modify_user(changing); break;
        case CHANGE_RENAME_USER: change_rename_user(changing); break;
        case CHANGE_SET_PASSWORD: change_set_password(changing); break;
        case CHANGE_REMOVE_USER: change_remove_user(changing); break;
        case CHANGE_ADD_GROUP: change_add_group(changing); break;
        case CHANGE_MODIFY_GROUP: change_modify_group(changing); break;
        case CHANGE_REMOVE_GROUP: change_remove_group(changing); break;
        case CHANGE_ADD_MEMBER:
        case CHANGE_REMOVE_MEMBER: change_member(changing); break;
        case CHANGE_NONE:
        case CHANGE_MAX:
        default: outcome_refuse(changing->result, REASON_UNAVAILABLE, "there is no such change"); break;
        }
}

void ldap_kind_change(struct directory *directory, const struct directory_change *change, const struct secret *password, struct change_result *result) {
        uint64_t now_ms = clock_monotonic_ms();
        struct changing changing = { .directory = directory, .change = change, .password = password, .deadline_ms = now_ms + CHANGE_MS,
                                     .found_by_ms = now_ms + directory->login_ms, .result = result };
        *result = (struct change_result){ 0 };
        if (directory->settings->read_only_kind || !directory->ldap->writable) {
                outcome_refuse(result, REASON_READ_ONLY_KIND, "the directory's preset is read-only");
        } else if (!directory->ldap->bind_dn[0]) {
                outcome_refuse(result, REASON_PERMISSION_DENIED, "there is no bind_dn, and nobody changes anything as nobody");
                result->by_right = true;
        } else {
                do {
                        *result = (struct change_result){ 0 };
                        run(&changing);
                } while (result->state == CHANGE_REFUSED && result->reason == REASON_UNAVAILABLE && session_begin_again(&directory->session, changing.found_by_ms));
        }
}
