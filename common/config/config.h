/* multidir.conf and multidir.conf.d: text -> one immutable, validated configuration, or all errors with file and line.
 * Relies on: model/settings, base.
 * Must never: guess; go on with a default where a value was given and is wrong; read a secret's content (it checks who can read the file).
 *
 * Parsing is split from reading files, so that the keeper can be handed the same texts, and a fuzzer can too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/sbuf.h"
#include "model/ldap_settings.h"
#include "model/settings.h"

#define CONFIG_FILE "/etc/multidir/multidir.conf"
#define CONFIG_FOLDER "/etc/multidir/multidir.conf.d"
#define CONFIG_RUNTIME_FILE CONFIG_FOLDER "/90-multidirctl.conf"
#define CONFIG_TEXT_MAX (4u << 20)

struct config_source { char *path; char *text; size_t len; };
struct config_sources { struct config_source *items; size_t count; };

/* multidir.conf, then *.conf of the folder in name order (bytes; folder NULL: none). A missing main file is -ENOENT; a missing folder is fine.
 * Files others can write, or not owned by root, are refused when the caller is root (-EPERM). -EFBIG above CONFIG_TEXT_MAX, -EINVAL for what
 * is no regular file, or another negative errno; each with a line in errors. *sources is then untouched. */
int config_read_sources(const char *file, const char *folder, struct config_sources *sources, struct sbuf *errors);
void config_sources_done(struct config_sources *sources);

struct config {
        struct settings settings;
        const struct ldap_settings *const *ldap; /* settings.directory_count of them: config_ldap() */
        struct arena *arena;             /* of everything in settings and ldap */
        struct config_origin *origins;   /* where each value comes from: config_value() */
        size_t origin_count;
};

/* All errors go to *errors, a line each: "FILE:LINE: what is wrong; what would be right". check_files: also look at this host: at the permissions
 * of the files that *_file keys name, and at which ports are root's (not in the keeper and the workers, which may not look at them). Returns 0, -EINVAL (there are errors), -ENOMEM. */
int config_parse(const struct config_sources *sources, bool check_files, struct sbuf *errors, struct config **config);
void config_free(struct config *config);

/* What the LDAP kinds need of a directory (an index of settings.directories); NULL if it is of neither type ldap nor delegated. Owned by the configuration. */
const struct ldap_settings *config_ldap(const struct config *config, size_t directory);

/* The effective value of a key as text, e.g. ("application/host", "membership"), and where it was set: "FILE:LINE", "profile NAME" for what
 * the application's profile presets (U13), "preset NAME" for what an LDAP directory's preset says, or "default". origin may be NULL. Owned by the configuration.
 * NULL for a key that the section does not have, or a section that is neither written nor a mapping of an application. */
const char *config_value(const struct config *config, const char *section, const char *key, const char **origin);

/* The index-th value of a section, in the order of the man page, as config_value gives it; of type ldap also `writable`, which only a preset says.
 * false: there are no more. */
bool config_value_at(const struct config *config, const char *section, size_t index, const char **key, const char **value, const char **origin);

/* All values of a directory's section as one text: two configurations say the same of it if and only if these are equal. text->failed: -ENOMEM. */
void config_directory_text(const struct config *config, const char *directory, struct sbuf *text);

/* Rewrites the runtime file's text (NULL: there is none yet) with section.key = value set (value NULL: removed); other lines stay.
 * *new_text is malloc'ed. 0, -ENOMEM, -EINVAL: the value cannot be written so that it is read back (newline, " ;", blanks around it, …). */
int config_set_text(const char *text, const char *section, const char *key, const char *value, char **new_text);
/* Whether a later file than the runtime one sets the key (then a change at run time would have no effect): its path (owned by sources; the
 * last one's, which wins), or NULL. sources as config_read_sources gives them: multidir.conf first. */
const char *config_overridden(const struct config_sources *sources, const char *section, const char *key);

/* The word of words[0..count) that is nearest to a mistyped one, or the only one that begins with it; NULL if none is near. */
const char *config_nearest(const char *text, const char *const *words, size_t count);
