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

struct config_place config_place_of(const struct config_section *section, const char *key) {
        const struct config_slot *slot = &section->slots[config_key_index(section->kind, key)];
        return slot->text ? slot->place : section->place;
}

/* Defaults first, whatever the files say: a wrong value leaves no field unset for the rules that follow. */
void config_parse_section(struct config_parser *parser, const struct config_section *section, void *target) {
        const struct config_keys *table = config_keys_of(section->kind);
        for (size_t i = 0; i < table->count; i++) {
                const struct config_key *key = &table->keys[i];
                const struct config_slot *slot = &section->slots[i];
                if (!config_has_key(section, key))
                        continue;
                const char *fallback = config_fallback(section, key);
                if (fallback && key->parse)
                        parse_slot(parser, section, key, fallback, section->place, target);
                if (slot->text && !key->sealed)
                        parse_slot(parser, section, key, slot->text, slot->place, target);
                else if (!fallback)
                        config_error(parser, section->place, "[%s] has no %s; valid: %s = %s", section->name, key->name, key->name, key->required);
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

void config_build(struct config_parser *parser, struct config *config) {
        struct settings *settings = &config->settings;
        build_service(parser, settings);
        settings->directories = config_take(parser, count_of(parser, SECTION_DIRECTORY), sizeof *settings->directories);
        settings->applications = config_take(parser, count_of(parser, SECTION_APPLICATION), sizeof *settings->applications);
        const struct ldap_settings **ldap = config_take(parser, count_of(parser, SECTION_DIRECTORY), sizeof *ldap);
        config->ldap = ldap;
        if (parser->out_of_memory)
                return;
        for (size_t i = 0; i < parser->section_count; i++)
                if (parser->sections[i].kind == SECTION_DIRECTORY) {
                        size_t index = settings->directory_count++;
                        config_build_directory(parser, &parser->sections[i], &settings->directories[index], &ldap[index]);
                }
        config_build_applications(parser, settings);
}
