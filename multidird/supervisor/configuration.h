/* The configuration that is in force, with what lives as long as it does: its texts and its directories' checkers.
 * Relies on: config/config.h, multidird/supervisor/pool.h.
 * Must never: be changed once it is in force. A reload makes another; requests in flight keep theirs by a reference. */
#pragma once

#include "base/sbuf.h"
#include "config/config.h"
#include "multidird/supervisor/service.h"

struct pool;

struct configuration {
        struct service *service;
        unsigned references;
        struct config_sources sources;
        struct config *config;
        struct pool **pools; /* by directory index of config->settings; made by configuration_pool() */
};

static inline const struct settings *configuration_settings(const struct configuration *configuration) {
        return &configuration->config->settings;
}

/* Reads and checks the files. *configuration has one reference, the caller's. 0, -EINVAL (what is wrong is in *errors, a line each), -ENOMEM. */
int configuration_load(struct service *service, struct sbuf *errors, struct configuration **configuration);
struct configuration *configuration_ref(struct configuration *configuration);
/* The last one frees it, and ends its checkers; not before the loop's next turn, as one of them may be the caller's caller. NULL is fine. */
void configuration_unref(struct configuration *configuration);

/* The pool of a directory (index in the settings), made on first use; NULL when memory is out. Owned by the configuration. */
struct pool *configuration_pool(struct configuration *configuration, size_t directory);
