/* check: the configuration; see check.h. */
#include "multidirctl/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "model/local.h"

#define PAM_PATIENCE_S 10 /* ASK_DEADLINE_MS of pam_multidir/ask.h */

static json_t *lines_of(const char *text) {
        json_t *lines = json_array();
        while (lines && *text) {
                size_t len = strcspn(text, "\n");
                _cleanup_free_ char *line = strndup(text, len);
                if (!line || json_array_append_new(lines, ctl_text(line)) < 0) {
                        json_decref(lines);
                        return NULL;
                }
                text += len + (text[len] == '\n');
        }
        return lines;
}

json_t *check_errors(const struct sbuf *errors, int *exit) {
        json_t *lines = lines_of(sbuf_text(errors));
        if (!lines)
                return NULL;
        size_t count = json_array_size(lines);
        const char *first = count ? json_string_value(json_array_get(lines, 0)) : "the configuration cannot be read";
        json_t *object = count == 1 ? ctl_error(exit, EXIT_CONFIGURATION, "configuration", "%s", first)
                : ctl_error(exit, EXIT_CONFIGURATION, "configuration", "%zu errors, the first: %s", count, first);
        if (object && json_object_set_new(object, "errors", lines) < 0) {
                json_decref(object);
                return NULL;
        }
        return object;
}

json_t *check_read(const struct ctl *ctl, struct config_sources *sources, struct config **config, int *exit) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        _cleanup_free_ char *file = ctl_path(ctl, CONFIG_FILE), *folder = ctl_path(ctl, CONFIG_FOLDER);
        struct config_sources read = { 0 };
        if (!file || !folder)
                return NULL;
        int r = config_read_sources(file, folder, &read, &errors);
        if (r == 0)
                r = config_parse(&read, true, &errors, config);
        if (r == 0) {
                *sources = read;
                return NULL;
        }
        config_sources_done(&read);
        return check_errors(&errors, exit);
}

void check_warn(json_t *warnings, const char *format, ...) {
        _cleanup_sbuf_ struct sbuf text = { 0 };
        va_list args;
        va_start(args, format);
        sbuf_vprintf(&text, format, args);
        va_end(args);
        (void)json_array_append_new(warnings, ctl_text(sbuf_text(&text)));
}

/* pam_multidir(8), CAVEATS. */
static void warn_of_deadline(json_t *warnings, const struct config *config) {
        const char *origin = "";
        if (config->settings.login_deadline_s <= PAM_PATIENCE_S)
                return;
        (void)config_value(config, "service", "login_deadline", &origin);
        check_warn(warnings, "%s: login_deadline: a login through PAM waits %d seconds and no longer: more is without effect there", origin, PAM_PATIENCE_S);
}

static void warn_of_application(json_t *warnings, const struct config *config, const struct application_settings *application) {
        bool grant = false;
        for (size_t i = 0; i < application->mapping_count; i++)
                grant = grant || application->mappings[i].allow_all || application->mappings[i].allow_group_count > 0;
        if (!grant)
                check_warn(warnings, "[application/%s]: no mapping has allow_all or allow_groups: nobody can log in (L4)", application->name);
        if (application->allow_other_owner) {
                _cleanup_sbuf_ struct sbuf section = { 0 };
                const char *origin = "";
                sbuf_printf(&section, "application/%s", application->name);
                (void)config_value(config, sbuf_text(&section), "allow_other_owner", &origin);
                check_warn(warnings, "%s: allow_other_owner = yes: the password of one directory can open the identity of another (M8)", origin ? origin : "");
        }
}

static void warn_of_directory(json_t *warnings, const struct settings *settings, size_t index) {
        bool used = false;
        for (size_t i = 0; i < settings->application_count; i++)
                for (size_t k = 0; k < settings->applications[i].mapping_count; k++)
                        used = used || settings->applications[i].mappings[k].directory == index;
        if (!used)
                check_warn(warnings, "[directory/%s]: no application names it", settings->directories[index].name);
}

/* N4: no error, since the group may come later. */
static void warn_of_local_groups(const struct ctl *ctl, json_t *warnings, const struct settings *settings) {
        _cleanup_free_ char *path = ctl_path(ctl, "/etc/group"), *text = NULL;
        struct local_accounts *local = NULL;
        size_t len;
        if (!path || file_read(path, CONFIG_TEXT_MAX, &text, &len) < 0 || local_accounts_new(NULL, text, NULL, NULL, &local) < 0)
                return;
        for (size_t i = 0; i < settings->application_count; i++)
                for (size_t k = 0; k < settings->applications[i].local_group_count; k++) {
                        const struct local_group_settings *one = &settings->applications[i].local_groups[k];
                        uint32_t gid;
                        if (!local_accounts_group_id(local, one->local, &gid))
                                check_warn(warnings, "[application/%s]: local_groups: this host has no local group \"%s\": nobody gets it (N4)",
                                     settings->applications[i].name, one->local);
                }
        local_accounts_free(local);
}

static json_t *valid(const struct ctl *ctl, const struct config *config, int *exit) {
        json_t *warnings = json_array();
        if (!warnings)
                return NULL;
        warn_of_local_groups(ctl, warnings, &config->settings);
        warn_of_deadline(warnings, config);
        for (size_t i = 0; i < config->settings.directory_count; i++) {
                warn_of_directory(warnings, &config->settings, i);
                check_warn_of_ldap(warnings, config, i);
        }
        for (size_t i = 0; i < config->settings.application_count; i++)
                warn_of_application(warnings, config, &config->settings.applications[i]);
        *exit = EXIT_DONE;
        return json_pack("{s:b, s:[], s:o}", "valid", 1, "errors", "warnings", warnings);
}

/* FILE alone may be anybody's: a draft is checked before it is put into place. */
static json_t *check_file(const char *path, struct config **config, int *exit) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        _cleanup_free_ char *text = NULL;
        struct config_source source = { .path = (char *)(uintptr_t)path };
        int r = file_read(path, CONFIG_TEXT_MAX, &text, &source.len);
        if (r < 0)
                return ctl_error(exit, EXIT_CONFIGURATION, "configuration", "%s: %s", path, strerror(-r));
        source.text = text;
        struct config_sources sources = { &source, 1 };
        return config_parse(&sources, true, &errors, config) < 0 ? check_errors(&errors, exit) : NULL;
}

json_t *check_run(struct ctl *ctl, const json_t *fields, int *exit) {
        struct config_sources sources = { 0 };
        struct config *config = NULL;
        const char *file = ctl_field(fields, "file");
        json_t *error = file ? check_file(file, &config, exit) : check_read(ctl, &sources, &config, exit);
        if (!error && config)
                error = valid(ctl, config, exit);
        config_free(config);
        config_sources_done(&sources);
        return error;
}
