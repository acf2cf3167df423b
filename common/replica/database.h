/* One SQLite file as the stores need it: opened safely, its version known, its statements prepared, its errors as errnos.
 * Relies on: SQLite (WAL), replica/sql.
 * Must never: touch a file that is not ours; leave a failed transaction open; open anything for writing as a reader.
 *
 * Errors of every function, where nothing else is said: -EIO, -ENOSPC (disk or quota full), -EBADMSG (damaged), -EROFS, -EACCES, -EAGAIN
 * (another writer holds it; read-only: it is for the writer to recover), -ENOMEM, -EMSGSIZE (a text too long), -EEXIST (a key that must be unique is there). */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "replica/sql.h"

struct database {
        sqlite3 *handle;
        const struct sql_schema *schema;
        sqlite3_stmt **statements;
        bool writable;
        int bind_result;  /* the first failed bind since database_statement() */
        char error[256];  /* the words of the last error; "" at first */
};

enum database_flags {
        DATABASE_WRITABLE = 1, /* creates and upgrades it; without: read-only, nothing is opened for writing */
        DATABASE_RELAXED = 2,  /* a commit may be lost by a power cut (not by a crash of the process) */
};

/* Opens FOLDER/NAME.db, mode 0600. first: SQL run once, in the transaction that creates the tables, or NULL.
 * *database must be zeroed; database_done() frees it after a failure too, so that database->error can be read.
 * -EINVAL: a name with '/' or a leading '.'; -ENOENT: not there (read-only); -EBADMSG: not such a file, damaged, or from a newer version;
 * -EAGAIN: read-only, and the writer has not created, upgraded or recovered it yet. */
int database_open(struct database *database, const char *folder, const char *name, const struct sql_schema *schema,
                  enum database_flags flags, const char *first);
void database_done(struct database *database);

/* Remembers the words, and gives the errno for an SQLite result; 0 for SQLITE_OK, SQLITE_ROW, SQLITE_DONE. */
int database_result(struct database *database, int result);
/* Remembers words of our own and gives the error back. */
int database_refuse(struct database *database, int error, const char *words);

/* The statement, reset and unbound, ready for binds. */
sqlite3_stmt *database_statement(struct database *database, unsigned index);
/* Binds; text NULL is SQL's NULL, and must stay as it is until the statement has run. A failure shows in the next step. */
void database_bind_text(struct database *database, sqlite3_stmt *statement, int parameter, const char *text);
void database_bind_number(struct database *database, sqlite3_stmt *statement, int parameter, int64_t number);
/* 1: a row; 0: no more (the statement is reset); or a negative errno (likewise). */
int database_step(struct database *database, sqlite3_stmt *statement);
/* Ends a statement before its last row. */
void database_reset(sqlite3_stmt *statement);
/* Runs a statement without rows to its end. *changed (if given): how many rows it changed. */
int database_run(struct database *database, sqlite3_stmt *statement, int *changed);
/* Runs fixed SQL without parameters. */
int database_exec(struct database *database, const char *sql);

/* A write transaction. A failed commit has rolled back. */
int database_begin(struct database *database);
int database_commit(struct database *database);
void database_rollback(struct database *database);
bool database_in_transaction(const struct database *database);
