/* Synchronisations at the keeper: the last good replica stays whatever becomes of a stream (D5), nothing below a directory without one is published (D6),
 * and no change is made in a directory with a server of its own (P5).
 * Relies on: keeper_world, intakes over a socket pair.
 * Must never: need the service or root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "multidird/channel/sync_wire.h"
#include "multidird/keeper/intake.h"
#include "multidird/keeper/intake_guard.h"
#include "replica/store_sync.h"
#include "unit/keeper_world.h"
#include "unit/sync_help.h"
#include "view/reader.h"

#define LDAP(name, more) "[directory/" name "]\ntype = ldap\nuri = ldap://127.0.0.1\nbase = dc=example\n" more
#define HOST "[directory/staff]\ntype = internal\n[application/host]\ndirectories = corp, staff\n[application/host/corp]\nallow_all = yes\n" \
        "[application/host/staff]\nallow_all = yes\n"
#define CONFIG LDAP("corp", "") HOST
#define CONFIG_GUARD(percent) LDAP("corp", "shrink_guard = " percent "\n") HOST

#define USERS "anna/1/A bert/2 !carl/3 dora/4 emma/5 fred/6"
#define GROUPS "ops/a night/b"
#define EDGES "anna>ops bert>night night>>ops"

/* ---- A keeper without a socket, and its streams ---- */

struct bed {
        struct keeper_world keeper;
        struct intakes *intakes;
        struct protocol_keeper_synced answers[4];
        size_t count;
};

static void keep_answer(void *data, const struct protocol_keeper_synced *synced) {
        struct bed *bed = data;
        assert_true(bed->count < ARRAY_SIZE(bed->answers));
        bed->answers[bed->count++] = *synced;
}

static void open_bed(struct bed *bed, const char *config) {
        *bed = (struct bed){ 0 };
        keeper_world_open(&bed->keeper, config);
        bed->intakes = intakes_new(bed->keeper.keeper, keep_answer, bed);
        assert_non_null(bed->intakes);
}

static void close_bed(struct bed *bed) {
        intakes_free(bed->intakes);
        keeper_world_close(&bed->keeper);
}

/* A stream into the keeper; the other end. */
static int begin(struct bed *bed, uint64_t id, const char *directory) {
        int fds[2];
        struct protocol_sync sync = { .id = id };
        (void)snprintf(sync.directory, sizeof sync.directory, "%s", directory);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        intake_begin(bed->intakes, &sync, fds[1]);
        return fds[0];
}

static size_t bytes_of(const struct help_directory *directory, const char *end, unsigned char *bytes, size_t size) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        struct sync_sender *sender = sync_sender_new(fds[0]);
        assert_int_equal(help_send(directory, sync_sender_sink(sender)), 0);
        assert_int_equal(sync_sender_end(sender, end), 0);
        sync_sender_free(sender);
        ssize_t len = read(fds[1], bytes, size);
        assert_true(len > 0 && (size_t)len < size);
        (void)close(fds[0]);
        (void)close(fds[1]);
        return (size_t)len;
}

/* One whole stream to its answer, the view installed. */
static const struct protocol_keeper_synced *synchronise(struct bed *bed, const char *directory, const struct help_directory *content, const char *end) {
        unsigned char bytes[8192];
        size_t len = bytes_of(content, end, bytes, sizeof bytes);
        bed->count = 0;
        int fd = begin(bed, 7, directory);
        assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
        assert_true(intakes_read(bed->intakes));
        (void)close(fd);
        (void)intakes_read(bed->intakes);
        (void)keeper_build(bed->keeper.keeper);
        intakes_release(bed->intakes, bed->keeper.keeper->wanted, NULL);
        assert_int_equal(bed->count, 1);
        assert_int_equal(bed->answers[0].id, 7);
        assert_string_equal(bed->answers[0].directory, directory);
        assert_int_equal(intakes_poll(bed->intakes, NULL, 0), 0);
        return &bed->answers[0];
}

static void fill(struct bed *bed) {
        struct help_directory *content = help_directory(USERS, GROUPS, EDGES);
        const struct protocol_keeper_synced *synced = synchronise(bed, "corp", content, "");
        assert_string_equal(synced->error, "");
        assert_true(synced->complete && synced->users == 6 && synced->groups == 2);
        help_done(content);
}

static bool is_published(struct bed *bed, const char *name) {
        struct view_user user;
        const struct view *view = keeper_view(bed->keeper.keeper);
        return view && view_user_by_name(view, name, &user) == VIEW_FOUND;
}

/* What `status` says of corp; the caller frees. */
static json_t *state_of_corp(struct bed *bed) {
        json_t *state = keeper_state_json(bed->keeper.keeper);
        json_t *row = json_incref(json_array_get(json_object_get(state, "directories"), 0));
        assert_string_equal(json_string_value(json_object_get(row, "name")), "corp");
        json_decref(state);
        return row;
}

static void expect_state(struct bed *bed, const char *state, const char *error, int users) {
        json_t *row = state_of_corp(bed);
        const char *shown = json_string_value(json_object_get(row, "error"));
        assert_string_equal(json_string_value(json_object_get(row, "state")), state);
        assert_int_equal(json_integer_value(json_object_get(row, "users")), users);
        if (error ? !shown || !strstr(shown, error) : shown != NULL)
                fail_msg("error \"%s\", wanted \"%s\"", shown ? shown : "", error ? error : "none");
        json_decref(row);
}

/* D6: before the first complete replica, and after it. */
static void the_first(void **state) {
        (void)state;
        struct bed bed;
        static const struct keeper_check staff[] = {
                { "P3", "{'command':'user add','directory':'staff','user':'sam'}", 0, NULL },
                { "D6", "{'command':'user add','user':'tom'}", 6, "{'reason':'unavailable'}" },
                { "D6", "{'command':'user list'}", 0, "{'users':[]}" },
        };
        static const struct keeper_check after[] = {
                { "D6", "{'command':'user list'}", 0, "{'users':['anna','bert','carl','dora','emma','fred','sam']}" },
                { "M1", "{'command':'group show','group':'ops'}", 0, "{'members':['anna','bert']}" },
        };
        open_bed(&bed, CONFIG);
        keeper_world_run(&bed.keeper, staff, ARRAY_SIZE(staff));
        expect_state(&bed, "empty", NULL, 0);
        fill(&bed);
        expect_state(&bed, "ready", NULL, 6);
        keeper_world_run(&bed.keeper, after, ARRAY_SIZE(after));
        intakes_free(bed.intakes);
        keeper_world_restart(&bed.keeper, CONFIG);
        bed.intakes = intakes_new(bed.keeper.keeper, keep_answer, &bed);
        keeper_world_run(&bed.keeper, after, ARRAY_SIZE(after));
        close_bed(&bed);
}

/* P5, P6: whatever the permissions say; the refusal names the directory. */
static void no_changes(void **state) {
        (void)state;
        struct bed bed;
        static const struct keeper_check rows[] = {
                { "P5", "{'command':'user add','directory':'corp','user':'tom'}", 5, "{'reason':'read-only-kind'}" },
                { "P5", "{'command':'user modify','user':'anna','email':'a@x'}", 5, "{'reason':'read-only-kind'}" },
                { "P5", "{'command':'user password','user':'anna','password':'x'}", 5, "{'reason':'read-only-kind'}" },
                { "P5", "{'command':'user deactivate','user':'anna'}", 5, "{'reason':'read-only-kind'}" },
                { "P5", "{'command':'user remove','user':'anna'}", 5, "{'reason':'read-only-kind'}" },
                { "P5", "{'command':'member add','group':'night','names':['anna']}", 5, "{'reason':'read-only-kind'}" },
                { "P5", "{'command':'group remove','group':'ops'}", 5, "{'reason':'read-only-kind'}" },
                { "U1", "{'command':'user add','user':'tom'}", 0, "{'changed':[{'directory':'staff','what':'add-user'}]}" },
                { "D1", "{'command':'import begin','kind':'user','directory':'corp'}", 2, NULL },
        };
        open_bed(&bed, LDAP("corp", "preset = posix\nids = allocate\n") HOST);
        fill(&bed);
        keeper_world_run(&bed.keeper, rows, ARRAY_SIZE(rows));
        int exit;
        json_t *object = keeper_world_ask(&bed.keeper, rows[1].request, &exit);
        assert_non_null(strstr(json_string_value(json_object_get(object, "text")), "directory corp"));
        json_decref(object);
        close_bed(&bed);
}

/* D5: cut at every byte, which is every frame's boundary too. */
static void cut_anywhere(void **state) {
        (void)state;
        struct bed bed;
        unsigned char bytes[8192];
        struct help_directory *other = help_directory("x/11 y/12 z/13", "q/9", "x>q y>q");
        size_t len = bytes_of(other, "", bytes, sizeof bytes);
        uint64_t before, after;
        open_bed(&bed, CONFIG_GUARD("100"));
        fill(&bed);
        struct store *store = bed.keeper.keeper->directories[0].store;
        assert_int_equal(store_revision(store, &before), 0);
        uint64_t wanted = bed.keeper.keeper->wanted;
        for (size_t cut = 0; cut < len; cut++) {
                bed.count = 0;
                int fd = begin(&bed, cut + 1, "corp");
                assert_int_equal(send(fd, bytes, cut, MSG_NOSIGNAL), cut);
                assert_false(intakes_read(bed.intakes));
                assert_int_equal(bed.count, 0);
                (void)close(fd);
                assert_true(intakes_read(bed.intakes));
                if (bed.count != 1 || bed.answers[0].complete || bed.answers[0].id != cut + 1 || !strstr(bed.answers[0].error, "broke off") ||
                    bed.answers[0].users != 6)
                        fail_msg("cut at byte %zu of %zu: %s", cut, len, bed.count ? bed.answers[0].error : "no answer");
        }
        assert_int_equal(store_revision(store, &after), 0);
        assert_int_equal(before, after);
        assert_int_equal(bed.keeper.keeper->wanted, wanted);
        expect_state(&bed, "failed", "broke off", 6);
        assert_true(is_published(&bed, "anna"));
        (void)synchronise(&bed, "corp", other, "");
        expect_state(&bed, "ready", NULL, 3);
        assert_true(is_published(&bed, "x") && !is_published(&bed, "anna"));
        help_done(other);
        close_bed(&bed);
}

/* D5: how many memberships may be lost at once. */
static void lost_memberships(void **state) {
        (void)state;
        static const struct { const char *name; uint64_t old, lost; uint32_t percent; bool passes; } rows[] = {
                { "none", 0, 0, 0, true },                          { "the only one", 1, 1, 0, true },
                { "both", 2, 2, 0, true },                          { "all three", 3, 3, 20, false },
                { "few of few", 30, 20, 20, true },                 { "more than few of few", 30, 21, 20, false },
                { "many, within the percentage", 1000, 200, 20, true }, { "many, one more", 1000, 201, 20, false },
                { "all, and it was said", 1000, 1000, 100, true },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const struct directory_settings settings = { .name = "corp", .shrink_guard = rows[i].percent };
                const struct store_sync_changes changes = { .had_replica = true, .users = 5, .old_users = 5, .old_memberships = rows[i].old,
                                                            .lost_memberships = rows[i].lost };
                char text[512] = "";
                if (intake_guard_passes(&settings, &changes, text, sizeof text) != rows[i].passes || (text[0] == 0) != rows[i].passes)
                        fail_msg("%s: %s", rows[i].name, text);
        }
}

/* D5 shrink_guard: percent of the users, of the groups and of the memberships that may be lost, each by itself. Before: 6 users, 2 groups, 3 memberships. */
static void shrink_guard(void **state) {
        (void)state;
        static const struct { const char *config, *users, *groups, *edges; bool taken; } rows[] = {
                { CONFIG_GUARD("20"), USERS, GROUPS, EDGES, true },
                { CONFIG_GUARD("20"), "anna/1/A bert/2 !carl/3 dora/4 emma/5", GROUPS, EDGES, true },       /* 16.7 percent of the users */
                { CONFIG_GUARD("16"), "anna/1/A bert/2 !carl/3 dora/4 emma/5", GROUPS, EDGES, false },
                { CONFIG_GUARD("50"), "anna/1/A bert/2 !carl/3", GROUPS, EDGES, true },             /* 50 percent: not more */
                { CONFIG_GUARD("49"), "anna/1/A bert/2 !carl/3", GROUPS, EDGES, false },
                { CONFIG_GUARD("50"), USERS, "ops/a", "anna>ops", true },
                { CONFIG_GUARD("49"), USERS, "ops/a", "anna>ops", false },                          /* half of the groups: users do not make up for them */
                { CONFIG_GUARD("49"), USERS " g/7 h/8 i/9 j/10 k/11 l/12", "ops/a", "anna>ops", false },
                { CONFIG_GUARD("1"), USERS, GROUPS, "anna>ops bert>night", true },                  /* one revocation, of three memberships */
                { CONFIG_GUARD("99"), USERS, GROUPS, "", false },                                   /* an ACL that hides them */
                { CONFIG_GUARD("20"), "anna/1/A !carl/3 dora/4 emma/5 fred/6", GROUPS, "anna>ops night>>ops", true }, /* they went with bert */
                { CONFIG_GUARD("20"), "a/1 b/2 c/3 d/4 e/5 f/6", GROUPS, "a>ops b>night night>>ops", true }, /* renamed */
                { CONFIG_GUARD("20"), "anna/91 bert/92 carl/93 dora/94 emma/95 fred/96", GROUPS, EDGES, true }, /* made anew */
                { CONFIG_GUARD("20"), "x/91 y/92 z/93 u/94 v/95 w/96", GROUPS, "night>>ops", false }, /* as many, but others */
                { CONFIG_GUARD("0"), "anna/1/A bert/2 !carl/3 dora/4 emma/5", GROUPS, EDGES, false },
                { CONFIG_GUARD("0"), USERS " gus/7", GROUPS, EDGES " gus>ops", true },
                { CONFIG_GUARD("99"), "", GROUPS, "", false },
                { CONFIG_GUARD("99"), "", "", "", false },
                { CONFIG_GUARD("100"), USERS, GROUPS, "", true },
                { CONFIG_GUARD("100"), "", "", "", true },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct bed bed;
                struct help_directory *content = help_directory(rows[i].users, rows[i].groups, rows[i].edges);
                open_bed(&bed, rows[i].config);
                fill(&bed);
                const struct protocol_keeper_synced *synced = synchronise(&bed, "corp", content, "");
                if (synced->complete != rows[i].taken || (synced->error[0] == 0) != rows[i].taken)
                        fail_msg("row %zu: \"%s\"", i, synced->error);
                if (!rows[i].taken) {
                        assert_non_null(strstr(synced->error, "shrink_guard = "));
                        expect_state(&bed, "failed", "it would lose", 6);
                        assert_true(is_published(&bed, "fred"));
                } else {
                        expect_state(&bed, "ready", NULL, (int)content->user_count);
                }
                help_done(content);
                close_bed(&bed);
        }
}

/* D5: a first replica has lost nobody, and may still be an ACL that hides them all: those of the directories below must not take their place (D6). */
static void nobody_at_first(void **state) {
        (void)state;
        static const struct { const char *config, *users; bool taken; } rows[] = {
                { CONFIG, "", false }, { CONFIG_GUARD("99"), "", false }, { CONFIG_GUARD("100"), "", true }, { CONFIG_GUARD("0"), "anna/1", true },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct bed bed;
                struct help_directory *content = help_directory(rows[i].users, GROUPS, "");
                open_bed(&bed, rows[i].config);
                const struct protocol_keeper_synced *synced = synchronise(&bed, "corp", content, "");
                if (synced->complete != rows[i].taken || (!rows[i].taken && !strstr(synced->error, "no users at all")))
                        fail_msg("row %zu: \"%s\"", i, synced->error);
                assert_true((keeper_replica(bed.keeper.keeper, 0) != NULL) == rows[i].taken);
                help_done(content);
                close_bed(&bed);
        }
}

/* What did not change makes no view, and is as good as new (L6). */
static void nothing_new(void **state) {
        (void)state;
        struct bed bed;
        open_bed(&bed, CONFIG);
        fill(&bed);
        const struct replica *replica = keeper_replica(bed.keeper.keeper, 0);
        uint64_t generation = bed.keeper.keeper->generation;
        bed.keeper.keeper->replicas[0]->synchronised_s = 1;
        fill(&bed);
        assert_ptr_equal(keeper_replica(bed.keeper.keeper, 0), replica);
        assert_true(replica->synchronised_s > 1);
        assert_int_equal(bed.keeper.keeper->generation, generation);
        close_bed(&bed);
}

/* L6: a replica proves what was so when its reading began, however long that took. A clock that was wrong then proves nothing beyond now. */
static void as_old_as_its_run(void **state) {
        (void)state;
        struct bed bed;
        unsigned char bytes[8192];
        struct help_directory *content = help_directory(USERS, GROUPS, EDGES);
        size_t len = bytes_of(content, "", bytes, sizeof bytes);
        uint64_t now = clock_real_s();
        const struct { uint64_t began_s, from, to; } rows[] = { { now - 600, now - 600, now - 600 }, { now + 600, now, now + 60 }, { 0, now, now + 60 } };
        open_bed(&bed, CONFIG);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int fds[2];
                bed.count = 0;
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
                intake_begin(bed.intakes, &(struct protocol_sync){ .id = 7, .began_s = rows[i].began_s, .directory = "corp" }, fds[1]);
                assert_int_equal(send(fds[0], bytes, len, MSG_NOSIGNAL), len);
                assert_true(intakes_read(bed.intakes));
                (void)close(fds[0]);
                uint64_t stamp = keeper_replica(bed.keeper.keeper, 0)->synchronised_s;
                if (stamp < rows[i].from || stamp > rows[i].to)
                        fail_msg("row %zu: %llu", i, (unsigned long long)stamp);
                intakes_release(bed.intakes, bed.keeper.keeper->wanted, NULL);
        }
        help_done(content);
        close_bed(&bed);
}

/* Why it failed at the server is what `status` and the answer say; a good one clears it. */
static void the_workers_reason(void **state) {
        (void)state;
        struct bed bed;
        struct help_directory *content = help_directory(USERS, "", "");
        open_bed(&bed, CONFIG);
        const struct protocol_keeper_synced *synced = synchronise(&bed, "corp", content, "the server's size limit was met");
        assert_true(!synced->complete && synced->users == 0);
        assert_string_equal(synced->error, "the server's size limit was met");
        expect_state(&bed, "failed", "size limit", 0);
        assert_false(is_published(&bed, "anna"));
        fill(&bed);
        expect_state(&bed, "ready", NULL, 6);
        keeper_world_configure(&bed.keeper, CONFIG_GUARD("50"));
        (void)synchronise(&bed, "corp", content, "no route to the server");
        keeper_world_configure(&bed.keeper, CONFIG);
        expect_state(&bed, "failed", "no route", 6);
        help_done(content);
        close_bed(&bed);
}

/* Streams that are not for a directory that can take them, and the one that is overtaken by the next. */
static void not_taken(void **state) {
        (void)state;
        struct bed bed;
        static const struct { const char *directory, *error; } rows[] = {
                { "none", "no such directory" }, { "", "no such directory" }, { "staff", "kept on this host" },
        };
        open_bed(&bed, CONFIG);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                bed.count = 0;
                (void)close(begin(&bed, i + 1, rows[i].directory));
                if (bed.count != 1 || bed.answers[0].complete || bed.answers[0].id != i + 1 || !strstr(bed.answers[0].error, rows[i].error))
                        fail_msg("%s: %s", rows[i].directory, bed.answers[0].error);
        }
        bed.count = 0;
        intake_begin(bed.intakes, &(struct protocol_sync){ .id = 9, .directory = "corp" }, -1);
        assert_true(bed.count == 1 && bed.answers[0].id == 9 && !bed.answers[0].complete);
        bed.count = 0;
        int first = begin(&bed, 10, "corp"), second = begin(&bed, 11, "corp");
        assert_true(bed.count == 1 && bed.answers[0].id == 10 && !bed.answers[0].complete);
        assert_int_equal(send(first, "x", 1, MSG_NOSIGNAL), -1);
        assert_int_equal(intakes_poll(bed.intakes, NULL, 0), 1);
        (void)close(first);
        bed.count = 0;
        assert_int_equal(send(second, "this is no stream at all", 24, MSG_NOSIGNAL), 24);
        assert_true(intakes_read(bed.intakes));
        assert_true(bed.count == 1 && bed.answers[0].id == 11 && strstr(bed.answers[0].error, "no synchronisation"));
        (void)close(second);
        close_bed(&bed);
}

/* The configuration changes while a stream comes. */
static void reloaded(void **state) {
        (void)state;
        struct bed bed;
        unsigned char bytes[8192];
        struct help_directory *content = help_directory(USERS, GROUPS, EDGES);
        size_t len = bytes_of(content, "", bytes, sizeof bytes);
        static const struct { const char *config, *error; } rows[] = {
                { LDAP("first", "") CONFIG, "" }, /* another index */
                { LDAP("corp", "user_name = uid\n") HOST, "configuration changed" },
                { LDAP("corp", "preset = posix\n") HOST, "configuration changed" },
                { HOST LDAP("corp2", "") "[directory/corp]\ntype = internal\n", "kept on this host" },
                { "[directory/staff]\ntype = internal\n[application/host]\ndirectories = staff\n", "no such directory" },
        };
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                open_bed(&bed, CONFIG);
                int fd = begin(&bed, 1, "corp");
                assert_int_equal(send(fd, bytes, len / 2, MSG_NOSIGNAL), len / 2);
                (void)intakes_read(bed.intakes);
                keeper_world_configure(&bed.keeper, rows[i].config);
                assert_int_equal(send(fd, bytes + len / 2, len - len / 2, MSG_NOSIGNAL), len - len / 2);
                assert_true(intakes_read(bed.intakes));
                intakes_release(bed.intakes, bed.keeper.keeper->wanted, NULL);
                assert_int_equal(bed.count, 1);
                if (rows[i].error[0] ? !strstr(bed.answers[0].error, rows[i].error) : bed.answers[0].error[0] != 0 || bed.answers[0].users != 6)
                        fail_msg("row %zu: %s", i, bed.answers[0].error);
                (void)close(fd);
                close_bed(&bed);
        }
        help_done(content);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_first), cmocka_unit_test(no_changes), cmocka_unit_test(cut_anywhere), cmocka_unit_test(lost_memberships),
                cmocka_unit_test(shrink_guard),
                cmocka_unit_test(nobody_at_first),
                cmocka_unit_test(nothing_new), cmocka_unit_test(as_old_as_its_run), cmocka_unit_test(the_workers_reason), cmocka_unit_test(not_taken), cmocka_unit_test(reloaded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
