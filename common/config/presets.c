/* What presets say: U13's of the products for applications, those of LDAP servers for directories.
 * Relies on: the table that presets.awk makes of conf/presets.
 * Must never: know what a key means. */
#include <string.h>

#include "base/cleanup.h"
#include "config/parse.h"

/* U13 */
static const struct { const char *profile, *membership, *updates, *group_writes, *external_writes; } profiles[] = {
        { "crowd", "non-aggregating", "owner", "all", "allowed" },
        { "jira", "non-aggregating", "owner", "all", "allowed" },
        { "confluence", "aggregating", "owner", "all", "allowed" },
        { "confluence-3.5", "non-aggregating", "first-writable", "first", "allowed" },
        { "fisheye", "aggregating", "owner", "all", "never" },
        { "bitbucket", "aggregating", "owner", "all", "never" },
};

const char *config_profile(const char *profile, const char *key) {
        for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
                if (strcmp(profiles[i].profile, profile) != 0)
                        continue;
                return strcmp(key, "membership") == 0 ? profiles[i].membership
                        : strcmp(key, "updates") == 0 ? profiles[i].updates
                        : strcmp(key, "group_writes") == 0 ? profiles[i].group_writes
                        : strcmp(key, "external_writes") == 0 ? profiles[i].external_writes : NULL;
        }
        return NULL;
}

bool config_preset_is(const char *name) {
        for (const char *const *p = config_preset_names; *p; p++)
                if (strcmp(*p, name) == 0)
                        return true;
        return false;
}

const char *config_preset(const char *name, const char *key) {
        for (const struct config_preset_value *v = config_preset_values; v->preset; v++)
                if (strcmp(v->key, key) == 0 && strcmp(v->preset, name) == 0)
                        return v->value;
        return NULL;
}

const char *config_preset_of(const struct config_section *section) {
        size_t index = section->kind == SECTION_DIRECTORY ? config_key_index(SECTION_DIRECTORY, "preset") : SIZE_MAX;
        if (index == SIZE_MAX || !config_has_ldap(section))
                return NULL;
        const char *text = section->slots[index].text;
        return text && config_preset_is(text) ? text : config_keys_of(SECTION_DIRECTORY)->keys[index].fallback;
}

/* What a preset says of ids and nesting is said of the server's users and groups: those of a delegated directory are this host's own (D3). */
const char *config_preset_value(const struct config_section *section, const struct config_key *key) {
        const char *preset = config_preset_of(section);
        if (!preset || !key->preset || (!key->ldap && config_section_type(section) == DIRECTORY_DELEGATED))
                return NULL;
        return config_preset(preset, key->name);
}

const char *config_fallback(const struct config_section *section, const struct config_key *key) {
        const char *value = config_preset_value(section, key);
        if (section->kind != SECTION_APPLICATION || !key->preset)
                return value ? value : key->fallback;
        const char *profile = section->slots[config_key_index(SECTION_APPLICATION, "profile")].text;
        value = profile ? config_profile(profile, key->name) : NULL;
        return value ? value : config_profile("crowd", key->name);
}
