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
        struct protocol_keeper_synced answer = synced(&peer, 2);
        assert_true(answer.complete && answer.users == 1 && answer.groups == 2 && !answer.error[0]);
        answer = synced(&peer, 1);
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

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(published_first), cmocka_unit_test(beside_commands) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
