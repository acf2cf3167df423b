/* user import, group import: a file's rows to the service, in one transaction there.
 * Relies on: import.h, request.h.
 * Must never: have the service write anything when a line is bad. */
#include "multidirctl/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "multidirctl/print.h"
#include "multidirctl/request.h"

#define FILE_MAX_BYTES ((size_t)1 << 30)
#define BATCH_ROWS 2000
#define BATCH_BYTES (8u << 20)  /* about: rows of an ordinary size never come near */

struct import {
        struct ctl *ctl;
        const json_t *fields;
        struct import_table table;
        int fd;
        bool with_ids;
};

static int compare_errors(const void *a, const void *b) {
        const struct import_error *x = a, *y = b;
        return x->line < y->line ? -1 : x->line > y->line;
}

static size_t take_errors(struct import_table *table, const json_t *theirs) {
        size_t i;
        json_t *item;
        json_array_foreach(theirs, i, item)
                import_bad(table, (uint32_t)json_integer_value(json_object_get(item, "line")), "%s", ctl_field(item, "text") ? ctl_field(item, "text") : "");
        return json_array_size(theirs);
}

/* The service's bad lines: the first come with the refusal, the others are asked for. Gives how many it counts beyond those that it names. */
static json_int_t take_all_errors(struct import *import, const json_t *refusal) {
        json_int_t left = json_integer_value(json_object_get(refusal, "bad"));
        size_t taken = take_errors(&import->table, json_object_get(refusal, "errors"));
        _cleanup_json_ json_t *fields = json_object();
        while (taken > 0 && (left -= (json_int_t)taken) > 0) {
                int status;
                _cleanup_json_ json_t *reply = request_on(import->ctl, import->fd, "import errors", fields, &status);
                taken = status == EXIT_DONE ? take_errors(&import->table, json_object_get(reply, "errors")) : 0;
        }
        return left > 0 ? left : 0;
}

/* {"error":…,"errors":[{"line","text"}]}: ours, and those of the service for the lines that we could read. */
static json_t *bad_lines(struct import *import, const json_t *refusal, int *exit) {
        struct import_table *table = &import->table;
        json_int_t unnamed = take_all_errors(import, refusal);
        size_t i;
        if (table->error_count > 1)
                qsort(table->errors, table->error_count, sizeof *table->errors, compare_errors);
        json_t *errors = json_array();
        for (i = 0; errors && i < table->error_count; i++)
                (void)json_array_append_new(errors, json_pack("{s:I, s:o}", "line", (json_int_t)table->errors[i].line, "text", ctl_text(table->errors[i].text)));
        *exit = EXIT_REFUSED;
        return errors ? json_pack("{s:s, s:s, s:[], s:[], s:I, s:o}", "result", "refused", "reason", "invalid-name", "changed", "skipped", "bad",
                                  (json_int_t)table->error_count + unnamed, "errors", errors) : NULL;
}

static json_t *read_table(struct import *import, int *exit) {
        const char *path = ctl_field(import->fields, "file");
        _cleanup_free_ char *text = NULL;
        size_t len = 0;
        int r = file_read(path, FILE_MAX_BYTES, &text, &len);
        if (r < 0)
                return ctl_error(exit, EXIT_USAGE, "usage", "%s: %s", path, r == -EINVAL ? "not a regular file" : strerror(-r));
        if (import_is_ldif(text, len))
                import_ldif(&import->table, text, len);
        else
                import_csv(&import->table, text, len);
        explicit_bzero(text, len); /* a password may be in it */
        if (import->table.out_of_memory)
                return ctl_error(exit, EXIT_UNAVAILABLE, "unavailable", "%s: too large for this host's memory", path);
        return NULL;
}

static json_t *begin(struct import *import, bool dry_run, int *exit) {
        _cleanup_json_ json_t *request = json_pack("{s:s, s:s, s:b}", "kind", import->table.kind == IMPORT_USERS ? "user" : "group",
                                                   "directory", ctl_field(import->fields, "directory"), "dry_run", dry_run);
        json_t *reply = request ? request_on(import->ctl, import->fd, "import begin", request, exit) : NULL;
        if (reply && *exit == EXIT_DONE) {
                json_decref(reply);
                return NULL;
        }
        return reply;
}

static size_t row_bytes(const struct import_row *row) {
        size_t bytes = 256;
        for (size_t i = 0; i < IMPORT_GROUPS_LIST; i++)
                bytes += row->texts[i] ? 2 * strlen(row->texts[i]) : 0;
        for (size_t i = 0; i < row->members.count; i++)
                bytes += 2 * strlen(row->members.items[i]) + 3;
        for (size_t i = 0; i < row->groups.count; i++)
                bytes += 2 * strlen(row->groups.items[i]) + 3;
        return bytes;
}

/* Sends rows from *at on, as many as fit. NULL: sent. */
static json_t *send_batch(struct import *import, size_t *at, int *exit) {
        json_t *rows = json_array();
        _cleanup_json_ json_t *request = json_pack("{s:o}", "rows", rows);
        size_t bytes = 0;
        bool good = request != NULL;
        for (size_t n = 0; good && *at < import->table.count && n < BATCH_ROWS; n++) {
                const struct import_row *row = &import->table.rows[*at];
                bytes += row_bytes(row);
                if (n > 0 && bytes > BATCH_BYTES)
                        break;
                json_t *object = import_row_json(&import->table, row, import->with_ids);
                good = object && json_array_append_new(rows, object) == 0;
                ++*at;
        }
        json_t *reply = good ? request_on(import->ctl, import->fd, "import rows", request, exit) : NULL;
        if (reply && *exit == EXIT_DONE) {
                json_decref(reply);
                return NULL;
        }
        return reply ? reply : ctl_error(exit, EXIT_UNAVAILABLE, "unavailable", "out of memory");
}

static json_t *send_rows(struct import *import, int *exit) {
        uint64_t started = clock_monotonic_ms();
        json_t *error = NULL;
        for (size_t at = 0; at < import->table.count && !error;) {
                error = send_batch(import, &at, exit);
                if (clock_monotonic_ms() - started > 1000)
                        print_progress(import->ctl, "sending", at, import->table.count);
        }
        print_progress_end(import->ctl);
        return error;
}

/* The whole exchange. A refusal at its end that names lines is completed with ours. */
static json_t *exchange(struct import *import, int *exit) {
        bool bad = import->table.error_count > 0, dry_run = bad || json_is_true(json_object_get(import->fields, "dry_run"));
        json_t *error = request_connect(import->ctl, &import->fd, exit);
        if (!error)
                error = begin(import, dry_run, exit);
        if (!error)
                error = send_rows(import, exit);
        _cleanup_json_ json_t *fields = json_object();
        json_t *reply = error ? error : request_on(import->ctl, import->fd, "import end", fields, exit);
        if (!bad && !json_is_array(json_object_get(reply, "errors"))) {
                if (!error && import->table.passed_over > 0)
                        (void)json_object_set_new(reply, "passed_over", json_integer((json_int_t)import->table.passed_over));
                return reply;
        }
        /* Bad lines of ours are told whatever the service says, even that it does not run. */
        json_t *object = bad_lines(import, reply, exit);
        json_decref(reply);
        return object;
}

static json_t *run(struct ctl *ctl, const json_t *fields, enum import_kind kind, int *exit) {
        struct import import = { .ctl = ctl, .fields = fields, .table = { .kind = kind }, .fd = -1 };
        import.with_ids = !json_is_true(json_object_get(fields, "ignore_ids"));
        if (!ctl_field(fields, "directory"))
                return ctl_error(exit, EXIT_USAGE, "usage", "an import needs --directory D: the internal directory that takes the entries");
        json_t *object = read_table(&import, exit);
        int r = 0;
        if (!object && import.table.error_count == 0 && !json_is_true(json_object_get(fields, "dry_run")))
                r = import_hash_passwords(ctl, &import.table);
        if (r < 0)
                object = ctl_error(exit, EXIT_UNAVAILABLE, "unavailable", "the passwords cannot be hashed: %s", strerror(-r));
        if (!object)
                object = exchange(&import, exit);
        if (import.fd >= 0)
                (void)close(import.fd);
        import_table_done(&import.table);
        return object;
}

json_t *user_import_run(struct ctl *ctl, const json_t *fields, int *exit) {
        return run(ctl, fields, IMPORT_USERS, exit);
}

json_t *group_import_run(struct ctl *ctl, const json_t *fields, int *exit) {
        return run(ctl, fields, IMPORT_GROUPS, exit);
}
