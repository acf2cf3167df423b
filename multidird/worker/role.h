/* What checkers and workers have in common: the loop, the configuration, one job at a time in order.
 * Relies on: multidird/channel/channel.
 * Must never: start a job before the configuration came. */
#pragma once

#include "config/config.h"
#include "multidird/channel/channel.h"

struct role {
        const char *name;                   /* the directory's */
        struct channel *channel;
        struct config *config;              /* NULL until the first message */
        size_t directory;                   /* index in its settings */
        /* Any message but the configuration. 0, or a negative errno that ends the process. */
        int (*take)(struct role *role, const struct channel_frame *frame);
        /* Once, after the configuration came. The same. */
        int (*begin)(struct role *role);
        void *userdata;
};

static inline const struct directory_settings *role_settings(const struct role *role) {
        return &role->config->settings.directories[role->directory];
}

/* Serves until the other end of fd closes; fd is taken. The caller has set name, take, begin, userdata. 0: it closed; or a negative errno, logged.
 * role->config lives until role_done. */
int role_serve(struct role *role, int fd);
void role_done(struct role *role);
/* Sends what is queued now, as far as the socket takes it: for signs of life in the middle of a job. */
void role_flush(struct role *role);
