/* A change that the keeper has planned, step by step in the plan's order: at a server by a worker, then the synchronisation that publishes it; what is
 * the keeper's own, by the keeper (U12). The first step that fails is the last one; the answer says what was done.
 * Relies on: jansson, multidird/supervisor/pool, multidird/supervisor/sync, multidird/supervisor/keeper_link.
 * Must never: do a step that the keeper has not planned, or one at a directory that is not written; leave a copy of a password behind; leave a server's
 * change without a synchronisation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/keeper/json.h"
#include "multidird/requests/reply.h"
#include "multidird/requests/requests.h"
#include "multidird/requests/server_change.h"
#include "multidird/requests/update_plan.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/pool.h"
#include "multidird/supervisor/sync.h"

#define PULSE_US (2 * 1000000ull)        /* signs of life for whoever waits */
#define PUBLISH_MS 60000u                /* the answer waits so long for a synchronisation */

struct updating {
        struct updating *next;               /* of those that nobody waits for */
        struct service *service;
        struct connection *connection;       /* NULL: who asked is gone, and a worker is still at it */
        struct plan plan;
        size_t at;
        size_t done;                         /* the steps before this one are done, or may be, or had been done by somebody else */
        struct update_subject subject;
        struct secret password;
        json_t *changed, *skipped;
        struct job *job;
        bool given;                          /* a worker has it */
        bool stopped;                        /* none got it: the configuration was changed while it waited; the pulse ends it */
        bool dirty;                          /* the directory of the last step is to be read again */
        bool renamed;                        /* ... and somebody there keeps memberships that the server may see to, telling nobody */
        struct sync_wait wait;
        uint64_t wait_until_ms;
        struct ask ask;
        sd_event_source *pulse;
        bool failed;
        enum reason reason;                  /* with failed */
        struct sbuf text, unpublished;
};

/* What may have been changed by this step is read again, whoever waits for it. */
static void read_again(struct updating *updating) {
        sync_again(updating->service, plan_directory(&updating->plan, updating->at)->name);
}

static void updating_free(struct updating *updating) {
        plan_tell_undone(&updating->plan, updating->service, updating->done);
        ask_cancel(updating->service, &updating->ask);
        job_cancel(updating->job);
        sync_wait_cancel(&updating->wait);
        (void)sd_event_source_disable_unref(updating->pulse);
        plan_done(&updating->plan);
        secret_done(&updating->password);
        json_decref(updating->changed);
        json_decref(updating->skipped);
        sbuf_done(&updating->text);
        sbuf_done(&updating->unpublished);
        free(updating);
}

/* The one who asked is gone. What a worker has is done all the same, and read again when it is. */
static void cancel(void *work) {
        struct updating *updating = work;
        if (updating->job && updating->given) {
                updating->connection = NULL;
                updating->pulse = sd_event_source_disable_unref(updating->pulse);
                secret_done(&updating->password);
                updating->next = updating->service->unheard;
                updating->service->unheard = updating;
                return;
        }
        /* Where something is done already, and no synchronisation is under way, there is a job at the same directory. */
        if ((updating->job || updating->stopped) && updating->dirty)
                read_again(updating);
        updating_free(updating);
}

static void end_unheard(struct updating *updating, bool changed) {
        struct updating **at = &updating->service->unheard;
        while (*at != updating)
                at = &(*at)->next;
        *at = updating->next;
        if (changed || updating->dirty)
                read_again(updating);
        updating_free(updating);
}

void request_update_stop(struct service *service) {
        while (service->unheard) {
                struct updating *updating = service->unheard;
                service->unheard = updating->next;
                updating_free(updating);
        }
}

static void run(struct updating *updating);

/* What the keeper planned was allowed by a configuration that is not in force any more (P1, P2). */
static bool is_overtaken(const struct updating *updating) {
        return !configuration_is_in_force(updating->plan.configuration);
}

static void end(struct updating *updating) {
        struct connection *connection = updating->connection;
        int status = updating->failed ? keeper_exit_for(updating->reason) : updating->unpublished.len > 0 ? EXIT_UNAVAILABLE : EXIT_DONE;
        json_t *object = json_pack("{s:s, s:s, s:O, s:O}", "result", updating->failed ? "refused" : "done", "reason",
                                   reason_name(updating->failed ? updating->reason : REASON_OK), "changed", updating->changed, "skipped", updating->skipped);
        if (updating->failed && updating->unpublished.len > 0)
                sbuf_printf(&updating->text, "; %s", sbuf_text(&updating->unpublished));
        if (object && updating->text.len > 0)
                (void)json_object_set_new(object, "text", keeper_text(sbuf_text(&updating->text)));
        if (object && !updating->failed && updating->unpublished.len > 0)
                (void)json_object_set_new(object, "error", json_pack("{s:s, s:o}", "reason", "unavailable", "text", keeper_text(sbuf_text(&updating->unpublished))));
        connection_set_work(connection, NULL, NULL);
        updating_free(updating);
        reply_object(connection, status, object);
}

static void fail(struct updating *updating, enum reason reason, const char *text) {
        updating->failed = true;
        updating->reason = reason == REASON_OK ? REASON_UNAVAILABLE : reason;
        sbuf_printf(&updating->text, "%s%s%s", updating->text.len > 0 ? "; " : "", text,
                    json_array_size(updating->changed) > 0 ? "; what is under \"changed\" has been changed before" : "");
}

static void note_changed(struct updating *updating, size_t step) {
        json_t *row = json_pack("{s:s, s:s}", "directory", plan_directory(&updating->plan, step)->name, "what", updating->plan.steps[step].what);
        if (row)
                (void)json_array_append_new(updating->changed, row);
}

/* --- the keeper's part */

static json_t *object_of(const struct protocol_applied *applied) {
        json_t *reply = applied ? json_loadb(applied->json, applied->json_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
        json_t *object = json_incref(json_object_get(reply, "object"));
        json_decref(reply);
        return object;
}

static const char *text_of(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "";
}

/* Everything is done, but for the keeper's word on the name. */
static void note_unaccepted(struct updating *updating, const char *why) {
        if (updating->subject.accept)
                sbuf_printf(&updating->text, "%s%s: if the name is withheld then, 'multidirctl accept %s%s' lets it in", updating->text.len > 0 ? "; " : "", why,
                            updating->subject.kind == NAME_OF_GROUP ? "--group " : "", updating->subject.name);
}

/* What became of the keeper's own steps, or of the names in the end. */
static void on_applied(const struct protocol_applied *applied, void *userdata) {
        struct updating *updating = userdata;
        bool was_last = updating->at == updating->plan.count;
        json_t *object = object_of(applied), *changed = json_object_get(object, "changed");
        const char *text = text_of(object, "text"), *error = text_of(json_object_get(object, "error"), "text");
        bool done = strcmp(text_of(object, "result"), "done") == 0;
        if (json_is_array(changed))
                (void)json_array_extend(updating->changed, changed);
        if (done && error[0])
                sbuf_printf(&updating->unpublished, "%s%s", updating->unpublished.len > 0 ? "; " : "", error);
        if (done && text[0])
                sbuf_printf(&updating->text, "%s%s", updating->text.len > 0 ? "; " : "", text);
        if (was_last && !object) {
                note_unaccepted(updating, "the keeper is not running");
        } else if (!done) {
                enum reason reason = reason_from_name(text_of(object, "reason"));
                fail(updating, reason < REASON_MAX ? reason : REASON_UNAVAILABLE,
                     text[0] ? text : error[0] ? error : "the keeper ended while it worked on this; whether its part was done is not known");
        }
        json_decref(object);
        while (updating->at < updating->plan.count && !updating->plan.steps[updating->at].at_server)
                updating->at++;
        updating->done = updating->at;
        if (was_last || updating->failed)
                end(updating);
        else
                run(updating);
}

/* All steps from here on that are the keeper's own; none: the end of all, when the name's fate is known. */
static void ask_keeper(struct updating *updating) {
        size_t count = 0;
        while (updating->at + count < updating->plan.count && !updating->plan.steps[updating->at + count].at_server)
                count++;
        /* An acceptance is used up by the next view, which would still have the former owner. */
        if (count == 0 && updating->subject.accept && updating->unpublished.len > 0) {
                note_unaccepted(updating, "the name has its former owner until then");
                end(updating);
                return;
        }
        struct update_step *steps = calloc(count + 1, sizeof *steps);
        struct protocol_apply apply = { .steps = steps, .step_count = count };
        if (updating->at == updating->plan.count)
                apply.subject = updating->subject;
        for (size_t i = 0; steps && i < count; i++) {
                const struct step *step = &updating->plan.steps[updating->at + i];
                steps[i] = (struct update_step){ .directory = plan_directory(&updating->plan, updating->at + i)->name, .what = step->what,
                                                 .change = (const unsigned char *)step->bytes, .change_len = step->len };
        }
        int r = steps ? keeper_link_apply(updating->service, &apply, on_applied, updating, &updating->ask) : -ENOMEM;
        free(steps);
        if (r == 0)
                return;
        if (count > 0)
                fail(updating, REASON_UNAVAILABLE, "the keeper is not running: its part was not done");
        else
                note_unaccepted(updating, "the keeper is not running");
        end(updating);
}

/* --- publication */

static void go_on(struct updating *updating) {
        updating->failed ? end(updating) : run(updating);
}

static void not_published(struct updating *updating, const char *name, const char *why) {
        updating->dirty = false;
        sbuf_printf(&updating->unpublished, "%sthe server of directory %s has the change, but it is not published yet: %s",
                    updating->unpublished.len > 0 ? "; " : "", name, why);
        go_on(updating);
}

static void on_synced(void *userdata);

/* The synchronisation that brings what the server has now (U12). full: of everything. */
static void publish(struct updating *updating, bool full) {
        updating->wait_until_ms = clock_monotonic_ms() + PUBLISH_MS;
        if (sync_now(updating->service, plan_directory(&updating->plan, updating->at - 1)->name, full, on_synced, updating, &updating->wait) < 0)
                on_synced(updating);
}

static void on_synced(void *userdata) {
        struct updating *updating = userdata;
        struct sync_state state;
        const char *name = plan_directory(&updating->plan, updating->at - 1)->name;
        char why[WIRE_TEXT_MAX + 1];
        bool known = sync_get(updating->service, name, &state), published = known && !state.failed && !state.error[0];
        bool lost = published && updating->renamed && state.unsettled;
        updating->renamed = false;
        /* Whoever is renamed keeps the memberships. No group names the old DN any more, but those that the server changed by itself are told by nobody. */
        if (lost) {
                publish(updating, true);
                return;
        }
        if (published) {
                updating->dirty = false;
                go_on(updating);
                return;
        }
        (void)snprintf(why, sizeof why, "%s", known ? state.error : "the directory is not in the configuration any more");
        not_published(updating, name, why);
}

/* --- at a server */

static void on_changed(const struct protocol_answer *answer, void *userdata) {
        struct updating *updating = userdata;
        const struct step *step = &updating->plan.steps[updating->at];
        const struct directory_settings *directory = plan_directory(&updating->plan, updating->at);
        _cleanup_sbuf_ struct sbuf text = { 0 };
        enum reason reason;
        updating->job = NULL;
        enum change_state state = server_change_outcome(answer, updating->given, directory, step->name, step->what, &reason, &text);
        log_notice("change at a server: directory=%s what=%s %s%s%s", directory->name, step->what,
                   state == CHANGE_DONE ? "done" : state == CHANGE_PARTLY ? "partly done" : state == CHANGE_UNKNOWN ? "unknown" : "refused",
                   text.len > 0 ? ": " : "", sbuf_text(&text));
        if (state != CHANGE_REFUSED || server_change_is_gone(reason))
                updating->done = updating->at + 1;
        if (!updating->connection) {
                end_unheard(updating, state != CHANGE_REFUSED);
                return;
        }
        if (state == CHANGE_DONE || state == CHANGE_PARTLY) {
                updating->dirty = true;
                updating->renamed = updating->renamed || strcmp(step->what, "rename-user") == 0;
                if (state == CHANGE_PARTLY)
                        fail(updating, REASON_UNAVAILABLE, sbuf_text(&text));
                note_changed(updating, updating->at);
        } else {
                fail(updating, reason, sbuf_text(&text));
                /* Another name or entry than the replica has: the server is right. */
                if (reason != REASON_UNAVAILABLE && reason != REASON_PERMISSION_DENIED && reason != REASON_POLICY_REJECTED)
                        sync_wanted(updating->service, directory->name);
        }
        if (state == CHANGE_UNKNOWN)
                read_again(updating);
        updating->at++;
        bool last = updating->failed || is_overtaken(updating) || updating->at == updating->plan.count ||
                    updating->plan.steps[updating->at].directory != updating->plan.steps[updating->at - 1].directory;
        if (last && updating->dirty)
                publish(updating, false);
        else
                go_on(updating);
}

/* It is not ended here: that might end the pool that asks. */
static bool before_change(void *userdata) {
        struct updating *updating = userdata;
        updating->given = !is_overtaken(updating);
        if (updating->given)
                return true;
        updating->job = NULL;
        updating->stopped = true;
        (void)sd_event_source_set_time_relative(updating->pulse, 0);
        return false;
}

static void ask_worker(struct updating *updating) {
        const struct step *step = &updating->plan.steps[updating->at];
        struct pool *pool = configuration_workers(updating->plan.configuration, step->directory);
        const struct job_request request = { .type = WORKER_CHANGE, .user = "", .change = (const unsigned char *)step->bytes, .change_len = step->len,
                                             .new_password = step->takes_password ? &updating->password : NULL, .deadline_ms = clock_monotonic_ms() + POOL_CHANGE_MS + 1000 };
        updating->given = false;
        int r = pool ? pool_submit(pool, &request, on_changed, updating, &updating->job) : -ENOMEM;
        if (r < 0)
                on_changed(&(struct protocol_answer){ 0 }, updating);
        else
                job_set_before(updating->job, before_change);
}

/* What was done before is published all the same. */
static void overtaken(struct updating *updating) {
        fail(updating, REASON_UNAVAILABLE, "the configuration was changed meanwhile: nothing more was done");
        if (updating->dirty)
                publish(updating, false);
        else
                end(updating);
}

static void run(struct updating *updating) {
        if (updating->at < updating->plan.count && is_overtaken(updating)) {
                overtaken(updating);
                return;
        }
        if (updating->at < updating->plan.count && updating->plan.steps[updating->at].at_server)
                ask_worker(updating);
        else
                ask_keeper(updating);
}

/* --- taking it over */

static int on_pulse(sd_event_source *source, uint64_t usec, void *userdata) {
        struct updating *updating = userdata;
        connection_progress(updating->connection, "{}");
        int r = sd_event_source_set_time_relative(source, PULSE_US);
        if (r >= 0)
                r = sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (updating->stopped) {
                updating->stopped = false;
                overtaken(updating);
                return r < 0 ? r : 0;
        }
        if (updating->wait.sync && clock_monotonic_ms() >= updating->wait_until_ms) {
                sync_wait_cancel(&updating->wait);
                not_published(updating, plan_directory(&updating->plan, updating->at - 1)->name, "the synchronisation takes long; it goes on");
        }
        return r < 0 ? r : 0;
}

static bool take(struct updating *updating, const struct protocol_planned *planned) {
        updating->subject = planned->subject;
        updating->changed = json_array();
        updating->skipped = json_loads(planned->skipped, JSON_REJECT_DUPLICATES, NULL);
        if (!updating->changed || !json_is_array(updating->skipped) || !plan_take(&updating->plan, updating->service->configuration, planned))
                return false;
        (void)secret_set(&updating->password, planned->password.bytes, planned->password.len);
        return sd_event_add_time_relative(updating->service->event, &updating->pulse, CLOCK_MONOTONIC, PULSE_US, 0, on_pulse, updating) >= 0;
}

void request_update(struct connection *connection, const struct protocol_planned *planned) {
        struct updating *updating = calloc(1, sizeof *updating);
        if (updating) {
                updating->connection = connection;
                updating->service = connection_service(connection);
                if (connection_is_current(connection) && take(updating, planned)) {
                        connection_set_work(connection, updating, cancel);
                        run(updating);
                        return;
                }
                updating->done = SIZE_MAX; /* told below, and once: another command may count on the same */
                updating_free(updating);
        }
        /* However much of it was taken over: the keeper has counted on all of it (D5). */
        keeper_link_undone(connection_service(connection), planned->steps, planned->step_count);
        reply_error(connection, EXIT_UNAVAILABLE, REASON_UNAVAILABLE, "the change cannot be made now: the configuration was just changed, or memory is out; nothing was changed");
}
