/* Sections -> settings: every value parsed, then the rules that hold between sections.
 * Relies on: config/parse.h.
 * Must never: put a default where a wrong value was given without noting an error. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "config/parse.h"
#include "model/name.h"

void *config_take(struct config_parser *parser, size_t count, size_t size) {
        void *p = arena_alloc(parser->arena, count > 0 ? count * size : 1);
        if (!p)
                parser->out_of_memory = true;
        return p;
}

static void parse_slot(struct config_parser *parser, const struct config_section *section, const struct config_key *key,
                       const char *text, struct config_place place, void *target) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        if (key->later) {
                if (strcmp(text, key->fallback) != 0)
                        config_error(parser, place, "[%s] %s = %.80s: this version does not have it; valid: %s", section->name, key->name, text,
                                     *key->fallback ? key->fallback : "nothing after the =");
                return;
        }
        if (!key->parse(parser, key, text, (char *)target + key->offset, &why))
                config_error(parser, place, "[%s] %s = %.80s: %s", section->name, key->name, text, sbuf_text(&why));
}

/* What a key has where no file sets it. NULL: nothing, the section must set it. */
const char *config_fallback(const struct config_section *section, const struct config_key *key) {
        if (!key->preset)
                return key->fallback;
        const char *profile = section->slots[config_key_index(SECTION_APPLICATION, "profile")].text;
        const char *preset = profile ? config_preset(profile, key->name) : NULL;
        return preset ? preset : config_preset("crowd", key->name);
}

/* Defaults first, whatever the files say: a wrong value leaves no field unset for the rules that follow. */
void config_parse_section(struct config_parser *parser, const struct config_section *section, void *target) {
        const struct config_keys *table = config_keys_of(section->kind);
        for (size_t i = 0; i < table->count; i++) {
                const struct config_key *key = &table->keys[i];
                const struct config_slot *slot = &section->slots[i];
                const char *fallback = config_fallback(section, key);
                if (fallback && key->parse)
                        parse_slot(parser, section, key, fallback, section->place, target);
                if (slot->text)
                        parse_slot(parser, section, key, slot->text, slot->place, target);
                else if (!fallback)
                        config_error(parser, section->place, "[%s] has no %s; valid: %s = a comma-separated list, in the order in which they are searched",
                                     section->name, key->name, key->name);
        }
}

#define TYPE_VALID "valid: type = internal"

static void check_type(struct config_parser *parser, const struct config_section *section) {
        static const char *const later[] = { "ldap", "delegated", "crowd", "jira" };
        const struct config_slot *type = &section->type;
        if (!type->text) {
                config_error(parser, section->place, "[%s] has no type; " TYPE_VALID, section->name);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(later); i++)
                if (strcmp(type->text, later[i]) == 0) {
                        config_error(parser, type->place, "[%s] type = %s: this version has no such directories, it has internal only; " TYPE_VALID,
                                     section->name, type->text);
                        return;
                }
        if (strcmp(type->text, "internal") != 0)
                config_error(parser, type->place, "[%s] type = %.80s: not a type; " TYPE_VALID, section->name, type->text);
}

static void build_directory(struct config_parser *parser, const struct config_section *section, struct directory_settings *directory) {
        directory->name = section->first;
        directory->type = DIRECTORY_INTERNAL;
        check_type(parser, section);
        config_parse_section(parser, section, directory);
        if (directory->has_id_range && directory->id_range_last < directory->min_id) {
                const struct config_slot *slot = &section->slots[config_key_index(SECTION_DIRECTORY, "id_range")];
                config_error(parser, slot->place, "[%s] id_range = %s: all of it lies below min_id = %u; valid: a range that reaches above it",
                             section->name, slot->text, directory->min_id);
        }
}

static size_t count_of(const struct config_parser *parser, enum section_kind kind) {
        size_t count = 0;
        for (size_t i = 0; i < parser->section_count; i++)
                count += parser->sections[i].kind == kind;
        return count;
}

/* [service] need not be written: a section without values then stands for it. */
static void build_service(struct config_parser *parser, struct settings *settings) {
        const struct config_section *found = config_find_section(parser, "service");
        struct config_section none = { .kind = SECTION_SERVICE, .name = "service" };
        none.slots = config_take(parser, config_keys_of(SECTION_SERVICE)->count, sizeof *none.slots);
        if (none.slots)
                config_parse_section(parser, found ? found : &none, settings);
}

void config_build(struct config_parser *parser, struct settings *settings) {
        build_service(parser, settings);
        settings->directories = config_take(parser, count_of(parser, SECTION_DIRECTORY), sizeof *settings->directories);
        settings->applications = config_take(parser, count_of(parser, SECTION_APPLICATION), sizeof *settings->applications);
        if (parser->out_of_memory)
                return;
        for (size_t i = 0; i < parser->section_count; i++)
                if (parser->sections[i].kind == SECTION_DIRECTORY)
                        build_directory(parser, &parser->sections[i], &settings->directories[settings->directory_count++]);
        config_build_applications(parser, settings);
}
