/* CSV as RFC 4180 has it, with a header line; see import.h.
 * Relies on: import.h.
 * Must never: guess where a broken quote ends: the line is bad, and reading goes on behind the next line end. */
#include <stdlib.h>
#include <string.h>

#include "base/sbuf.h"
#include "base/text.h"
#include "multidirctl/import.h"

#define COLUMNS_MAX 256
#define ATTRIBUTE "attribute."

struct csv {
        const char *at, *end;
        uint32_t line;             /* where at stands, from 1 */
        char *cells;               /* of one record, each with its NUL: never more than the text and one byte */
        size_t cells_len;
        size_t offsets[COLUMNS_MAX];
        size_t count;
        const char *problem;       /* of the record; static text */
};

/* Skips to behind the end of the line. */
static void skip_line(struct csv *csv) {
        const char *newline = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
        csv->at = newline ? newline + 1 : csv->end;
        csv->line++;
}

static bool at_line_end(const struct csv *csv) {
        return csv->at == csv->end || *csv->at == '\n' || (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

static void add_byte(struct csv *csv, char c) {
        if (c == 0)
                csv->problem = "a NUL byte";
        csv->cells[csv->cells_len++] = c;
}

/* A quoted cell may hold line ends; "" in it is one quote. */
static void read_quoted(struct csv *csv) {
        for (csv->at++; csv->at < csv->end; csv->at++) {
                if (*csv->at == '\n')
                        csv->line++;
                if (*csv->at != '"') {
                        add_byte(csv, *csv->at);
                        continue;
                }
                if (csv->at + 1 == csv->end || csv->at[1] != '"') {
                        csv->at++;
                        return;
                }
                add_byte(csv, '"');
                csv->at++;
        }
        csv->problem = "a quote is not closed";
}

static void read_plain(struct csv *csv) {
        while (!at_line_end(csv) && *csv->at != ',') {
                if (*csv->at == '"')
                        csv->problem = "a quote inside a cell that does not start with one";
                add_byte(csv, *csv->at++);
        }
}

/* One record. false at the end of the text; csv->problem says whether it is bad. */
static bool next_record(struct csv *csv, uint32_t *line) {
        while (csv->at < csv->end && at_line_end(csv))
                skip_line(csv);
        if (csv->at == csv->end)
                return false;
        *line = csv->line;
        csv->count = 0;
        csv->cells_len = 0;
        csv->problem = NULL;
        for (;;) {
                if (csv->count == COLUMNS_MAX) {
                        csv->problem = "more than 256 cells";
                        break;
                }
                csv->offsets[csv->count++] = csv->cells_len;
                if (csv->at < csv->end && *csv->at == '"')
                        read_quoted(csv);
                else
                        read_plain(csv);
                csv->cells[csv->cells_len++] = 0;
                if (at_line_end(csv) || csv->problem)
                        break;
                if (*csv->at != ',') {
                        csv->problem = "text behind a closing quote";
                        break;
                }
                csv->at++;
        }
        if (csv->at < csv->end)
                skip_line(csv);
        return true;
}

static const char *cell(const struct csv *csv, size_t i) {
        return csv->cells + csv->offsets[i];
}

struct header { enum import_field fields[COLUMNS_MAX]; char *attributes[COLUMNS_MAX]; size_t count; };

static void header_done(struct header *header) {
        for (size_t i = 0; i < header->count; i++)
                free(header->attributes[i]);
}

static void bad_column(struct import_table *table, uint32_t line, const char *column) {
        _cleanup_sbuf_ struct sbuf valid = { 0 };
        import_columns(table->kind, &valid);
        import_bad(table, line, "unknown column \"%.80s\"; valid: %s", column, sbuf_text(&valid));
}

static bool column_twice(const struct csv *csv, size_t column) {
        for (size_t i = 0; i < column; i++)
                if (strcmp(cell(csv, i), cell(csv, column)) == 0)
                        return true;
        return false;
}

/* false: there is an error, and no line can be understood. */
static bool read_header(struct import_table *table, struct csv *csv, struct header *header) {
        uint32_t line = 1;
        bool name = false;
        size_t before = table->error_count;
        if (!next_record(csv, &line) || csv->problem) {
                import_bad(table, line, "no header line that names the columns%s%s", csv->problem ? ": " : "", csv->problem ? csv->problem : "");
                return false;
        }
        for (size_t i = 0; i < csv->count; i++) {
                const char *column = cell(csv, i);
                bool attribute = table->kind == IMPORT_USERS && text_starts_with(column, ATTRIBUTE) && column[strlen(ATTRIBUTE)] && text_is_utf8(column, strlen(column));
                header->fields[i] = attribute ? IMPORT_FIELDS : import_field_by_column(table->kind, column);
                header->attributes[i] = attribute ? strdup(column + strlen(ATTRIBUTE)) : NULL;
                header->count = i + 1;
                name = name || header->fields[i] == IMPORT_NAME;
                if (attribute ? !header->attributes[i] : header->fields[i] == IMPORT_FIELDS)
                        bad_column(table, line, column);
                else if (column_twice(csv, i))
                        import_bad(table, line, "the column \"%.80s\" stands in the header twice", column);
        }
        if (!name && table->error_count == before)
                import_bad(table, line, "the header has no column \"name\"");
        return table->error_count == before;
}

static void read_row(struct import_table *table, const struct csv *csv, const struct header *header, uint32_t line) {
        if (csv->problem) {
                import_bad(table, line, "%s", csv->problem);
                return;
        }
        if (csv->count != header->count) {
                import_bad(table, line, "%zu cells, the header has %zu", csv->count, header->count);
                return;
        }
        struct import_row *row = import_new_row(table, line);
        for (size_t i = 0; row && i < csv->count; i++)
                if (header->attributes[i])
                        import_add_attribute(table, row, header->attributes[i], cell(csv, i));
                else
                        import_set(table, row, header->fields[i], cell(csv, i));
}

void import_csv(struct import_table *table, const char *text, size_t len) {
        struct csv csv = { .at = text, .end = text + len, .line = 1 };
        struct header header = { .count = 0 };
        uint32_t line;
        csv.cells = malloc(len + 2);
        if (!csv.cells) {
                table->out_of_memory = true;
                return;
        }
        if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                csv.at += 3;
        if (read_header(table, &csv, &header))
                while (!table->out_of_memory && next_record(&csv, &line))
                        read_row(table, &csv, &header, line);
        explicit_bzero(csv.cells, csv.cells_len); /* a password may be in it */
        free(csv.cells);
        header_done(&header);
}
