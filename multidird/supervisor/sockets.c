/* The two sockets; see supervisor/sockets.h. */
#include "multidird/supervisor/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/supervisor/configuration.h"
#include "multidird/supervisor/keeper_link.h"
#include "multidird/requests/requests.h"
#include "wire/client.h"
#include "wire/message.h"

#define ACCEPTS_PER_TURN 64

enum socket_kind { SOCKET_AUTH, SOCKET_ADMIN, SOCKET_MAX };

static const struct socket_rule {
        const char *path;
        size_t max_payload;
        size_t max_queued;    /* bytes of replies that may wait for a peer that does not read them: the keeper can send any number */
        unsigned max_connections;
        uint64_t patience_us; /* how long a peer may take to send a request, or to read its reply */
} socket_rules[SOCKET_MAX] = {
        [SOCKET_AUTH] = { WIRE_AUTH_SOCKET, WIRE_AUTH_MAX, 16 * WIRE_AUTH_MAX, 2048, 10 * 1000000ull },
        [SOCKET_ADMIN] = { WIRE_ADMIN_SOCKET, WIRE_ADMIN_MAX, 2 * WIRE_ADMIN_MAX, 64, 60 * 1000000ull },
};

/* Who may ask what. A type that is not here cannot be asked; a peer of another uid gets nothing, not even an error. */
static const struct request_rule {
        enum wire_type type;
        enum socket_kind socket;
        uid_t uid;
        request_fn handle;
} request_rules[] = {
        { WIRE_AUTHENTICATE, SOCKET_AUTH, 0, request_authenticate },
        { WIRE_CHANGE_PASSWORD, SOCKET_AUTH, 0, request_change_password },
        { WIRE_SESSION, SOCKET_AUTH, 0, request_session },
        { WIRE_ADMIN, SOCKET_ADMIN, 0, request_admin },
};

struct connection {
        struct connection *next;
        struct service *service;
        enum socket_kind kind;
        uint64_t id, request;
        struct ucred peer;
        struct endpoint *endpoint;
        sd_event_source *timer;
        bool busy;               /* a request is worked on */
        bool with_keeper;        /* … by the keeper */
        bool told_keeper;        /* the keeper knows this connection */
        bool changes;            /* ... which may answer it with a plan */
        uint64_t configuration;  /* the identity of the one that was in force when the keeper got the request */
        void *work;
        void (*cancel)(void *work);
};

struct listener { struct sockets *sockets; int fd; sd_event_source *source; unsigned count; };

struct sockets {
        struct service *service;
        struct listener listeners[SOCKET_MAX];
        struct connection *connections;
        uint64_t logged_ms;      /* when the last line about a bad peer was written */
        unsigned unlogged;       /* bad peers since */
};

/* At most one line a second about peers that misbehave: they must not fill the log. */
static void complain(struct sockets *sockets, const struct ucred *peer, enum socket_kind kind, const char *what) {
        uint64_t now = clock_monotonic_ms();
        if (sockets->logged_ms != 0 && now - sockets->logged_ms < 1000) {
                sockets->unlogged++;
                return;
        }
        log_warning("%s: peer pid %d uid %u: %s; the connection is closed (%u more such since the last line)", socket_rules[kind].path,
                    (int)peer->pid, (unsigned)peer->uid, what, sockets->unlogged);
        sockets->logged_ms = now;
        sockets->unlogged = 0;
}

static void connection_free(struct connection *connection) {
        struct sockets *sockets = connection->service->sockets;
        for (struct connection **at = &sockets->connections; *at; at = &(*at)->next)
                if (*at == connection) {
                        *at = connection->next;
                        break;
                }
        sockets->listeners[connection->kind].count--;
        if (connection->work && connection->cancel)
                connection->cancel(connection->work);
        if (connection->told_keeper)
                keeper_link_admin_closed(connection->service, connection->id);
        (void)sd_event_source_disable_unref(connection->timer);
        endpoint_free(connection->endpoint);
        free(connection);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct connection *connection = userdata;
        complain(connection->service->sockets, &connection->peer, connection->kind, "sent no request, or did not read its reply, in time");
        connection_free(connection);
        return 0;
}

static int be_patient(struct connection *connection) {
        uint64_t now = 0, patience = socket_rules[connection->kind].patience_us;
        int r = sd_event_now(connection->service->event, CLOCK_MONOTONIC, &now);
        if (r < 0)
                return r;
        if (!connection->timer)
                return sd_event_add_time(connection->service->event, &connection->timer, CLOCK_MONOTONIC, now + patience, 0, on_timer, connection);
        r = sd_event_source_set_time(connection->timer, now + patience);
        return r < 0 ? r : sd_event_source_set_enabled(connection->timer, SD_EVENT_ONESHOT);
}

struct service *connection_service(const struct connection *connection) {
        return connection->service;
}

uint64_t connection_id(const struct connection *connection) {
        return connection->id;
}

struct channel *connection_channel(struct connection *connection) {
        return endpoint_channel(connection->endpoint);
}

void connection_set_work(struct connection *connection, void *work, void (*cancel)(void *work)) {
        connection->work = work;
        connection->cancel = cancel;
}

void connection_replied(struct connection *connection) {
        connection->busy = connection->with_keeper = connection->changes = false;
        connection_set_work(connection, NULL, NULL);
        (void)be_patient(connection);
        endpoint_flush(connection->endpoint);
        endpoint_pause(connection->endpoint, false);
}

void connection_progress(struct connection *connection, const char *json) {
        /* A peer that does not read will find its connection closed when the reply does not fit either. */
        if (channel_send(connection_channel(connection), WIRE_ADMIN_PROGRESS, json, strlen(json)) == 0)
                endpoint_flush(connection->endpoint);
}

static const struct request_rule *find_rule(const struct connection *connection, unsigned type) {
        for (size_t i = 0; i < ARRAY_SIZE(request_rules); i++)
                if (request_rules[i].type == type && request_rules[i].socket == connection->kind && request_rules[i].uid == connection->peer.uid)
                        return &request_rules[i];
        return NULL;
}

static bool on_frame(struct endpoint *endpoint, const struct channel_frame *frame, void *userdata) {
        struct connection *connection = userdata;
        const struct request_rule *rule = find_rule(connection, frame->type);
        int r = rule ? 0 : -EPERM;
        if (r == 0) {
                connection->busy = true;
                connection->request++;
                endpoint_pause(endpoint, true);
                (void)sd_event_source_set_enabled(connection->timer, SD_EVENT_OFF);
                r = rule->handle(connection, frame->payload, frame->len);
        }
        if (r == 0)
                return true;
        complain(connection->service->sockets, &connection->peer, connection->kind,
                 r == -EPERM ? "sent a request that it may not ask" : r == -EBADMSG ? "sent a malformed request" : "cannot be served now");
        connection_free(connection);
        return false;
}

static void on_gone(struct endpoint *endpoint, int error, void *userdata) {
        struct connection *connection = userdata;
        if (error != -ECONNRESET)
                complain(connection->service->sockets, &connection->peer, connection->kind, "sent what is no message");
        connection_free(connection);
}

static void connection_new(struct listener *listener, enum socket_kind kind, int fd) {
        struct sockets *sockets = listener->sockets;
        _cleanup_close_ int owned = fd;
        struct ucred peer = { 0, (uid_t)-1, (gid_t)-1 };
        socklen_t len = sizeof peer;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0) {
                complain(sockets, &peer, kind, "is not root");
                return;
        }
        if (listener->count >= socket_rules[kind].max_connections) {
                complain(sockets, &peer, kind, "is one connection too many");
                return;
        }
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection)
                return;
        *connection = (struct connection){ .service = sockets->service, .kind = kind, .peer = peer, .id = service_id(sockets->service) };
        connection->next = sockets->connections;
        sockets->connections = connection;
        listener->count++;
        int r = endpoint_new(sockets->service->event, TAKE_FD(owned), socket_rules[kind].max_payload, socket_rules[kind].max_queued, on_frame, on_gone, connection,
                             &connection->endpoint);
        if (r == 0)
                r = be_patient(connection);
        if (r < 0)
                connection_free(connection);
}

static int on_listen(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct listener *listener = userdata;
        enum socket_kind kind = (enum socket_kind)(listener - listener->sockets->listeners);
        for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
                int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (peer < 0)
                        break;
                connection_new(listener, kind, peer);
        }
        return 0;
}

/* The file is made with its final mode: there is no moment in which others could connect. */
static int listen_at(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        mode_t mask = umask(0177);
        int r = bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
        (void)umask(mask);
        if (r == 0 && listen(fd, SOMAXCONN) < 0)
                r = -errno;
        return r < 0 ? r : TAKE_FD(fd);
}

int sockets_start(struct service *service) {
        struct sockets *sockets = calloc(1, sizeof *sockets);
        if (!sockets)
                return -ENOMEM;
        sockets->service = service;
        service->sockets = sockets;
        for (size_t i = 0; i < SOCKET_MAX; i++)
                sockets->listeners[i] = (struct listener){ .sockets = sockets, .fd = -1 };
        for (size_t i = 0; i < SOCKET_MAX; i++) {
                struct listener *listener = &sockets->listeners[i];
                listener->fd = listen_at(socket_rules[i].path);
                if (listener->fd < 0) {
                        log_error("%s: %s", socket_rules[i].path, strerror(-listener->fd));
                        return listener->fd;
                }
                int r = sd_event_add_io(service->event, &listener->source, listener->fd, EPOLLIN, on_listen, listener);
                if (r < 0)
                        return r;
        }
        return 0;
}

void sockets_stop(struct service *service) {
        struct sockets *sockets = service->sockets;
        if (!sockets)
                return;
        for (size_t i = 0; i < SOCKET_MAX; i++) {
                (void)sd_event_source_disable_unref(sockets->listeners[i].source);
                if (sockets->listeners[i].fd >= 0) {
                        (void)close(sockets->listeners[i].fd);
                        (void)unlink(socket_rules[i].path);
                }
        }
        while (sockets->connections)
                connection_free(sockets->connections);
        request_update_stop(service);
        free(sockets);
        service->sockets = NULL;
}

struct connection *connection_find(const struct service *service, uint64_t id) {
        struct connection *connection = service->sockets ? service->sockets->connections : NULL;
        while (connection && connection->id != id)
                connection = connection->next;
        return connection;
}

int connection_pass_to_keeper(struct connection *connection, const char *json, size_t len) {
        int r = keeper_link_admin(connection->service, connection->id, connection->request, json, len);
        if (r == 0)
                connection->with_keeper = connection->told_keeper = true;
        connection->configuration = connection->service->configuration->identity;
        return r;
}

void connection_set_changes(struct connection *connection) {
        connection->changes = true;
}

bool connection_is_current(const struct connection *connection) {
        return connection->configuration == connection->service->configuration->identity;
}

void sockets_admin_reply(struct service *service, uint64_t id, uint64_t request, bool last, const char *json, size_t len) {
        struct connection *connection = connection_find(service, id);
        if (!connection || !connection->with_keeper || connection->request != request)
                return;
        if (channel_send(connection_channel(connection), last ? WIRE_ADMIN_REPLY : WIRE_ADMIN_PROGRESS, json, len) < 0) {
                connection_free(connection);
                return;
        }
        if (last)
                connection_replied(connection);
        else
                endpoint_flush(connection->endpoint);
}

int sockets_take_back(struct service *service, uint64_t id, uint64_t request, struct connection **connection) {
        struct connection *found = connection_find(service, id);
        if (!found || !found->with_keeper || found->request != request)
                return -ENOENT;
        if (!found->changes)
                return -EPERM;
        found->with_keeper = false;
        *connection = found;
        return 0;
}

/* To all whose command is with the keeper. */
static void tell_waiting(struct service *service, bool last, const char *json) {
        struct connection *next;
        for (struct connection *c = service->sockets ? service->sockets->connections : NULL; c; c = next) {
                next = c->next;
                if (c->with_keeper)
                        sockets_admin_reply(service, c->id, c->request, last, json, strlen(json));
        }
}

void sockets_keeper_pulse(struct service *service, bool silent) {
        tell_waiting(service, silent, silent ? "{\"exit\": 6, \"object\": {\"error\": {\"reason\": \"unavailable\", \"text\": "
                                               "\"the keeper does not answer; whether the command will be done is not known\"}}}" : "{}");
}

void sockets_keeper_gone(struct service *service) {
        static const char json[] = "{\"exit\": 6, \"object\": {\"error\": {\"reason\": \"unavailable\", \"text\": "
                                   "\"the keeper ended while it worked on this command; whether it was done is not known\"}}}";
        for (struct connection *c = service->sockets ? service->sockets->connections : NULL; c; c = c->next)
                c->told_keeper = false;
        tell_waiting(service, true, json);
}
