/* Synchronisations on their way in; see keeper/intake.h. A stream ends in one of three ways: whole, with the worker's reason why it is not, or cut off. */
#include "multidird/keeper/intake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/channel/sync_wire.h"
#include "multidird/keeper/intake_guard.h"
#include "replica/store_sync.h"

struct intake {
        struct intake *next;
        struct protocol_sync sync;
        struct channel *stream;     /* NULL: read to its end, the answer waits for a view */
        struct sync_receiver receiver;
        struct store_sync *content; /* as stream */
        struct sbuf settings;       /* of the directory when it began: its worker reads by these */
        uint64_t wanted;            /* keeper->wanted once it was taken in */
};

struct intakes {
        struct keeper *keeper;
        intake_answer_fn answer;
        void *data;
        struct intake *first;
};

struct intakes *intakes_new(struct keeper *keeper, intake_answer_fn answer, void *data) {
        struct intakes *intakes = calloc(1, sizeof *intakes);
        if (intakes)
                *intakes = (struct intakes){ .keeper = keeper, .answer = answer, .data = data };
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
        free(intakes);
}

static size_t find_directory(const struct keeper *keeper, const char *name) {
        return keeper->config ? settings_directory(keeper_settings(keeper), name) : SETTINGS_NONE;
}

static void answer(struct intakes *intakes, const struct protocol_sync *sync, bool complete, const char *error) {
        const struct keeper *keeper = intakes->keeper;
        size_t directory = find_directory(keeper, sync->directory);
        const struct replica *replica = directory != SETTINGS_NONE ? keeper->replicas[directory] : NULL;
        struct protocol_keeper_synced synced = { .id = sync->id, .complete = complete, .users = replica ? replica->user_count : 0,
                                                 .groups = replica ? replica->group_count : 0 };
        memcpy(synced.directory, sync->directory, sizeof synced.directory);
        (void)snprintf(synced.error, sizeof synced.error, "%s", error);
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

/* D5: the last good replica stays, and `status` says why. */
static void failed(struct intakes *intakes, struct intake *intake, const char *why) {
        size_t directory = find_directory(intakes->keeper, intake->sync.directory);
        if (directory != SETTINGS_NONE)
                keeper_sync_failed(intakes->keeper, directory, why);
        answer(intakes, &intake->sync, false, why);
        drop(intakes, intake);
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

void intake_begin(struct intakes *intakes, const struct protocol_sync *sync, int fd) {
        _cleanup_close_ int owned = fd;
        size_t directory;
        for (struct intake *other = intakes->first, *next; other; other = next) {
                next = other->next;
                if (other->stream && strcmp(other->sync.directory, sync->directory) == 0)
                        failed(intakes, other, "another synchronisation of the directory began before this one had ended");
        }
        const char *why = refusal(intakes->keeper, sync->directory, &directory);
        if (!why && fd < 0)
                why = "the stream did not come with its announcement";
        struct intake *intake = why ? NULL : calloc(1, sizeof *intake);
        if (intake)
                *intake = (struct intake){ .sync = *sync, .content = store_sync_new() };
        if (intake && (sync->began_s == 0 || sync->began_s > clock_real_s()))
                intake->sync.began_s = clock_real_s();
        if (intake)
                config_directory_text(intakes->keeper->config, sync->directory, &intake->settings);
        int r = !intake || !intake->content || intake->settings.failed ? -ENOMEM : channel_new(TAKE_FD(owned), SYNC_FRAME_MAX, 0, &intake->stream);
        if (!why && r < 0)
                why = strerror(-r);
        if (why) {
                if (intake)
                        intake_free(intake);
                answer(intakes, sync, false, why);
                return;
        }
        intake->next = intakes->first;
        intakes->first = intake;
}

size_t intakes_poll(const struct intakes *intakes, struct pollfd *fds, size_t size) {
        size_t count = 0;
        for (const struct intake *intake = intakes->first; intake; intake = intake->next)
                if (intake->stream) {
                        if (count < size)
                                fds[count] = (struct pollfd){ .fd = channel_fd(intake->stream), .events = POLLIN };
                        count++;
                }
        return count;
}

static uint32_t less(uint32_t count, uint32_t by) {
        return count - (by < count ? by : count);
}

/* What an administrator has removed from here is no sign that the server hides something. */
static bool passes(const struct keeper *keeper, size_t directory, const struct store_sync_changes *changes, char *text, size_t size) {
        const struct keeper_leaving *leaving = &keeper->directories[directory].leaving;
        struct store_sync_changes unexpected = *changes;
        if (clock_monotonic_ms() < leaving->until_ms) {
                unexpected.lost_users = less(changes->lost_users, leaving->users);
                unexpected.lost_groups = less(changes->lost_groups, leaving->groups);
                unexpected.lost_memberships -= leaving->memberships < changes->lost_memberships ? leaving->memberships : changes->lost_memberships;
        }
        return intake_guard_passes(&keeper_settings(keeper)->directories[directory], &unexpected, text, size);
}

static void forget_leaving(struct keeper_leaving *leaving, const struct store_sync_changes *changes) {
        leaving->users = less(leaving->users, changes->lost_users);
        leaving->groups = less(leaving->groups, changes->lost_groups);
        leaving->memberships -= changes->lost_memberships < leaving->memberships ? changes->lost_memberships : leaving->memberships;
}

/* From the whole stream to the store and the keeper's replica, which is as old as the run: the first entries were read then (L6). 0, or why not is in text. */
static int take_in(struct keeper *keeper, size_t directory, struct store_sync *content, uint64_t began_s, char *text, size_t size) {
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        keeper_refresh(keeper);
        struct store *store = keeper->directories[directory].store;
        if (!store) {
                (void)snprintf(text, size, "%s", keeper->directories[directory].error);
                return -EIO;
        }
        int r = store_sync_prepare(content, store, &changes);
        const struct directory_settings *settings = &keeper_settings(keeper)->directories[directory];
        if (r == 0 && !passes(keeper, directory, &changes, text, size))
                return -ECANCELED;
        int over = r == 0 && (changes.content || !changes.had_replica) ? intake_guard_bounds(settings, store_sync_replica(content), text, size) : 0;
        if (over < 0)
                return over;
        if (r == 0)
                r = store_sync_commit(content, began_s, &replica);
        if (r < 0) {
                (void)snprintf(text, size, "%s", store_sync_error(content));
                return r;
        }
        forget_leaving(&keeper->directories[directory].leaving, &changes);
        keeper_adopt(keeper, directory, replica, changes.content || !changes.had_replica);
        log_debug("directory %s: synchronised, %u users and %u groups%s", keeper->directories[directory].name, changes.users, changes.groups,
                 changes.content ? "" : ", nothing new");
        return 0;
}

/* Another base, filter or attribute since it began: what came is not what the directory is now. */
static const char *outdated(const struct keeper *keeper, const struct intake *intake) {
        _cleanup_sbuf_ struct sbuf now = { 0 };
        config_directory_text(keeper->config, intake->sync.directory, &now);
        return !now.failed && strcmp(sbuf_text(&now), sbuf_text(&intake->settings)) == 0 ? NULL
               : "the directory's configuration changed while it was read: it is read again";
}

/* The stream has ended as it should. */
static void finish(struct intakes *intakes, struct intake *intake) {
        struct keeper *keeper = intakes->keeper;
        char text[WIRE_TEXT_MAX + 1] = "";
        size_t directory;
        const char *why = intake->receiver.error[0] ? intake->receiver.error : refusal(keeper, intake->sync.directory, &directory);
        if (!why)
                why = outdated(keeper, intake);
        if (!why && take_in(keeper, directory, intake->content, intake->sync.began_s, text, sizeof text) < 0)
                why = text;
        if (why) {
                failed(intakes, intake, why);
                return;
        }
        /* What failed before would fail it too: tried once more, so that the answer is of now. */
        if (keeper->build_error[0])
                keeper_touch(keeper);
        intake->wanted = keeper->wanted;
        channel_free(TAKE_PTR(intake->stream));
        store_sync_free(TAKE_PTR(intake->content));
}

/* 0: go on; 1: it has ended; negative: it is of no use, or has broken off. */
static int read_some(struct intake *intake) {
        struct channel_frame frame;
        int r = channel_read(intake->stream), next;
        while ((next = channel_next(intake->stream, &frame)) > 0) {
                next = sync_receiver_frame(&intake->receiver, frame.type, frame.payload, frame.len, store_sync_sink(intake->content));
                if (next < 0)
                        return next;
                if (intake->receiver.ended)
                        return 1;
        }
        return next < 0 ? next : r;
}

static void broken(struct intakes *intakes, struct intake *intake, int error) {
        char text[WIRE_TEXT_MAX + 1];
        const char *words = store_sync_error(intake->content);
        if (*words)
                (void)snprintf(text, sizeof text, "%s", words);
        else if (error == -ECONNRESET)
                (void)snprintf(text, sizeof text, "it broke off after %u users and %u groups: its process ended", intake->receiver.users,
                               intake->receiver.groups);
        else
                (void)snprintf(text, sizeof text, "what came is no synchronisation: %s", strerror(-error));
        failed(intakes, intake, text);
}

bool intakes_read(struct intakes *intakes) {
        bool changed = false;
        for (struct intake *intake = intakes->first, *next; intake; intake = next) {
                next = intake->next;
                int r = intake->stream ? read_some(intake) : 0;
                changed = changed || r != 0;
                if (r > 0)
                        finish(intakes, intake);
                else if (r < 0)
                        broken(intakes, intake, r);
        }
        return changed;
}

void intakes_release(struct intakes *intakes, uint64_t built, const char *failure) {
        char text[WIRE_TEXT_MAX + 1] = "";
        if (failure)
                (void)snprintf(text, sizeof text, "the replica is complete, but not published yet: %s", failure);
        for (struct intake *intake = intakes->first, *next; intake; intake = next) {
                next = intake->next;
                if (intake->stream || intake->wanted > built)
                        continue;
                answer(intakes, &intake->sync, true, text);
                drop(intakes, intake);
        }
}
