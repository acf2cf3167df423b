/* The settings that the rules look at: directories, applications, mappings. config/ fills them; nothing changes them afterwards.
 * Relies on: base.
 * Must never: hold file names, server addresses or secrets (those are config's own, see config/config.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* P1. A set is a bit mask of (1 << permission). */
enum permission {
        PERMISSION_ADD_USER,
        PERMISSION_MODIFY_USER,
        PERMISSION_MODIFY_USER_ATTRIBUTES,
        PERMISSION_REMOVE_USER,
        PERMISSION_ADD_GROUP,
        PERMISSION_MODIFY_GROUP,
        PERMISSION_MODIFY_GROUP_ATTRIBUTES,
        PERMISSION_REMOVE_GROUP,
        PERMISSION_MAX
};
typedef uint8_t permission_set;
#define PERMISSIONS_NONE ((permission_set)0)
#define PERMISSIONS_ALL ((permission_set)0xff)
#define PERMISSION_BIT(p) ((permission_set)(1u << (p)))

/* P4 */
#define PERMISSIONS_READ_ONLY \
        ((permission_set)(PERMISSION_BIT(PERMISSION_MODIFY_USER_ATTRIBUTES) | PERMISSION_BIT(PERMISSION_MODIFY_GROUP_ATTRIBUTES)))
#define PERMISSIONS_READ_ONLY_LOCAL_GROUPS \
        ((permission_set)(PERMISSIONS_READ_ONLY | PERMISSION_BIT(PERMISSION_ADD_GROUP) | \
                          PERMISSION_BIT(PERMISSION_MODIFY_GROUP) | PERMISSION_BIT(PERMISSION_REMOVE_GROUP)))

/* "add-user", …; NULL for a number that is none. Static storage. */
const char *permission_name(enum permission permission);
/* PERMISSION_MAX if the word is none. */
enum permission permission_from_name(const char *name);

enum directory_type { DIRECTORY_TYPE_NONE = 0, DIRECTORY_INTERNAL, DIRECTORY_LDAP, DIRECTORY_DELEGATED, DIRECTORY_CROWD, DIRECTORY_JIRA };
/* D1, D3: users and groups are this host's own, and its store is the directory. Elsewhere a server is the authority, and the store its replica. */
static inline bool directory_is_kept_here(enum directory_type type) {
        return type == DIRECTORY_INTERNAL || type == DIRECTORY_DELEGATED;
}

enum id_source { IDS_ALLOCATE = 0, IDS_ATTRIBUTE, IDS_SID };         /* I1 */
enum on_unavailable { ON_UNAVAILABLE_STOP = 0, ON_UNAVAILABLE_NEXT }; /* L5 */
enum name_case { NAME_CASE_LOWER = 0, NAME_CASE_PRESERVE };          /* N1 */

/* One directory as the rules see it. Strings are owned by the settings that hold it; never NULL unless said. */
struct directory_settings {
        const char *name;
        enum directory_type type;
        bool active;                 /* "active = no": takes part in nothing */
        permission_set permissions;  /* the directory's level, P2 */
        bool read_only_kind;         /* P5: POSIX presets, Apple Open Directory, Fedora DS */
        bool writes_passwords;       /* its own server keeps the passwords, and they can be set there */
        bool nested_groups;
        enum id_source ids;
        bool has_id_range;
        uint32_t id_range_first, id_range_last; /* inclusive; valid with has_id_range */
        uint32_t min_id;             /* I3; at least 1000 */
        enum on_unavailable on_unavailable;
        uint64_t refresh_s, replica_max_age_s, offline_login_s; /* offline_login_s 0: no */
        uint32_t shrink_guard;       /* percent, 0 to 100 (D5) */
        const char *home, *shell;    /* used where the entry has none; %u name, %d directory */
        const char *primary_group;   /* NULL: a private group (M10) */
        enum name_case name_case;
        bool ignore_inactive_groups; /* M6 */
        /* D3, delegated directories: what a login does with the server's entry whose password was right. */
        bool create_on_login, update_on_login, import_groups_on_login;
        const char *const *default_groups; /* joined at the first login; default_group_count names */
        size_t default_group_count;
};

enum membership_scheme { NON_AGGREGATING = 0, AGGREGATING };       /* M2, M3 */
enum updates_mode { UPDATES_OWNER = 0, UPDATES_FIRST_WRITABLE };   /* U2 */
enum group_writes { GROUP_WRITES_ALL = 0, GROUP_WRITES_FIRST };    /* U5, U6 */
enum external_writes { EXTERNAL_WRITES_NEVER = 0, EXTERNAL_WRITES_ALLOWED }; /* P5 */
enum publish_mode { PUBLISH_ALL = 0, PUBLISH_WITH_ACCESS };

/* One directory in one application's order (L4, P2). */
struct mapping_settings {
        uint32_t directory;          /* index into settings.directories */
        bool allow_all;
        const char *const *allow_groups; /* allow_group_count names */
        size_t allow_group_count;
        permission_set permissions;  /* the application's level */
};

/* N4: one line "DIRECTORY/GROUP:LOCAL". */
struct local_group_settings {
        uint32_t directory;          /* index into settings.directories */
        const char *group;           /* in that directory */
        const char *local;           /* in /etc/group */
};

struct application_settings {
        const char *name;
        const char *profile;         /* the word of U13, for display */
        struct mapping_settings *mappings; /* in order; switched-off directories are listed too: skip them */
        size_t mapping_count;
        enum membership_scheme membership;
        enum updates_mode updates;
        enum group_writes group_writes;
        enum external_writes external_writes;
        uint32_t seats;              /* 0: no limit (C1) */
        const char *const *seats_exempt_groups;
        size_t seats_exempt_group_count;
        enum publish_mode publish;
        struct local_group_settings *local_groups;
        size_t local_group_count;
        bool allow_other_owner;      /* M8 */
        const char *const *services; /* PAM services */
        size_t service_count;
};

struct settings {
        struct directory_settings *directories; /* in the order of the configuration files, which means nothing */
        size_t directory_count;
        struct application_settings *applications; /* [host] is the application named "host"; it always exists */
        size_t application_count;
        size_t host;
        uint64_t login_deadline_s;   /* all of one login, L5 */
        uint64_t account_max_age_s;  /* 0: no limit */
};

#define SETTINGS_NONE SIZE_MAX

/* Index of the directory (application) with that name, case-sensitive as in the files; SETTINGS_NONE if there is none. */
size_t settings_directory(const struct settings *settings, const char *name);
size_t settings_application(const struct settings *settings, const char *name);
/* Index of the application that serves a PAM service: the one that names it, else host (M8). */
size_t settings_application_of_service(const struct settings *settings, const char *service);
