/* Directories: their type, the values of its keys, and the rules within one section.
 * Relies on: config/parse.h.
 * Must never: take a key in silence that the type does not have. */
#include <string.h>

#include "base/cleanup.h"
#include "config/parse.h"

#define TYPE_VALID "valid: type = internal, type = ldap, type = delegated"

enum directory_type config_section_type(const struct config_section *section) {
        const char *text = section->kind == SECTION_DIRECTORY && section->type.text ? section->type.text : "";
        return strcmp(text, "internal") == 0 ? DIRECTORY_INTERNAL : strcmp(text, "ldap") == 0 ? DIRECTORY_LDAP
             : strcmp(text, "delegated") == 0 ? DIRECTORY_DELEGATED : DIRECTORY_TYPE_NONE;
}

bool config_has_ldap(const struct config_section *section) {
        enum directory_type type = config_section_type(section);
        return type == DIRECTORY_LDAP || type == DIRECTORY_DELEGATED;
}

bool config_has_key(const struct config_section *section, const struct config_key *key) {
        return (!key->ldap || config_has_ldap(section)) && (!key->delegated || config_section_type(section) == DIRECTORY_DELEGATED);
}

static void check_type(struct config_parser *parser, const struct config_section *section) {
        static const char *const later[] = { "crowd", "jira" };
        const struct config_slot *type = &section->type;
        if (!type->text) {
                config_error(parser, section->place, "[%s] has no type; " TYPE_VALID, section->name);
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(later); i++)
                if (strcmp(type->text, later[i]) == 0) {
                        config_error(parser, type->place, "[%s] type = %s: this version has no such directories, it has internal, ldap and delegated only; " TYPE_VALID,
                                     section->name, type->text);
                        return;
                }
        if (config_section_type(section) == DIRECTORY_TYPE_NONE)
                config_error(parser, type->place, "[%s] type = %.80s: not a type; " TYPE_VALID, section->name, type->text);
}

/* Keys that the type does not have. The type may stand below them, or in another file, so this is not known when they are read. */
static void check_foreign(struct config_parser *parser, const struct config_section *section) {
        const struct config_keys *table = config_keys_of(SECTION_DIRECTORY);
        if (config_section_type(section) == DIRECTORY_TYPE_NONE)
                return;
        for (size_t i = 0; i < table->count; i++) {
                const struct config_key *key = &table->keys[i];
                const struct config_slot *slot = &section->slots[i];
                _cleanup_sbuf_ struct sbuf why = { 0 };
                bool foreign = !config_has_key(section, key), off = key->fallback && strcmp(key->fallback, "no") == 0 && !key->preset;
                if (!slot->text || (!foreign && !key->sealed) || (foreign && off && strcmp(slot->text, "no") == 0))
                        continue;
                config_unknown_key(section, key->name, &why);
                config_error(parser, slot->place, "%s", sbuf_text(&why));
        }
}

static void check_ids(struct config_parser *parser, const struct config_section *section, const struct directory_settings *directory) {
        const struct config_slot *range = &section->slots[config_key_index(SECTION_DIRECTORY, "id_range")];
        if (directory->has_id_range && directory->id_range_last < directory->min_id)
                config_error(parser, range->place, "[%s] id_range = %s: all of it lies below min_id = %u; valid: a range that reaches above it",
                             section->name, range->text, directory->min_id);
        if (directory->ids == IDS_SID && directory_is_kept_here(directory->type))
                config_error(parser, config_place_of(section, "ids"), "[%s] ids = sid: users of an internal or delegated directory have no SID (I1); valid: allocate, attribute",
                             section->name);
}

void config_build_directory(struct config_parser *parser, const struct config_section *section, struct directory_settings *directory,
                            const struct ldap_settings **ldap) {
        struct config_directory made = { .directory.name = section->first, .directory.type = config_section_type(section) };
        check_type(parser, section);
        check_foreign(parser, section);
        config_parse_section(parser, section, &made);
        check_ids(parser, section, &made.directory);
        if (config_has_ldap(section)) {
                struct ldap_settings *kept = config_take(parser, 1, sizeof *kept);
                config_check_ldap(parser, section, &made);
                /* P5. What a delegated directory has is kept here, whatever its preset says of the server. */
                made.directory.writes_passwords = made.directory.type == DIRECTORY_LDAP && made.ldap.writable;
                made.directory.read_only_kind = made.directory.type == DIRECTORY_LDAP && !made.ldap.writable;
                if (kept)
                        *kept = made.ldap;
                *ldap = kept;
        }
        *directory = made.directory;
}
