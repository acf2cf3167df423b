/* Synchronisations on their way in; see keeper/intake.h. A run ends in one of three ways: whole, with the worker's reason why it is not, or cut off. After one
 * that was not taken in its stream is of no use: the worker believes that it was, and goes on from there. */
#include "multidird/keeper/intake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "multidird/channel/sync_wire.h"
#include "multidird/keeper/intake_take.h"
#include "replica/store_sync.h"

#define BASIS_SEED UINT64_C(0x73657474696e6773)

struct intake {
        struct intake *next;
        struct protocol_sync sync;
        struct channel *stream;
        struct sync_receiver receiver;
        struct store_sync *content; /* of the run that is under way, or NULL */
        struct sbuf settings;       /* of the directory when it began: its worker reads by these */
        uint64_t basis;             /* these, and how this version reads, as a number */
        uint64_t began_s;           /* the run */
        uint64_t runs;              /* taken in so far */
};

/* A run that was taken in: its answer waits for a view. */
struct taken {
        struct taken *next;
        struct protocol_sync sync;
        bool delta, unsettled;
        uint64_t wanted;            /* keeper->wanted then */
};

struct intakes {
        struct keeper *keeper;
        intake_answer_fn answer;
        void *data;
        struct intake *first;
        struct taken *taken, **taken_end;
};

struct intakes *intakes_new(struct keeper *keeper, intake_answer_fn answer, void *data) {
        struct intakes *intakes = calloc(1, sizeof *intakes);
        if (intakes)
                *intakes = (struct intakes){ .keeper = keeper, .answer = answer, .data = data, .taken_end = &intakes->taken };
        return intakes;
}

static void intake_free(struct intake *intake) {
        channel_free(intake->stream);
        store_sync_free(intake->content);
        sbuf_done(&intake->settings);
        free(intake);
}

void intakes_free(struct intakes *intakes) {
        if (!intakes)
                return;
        while (intakes->first) {
                struct intake *intake = intakes->first;
                intakes->first = intake->next;
                intake_free(intake);
        }
        while (intakes->taken) {
                struct taken *taken = intakes->taken;
                intakes->taken = taken->next;
                free(taken);
        }
        free(intakes);
}

static size_t find_directory(const struct keeper *keeper, const char *name) {
        return keeper->config ? settings_directory(keeper_settings(keeper), name) : SETTINGS_NONE;
}

/* What is the same in every answer. */
static struct protocol_keeper_synced answer_for(const struct intakes *intakes, const struct protocol_sync *sync) {
        const struct keeper *keeper = intakes->keeper;
        size_t directory = find_directory(keeper, sync->directory);
        const struct replica *replica = directory != SETTINGS_NONE ? keeper->replicas[directory] : NULL;
        struct protocol_keeper_synced synced = { .id = sync->id, .users = replica ? replica->user_count : 0, .groups = replica ? replica->group_count : 0,
                                                 .full_s = directory != SETTINGS_NONE ? keeper->directories[directory].full_s : 0 };
        memcpy(synced.directory, sync->directory, sizeof synced.directory);
        return synced;
}

static void answer_failure(struct intakes *intakes, const struct protocol_sync *sync, bool delta, bool full_needed, const char *why) {
        struct protocol_keeper_synced synced = answer_for(intakes, sync);
        synced.delta = delta;
        synced.full_needed = full_needed;
        (void)snprintf(synced.error, sizeof synced.error, "%s", why);
        intakes->answer(intakes->data, &synced);
}

static void answer_success(struct intakes *intakes, const struct taken *taken, const char *text) {
        struct protocol_keeper_synced synced = answer_for(intakes, &taken->sync);
        synced.complete = true;
        synced.delta = taken->delta;
        synced.full_needed = taken->unsettled;
        (void)snprintf(synced.error, sizeof synced.error, "%s", text);
        intakes->answer(intakes->data, &synced);
}

/* Takes it out of the list and frees it. */
static void drop(struct intakes *intakes, struct intake *intake) {
        struct intake **at = &intakes->first;
        while (*at != intake)
                at = &(*at)->next;
        *at = intake->next;
        intake_free(intake);
}

/* D5: the last good replica stays, and `status` says why. full_needed: and the next run is a full one, whoever asks for it. */
static void failed(struct intakes *intakes, struct intake *intake, bool full_needed, const char *why) {
        size_t directory = find_directory(intakes->keeper, intake->sync.directory);
        if (directory != SETTINGS_NONE)
                keeper_sync_failed(intakes->keeper, directory, why);
        if (directory != SETTINGS_NONE && full_needed)
                intakes->keeper->directories[directory].full_needed = true;
        answer_failure(intakes, &intake->sync, intake->receiver.delta, full_needed, why);
        drop(intakes, intake);
}

/* Whether it is between two runs, with nothing to answer. */
static bool is_at_rest(const struct intake *intake) {
        return intake->runs > 0 && !intake->receiver.begun;
}

/* NULL: the directory is there, and of a kind that is synchronised. */
static const char *refusal(const struct keeper *keeper, const char *name, size_t *directory) {
        *directory = find_directory(keeper, name);
        if (*directory == SETTINGS_NONE)
                return "no such directory is configured";
        enum directory_type type = keeper->directories[*directory].type;
        if (directory_is_kept_here(type))
                return "a directory that is kept on this host is not synchronised";
        return NULL;
}

static void give_up_others(struct intakes *intakes, const char *directory) {
        for (struct intake *other = intakes->first, *next; other; other = next) {
                next = other->next;
                if (strcmp(other->sync.directory, directory) != 0)
                        continue;
                if (is_at_rest(other))
                        drop(intakes, other);
                else
                        failed(intakes, other, false, "another synchronisation of the directory began before this one had ended");
        }
}

/* Where the worker may go on. What cannot be read is as good as nothing. */
static int greet(const struct keeper *keeper, size_t directory, struct intake *intake) {
        struct keeper_directory *d = &keeper->directories[directory];
        char cookie[SYNC_COOKIE_MAX + 1] = "";
        if (!d->store || store_cookie(d->store, intake->basis, cookie, &d->full_s, &d->unsettled) < 0 || intake->sync.full || d->full_needed || d->unsettled)
                cookie[0] = 0;
        int r = sync_send_greeting(intake->stream, cookie);
        return r < 0 ? r : channel_write(intake->stream);
}

static int intake_new(const struct keeper *keeper, const struct protocol_sync *sync, int fd, struct intake **result) {
        _cleanup_close_ int owned = fd;
        struct intake *intake = calloc(1, sizeof *intake);
        if (!intake)
                return -ENOMEM;
        intake->sync = *sync;
        if (sync->began_s == 0 || sync->began_s > clock_real_s())
                intake->sync.began_s = clock_real_s();
        config_directory_text(keeper->config, sync->directory, &intake->settings);
        sbuf_printf(&intake->settings, "version=%s\n", MULTIDIR_VERSION);
        int r = intake->settings.failed ? -ENOMEM : channel_new(TAKE_FD(owned), SYNC_FRAME_MAX, 0, &intake->stream);
        if (r < 0) {
                intake_free(intake);
                return r;
        }
        intake->basis = hash_bytes(sbuf_text(&intake->settings), intake->settings.len, BASIS_SEED);
        *result = intake;
        return 0;
}

void intake_begin(struct intakes *intakes, const struct protocol_sync *sync, int fd) {
        _cleanup_close_ int owned = fd;
        struct intake *intake = NULL;
        size_t directory;
        give_up_others(intakes, sync->directory);
        const char *why = refusal(intakes->keeper, sync->directory, &directory);
        if (!why && fd < 0)
                why = "the stream did not come with its announcement";
        int r = why ? 0 : intake_new(intakes->keeper, sync, TAKE_FD(owned), &intake);
        /* A worker that is gone already shows when its stream is read. */
        if (!why && r == 0 && (r = greet(intakes->keeper, directory, intake)) < 0 && r != -ECONNRESET)
                intake_free(TAKE_PTR(intake));
        if (!why && !intake)
                why = strerror(-r);
        if (why) {
                answer_failure(intakes, sync, false, false, why);
                return;
        }
        intake->next = intakes->first;
        intakes->first = intake;
}

size_t intakes_poll(const struct intakes *intakes, struct pollfd *fds, size_t size) {
        size_t count = 0;
        for (const struct intake *intake = intakes->first; intake; intake = intake->next, count++)
                if (count < size)
                        fds[count] = (struct pollfd){ .fd = channel_fd(intake->stream), .events = (short)(POLLIN | (channel_wants_write(intake->stream) ? POLLOUT : 0)) };
        return count;
}

/* Another base, filter or attribute since it began: what came is not what the directory is now. */
static const char *outdated(const struct keeper *keeper, const struct intake *intake) {
        _cleanup_sbuf_ struct sbuf now = { 0 };
        config_directory_text(keeper->config, intake->sync.directory, &now);
        sbuf_printf(&now, "version=%s\n", MULTIDIR_VERSION);
        return !now.failed && strcmp(sbuf_text(&now), sbuf_text(&intake->settings)) == 0 ? NULL
               : "the directory's configuration changed while it was read: it is read again";
}

static int wait_for_view(struct intakes *intakes, const struct intake *intake, bool unsettled) {
        struct taken *taken = calloc(1, sizeof *taken);
        if (!taken)
                return -ENOMEM;
        *taken = (struct taken){ .sync = intake->sync, .delta = intake->receiver.delta, .unsettled = unsettled, .wanted = intakes->keeper->wanted };
        *intakes->taken_end = taken;
        intakes->taken_end = &taken->next;
        return 0;
}

/* A run has ended. False: its stream is of no use any more, and dropped. */
static bool finish(struct intakes *intakes, struct intake *intake) {
        struct keeper *keeper = intakes->keeper;
        char text[WIRE_TEXT_MAX + 1] = "";
        size_t directory;
        bool full_needed = false;
        const char *why = intake->receiver.error[0] ? intake->receiver.error : refusal(keeper, intake->sync.directory, &directory);
        if (!why)
                why = outdated(keeper, intake);
        if (!why)
                store_sync_basis(intake->content, intake->basis);
        int r = why ? 0 : intake_take(keeper, directory, intake->content, intake->began_s, text, sizeof text);
        if (r < 0) {
                why = text;
                full_needed = r == -ESTALE;
        }
        if (!why) {
                /* What failed before would fail it too: tried once more, so that the answer is of now. */
                if (keeper->build_error[0])
                        keeper_touch(keeper);
                if (wait_for_view(intakes, intake, keeper->directories[directory].unsettled) < 0)
                        why = strerror(ENOMEM);
        }
        if (why) {
                failed(intakes, intake, full_needed, why);
                return false;
        }
        intake->runs++;
        store_sync_free(TAKE_PTR(intake->content));
        sync_receiver_next(&intake->receiver);
        return true;
}

/* The first run is as old as its worker: the connection was made before it began to read. */
static int begin_run(const struct keeper *keeper, struct intake *intake) {
        size_t directory = find_directory(keeper, intake->sync.directory);
        struct store *store = directory != SETTINGS_NONE ? keeper->directories[directory].store : NULL;
        intake->began_s = intake->runs == 0 ? intake->sync.began_s : clock_real_s();
        return store ? store_sync_ahead(intake->content, store) : 0;
}

static int take_frame(const struct keeper *keeper, struct intake *intake, const struct channel_frame *frame) {
        if (!intake->content && !(intake->content = store_sync_new()))
                return -ENOMEM;
        int r = sync_receiver_frame(&intake->receiver, frame->type, frame->payload, frame->len, store_sync_sink(intake->content));
        return r == 0 && frame->type == SYNC_BEGIN ? begin_run(keeper, intake) : r;
}

static void broken(struct intakes *intakes, struct intake *intake, int error) {
        char text[WIRE_TEXT_MAX + 1];
        const char *words = intake->content ? store_sync_error(intake->content) : "";
        size_t directory;
        /* Why its store was closed, if it was. */
        const char *gone = refusal(intakes->keeper, intake->sync.directory, &directory);
        if (gone || *words)
                (void)snprintf(text, sizeof text, "%s", gone ? gone : words);
        else if (error == -ECONNRESET)
                (void)snprintf(text, sizeof text, "it broke off after %u users and %u groups: its process ended", intake->receiver.users,
                               intake->receiver.groups);
        else
                (void)snprintf(text, sizeof text, "what came is no synchronisation: %s", strerror(-error));
        failed(intakes, intake, false, text);
}

/* What has come, as far as it is whole. True: something ended. */
static bool read_stream(struct intakes *intakes, struct intake *intake) {
        struct channel_frame frame;
        bool changed = false;
        int r = channel_read(intake->stream), next;
        while ((next = channel_next(intake->stream, &frame)) > 0) {
                next = take_frame(intakes->keeper, intake, &frame);
                if (next < 0)
                        break;
                if (!intake->receiver.ended)
                        continue;
                changed = true;
                if (!finish(intakes, intake))
                        return true;
        }
        if (next == 0)
                next = r;
        if (next == 0 && channel_wants_write(intake->stream))
                next = channel_write(intake->stream);
        if (next == 0)
                return changed;
        if (next == -ECONNRESET && is_at_rest(intake))
                drop(intakes, intake);
        else
                broken(intakes, intake, next);
        return true;
}

bool intakes_read(struct intakes *intakes) {
        bool changed = false;
        for (struct intake *intake = intakes->first, *next; intake; intake = next) {
                next = intake->next;
                changed = read_stream(intakes, intake) || changed;
        }
        return changed;
}

void intakes_release(struct intakes *intakes, uint64_t built, const char *failure) {
        char text[WIRE_TEXT_MAX + 1] = "";
        if (failure)
                (void)snprintf(text, sizeof text, "the replica is complete, but not published yet: %s", failure);
        for (struct taken **at = &intakes->taken, *taken; (taken = *at);) {
                if (taken->wanted > built) {
                        at = &taken->next;
                        continue;
                }
                *at = taken->next;
                if (!*at)
                        intakes->taken_end = at;
                answer_success(intakes, taken, text);
                free(taken);
        }
}
