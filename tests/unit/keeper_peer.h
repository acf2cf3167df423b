/* The keeper as a process, the test in the supervisor's place.
 * Relies on: cmocka (include it before), multidird/channel/protocol, keeper_serve, fork.
 * Must never: leave its folder or its keeper behind. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "multidird/channel/protocol.h"
#include "multidird/keeper/keeper.h"

struct peer { char folder[64]; pid_t pid; struct channel *channel; };

_unused_ static inline void start(struct peer *peer) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        peer->pid = fork();
        assert_true(peer->pid >= 0);
        if (peer->pid == 0) {
                (void)close(fds[0]);
                _exit(keeper_serve(fds[1], peer->folder));
        }
        (void)close(fds[1]);
        assert_int_equal(channel_new(fds[0], PROTOCOL_MAX, 0, &peer->channel), 0);
}

/* The next frame, at most 10 s away; false: none within wait_ms. */
_unused_ static inline bool next(struct peer *peer, struct channel_frame *frame, int wait_ms) {
        uint64_t deadline = clock_monotonic_ms() + (uint64_t)wait_ms;
        for (;;) {
                int r = channel_next(peer->channel, frame);
                assert_true(r >= 0);
                if (r > 0)
                        return true;
                uint64_t now = clock_monotonic_ms();
                if (now >= deadline)
                        return false;
                struct pollfd poll_fd = { .fd = channel_fd(peer->channel), .events = (short)(POLLIN | (channel_wants_write(peer->channel) ? POLLOUT : 0)) };
                (void)poll(&poll_fd, 1, (int)(deadline - now));
                assert_int_equal(channel_write(peer->channel), 0);
                assert_int_equal(channel_read(peer->channel), 0);
        }
}

/* The next frame of a type; KEEPER_STATE is passed over. */
_unused_ static inline void expect(struct peer *peer, unsigned type, struct channel_frame *frame) {
        do
                assert_true(next(peer, frame, 10000));
        while (frame->type == KEEPER_STATE && type != KEEPER_STATE);
        assert_int_equal(frame->type, type);
}

_unused_ static inline void send_texts(struct peer *peer, const char *config) {
        struct config_source source = { .path = (char *)(uintptr_t)"multidir.conf", .text = (char *)(uintptr_t)config, .len = strlen(config) };
        struct config_sources sources = { .items = &source, .count = 1 };
        struct protocol_local local = { .passwd = "root:x:0:0::/:/bin/sh\n", .group = "root:x:0:\n" };
        assert_int_equal(protocol_send_config(peer->channel, &sources), 0);
        assert_int_equal(protocol_send_local(peer->channel, &local), 0);
}

_unused_ static inline void ask(struct peer *peer, uint64_t connection, uint64_t id, const char *json) {
        struct protocol_admin admin = { .connection = connection, .id = id, .json = json, .json_len = strlen(json) };
        assert_int_equal(protocol_send_admin(peer->channel, KEEPER_ADMIN, &admin), 0);
}

/* A view comes; says whether it was installed. Its generation; *fd, where given, is the caller's. */
_unused_ static inline uint64_t view(struct peer *peer, int error, int *fd) {
        struct channel_frame frame;
        struct protocol_installed installed = { .error = error };
        expect(peer, KEEPER_VIEW, &frame);
        assert_int_equal(protocol_get_number(frame.payload, frame.len, &installed.generation), 0);
        int memory = channel_take_fd(peer->channel);
        assert_true(memory >= 0);
        assert_int_equal(fcntl(memory, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        if (fd)
                *fd = memory;
        else
                (void)close(memory);
        if (error)
                (void)snprintf(installed.text, sizeof installed.text, "the disk is full");
        assert_int_equal(protocol_send_installed(peer->channel, &installed), 0);
        return installed.generation;
}

_unused_ static inline json_t *reply(struct peer *peer, uint64_t id, int exit) {
        struct channel_frame frame;
        struct protocol_admin admin;
        json_error_t error;
        expect(peer, KEEPER_ADMIN_REPLY, &frame);
        assert_int_equal(protocol_get_admin(frame.payload, frame.len, &admin), 0);
        assert_int_equal(admin.id, id);
        json_t *json = json_loadb(admin.json, admin.json_len, 0, &error);
        assert_non_null(json);
        if (json_integer_value(json_object_get(json, "exit")) != exit)
                fail_msg("request %llu: %.*s", (unsigned long long)id, (int)admin.json_len, admin.json);
        json_t *object = json_incref(json_object_get(json, "object"));
        json_decref(json);
        return object;
}

_unused_ static inline void open_peer(struct peer *peer, const char *config) {
        (void)snprintf(peer->folder, sizeof peer->folder, "/tmp/multidir-keeper-XXXXXX");
        assert_non_null(mkdtemp(peer->folder));
        start(peer);
        send_texts(peer, config);
        (void)view(peer, 0, NULL);
}

_unused_ static inline void stop(struct peer *peer) {
        int status;
        channel_free(peer->channel);
        assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

_unused_ static inline void close_peer(struct peer *peer) {
        stop(peer);
        DIR *folder = opendir(peer->folder);
        for (struct dirent *entry; folder && (entry = readdir(folder));)
                if (entry->d_name[0] != '.')
                        (void)unlinkat(dirfd(folder), entry->d_name, 0);
        if (folder)
                (void)closedir(folder);
        (void)rmdir(peer->folder);
}
