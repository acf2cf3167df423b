/* The file of changes made at run time: one value set or removed, every other byte left as it is.
 * Relies on: config/lex.
 * Must never: write a value that would be read back as another one. */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "config/lex.h"

/* Where a text must change: the line that sets the key, else the end of the section's last line that is not empty. */
struct spot { const char *line, *line_end, *section_end; };

static const char *after_line(struct lex_text whole, const char *end) {
        const char *stop = whole.at + whole.len;
        return stop < end ? stop + 1 : stop;
}

static struct spot find_spot(const char *text, size_t len, const char *section, const char *key) {
        struct spot spot = { 0 };
        struct lex lex;
        struct lex_line line;
        bool inside = false;
        lex_init(&lex, text, len);
        while (lex_next(&lex, &line)) {
                if (line.kind == LEX_SECTION)
                        inside = lex_is(line.name, section);
                if (!inside)
                        continue;
                spot.section_end = after_line(line.whole, text + len);
                if (line.kind == LEX_VALUE && lex_is(line.name, key)) {
                        spot.line = line.whole.at;
                        spot.line_end = spot.section_end;
                }
        }
        return spot;
}

/* Whether "KEY = value" gives this very value when it is read. */
static bool reads_back(const char *section, const char *key, const char *value) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        struct lex lex;
        struct lex_line line;
        sbuf_printf(&text, "[%s]\n%s = %s\n", section, key, value);
        lex_init(&lex, sbuf_text(&text), text.len);
        return lex_next(&lex, &line) && line.kind == LEX_SECTION && lex_is(line.name, section) &&
                lex_next(&lex, &line) && line.kind == LEX_VALUE && lex_is(line.name, key) && lex_is(line.value, value) &&
                !lex_next(&lex, &line);
}

int config_set_text(const char *text, const char *section, const char *key, const char *value, char **new_text) {
        _cleanup_sbuf_ struct sbuf out = { 0 };
        size_t len = text ? strlen(text) : 0;
        if (!text)
                text = "";
        if (!reads_back(section, key, value ? value : ""))
                return -EINVAL;
        struct spot spot = find_spot(text, len, section, key);
        const char *cut = spot.line ? spot.line : spot.section_end ? spot.section_end : text + len;
        const char *rest = spot.line ? spot.line_end : cut;
        sbuf_add_bytes(&out, text, (size_t)(cut - text));
        if (value) {
                if (cut > text && cut[-1] != '\n')
                        sbuf_add(&out, "\n");
                if (!spot.section_end)
                        sbuf_printf(&out, "%s[%s]\n", len > 0 ? "\n" : "", section);
                sbuf_printf(&out, "%s = %s\n", key, value);
        }
        sbuf_add_bytes(&out, rest, len - (size_t)(rest - text));
        char *made = sbuf_take(&out);
        if (!made)
                return -ENOMEM;
        *new_text = made;
        return 0;
}

const char *config_overridden(const struct config_sources *sources, const char *section, const char *key) {
        const char *runtime = strrchr(CONFIG_RUNTIME_FILE, '/') + 1;
        const char *found = NULL;
        /* The first is multidir.conf itself, which every file of the folder comes after. */
        for (size_t i = 1; i < sources->count; i++) {
                const struct config_source *source = &sources->items[i];
                const char *slash = strrchr(source->path, '/');
                if (strcmp(slash ? slash + 1 : source->path, runtime) > 0 && find_spot(source->text, source->len, section, key).line)
                        found = source->path;
        }
        return found;
}
