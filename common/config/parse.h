/* What the parts of common/config share: sections, slots for their keys, the table of keys, the list of errors.
 * Relies on: base, model/settings, config/config.h.
 * Must never: be included outside common/config. */
#pragma once

#include "base/arena.h"
#include "base/name_map.h"
#include "base/sbuf.h"
#include "config/config.h"
#include "model/ldap_settings.h"

enum section_kind { SECTION_SERVICE, SECTION_DIRECTORY, SECTION_APPLICATION, SECTION_MAPPING, SECTION_KINDS };

#define CONFIG_NAME_MAX 64           /* of a directory or application: [a-z0-9][a-z0-9_-]{0,63} */
#define CONFIG_MAPPINGS_MAX 64       /* directories in one application */
#define CONFIG_ERRORS_MAX 1000       /* written out; the rest are counted */
#define CONFIG_DURATION_MAX (3650ull * 86400)

struct config_place { const struct config_source *source; unsigned line; }; /* source NULL: nowhere, the default */

/* What a key is given in the files: the last file's value. */
struct config_slot { const char *text; struct config_place place; };

struct config_section {
        enum section_kind kind;
        const char *name;              /* "application/host/staff" */
        const char *first, *second;    /* "host", "staff"; NULL where the kind has none */
        struct config_place place;     /* of the first mention */
        struct config_slot *slots;     /* one for each of the kind's keys */
        struct config_slot type;       /* [directory/…] only: what `type =` says */
};

struct config_parser {
        const struct config_sources *sources;
        bool check_files;              /* also look at the files that *_file keys name, and at the host's ports */
        struct arena *arena;           /* of the finished configuration */
        struct config_section *sections;
        size_t section_count, section_size;
        struct name_map section_names; /* -> index of sections */
        struct config_error *errors;
        size_t error_count, error_size, errors_left_out;
        bool out_of_memory;
};

/* Notes an error; place.source NULL puts it at the end, without a file. */
void config_error(struct config_parser *parser, struct config_place place, const char *format, ...) _printf_(3, 4);
/* Writes them to *out in the order of the files and lines. */
void config_write_errors(struct config_parser *parser, struct sbuf *out);

/* A value parser: the text to *target (as the key's row says). false: *why says what is wrong and what would be valid.
 * out_of_memory is noted in the parser. */
struct config_key;
typedef bool (*config_parse_value)(struct config_parser *parser, const struct config_key *key, const char *text, void *target, struct sbuf *why);

struct config_word { const char *word; int value; };

struct config_key {
        const char *name;
        const char *fallback;              /* the default as text; NULL: the section must say it */
        config_parse_value parse;
        size_t offset;                     /* of the value in the kind's struct */
        size_t count_offset;               /* lists: of the size_t that counts them; id_range: unused */
        const struct config_word *words;   /* words: up to one with word NULL */
        uint64_t min, max;                 /* numbers, and seconds of durations */
        bool later;                        /* another value than the default needs a later version */
        bool preset;                       /* the profile (U13), or the preset of an LDAP directory, gives the default, where it has one */
        bool ldap;                         /* directories: only those of types ldap and delegated have it; others may only say its default, if that is "no" */
        bool delegated;                    /* directories: only those of type delegated have it; as with ldap */
        bool sealed;                       /* directories: only a preset can say it */
        const char *required;              /* fallback NULL: what would be valid, for the error */
};

struct config_keys { const struct config_key *keys; size_t count; };
/* The table of a kind's keys. `type` of a directory is not in it: it says which table holds. */
const struct config_keys *config_keys_of(enum section_kind kind);
/* Index in that table; SIZE_MAX: no such key. */
size_t config_key_index(enum section_kind kind, const char *name);
/* The type that a directory's section says; DIRECTORY_TYPE_NONE for another section, no type, or one that this version does not have. */
enum directory_type config_section_type(const struct config_section *section);
/* Whether the section is of a directory that asks an LDAP server. */
bool config_has_ldap(const struct config_section *section);
/* Whether the section's type has the key. */
bool config_has_key(const struct config_section *section, const struct config_key *key);
/* U13: what a profile says to a preset key; NULL for a profile that is none. */
const char *config_profile(const char *profile, const char *key);
/* What the preset of that name says to a key; NULL: nothing. */
const char *config_preset(const char *name, const char *key);
bool config_preset_is(const char *name);
/* The preset that holds for a section; NULL: none, it asks no LDAP server. */
const char *config_preset_of(const struct config_section *section);
/* What that preset says to a key of the section; NULL: nothing. */
const char *config_preset_value(const struct config_section *section, const struct config_key *key);
/* conf/presets, by presets.awk; both end with NULL. */
struct config_preset_value { const char *preset, *key, *value; };
extern const struct config_preset_value config_preset_values[];
extern const char *const config_preset_names[];
/* Adds what is wrong with a key that [section] does not have, and which it has, to *why. */
void config_unknown_key(const struct config_section *section, const char *name, struct sbuf *why);

/* Values of a directory: those of its type's part stay unused where it has another type. */
struct config_directory {
        struct directory_settings directory; /* first: the keys' offsets count from here */
        struct ldap_settings ldap;
};

/* Values of an application before its directories are known by number. */
struct config_draft {
        struct application_settings application; /* first: the keys' offsets count from here */
        const char *const *directories;
        size_t directory_count;
        const char *const *local_groups;
        size_t local_group_count;
};

bool value_bool(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_word(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_profile(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_u32(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_duration(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_offline(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_permissions(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_id_range(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_home(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_shell(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_group(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_groups(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_services(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_names(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_list(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_preset(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_uris(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_dn(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_text(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_filter(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_attribute(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_file(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);
bool value_paged(struct config_parser *, const struct config_key *, const char *, void *, struct sbuf *);

/* Whether a text is a name of a directory or application, safe as a file name. */
bool config_name_is_valid(const char *text, size_t len);
#define CONFIG_NAME_VALID "valid: 1 to 64 of a-z 0-9 _ - , starting with a letter or digit"

/* Sections and keys of all files into parser->sections, with the errors that a line alone shows. */
void config_read_lines(struct config_parser *parser);
/* The section of that name, NULL if no file has it. */
struct config_section *config_find_section(const struct config_parser *parser, const char *name);
/* Values and the rules between sections: parser->sections into config->settings and config->ldap. */
void config_build(struct config_parser *parser, struct config *config);
/* The part of it for directories: one section's values and the rules within it. *ldap: in the parser's arena, NULL if the type is another. */
void config_build_directory(struct config_parser *parser, const struct config_section *section, struct directory_settings *directory,
                            const struct ldap_settings **ldap);
/* The rules between the keys of an LDAP directory, and the files that it names. */
void config_check_ldap(struct config_parser *parser, const struct config_section *section, const struct config_directory *made);
/* Where a key was set; the section's first line if it was not. */
struct config_place config_place_of(const struct config_section *section, const char *key);
/* The part of it for applications; settings->directories are there, settings->applications has room. */
void config_build_applications(struct config_parser *parser, struct settings *settings);
/* One section's values into the struct of its kind (a config_draft for an application). */
void config_parse_section(struct config_parser *parser, const struct config_section *section, void *target);
/* What a key has where no file sets it; NULL: nothing, the section must set it. */
const char *config_fallback(const struct config_section *section, const struct config_key *key);
/* count * size zeroed bytes of the arena, never NULL but when memory is out (noted in the parser). */
void *config_take(struct config_parser *parser, size_t count, size_t size);
