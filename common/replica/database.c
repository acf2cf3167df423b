/* One SQLite file as the stores need it; see database.h. */
#include "replica/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/sbuf.h"
#include "replica/read_vfs.h"

enum {
        PAGE_SIZE_BYTES = 8192,
        CACHE_KIB = 65536,           /* an upper bound: pages are taken as they are needed */
        BUSY_MS = 2000,              /* recovery after a crash, or an administrator's sqlite3 */
        UNSETTLED_LOOKS = 50,        /* each after UNSETTLED_WAIT_NS: see is_unsettled() */
        UNSETTLED_WAIT_NS = 1000000,
        TEXT_MAX_BYTES = 16 << 20,
        WAL_KEPT_BYTES = 64 << 20,
};

int database_refuse(struct database *database, int error, const char *words) {
        (void)snprintf(database->error, sizeof database->error, "%s", words);
        return error;
}

static int errno_of(sqlite3 *handle, int result) {
        int system = handle ? sqlite3_system_errno(handle) : 0;
        if (result == SQLITE_CONSTRAINT_UNIQUE || result == SQLITE_CONSTRAINT_PRIMARYKEY || result == SQLITE_CONSTRAINT_ROWID)
                return -EEXIST;
        switch (result & 0xff) {
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_IOERR:
                if (result == SQLITE_IOERR_NOMEM)
                        return -ENOMEM;
                return system == ENOSPC || system == EDQUOT ? -ENOSPC : -EIO;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
        case SQLITE_ERROR:     /* our statements are right: the tables they speak of are not there */
        case SQLITE_SCHEMA:
                return -EBADMSG;
        case SQLITE_CONSTRAINT:
                return -EINVAL;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_READONLY:
                return result == SQLITE_READONLY_CANTINIT || result == SQLITE_READONLY_RECOVERY ? -EAGAIN : -EROFS;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EAGAIN;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_CANTOPEN:
                return system == ENOSPC || system == EDQUOT ? -ENOSPC : system == EACCES || system == EROFS ? -system : -EIO;
        case SQLITE_TOOBIG:
                return -EMSGSIZE;
        default:
                return -EIO;
        }
}

int database_result(struct database *database, int result) {
        if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE)
                return 0;
        const char *words = database->handle ? sqlite3_errmsg(database->handle) : sqlite3_errstr(result);
        return database_refuse(database, errno_of(database->handle, result), words);
}

sqlite3_stmt *database_statement(struct database *database, unsigned index) {
        sqlite3_stmt *statement = database->statements[index];
        (void)sqlite3_reset(statement);
        (void)sqlite3_clear_bindings(statement);
        database->bind_result = SQLITE_OK;
        return statement;
}

void database_bind_text(struct database *database, sqlite3_stmt *statement, int parameter, const char *text) {
        int result = sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
        if (result != SQLITE_OK && database->bind_result == SQLITE_OK)
                database->bind_result = result;
}

void database_bind_number(struct database *database, sqlite3_stmt *statement, int parameter, int64_t number) {
        int result = sqlite3_bind_int64(statement, parameter, number);
        if (result != SQLITE_OK && database->bind_result == SQLITE_OK)
                database->bind_result = result;
}

/* A reader may not write the log's index, so SQLite gives up where it would have to: an index that was being written in the moment of the
 * look is taken for one that a crash has left (SQLITE_READONLY_RECOVERY), and one whose first writer is just coming for one that has none
 * (SQLITE_READONLY_CANTINIT). Both are said where a read begins, never between two rows; so it is begun again, and only what stays so is
 * an error. */
static bool is_unsettled(int result, unsigned *looks) {
        if ((result != SQLITE_READONLY_RECOVERY && result != SQLITE_READONLY_CANTINIT) || ++*looks > UNSETTLED_LOOKS)
                return false;
        (void)nanosleep(&(struct timespec){ .tv_nsec = UNSETTLED_WAIT_NS }, NULL);
        return true;
}

static int step_settled(sqlite3_stmt *statement) {
        unsigned looks = 0;
        int result;
        while (is_unsettled(result = sqlite3_step(statement), &looks))
                (void)sqlite3_reset(statement);
        return result;
}

int database_step(struct database *database, sqlite3_stmt *statement) {
        int result = database->bind_result != SQLITE_OK ? database->bind_result : step_settled(statement);
        if (result == SQLITE_ROW)
                return 1;
        int r = database_result(database, result);
        database_reset(statement);
        return r;
}

void database_reset(sqlite3_stmt *statement) {
        (void)sqlite3_reset(statement);
        (void)sqlite3_clear_bindings(statement);
}

int database_run(struct database *database, sqlite3_stmt *statement, int *changed) {
        int r = database_step(database, statement);
        if (r < 0)
                return r;
        database_reset(statement);
        if (changed)
                *changed = sqlite3_changes(database->handle);
        return 0;
}

int database_exec(struct database *database, const char *sql) {
        unsigned looks = 0;
        int result;
        do
                result = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
        while (is_unsettled(result, &looks));
        return database_result(database, result);
}

static int prepare(struct database *database, const char *sql, unsigned flags, sqlite3_stmt **statement) {
        unsigned looks = 0;
        int result;
        do
                result = sqlite3_prepare_v3(database->handle, sql, -1, flags, statement, NULL);
        while (is_unsettled(result, &looks));
        return database_result(database, result);
}

bool database_in_transaction(const struct database *database) {
        return !sqlite3_get_autocommit(database->handle);
}

int database_begin(struct database *database) {
        return database_exec(database, "BEGIN IMMEDIATE");
}

/* The words of the failure that led here are kept. */
void database_rollback(struct database *database) {
        if (database_in_transaction(database))
                (void)sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
}

int database_commit(struct database *database) {
        int r = database_exec(database, "COMMIT");
        if (r < 0)
                database_rollback(database);
        return r;
}

static int pragma_number(struct database *database, const char *sql, int *number) {
        sqlite3_stmt *statement = NULL;
        int r = prepare(database, sql, 0, &statement);
        if (r < 0)
                return r;
        int result = step_settled(statement);
        if (result == SQLITE_ROW)
                *number = sqlite3_column_int(statement, 0);
        r = database_result(database, result);
        (void)sqlite3_finalize(statement);
        return r;
}

/* The file exists before SQLite opens it, so that its mode never depends on a umask, and its name survives a power cut. */
static int create_file(const char *folder, const char *path) {
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return errno == EEXIST ? 0 : -errno;
        _cleanup_close_ int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder_fd < 0 || fsync(folder_fd) < 0)
                return -errno;
        return 0;
}

/* "file:" and the path with what a URI would read as its own escaped. readonly_shm: the index of the log is mapped read-only too. */
static char *reader_uri(const char *path) {
        _cleanup_sbuf_ struct sbuf uri = { 0 };
        sbuf_add(&uri, "file:");
        for (const char *p = path; *p; p++) {
                if (strchr("%?#", *p))
                        sbuf_printf(&uri, "%%%02X", (unsigned)(unsigned char)*p);
                else
                        sbuf_add_bytes(&uri, p, 1);
        }
        sbuf_add(&uri, "?readonly_shm=1");
        return sbuf_take(&uri);
}

static int open_handle(struct database *database, const char *folder, const char *path) {
        _cleanup_free_ char *uri = NULL;
        int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
        struct stat st;
        if (database->writable) {
                int r = create_file(folder, path);
                if (r < 0)
                        return database_refuse(database, r, strerror(-r));
                return database_result(database, sqlite3_open_v2(path, &database->handle, flags | SQLITE_OPEN_READWRITE, NULL));
        }
        if (stat(path, &st) < 0)
                return database_refuse(database, -errno, strerror(errno));
        uri = reader_uri(path);
        if (!uri)
                return -ENOMEM;
        flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
        return database_result(database, sqlite3_open_v2(uri, &database->handle, flags, read_vfs_name()));
}

static const struct { int option, value; } safety[] = {
        { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
        { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
        { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
        { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
        { SQLITE_DBCONFIG_DQS_DML, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },
};

/* A file may come from anybody who could write it: nothing in its schema is run, and no cell is believed unseen. */
static int make_safe(struct database *database) {
        for (size_t i = 0; i < ARRAY_SIZE(safety); i++) {
                int r = database_result(database, sqlite3_db_config(database->handle, safety[i].option, safety[i].value, NULL));
                if (r < 0)
                        return r;
        }
        (void)sqlite3_limit(database->handle, SQLITE_LIMIT_LENGTH, TEXT_MAX_BYTES);
        (void)sqlite3_limit(database->handle, SQLITE_LIMIT_ATTACHED, 0);
        (void)sqlite3_busy_timeout(database->handle, BUSY_MS);
        char sql[160];
        (void)snprintf(sql, sizeof sql, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -%d; %s", CACHE_KIB,
                       database->writable ? "" : "PRAGMA query_only = ON;");
        return database_exec(database, sql);
}

/* Ours, of a version that we know? Gives the version; 0: an empty file, to be filled. Changes nothing. */
static int identify(struct database *database, int *version) {
        int application = 0, found = 0, tables = 0;
        int r = pragma_number(database, "PRAGMA application_id", &application);
        if (r == 0)
                r = pragma_number(database, "PRAGMA user_version", &found);
        if (r == 0)
                r = pragma_number(database, "SELECT count(*) FROM sqlite_schema", &tables);
        if (r < 0)
                return r;
        bool empty = application == 0 && found == 0 && tables == 0;
        if (!empty && application != database->schema->application_id)
                r = -EBADMSG;
        if (!empty && (found < 1 || (size_t)found > database->schema->version_count))
                r = -EBADMSG;
        if (r < 0) {
                bool newer = application == database->schema->application_id && found > 0;
                (void)snprintf(database->error, sizeof database->error, "%s %s (version %d, known up to %zu)",
                               newer ? "written by a newer version of multidir, as a" : "not a multidir", database->schema->what, found,
                               database->schema->version_count);
                return r;
        }
        *version = found;
        return 0;
}

static int upgrade(struct database *database, int version, const char *first) {
        char pragmas[120];
        const struct sql_schema *schema = database->schema;
        int r = database_begin(database);
        for (size_t i = (size_t)version; r == 0 && i < schema->version_count; i++)
                r = database_exec(database, schema->versions[i]);
        if (r == 0 && version == 0 && first)
                r = database_exec(database, first);
        (void)snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %zu", schema->application_id,
                       schema->version_count);
        if (r == 0)
                r = database_exec(database, pragmas);
        if (r == 0)
                return database_commit(database);
        database_rollback(database);
        return r;
}

/* The log stays after a clean close, so that a reader can always open (it may not create one). */
static int prepare_writer(struct database *database, int version, enum database_flags flags, const char *first) {
        char sql[200];
        int keep = 1;
        (void)snprintf(sql, sizeof sql,
                       "PRAGMA page_size = %d; PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = WAL; PRAGMA synchronous = %s;"
                       "PRAGMA journal_size_limit = %d", PAGE_SIZE_BYTES, flags & DATABASE_RELAXED ? "NORMAL" : "FULL", WAL_KEPT_BYTES);
        int r = database_exec(database, sql);
        if (r == 0)
                r = database_result(database, sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keep));
        if (r == 0 && (size_t)version < database->schema->version_count)
                r = upgrade(database, version, first);
        if (r == 0 && database->schema->temporary)
                r = database_exec(database, database->schema->temporary);
        return r;
}

static int prepare_statements(struct database *database) {
        const struct sql_schema *schema = database->schema;
        database->statements = calloc(schema->statement_count, sizeof *database->statements);
        if (!database->statements)
                return -ENOMEM;
        for (size_t i = 0; i < schema->statement_count; i++) {
                if (schema->statements[i].writes && !database->writable)
                        continue;
                int r = prepare(database, schema->statements[i].text, SQLITE_PREPARE_PERSISTENT, &database->statements[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

int database_open(struct database *database, const char *folder, const char *name, const struct sql_schema *schema,
                  enum database_flags flags, const char *first) {
        database->schema = schema;
        database->writable = flags & DATABASE_WRITABLE;
        if (!*name || *name == '.' || strchr(name, '/'))
                return database_refuse(database, -EINVAL, "not a name for a store");
        _cleanup_free_ char *real = realpath(folder, NULL), *path = NULL;
        if (!real)
                return database_refuse(database, -errno, strerror(errno));
        if (asprintf(&path, "%s/%s.db", real, name) < 0)
                return -ENOMEM;
        int version = 0;
        int r = open_handle(database, real, path);
        if (r == 0)
                r = make_safe(database);
        if (r == 0)
                r = identify(database, &version);
        if (r == 0 && database->writable)
                r = prepare_writer(database, version, flags, first);
        else if (r == 0 && (size_t)version < schema->version_count)
                r = database_refuse(database, -EAGAIN, "the keeper has not created or upgraded it yet");
        return r < 0 ? r : prepare_statements(database);
}

void database_done(struct database *database) {
        for (size_t i = 0; database->statements && i < database->schema->statement_count; i++)
                (void)sqlite3_finalize(database->statements[i]);
        free(database->statements);
        (void)sqlite3_close(database->handle);
        database->handle = NULL;
        database->statements = NULL;
}
