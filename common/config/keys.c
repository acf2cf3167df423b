/* The table of keys: for each kind of section its keys, their parsers and defaults.
 * Relies on: config/parse.h.
 * Must never: hold a default in two places: what a preset of an LDAP server says is in conf/presets. */
#include <stddef.h>
#include <string.h>

#include "config/parse.h"

#define AT(type, member) .offset = offsetof(type, member)
#define LIST(type, member, count) .offset = offsetof(type, member), .count_offset = offsetof(type, count)

static const struct config_word id_words[] = { { "allocate", IDS_ALLOCATE }, { "attribute", IDS_ATTRIBUTE }, { "sid", IDS_SID }, { NULL, 0 } };
static const struct config_word unavailable_words[] = { { "stop", ON_UNAVAILABLE_STOP }, { "next", ON_UNAVAILABLE_NEXT }, { NULL, 0 } };
static const struct config_word case_words[] = { { "lower", NAME_CASE_LOWER }, { "preserve", NAME_CASE_PRESERVE }, { NULL, 0 } };
static const struct config_word membership_words[] = { { "non-aggregating", NON_AGGREGATING }, { "aggregating", AGGREGATING }, { NULL, 0 } };
static const struct config_word updates_words[] = { { "owner", UPDATES_OWNER }, { "first-writable", UPDATES_FIRST_WRITABLE }, { NULL, 0 } };
static const struct config_word group_writes_words[] = { { "all", GROUP_WRITES_ALL }, { "first", GROUP_WRITES_FIRST }, { NULL, 0 } };
static const struct config_word external_words[] = { { "allowed", EXTERNAL_WRITES_ALLOWED }, { "never", EXTERNAL_WRITES_NEVER }, { NULL, 0 } };
static const struct config_word publish_words[] = { { "all", PUBLISH_ALL }, { "with-access", PUBLISH_WITH_ACCESS }, { NULL, 0 } };

static const struct config_word member_words[] = { { "dn", LDAP_MEMBERS_DN }, { "name", LDAP_MEMBERS_NAME }, { NULL, 0 } };

static const struct config_key service_keys[] = {
        { "login_deadline", "8s", value_duration, AT(struct settings, login_deadline_s), .min = 1, .max = 300 },
        { "account_max_age", "0", value_duration, AT(struct settings, account_max_age_s), .max = CONFIG_DURATION_MAX },
};

/* Of all types that this version has; LDAP's have rows of their own below. */
#define D struct directory_settings
#define L(member) .offset = offsetof(struct config_directory, ldap.member), .ldap = true
#define NAME_KEY(name, fallback) { #name, fallback, value_attribute, L(name), .preset = true }
#define NAME_KEY_REQUIRED(name, fallback) { #name, fallback, value_attribute, L(name), .preset = true, .min = 1 }
static const struct config_key directory_keys[] = {
        { "active", "yes", value_bool, AT(D, active) },
        { "permissions", "read-write", value_permissions, AT(D, permissions) },
        { "nested_groups", "yes", value_bool, AT(D, nested_groups), .preset = true },
        { "ids", "allocate", value_word, AT(D, ids), .words = id_words, .preset = true },
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
        { "sso", "no", NULL, .later = true },
        { "create_on_login", "no", value_bool, AT(D, create_on_login), .delegated = true },
        { "update_on_login", "no", value_bool, AT(D, update_on_login), .delegated = true },
        { "import_groups_on_login", "no", value_bool, AT(D, import_groups_on_login), .delegated = true },
        { "default_groups", "", value_groups, LIST(D, default_groups, default_group_count), .delegated = true },
        { "preset", "generic", value_preset, L(preset) },
        { "uri", NULL, value_uris, L(uris), .count_offset = offsetof(struct config_directory, ldap.uri_count),
          .required = "the server, such as ldaps://ldap.example.com; more after commas, in order of preference" },
        { "base", NULL, value_dn, L(base), .min = 1, .required = "the DN below which all users and groups are, such as dc=example,dc=com" },
        { "bind_dn", "", value_text, L(bind_dn) }, /* Active Directory also has names that are no DNs: ldap_checks.c */
        { "bind_password_file", "", value_file, L(bind_password_file) },
        { "starttls", "no", value_bool, L(starttls) },
        { "tls_ca_file", "/etc/ssl/certs/ca-certificates.crt", value_file, L(tls_ca_file), .min = 1 },
        { "insecure_plaintext", "no", value_bool, L(insecure_plaintext) },
        { "paged", "no", value_paged, L(page_size), .min = 1, .max = 100000, .preset = true },
        { "active_directory", "no", value_bool, L(active_directory), .preset = true },
        { "writable", "no", value_bool, L(writable), .preset = true, .sealed = true },
        NAME_KEY_REQUIRED(external_id, "entryUUID"),
        { "user_base", "", value_dn, L(user_base), .preset = true },
        { "user_filter", "(objectClass=inetOrgPerson)", value_filter, L(user_filter), .preset = true },
        NAME_KEY(user_object_class, ""),
        NAME_KEY_REQUIRED(user_name, "cn"),
        NAME_KEY(user_rdn, ""),
        NAME_KEY(user_password, "userPassword"),
        NAME_KEY(user_first_name, "givenName"),
        NAME_KEY(user_last_name, "sn"),
        NAME_KEY(user_display_name, "displayName"),
        NAME_KEY(user_email, "mail"),
        NAME_KEY(user_member_of, ""),
        NAME_KEY(user_uid, "uidNumber"),
        NAME_KEY(user_gid, "gidNumber"),
        NAME_KEY(user_home, "homeDirectory"),
        NAME_KEY(user_shell, "loginShell"),
        NAME_KEY(user_ssh_keys, ""),
        NAME_KEY(user_sid, ""),
        NAME_KEY(user_primary_group_id, ""),
        { "group_base", "", value_dn, L(group_base), .preset = true },
        { "group_filter", "(objectClass=groupOfUniqueNames)", value_filter, L(group_filter), .preset = true },
        NAME_KEY(group_object_class, ""),
        NAME_KEY_REQUIRED(group_name, "cn"),
        NAME_KEY(group_description, "description"),
        NAME_KEY_REQUIRED(group_member, "uniqueMember"),
        { "members", "dn", value_word, L(members), .words = member_words, .preset = true },
        NAME_KEY(group_gid, "gidNumber"),
        NAME_KEY(group_sid, ""),
};

#define A struct application_settings
static const struct config_key application_keys[] = {
        { "profile", "crowd", value_profile, AT(A, profile) },
        { "directories", NULL, value_names, LIST(struct config_draft, directories, directory_count),
          .required = "a comma-separated list, in the order in which they are searched" },
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

const struct config_keys *config_keys_of(enum section_kind kind) {
        return &tables[kind];
}

size_t config_key_index(enum section_kind kind, const char *name) {
        for (size_t i = 0; i < tables[kind].count; i++)
                if (strcmp(tables[kind].keys[i].name, name) == 0)
                        return i;
        return SIZE_MAX;
}
