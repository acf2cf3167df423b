/* One synchronisation: a worker that reads, a keeper that takes, and a stream between them that does not pass through here; see supervisor/sync.h.
 * Relies on: the keeper answers every stream, also one that breaks off.
 * Must never: take a run for complete because its worker says so. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/channel/jobs.h"
#include "multidird/channel/sync_wire.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/server_notes.h"
#include "multidird/supervisor/sync_internal.h"
#include "multidird/supervisor/worker_start.h"

#define LIMIT_US (11 * 60 * 1000000ull)  /* the worker's own limit, and a minute */
#define KEEPER_US (180 * 1000000ull)     /* for the keeper's word on a stream that broke off; one that hangs is replaced before that */
#define WATCH_US (180 * 1000000ull)      /* between two words of one who watches: also when nothing changes, it says that */
#define MESSAGE_MAX 4096                 /* bytes of the largest message that a worker sends about a synchronisation */

static void kill_worker(const struct sync_run *run) {
        if (run->pid > 0)
                (void)kill(run->pid, SIGKILL);
}

static void set_reason(struct sync_run *run, const char *text) {
        if (!run->reason[0])
                (void)snprintf(run->reason, sizeof run->reason, "%s", text);
}

/* Whether the keeper owes an answer, as far as the worker has said. */
static bool is_owed(const struct sync_run *run) {
        return run->told > run->answered;
}

static void end(struct sync *sync) {
        char text[WIRE_TEXT_MAX + 1];
        memcpy(text, sync->run.text, sizeof text);
        sync->keeping = sync->run.keeping == SYNC_KEPT_WATCH ? SYNC_KEPT_FULL : sync->run.keeping;
        sync->end_s = sync->run.end_s;
        sync_run_drop(sync);
        sync_ended(sync, true, text);
}

/* The stream's end went with the process: the keeper sees that it breaks off, and says so; between two runs there is nothing to say. */
static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct sync *sync = userdata;
        struct sync_run *run = &sync->run;
        char how[64], text[128];
        process_describe(info, how);
        run->pid = 0;
        run->child = sd_event_source_disable_unref(run->child);
        run->endpoint = (endpoint_free(run->endpoint), NULL);
        if (run->written)
                return 0;
        if (run->answered > run->told) {
                end(sync);
                return 0;
        }
        if (sync_run_is_watch(run) && !is_owed(run)) {
                (void)snprintf(text, sizeof text, "the worker that watched the directory ended with %s", how);
                sync_watch_lost(sync, text);
                return 0;
        }
        (void)snprintf(text, sizeof text, "the worker that read the directory ended with %s", how);
        set_reason(run, text);
        log_warning("directory %s: %s", sync->name, text);
        return 0;
}

static void on_gone(struct endpoint *endpoint, int error, void *userdata) {
        struct sync_run *run = &((struct sync *)userdata)->run;
        run->endpoint = (endpoint_free(run->endpoint), NULL);
        kill_worker(run);
}

static void limit(struct sync_run *run, uint64_t usec) {
        if (run->limit && sd_event_source_set_time_relative(run->limit, usec) >= 0)
                (void)sd_event_source_set_enabled(run->limit, SD_EVENT_ONESHOT);
}

/* The worker's runs and the keeper's answers come on two ways: whichever is later finds both. */
static void settle(struct sync *sync) {
        struct sync_run *run = &sync->run;
        if (run->answered == 0 || run->answered != run->told)
                return;
        if (run->keeping != SYNC_KEPT_WATCH || (run->written && !run->lost)) {
                end(sync);
                return;
        }
        limit(run, WATCH_US);
        if (!sync_run_is_watch(run))
                run->watching_ms = clock_monotonic_ms();
        sync_watches(sync, run->text);
        if (run->lost || run->pid == 0)
                sync_watch_lost(sync, run->reason);
}

static bool take_run(struct sync *sync, const struct channel_frame *frame) {
        struct protocol_run message;
        struct sync_run *run = &sync->run;
        if (protocol_get_run(frame->payload, frame->len, &message) < 0 || message.id != run->id || run->written)
                return false;
        run->told++;
        run->keeping = message.keeping;
        run->end_s = message.end_s;
        settle(sync);
        return true;
}

static bool take_synced(struct sync *sync, const struct channel_frame *frame) {
        struct protocol_synced synced;
        struct sync_run *run = &sync->run;
        if (protocol_get_synced(frame->payload, frame->len, &synced) < 0 || synced.id != run->id || run->written || (synced.lost && run->keeping != SYNC_KEPT_WATCH))
                return false;
        run->written = true;
        run->full_needed = synced.full_needed;
        run->lost = synced.lost;
        if (synced.lost)
                set_reason(run, synced.text);
        limit(run, KEEPER_US);
        /* Of one that failed the keeper has the word, too. */
        if (synced.lost || !synced.text[0])
                settle(sync);
        return true;
}

static bool take_note(const struct sync *sync, const struct channel_frame *frame) {
        struct protocol_note note;
        if (protocol_get_note(frame->payload, frame->len, &note) < 0 || note.id != sync->run.id)
                return false;
        if (note.refused) {
                server_notes_refused(sync->service, sync->name, note.text);
                return true;
        }
        if (note.taken)
                server_notes_taken(sync->service, sync->name);
        else
                server_notes_remark(sync->service, sync->name, note.text);
        return true;
}

static bool take_progress(struct sync_run *run, const struct channel_frame *frame) {
        struct protocol_progress progress;
        if (protocol_get_progress(frame->payload, frame->len, &progress) < 0 || progress.id != run->id)
                return false;
        run->done = progress.done;
        run->total = progress.total;
        return true;
}

static bool take(struct sync *sync, const struct channel_frame *frame) {
        switch (frame->type) {
        case WORKER_SYNCED:
                return take_synced(sync, frame);
        case WORKER_RUN:
                return take_run(sync, frame);
        case WORKER_PROGRESS:
                return take_progress(&sync->run, frame);
        case WORKER_NOTE:
                return take_note(sync, frame);
        default:
                return false;
        }
}

static bool on_frame(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata) {
        struct sync *sync = userdata;
        uint64_t id = sync->run.id;
        if (take(sync, frame))
                return sync->run.id == id; /* a watch that was lost took the endpoint with it */
        log_error("directory %s: a worker sent nonsense and is killed", sync->name);
        set_reason(&sync->run, "the worker that read the directory sent nonsense");
        kill_worker(&sync->run);
        endpoint_pause(endpoint, true);
        return true;
}

/* Whoever watches and says nothing any more is begun anew. */
static void silent_watch(struct sync *sync) {
        log_warning("directory %s: the worker that watches it says nothing any more and is killed", sync->name);
        sync_watch_lost(sync, "the worker that watched the directory said nothing any more");
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        struct sync *sync = userdata;
        struct sync_run *run = &sync->run;
        bool reads = run->pid > 0 && !run->written;
        if (sync_run_is_watch(run) && reads && !is_owed(run)) {
                silent_watch(sync);
                return 0;
        }
        set_reason(run, reads ? "the directory could not be read within eleven minutes" : "the keeper did not say what became of it");
        if (reads && sd_event_source_set_time_relative(source, KEEPER_US) >= 0 && sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0) {
                log_warning("directory %s: %s: its worker is killed", sync->name, run->reason);
                kill_worker(run);
                return 0;
        }
        char text[WIRE_TEXT_MAX + 1];
        memcpy(text, run->reason, sizeof text);
        sync_run_drop(sync);
        sync_ended(sync, false, text);
        return 0;
}

static int start_worker(struct sync *sync, int stream, struct sbuf *why) {
        struct sync_run *run = &sync->run;
        _cleanup_close_ int owned = stream;
        _cleanup_close_ int fd = -1;
        if (!server_notes_let(sync->service, sync->name, why))
                return -EACCES;
        int r = worker_start(run->configuration, run->directory, &run->pid, &fd);
        if (r < 0) {
                sbuf_printf(why, "no worker can be started: %s", r == -ENOENT ? "there is no user multidir-worker" : strerror(-r));
                return r;
        }
        r = process_watch(sync->service, run->pid, on_child, sync, &run->child);
        if (r == 0)
                r = endpoint_new(sync->service->event, TAKE_FD(fd), MESSAGE_MAX, 0, on_frame, on_gone, sync, &run->endpoint);
        if (r == 0)
                r = endpoint_prefer(run->endpoint); /* a note comes before the keeper's word */
        if (r == 0)
                r = worker_greet(run->configuration, run->directory, endpoint_channel(run->endpoint), why);
        if (r == 0)
                r = protocol_send_number(endpoint_channel(run->endpoint), WORKER_SYNC, run->id, TAKE_FD(owned));
        if (r == 0)
                endpoint_flush(run->endpoint);
        return r;
}

/* One that failed before it began is told to the keeper like any other: `status` has one place to look. */
static int start_failed(struct sync *sync, int stream, const char *why) {
        struct sync_run *run = &sync->run;
        _cleanup_(sync_sender_freep) struct sync_sender *sender = sync_sender_new(stream);
        set_reason(run, why);
        run->written = true;
        run->endpoint = (endpoint_free(run->endpoint), NULL);
        kill_worker(run);
        return sender ? sync_sender_end(sender, why) : -ENOMEM;
}

/* Everything but the keeper's part. */
static int begin(struct sync *sync, int stream) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        _cleanup_close_ int theirs = stream;
        struct sync_run *run = &sync->run;
        int r = sd_event_add_time_relative(sync->service->event, &run->limit, CLOCK_MONOTONIC, LIMIT_US, 1000000, on_limit, sync);
        if (r < 0)
                return r;
        _cleanup_close_ int copy = fcntl(theirs, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        r = start_worker(sync, TAKE_FD(theirs), &why);
        return r == 0 ? 0 : start_failed(sync, copy, why.len > 0 ? sbuf_text(&why) : strerror(-r));
}

int sync_run_begin(struct sync *sync, struct sbuf *why) {
        struct service *service = sync->service;
        struct sync_run *run = &sync->run;
        struct protocol_sync message = { .id = service_id(service), .began_s = clock_real_s(), .full = sync->full_wanted };
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int keepers = pair[0];
        *run = (struct sync_run){ .id = message.id, .began_ms = clock_monotonic_ms(), .full = message.full, .configuration = configuration_ref(service->configuration) };
        run->directory = settings_directory(configuration_settings(run->configuration), sync->name);
        sync->full_wanted = false;
        (void)snprintf(message.directory, sizeof message.directory, "%s", sync->name);
        int r = begin(sync, pair[1]);
        if (r == 0)
                r = keeper_link_sync(service, &message, TAKE_FD(keepers));
        if (r < 0) {
                sbuf_printf(why, "%s", run->reason[0] ? run->reason : strerror(-r));
                sync_run_drop(sync);
        }
        return r;
}

/* When the last full run was, the keeper knows whatever became of this one. */
static void note_full(struct sync *sync, const struct protocol_keeper_synced *synced) {
        if (synced->full_s > 0)
                sync->full_s = synced->full_s;
        if (!synced->complete || synced->delta)
                return;
        sync->full_ended_ms = clock_monotonic_ms();
        if (sync->run.answered == 0)
                sync->full_took_ms = sync->full_ended_ms - sync->run.began_ms;
}

void sync_run_answered(struct sync *sync, const struct protocol_keeper_synced *synced) {
        struct sync_run *run = &sync->run;
        char text[WIRE_TEXT_MAX + 1];
        note_full(sync, synced);
        if (synced->complete) {
                run->answered++;
                if (sync_run_is_watch(run))
                        limit(run, WATCH_US);
                memcpy(run->text, synced->error, sizeof run->text);
                sync->unsettled = synced->full_needed;
                sync->empty = synced->users == 0 && synced->groups == 0;
                settle(sync);
                return;
        }
        bool full = synced->full_needed || run->full_needed;
        memcpy(text, run->reason[0] ? run->reason : synced->error, sizeof text);
        sync_run_drop(sync);
        if (full)
                sync_full_needed(sync, text);
        else
                sync_ended(sync, false, text);
}

void sync_run_drop(struct sync *sync) {
        struct sync_run *run = &sync->run;
        (void)sd_event_source_disable_unref(run->child);
        (void)sd_event_source_disable_unref(run->limit);
        endpoint_free(run->endpoint);
        /* Nothing that it could still do is of use. */
        kill_worker(run);
        if (run->pid > 0)
                process_forget(sync->service, run->pid);
        configuration_unref(run->configuration);
        /* Whoever asks for a full one while another run is under way means the next. */
        if (run->full && run->answered == 0)
                sync->full_wanted = true;
        *run = (struct sync_run){ 0 };
}
