/* application set, permission set, permission list: the settings that change at run time, in one file of the configuration.
 * Relies on: config, request.
 * Must never: write a configuration that has an error, or one that a later file makes without effect; leave it written when the service
 * refuses it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "multidirctl/check.h"
#include "multidirctl/request.h"

struct setting { char *section, *key, *value; };

/* What one command is about to do. */
struct change {
        struct ctl *ctl;
        struct config_sources sources; /* as they are */
        struct config *config;
        char *path;                    /* of the runtime file */
        const char *before;            /* its text; NULL: it is not there */
        char *after;
        int fd;                        /* of the service */
        int lock;                      /* the folder, locked: two commands at once would lose one change */
};

static void change_done(struct change *change) {
        config_sources_done(&change->sources);
        config_free(change->config);
        free(change->path);
        free(change->after);
        if (change->fd >= 0)
                (void)close(change->fd);
        if (change->lock >= 0)
                (void)close(change->lock);
}
#define _cleanup_change_ _cleanup_(change_done)

static json_t *lock_folder(struct change *change, int *exit) {
        _cleanup_free_ char *folder = ctl_path(change->ctl, CONFIG_FOLDER);
        if (!folder)
                return NULL;
        int r = mkdir(folder, 0755) < 0 && errno != EEXIST ? -errno : 0;
        change->lock = r < 0 ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (r == 0 && (change->lock < 0 || flock(change->lock, LOCK_EX) < 0))
                r = -errno;
        return r < 0 ? ctl_error(exit, EXIT_REFUSED, "permission-denied", "%s: %s", folder, strerror(-r)) : NULL;
}

/* The service first: what is written while it is down would be published by nobody. */
static json_t *change_begin(struct change *change, struct ctl *ctl, int *exit) {
        *change = (struct change){ .ctl = ctl, .fd = -1, .lock = -1 };
        change->path = ctl_path(ctl, CONFIG_RUNTIME_FILE);
        json_t *error = request_connect(ctl, &change->fd, exit);
        if (!error)
                error = lock_folder(change, exit);
        if (!error)
                error = check_read(ctl, &change->sources, &change->config, exit);
        for (size_t i = 0; i < change->sources.count && change->path; i++)
                if (strcmp(change->sources.items[i].path, change->path) == 0)
                        change->before = change->sources.items[i].text;
        return error;
}

/* The whole configuration with the new text in its place. NULL: valid. */
static json_t *validate(const struct change *change, int *exit) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        size_t count = change->sources.count, at = 0;
        _cleanup_free_ struct config_source *items = calloc(count + 1, sizeof *items);
        struct config *config = NULL;
        if (!items)
                return NULL;
        struct config_source ours = { change->path, change->after, strlen(change->after) };
        bool placed = false;
        for (size_t i = 0; i < count; i++) {
                const struct config_source *source = &change->sources.items[i];
                int order = i == 0 ? -1 : strcmp(source->path, change->path);
                if (order >= 0 && !placed) {
                        items[at++] = ours;
                        placed = true;
                }
                if (order != 0)
                        items[at++] = *source;
        }
        if (!placed)
                items[at++] = ours;
        struct config_sources sources = { items, at };
        int r = config_parse(&sources, true, &errors, &config);
        config_free(config);
        return r < 0 ? check_errors(&errors, exit) : NULL;
}

static json_t *apply(struct change *change, const struct setting *settings, size_t count, int *exit) {
        for (size_t i = 0; i < count; i++) {
                const struct setting *s = &settings[i];
                const char *later = config_overridden(&change->sources, s->section, s->key);
                if (later)
                        return ctl_error(exit, EXIT_CONFIGURATION, "configuration", "%s sets [%s] %s after %s, so a change there would have no effect; change it there",
                                         later, s->section, s->key, change->path);
                char *text = NULL;
                int r = config_set_text(change->after ? change->after : change->before, s->section, s->key, s->value, &text);
                if (r < 0)
                        return ctl_error(exit, EXIT_USAGE, "usage", "%s = %s cannot be written into a configuration file", s->key, s->value);
                free(change->after);
                change->after = text;
        }
        return validate(change, exit);
}

static int put_back(const struct change *change) {
        if (change->before)
                return file_replace(change->path, change->before, strlen(change->before), 0644);
        return unlink(change->path) < 0 ? -errno : 0;
}

/* Writes and has the service read it; a refusal there takes it back. */
static json_t *commit(struct change *change, int *exit) {
        int r = file_replace(change->path, change->after, strlen(change->after), 0644);
        if (r < 0)
                return ctl_error(exit, EXIT_REFUSED, "permission-denied", "%s: %s", change->path, strerror(-r));
        _cleanup_json_ json_t *fields = json_object();
        json_t *reply = request_on(change->ctl, change->fd, "reload", fields, exit);
        if (reply && *exit == EXIT_DONE) {
                json_decref(reply);
                return NULL;
        }
        r = put_back(change);
        if (r < 0) {
                json_decref(reply);
                return ctl_error(exit, EXIT_CONFIGURATION, "configuration", "the service refused the change, and %s could not be put back: %s", change->path, strerror(-r));
        }
        return reply;
}

/* directory NULL: no one directory's change; what NULL: the settings speak for themselves. */
static json_t *done(const char *directory, const char *what, const struct setting *settings, size_t count, int *exit) {
        json_t *object = ctl_changes("done", "ok");
        for (size_t i = 0; object && i < count; i++) {
                _cleanup_sbuf_ struct sbuf text = { 0 };
                sbuf_printf(&text, "%s = %s", settings[i].key, settings[i].value);
                (void)json_array_append_new(json_object_get(object, "changed"),
                                            json_pack("{s:s?, s:o, s:s}", "directory", directory, "what", ctl_text(what ? what : sbuf_text(&text)),
                                                      "section", settings[i].section));
        }
        *exit = EXIT_DONE;
        return object;
}

static json_t *unknown_name(const char *kind, const char *name, int *exit) {
        return ctl_error(exit, EXIT_NOT_FOUND, strcmp(kind, "directory") == 0 ? "directory-not-found" : "application-not-found", "no %s is named \"%s\"", kind, name);
}

/* "host", or "host/staff" for its mapping: the section, or NULL with *error. */
static char *section_of(const struct change *change, const char *name, json_t **error, int *exit) {
        const struct settings *settings = &change->config->settings;
        const char *slash = strchr(name, '/');
        _cleanup_free_ char *application = slash ? strndup(name, (size_t)(slash - name)) : strdup(name);
        size_t a = application ? settings_application(settings, application) : SETTINGS_NONE;
        if (a == SETTINGS_NONE) {
                *error = unknown_name("application", application ? application : name, exit);
                return NULL;
        }
        size_t d = slash ? settings_directory(settings, slash + 1) : SETTINGS_NONE;
        bool mapped = !slash;
        for (size_t i = 0; i < settings->applications[a].mapping_count; i++)
                mapped = mapped || (d != SETTINGS_NONE && settings->applications[a].mappings[i].directory == d);
        char *section = NULL;
        if (!mapped)
                *error = ctl_error(exit, EXIT_NOT_FOUND, "directory-not-found", "the application %s has no directory \"%s\"", application, slash + 1);
        else if (asprintf(&section, "application/%s", name) < 0)
                section = NULL;
        return section;
}

/* The directory of "host/staff"; NULL: "host" alone. */
static const char *slash_directory(const char *name) {
        const char *slash = strchr(name, '/');
        return slash ? slash + 1 : NULL;
}

static void settings_done(struct setting *settings, size_t count) {
        for (size_t i = 0; settings && i < count; i++) {
                free(settings[i].key);
                free(settings[i].value);
        }
        free(settings);
}

/* KEY=VALUE… to settings of one section. */
static json_t *split_settings(const json_t *list, char *section, struct setting *settings, int *exit) {
        size_t i;
        json_t *item;
        json_array_foreach(list, i, item) {
                const char *text = json_string_value(item), *equals = strchr(text, '=');
                if (!equals || equals == text)
                        return ctl_error(exit, EXIT_USAGE, "usage", "\"%s\": a setting is written KEY=VALUE", text);
                settings[i] = (struct setting){ section, strndup(text, (size_t)(equals - text)), strdup(equals + 1) };
                if (!settings[i].key || !settings[i].value)
                        return ctl_error(exit, EXIT_UNAVAILABLE, "unavailable", "out of memory");
        }
        return NULL;
}

json_t *application_set_run(struct ctl *ctl, const json_t *fields, int *exit) {
        _cleanup_change_ struct change change;
        const json_t *list = json_object_get(fields, "settings");
        size_t count = json_array_size(list);
        json_t *error = change_begin(&change, ctl, exit);
        _cleanup_free_ char *section = error ? NULL : section_of(&change, ctl_field(fields, "application"), &error, exit);
        struct setting *settings = section ? calloc(count, sizeof *settings) : NULL;
        if (settings)
                error = split_settings(list, section, settings, exit);
        if (settings && !error)
                error = apply(&change, settings, count, exit);
        if (settings && !error)
                error = commit(&change, exit);
        json_t *object = error || !settings ? error : done(slash_directory(ctl_field(fields, "application")), NULL, settings, count, exit);
        settings_done(settings, count);
        return object;
}

/* P4's word where there is one, else the list. */
static char *permissions_text(permission_set set) {
        struct sbuf text = { 0 };
        if (set == PERMISSIONS_ALL || set == PERMISSIONS_NONE)
                return strdup(set == PERMISSIONS_ALL ? "read-write" : "none");
        for (unsigned p = 0; p < PERMISSION_MAX; p++)
                if (set & PERMISSION_BIT(p))
                        sbuf_printf(&text, "%s%s", text.len ? ", " : "", permission_name((enum permission)p));
        return sbuf_take(&text);
}

static json_t *bad_permission(const char *word, int *exit) {
        _cleanup_sbuf_ struct sbuf valid = { 0 };
        for (unsigned p = 0; p < PERMISSION_MAX; p++)
                sbuf_printf(&valid, "%s%s", p ? ", " : "", permission_name((enum permission)p));
        return ctl_error(exit, EXIT_USAGE, "usage", "\"%s\" is no permission; valid: %s", word, sbuf_text(&valid));
}

static const struct mapping_settings *find_mapping(const struct application_settings *application, size_t directory) {
        for (size_t i = 0; i < application->mapping_count; i++)
                if (application->mappings[i].directory == directory)
                        return &application->mappings[i];
        return NULL;
}

/* The set as it is, at the directory's level (application NULL) or the application's (P2), and the section that holds it. */
static json_t *permission_level(const struct change *change, const char *directory, const char *application, permission_set *set, char **section, int *exit) {
        const struct settings *settings = &change->config->settings;
        size_t d = settings_directory(settings, directory), a = application ? settings_application(settings, application) : SETTINGS_NONE;
        if (d == SETTINGS_NONE)
                return unknown_name("directory", directory, exit);
        if (application && a == SETTINGS_NONE)
                return unknown_name("application", application, exit);
        const struct mapping_settings *mapping = application ? find_mapping(&settings->applications[a], d) : NULL;
        if (application && !mapping)
                return ctl_error(exit, EXIT_NOT_FOUND, "directory-not-found", "the application %s has no directory \"%s\"", application, directory);
        *set = mapping ? mapping->permissions : settings->directories[d].permissions;
        int r = mapping ? asprintf(section, "application/%s/%s", application, directory) : asprintf(section, "directory/%s", directory);
        if (r < 0)
                *section = NULL;
        return NULL;
}

json_t *permission_set_run(struct ctl *ctl, const json_t *fields, int *exit) {
        _cleanup_change_ struct change change = { .fd = -1, .lock = -1 };
        const char *word = ctl_field(fields, "permission"), *state = ctl_field(fields, "state");
        enum permission permission = permission_from_name(word);
        _cleanup_free_ char *section = NULL;
        permission_set set = PERMISSIONS_NONE;
        bool on = strcmp(state, "on") == 0;
        if (permission == PERMISSION_MAX)
                return bad_permission(word, exit);
        if (!on && strcmp(state, "off") != 0)
                return ctl_error(exit, EXIT_USAGE, "usage", "\"%s\": valid: on, off", state);
        json_t *error = change_begin(&change, ctl, exit);
        if (!error)
                error = permission_level(&change, ctl_field(fields, "directory"), ctl_field(fields, "application"), &set, &section, exit);
        if (error || !section)
                return error;
        permission_set wanted = (permission_set)(on ? set | PERMISSION_BIT(permission) : set & ~PERMISSION_BIT(permission));
        _cleanup_free_ char *key = strdup("permissions"), *value = permissions_text(wanted);
        if (!key || !value)
                return NULL;
        struct setting setting = { section, key, value };
        if (wanted != set) {
                error = apply(&change, &setting, 1, exit);
                if (!error)
                        error = commit(&change, exit);
        }
        return error ? error : done(ctl_field(fields, "directory"), word, &setting, wanted != set, exit);
}

static json_t *permission_row(const char *directory, const char *application, permission_set set) {
        json_t *row = json_pack("{s:s, s:s?}", "directory", directory, "application", application);
        for (unsigned p = 0; row && p < PERMISSION_MAX; p++)
                (void)json_object_set_new(row, permission_name((enum permission)p), json_string(set & PERMISSION_BIT(p) ? "on" : "off"));
        return row;
}

json_t *permission_list_run(struct ctl *ctl, const json_t *fields, int *exit) {
        struct config_sources sources = { 0 };
        struct config *config = NULL;
        json_t *error = check_read(ctl, &sources, &config, exit);
        json_t *rows = error || !config ? NULL : json_array();
        for (size_t d = 0; rows && d < config->settings.directory_count; d++) {
                const struct directory_settings *directory = &config->settings.directories[d];
                (void)json_array_append_new(rows, permission_row(directory->name, NULL, directory->permissions));
                for (size_t a = 0; a < config->settings.application_count; a++) {
                        const struct mapping_settings *mapping = find_mapping(&config->settings.applications[a], d);
                        if (mapping)
                                (void)json_array_append_new(rows, permission_row(directory->name, config->settings.applications[a].name, mapping->permissions));
                }
        }
        config_free(config);
        config_sources_done(&sources);
        if (!rows)
                return error;
        *exit = EXIT_DONE;
        return json_pack("{s:o}", "permissions", rows);
}
