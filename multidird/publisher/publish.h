/* Publishing: which view is the host's, on the supervisor's side. One installer at a time, in a child of its own.
 * Relies on: multidird/publisher/installer, sd-event.
 * Must never: block; map a view as the service's own that is not the installed file. */
#pragma once

#include "base/reason.h"
#include "multidird/supervisor/service.h"

/* Before the loop: tidies the state folder and maps the view that is there, if any. 0 or a negative errno. */
int publish_start(struct service *service);
void publish_stop(struct service *service);

/* A view from the keeper. Takes fd. Answers with keeper_link_installed(). */
void publish_view(struct service *service, uint64_t incarnation, uint64_t generation, int fd);

/* A rollback to a kept generation; generation 0: the end of it. done is called once, from the loop: error 0, or a negative errno and its text.
 * 0 or a negative errno (then done is not called). */
typedef void (*publish_done_fn)(int error, const char *text, void *userdata);
int publish_rollback(struct service *service, uint64_t generation, publish_done_fn done, void *userdata);

/* The generation that a rollback holds, 0: none. And the text of the last failure to publish, "" when the last one went well. */
uint64_t publish_held(const struct service *service);
const char *publish_error(const struct service *service);
/* Whether a view was published since the start of the service. */
bool publish_has_published(const struct service *service);
