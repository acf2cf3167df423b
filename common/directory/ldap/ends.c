/* Accounts that end at a time: whoever is active by the clock of now, and when the first of them is not any more; see ldap/read.h. The server tells nobody when
 * such a time comes: the supervisor is told of it, and has everything read then.
 * Must never: judge an entry by the clock of another moment than its own. */
#include "base/clock.h"
#include "directory/ldap/read.h"

enum entry_verdict reading_map_user(struct reading *reading, const struct ldap_entry *entry, const char **why) {
        reading->context.now_s = clock_real_s();
        enum entry_verdict verdict = entry_map_user(&reading->context, entry, &reading->user, why);
        uint64_t end_s = reading->user.end_s;
        if (verdict == ENTRY_OK && end_s > 0 && (reading->end_s == 0 || end_s < reading->end_s))
                reading->end_s = end_s;
        return verdict;
}

bool reading_has_end(const struct reading *reading) {
        return reading->end_s > 0 && clock_real_s() >= reading->end_s;
}
