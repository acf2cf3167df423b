/* Who is away, and since when; see supervisor/outage.h.
 * Relies on: supervisor/outage_probe.c.
 * Must never: hold up what is asked of a server of which nothing is known. */
#include "multidird/supervisor/outage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/supervisor/outage_internal.h"
#include "multidird/supervisor/sync.h"

#define EVERY_MS 1500u      /* between two tries of one server */
#define SPREAD_MS 150u      /* ... of any two, so that the pause grows when more than ten are away */
#define TRY_MS 2000u        /* for one try */
#define PATIENT_EACH 10u    /* every so many tries one has the time of a login: a slow server is better than none */
#define DISTRUST_MS 5000u   /* until the first try of a server that answers us, and nothing else */

struct outages { struct outage *first; uint64_t slot_ms; };

static struct outage *find(const struct service *service, const char *name) {
        struct outage *outage = service->outages ? service->outages->first : NULL;
        while (outage && strcmp(outage->name, name) != 0)
                outage = outage->next;
        return outage;
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        struct outage *outage = userdata;
        uint64_t login_ms = configuration_settings(outage->service->configuration)->login_deadline_s * 1000 * 3 / 4;
        bool patient = outage->tries % PATIENT_EACH == PATIENT_EACH - 1 && login_ms > TRY_MS;
        outage->due = sd_event_source_disable_unref(outage->due);
        outage_probe_begin(outage, patient ? (uint32_t)login_ms : TRY_MS);
        return 0;
}

static void clear(struct outage *outage) {
        outage->down = false;
        outage->error[0] = 0;
}

static void plan(struct outage *outage, uint64_t in_ms) {
        outage->due = sd_event_source_disable_unref(outage->due);
        int r = sd_event_add_time_relative(outage->service->event, &outage->due, CLOCK_MONOTONIC, in_ms * 1000, 1000, on_due, outage);
        if (r >= 0)
                return;
        /* Nobody would find out that it is back: logins have to. */
        log_error("directory %s: its server cannot be tried: %s", outage->name, strerror(-r));
        clear(outage);
}

/* A server that is away takes its turn among the others that are. */
static void plan_next(struct outage *outage) {
        struct outages *all = outage->service->outages;
        uint64_t now = clock_monotonic_ms(), at = now + EVERY_MS;
        if (at < all->slot_ms + SPREAD_MS)
                at = all->slot_ms + SPREAD_MS;
        all->slot_ms = at;
        plan(outage, at - now);
}

/* Also the words of a server and of a process that was taken over. */
static void set_error(struct outage *outage, const char *text) {
        size_t i = 0;
        for (; text[i] && i < sizeof outage->error - 1; i++)
                outage->error[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
        outage->error[i] = 0;
}

static void set_down(struct outage *outage, const char *error) {
        set_error(outage, error);
        if (outage->down)
                return;
        outage->down = true;
        outage->tries = 0;
        outage->since_ms = clock_monotonic_ms();
        outage->since_s = clock_real_s();
        log_warning("directory %s: its server does not answer: %s", outage->name, outage->error);
}

static void set_up(struct outage *outage) {
        if (!outage->down)
                return;
        clear(outage);
        log_notice("directory %s: its server answers again, after %llu s", outage->name,
                   (unsigned long long)((clock_monotonic_ms() - outage->since_ms) / 1000));
        sync_server_back(outage->service, outage->name);
}

void outage_probe_ended(struct outage *outage, enum outage_verdict verdict, const char *text) {
        outage->tries++;
        if (verdict == OUTAGE_ANSWERS) {
                outage->unproven = true;
                set_up(outage);
                return;
        }
        if (verdict == OUTAGE_SILENT)
                set_down(outage, text);
        /* A try that says nothing of the server is another process's trouble; but whoever is away must be tried again. */
        if (outage->down)
                plan_next(outage);
}

void outage_suspect(struct service *service, const char *directory) {
        struct outage *outage = find(service, directory);
        if (outage && !outage->down && !outage->due && !outage->probe.limit)
                plan(outage, 0);
}

void outage_silent(struct service *service, const char *directory) {
        struct outage *outage = find(service, directory);
        if (!outage || outage->down)
                return;
        set_down(outage, "it let a question wait in vain");
        outage_probe_drop(outage);
        /* The last that was heard of it is that it is back, and then it was not: its word alone is not enough at once. */
        plan(outage, outage->unproven ? DISTRUST_MS : 0);
}

void outage_answered(struct service *service, const char *directory) {
        struct outage *outage = find(service, directory);
        if (!outage)
                return;
        outage->unproven = false;
        outage->due = sd_event_source_disable_unref(outage->due);
        outage_probe_drop(outage);
        set_up(outage);
}

bool outage_is_down(const struct service *service, const char *directory) {
        const struct outage *outage = find(service, directory);
        return outage && outage->down;
}

bool outage_get(const struct service *service, const char *directory, struct outage_state *state) {
        const struct outage *outage = find(service, directory);
        if (!outage || !outage->down)
                return false;
        *state = (struct outage_state){ outage->since_s, clock_monotonic_ms() - outage->since_ms, outage->error };
        return true;
}

static void outage_free(struct outage *outage) {
        outage_probe_drop(outage);
        (void)sd_event_source_disable_unref(outage->due);
        clear(outage);
        free(outage->name);
        free(outage);
}

static struct outage *add(struct service *service, const char *name) {
        struct outage *outage = calloc(1, sizeof *outage);
        if (!outage)
                return NULL;
        *outage = (struct outage){ .next = service->outages->first, .service = service, .name = strdup(name) };
        if (!outage->name) {
                free(outage);
                return NULL;
        }
        service->outages->first = outage;
        return outage;
}

static void remove_others(struct outages *outages) {
        for (struct outage **at = &outages->first; *at;) {
                struct outage *outage = *at;
                if (outage->kept) {
                        at = &outage->next;
                        continue;
                }
                *at = outage->next;
                outage_free(outage);
        }
}

/* Other settings: another server, perhaps. What was known does not hold up anybody. */
static void forget(struct outage *outage) {
        outage_probe_drop(outage);
        clear(outage);
        outage->unproven = false;
        plan(outage, 0);
}

int outage_configure(struct service *service, bool changed) {
        const struct configuration *configuration = service->configuration;
        const struct settings *settings = configuration_settings(configuration);
        if (!service->outages && !(service->outages = calloc(1, sizeof *service->outages)))
                return -ENOMEM;
        for (struct outage *o = service->outages->first; o; o = o->next)
                o->kept = false;
        for (size_t i = 0; i < settings->directory_count; i++) {
                if (!configuration_has_server(configuration, i) || !settings->directories[i].active)
                        continue;
                struct outage *outage = find(service, settings->directories[i].name);
                bool is_new = !outage;
                if (is_new && !(outage = add(service, settings->directories[i].name)))
                        return -ENOMEM;
                outage->kept = true;
                if (!is_new && changed)
                        forget(outage);
        }
        remove_others(service->outages);
        return 0;
}

void outage_stop(struct service *service) {
        if (!service->outages)
                return;
        for (struct outage *o = service->outages->first; o; o = o->next)
                o->kept = false;
        remove_others(service->outages);
        free(service->outages);
        service->outages = NULL;
}
