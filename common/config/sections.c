/* Lines -> sections with a slot for each of their keys: what the files say, later files over earlier ones.
 * Relies on: config/lex, config/parse.h.
 * Must never: understand a value. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/lex.h"
#include "config/parse.h"

#define SECTIONS_VALID "valid: [service], [directory/NAME], [application/NAME], [application/NAME/DIRECTORY]"

/* Values printed in errors are cut here: an error is one line of a terminal or two. */
#define SHOWN(text) (int)((text).len > 80 ? 80 : (text).len), (text).at

struct config_section *config_find_section(const struct config_parser *parser, const char *name) {
        uint32_t index = name_map_get(&parser->section_names, name);
        return index == NAME_MAP_NONE ? NULL : &parser->sections[index];
}

static struct config_section *add_section(struct config_parser *parser, struct config_section section) {
        if (parser->section_count == parser->section_size) {
                size_t size = parser->section_size ? 2 * parser->section_size : 16;
                struct config_section *sections = reallocarray(parser->sections, size, sizeof *sections);
                if (!sections)
                        return NULL;
                parser->sections = sections;
                parser->section_size = size;
        }
        section.slots = arena_alloc(parser->arena, config_keys_of(section.kind)->count * sizeof *section.slots);
        if (!section.slots || name_map_add(&parser->section_names, section.name, (uint32_t)parser->section_count) < 0)
                return NULL;
        parser->sections[parser->section_count] = section;
        return &parser->sections[parser->section_count++];
}

static void unknown_section(struct config_parser *parser, struct config_place place, struct lex_text name) {
        static const char *const kinds[] = { "service", "directory", "application", "run" };
        char kind[16] = "";
        const char *slash = memchr(name.at, '/', name.len);
        size_t len = slash ? (size_t)(slash - name.at) : name.len;
        if (len < sizeof kind)
                memcpy(kind, name.at, len);
        if (strcmp(kind, "run") == 0) {
                config_error(parser, place, "[%.*s]: this version has no runs; " SECTIONS_VALID, SHOWN(name));
                return;
        }
        const char *nearest = config_nearest(kind, kinds, 3);
        if (nearest && strcmp(nearest, kind) != 0)
                config_error(parser, place, "unknown section [%.*s]; did you mean [%s%s? " SECTIONS_VALID, SHOWN(name), nearest,
                             strcmp(nearest, "service") == 0 ? "]" : "/NAME]");
        else
                config_error(parser, place, "unknown section [%.*s]; " SECTIONS_VALID, SHOWN(name));
}

/* Splits "application/A/D". false: not a section that there is. */
static bool split_name(struct lex_text name, enum section_kind *kind, struct lex_text *first, struct lex_text *second) {
        *first = *second = (struct lex_text){ 0 };
        if (lex_is(name, "service")) {
                *kind = SECTION_SERVICE;
                return true;
        }
        const char *slash = memchr(name.at, '/', name.len);
        if (!slash)
                return false;
        struct lex_text word = { name.at, (size_t)(slash - name.at) };
        *first = (struct lex_text){ slash + 1, name.len - word.len - 1 };
        *kind = SECTION_DIRECTORY;
        if (lex_is(word, "directory"))
                return true;
        if (!lex_is(word, "application"))
                return false;
        *kind = SECTION_APPLICATION;
        const char *next = memchr(first->at, '/', first->len);
        if (next) {
                *kind = SECTION_MAPPING;
                *second = (struct lex_text){ next + 1, first->len - (size_t)(next - first->at) - 1 };
                first->len = (size_t)(next - first->at);
        }
        return true;
}

/* The section that a header opens; NULL, with an error noted, if there is none such. */
static struct config_section *open_section(struct config_parser *parser, struct config_place place, struct lex_text name) {
        struct config_section section = { .place = place };
        struct lex_text first, second;
        if (!split_name(name, &section.kind, &first, &second)) {
                unknown_section(parser, place, name);
                return NULL;
        }
        if ((section.kind != SECTION_SERVICE && !config_name_is_valid(first.at, first.len)) ||
            (section.kind == SECTION_MAPPING && !config_name_is_valid(second.at, second.len))) {
                config_error(parser, place, "[%.*s]: not a name of a directory or application; " CONFIG_NAME_VALID, SHOWN(name));
                return NULL;
        }
        /* replica/store.c: the folder of the stores has files of these names already. */
        if (section.kind == SECTION_DIRECTORY && (lex_is(first, "ids") || lex_is(first, "logins"))) {
                config_error(parser, place, "[%.*s]: no directory can have this name: the service keeps a file of that name; valid: any other name", SHOWN(name));
                return NULL;
        }
        section.name = arena_copy(parser->arena, name.at, name.len);
        section.first = first.at ? arena_copy(parser->arena, first.at, first.len) : NULL;
        section.second = second.at ? arena_copy(parser->arena, second.at, second.len) : NULL;
        bool copied = section.name && !section.first == !first.at && !section.second == !second.at;
        struct config_section *found = copied ? config_find_section(parser, section.name) : NULL;
        if (copied && !found)
                found = add_section(parser, section);
        if (!found)
                parser->out_of_memory = true;
        return found;
}

static struct config_slot *find_slot(struct config_section *section, const char *key) {
        if (section->kind == SECTION_DIRECTORY && strcmp(key, "type") == 0)
                return &section->type;
        size_t index = config_key_index(section->kind, key);
        return index == SIZE_MAX ? NULL : &section->slots[index];
}

static void read_value(struct config_parser *parser, struct config_section *section, struct config_place place, const struct lex_line *line) {
        const char *key = arena_copy(parser->arena, line->name.at, line->name.len);
        const char *value = arena_copy(parser->arena, line->value.at ? line->value.at : "", line->value.len);
        if (!key || !value) {
                parser->out_of_memory = true;
                return;
        }
        struct config_slot *slot = find_slot(section, key);
        if (!slot) {
                _cleanup_sbuf_ struct sbuf why = { 0 };
                config_unknown_key(section, key, &why);
                config_error(parser, place, "%s", sbuf_text(&why));
        } else if (slot->text && slot->place.source == place.source)
                config_error(parser, place, "%s is set twice in this file, in [%s]: line %u has it too; valid: once in a file (a later file may set it again)",
                             key, section->name, slot->place.line);
        else
                *slot = (struct config_slot){ value, place };
}

static void read_source(struct config_parser *parser, const struct config_source *source) {
        struct config_section *section = NULL;
        bool after_bad_section = false;
        struct lex lex;
        struct lex_line line;
        lex_init(&lex, source->text, source->len);
        while (!parser->out_of_memory && lex_next(&lex, &line)) {
                struct config_place place = { source, line.number };
                if (line.kind == LEX_BAD)
                        config_error(parser, place, "%s", line.problem);
                else if (line.kind == LEX_SECTION) {
                        section = open_section(parser, place, line.name);
                        after_bad_section = !section;
                } else if (section)
                        read_value(parser, section, place, &line);
                else if (!after_bad_section)
                        /* Values below a section that was refused were meant for it: one error is enough. */
                        config_error(parser, place, "a value before the first section; " SECTIONS_VALID);
        }
}

void config_read_lines(struct config_parser *parser) {
        for (size_t i = 0; i < parser->sources->count; i++)
                read_source(parser, &parser->sources->items[i]);
}
