/* Applications and their mappings: the rules that hold between sections.
 * Relies on: config/parse.h.
 * Must never: let an application go without a directory that it names: each is found, or is an error. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "config/parse.h"
#include "model/name.h"

#define NAMES_SHOWN 64

/* The names of all directories, for an error. */
static void add_directories(struct sbuf *out, const struct settings *settings) {
        for (size_t i = 0; i < settings->directory_count && i < NAMES_SHOWN; i++)
                sbuf_printf(out, "%s%s", i ? ", " : "", settings->directories[i].name);
        if (settings->directory_count == 0)
                sbuf_add(out, "add a section [directory/NAME]");
}

/* The names of an application's directories, for an error. */
static void add_mapped(struct sbuf *out, const struct settings *settings, const struct application_settings *application) {
        for (size_t i = 0; i < application->mapping_count; i++)
                sbuf_printf(out, "%s%s", i ? ", " : "", settings->directories[application->mappings[i].directory].name);
        if (application->mapping_count == 0)
                sbuf_add(out, "none, the application has no directory");
}

static bool has_directory(const struct application_settings *application, size_t directory) {
        for (size_t i = 0; i < application->mapping_count; i++)
                if (application->mappings[i].directory == directory)
                        return true;
        return false;
}

/* [application/A/D] need not be written: a section without values then stands for it (neither key set: nobody may log in, L4). */
static void build_mapping(struct config_parser *parser, const struct config_section *application, const struct settings *settings,
                          size_t directory, struct mapping_settings *mapping) {
        _cleanup_sbuf_ struct sbuf name = { 0 };
        sbuf_printf(&name, "%s/%s", application->name, settings->directories[directory].name);
        const struct config_section *found = config_find_section(parser, sbuf_text(&name));
        struct config_section none = { .kind = SECTION_MAPPING, .name = sbuf_text(&name) };
        none.slots = config_take(parser, config_keys_of(SECTION_MAPPING)->count, sizeof *none.slots);
        if (name.failed)
                parser->out_of_memory = true;
        if (parser->out_of_memory)
                return;
        mapping->directory = (uint32_t)directory;
        config_parse_section(parser, found ? found : &none, mapping);
}

static void build_mappings(struct config_parser *parser, const struct config_section *section, const struct config_draft *draft,
                           const struct settings *settings, struct application_settings *application) {
        struct config_place place = config_place_of(section, "directories");
        size_t count = draft->directory_count;
        if (count > CONFIG_MAPPINGS_MAX) {
                config_error(parser, place, "[%s] has %zu directories; valid: at most %d in an application", section->name, count, CONFIG_MAPPINGS_MAX);
                count = CONFIG_MAPPINGS_MAX;
        }
        application->mappings = config_take(parser, count, sizeof *application->mappings);
        for (size_t i = 0; i < count && !parser->out_of_memory; i++) {
                size_t directory = settings_directory(settings, draft->directories[i]);
                if (directory == SETTINGS_NONE) {
                        _cleanup_sbuf_ struct sbuf valid = { 0 };
                        add_directories(&valid, settings);
                        config_error(parser, place, "[%s] directories: no file defines [directory/%s]; valid: %s", section->name,
                                     draft->directories[i], sbuf_text(&valid));
                } else
                        build_mapping(parser, section, settings, directory, &application->mappings[application->mapping_count++]);
        }
}

/* N4: DIRECTORY/GROUP:LOCAL. A group's name may hold '/', but no ':'. */
static bool parse_local_group(struct config_parser *parser, const struct settings *settings, const struct application_settings *application,
                              const char *item, struct local_group_settings *local, struct sbuf *why) {
        const char *slash = strchr(item, '/'), *colon = strrchr(item, ':');
        if (!slash || !colon || colon < slash || slash == item || colon == slash + 1 || colon[1] == 0) {
                sbuf_add(why, "valid: DIRECTORY/GROUP:LOCAL");
                return false;
        }
        char *directory = arena_copy(parser->arena, item, (size_t)(slash - item));
        char *group = arena_copy(parser->arena, slash + 1, (size_t)(colon - slash) - 1);
        if (!directory || !group) {
                parser->out_of_memory = true;
                return false;
        }
        size_t index = settings_directory(settings, directory);
        const char *reason = "";
        if (index == SETTINGS_NONE || !has_directory(application, index)) {
                sbuf_printf(why, "the application has no directory \"%s\"; valid: ", directory);
                add_mapped(why, settings, application);
        } else if (name_check(NAME_OF_GROUP, group, &reason) != REASON_OK)
                sbuf_printf(why, "\"%s\" cannot be a group's name: %s; valid: a group of the directory %s", group, reason, directory);
        else if (strcmp(colon + 1, "root") == 0)
                sbuf_add(why, "the group root (gid 0) is never given; valid: another local group");
        else if (colon[1 + strcspn(colon + 1, " \t/")] != 0)
                sbuf_printf(why, "\"%s\" cannot be a local group; valid: a name in /etc/group", colon + 1);
        else {
                *local = (struct local_group_settings){ (uint32_t)index, group, colon + 1 };
                return true;
        }
        return false;
}

static void build_local_groups(struct config_parser *parser, const struct config_section *section, const struct config_draft *draft,
                               const struct settings *settings, struct application_settings *application) {
        struct config_place place = config_place_of(section, "local_groups");
        application->local_groups = config_take(parser, draft->local_group_count, sizeof *application->local_groups);
        for (size_t i = 0; i < draft->local_group_count && !parser->out_of_memory; i++) {
                _cleanup_sbuf_ struct sbuf why = { 0 };
                if (parse_local_group(parser, settings, application, draft->local_groups[i],
                                      &application->local_groups[application->local_group_count], &why))
                        application->local_group_count++;
                else
                        config_error(parser, place, "[%s] local_groups, %.80s: %s", section->name, draft->local_groups[i], sbuf_text(&why));
        }
}

/* M8: a PAM service asks one application. */
static void note_services(struct config_parser *parser, const struct config_section *section, const struct application_settings *application,
                          uint32_t index, struct name_map *services) {
        for (size_t i = 0; i < application->service_count; i++) {
                int r = name_map_add(services, application->services[i], index);
                if (r == -ENOMEM)
                        parser->out_of_memory = true;
                if (r != -EEXIST)
                        continue;
                const struct config_section *other = &parser->sections[name_map_get(services, application->services[i])];
                struct config_place first = config_place_of(other, "services");
                config_error(parser, config_place_of(section, "services"), "[%s] services: %s belongs to [%s] already (%s:%u); valid: a PAM service in one application",
                             section->name, application->services[i], other->name, first.source->path, first.line);
        }
}

/* [application/A/D] of an application or a directory that is not there would never be looked at. */
static void check_mapping_section(struct config_parser *parser, const struct config_section *section, const struct settings *settings) {
        size_t index = settings_application(settings, section->first);
        if (index == SETTINGS_NONE) {
                config_error(parser, section->place, "[%s]: no file has [application/%s]; valid: add it, or remove this section", section->name, section->first);
                return;
        }
        const struct application_settings *application = &settings->applications[index];
        size_t directory = settings_directory(settings, section->second);
        if (directory != SETTINGS_NONE && has_directory(application, directory))
                return;
        _cleanup_sbuf_ struct sbuf valid = { 0 };
        add_mapped(&valid, settings, application);
        config_error(parser, section->place, "[%s]: \"%s\" is not among the directories of [application/%s]; valid: %s", section->name,
                     section->second, section->first, sbuf_text(&valid));
}

void config_build_applications(struct config_parser *parser, struct settings *settings) {
        struct name_map services = { 0 };
        for (size_t i = 0; i < parser->section_count && !parser->out_of_memory; i++) {
                const struct config_section *section = &parser->sections[i];
                struct application_settings *application = &settings->applications[settings->application_count];
                struct config_draft draft = { 0 };
                if (section->kind != SECTION_APPLICATION)
                        continue;
                config_parse_section(parser, section, &draft);
                *application = draft.application;
                application->name = section->first;
                settings->application_count++;
                build_mappings(parser, section, &draft, settings, application);
                build_local_groups(parser, section, &draft, settings, application);
                note_services(parser, section, application, (uint32_t)i, &services);
        }
        name_map_done(&services);
        for (size_t i = 0; i < parser->section_count; i++)
                if (parser->sections[i].kind == SECTION_MAPPING)
                        check_mapping_section(parser, &parser->sections[i], settings);
        settings->host = settings_application(settings, "host");
        if (settings->host == SETTINGS_NONE)
                config_error(parser, (struct config_place){ 0 },
                             "no file has a section [application/host], which says what this host shows; add it, with directories = a comma-separated list");
}
