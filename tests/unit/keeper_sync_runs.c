/* Streams of several runs at the keeper: where a worker may go on, that each run is taken in by itself, and that after one that was not nothing else is (D5).
 * Relies on: keeper_world, intakes over a socket pair.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "model/sync_key.h"
#include "multidird/channel/sync_wire.h"
#include "multidird/keeper/intake.h"
#include "multidird/keeper/intake_guard.h"
#include "unit/keeper_world.h"

#define LDAP(more) "[directory/corp]\ntype = ldap\nuri = ldap://127.0.0.1\nbase = dc=example\n" more
#define HOST "[application/host]\ndirectories = corp\n[application/host/corp]\nallow_all = yes\n"
#define CONFIG LDAP("") HOST

enum { USERS = 10 };

struct bed {
        struct keeper_world world;
        struct intakes *intakes;
        struct protocol_keeper_synced answers[8];
        size_t count;
        int fd;                     /* the worker's end */
        struct sync_sender *sender;
        char greeting[SYNC_COOKIE_MAX + 1];
};

static void keep_answer(void *data, const struct protocol_keeper_synced *synced) {
        struct bed *bed = data;
        assert_true(bed->count < ARRAY_SIZE(bed->answers));
        bed->answers[bed->count++] = *synced;
}

static void open_bed(struct bed *bed, const char *config) {
        *bed = (struct bed){ .fd = -1 };
        keeper_world_open(&bed->world, config);
        bed->intakes = intakes_new(bed->world.keeper, keep_answer, bed);
        assert_non_null(bed->intakes);
}

static void hang_up(struct bed *bed) {
        sync_sender_free(TAKE_PTR(bed->sender));
        if (bed->fd >= 0)
                (void)close(TAKE_FD(bed->fd));
}

static void close_bed(struct bed *bed) {
        hang_up(bed);
        intakes_free(bed->intakes);
        keeper_world_close(&bed->world);
}

/* A worker's stream, greeted. */
static void begin(struct bed *bed, uint64_t id, bool full) {
        int fds[2];
        struct protocol_sync sync = { .id = id, .full = full, .directory = "corp" };
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        intake_begin(bed->intakes, &sync, fds[1]);
        bed->fd = fds[0];
        bed->sender = sync_sender_new(bed->fd);
        assert_non_null(bed->sender);
        assert_int_equal(sync_read_greeting(bed->fd, 1000, bed->greeting), 0);
        bed->count = 0;
}

static void begin_run(struct bed *bed, const char *from) {
        const struct sync_sink *sink = sync_sender_sink(bed->sender);
        assert_int_equal(sink->begin(sink->userdata, &(struct sync_begin){ .delta = from, .from = from, .references = SYNC_REFERENCES_DN, .nested = true }), 0);
}

static void end_run(struct bed *bed, const char *cookie) {
        const struct sync_sink *sink = sync_sender_sink(bed->sender);
        assert_int_equal(sink->end(sink->userdata, cookie), 0);
}

static void send_user(struct bed *bed, unsigned n, const char *display_name) {
        const struct sync_sink *sink = sync_sender_sink(bed->sender);
        char name[16], id[16], dn[32];
        (void)snprintf(name, sizeof name, "u%u", n);
        (void)snprintf(id, sizeof id, "%u", n);
        (void)snprintf(dn, sizeof dn, "cn=u%u,dc=example", n);
        assert_int_equal(sink->user(sink->userdata, &(struct sync_user){ .name = name, .entry_id = id, .dn = dn, .display_name = display_name, .active = true }), 0);
}

static void send_gone(struct bed *bed, unsigned n) {
        const struct sync_sink *sink = sync_sender_sink(bed->sender);
        char id[16];
        (void)snprintf(id, sizeof id, "%u", n);
        assert_int_equal(sink->gone(sink->userdata, SYNC_KIND_USER, id), 0);
}

static void send_full(struct bed *bed, const char *cookie) {
        const struct sync_sink *sink = sync_sender_sink(bed->sender);
        begin_run(bed, NULL);
        for (unsigned n = 0; n < USERS; n++)
                send_user(bed, n, "");
        assert_int_equal(sink->group(sink->userdata, &(struct sync_group){ .name = "ops", .entry_id = "a", .dn = "cn=ops,dc=example", .active = true }), 0);
        assert_int_equal(sink->member(sink->userdata, 0, 0), 0);
        end_run(bed, cookie);
}

/* What has come is read, built and answered. */
static void settle(struct bed *bed) {
        (void)intakes_read(bed->intakes);
        (void)keeper_build(bed->world.keeper);
        intakes_release(bed->intakes, bed->world.keeper->wanted, NULL);
}

static void expect_answer(const struct bed *bed, size_t index, bool complete, bool delta, bool full_needed, const char *error) {
        const struct protocol_keeper_synced *answer = &bed->answers[index];
        if (index >= bed->count || answer->complete != complete || answer->delta != delta || answer->full_needed != full_needed ||
            (*error ? !strstr(answer->error, error) : answer->error[0] != 0))
                fail_msg("answer %zu of %zu: complete %d, delta %d, full_needed %d, \"%s\"", index, bed->count, answer->complete, answer->delta, answer->full_needed,
                         answer->error);
}

static void fill(struct bed *bed, const char *cookie) {
        begin(bed, 1, false);
        send_full(bed, cookie);
        settle(bed);
        assert_int_equal(bed->count, 1);
        expect_answer(bed, 0, true, false, false, "");
        assert_true(bed->answers[0].users == USERS && bed->answers[0].full_s > 0);
}

static bool is_published(struct bed *bed, const char *name) {
        struct view_user user;
        const struct view *view = keeper_view(bed->world.keeper);
        return view && view_user_by_name(view, name, &user) == VIEW_FOUND;
}

static void expect_greeting(struct bed *bed, bool full, const char *wanted) {
        hang_up(bed);
        (void)intakes_read(bed->intakes);
        begin(bed, 77, full);
        assert_string_equal(bed->greeting, wanted);
        hang_up(bed);
        (void)intakes_read(bed->intakes); /* a failure: nothing came */
        bed->count = 0;
}

/* ---- ---- */

/* Where the store is, unless it was read by other settings, or all of it is wanted. */
static void greetings(void **state) {
        (void)state;
        struct bed bed;
        open_bed(&bed, CONFIG);
        expect_greeting(&bed, false, "");
        fill(&bed, "one");
        expect_greeting(&bed, false, "one");
        expect_greeting(&bed, true, "");
        keeper_world_configure(&bed.world, LDAP("user_name = uid\n") HOST);
        expect_greeting(&bed, false, "");
        keeper_world_configure(&bed.world, CONFIG);
        expect_greeting(&bed, false, "one");
        intakes_free(bed.intakes);
        keeper_world_restart(&bed.world, CONFIG);
        bed.intakes = intakes_new(bed.world.keeper, keep_answer, &bed);
        expect_greeting(&bed, false, "one");
        fill(&bed, "");
        expect_greeting(&bed, false, "");
        close_bed(&bed);
}

/* Each run of a stream that stays open is published and answered by itself, and nothing is left to say when it ends. */
static void one_after_the_other(void **state) {
        (void)state;
        struct bed bed;
        open_bed(&bed, CONFIG);
        fill(&bed, "one");
        begin_run(&bed, "one");
        send_user(&bed, 100, "New");
        end_run(&bed, "two");
        settle(&bed);
        assert_int_equal(bed.count, 2);
        expect_answer(&bed, 1, true, true, false, "");
        assert_true(is_published(&bed, "u100") && bed.answers[1].users == USERS + 1 && bed.answers[1].id == 1);
        begin_run(&bed, "two");
        send_gone(&bed, 100);
        end_run(&bed, "three");
        begin_run(&bed, "three");
        send_user(&bed, 101, "");
        end_run(&bed, "four");
        settle(&bed);
        assert_int_equal(bed.count, 4);
        assert_true(!is_published(&bed, "u100") && is_published(&bed, "u101"));
        assert_int_equal(intakes_poll(bed.intakes, NULL, 0), 1);
        hang_up(&bed);
        settle(&bed);
        assert_int_equal(bed.count, 4);
        assert_int_equal(intakes_poll(bed.intakes, NULL, 0), 0);
        expect_greeting(&bed, false, "four");
        close_bed(&bed);
}

/* What changed nothing makes no view; the replica is as new as the run (L6). */
static void nothing_new(void **state) {
        (void)state;
        struct bed bed;
        open_bed(&bed, CONFIG);
        fill(&bed, "one");
        struct keeper *keeper = bed.world.keeper;
        const struct replica *replica = keeper_replica(keeper, 0);
        uint64_t generation = keeper->generation, now = clock_real_s();
        keeper->replicas[0]->synchronised_s = 1;
        begin_run(&bed, "one");
        send_user(&bed, 1, "");
        end_run(&bed, "two");
        settle(&bed);
        expect_answer(&bed, 1, true, true, false, "");
        assert_ptr_equal(keeper_replica(keeper, 0), replica);
        assert_true(replica->synchronised_s >= now && keeper->generation == generation);
        expect_greeting(&bed, false, "two");
        close_bed(&bed);
}

/* A delta that does not follow, or cannot be decided: nothing of it is here, the stream ends, and who asks next is told to read everything. */
static void full_needed(void **state) {
        (void)state;
        for (unsigned row = 0; row < 2; row++) {
                struct bed bed;
                open_bed(&bed, CONFIG);
                fill(&bed, "one");
                begin_run(&bed, row == 0 ? "none" : "one");
                const struct sync_sink *sink = sync_sender_sink(bed.sender);
                if (row == 1) /* at another's DN */
                        assert_int_equal(sink->user(sink->userdata, &(struct sync_user){ .name = "x", .entry_id = "x", .dn = "cn=u1,dc=example" }), 0);
                send_user(&bed, 100, "");
                end_run(&bed, "two");
                settle(&bed);
                assert_int_equal(bed.count, 2);
                expect_answer(&bed, 1, false, true, true, "read in full");
                assert_false(is_published(&bed, "u100"));
                assert_int_equal(intakes_poll(bed.intakes, NULL, 0), 0);
                assert_int_equal(sink->begin(sink->userdata, &(struct sync_begin){ .references = SYNC_REFERENCES_DN }), -EPIPE);
                expect_greeting(&bed, false, "");
                fill(&bed, "three");
                expect_greeting(&bed, false, "three");
                close_bed(&bed);
        }
}

/* D5: cut off within a run, the runs before it are here. An end that says why is a failure wherever it stands. */
static void broken_later(void **state) {
        (void)state;
        for (unsigned row = 0; row < 3; row++) {
                struct bed bed;
                open_bed(&bed, CONFIG);
                fill(&bed, "one");
                if (row < 2) {
                        begin_run(&bed, "one");
                        send_user(&bed, 100, "");
                }
                if (row > 0)
                        assert_int_equal(sync_sender_end(bed.sender, "the server is gone"), 0);
                hang_up(&bed);
                settle(&bed);
                settle(&bed);
                assert_int_equal(bed.count, 2);
                expect_answer(&bed, 1, false, row < 2, false, row == 0 ? "broke off" : "the server is gone");
                assert_true(!is_published(&bed, "u100") && is_published(&bed, "u1"));
                expect_greeting(&bed, false, "one");
                close_bed(&bed);
        }
}

/* What a delta left open stays so over others and over another keeper, until a full run: whoever begins is to read everything. */
static void left_open(void **state) {
        (void)state;
        struct bed bed;
        open_bed(&bed, CONFIG);
        fill(&bed, "one");
        begin_run(&bed, "one");
        send_gone(&bed, 0);
        end_run(&bed, "two");
        begin_run(&bed, "two");
        send_user(&bed, 100, "");
        end_run(&bed, "three");
        settle(&bed);
        assert_int_equal(bed.count, 3);
        expect_answer(&bed, 1, true, true, true, "");
        expect_answer(&bed, 2, true, true, true, "");
        expect_greeting(&bed, false, "");
        intakes_free(bed.intakes);
        keeper_world_restart(&bed.world, CONFIG);
        bed.intakes = intakes_new(bed.world.keeper, keep_answer, &bed);
        expect_greeting(&bed, false, "");
        fill(&bed, "four");
        expect_greeting(&bed, false, "four");
        close_bed(&bed);
}

/* One that rests makes room without a word. */
static void another_begins(void **state) {
        (void)state;
        struct bed bed;
        open_bed(&bed, CONFIG);
        fill(&bed, "one");
        int old = TAKE_FD(bed.fd);
        sync_sender_free(TAKE_PTR(bed.sender));
        begin(&bed, 2, false);
        assert_int_equal(bed.count, 0);
        assert_int_equal(send(old, "x", 1, MSG_NOSIGNAL), -1);
        (void)close(old);
        begin_run(&bed, "one");
        end_run(&bed, "two");
        settle(&bed);
        assert_int_equal(bed.count, 1);
        expect_answer(&bed, 0, true, true, false, "");
        close_bed(&bed);
}

/* D5: one delta that loses too much, and several that do. The full run that is then asked for is judged like any other. */
static void shrink_guard(void **state) {
        (void)state;
        struct bed bed;
        open_bed(&bed, LDAP("shrink_guard = 20\n") HOST);
        fill(&bed, "one");
        begin_run(&bed, "one");
        for (unsigned n = 0; n < 3; n++)
                send_gone(&bed, n);
        end_run(&bed, "two");
        settle(&bed);
        /* What was told may be less than what there is: a full run will say. */
        expect_answer(&bed, 1, false, true, true, "it would lose 3 of 10 users");
        assert_true(is_published(&bed, "u1"));
        expect_greeting(&bed, false, "");
        fill(&bed, "one");
        expect_greeting(&bed, false, "one");
        begin(&bed, 3, false);
        const char *const cookies[] = { "one", "two", "three", "four" };
        for (unsigned n = 0; n < 3; n++) {
                begin_run(&bed, cookies[n]);
                send_gone(&bed, n + 3);
                end_run(&bed, cookies[n + 1]);
        }
        settle(&bed);
        assert_int_equal(bed.count, 3);
        expect_answer(&bed, 0, false, true, true, "one after the other"); /* failures are told at once */
        expect_answer(&bed, 1, true, true, false, "");
        expect_answer(&bed, 2, true, true, false, "");
        assert_true(!is_published(&bed, "u4") && is_published(&bed, "u5"));
        expect_greeting(&bed, false, "");
        fill(&bed, "five");
        close_bed(&bed);
}

/* What adds up, and for how long. */
static void adding_up(void **state) {
        (void)state;
        const struct directory_settings settings = { .name = "corp", .shrink_guard = 20 };
        struct keeper_losses losses = { 0 };
        struct store_sync_changes one = { .delta = true, .users = 99, .old_users = 100, .lost_users = 1 }, none = { .delta = true, .users = 100, .old_users = 100 };
        uint64_t now = 5000;
        for (unsigned i = 0; i < 20; i++, now += 1000) {
                assert_true(intake_guard_adds_up(&settings, &losses, &one, now));
                intake_guard_count(&losses, &one, now);
        }
        assert_false(intake_guard_adds_up(&settings, &losses, &one, now));
        assert_true(intake_guard_adds_up(&settings, &losses, &none, now));
        assert_true(intake_guard_adds_up(&(struct directory_settings){ .name = "corp", .shrink_guard = 100 }, &losses, &one, now));
        assert_true(intake_guard_adds_up(&settings, &losses, &one, now + 3600 * 1000));
        intake_guard_count(&losses, &(struct store_sync_changes){ .users = 80, .old_users = 80 }, now); /* a full run */
        assert_true(intake_guard_adds_up(&settings, &losses, &one, now));
        const struct store_sync_changes members = { .delta = true, .users = 9, .old_users = 9, .old_memberships = 30, .lost_memberships = 10 };
        intake_guard_count(&losses, &members, now);
        assert_true(intake_guard_adds_up(&settings, &losses, &members, now)); /* 20: few */
        intake_guard_count(&losses, &members, now);
        assert_false(intake_guard_adds_up(&settings, &losses, &members, now));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(greetings), cmocka_unit_test(one_after_the_other), cmocka_unit_test(nothing_new), cmocka_unit_test(full_needed),
                cmocka_unit_test(broken_later), cmocka_unit_test(left_open), cmocka_unit_test(another_begins), cmocka_unit_test(shrink_guard), cmocka_unit_test(adding_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
