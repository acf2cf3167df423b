/* logins.db: the logins on record; see logins.h. */
#include "replica/logins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "replica/database.h"

struct logins {
        struct database database;
};

DEFINE_CLEANUP(struct logins *, logins_close)

int logins_open(const char *folder, struct logins **result) {
        _cleanup_(logins_closep) struct logins *logins = calloc(1, sizeof *logins);
        if (!logins)
                return -ENOMEM;
        int r = database_open(&logins->database, folder, "logins", &sql_logins, DATABASE_WRITABLE | DATABASE_RELAXED, NULL);
        if (r < 0) {
                log_error("record of logins: %s", logins->database.error[0] ? logins->database.error : strerror(-r));
                return r;
        }
        *result = TAKE_PTR(logins);
        return 0;
}

void logins_close(struct logins *logins) {
        if (!logins)
                return;
        database_done(&logins->database);
        free(logins);
}

int logins_record(struct logins *logins, const char *application, const char *directory, const char *entry_id, const char *user,
                  const char *service, uint64_t when_s) {
        struct database *database = &logins->database;
        sqlite3_stmt *statement = database_statement(database, LOGINS_RECORD);
        database_bind_text(database, statement, 1, application);
        database_bind_text(database, statement, 2, directory);
        database_bind_text(database, statement, 3, entry_id);
        database_bind_text(database, statement, 4, user);
        database_bind_number(database, statement, 5, (int64_t)when_s);
        database_bind_text(database, statement, 6, service);
        return database_run(database, statement, NULL);
}
