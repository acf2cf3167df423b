/* logins.db: the logins on record: per user entry and application the first and the last one, and the last service.
 * Relies on: SQLite.
 * Must never: stand in the way of a login: a failure is logged, not answered. */
#pragma once

#include <stdint.h>

struct logins;
/* Opens, or makes, logins.db in the folder. 0 or a negative errno; *logins is then untouched. */
int logins_open(const char *folder, struct logins **logins);
/* NULL is fine. */
void logins_close(struct logins *logins);
/* Notes a session that started at when_s (wall clock, seconds). user: the published name, service: PAM's; both for people to read. 0 or a negative
 * errno. */
int logins_record(struct logins *logins, const char *application, const char *directory, const char *entry_id, const char *user,
                  const char *service, uint64_t when_s);
