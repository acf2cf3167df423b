/* The table of keys: for each kind of section its keys, their parsers and defaults; the presets of the profiles (U13).
 * Relies on: config/parse.h.
 * Must never: hold a default in two places. */
#include <stddef.h>
#include <string.h>

#include "config/parse.h"

#define AT(type, member) .offset = offsetof(type, member)
#define LIST(type, member, count) .offset = offsetof(type, member), .count_offset = offsetof(type, count)

static const struct config_word id_words[] = { { "allocate", IDS_ALLOCATE }, { "attribute", IDS_ATTRIBUTE }, { NULL, 0 } };
static const struct config_word unavailable_words[] = { { "stop", ON_UNAVAILABLE_STOP }, { "next", ON_UNAVAILABLE_NEXT }, { NULL, 0 } };
static const struct config_word case_words[] = { { "lower", NAME_CASE_LOWER }, { "preserve", NAME_CASE_PRESERVE }, { NULL, 0 } };
static const struct config_word membership_words[] = { { "non-aggregating", NON_AGGREGATING }, { "aggregating", AGGREGATING }, { NULL, 0 } };
static const struct config_word updates_words[] = { { "owner", UPDATES_OWNER }, { "first-writable", UPDATES_FIRST_WRITABLE }, { NULL, 0 } };
static const struct config_word group_writes_words[] = { { "all", GROUP_WRITES_ALL }, { "first", GROUP_WRITES_FIRST }, { NULL, 0 } };
static const struct config_word external_words[] = { { "allowed", EXTERNAL_WRITES_ALLOWED }, { "never", EXTERNAL_WRITES_NEVER }, { NULL, 0 } };
static const struct config_word publish_words[] = { { "all", PUBLISH_ALL }, { "with-access", PUBLISH_WITH_ACCESS }, { NULL, 0 } };

static const struct config_key service_keys[] = {
        { "login_deadline", "8s", value_duration, AT(struct settings, login_deadline_s), .min = 1, .max = 300 },
        { "account_max_age", "0", value_duration, AT(struct settings, account_max_age_s), .max = CONFIG_DURATION_MAX },
};

/* Of the types that this version has: internal. */
#define D struct directory_settings
static const struct config_key directory_keys[] = {
        { "active", "yes", value_bool, AT(D, active) },
        { "permissions", "read-write", value_permissions, AT(D, permissions) },
        { "nested_groups", "yes", value_bool, AT(D, nested_groups) },
        { "ids", "allocate", value_word, AT(D, ids), .words = id_words },
        { "id_range", "", value_id_range },
        { "min_id", "1000", value_u32, AT(D, min_id), .min = 1000, .max = INT32_MAX },
        { "on_unavailable", "stop", value_word, AT(D, on_unavailable), .words = unavailable_words },
        { "refresh", "60m", value_duration, AT(D, refresh_s), .min = 1, .max = CONFIG_DURATION_MAX },
        { "replica_max_age", "24h", value_duration, AT(D, replica_max_age_s), .min = 1, .max = CONFIG_DURATION_MAX },
        { "shrink_guard", "20", value_u32, AT(D, shrink_guard), .max = 100 },
        { "offline_login", "no", value_offline, AT(D, offline_login_s), .min = 1, .max = CONFIG_DURATION_MAX, .later = true },
        { "home", "/home/%u", value_home, AT(D, home) },
        { "shell", "/bin/bash", value_shell, AT(D, shell) },
        { "primary_group", "", value_group, AT(D, primary_group) },
        { "name_case", "lower", value_word, AT(D, name_case), .words = case_words },
        { "ignore_inactive_groups", "no", value_bool, AT(D, ignore_inactive_groups) },
        { "starttls", "no", NULL, .later = true },
        { "insecure_plaintext", "no", NULL, .later = true },
        { "sso", "no", NULL, .later = true },
};

#define A struct application_settings
static const struct config_key application_keys[] = {
        { "profile", "crowd", value_profile, AT(A, profile) },
        { "directories", NULL, value_names, LIST(struct config_draft, directories, directory_count) },
        { "membership", NULL, value_word, AT(A, membership), .words = membership_words, .preset = true },
        { "updates", NULL, value_word, AT(A, updates), .words = updates_words, .preset = true },
        { "group_writes", NULL, value_word, AT(A, group_writes), .words = group_writes_words, .preset = true },
        { "external_writes", NULL, value_word, AT(A, external_writes), .words = external_words, .preset = true },
        { "seats", "0", value_u32, AT(A, seats), .max = UINT32_MAX, .later = true },
        { "seats_exempt_groups", "", value_groups, LIST(A, seats_exempt_groups, seats_exempt_group_count), .later = true },
        { "publish", "all", value_word, AT(A, publish), .words = publish_words },
        { "local_groups", "", value_list, LIST(struct config_draft, local_groups, local_group_count) },
        { "allow_other_owner", "no", value_bool, AT(A, allow_other_owner) },
        { "services", "", value_services, LIST(A, services, service_count) },
};

#define M struct mapping_settings
static const struct config_key mapping_keys[] = {
        { "allow_all", "no", value_bool, AT(M, allow_all) },
        { "allow_groups", "", value_groups, LIST(M, allow_groups, allow_group_count) },
        { "permissions", "read-write", value_permissions, AT(M, permissions) },
};

static const struct config_keys tables[SECTION_KINDS] = {
        [SECTION_SERVICE] = { service_keys, ARRAY_SIZE(service_keys) },
        [SECTION_DIRECTORY] = { directory_keys, ARRAY_SIZE(directory_keys) },
        [SECTION_APPLICATION] = { application_keys, ARRAY_SIZE(application_keys) },
        [SECTION_MAPPING] = { mapping_keys, ARRAY_SIZE(mapping_keys) },
};

/* U13 */
static const struct { const char *profile, *membership, *updates, *group_writes, *external_writes; } presets[] = {
        { "crowd", "non-aggregating", "owner", "all", "allowed" },
        { "jira", "non-aggregating", "owner", "all", "allowed" },
        { "confluence", "aggregating", "owner", "all", "allowed" },
        { "confluence-3.5", "non-aggregating", "first-writable", "first", "allowed" },
        { "fisheye", "aggregating", "owner", "all", "never" },
        { "bitbucket", "aggregating", "owner", "all", "never" },
};

const struct config_keys *config_keys_of(enum section_kind kind) {
        return &tables[kind];
}

size_t config_key_index(enum section_kind kind, const char *name) {
        for (size_t i = 0; i < tables[kind].count; i++)
                if (strcmp(tables[kind].keys[i].name, name) == 0)
                        return i;
        return SIZE_MAX;
}

const char *config_preset(const char *profile, const char *key) {
        for (size_t i = 0; i < ARRAY_SIZE(presets); i++) {
                if (strcmp(presets[i].profile, profile) != 0)
                        continue;
                return strcmp(key, "membership") == 0 ? presets[i].membership
                        : strcmp(key, "updates") == 0 ? presets[i].updates
                        : strcmp(key, "group_writes") == 0 ? presets[i].group_writes
                        : strcmp(key, "external_writes") == 0 ? presets[i].external_writes : NULL;
        }
        return NULL;
}

/* Keys of the directory types that a later version brings, so that a configuration written for one gets a clear answer. */
static const struct { const char *key, *types; } foreign_keys[] = {
        { "preset", "ldap and delegated" }, { "uri", "ldap and delegated" }, { "base", "ldap and delegated" },
        { "bind_dn", "ldap and delegated" }, { "bind_password_file", "ldap and delegated" },
        { "tls_ca_file", "ldap, delegated and crowd" }, { "user_base", "ldap and delegated" },
        { "user_filter", "ldap and delegated" }, { "user_name", "ldap and delegated" },
        { "user_object_class", "ldap and delegated" }, { "user_rdn", "ldap and delegated" },
        { "user_member_of", "ldap and delegated" }, { "group_base", "ldap and delegated" },
        { "group_filter", "ldap and delegated" }, { "group_name", "ldap and delegated" },
        { "group_member", "ldap and delegated" }, { "external_id", "ldap and delegated" },
        { "url", "crowd and jira" }, { "application_name", "crowd and jira" },
        { "application_password_file", "crowd and jira" },
};

void config_unknown_key(const struct config_section *section, const char *name, struct sbuf *why) {
        const struct config_keys *table = &tables[section->kind];
        const char *words[ARRAY_SIZE(directory_keys) + 1];
        size_t count = 0;
        if (section->kind == SECTION_DIRECTORY)
                words[count++] = "type";
        for (size_t i = 0; i < table->count; i++)
                words[count++] = table->keys[i].name;
        for (size_t i = 0; section->kind == SECTION_DIRECTORY && i < ARRAY_SIZE(foreign_keys); i++)
                if (strcmp(foreign_keys[i].key, name) == 0) {
                        sbuf_printf(why, "the key \"%s\" belongs to directories of type %s; this version has type internal only, valid for it:",
                                    name, foreign_keys[i].types);
                        name = NULL;
                        break;
                }
        const char *nearest = name ? config_nearest(name, words, count) : NULL;
        if (name)
                sbuf_printf(why, "[%s] has no key \"%.80s\"; ", section->name, name);
        if (nearest)
                sbuf_printf(why, "did you mean \"%s\"? ", nearest);
        if (name)
                sbuf_add(why, "valid:");
        for (size_t i = 0; i < count; i++)
                sbuf_printf(why, "%s %s", i ? "," : "", words[i]);
}
