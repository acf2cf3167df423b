/* logins.db: the logins on record: per user entry and application the first and the last one, and the last service.
 * Relies on: SQLite.
 * Must never: stand in the way of a login: a failure is logged, not answered. */
#pragma once

#include <stdint.h>

struct logins;
int logins_open(const char *folder, struct logins **logins);
void logins_close(struct logins *logins);
int logins_record(struct logins *logins, const char *application, const char *directory, const char *entry_id, const char *user,
                  const char *service, uint64_t when_s);
