/* The configuration in force; see supervisor/configuration.h. */
#include "multidird/supervisor/configuration.h"

#include <errno.h>
#include <stdlib.h>

#include "multidird/supervisor/pool.h"
#include "rules/gate.h"

static void configuration_free(struct configuration *configuration) {
        for (size_t i = 0; configuration->checkers && i < configuration->config->settings.directory_count; i++)
                pool_free(configuration->checkers[i]);
        for (size_t i = 0; configuration->workers && i < configuration->config->settings.directory_count; i++)
                pool_free(configuration->workers[i]);
        free(configuration->checkers);
        free(configuration->workers);
        if (configuration->config)
                config_free(configuration->config);
        config_sources_done(&configuration->sources);
        free(configuration);
}

int configuration_load(struct service *service, struct sbuf *errors, struct configuration **configuration) {
        struct configuration *new = calloc(1, sizeof *new);
        if (!new)
                return -ENOMEM;
        new->references = 1;
        new->identity = service_id(service);
        new->service = service;
        int r = config_read_sources(CONFIG_FILE, CONFIG_FOLDER, &new->sources, errors);
        if (r == -ENOENT && errors->len == 0)
                sbuf_printf(errors, "%s: there is no such file\n", CONFIG_FILE);
        if (r == 0)
                r = config_parse(&new->sources, true, errors, &new->config);
        if (r == 0) {
                new->checkers = calloc(new->config->settings.directory_count + 1, sizeof(struct pool *));
                new->workers = calloc(new->config->settings.directory_count + 1, sizeof(struct pool *));
                r = new->checkers && new->workers ? 0 : -ENOMEM;
        }
        if (r < 0) {
                configuration_free(new);
                return r == -ENOMEM ? r : -EINVAL;
        }
        new->gates = gate_digest(&new->config->settings);
        *configuration = new;
        return 0;
}

bool configuration_is_in_force(const struct configuration *configuration) {
        return configuration->identity == configuration->service->configuration->identity;
}

struct configuration *configuration_ref(struct configuration *configuration) {
        configuration->references++;
        return configuration;
}

static int on_unused(sd_event_source *source, void *userdata) {
        configuration_free(userdata);
        return 0;
}

void configuration_unref(struct configuration *configuration) {
        if (!configuration || --configuration->references > 0)
                return;
        if (sd_event_add_defer(configuration->service->event, NULL, on_unused, configuration) < 0)
                configuration_free(configuration);
}

bool configuration_has_server(const struct configuration *configuration, size_t directory) {
        return configuration_settings(configuration)->directories[directory].type != DIRECTORY_INTERNAL;
}

bool configuration_is_synchronised(const struct configuration *configuration, size_t directory) {
        return !directory_is_kept_here(configuration_settings(configuration)->directories[directory].type);
}

struct pool *configuration_checkers(struct configuration *configuration, size_t directory) {
        struct pool **pool = &configuration->checkers[directory];
        if (!*pool)
                *pool = pool_new(configuration, directory, SANDBOX_CHECKER);
        return *pool;
}

struct pool *configuration_workers(struct configuration *configuration, size_t directory) {
        struct pool **pool = &configuration->workers[directory];
        if (!*pool && configuration_has_server(configuration, directory))
                *pool = pool_new(configuration, directory, SANDBOX_WORKER);
        return *pool;
}
