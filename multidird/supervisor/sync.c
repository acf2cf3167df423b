/* When directories are synchronised; see supervisor/sync.h.
 * Relies on: supervisor/sync_run.c.
 * Must never: run more at once than the keeper's channel holds descriptors; leave a wait without an end. */
#include "multidird/supervisor/sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/channel/channel.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/outage.h"
#include "multidird/supervisor/sync_full.h"
#include "multidird/supervisor/sync_internal.h"

#define AT_ONCE CHANNEL_FDS_MAX   /* each may have a descriptor that the keeper has not taken yet */
#define RETRY_FIRST_MS 2500u      /* after one that failed; then twice as long, and so on */
#define RETRY_MAX_MS 300000u
#define EMPTY_MS 30000u           /* at most, after one that was complete without anybody: nothing can tell of the first */
#define KEEPER_MS 1000u           /* until the next look at whether there is a keeper */
#define WANTED_MS 30000u          /* between the end of one and one that a login wants */
#define WANTED_FULL_MS 600000u    /* ... and between two full ones, where changes are told: then something was not */
#define LOST_MS 500u              /* until a watch that has ended is begun again */
#define LASTED_MS 25000u          /* one that ends sooner, twice in a row, is a failure */

struct sync *sync_find(const struct service *service, const char *name) {
        struct sync *sync = service->syncs ? service->syncs->first : NULL;
        while (sync && strcmp(sync->name, name) != 0)
                sync = sync->next;
        return sync;
}

static void begin(struct sync *sync);

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        struct sync *sync = userdata;
        sync->due = sd_event_source_disable_unref(sync->due);
        begin(sync);
        return 0;
}

static void plan(struct sync *sync, uint64_t in_ms) {
        sync->due = sd_event_source_disable_unref(sync->due);
        sync->pending = false;
        int r = sd_event_add_time_relative(sync->service->event, &sync->due, CLOCK_MONOTONIC, in_ms * 1000, 1000, on_due, sync);
        if (r < 0)
                log_error("directory %s: its next synchronisation cannot be planned: %s", sync->name, strerror(-r));
}

void sync_plan_sooner(struct sync *sync, uint64_t in_ms) {
        uint64_t at = 0, now = clock_monotonic_ms();
        if (sync->pending || (sync->due && sd_event_source_get_time(sync->due, &at) >= 0 && at / 1000 <= now + in_ms))
                return;
        plan(sync, in_ms);
}

/* A twentieth more or less: hosts that started together must not ask together for ever. */
static uint64_t with_jitter(uint64_t ms) {
        uint32_t random = 0;
        if (ms < 20 || getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
                return ms;
        return ms - ms / 20 + random % (ms / 10 + 1);
}

static uint64_t refresh_ms(const struct sync *sync) {
        const struct settings *settings = configuration_settings(sync->service->configuration);
        size_t directory = settings_directory(settings, sync->name);
        return directory == SETTINGS_NONE ? RETRY_MAX_MS : settings->directories[directory].refresh_s * 1000;
}

/* Whether the first account that ends at a time has come to it, which no server tells. */
static bool has_end(const struct sync *sync) {
        return sync->end_s > 0 && clock_real_s() >= sync->end_s;
}

/* Then everything is read, but not again and again; until that begins a watch goes on. */
static void plan_end(struct sync *sync) {
        uint64_t now_s = clock_real_s(), refresh = refresh_ms(sync);
        if (sync->end_s == 0)
                return;
        uint64_t ms = sync_full_end_wait_ms(sync->end_s, now_s, sync->full_took_ms, clock_monotonic_ms() - sync->full_ended_ms);
        sync_plan_sooner(sync, has_end(sync) && ms > refresh ? refresh : ms);
}

static void plan_next(struct sync *sync) {
        uint64_t refresh = refresh_ms(sync), ms = refresh;
        if (sync->again || sync_waits_more(sync)) {
                ms = 0;
        } else if (sync->failures > 0) {
                ms = RETRY_FIRST_MS;
                for (unsigned i = 1; i < sync->failures && ms < RETRY_MAX_MS; i++)
                        ms *= 2;
                ms = with_jitter(ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms);
                ms = ms > refresh ? refresh : ms;
        } else {
                ms = with_jitter(sync->empty && ms > EMPTY_MS ? EMPTY_MS : ms);
                plan_end(sync);
        }
        /* A sooner time may have been planned while it ran. */
        sync_plan_sooner(sync, ms);
}

static uint64_t since_full_ms(const struct sync *sync) {
        return sync_full_since_ms(sync->full_s, clock_real_s(), clock_monotonic_ms() - sync->known_ms);
}

/* What was told of who went, or got another name, may not be all that changed with it: soon everything is read, but not again and again. */
static void plan_full(struct sync *sync) {
        if (sync->unsettled && sync->failures == 0)
                sync_plan_sooner(sync, sync_full_wait_ms(sync->full_took_ms, clock_monotonic_ms() - sync->full_ended_ms));
}

static size_t count_running(const struct syncs *syncs) {
        size_t count = 0;
        for (const struct sync *s = syncs->first; s; s = s->next)
                count += sync_is_busy(s);
        return count;
}

static void begin(struct sync *sync) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        if (sync_is_busy(sync) || count_running(sync->service->syncs) >= AT_ONCE) {
                sync->pending = true;
                return;
        }
        sync->pending = false;
        if (!keeper_link_is_up(sync->service)) {
                plan(sync, KEEPER_MS);
                return;
        }
        /* A watch goes on from where it is. */
        sync_run_drop(sync);
        sync->runs++;
        sync->again = false;
        if (has_end(sync))
                log_info("directory %s: an account has come to its end: the directory is read in full", sync->name);
        if (since_full_ms(sync) >= SYNC_FULL_MS || sync->unsettled || has_end(sync))
                sync->full_wanted = true;
        int r = sync_run_begin(sync, &why);
        if (r < 0)
                sync_ended(sync, false, why.len > 0 ? sbuf_text(&why) : strerror(-r));
        else
                outage_suspect(sync->service, sync->name); /* it may read for minutes before it sees that nobody answers */
}

/* Those whose turn had come while others ran. */
static void begin_pending(struct syncs *syncs) {
        for (struct sync *s = syncs->first; s; s = s->next)
                if (s->pending && !sync_is_busy(s))
                        plan(s, 0);
}

void sync_ended(struct sync *sync, bool complete, const char *text) {
        sync->failed = !complete;
        sync->full_due = false;
        sync->failures = complete ? 0 : sync->failures + 1;
        sync->settled = true;
        sync->ended_ms = clock_monotonic_ms();
        bool news = strcmp(sync->error, text) != 0;
        (void)snprintf(sync->error, sizeof sync->error, "%s", text);
        /* What fails for the same reason again and again is one line. */
        if (!complete && (news || sync->failures == 1))
                log_error("directory %s: the synchronisation failed: %s", sync->name, text);
        else if (complete)
                log_info("directory %s: synchronised%s%s", sync->name, text[0] ? ", but: " : "", text);
        uint64_t run = sync->runs;
        struct service *service = sync->service;
        if (complete)
                outage_answered(service, sync->name);
        else
                outage_suspect(service, sync->name);
        plan_next(sync);
        plan_full(sync);
        begin_pending(service->syncs);
        sync_waits_answer(sync, run);
}

void sync_watches(struct sync *sync, const char *text) {
        bool first = sync->waits || sync->failed || !sync->settled || sync->run.answered == 1;
        uint64_t now = clock_monotonic_ms(), since_full = since_full_ms(sync);
        sync->failed = sync->full_due = false;
        sync->failures = 0;
        sync->settled = true;
        sync->ended_ms = now;
        sync->keeping = SYNC_KEPT_WATCH;
        sync->end_s = sync->run.end_s;
        (void)snprintf(sync->error, sizeof sync->error, "%s", text);
        plan_full(sync);
        plan_end(sync);
        if (!first) {
                log_debug("directory %s: a change has come in%s%s", sync->name, text[0] ? ", but: " : "", text);
                return;
        }
        log_info("directory %s: synchronised, and watched%s%s", sync->name, text[0] ? ", but: " : "", text);
        outage_answered(sync->service, sync->name);
        sync_plan_sooner(sync, sync_waits_more(sync) ? 0 : with_jitter(since_full < SYNC_FULL_MS ? SYNC_FULL_MS - since_full : 0));
        begin_pending(sync->service->syncs);
        sync_waits_answer(sync, sync->runs);
}

void sync_watch_lost(struct sync *sync, const char *why) {
        char text[WIRE_TEXT_MAX + 1];
        bool lasted = clock_monotonic_ms() - sync->run.watching_ms >= LASTED_MS;
        (void)snprintf(text, sizeof text, "%s", why);
        sync_run_drop(sync);
        if (!lasted && sync->restarted) {
                sync_ended(sync, false, text);
                return;
        }
        sync->restarted = !lasted;
        log_info("directory %s: %s: it is watched anew", sync->name, text);
        /* A server that was only restarted is back by then; of one that was not, that run will tell. */
        sync_plan_sooner(sync, LOST_MS);
}

/* Those who wait get the next one's result. */
void sync_full_needed(struct sync *sync, const char *why) {
        log_info("directory %s: %s", sync->name, why);
        (void)snprintf(sync->error, sizeof sync->error, "%s", why);
        sync->full_wanted = true;
        sync->full_due = !sync->failed;
        sync->runs -= sync->runs > 0 && sync->waits;
        sync->fulls = sync_full_count(sync->fulls, clock_monotonic_ms() - sync->full_ended_ms);
        plan(sync, sync->waits ? 0 : sync_full_pause_ms(sync->fulls, sync->full_took_ms));
        begin_pending(sync->service->syncs);
}

void sync_keeper_answer(struct service *service, const struct protocol_keeper_synced *synced) {
        for (struct sync *s = service->syncs ? service->syncs->first : NULL; s; s = s->next) {
                if (synced->id == 0 || s->run.id != synced->id)
                        continue;
                s->keeper_lost = false;
                sync_run_answered(s, synced);
                return;
        }
}

/* What they had sent is lost with the keeper: they begin anew with the next one. The second time in a row it may be their doing, and is a failure. */
void sync_keeper_gone(struct service *service) {
        for (struct sync *s = service->syncs ? service->syncs->first : NULL; s; s = s->next) {
                if (s->run.id == 0)
                        continue;
                bool busy = sync_is_busy(s);
                sync_run_drop(s);
                if (!busy) {
                        plan(s, KEEPER_MS);
                        continue;
                }
                if (s->keeper_lost) {
                        sync_ended(s, false, "the keeper ended while it took the entries");
                        continue;
                }
                s->keeper_lost = true;
                s->runs--;
                plan(s, KEEPER_MS);
        }
}

void sync_wanted(struct service *service, const char *directory) {
        struct sync *sync = sync_find(service, directory);
        uint64_t since = sync ? clock_monotonic_ms() - sync->ended_ms : 0;
        /* One that fails is tried again by itself. */
        if (!sync || sync_is_busy(sync) || sync->failures > 0)
                return;
        /* What was changed just now will be told; what was not told by then, never. */
        if (sync->keeping != SYNC_KEPT_FULL && since_full_ms(sync) >= WANTED_FULL_MS)
                sync->full_wanted = true;
        sync_plan_sooner(sync, since >= WANTED_MS ? 0 : WANTED_MS - since);
}

void sync_server_back(struct service *service, const char *directory) {
        struct sync *sync = sync_find(service, directory);
        if (sync && sync->run.id == 0 && sync->failures > 0)
                sync_plan_sooner(sync, 0);
}

bool sync_get(const struct service *service, const char *directory, struct sync_state *state) {
        const struct sync *sync = sync_find(service, directory);
        if (!sync)
                return false;
        *state = (struct sync_state){ .running = sync_is_busy(sync), .settled = sync->settled, .failed = sync->failed, .full_due = sync->full_due,
                                      .unsettled = sync->unsettled, .keeping = sync->keeping, .full_s = sync->full_s, .done = sync->run.done, .total = sync->run.total, .error = sync->error };
        return true;
}

int sync_now(struct service *service, const char *directory, bool full, sync_done_fn done, void *userdata, struct sync_wait *wait) {
        struct sync *sync = sync_find(service, directory);
        if (!sync)
                return -ENOENT;
        *wait = (struct sync_wait){ .next = sync->waits, .sync = sync, .run = sync->runs + 1, .done = done, .userdata = userdata };
        sync->waits = wait;
        sync->full_wanted = sync->full_wanted || full;
        if (!sync_is_busy(sync))
                sync_plan_sooner(sync, 0);
        return 0;
}

void sync_again(struct service *service, const char *directory) {
        struct sync *sync = sync_find(service, directory);
        if (!sync)
                return;
        sync->again = true;
        if (!sync_is_busy(sync))
                sync_plan_sooner(sync, 0);
}

void sync_all(struct service *service) {
        for (struct sync *s = service->syncs ? service->syncs->first : NULL; s; s = s->next) {
                s->full_wanted = true;
                sync_plan_sooner(s, 0);
        }
}
