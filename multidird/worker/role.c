/* The loop of checkers and workers; see worker/role.h. One job at a time: it blocks in its directory's calls, and is killed from outside when that
 * takes too long. */
#include "multidird/worker/role.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "multidird/channel/protocol.h"

static int take_config(struct role *role, const struct channel_frame *frame) {
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        struct config_sources sources;
        if (role->config)
                return -EBADMSG;
        int r = protocol_get_config(frame->payload, frame->len, &sources);
        if (r < 0)
                return r;
        r = config_parse(&sources, false, &errors, &role->config);
        config_sources_done(&sources);
        if (r < 0)
                return r;
        role->directory = settings_directory(&role->config->settings, role->name);
        return role->directory == SETTINGS_NONE ? -ENOENT : role->begin(role);
}

static int take_frame(struct role *role, const struct channel_frame *frame) {
        if (frame->type == PROTOCOL_CONFIG)
                return take_config(role, frame);
        return role->config ? role->take(role, frame) : -EBADMSG;
}

static int turn(struct role *role) {
        struct pollfd poll_fd = { .fd = channel_fd(role->channel), .events = (short)(POLLIN | (channel_wants_write(role->channel) ? POLLOUT : 0)) };
        struct channel_frame frame;
        if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
                return -errno;
        int r = channel_read(role->channel);
        if (r < 0)
                return r;
        while ((r = channel_next(role->channel, &frame)) > 0) {
                r = take_frame(role, &frame);
                if (r < 0)
                        return r;
        }
        return r == 0 ? channel_write(role->channel) : r;
}

int role_serve(struct role *role, int fd) {
        int r = channel_new(fd, PROTOCOL_MAX, 0, &role->channel);
        while (r == 0)
                r = turn(role);
        if (r == -ECONNRESET)
                return 0;
        log_error("directory %s: %s", role->name, strerror(-r));
        return r;
}

void role_done(struct role *role) {
        if (role->config)
                config_free(role->config);
        channel_free(role->channel);
}

void role_flush(struct role *role) {
        (void)channel_write(role->channel);
}
