/* The configuration that is in force, with what lives as long as it does: its texts and its directories' checkers and workers.
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
        uint64_t identity;             /* the same as another one's: they say the same */
        uint64_t gates;                /* rules/gate.h, gate_digest */
        struct config_sources sources;
        struct config *config;
        /* By directory index of config->settings; made on first use. */
        struct pool **checkers, **workers;
};

static inline const struct settings *configuration_settings(const struct configuration *configuration) {
        return &configuration->config->settings;
}

/* Reads and checks the files. *configuration has one reference, the caller's. 0, -EINVAL (what is wrong is in *errors, a line each), -ENOMEM. */
int configuration_load(struct service *service, struct sbuf *errors, struct configuration **configuration);
struct configuration *configuration_ref(struct configuration *configuration);
/* The last one frees it, and ends its checkers; not before the loop's next turn, as one of them may be the caller's caller. NULL is fine. */
void configuration_unref(struct configuration *configuration);
/* False: another one is in force by now, which may forbid what this one allowed (P1, P2). */
bool configuration_is_in_force(const struct configuration *configuration);

/* The checkers of a directory (index in the settings); NULL when memory is out. Owned by the configuration. */
struct pool *configuration_checkers(struct configuration *configuration, size_t directory);
/* Its workers; NULL also for a directory without a server of its own. */
struct pool *configuration_workers(struct configuration *configuration, size_t directory);
/* Whether the directory has a server of its own, which only a worker may ask. */
bool configuration_has_server(const struct configuration *configuration, size_t directory);
/* Whether it is also read from there: its store is then a replica. */
bool configuration_is_synchronised(const struct configuration *configuration, size_t directory);
