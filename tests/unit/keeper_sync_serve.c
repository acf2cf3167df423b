/* Synchronisations at the keeper as a process: the answer comes after the view that has them, and a stream holds nobody up (D5).
 * Relies on: keeper_peer.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "multidird/channel/sync_wire.h"
#include "unit/keeper_peer.h"
#include "unit/sync_help.h"

#define LDAP(name) "[directory/" name "]\ntype = ldap\nuri = ldap://127.0.0.1\nbase = dc=example\n"
#define CONFIG LDAP("corp") "[application/host]\ndirectories = corp\n[application/host/corp]\nallow_all = yes\n"
#define GROUPS "ops/a night/b"

static int open_stream(struct peer *peer, uint64_t id, const char *directory) {
        int fds[2];
        struct protocol_sync sync = { .id = id };
        (void)snprintf(sync.directory, sizeof sync.directory, "%s", directory);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(protocol_send_sync(peer->channel, &sync, fds[1]), 0);
        return fds[0];
}

static void send_whole(int fd, const char *users) {
        struct help_directory *content = help_directory(users, GROUPS, "");
        struct sync_sender *sender = sync_sender_new(fd);
        assert_int_equal(help_send(content, sync_sender_sink(sender)), 0);
        assert_int_equal(sync_sender_end(sender, NULL), 0);
        sync_sender_free(sender);
        (void)close(fd);
        help_done(content);
}

static struct protocol_keeper_synced synced(struct peer *peer, uint64_t id) {
        struct channel_frame frame;
        struct protocol_keeper_synced answer;
        expect(peer, KEEPER_SYNCED, &frame);
        assert_int_equal(protocol_get_keeper_synced(frame.payload, frame.len, &answer), 0);
        assert_int_equal(answer.id, id);
        return answer;
}

/* The answer comes after the view that has the content, at once where nothing is new, and says so where the view is not installed. */
static void published_first(void **state) {
        (void)state;
        struct peer peer;
        struct channel_frame frame;
        struct protocol_installed installed = { 0 };
        open_peer(&peer, CONFIG);
        send_whole(open_stream(&peer, 1, "corp"), "anna/1");
        expect(&peer, KEEPER_VIEW, &frame);
        assert_int_equal(protocol_get_number(frame.payload, frame.len, &installed.generation), 0);
        (void)close(channel_take_fd(peer.channel));
        send_whole(open_stream(&peer, 2, "corp"), "anna/1");
        while (next(&peer, &frame, 200))
                assert_int_equal(frame.type, KEEPER_STATE);
        assert_int_equal(protocol_send_installed(peer.channel, &installed), 0);
        struct protocol_keeper_synced answer = synced(&peer, 1);
        assert_true(answer.complete && answer.users == 1 && answer.groups == 2 && !answer.error[0]);
        answer = synced(&peer, 2);
        assert_true(answer.complete && !answer.error[0]);
        send_whole(open_stream(&peer, 3, "corp"), "anna/1");
        answer = synced(&peer, 3);
        assert_true(answer.complete && !answer.error[0]);
        send_whole(open_stream(&peer, 4, "corp"), "anna/1 bert/2");
        (void)view(&peer, -ENOSPC, NULL);
        answer = synced(&peer, 4);
        assert_true(answer.complete && strstr(answer.error, "not published yet") && answer.users == 2);
        (void)view(&peer, 0, NULL);
        close_peer(&peer);
}

/* A stream that stands still holds nobody up; commands go on beside many of them. */
static void beside_commands(void **state) {
        (void)state;
        struct peer peer;
        static const char *const names[] = { "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9" };
        char config[4096];
        size_t len = 0;
        int fds[ARRAY_SIZE(names)];
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                len += (size_t)snprintf(config + len, sizeof config - len, LDAP("%s"), names[i]);
        (void)snprintf(config + len, sizeof config - len, "%s", CONFIG);
        open_peer(&peer, config);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                fds[i] = open_stream(&peer, i + 1, names[i]);
        ask(&peer, 1, 1, "{\"command\":\"directory list\"}");
        json_decref(reply(&peer, 1, 0));
        for (size_t i = ARRAY_SIZE(names); i-- > 1;) {
                send_whole(fds[i], "anna/1");
                (void)view(&peer, 0, NULL);
                assert_true(synced(&peer, i + 1).complete);
        }
        (void)close(fds[0]);
        assert_false(synced(&peer, 1).complete);
        ask(&peer, 1, 2, "{\"command\":\"directory show\",\"directory\":\"d0\"}");
        json_t *object = reply(&peer, 2, 0);
        assert_string_equal(json_string_value(json_object_get(object, "state")), "failed");
        json_decref(object);
        close_peer(&peer);
}

/* Users, all of them in the first of a chain of groups. */
static void send_chain(struct peer *peer, int fd, uint32_t users, uint32_t groups) {
        struct sync_sender *sender = sync_sender_new(fd);
        const struct sync_sink *sink = sync_sender_sink(sender);
        char name[32];
        assert_int_equal(channel_write(peer->channel), 0);
        assert_int_equal(sink->begin(sink->userdata, &(struct sync_begin){ 0 }), 0);
        for (uint32_t i = 0; i < users; i++) {
                (void)snprintf(name, sizeof name, "u%u", i);
                assert_int_equal(sink->user(sink->userdata, &(struct sync_user){ .name = name, .entry_id = name, .active = true }), 0);
        }
        for (uint32_t i = 0; i < groups; i++) {
                (void)snprintf(name, sizeof name, "g%u", i);
                assert_int_equal(sink->group(sink->userdata, &(struct sync_group){ .name = name, .entry_id = name, .active = true }), 0);
        }
        for (uint32_t i = 0; i < users; i++)
                assert_int_equal(sink->member(sink->userdata, i, 0), 0);
        for (uint32_t i = 0; i + 1 < groups; i++)
                assert_int_equal(sink->child(sink->userdata, i, i + 1), 0);
        assert_int_equal(sync_sender_end(sender, NULL), 0);
        sync_sender_free(sender);
        (void)close(fd);
}

/* D5: nesting that no view could hold is its directory's failure, not that of all: its replica stays, the others' changes are published. */
static void nested_without_measure(void **state) {
        (void)state;
        struct peer peer;
        static const struct { uint32_t users, groups; const char *error; } rows[] = {
                { 1, 65537, "user u0 would be in more than 65536 groups" }, { 12000, 12000, "more than 134217728 memberships" },
        };
        open_peer(&peer, LDAP("other") CONFIG);
        send_chain(&peer, open_stream(&peer, 1, "corp"), 1, 20);
        (void)view(&peer, 0, NULL);
        assert_string_equal(synced(&peer, 1).error, "");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                send_chain(&peer, open_stream(&peer, 2, "corp"), rows[i].users, rows[i].groups);
                struct protocol_keeper_synced answer = synced(&peer, 2);
                if (answer.complete || !strstr(answer.error, rows[i].error) || answer.users != 1)
                        fail_msg("%u users in %u groups: %d, \"%s\", %u users", rows[i].users, rows[i].groups, answer.complete, answer.error, answer.users);
        }
        send_whole(open_stream(&peer, 3, "other"), "anna/1");
        (void)view(&peer, 0, NULL);
        assert_string_equal(synced(&peer, 3).error, "");
        close_peer(&peer);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(published_first), cmocka_unit_test(beside_commands), cmocka_unit_test(nested_without_measure),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
