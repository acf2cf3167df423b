/* The keeper's loop: what the supervisor sends, in order; then one build for all of it; replies only after the view is installed. See keeper/keeper.h.
 * Relies on: multidird/channel/protocol, multidird/keeper/state, multidird/keeper/build, multidird/keeper/command, multidird/keeper/login.
 * Must never: exit because of a request; build per request (changes that come together share a build). */
#include "multidird/keeper/keeper.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/keeper/admissions.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"
#include "multidird/keeper/handover.h"
#include "multidird/keeper/import.h"
#include "multidird/keeper/intake.h"
#include "multidird/keeper/login.h"
#include "multidird/channel/protocol.h"

#define RETRY_MS 5000u            /* after a build or an installation that failed */
#define REST_MS 2000              /* without a message: memory that was needed for work is given back. The supervisor asks every few seconds whether it lives */
#define REPLY_MAX (WIRE_ADMIN_MAX - 64)

/* Whom an answer is for: a connection's command; or, applied, the supervisor, whose number id is (KEEPER_APPLY). */
struct asker { bool applied; uint64_t connection, id; };

/* A change's reply, waiting for the view that has the change. */
struct waiting {
        struct waiting *next;
        struct asker asker;
        uint64_t wanted;             /* keeper->wanted after the change */
        int exit;
        json_t *object;
        enum name_kind kind;
        char *name;                  /* whose fate in the view the answer tells; NULL: nobody's */
};

struct loop {
        struct keeper *keeper;
        struct channel *channel;
        struct waiting *waiting, **waiting_end;
        struct admissions *admissions;
        struct intakes *intakes;
        struct pollfd *fds;              /* the channel's, then the streams' */
        size_t fd_size;
        bool in_flight;                  /* a view is with the supervisor */
        uint64_t in_flight_built;        /* keeper->built of that view */
        uint64_t retry_ms;               /* when to try again; 0: no need */
        bool rested;                     /* nothing was done since keeper_rest but the supervisor asked whether this lives */
        uint64_t progress_connection, progress_id;
};

/* Requests and replies hold passwords and hashes: what jansson frees is wiped. */
static void wiping_free(void *memory) {
        if (memory)
                explicit_bzero(memory, malloc_usable_size(memory));
        free(memory);
}

static int send_json(struct loop *loop, const struct asker *asker, const char *json, size_t len) {
        const struct protocol_admin admin = { .connection = asker->connection, .id = asker->id, .json = json, .json_len = len };
        const struct protocol_applied applied = { .id = asker->id, .json = json, .json_len = len };
        return asker->applied ? protocol_send_applied(loop->channel, &applied) : protocol_send_admin(loop->channel, KEEPER_ADMIN_REPLY, &admin);
}

static void send_reply(struct loop *loop, const struct asker *asker, int exit, json_t *object) {
        static const char too_large[] = "{\"exit\":6,\"object\":{\"error\":{\"reason\":\"unavailable\",\"text\":\"the answer is larger than 16 MiB\"}}}";
        static const char no_memory[] = "{\"exit\":6,\"object\":{\"error\":{\"reason\":\"unavailable\",\"text\":\"the service is out of memory\"}}}";
        json_auto_t *reply = object ? json_pack("{s:i, s:O}", "exit", exit, "object", object) : NULL;
        char *json = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
        int r;
        if (!json)
                r = send_json(loop, asker, no_memory, sizeof no_memory - 1);
        else if (strlen(json) > REPLY_MAX)
                r = send_json(loop, asker, too_large, sizeof too_large - 1);
        else
                r = send_json(loop, asker, json, strlen(json));
        if (r < 0)
                log_error("a reply cannot be sent: %s", strerror(-r));
        wiping_free(json);
}

static void send_progress(void *data, uint64_t done, uint64_t total) {
        struct loop *loop = data;
        char json[96];
        int len = snprintf(json, sizeof json, "{\"done\":%llu,\"total\":%llu}", (unsigned long long)done, (unsigned long long)total);
        struct protocol_admin admin = { .connection = loop->progress_connection, .id = loop->progress_id, .json = json, .json_len = (size_t)len };
        if (protocol_send_admin(loop->channel, KEEPER_ADMIN_PROGRESS, &admin) == 0)
                (void)channel_write(loop->channel);
}

static void waiting_free(struct waiting *waiting) {
        json_decref(waiting->object);
        free(waiting->name);
        free(waiting);
}

/* name: whose fate the answer tells; NULL: nobody's. */
static void wait_for_view(struct loop *loop, const struct asker *asker, int exit, json_t *object, enum name_kind kind, const char *name) {
        struct waiting *waiting = calloc(1, sizeof *waiting);
        if (!waiting) {
                send_reply(loop, asker, EXIT_UNAVAILABLE, NULL);
                json_decref(object);
                return;
        }
        *waiting = (struct waiting){ .asker = *asker, .wanted = loop->keeper->wanted, .exit = exit, .object = object, .kind = kind };
        waiting->name = exit == EXIT_DONE && name ? strdup(name) : NULL;
        *loop->waiting_end = waiting;
        loop->waiting_end = &waiting->next;
}

/* A change that is done and yet shows nobody: an administrator is to know why, and of `accept`. */
static void tell_fate(const struct loop *loop, const struct waiting *waiting) {
        json_t *text = waiting->name ? keeper_withheld_text(loop->keeper, waiting->kind, waiting->name) : NULL;
        if (text)
                (void)json_object_set_new(waiting->object, "text", text);
}

/* Answers those whose change the view of `built` has. failure: it could not be published, the change is made all the same. */
static void release(struct loop *loop, uint64_t built, const char *failure) {
        while (loop->waiting && loop->waiting->wanted <= built) {
                struct waiting *first = loop->waiting;
                if (failure) {
                        json_t *error = keeper_error("unavailable", "the change is made, but not published yet: %s", failure);
                        (void)json_object_update(first->object, error);
                        json_decref(error);
                        first->exit = EXIT_UNAVAILABLE;
                } else {
                        tell_fate(loop, first);
                }
                send_reply(loop, &first->asker, first->exit, first->object);
                loop->waiting = first->next;
                if (!loop->waiting)
                        loop->waiting_end = &loop->waiting;
                waiting_free(first);
        }
        admissions_release(loop->admissions, built, failure);
        intakes_release(loop->intakes, built, failure);
}

static void send_state(struct loop *loop) {
        if (!loop->keeper->config)
                return;
        json_auto_t *state = keeper_state_json(loop->keeper);
        char *json = state ? json_dumps(state, JSON_COMPACT) : NULL;
        if (json)
                (void)protocol_send_state(loop->channel, json, strlen(json));
        wiping_free(json);
}

/* The supervisor's own command, after a configuration: answered when the view that follows from all that came before is installed. */
static bool handle_publish(struct loop *loop, const json_t *request, const struct protocol_admin *admin) {
        const char *command = json_string_value(json_object_get(request, "command"));
        if (!command || strcmp(command, "publish") != 0)
                return false;
        for (size_t i = 0; json_is_true(json_object_get(request, "force")) && i < loop->keeper->directory_count; i++)
                keeper_reread(loop->keeper, i);
        /* What failed before this command came would fail it too: tried once more, so that the answer is of now. */
        if (loop->keeper->build_error[0])
                keeper_touch(loop->keeper);
        json_t *object = json_pack("{s:s, s:s, s:[], s:[], s:s}", "result", "done", "reason", "ok", "changed", "skipped", "text",
                                   "the configuration is in force");
        /* A command that reads may have built the view already; it is then not yet handed over. */
        const struct asker asker = { .connection = admin->connection, .id = admin->id };
        if (object && (keeper_is_dirty(loop->keeper) || loop->in_flight || loop->keeper->view_fd >= 0)) {
                wait_for_view(loop, &asker, EXIT_DONE, object, NAME_OF_USER, NULL);
                return true;
        }
        send_reply(loop, &asker, 0, object);
        json_decref(object);
        return true;
}

/* The command is the supervisor's again, which replies when it is done. */
static void hand_over(struct loop *loop, const struct protocol_admin *admin) {
        struct keeper_planned *planned = TAKE_PTR(loop->keeper->planned);
        const struct asker asker = { .connection = admin->connection, .id = admin->id };
        planned->message.connection = admin->connection;
        planned->message.request = admin->id;
        int r = protocol_send_planned(loop->channel, &planned->message);
        if (r < 0) {
                log_error("a change cannot be handed over: %s", strerror(-r));
                send_reply(loop, &asker, EXIT_UNAVAILABLE, NULL);
        }
        keeper_planned_free(planned);
}

static void handle_admin(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_admin admin;
        if (protocol_get_admin(payload, len, &admin) < 0) {
                log_error("a request without a connection was dropped");
                return;
        }
        json_error_t error;
        json_auto_t *request = json_loadb(admin.json, admin.json_len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        if (request && handle_publish(loop, request, &admin))
                return;
        uint64_t wanted = loop->keeper->wanted;
        loop->keeper->connection = loop->progress_connection = admin.connection;
        loop->progress_id = admin.id;
        int exit = EXIT_USAGE;
        json_t *object = request ? keeper_command(loop->keeper, request, &exit) : keeper_error("usage", "the request is no JSON object: %s", error.text);
        if (loop->keeper->planned) {
                hand_over(loop, &admin);
                json_decref(object);
                return;
        }
        enum name_kind kind = NAME_OF_USER;
        const char *name = keeper_subject(request, &kind);
        const struct asker asker = { .connection = admin.connection, .id = admin.id };
        if (object && loop->keeper->wanted != wanted) {
                wait_for_view(loop, &asker, exit, object, kind, name);
                return;
        }
        send_reply(loop, &asker, exit, object);
        json_decref(object);
}

static void handle_apply(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_apply apply;
        if (protocol_get_apply(payload, len, &apply) < 0)
                return;
        const struct asker asker = { .applied = true, .id = apply.id };
        const char *name = apply.subject.name[0] ? apply.subject.name : NULL;
        uint64_t wanted = loop->keeper->wanted;
        int exit = EXIT_UNAVAILABLE;
        json_t *object = keeper_apply(loop->keeper, &apply, &exit);
        if (object && loop->keeper->wanted != wanted) {
                wait_for_view(loop, &asker, exit, object, apply.subject.kind, name);
        } else {
                json_t *text = object && exit == EXIT_DONE && name ? keeper_withheld_text(loop->keeper, apply.subject.kind, name) : NULL;
                if (text)
                        (void)json_object_set_new(object, "text", text);
                send_reply(loop, &asker, exit, object);
                json_decref(object);
        }
        protocol_apply_done(&apply);
}

static void handle_config(struct loop *loop, const unsigned char *payload, size_t len) {
        struct config_sources sources = { 0 };
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        int r = protocol_get_config(payload, len, &sources);
        if (r == 0)
                r = keeper_configure(loop->keeper, &sources, &errors);
        if (r < 0)
                log_error("the configuration is refused: %s: %s", strerror(-r), sbuf_text(&errors));
        config_sources_done(&sources);
        send_state(loop);
}

static void handle_local(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_local_copy local = { 0 };
        int r = protocol_get_local(payload, len, &local);
        if (r == 0)
                r = keeper_set_local(loop->keeper, local.passwd, local.group, local.subuid, local.subgid);
        if (r < 0)
                log_error("the local account files are refused: %s", strerror(-r));
        protocol_local_done(&local);
}

static void handle_installed(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_installed installed;
        if (protocol_get_installed(payload, len, &installed) < 0)
                return;
        if (installed.error == 0)
                loop->keeper->has_published = true;
        if (!loop->in_flight)
                return;
        loop->in_flight = false;
        if (installed.error == 0) {
                release(loop, loop->in_flight_built, NULL);
                return;
        }
        if (loop->keeper->view_patch) {
                /* Whatever became of the view that it was made of: the whole one goes out at once. */
                log_warning("view %llu was not made of the one before: %s", (unsigned long long)installed.generation, installed.text);
                keeper_touch(loop->keeper);
                return;
        }
        log_error("view %llu was not installed: %s", (unsigned long long)installed.generation, installed.text);
        release(loop, loop->in_flight_built, installed.text[0] ? installed.text : strerror(-installed.error));
        /* Held back by a rollback: the supervisor keeps it until that ends. */
        if (installed.error != -ECANCELED)
                loop->retry_ms = clock_monotonic_ms() + RETRY_MS;
}

static void handle_view_file(struct loop *loop, const unsigned char *payload, size_t len) {
        uint64_t generation;
        _cleanup_close_ int fd = channel_take_fd(loop->channel);
        if (protocol_get_number(payload, len, &generation) == 0 && fd >= 0)
                keeper_use_file(loop->keeper, generation, fd);
}

static void handle_gate(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_gate gate;
        if (protocol_get_gate(payload, len, &gate) < 0)
                return;
        loop->rested &= !gate.user[0]; /* the pulse asks of nobody */
        struct protocol_gate_reply reply = { .id = gate.id, .member = keeper_gate(loop->keeper, &gate) };
        (void)protocol_send_gate_reply(loop->channel, &reply);
}

static void handle_change_password(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_change_password request;
        struct protocol_password_changed changed;
        if (protocol_get_change_password(payload, len, &request) == 0) {
                keeper_change_password(loop->keeper, &request, &changed);
                (void)protocol_send_password_changed(loop->channel, &changed);
        }
        secret_done(&request.new_password);
}

static void handle_admit(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_admit admit;
        if (protocol_get_admit(payload, len, &admit) == 0)
                admissions_take(loop->admissions, &admit, loop->in_flight || loop->keeper->view_fd >= 0);
}

static void send_admitted(void *data, const struct protocol_admitted *admitted) {
        struct loop *loop = data;
        int r = protocol_send_admitted(loop->channel, admitted);
        if (r < 0)
                log_error("a login cannot be answered: %s", strerror(-r));
}

static void handle_session(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_session session;
        if (protocol_get_session(payload, len, &session) == 0)
                keeper_session(loop->keeper, &session);
}

static void handle_admin_closed(struct loop *loop, const unsigned char *payload, size_t len) {
        uint64_t connection;
        if (protocol_get_number(payload, len, &connection) == 0)
                keeper_import_drop(loop->keeper, connection);
}

static void handle_sync(struct loop *loop, const unsigned char *payload, size_t len) {
        struct protocol_sync sync;
        int fd = channel_take_fd(loop->channel);
        if (protocol_get_sync(payload, len, &sync) == 0)
                intake_begin(loop->intakes, &sync, fd);
        else if (fd >= 0)
                (void)close(fd);
}

static void send_synced(void *data, const struct protocol_keeper_synced *synced) {
        struct loop *loop = data;
        int r = protocol_send_keeper_synced(loop->channel, synced);
        if (r < 0)
                log_error("what became of a synchronisation cannot be told: %s", strerror(-r));
}

static void handle(struct loop *loop, const struct channel_frame *frame) {
        static const struct { unsigned type; void (*handle)(struct loop *, const unsigned char *, size_t); } handlers[] = {
                { PROTOCOL_CONFIG, handle_config }, { KEEPER_LOCAL, handle_local }, { KEEPER_ADMIN, handle_admin },
                { KEEPER_ADMIN_CLOSED, handle_admin_closed }, { KEEPER_INSTALLED, handle_installed }, { KEEPER_GATE, handle_gate },
                { KEEPER_SESSION, handle_session }, { KEEPER_CHANGE_PASSWORD, handle_change_password }, { KEEPER_SYNC, handle_sync },
                { KEEPER_ADMIT, handle_admit }, { KEEPER_APPLY, handle_apply }, { KEEPER_VIEW_FILE, handle_view_file },
        };
        for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
                if (handlers[i].type == frame->type) {
                        loop->rested &= frame->type == KEEPER_GATE;
                        handlers[i].handle(loop, frame->payload, frame->len);
                        return;
                }
        log_warning("a message of unknown type %u was dropped", frame->type);
}

static void publish(struct loop *loop) {
        uint64_t generation;
        int fd = keeper_take_view(loop->keeper, &generation);
        if (fd < 0)
                return;
        int r = protocol_send_number(loop->channel, KEEPER_VIEW, generation, fd);
        if (r < 0) {
                log_error("view %llu cannot be handed over: %s", (unsigned long long)generation, strerror(-r));
                release(loop, loop->keeper->built, strerror(-r));
                loop->retry_ms = clock_monotonic_ms() + RETRY_MS;
                return;
        }
        loop->in_flight = true;
        loop->in_flight_built = loop->keeper->built;
}

/* After a drain: one build for whatever came, unless the last one failed and it is not yet time to try again. */
static void build_and_publish(struct loop *loop) {
        struct keeper *keeper = loop->keeper;
        uint64_t now = clock_monotonic_ms();
        if (loop->retry_ms != 0 && now >= loop->retry_ms) {
                loop->retry_ms = 0;
                keeper_touch(keeper);
        }
        if (!keeper->config || !keeper->local)
                return;
        /* While a view is with the supervisor, what comes meanwhile is gathered for the next. */
        if (!loop->in_flight && keeper_is_dirty(keeper) && keeper_build(keeper) < 0) {
                release(loop, keeper->wanted, keeper->build_error);
                loop->retry_ms = now + RETRY_MS;
                keeper->built = keeper->wanted; /* until then, or until the next change */
                send_state(loop);
        }
        if (!loop->in_flight && keeper->view_fd >= 0) {
                send_state(loop);
                publish(loop);
        }
        /* A synchronisation that changed nothing waits for no view. */
        if (!loop->in_flight && !keeper_is_dirty(keeper))
                intakes_release(loop->intakes, keeper->built, NULL);
}

/* What is there to read, as far as it is whole. 0, or why the channel is of no use any more. */
static int drain(struct loop *loop) {
        struct channel_frame frame;
        int r = channel_read(loop->channel), next;
        while ((next = channel_next(loop->channel, &frame)) > 0)
                handle(loop, &frame);
        return r < 0 ? r : next;
}

static int wait_for_input(struct loop *loop) {
        size_t count = 1 + intakes_poll(loop->intakes, NULL, 0);
        if (count > loop->fd_size) {
                struct pollfd *bigger = reallocarray(loop->fds, count, sizeof *bigger);
                if (!bigger)
                        return -ENOMEM;
                loop->fds = bigger;
                loop->fd_size = count;
        }
        loop->fds[0] = (struct pollfd){ .fd = channel_fd(loop->channel), .events = POLLIN };
        if (channel_wants_write(loop->channel))
                loop->fds[0].events |= POLLOUT;
        (void)intakes_poll(loop->intakes, loop->fds + 1, count - 1);
        uint64_t now = clock_monotonic_ms();
        int timeout = loop->retry_ms == 0 ? -1 : loop->retry_ms <= now ? 0 : (int)(loop->retry_ms - now);
        bool may_rest = !loop->rested && !loop->in_flight && (timeout < 0 || timeout > REST_MS);
        int n = poll(loop->fds, count, may_rest ? REST_MS : timeout);
        if (n == 0 && may_rest)
                keeper_rest(loop->keeper);
        loop->rested |= n == 0 && may_rest;
        return n < 0 && errno != EINTR ? -errno : 0;
}

static int run(struct loop *loop) {
        for (;;) {
                int r = wait_for_input(loop);
                if (r == 0)
                        r = drain(loop);
                if (r == 0) {
                        if (intakes_read(loop->intakes)) {
                                loop->rested = false;
                                send_state(loop);
                        }
                        build_and_publish(loop);
                        r = channel_write(loop->channel);
                }
                if (r < 0)
                        return r;
        }
}

int keeper_serve(int fd, const char *stores) {
        json_set_alloc_funcs(malloc, wiping_free);
        struct loop loop = { .waiting_end = &loop.waiting };
        int r = channel_new(fd, PROTOCOL_MAX, 0, &loop.channel);
        if (r == 0 && (!(loop.keeper = keeper_new(stores)) || !(loop.intakes = intakes_new(loop.keeper, send_synced, &loop)) ||
                       !(loop.admissions = admissions_new(loop.keeper, send_admitted, &loop))))
                r = -ENOMEM;
        if (r == 0) {
                loop.keeper->progress = send_progress;
                loop.keeper->progress_data = &loop;
                r = run(&loop);
        }
        if (r != -ECONNRESET)
                log_error("the keeper ends: %s", strerror(-r));
        while (loop.waiting) {
                struct waiting *first = loop.waiting;
                loop.waiting = first->next;
                waiting_free(first);
        }
        admissions_free(loop.admissions);
        intakes_free(loop.intakes);
        free(loop.fds);
        keeper_free(loop.keeper);
        channel_free(loop.channel);
        return r == -ECONNRESET ? 0 : 1;
}

int keeper_main(int fd) {
        return keeper_serve(fd, KEEPER_STORES);
}
