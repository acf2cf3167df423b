/* The keeper as a process, the test in the supervisor's place: views in sealed memory, replies only after the view with the change is installed,
 * passwd(1), the gate, sessions, imports with progress, junk on the channel.
 * Relies on: multidird/channel/protocol, keeper_serve, fork.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/mman.h>

#include "config/config.h"
#include "rules/gate.h"
#include "unit/keeper_peer.h"
#include "view/reader.h"

#define DIRECTORIES "[directory/a]\ntype = internal\n[directory/b]\ntype = internal\n[application/host]\ndirectories = a, b\n"
#define CONFIG DIRECTORIES "[application/host/a]\nallow_groups = ops\n[application/host/b]\nallow_all = yes\npermissions = add-user, add-group, modify-group\n"
#define CONFIG_OPEN DIRECTORIES "[application/host/a]\nallow_all = yes\n"

/* U12: the reply comes after the view that has the change, and not before. */
static void published_first(void **state) {
        struct peer peer;
        struct channel_frame frame;
        open_peer(&peer, CONFIG);
        ask(&peer, 1, 1, "{\"command\":\"user add\",\"user\":\"ann\",\"password\":\"pw\"}");
        expect(&peer, KEEPER_VIEW, &frame);
        uint64_t generation;
        assert_int_equal(protocol_get_number(frame.payload, frame.len, &generation), 0);
        int fd = channel_take_fd(peer.channel);
        for (uint64_t i = 2; i < 7; i++) {
                char request[96];
                (void)snprintf(request, sizeof request, "{\"command\":\"user add\",\"user\":\"bob%u\"}", (unsigned)i);
                ask(&peer, 1, i, request);
        }
        while (next(&peer, &frame, 200))
                assert_int_equal(frame.type, KEEPER_STATE);
        struct protocol_installed installed = { .generation = generation };
        assert_int_equal(protocol_send_installed(peer.channel, &installed), 0);
        json_decref(reply(&peer, 1, 0));
        (void)view(&peer, 0, NULL); /* what came while the first was with the installer shares a build */
        for (uint64_t i = 2; i < 7; i++)
                json_decref(reply(&peer, i, 0));
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        struct view seen = { .base = map, .size = (size_t)st.st_size };
        struct view_user user;
        assert_int_equal(view_user_by_name(&seen, "ANN", &user), VIEW_FOUND);
        assert_int_equal(view_generation(&seen), generation);
        (void)munmap(map, (size_t)st.st_size);
        (void)close(fd);
        ask(&peer, 1, 8, "{\"command\":\"user list\"}");
        json_decref(reply(&peer, 8, 0));
        ask(&peer, 1, 9, "{\"command\":\"user password\",\"user\":\"ann\",\"password\":\"new\"}");
        json_decref(reply(&peer, 9, 0)); /* in no view: nothing to wait for */
        close_peer(&peer);
}

/* A view that cannot be installed: the change is made, the answer says that it is not published, and it is tried again. */
static void not_installed(void **state) {
        struct peer peer;
        open_peer(&peer, CONFIG);
        ask(&peer, 1, 1, "{\"command\":\"user add\",\"user\":\"ann\"}");
        uint64_t generation = view(&peer, -ENOSPC, NULL);
        json_t *object = reply(&peer, 1, 6);
        assert_non_null(strstr(json_string_value(json_object_get(json_object_get(object, "error"), "text")), "the disk is full"));
        assert_int_equal(json_array_size(json_object_get(object, "changed")), 1);
        json_decref(object);
        assert_true(view(&peer, 0, NULL) > generation);
        close_peer(&peer);
}

static void change(struct peer *peer, uint64_t id, const char *user, const char *directory, const char *entry, const char *password, bool check_only, enum reason wanted) {
        struct channel_frame frame;
        struct protocol_change_password request = { .id = id, .check_only = check_only };
        struct protocol_password_changed changed;
        (void)snprintf(request.application, sizeof request.application, "host");
        (void)snprintf(request.user, sizeof request.user, "%s", user);
        (void)snprintf(request.directory, sizeof request.directory, "%s", directory);
        (void)snprintf(request.entry_id, sizeof request.entry_id, "%s", entry);
        assert_int_equal(secret_set(&request.new_password, password, strlen(password)), 0);
        assert_int_equal(protocol_send_change_password(peer->channel, &request), 0);
        expect(peer, KEEPER_PASSWORD_CHANGED, &frame);
        assert_int_equal(protocol_get_password_changed(frame.payload, frame.len, &changed), 0);
        assert_int_equal(changed.id, id);
        if (changed.reason != wanted)
                fail_msg("change %llu of %s: %s (%s)", (unsigned long long)id, user, reason_name(changed.reason), changed.text);
}

/* U2, P2, L8, L12 for passwd(1). */
static void passwords(void **state) {
        struct peer peer;
        int fd;
        open_peer(&peer, CONFIG);
        ask(&peer, 1, 1, "{\"command\":\"user add\",\"directory\":\"b\",\"user\":\"bob\",\"password\":\"pw\"}");
        (void)view(&peer, 0, NULL);
        json_decref(reply(&peer, 1, 0));
        ask(&peer, 1, 2, "{\"command\":\"user add\",\"user\":\"ann\",\"password\":\"pw\"}");
        (void)view(&peer, 0, &fd);
        json_decref(reply(&peer, 2, 0));
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        struct view seen = { .base = map, .size = (size_t)st.st_size };
        struct view_user user;
        struct view_access access;
        assert_int_equal(view_user_by_name(&seen, "ann", &user), VIEW_FOUND);
        assert_int_equal(view_user_access(&seen, user.index, 0, &access), VIEW_FOUND);
        change(&peer, 1, "ann", "a", access.entry_id, "new", true, REASON_OK);
        change(&peer, 2, "ANN", "a", access.entry_id, "new", false, REASON_OK);
        change(&peer, 3, "ann", "a", access.entry_id, "", false, REASON_EMPTY_PASSWORD);
        change(&peer, 4, "ann", "a", "another", "new", false, REASON_ID_CONFLICT);
        change(&peer, 5, "ann", "b", access.entry_id, "new", false, REASON_ID_CONFLICT);
        change(&peer, 6, "none", "a", access.entry_id, "new", false, REASON_USER_NOT_FOUND);
        change(&peer, 7, "bob", "b", "x", "new", false, REASON_PERMISSION_DENIED);
        (void)munmap(map, (size_t)st.st_size);
        (void)close(fd);
        close_peer(&peer);
}

/* The immutable id of a user of the first application of a view; text has room for it. */
static void entry_id_of(int view_fd, const char *name, char text[WIRE_NAME_MAX + 1]) {
        struct stat st;
        struct view_user user;
        struct view_access access;
        assert_int_equal(fstat(view_fd, &st), 0);
        void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, view_fd, 0);
        struct view seen = { .base = map, .size = (size_t)st.st_size };
        assert_int_equal(view_user_by_name(&seen, name, &user), VIEW_FOUND);
        assert_int_equal(view_user_access(&seen, user.index, 0, &access), VIEW_FOUND);
        (void)snprintf(text, WIRE_NAME_MAX + 1, "%s", access.entry_id);
        (void)munmap(map, (size_t)st.st_size);
}

/* As the supervisor has it. */
static uint64_t gates_of(const char *text) {
        struct config_source source = { .path = (char *)(uintptr_t)"multidir.conf", .text = (char *)(uintptr_t)text, .len = strlen(text) };
        struct config_sources sources = { .items = &source, .count = 1 };
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        struct config *config = NULL;
        assert_int_equal(config_parse(&sources, false, &errors, &config), 0);
        uint64_t gates = gate_digest(&config->settings);
        config_free(config);
        return gates;
}

static enum gate_answer ask_gate(struct peer *peer, const char *text, const char *application, const char *directory, const char *user, const char *entry_id) {
        struct channel_frame frame;
        struct protocol_gate request = { .id = 9, .gates = text ? gates_of(text) : 0 };
        struct protocol_gate_reply answer;
        (void)snprintf(request.application, sizeof request.application, "%s", application);
        (void)snprintf(request.directory, sizeof request.directory, "%s", directory);
        (void)snprintf(request.user, sizeof request.user, "%s", user);
        (void)snprintf(request.entry_id, sizeof request.entry_id, "%s", entry_id);
        assert_int_equal(protocol_send_gate(peer->channel, &request), 0);
        do {
                assert_true(next(peer, &frame, 10000));
                if (frame.type == KEEPER_VIEW)
                        (void)close(channel_take_fd(peer->channel));
        } while (frame.type == KEEPER_STATE || frame.type == KEEPER_VIEW);
        assert_int_equal(frame.type, KEEPER_GATE_REPLY);
        assert_int_equal(protocol_get_gate_reply(frame.payload, frame.len, &answer), 0);
        assert_int_equal(answer.id, 9);
        return answer.answer;
}

/* L4: what is asked about another configuration than the keeper's has no answer. */
static bool gate(struct peer *peer, const char *application, const char *directory, const char *user, const char *entry_id) {
        assert_int_equal(ask_gate(peer, NULL, application, directory, user, entry_id), GATE_UNAVAILABLE);
        assert_int_equal(ask_gate(peer, CONFIG_OPEN, application, directory, user, entry_id), GATE_UNAVAILABLE);
        enum gate_answer answer = ask_gate(peer, CONFIG, application, directory, user, entry_id);
        assert_int_not_equal(answer, GATE_UNAVAILABLE);
        return answer == GATE_OPEN;
}

/* L4, and a session on record. */
static void gates(void **state) {
        struct peer peer;
        open_peer(&peer, CONFIG);
        static const char *const fill[] = {
                "{\"command\":\"user add\",\"user\":\"ann\"}", "{\"command\":\"user add\",\"user\":\"bob\"}", "{\"command\":\"group add\",\"group\":\"OPS\"}",
                "{\"command\":\"group add\",\"group\":\"night\"}", "{\"command\":\"member add\",\"directory\":\"a\",\"group\":\"ops\",\"names\":[\"night\"],\"is_group\":true}",
                "{\"command\":\"member add\",\"group\":\"night\",\"names\":[\"ann\"]}",
        };
        char ann[WIRE_NAME_MAX + 1], bob[WIRE_NAME_MAX + 1];
        int fd = -1;
        for (uint64_t i = 0; i < ARRAY_SIZE(fill); i++) {
                if (fd >= 0)
                        (void)close(fd);
                ask(&peer, 1, i, fill[i]);
                (void)view(&peer, 0, &fd);
                json_decref(reply(&peer, i, 0));
        }
        entry_id_of(fd, "ann", ann);
        entry_id_of(fd, "bob", bob);
        (void)close(fd);
        assert_true(gate(&peer, "host", "a", "ann", ann));
        assert_true(gate(&peer, "host", "a", "ANN", ann));
        assert_false(gate(&peer, "host", "a", "bob", bob));
        assert_false(gate(&peer, "host", "a", "none", ann));
        assert_false(gate(&peer, "none", "a", "ann", ann));
        assert_false(gate(&peer, "host", "none", "ann", ann));
        /* Another entry has, or had, the name: its groups are not this one's. */
        assert_false(gate(&peer, "host", "a", "ann", bob));
        assert_false(gate(&peer, "host", "a", "ann", ""));
        /* A reload, before its view is installed. */
        send_texts(&peer, CONFIG_OPEN);
        assert_int_equal(ask_gate(&peer, CONFIG, "host", "a", "bob", bob), GATE_UNAVAILABLE);
        assert_int_equal(ask_gate(&peer, CONFIG_OPEN, "host", "a", "bob", bob), GATE_OPEN);
        struct protocol_session session = { .application = "host", .directory = "a", .entry_id = "x", .user = "ann", .service = "sshd" };
        assert_int_equal(protocol_send_session(peer.channel, &session), 0);
        close_peer(&peer);
}

/* Junk is dropped or answered, the keeper goes on; a connection that closes takes its import along. */
static void junk(void **state) {
        struct peer peer;
        struct channel_frame frame;
        static const unsigned types[] = { PROTOCOL_CONFIG, KEEPER_LOCAL, KEEPER_ADMIN, KEEPER_ADMIN_CLOSED, KEEPER_INSTALLED, KEEPER_GATE, KEEPER_SESSION,
                                          KEEPER_CHANGE_PASSWORD, KEEPER_VIEW, 200 };
        open_peer(&peer, CONFIG);
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                assert_int_equal(channel_send(peer.channel, types[i], "\x01\x02\x03", 3), 0);
        ask(&peer, 5, 1, "{\"command\":\"import begin\",\"kind\":\"user\",\"directory\":\"a\"}");
        json_decref(reply(&peer, 1, 0));
        ask(&peer, 5, 2, "{\"command\":\"import rows\",\"rows\":[{\"line\":1,\"name\":\"zoe\"}]}");
        json_decref(reply(&peer, 2, 0));
        assert_int_equal(protocol_send_number(peer.channel, KEEPER_ADMIN_CLOSED, 5, -1), 0);
        ask(&peer, 5, 3, "{\"command\":\"import end\"}");
        json_decref(reply(&peer, 3, 2));
        ask(&peer, 6, 4, "{\"command\":\"user list\",}");
        json_decref(reply(&peer, 4, 2));
        ask(&peer, 6, 5, "{\"command\":\"user list\",\"command\":\"masked\"}");
        json_decref(reply(&peer, 5, 2));
        ask(&peer, 6, 6, "{\"command\":\"import begin\",\"kind\":\"user\",\"directory\":\"a\"}");
        json_decref(reply(&peer, 6, 0));
        ask(&peer, 6, 7, "{\"command\":\"import rows\",\"rows\":[{\"line\":1,\"name\":\"zoe\"}]}");
        json_decref(reply(&peer, 7, 0));
        ask(&peer, 6, 8, "{\"command\":\"import end\"}");
        expect(&peer, KEEPER_ADMIN_PROGRESS, &frame);
        (void)next(&peer, &frame, 1000);
        while (frame.type == KEEPER_ADMIN_PROGRESS || frame.type == KEEPER_STATE)
                assert_true(next(&peer, &frame, 10000));
        assert_int_equal(frame.type, KEEPER_VIEW);
        struct protocol_installed installed = { 0 };
        assert_int_equal(protocol_get_number(frame.payload, frame.len, &installed.generation), 0);
        (void)close(channel_take_fd(peer.channel));
        assert_int_equal(protocol_send_installed(peer.channel, &installed), 0);
        json_decref(reply(&peer, 8, 0));
        close_peer(&peer);
}

/* I2, U12: killed at any point and started again, what was answered is there and generations grow. */
static void killed(void **state) {
        struct peer peer;
        open_peer(&peer, CONFIG);
        ask(&peer, 1, 1, "{\"command\":\"user add\",\"user\":\"ann\"}");
        uint64_t before = view(&peer, 0, NULL);
        json_decref(reply(&peer, 1, 0));
        (void)kill(peer.pid, SIGKILL);
        (void)waitpid(peer.pid, NULL, 0);
        channel_free(peer.channel);
        start(&peer);
        send_texts(&peer, CONFIG);
        assert_true(view(&peer, 0, NULL) > before);
        ask(&peer, 1, 1, "{\"command\":\"user show\",\"user\":\"ann\"}");
        json_decref(reply(&peer, 1, 0));
        close_peer(&peer);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(published_first), cmocka_unit_test(not_installed), cmocka_unit_test(passwords),
                cmocka_unit_test(gates), cmocka_unit_test(junk), cmocka_unit_test(killed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
