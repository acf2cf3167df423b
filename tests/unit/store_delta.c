/* Deltas: after any sequence of changes the store is what a full run of the same world makes it, strays included; worlds and changes are made at random, and
 * the worlds are resolved by a model that knows nothing of deltas. A delta that cannot be applied exactly says so, and a full run follows.
 * Relies on: cmocka, replica/store_sync, SQLite (to look at strays).
 * Must never: depend on anything but the seed; and the last one on what a look at all of them takes, not on seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>
#include <time.h>

#include "model/sync_key.h"
#include "replica/store_rows.h"
#include "replica/store_sync.h"
#include "unit/delta_world.h"
#include "unit/merge_compare.h"
#include "unit/store_help.h"

/* ---- Comparing ---- */

static int compare_lines(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted lines as one text; frees them. */
static char *join(char **lines, size_t count) {
        size_t len = 1;
        for (size_t i = 0; i < count; i++)
                len += strlen(lines[i]) + 1;
        char *text = calloc(len, 1), *end = text;
        assert_non_null(text);
        if (count > 0)
                qsort(lines, count, sizeof *lines, compare_lines);
        for (size_t i = 0; i < count; i++) {
                end = stpcpy(stpcpy(end, lines[i]), "\n");
                free(lines[i]);
        }
        free(lines);
        return text;
}

/* What a replica has of it: whatever else changes is no content. */
#define VISIBLE \
        "SELECT printf('user %s %s %s %s %d %d', entry_id, name, dn, display_name, gid, active) FROM users" \
        " UNION ALL SELECT printf('group %s %s %s %d %s', entry_id, name, description, gid, coalesce(sid, '')) FROM groups" \
        " UNION ALL SELECT printf('member %s %s', u.entry_id, g.entry_id) FROM members m LEFT JOIN users u ON u.id = m.user LEFT JOIN groups g ON g.id = m.grp" \
        " UNION ALL SELECT printf('child %s %s', c.entry_id, p.entry_id) FROM children m LEFT JOIN groups c ON c.id = m.child LEFT JOIN groups p ON p.id = m.parent"

/* Everything in a store but the numbers of its rows. */
#define EVERYTHING \
        "SELECT printf('user %s %s %s %s %d %d %s', entry_id, name, dn, display_name, gid, active, coalesce(primary_group_sid, '')) FROM users" \
        " UNION ALL SELECT printf('group %s %s %s %s %d %s', entry_id, name, coalesce(dn, ''), description, gid, coalesce(sid, '')) FROM groups" \
        " UNION ALL SELECT printf('member %s %s', u.entry_id, g.entry_id) FROM members m LEFT JOIN users u ON u.id = m.user LEFT JOIN groups g ON g.id = m.grp" \
        " UNION ALL SELECT printf('child %s %s', c.entry_id, p.entry_id) FROM children m LEFT JOIN groups c ON c.id = m.child LEFT JOIN groups p ON p.id = m.parent" \
        " UNION ALL SELECT printf('stray %s %d %s', coalesce(g.entry_id, '?'), s.hash, s.key) FROM strays s LEFT JOIN groups g ON g.id = s.grp" \
        " UNION ALL SELECT printf('hash %s %d', entry_id, dn_hash) FROM users UNION ALL SELECT printf('hash %s %d', entry_id, dn_hash) FROM groups"

static char *content_of(const char *folder, const char *name, const char *sql) {
        char path[128];
        sqlite3 *handle = NULL;
        sqlite3_stmt *statement = NULL;
        char **lines = NULL;
        size_t count = 0;
        (void)snprintf(path, sizeof path, "%s/%s.db", folder, name);
        assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, "unix"), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW) {
                lines = reallocarray(lines, count + 1, sizeof *lines);
                assert_non_null(lines);
                lines[count++] = strdup((const char *)sqlite3_column_text(statement, 0));
        }
        assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
        sqlite3_close(handle);
        return join(lines, count);
}

/* What the world would be, by the model alone. */
static char *content_of_world(const struct world *world) {
        char **lines = calloc(USERS * GROUPS + GROUPS * GROUPS + 2 * USERS + 2 * GROUPS + GROUPS * VALUES + 1, sizeof *lines), key[SYNC_KEY_MAX + 1];
        struct texts texts, others;
        size_t count = 0;
        for (size_t u = 0; u < USERS; u++) {
                const struct entry *user = &world->users[u];
                user_texts(user, &texts);
                if (!user->there)
                        continue;
                bool hashed = world->references == SYNC_REFERENCES_DN && sync_key(SYNC_REFERENCES_DN, texts.dn, NULL, key) == 0;
                assert_true(asprintf(&lines[count++], "user %s %s %s %s %u %d %s", texts.id, texts.name, texts.dn, texts.more, user->gid, user->more % 5 != 0, texts.sid) > 0);
                assert_true(asprintf(&lines[count++], "hash %s %lld", texts.id, hashed ? (long long)sync_key_hash(key) : 0) > 0);
        }
        for (size_t g = 0; g < GROUPS; g++) {
                const struct entry *group = &world->groups[g];
                group_texts(group, &texts);
                if (!group->there)
                        continue;
                bool hashed = world->references == SYNC_REFERENCES_DN && sync_key(SYNC_REFERENCES_DN, texts.dn, NULL, key) == 0;
                assert_true(asprintf(&lines[count++], "group %s %s %s %s %u %s", texts.id, texts.name, texts.dn, texts.more, group->gid, texts.sid) > 0);
                assert_true(asprintf(&lines[count++], "hash %s %lld", texts.id, hashed ? (long long)sync_key_hash(key) : 0) > 0);
                for (size_t u = 0; u < USERS; u++) {
                        user_texts(&world->users[u], &others);
                        if (is_member(world, u, g))
                                assert_true(asprintf(&lines[count++], "member %s %s", others.id, texts.id) > 0);
                }
                for (size_t c = 0; c < GROUPS; c++) {
                        group_texts(&world->groups[c], &others);
                        if (is_child(world, c, g))
                                assert_true(asprintf(&lines[count++], "child %s %s", others.id, texts.id) > 0);
                }
                for (size_t i = 0; i < group->value_count; i++) {
                        value_key(world, group->values[i], key);
                        if (is_stray(world, group, group->values[i]))
                                assert_true(asprintf(&lines[count++], "stray %s %lld %s", texts.id, (long long)sync_key_hash(key), key) > 0);
                }
        }
        return join(lines, count);
}

/* ---- The store under test ---- */

/* followed: what somebody has who read the store once and then followed it. */
struct fixture { char folder[64]; struct store *store; struct replica *followed; };

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof *fixture);
        help_folder(fixture->folder, sizeof fixture->folder);
        *state = fixture;
        return store_open(fixture->folder, "corp", DIRECTORY_LDAP, STORE_READ_WRITE, &fixture->store);
}

static int teardown(void **state) {
        struct fixture *fixture = *state;
        store_close(fixture->store);
        replica_free(fixture->followed);
        help_remove_folder(fixture->folder);
        free(fixture);
        return 0;
}

static uint64_t revision_of(struct store *store) {
        uint64_t revision;
        assert_int_equal(store_revision(store, &revision), 0);
        return revision;
}

static void expect_followed(struct fixture *fixture, struct replica *replica, const struct store_sync_changes *changes, uint64_t now_s) {
        struct name_map names = { 0 };
        struct arena arena = { 0 };
        struct replica *loaded = NULL;
        if (replica) {
                replica_free(fixture->followed);
                fixture->followed = replica;
        } else if (changes->content)
                assert_int_equal(store_follow(fixture->store, fixture->followed, &names, &arena), 0);
        else
                fixture->followed->synchronised_s = now_s;
        name_map_done(&names);
        arena_done(&arena);
        assert_int_equal(store_load(fixture->store, &loaded), 0);
        assert_int_equal(loaded->synchronised_s, now_s);
        assert_true(fixture->followed->revision == loaded->revision && fixture->followed->synchronised_s == now_s);
        const char *differs = compare_replicas(fixture->followed, loaded);
        if (differs)
                fail_msg("who follows the store: %s", differs);
        assert_true(changes->users == loaded->user_count && changes->groups == loaded->group_count);
        replica_free(loaded);
}

/* 0, or why not; then nothing has changed. */
static int take_in(struct fixture *fixture, struct store_sync *sync, uint64_t now_s, struct store_sync_changes *changes) {
        struct replica *replica = NULL;
        uint64_t before = revision_of(fixture->store);
        int r = store_sync_prepare(sync, fixture->store, changes);
        if (r == 0)
                r = store_sync_commit(sync, now_s, &replica);
        assert_true(r == 0 || (!replica && *store_sync_error(sync)));
        assert_int_equal(revision_of(fixture->store), before + (r == 0 && changes->content));
        if (r == 0)
                expect_followed(fixture, replica, changes, now_s);
        return r;
}

static void expect_cookie(struct fixture *fixture, uint64_t basis, const char *wanted) {
        char cookie[SYNC_COOKIE_MAX + 1];
        uint64_t full_s;
        bool unsettled;
        assert_int_equal(store_cookie(fixture->store, basis, cookie, &full_s, &unsettled), 0);
        assert_string_equal(cookie, wanted);
}

static void full(struct fixture *fixture, struct world *world, const char *cookie, struct store_sync_changes *changes) {
        struct store_sync *sync = store_sync_new();
        settle(world);
        send_full(world, store_sync_sink(sync), cookie);
        assert_int_equal(take_in(fixture, sync, 1000, changes), 0);
        store_sync_free(sync);
        expect_cookie(fixture, 0, cookie);
}

/* Both are sorted. The store may have strays that the server has taken away with somebody whom we did not see. */
static bool same_but_strays(const char *is, const char *wanted) {
        size_t len;
        while (*is && (len = strcspn(is, "\n") + 1) > 0) {
                bool same = strncmp(is, wanted, len) == 0;
                if (!same && strncmp(is, "stray ", 6) != 0)
                        return false;
                is += len;
                wanted += same ? len : 0;
        }
        return !*wanted;
}

static void expect_world(struct fixture *fixture, const struct world *world, unsigned seed, unsigned step) {
        char *is = content_of(fixture->folder, "corp", EVERYTHING), *wanted = content_of_world(world);
        if (world->hides ? !same_but_strays(is, wanted) : strcmp(is, wanted) != 0) {
                (void)fprintf(stderr, "---- the store:\n%s---- the world:\n%s----\n", is, wanted);
                fail_msg("references %d, nested %d, seed %u, step %u", world->references, world->nested, seed, step);
        }
        free(is);
        free(wanted);
}

/* Entries are as they are; nobody has a membership that the world does not give. */
static void expect_no_more(struct fixture *fixture, const struct world *world, unsigned seed, unsigned step) {
        char *is = content_of(fixture->folder, "corp", VISIBLE), *wanted = content_of_world(world), *lines = NULL, *rest = NULL;
        assert_true(asprintf(&lines, "\n%s", wanted) > 0);
        for (char *line = strtok_r(is, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                char *whole = NULL;
                assert_true(asprintf(&whole, "\n%s\n", line) > 0);
                if ((strncmp(line, "member ", 7) == 0 || strncmp(line, "child ", 6) == 0) && !strstr(lines, whole))
                        fail_msg("seed %u, step %u: %s", seed, step, line);
                free(whole);
        }
        free(lines);
        free(is);
        free(wanted);
}

/* Some changes, and the delta of them. */
static void change_and_send(struct world *world, unsigned count, const struct sync_sink *sink, const char *from, const char *cookie) {
        struct world before = *world;
        bool sweep = !world->silent && next_random(world, 3) == 0;
        const struct sync_begin begin = { .delta = true, .references = world->references, .nested = world->nested, .linked = world->linked, .from = from, .sweep_users = sweep,
                                          .sweep_groups = sweep };
        assert_int_equal(sink->begin(sink->userdata, &begin), 0);
        for (; count > 0; count--) {
                (next_random(world, 2) ? change_group : change_user)(world);
                if (!world->silent)
                        continue;
                send_changes(world, &before, sink, false);
                before = *world;
        }
        if (!world->silent)
                send_changes(world, &before, sink, sweep);
        assert_int_equal(sink->end(sink->userdata, cookie), 0);
}

struct tally { unsigned deltas, stale, quiet, unsettled; };

/* One world, changed step by step. */
static void live(struct fixture *fixture, const struct world *kind, unsigned seed, struct tally *tally) {
        struct world world = *kind;
        world.seed = seed;
        world.next_id = 1;
        struct store_sync_changes changes;
        char cookie[32], from[32] = "c0";
        bool owed = false; /* a full run, after a delta that left something open */
        for (size_t i = 0; i < 40; i++)
                (i % 2 ? change_group : change_user)(&world);
        full(fixture, &world, from, &changes);
        expect_world(fixture, &world, seed, 0);
        for (unsigned step = 1; step <= 60; step++) {
                struct world before = world;
                unsigned count = next_random(&world, 5);
                struct store_sync *sync = store_sync_new();
                char *visible = content_of(fixture->folder, "corp", VISIBLE);
                (void)snprintf(cookie, sizeof cookie, "c%u", step);
                change_and_send(&world, count, store_sync_sink(sync), from, cookie);
                int r = take_in(fixture, sync, 1000 + step, &changes);
                assert_true(r == 0 || r == -ESTALE);
                store_sync_free(sync);
                tally->deltas++;
                tally->stale += r == -ESTALE;
                tally->quiet += r == 0 && !changes.content;
                expect_cookie(fixture, 0, r == 0 ? cookie : from);
                if (r < 0) {
                        if (!owed)
                                expect_world(fixture, &before, seed, step);
                        full(fixture, &world, cookie, &changes);
                }
                char *visible_now = content_of(fixture->folder, "corp", VISIBLE);
                assert_int_equal(changes.content, strcmp(visible, visible_now) != 0);
                bool unsettled = r == 0 && changes.unsettled;
                tally->unsettled += unsettled;
                if (unsettled)
                        expect_no_more(fixture, &world, seed, step);
                /* The full run may come a few deltas later. */
                if (unsettled && next_random(&world, 3) == 0)
                        full(fixture, &world, cookie, &changes), owed = false;
                else
                        assert_true(r < 0 || unsettled || !owed), owed = unsettled;
                if (owed)
                        expect_no_more(fixture, &world, seed, step);
                else
                        expect_world(fixture, &world, seed, step);
                memcpy(from, cookie, sizeof from);
                free(visible);
                free(visible_now);
                /* A full run now and then finds nothing to do. */
                if (step % 20 == 0) {
                        full(fixture, &world, cookie, &changes);
                        assert_true(owed || !changes.content);
                        expect_world(fixture, &world, seed, step);
                        owed = false;
                }
        }
}

static void run_worlds(void **state, const struct world *kind, unsigned stale_percent) {
        const char *seeds = getenv("SEEDS");
        unsigned count = seeds ? (unsigned)strtoul(seeds, NULL, 10) : 60;
        struct tally tally = { 0 };
        for (unsigned seed = 1; seed <= count; seed++)
                live(*state, kind, seed, &tally);
        print_message("%u deltas, %u of them to be read in full, %u that left something open, %u without content\n", tally.deltas, tally.stale, tally.unsettled, tally.quiet);
        /* Who has a DN that others' values do not follow. */
        assert_int_equal(tally.unsettled > 0, kind->references == SYNC_REFERENCES_DN && !kind->linked);
        assert_true(tally.stale * 100 <= stale_percent * tally.deltas && tally.quiet > 0);
}

static void by_dn(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .nested = true }, 0); }
static void by_dn_flat(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN }, 0); }
static void by_linked_dn(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .nested = true, .linked = true }, 5); }
static void by_silent_dn(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .nested = true, .silent = true }, 0); }
static void by_silent_dn_flat(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .silent = true }, 0); }
static void by_hidden_dn(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .nested = true, .silent = true, .hides = true }, 0); }
static void by_hidden_dn_flat(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .silent = true, .hides = true }, 0); }
static void by_name(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_NAME }, 60); }

/* Seconds of the processor for a run of users, and groups that name nobody. */
static double crowd(struct fixture *fixture, const char *from, const char *cookie, unsigned users, unsigned groups) {
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        struct store_sync *sync = store_sync_new();
        const struct sync_sink *sink = store_sync_sink(sync);
        char id[32], dn[48];
        clock_t start = clock();
        assert_int_equal(sink->begin(sink->userdata, &(struct sync_begin){ .delta = from, .references = SYNC_REFERENCES_DN, .nested = true, .from = from }), 0);
        for (unsigned i = 0; i < users; i++) {
                (void)snprintf(id, sizeof id, "u%u", i);
                (void)snprintf(dn, sizeof dn, "cn=u%u,dc=x", i);
                assert_int_equal(sink->user(sink->userdata, &(struct sync_user){ .name = id, .entry_id = id, .dn = dn, .display_name = cookie, .active = true }), 0);
        }
        for (unsigned i = 0; i < groups; i++) {
                (void)snprintf(id, sizeof id, "g%u", i);
                (void)snprintf(dn, sizeof dn, "cn=g%u,dc=x", i);
                assert_int_equal(sink->group(sink->userdata, &(struct sync_group){ .name = id, .entry_id = id, .dn = dn, .description = cookie, .active = true }), 0);
        }
        assert_int_equal(sink->end(sink->userdata, cookie), 0);
        assert_int_equal(store_sync_prepare(sync, fixture->store, &changes), 0);
        assert_int_equal(store_sync_commit(sync, 1000, &replica), 0);
        replica_free(replica);
        store_sync_free(sync);
        return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* Everybody and every group in one delta: no group is held against each user. */
static void all_at_once(void **state) {
        struct fixture *fixture = *state;
        enum { MANY_USERS = 60000, MANY_GROUPS = 20000 };
        (void)crowd(fixture, NULL, "one", MANY_USERS, MANY_GROUPS);
        double alone = crowd(fixture, "one", "two", MANY_USERS, 0), both = crowd(fixture, "two", "three", MANY_USERS, MANY_GROUPS);
        if (both > 2 * alone + 0.2)
                fail_msg("%.2f s, of users alone %.2f s", both, alone);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(by_dn, setup, teardown), cmocka_unit_test_setup_teardown(by_dn_flat, setup, teardown),
                cmocka_unit_test_setup_teardown(by_linked_dn, setup, teardown), cmocka_unit_test_setup_teardown(by_silent_dn, setup, teardown),
                cmocka_unit_test_setup_teardown(by_silent_dn_flat, setup, teardown), cmocka_unit_test_setup_teardown(by_name, setup, teardown),
                cmocka_unit_test_setup_teardown(by_hidden_dn, setup, teardown), cmocka_unit_test_setup_teardown(by_hidden_dn_flat, setup, teardown),
                cmocka_unit_test_setup_teardown(all_at_once, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
