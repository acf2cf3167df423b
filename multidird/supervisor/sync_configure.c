/* Which directories are synchronised: those of the configuration in force; see supervisor/sync.h.
 * Relies on: supervisor/sync_run.c, config/config.h.
 * Must never: go on with a run that brings what another configuration asked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "multidird/supervisor/sync_internal.h"

static void sync_free(struct sync *sync) {
        sync_run_drop(sync);
        (void)sd_event_source_disable_unref(sync->due);
        free(sync->name);
        free(sync);
}

static struct sync *add(struct service *service, const char *name) {
        struct sync *sync = calloc(1, sizeof *sync);
        if (!sync)
                return NULL;
        *sync = (struct sync){ .next = service->syncs->first, .service = service, .name = strdup(name), .known_ms = clock_monotonic_ms() };
        if (!sync->name) {
                free(sync);
                return NULL;
        }
        service->syncs->first = sync;
        return sync;
}

/* Takes those out that are not kept any more. */
static void remove_others(struct syncs *syncs) {
        for (struct sync **at = &syncs->first; *at;) {
                struct sync *sync = *at;
                if (sync->kept) {
                        at = &sync->next;
                        continue;
                }
                *at = sync->next;
                sync_waits_answer(sync, UINT64_MAX);
                sync_free(sync);
        }
}

/* Whether a run that goes on would bring what the former configuration asked for. */
static bool is_outdated(const struct sync *sync, const struct configuration *configuration) {
        _cleanup_sbuf_ struct sbuf then = { 0 }, now = { 0 };
        if (sync->run.id == 0)
                return false;
        config_directory_text(sync->run.configuration->config, sync->name, &then);
        config_directory_text(configuration->config, sync->name, &now);
        return then.failed || now.failed || strcmp(sbuf_text(&then), sbuf_text(&now)) != 0;
}

int sync_configure(struct service *service, bool changed) {
        const struct configuration *configuration = service->configuration;
        const struct settings *settings = configuration_settings(configuration);
        if (!service->syncs && !(service->syncs = calloc(1, sizeof *service->syncs)))
                return -ENOMEM;
        for (struct sync *s = service->syncs->first; s; s = s->next)
                s->kept = false;
        for (size_t i = 0; i < settings->directory_count; i++) {
                if (!configuration_is_synchronised(configuration, i) || !settings->directories[i].active)
                        continue;
                struct sync *sync = sync_find(service, settings->directories[i].name);
                bool is_new = !sync;
                if (is_new && !(sync = add(service, settings->directories[i].name)))
                        return -ENOMEM;
                sync->kept = true;
                /* The keeper does not take it either, whatever it has of it; those who wait get the next one's result. */
                bool outdated = is_outdated(sync, configuration);
                if (outdated) {
                        sync->runs -= sync_is_busy(sync);
                        sync_run_drop(sync);
                        sync->pending = false; /* on the end of the one that was given up */
                }
                if (is_new || outdated || (changed && !sync_run_is_watch(&sync->run)))
                        sync_plan_sooner(sync, 0);
        }
        remove_others(service->syncs);
        return 0;
}

void sync_stop(struct service *service) {
        if (!service->syncs)
                return;
        while (service->syncs->first) {
                struct sync *sync = service->syncs->first;
                service->syncs->first = sync->next;
                sync_free(sync);
        }
        free(service->syncs);
        service->syncs = NULL;
}
