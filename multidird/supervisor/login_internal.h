/* The insides of a login: what its course (login_driver.c) and its questions (login_ask.c) share.
 * Relies on: multidird/supervisor/login_driver.
 * Must never: be included elsewhere. */
#pragma once

#include "multidird/supervisor/login_driver.h"

static inline const struct settings *login_settings(const struct login_run *run) {
        return configuration_settings(run->configuration);
}
static inline const char *login_directory_name(const struct login_run *run, size_t directory) {
        return directory == SETTINGS_NONE ? "-" : login_settings(run)->directories[directory].name;
}

/* login_ask.c: does what the machine says is next. The run may be over, and freed, when it returns. */
void login_perform(struct login_run *run);

/* login_driver.c, and likewise: tells the machine, and goes on. */
void login_take_event(struct login_run *run, const struct login_event *event);
/* The machine has decided. */
void login_finish(struct login_run *run);
/* Ends it outside the machine: what the machine cannot know of (time, memory, a throttle that closed meanwhile). rule, text: static. */
void login_end_denied(struct login_run *run, const char *rule, enum reason reason, const char *text);
