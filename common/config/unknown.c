/* What to say of a key that a section does not have.
 * Relies on: config/parse.h.
 * Must never: list a key that would be refused. */
#include <string.h>

#include "base/cleanup.h"
#include "config/parse.h"

/* Keys of the directory types that a later version brings, so that a configuration written for one gets a clear answer. */
static const struct { const char *key, *types; } foreign_keys[] = {
        { "url", "crowd and jira" }, { "application_name", "crowd and jira" }, { "application_password_file", "crowd and jira" },
};

#define WORDS_MAX 80
#define WORDS_SHOWN_BESIDE_ONE 30 /* more would hide the one that was meant */

/* The keys that the section can have; all of a directory's while its type is not known. */
static size_t valid_keys(const struct config_section *section, const char *words[WORDS_MAX]) {
        const struct config_keys *table = config_keys_of(section->kind);
        bool any = section->kind == SECTION_DIRECTORY && config_section_type(section) == DIRECTORY_TYPE_NONE;
        size_t count = 0;
        if (section->kind == SECTION_DIRECTORY)
                words[count++] = "type";
        for (size_t i = 0; i < table->count && count < WORDS_MAX; i++)
                if (!table->keys[i].sealed && (any || config_has_key(section, &table->keys[i])))
                        words[count++] = table->keys[i].name;
        return count;
}

void config_unknown_key(const struct config_section *section, const char *name, struct sbuf *why) {
        const char *words[WORDS_MAX], *types = NULL;
        size_t count = valid_keys(section, words), index = config_key_index(section->kind, name);
        for (size_t i = 0; section->kind == SECTION_DIRECTORY && i < ARRAY_SIZE(foreign_keys); i++)
                if (strcmp(foreign_keys[i].key, name) == 0)
                        types = foreign_keys[i].types;
        const struct config_key *key = index == SIZE_MAX ? NULL : &config_keys_of(section->kind)->keys[index];
        const char *nearest = types || key ? NULL : config_nearest(name, words, count);
        if (types)
                sbuf_printf(why, "the key \"%s\" belongs to directories of type %s; this version has types internal, ldap and delegated only; valid:", name, types);
        else if (key && key->sealed)
                sbuf_printf(why, "[%s] %s: only a preset says it (P5); valid:", section->name, name);
        else if (key)
                sbuf_printf(why, "the key \"%s\" belongs to directories of type %s, and [%s] is of type %s; valid:", name, key->delegated ? "delegated" : "ldap or delegated", section->name,
                            section->type.text ? section->type.text : "none");
        else
                sbuf_printf(why, "[%s] has no key \"%.80s\"; ", section->name, name);
        if (nearest)
                sbuf_printf(why, "did you mean \"%s\"? ", nearest);
        if (nearest && count > WORDS_SHOWN_BESIDE_ONE) {
                sbuf_printf(why, "valid: the keys of type %s in multidir.conf(5)", section->type.text ? section->type.text : "internal, ldap and delegated");
                return;
        }
        if (!types && !key)
                sbuf_add(why, "valid:");
        for (size_t i = 0; i < count; i++)
                sbuf_printf(why, "%s %s", i ? "," : "", words[i]);
}
