/* Requests to the service; see request.h. */
#include "multidirctl/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "multidirctl/print.h"
#include "wire/client.h"

#define CONNECT_MS 5000
#define REPLY_MS 30000 /* without a sign of life, which a service that works gives every few seconds */

json_t *request_connect(const struct ctl *ctl, int *fd, int *exit) {
        int r = wire_connect(ctl->admin_socket, clock_monotonic_ms() + CONNECT_MS);
        if (r >= 0) {
                *fd = r;
                return NULL;
        }
        if (r == -EACCES)
                return ctl_error(exit, EXIT_REFUSED, "not-root", "needs root");
        if (r == -EPERM)
                return ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "%s is not served by root: not asked", ctl->admin_socket);
        return ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "the service multidird is not running (%s: %s)", ctl->admin_socket, strerror(-r));
}

/* 0 or a negative errno; -EINVAL when the fields cannot be written as JSON. */
static int send_request(int fd, const char *words, const json_t *fields) {
        _cleanup_json_ json_t *request = json_pack("{s:s}", "command", words);
        if (!request || json_object_update((json_t *)request, (json_t *)(uintptr_t)fields) < 0)
                return -ENOMEM;
        char *text = json_dumps(request, JSON_COMPACT);
        if (!text)
                return -EINVAL;
        size_t len = strlen(text);
        int r = len > WIRE_ADMIN_MAX ? -EMSGSIZE : wire_send(fd, WIRE_ADMIN, text, len, clock_monotonic_ms() + REPLY_MS);
        explicit_bzero(text, len);
        free(text);
        return r;
}

static void show_progress(const struct ctl *ctl, uint64_t started_ms, const char *words, const unsigned char *payload, size_t len) {
        _cleanup_json_ json_t *object = json_loadb((const char *)payload, len, 0, NULL);
        json_t *done = json_object_get(object, "done"), *total = json_object_get(object, "total");
        if (clock_monotonic_ms() - started_ms <= 1000 || !json_is_integer(done) || json_integer_value(done) < 0)
                return;
        if (json_is_integer(total) && json_integer_value(total) > 0)
                print_progress(ctl, words, (uint64_t)json_integer_value(done), (uint64_t)json_integer_value(total));
        else if (!total)
                print_count(ctl, words, (uint64_t)json_integer_value(done));
}

/* {"exit": N, "object": {…}}; an object that is shaped otherwise is no answer. */
static json_t *take_reply(const unsigned char *payload, size_t len, int *exit) {
        _cleanup_json_ json_t *reply = json_loadb((const char *)payload, len, JSON_REJECT_DUPLICATES, NULL);
        json_t *status = json_object_get(reply, "exit"), *object = json_object_get(reply, "object");
        if (!json_is_integer(status) || json_integer_value(status) < 0 || json_integer_value(status) > EXIT_CONFIGURATION || !json_is_object(object))
                return ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "the service gave a reply that cannot be read");
        *exit = (int)json_integer_value(status);
        return json_incref(object);
}

json_t *request_on(const struct ctl *ctl, int fd, const char *words, const json_t *fields, int *exit) {
        uint64_t started = clock_monotonic_ms();
        _cleanup_free_ unsigned char *buffer = malloc(WIRE_ADMIN_MAX);
        int r = buffer ? send_request(fd, words, fields) : -ENOMEM;
        enum wire_type type = WIRE_NONE;
        size_t len = 0;
        while (r == 0) {
                r = wire_receive(fd, &type, buffer, WIRE_ADMIN_MAX, &len, clock_monotonic_ms() + REPLY_MS);
                if (r < 0 || type != WIRE_ADMIN_PROGRESS)
                        break;
                show_progress(ctl, started, words, buffer, len);
        }
        print_progress_end(ctl);
        if (r == 0 && type == WIRE_ADMIN_REPLY)
                return take_reply(buffer, len, exit);
        if (r == -EMSGSIZE)
                return ctl_error(exit, EXIT_USAGE, "usage", "the request is too large");
        if (r == -ETIMEDOUT)
                return ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "the service did not answer in time");
        if (r == 0 || r == -EBADMSG || r == -EPROTONOSUPPORT)
                return ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "the service gave a reply that cannot be read");
        return ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "the service ended the connection (%s)", strerror(-r));
}

json_t *request_service(const struct ctl *ctl, const char *words, const json_t *fields, int *exit) {
        _cleanup_close_ int fd = -1;
        json_t *error = request_connect(ctl, &fd, exit);
        return error ? error : request_on(ctl, fd, words, fields, exit);
}
