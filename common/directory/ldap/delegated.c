/* Passwords of delegated directories (D3).
 * Relies on: ldap/find.c, ldap/groups.c.
 * Must never: take a stored DN for the user's: who has the name at the server now is asked each time, and the caller compares the id that was found with
 * the one on record. */
#include "directory/ldap/kind.h"

/* P5: no password is changed from here, so one that must be changed has expired (L7). An account that the server's own attributes close is closed,
 * whether the server lets it bind or not; which says nothing of the local flag (L3). */
enum password_result delegated_kind_check(struct directory *directory, const char *user, const struct secret *password, uint64_t deadline_ms,
                                          struct directory_entry *entry) {
        *entry = (struct directory_entry){ .profile = entry->profile };
        enum password_result result = ldap_kind_check(directory, user, password, deadline_ms, entry);
        bool right = result == CHECK_RIGHT || result == CHECK_MUST_CHANGE || result == CHECK_EXPIRED;
        if (right && !entry->entry_id[0])
                return CHECK_UNAVAILABLE;
        if (right && !entry->active)
                return CHECK_DENIED;
        if (result == CHECK_RIGHT && directory->settings->import_groups_on_login && entry->profile && ldap_kind_groups(directory, entry->dn, deadline_ms, entry->profile) < 0)
                return CHECK_UNAVAILABLE;
        return result == CHECK_MUST_CHANGE ? CHECK_EXPIRED : result;
}
