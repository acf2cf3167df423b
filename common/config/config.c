/* config_parse: texts -> one immutable configuration, or all errors; and what each key's value is and where it comes from.
 * Relies on: config/parse.h.
 * Must never: give a configuration that has an error. */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ports.h"
#include "config/parse.h"

struct config_origin { const char *section, *key, *value, *origin; };

static void parser_done(struct config_parser *parser) {
        struct sbuf unwritten = { 0 };
        config_write_errors(parser, &unwritten);
        sbuf_done(&unwritten);
        free(parser->sections);
        name_map_done(&parser->section_names);
}

/* "FILE:LINE", "profile NAME" for what a profile that is set presets (U13), "preset NAME" for what a preset says, or "default". */
static const char *origin_text(struct config_parser *parser, const struct config_section *section, const struct config_key *key,
                               const struct config_slot *slot) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        const struct config_slot *profile = key->preset && section->kind == SECTION_APPLICATION ? &section->slots[config_key_index(SECTION_APPLICATION, "profile")] : NULL;
        if (slot->text)
                sbuf_printf(&text, "%s:%u", slot->place.source->path, slot->place.line);
        else if (config_preset_value(section, key))
                sbuf_printf(&text, "preset %s", config_preset_of(section));
        else if (profile && profile->text)
                sbuf_printf(&text, "profile %s", profile->text);
        else
                sbuf_add(&text, "default");
        char *copy = text.failed ? NULL : arena_strdup(parser->arena, sbuf_text(&text));
        if (!copy)
                parser->out_of_memory = true;
        return copy;
}

static void note_section(struct config_parser *parser, const struct config_section *section, struct config *config) {
        const struct config_keys *table = config_keys_of(section->kind);
        if (section->type.text)
                config->origins[config->origin_count++] = (struct config_origin){ section->name, "type", section->type.text,
                        origin_text(parser, section, &(struct config_key){ .name = "type" }, &section->type) };
        for (size_t i = 0; i < table->count; i++) {
                const struct config_slot *slot = &section->slots[i];
                /* Not what another type has. What only a preset says is shown where it counts (P5). */
                if (!config_has_key(section, &table->keys[i]) || (table->keys[i].sealed && config_section_type(section) != DIRECTORY_LDAP))
                        continue;
                config->origins[config->origin_count++] = (struct config_origin){ section->name, table->keys[i].name,
                        slot->text ? slot->text : config_fallback(section, &table->keys[i]), origin_text(parser, section, &table->keys[i], slot) };
        }
}

/* A section that no file has, but that has its defaults all the same: [service], mappings. */
static void note_defaults(struct config_parser *parser, enum section_kind kind, const char *name, struct config *config) {
        struct config_section section = { .kind = kind, .name = name };
        if (!name || config_find_section(parser, name))
                return;
        section.slots = config_take(parser, config_keys_of(kind)->count, sizeof *section.slots);
        if (section.slots)
                note_section(parser, &section, config);
}

static void note_origins(struct config_parser *parser, struct config *config) {
        const struct settings *settings = &config->settings;
        size_t room = config_keys_of(SECTION_SERVICE)->count, mappings = 0;
        for (size_t i = 0; i < parser->section_count; i++)
                room += 1 + config_keys_of(parser->sections[i].kind)->count;
        for (size_t i = 0; i < settings->application_count; i++)
                mappings += settings->applications[i].mapping_count;
        config->origins = config_take(parser, room + mappings * config_keys_of(SECTION_MAPPING)->count, sizeof *config->origins);
        if (!config->origins)
                return;
        for (size_t i = 0; i < parser->section_count; i++)
                note_section(parser, &parser->sections[i], config);
        note_defaults(parser, SECTION_SERVICE, "service", config);
        for (size_t i = 0; i < settings->application_count; i++)
                for (size_t k = 0; k < settings->applications[i].mapping_count; k++) {
                        _cleanup_sbuf_ struct sbuf name = { 0 };
                        sbuf_printf(&name, "application/%s/%s", settings->applications[i].name,
                                    settings->directories[settings->applications[i].mappings[k].directory].name);
                        char *copy = name.failed ? NULL : arena_strdup(parser->arena, sbuf_text(&name));
                        if (!copy)
                                parser->out_of_memory = true;
                        note_defaults(parser, SECTION_MAPPING, copy, config);
                }
}

int config_parse(const struct config_sources *sources, bool check_files, struct sbuf *errors, struct config **config) {
        struct config *made = calloc(1, sizeof *made);
        if (!made || !(made->arena = calloc(1, sizeof *made->arena))) {
                free(made);
                return -ENOMEM;
        }
        struct config_parser parser = { .sources = sources, .check_files = check_files, .arena = made->arena };
        if (check_files)
                ports_read(PORTS_FILE);
        config_read_lines(&parser);
        if (!parser.out_of_memory)
                config_build(&parser, made);
        bool bad = parser.error_count > 0;
        if (!bad && !parser.out_of_memory)
                note_origins(&parser, made);
        config_write_errors(&parser, errors);
        int r = parser.out_of_memory || errors->failed ? -ENOMEM : bad ? -EINVAL : 0;
        parser_done(&parser);
        if (r < 0)
                config_free(made);
        else
                *config = made;
        return r;
}

void config_free(struct config *config) {
        if (!config)
                return;
        arena_done(config->arena);
        free(config->arena);
        free(config);
}

const char *config_value(const struct config *config, const char *section, const char *key, const char **origin) {
        for (size_t i = 0; i < config->origin_count; i++) {
                const struct config_origin *o = &config->origins[i];
                if (strcmp(o->section, section) != 0 || strcmp(o->key, key) != 0)
                        continue;
                if (origin)
                        *origin = o->origin;
                return o->value;
        }
        return NULL;
}

bool config_value_at(const struct config *config, const char *section, size_t index, const char **key, const char **value, const char **origin) {
        for (size_t i = 0; i < config->origin_count; i++) {
                const struct config_origin *o = &config->origins[i];
                if (strcmp(o->section, section) != 0 || index-- > 0)
                        continue;
                *key = o->key;
                *value = o->value;
                *origin = o->origin;
                return true;
        }
        return false;
}

void config_directory_text(const struct config *config, const char *directory, struct sbuf *text) {
        _cleanup_sbuf_ struct sbuf section = { 0 };
        sbuf_printf(&section, "directory/%s", directory);
        text->failed = text->failed || section.failed;
        for (size_t i = 0; i < config->origin_count && !section.failed; i++)
                if (strcmp(config->origins[i].section, sbuf_text(&section)) == 0)
                        sbuf_printf(text, "%s=%s\n", config->origins[i].key, config->origins[i].value);
}

const struct ldap_settings *config_ldap(const struct config *config, size_t directory) {
        return directory < config->settings.directory_count ? config->ldap[directory] : NULL;
}
