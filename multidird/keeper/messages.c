/* What the supervisor sends to the keeper, message by message; see keeper/loop.h.
 * Relies on: multidird/channel/protocol, multidird/keeper/command, multidird/keeper/login, multidird/keeper/replies.
 * Must never: build a view (the loop does, once for all that came together). */
#include "multidird/keeper/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "multidird/channel/protocol.h"
#include "multidird/channel/update.h"
#include "multidird/keeper/build.h"
#include "multidird/keeper/command.h"
#include "multidird/keeper/handover.h"
#include "multidird/keeper/import.h"
#include "multidird/keeper/login.h"

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
                replies_wait(loop->replies, &asker, EXIT_DONE, object, NAME_OF_USER, NULL);
                return true;
        }
        replies_send(loop->replies, &asker, 0, object);
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
                replies_send(loop->replies, &asker, EXIT_UNAVAILABLE, NULL);
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
                replies_wait(loop->replies, &asker, exit, object, kind, name);
                return;
        }
        replies_send(loop->replies, &asker, exit, object);
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
                replies_wait(loop->replies, &asker, exit, object, apply.subject.kind, name);
        } else {
                json_t *text = object && exit == EXIT_DONE && name ? keeper_withheld_text(loop->keeper, apply.subject.kind, name) : NULL;
                if (text)
                        (void)json_object_set_new(object, "text", text);
                replies_send(loop->replies, &asker, exit, object);
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
        loop_send_state(loop);
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
                loop_release(loop, loop->in_flight_built, NULL);
                return;
        }
        if (loop->keeper->view_patch) {
                /* Whatever became of the view that it was made of: the whole one goes out at once. */
                log_warning("view %llu was not made of the one before: %s", (unsigned long long)installed.generation, installed.text);
                keeper_touch(loop->keeper);
                return;
        }
        log_error("view %llu was not installed: %s", (unsigned long long)installed.generation, installed.text);
        loop_release(loop, loop->in_flight_built, installed.text[0] ? installed.text : strerror(-installed.error));
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
        struct protocol_gate_reply reply = { .id = gate.id, .answer = keeper_gate(loop->keeper, &gate) };
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

void loop_handle(struct loop *loop, const struct channel_frame *frame) {
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
