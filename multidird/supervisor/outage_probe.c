/* One try of a directory's server: a worker without a password, one question, and its end; see supervisor/outage.h.
 * Relies on: worker/worker.c.
 * Must never: let a process live on that has nothing to do; believe more of it than yes or no. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "multidird/channel/jobs.h"
#include "multidird/supervisor/outage_internal.h"
#include "multidird/supervisor/process.h"
#include "multidird/supervisor/worker_start.h"

#define GRACE_MS 500u    /* for the process itself, beyond the question's time */
#define ANSWER_MAX 8192  /* bytes of the largest message that it has to send */

void outage_probe_drop(struct outage *outage) {
        (void)sd_event_source_disable_unref(outage->probe.child);
        (void)sd_event_source_disable_unref(outage->probe.limit);
        endpoint_free(outage->probe.endpoint);
        if (outage->probe.pid > 0) {
                (void)kill(outage->probe.pid, SIGKILL);
                process_forget(outage->service, outage->probe.pid);
        }
        memset(&outage->probe, 0, sizeof outage->probe);
}

static void end(struct outage *outage, enum outage_verdict verdict, const char *text) {
        outage_probe_drop(outage);
        outage_probe_ended(outage, verdict, text);
}

static bool on_frame(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata) {
        struct outage *outage = userdata;
        struct protocol_answer answer;
        if (frame->type != CHECKER_ANSWER || protocol_get_answer(frame->payload, frame->len, &answer) < 0 || answer.id != outage->probe.limit_ms) {
                log_error("directory %s: a worker that tried its server sent nonsense", outage->name);
                end(outage, OUTAGE_UNKNOWN, "");
                return false;
        }
        end(outage, answer.presence == PRESENCE_FOUND ? OUTAGE_ANSWERS : OUTAGE_SILENT, answer.text);
        return false;
}

/* on_child has the word, and soon. */
static void on_gone(struct endpoint *endpoint, int error, void *userdata) {
        struct outage *outage = userdata;
        outage->probe.endpoint = (endpoint_free(outage->probe.endpoint), NULL);
        (void)kill(outage->probe.pid, SIGKILL);
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        struct outage *outage = userdata;
        char how[64];
        process_describe(info, how);
        log_warning("directory %s: a worker that tried its server ended with %s", outage->name, how);
        outage->probe.pid = 0;
        end(outage, OUTAGE_UNKNOWN, "");
        return 0;
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata) {
        end(userdata, OUTAGE_SILENT, "a try of it did not end in time");
        return 0;
}

/* The configuration, an empty password, and the question. */
static int ask(struct outage *outage, size_t directory, uint32_t limit_ms) {
        static const struct secret none = { 0 };
        const struct configuration *configuration = outage->service->configuration;
        _cleanup_close_ int fd = -1;
        int r = worker_start(configuration, directory, &outage->probe.pid, &fd);
        if (r < 0)
                return r;
        r = process_watch(outage->service, outage->probe.pid, on_child, outage, &outage->probe.child);
        if (r == 0)
                r = sd_event_add_time_relative(outage->service->event, &outage->probe.limit, CLOCK_MONOTONIC, (limit_ms + GRACE_MS) * 1000ull, 1000,
                                               on_limit, outage);
        if (r >= 0)
                r = endpoint_new(outage->service->event, TAKE_FD(fd), ANSWER_MAX, 0, on_frame, on_gone, outage, &outage->probe.endpoint);
        if (r < 0)
                return r;
        struct channel *channel = endpoint_channel(outage->probe.endpoint);
        r = protocol_send_config(channel, &configuration->sources);
        if (r == 0)
                r = protocol_send_secret(channel, &none);
        if (r == 0)
                r = protocol_send_number(channel, WORKER_PROBE, limit_ms, -1);
        if (r == 0)
                endpoint_flush(outage->probe.endpoint);
        return r;
}

void outage_probe_begin(struct outage *outage, uint32_t limit_ms) {
        size_t directory = settings_directory(configuration_settings(outage->service->configuration), outage->name);
        outage_probe_drop(outage);
        outage->probe.limit_ms = limit_ms;
        int r = directory == SETTINGS_NONE ? -ENOENT : ask(outage, directory, limit_ms);
        if (r == 0)
                return;
        log_error("directory %s: no worker can be started to try its server: %s", outage->name,
                  directory == SETTINGS_NONE ? "it is not in the configuration" : process_start_problem(outage->service, SANDBOX_WORKER, r));
        end(outage, OUTAGE_UNKNOWN, "");
}
