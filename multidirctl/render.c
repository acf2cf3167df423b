/* Objects for people; see render.h. */
#include "multidirctl/render.h"

#include <inttypes.h>
#include <string.h>

#include "base/sbuf.h"
#include "multidirctl/print.h"

/* A value as one cell: lists joined by commas, no value as "-". */
static void add_value(struct sbuf *out, const json_t *value) {
        size_t i;
        json_t *item;
        const char *key;
        switch (json_typeof(value)) {
        case JSON_STRING: sbuf_add(out, json_string_length(value) > 0 ? json_string_value(value) : "-"); break;
        case JSON_INTEGER: sbuf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
        case JSON_REAL: sbuf_printf(out, "%g", json_real_value(value)); break;
        case JSON_TRUE: sbuf_add(out, "yes"); break;
        case JSON_FALSE: sbuf_add(out, "no"); break;
        case JSON_NULL: sbuf_add(out, "-"); break;
        case JSON_ARRAY:
                json_array_foreach(value, i, item) {
                        sbuf_add(out, i ? ", " : "");
                        add_value(out, item);
                }
                if (json_array_size(value) == 0)
                        sbuf_add(out, "-");
                break;
        case JSON_OBJECT: {
                bool first = true;
                json_object_foreach((json_t *)(uintptr_t)value, key, item) {
                        sbuf_printf(out, "%s%s=", first ? "" : " ", key);
                        add_value(out, item);
                        first = false;
                }
                break;
        }
        }
}

static enum print_colour colour_of(const char *text) {
        static const char *const good[] = { "allow", "ok", "done", "online", "ready", "published" };
        static const char *const bad[] = { "deny", "refused", "error", "failed", "unavailable", "damaged" };
        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (strcmp(text, good[i]) == 0)
                        return PRINT_GREEN;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (strcmp(text, bad[i]) == 0)
                        return PRINT_RED;
        return PRINT_PLAIN;
}

static void print_value(struct ctl *ctl, const json_t *value, size_t width) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        add_value(&text, value);
        print_cell(ctl, sbuf_text(&text), width, colour_of(sbuf_text(&text)));
}

/* "display_name" -> "DISPLAY NAME" or "display name". */
static void add_heading(struct sbuf *out, const char *key, bool upper) {
        for (const char *p = key; *p; p++) {
                char c = *p == '_' ? ' ' : upper && *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
                sbuf_add_bytes(out, &c, 1);
        }
}

static size_t value_width(const json_t *value) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        if (value)
                add_value(&text, value);
        return print_width(sbuf_text(&text));
}

#define COLUMNS_MAX 16

/* Rows may lack a key that others have: the columns are those of all rows, in the order in which they come. */
static size_t find_columns(const json_t *rows, const char *columns[COLUMNS_MAX], size_t widths[COLUMNS_MAX]) {
        size_t count = 0, i;
        json_t *row, *value;
        const char *key;
        json_array_foreach(rows, i, row)
                json_object_foreach(row, key, value) {
                        size_t c = 0;
                        while (c < count && strcmp(columns[c], key) != 0)
                                c++;
                        if (c == COLUMNS_MAX)
                                continue;
                        if (c == count) {
                                columns[count] = key;
                                widths[count++] = strlen(key);
                        }
                        size_t width = value_width(value);
                        widths[c] = width > widths[c] ? width : widths[c];
                }
        return count;
}

static void print_table(struct ctl *ctl, const json_t *rows) {
        const char *columns[COLUMNS_MAX];
        size_t widths[COLUMNS_MAX], i;
        size_t count = find_columns(rows, columns, widths);
        json_t *row;
        for (size_t c = 0; c < count; c++) {
                _cleanup_sbuf_ struct sbuf heading = { 0 };
                add_heading(&heading, columns[c], true);
                print_cell(ctl, sbuf_text(&heading), c + 1 < count ? widths[c] + 2 : 0, PRINT_BOLD);
        }
        if (count > 0)
                fputc('\n', ctl->out);
        json_array_foreach(rows, i, row) {
                for (size_t c = 0; c < count; c++) {
                        const json_t *value = json_object_get(row, columns[c]);
                        size_t width = c + 1 < count ? widths[c] + 2 : 0;
                        if (value)
                                print_value(ctl, value, width);
                        else
                                print_cell(ctl, "", width, PRINT_PLAIN);
                }
                fputc('\n', ctl->out);
        }
}

static bool is_table(const json_t *value) {
        return json_is_array(value) && json_array_size(value) > 0 && json_is_object(json_array_get(value, 0));
}

static bool is_block(const json_t *value) {
        return json_is_object(value) && json_object_size(value) > 0;
}

/* An object whose values are objects, such as access by application: a line each. */
static void print_block(struct ctl *ctl, const json_t *object, int indent) {
        const char *key;
        json_t *value;
        size_t width = 0;
        json_object_foreach((json_t *)(uintptr_t)object, key, value) {
                size_t own = print_width(key);
                width = own > width ? own : width;
        }
        json_object_foreach((json_t *)(uintptr_t)object, key, value) {
                _cleanup_sbuf_ struct sbuf heading = { 0 };
                if (indent > 0)
                        sbuf_add(&heading, key);
                else
                        add_heading(&heading, key, false);
                if (is_table(value))
                        continue;
                fprintf(ctl->out, "%*s", indent, "");
                if (is_block(value) && indent == 0) {
                        print_text(ctl, ctl->out, sbuf_text(&heading), PRINT_BOLD);
                        fputc('\n', ctl->out);
                        print_block(ctl, value, 2);
                        continue;
                }
                print_cell(ctl, sbuf_text(&heading), width + 2, PRINT_BOLD);
                print_value(ctl, value, 0);
                fputc('\n', ctl->out);
        }
        json_object_foreach((json_t *)(uintptr_t)object, key, value) {
                if (!is_table(value))
                        continue;
                if (json_object_size(object) > 1) {
                        _cleanup_sbuf_ struct sbuf heading = { 0 };
                        add_heading(&heading, key, false);
                        fputc('\n', ctl->out);
                        print_text(ctl, ctl->out, sbuf_text(&heading), PRINT_BOLD);
                        fputc('\n', ctl->out);
                }
                print_table(ctl, value);
        }
}

void render_object(struct ctl *ctl, const json_t *object) {
        /* One empty list is a list without lines, not a line that says "-". */
        const json_t *only = json_object_size(object) == 1 ? json_object_iter_value(json_object_iter((json_t *)(uintptr_t)object)) : NULL;
        if (json_is_array(only) && json_array_size(only) == 0)
                return;
        print_block(ctl, object, 0);
}

void render_error(struct ctl *ctl, const json_t *error) {
        const char *text = ctl_field(error, "text"), *reason = ctl_field(error, "reason");
        fputs("multidirctl: ", ctl->err);
        print_text(ctl, ctl->err, text && *text ? text : reason ? reason : "refused", PRINT_PLAIN);
        fputc('\n', ctl->err);
}

/* {"users":[NAME…]}: a line each. */
void render_names(struct ctl *ctl, const json_t *object) {
        const char *key;
        json_t *value, *item;
        size_t i;
        json_object_foreach((json_t *)(uintptr_t)object, key, value)
                json_array_foreach(value, i, item) {
                        print_value(ctl, item, 0);
                        fputc('\n', ctl->out);
                }
}

static void print_changed(struct ctl *ctl, const json_t *item) {
        const char *what = ctl_field(item, "what"), *where = ctl_field(item, "section");
        if (!where)
                where = ctl_field(item, "directory") ? ctl_field(item, "directory") : ctl_field(item, "file");
        print_text(ctl, ctl->out, "done: ", PRINT_GREEN);
        print_text(ctl, ctl->out, what ? what : "?", PRINT_PLAIN);
        fputs(where ? " in " : "", ctl->out);
        print_text(ctl, ctl->out, where ? where : "", PRINT_PLAIN);
        fputc('\n', ctl->out);
}

/* verdict: the refusal's own text, which one directory's can be already; NULL: none. */
static void print_skipped(struct ctl *ctl, const json_t *item, bool done, const char *verdict) {
        const char *where = ctl_field(item, "directory") ? ctl_field(item, "directory") : ctl_field(item, "file"), *text = ctl_field(item, "text");
        if (verdict && text && strcmp(text, verdict) == 0)
                return;
        FILE *to = done ? ctl->out : ctl->err;
        fputs(done ? "skipped: " : "multidirctl: refused: ", to);
        print_text(ctl, to, where ? where : "", PRINT_PLAIN);
        fputs(where ? ": " : "", to);
        print_text(ctl, to, text ? text : "", PRINT_PLAIN);
        fputc('\n', to);
}

static void print_refusal(struct ctl *ctl, const char *text, const char *reason) {
        fputs("multidirctl: refused: ", ctl->err);
        print_text(ctl, ctl->err, text ? text : reason ? reason : "no reason was given", PRINT_PLAIN);
        if (text && reason) {
                fputs(" (", ctl->err);
                print_text(ctl, ctl->err, reason, PRINT_PLAIN);
                fputc(')', ctl->err);
        }
        fputc('\n', ctl->err);
}

/* "done: add-user in staff", "skipped: staff: …", or the refusal with its text, which is an error. A refusal half-way (U12) says what was done
 * before it. */
void render_changes(struct ctl *ctl, const json_t *object) {
        const char *result = ctl_field(object, "result"), *text = ctl_field(object, "text");
        const json_t *changed = json_object_get(object, "changed");
        size_t i;
        json_t *item;
        if (!result) {
                render_object(ctl, object);
                return;
        }
        bool done = strcmp(result, "done") == 0;
        json_array_foreach(changed, i, item)
                print_changed(ctl, item);
        bool unchanged = done && json_array_size(changed) == 0;
        if (unchanged && !text)
                fputs("done: nothing to change\n", ctl->out);
        json_array_foreach(json_object_get(object, "skipped"), i, item)
                print_skipped(ctl, item, done, done ? NULL : text);
        if (!done)
                print_refusal(ctl, text, ctl_field(object, "reason"));
        else if (text) {
                print_text(ctl, ctl->out, unchanged ? "done: " : "", PRINT_GREEN);
                print_text(ctl, ctl->out, text, PRINT_PLAIN);
                fputc('\n', ctl->out);
        }
}

/* The chain, rule by rule, then the verdict. */
void render_explain_login(struct ctl *ctl, const json_t *object) {
        const char *verdict = ctl_field(object, "verdict"), *reason = ctl_field(object, "reason"), *owner = ctl_field(object, "owner");
        if (!verdict) {
                render_object(ctl, object);
                return;
        }
        const json_t *steps = json_object_get(object, "steps");
        if (is_table(steps))
                print_table(ctl, steps);
        fputc('\n', ctl->out);
        print_text(ctl, ctl->out, verdict, colour_of(verdict));
        static const char *const fields[] = { "user", "service", "application" };
        fputs(": ", ctl->out);
        print_text(ctl, ctl->out, reason ? reason : "-", PRINT_PLAIN);
        fputs(owner ? ", owner " : "", ctl->out);
        print_text(ctl, ctl->out, owner ? owner : "", PRINT_PLAIN);
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                const char *value = ctl_field(object, fields[i]);
                if (!value)
                        continue;
                fprintf(ctl->out, ", %s ", fields[i]);
                print_text(ctl, ctl->out, value, PRINT_PLAIN);
        }
        fputc('\n', ctl->out);
}

static void print_lines(struct ctl *ctl, FILE *to, const char *prefix, const json_t *lines) {
        size_t i;
        json_t *line;
        json_array_foreach(lines, i, line) {
                fputs(prefix, to);
                print_text(ctl, to, json_is_string(line) ? json_string_value(line) : "", PRINT_PLAIN);
                fputc('\n', to);
        }
}

void render_check(struct ctl *ctl, const json_t *object) {
        const json_t *errors = json_object_get(object, "errors");
        print_lines(ctl, ctl->err, "", errors);
        print_lines(ctl, ctl->err, "warning: ", json_object_get(object, "warnings"));
        if (json_array_size(errors) == 0)
                fputs("the configuration is valid\n", ctl->out);
        else
                fprintf(ctl->err, "multidirctl: %zu error%s in the configuration\n", json_array_size(errors), json_array_size(errors) == 1 ? "" : "s");
}

void render_ssh_keys(struct ctl *ctl, const json_t *object) {
        print_lines(ctl, ctl->out, "", json_object_get(object, "keys"));
}

static void print_diff(struct ctl *ctl, const char *kind, const json_t *part) {
        size_t i, k;
        json_t *item, *field;
        json_array_foreach(json_object_get(part, "removed"), i, item) {
                fprintf(ctl->out, "- %s ", kind);
                print_value(ctl, item, 0);
                fputc('\n', ctl->out);
        }
        json_array_foreach(json_object_get(part, "added"), i, item) {
                fprintf(ctl->out, "+ %s ", kind);
                print_value(ctl, item, 0);
                fputc('\n', ctl->out);
        }
        json_array_foreach(json_object_get(part, "changed"), i, item)
                json_array_foreach(json_object_get(item, "fields"), k, field) {
                        fprintf(ctl->out, "~ %s ", kind);
                        print_value(ctl, json_object_get(item, "name"), 0);
                        fputs(": ", ctl->out);
                        print_value(ctl, json_object_get(field, "field"), 0);
                        fputs(": ", ctl->out);
                        print_value(ctl, json_object_get(field, "from"), 0);
                        fputs(" -> ", ctl->out);
                        print_value(ctl, json_object_get(field, "to"), 0);
                        fputc('\n', ctl->out);
                }
}

void render_view_diff(struct ctl *ctl, const json_t *object) {
        fprintf(ctl->out, "view %" JSON_INTEGER_FORMAT " -> view %" JSON_INTEGER_FORMAT "\n", json_integer_value(json_object_get(object, "from")),
                json_integer_value(json_object_get(object, "to")));
        print_diff(ctl, "user", json_object_get(object, "users"));
        print_diff(ctl, "group", json_object_get(object, "groups"));
}

/* Bad lines as "line N: …"; else what was done. */
void render_import(struct ctl *ctl, const json_t *object) {
        size_t i;
        json_t *item;
        const json_t *errors = json_object_get(object, "errors");
        json_array_foreach(errors, i, item) {
                fprintf(ctl->err, "line %" JSON_INTEGER_FORMAT ": ", json_integer_value(json_object_get(item, "line")));
                print_text(ctl, ctl->err, ctl_field(item, "text") ? ctl_field(item, "text") : "", PRINT_PLAIN);
                fputc('\n', ctl->err);
        }
        size_t named = json_array_size(errors), bad = (size_t)json_integer_value(json_object_get(object, "bad"));
        if (named > 0 && bad > named)
                fprintf(ctl->err, "multidirctl: %zu bad lines, of which %zu are named; nothing was changed\n", bad, named);
        else if (named > 0)
                fprintf(ctl->err, "multidirctl: %zu bad line%s; nothing was changed\n", named, named == 1 ? "" : "s");
        else
                render_object(ctl, object);
}
