/* A checker; see worker/checker.h. One job at a time: it blocks in its directory's calls, and is killed from outside when that takes too long. */
#include "multidird/worker/checker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "directory/directory.h"
#include "multidird/keeper/keeper.h"
#include "multidird/channel/protocol.h"

struct checker {
        const char *name;
        struct channel *channel;
        struct config *config;              /* NULL until the first message */
        const struct directory_kind *kind;
        struct directory *directory;        /* NULL: could not be opened yet */
};

static const struct directory_settings *settings_of(const struct checker *checker) {
        size_t index = settings_directory(&checker->config->settings, checker->name);
        return index == SETTINGS_NONE ? NULL : &checker->config->settings.directories[index];
}

static int take_config(struct checker *checker, const struct channel_frame *frame) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        struct config_sources sources;
        if (checker->config)
                return -EBADMSG;
        int r = protocol_get_config(frame->payload, frame->len, &sources);
        if (r < 0)
                return r;
        r = config_parse(&sources, false, &errors, &checker->config);
        config_sources_done(&sources);
        if (r < 0)
                return r;
        const struct directory_settings *settings = settings_of(checker);
        checker->kind = settings ? directory_kind_for(settings->type) : NULL;
        return checker->kind ? 0 : -ENOENT;
}

/* The store may not be there yet: it is tried again with each job. */
static bool is_open(struct checker *checker) {
        if (checker->directory)
                return true;
        const struct directory_opening opening = { .settings = settings_of(checker), .stores = KEEPER_STORES };
        int r = checker->kind->open(&opening, &checker->directory);
        if (r < 0)
                log_warning("directory %s cannot be opened: %s", checker->name, strerror(-r));
        return r == 0;
}

static void work(struct checker *checker, unsigned type, const struct protocol_check *job, struct protocol_answer *answer) {
        struct directory_entry entry = { 0 };
        const struct directory_kind *kind = checker->kind;
        if (!is_open(checker))
                return;
        if (type == CHECKER_FIND)
                kind->find(checker->directory, job->user, &entry);
        else if (type == CHECKER_CHECK)
                answer->password = kind->check(checker->directory, job->user, &job->password, &entry);
        else
                kind->check_dummy(checker->directory, &job->password);
        answer->presence = entry.presence;
        answer->active = entry.active;
        memcpy(answer->entry_id, entry.entry_id, sizeof entry.entry_id);
}

static int take_job(struct checker *checker, const struct channel_frame *frame) {
        struct protocol_check job;
        if (!checker->config || frame->type < CHECKER_FIND || frame->type > CHECKER_DUMMY)
                return -EBADMSG;
        int r = protocol_get_check(frame->payload, frame->len, &job);
        if (r < 0)
                return r;
        struct protocol_answer answer = { .id = job.id };
        work(checker, frame->type, &job, &answer);
        secret_done(&job.password);
        return protocol_send_answer(checker->channel, &answer);
}

static int serve(struct checker *checker) {
        for (;;) {
                struct pollfd poll_fd = { .fd = channel_fd(checker->channel),
                                          .events = (short)(POLLIN | (channel_wants_write(checker->channel) ? POLLOUT : 0)) };
                if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
                        return -errno;
                int r = channel_read(checker->channel);
                if (r < 0)
                        return r;
                struct channel_frame frame;
                while ((r = channel_next(checker->channel, &frame)) > 0) {
                        r = frame.type == PROTOCOL_CONFIG ? take_config(checker, &frame) : take_job(checker, &frame);
                        if (r < 0)
                                return r;
                }
                if (r == 0)
                        r = channel_write(checker->channel);
                if (r < 0)
                        return r;
        }
}

int checker_main(int fd, const char *directory) {
        struct checker checker = { .name = directory };
        int r = channel_new(fd, PROTOCOL_MAX, 0, &checker.channel);
        if (r == 0)
                r = serve(&checker);
        if (checker.directory)
                checker.kind->close(checker.directory);
        if (checker.config)
                config_free(checker.config);
        channel_free(checker.channel);
        if (r < 0 && r != -ECONNRESET)
                log_error("directory %s: %s", directory, strerror(-r));
        return r == -ECONNRESET || r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
