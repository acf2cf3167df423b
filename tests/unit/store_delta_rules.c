/* Deltas, case by case: what makes a full run necessary, whose word is the last, what is counted as lost (D5), which rows were touched, and who is found when many
 * change at once.
 * Relies on: cmocka, replica/store_sync.
 * Must never: leave a folder behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "model/sync_key.h"
#include "replica/store_sync.h"
#include "unit/store_fixture.h"

static int setup(void **state) {
        return fixture_new(state, "corp", DIRECTORY_LDAP);
}

/* ---- Runs as words, in the order in which they are sent ----
 *   +user:ID:NAME[:DN]   +group:ID:NAME[:DN]   =VALUE (of the group before)   -user:ID   -group:ID   !user:ID, !group:ID (present)
 * An entry's DN is its name unless it is said. */

static void take_word(const char *word, char fields[4][32]) {
        memset(fields, 0, 4 * sizeof *fields);
        for (size_t i = 0; i < 4 && *word; i++) {
                size_t len = strcspn(word, ":");
                assert_true(len < sizeof fields[i]);
                memcpy(fields[i], word, len);
                word += len + (word[len] == ':');
        }
}

static void make_key(const char *name, char key[SYNC_KEY_MAX + 1]) {
        char dn[64];
        (void)snprintf(dn, sizeof dn, "cn=%s,dc=x", name);
        assert_int_equal(sync_key(SYNC_REFERENCES_DN, dn, NULL, key), 0);
}

static int send_entry(const struct sync_sink *sink, const char fields[4][32], bool is_user, bool fresh) {
        char dn[64];
        (void)snprintf(dn, sizeof dn, "cn=%s,dc=x", *fields[3] ? fields[3] : fields[2]);
        const struct sync_user user = { .name = fields[2], .entry_id = fields[1], .dn = dn, .active = true, .fresh = fresh };
        const struct sync_group group = { .name = fields[2], .entry_id = fields[1], .dn = dn, .active = true, .fresh = fresh };
        return is_user ? sink->user(sink->userdata, &user) : sink->group(sink->userdata, &group);
}

/* The first error of the sink. */
static int send_words(const struct sync_sink *sink, const char *words, bool fresh) {
        _cleanup_free_ char *copy = strdup(words);
        char *rest = NULL;
        int r = 0;
        for (char *word = strtok_r(copy, " ", &rest); r == 0 && word; word = strtok_r(NULL, " ", &rest)) {
                char fields[4][32], key[SYNC_KEY_MAX + 1];
                take_word(word + 1, fields);
                bool is_user = strcmp(fields[0], "user") == 0;
                enum sync_kind kind = is_user ? SYNC_KIND_USER : SYNC_KIND_GROUP;
                switch (word[0]) {
                case '+': r = send_entry(sink, (const char (*)[32])fields, is_user, fresh); break;
                case '=': make_key(word + 1, key); r = sink->reference(sink->userdata, key); break;
                case '-': r = sink->gone(sink->userdata, kind, fields[1]); break;
                default: r = sink->present(sink->userdata, kind, fields[1]); break;
                }
        }
        return r;
}

#define BEGIN { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "one" }

/* anna and bert are in ops, night is in ops, and so is carl, who is no entry here; dora is in nothing. */
static void fill(struct fixture *fixture, const char *cookie) {
        struct store_sync_changes changes;
        struct replica *replica = NULL;
        struct store_sync *sync = store_sync_new();
        const struct sync_sink *sink = store_sync_sink(sync);
        char key[SYNC_KEY_MAX + 1];
        make_key("carl", key);
        store_sync_basis(sync, 7);
        assert_int_equal(sink->begin(sink->userdata, &(struct sync_begin){ .references = SYNC_REFERENCES_DN, .nested = true }), 0);
        assert_int_equal(send_words(sink, "+user:1:anna +user:2:bert +user:4:dora +group:a:ops +group:b:night", false), 0);
        assert_int_equal(sink->member(sink->userdata, 0, 0) | sink->member(sink->userdata, 1, 0) | sink->child(sink->userdata, 1, 0), 0);
        assert_int_equal(sink->stray(sink->userdata, 0, key) | sink->end(sink->userdata, cookie), 0);
        assert_int_equal(store_sync_prepare(sync, fixture->store, &changes), 0);
        assert_int_equal(store_sync_commit(sync, 1000, &replica), 0);
        replica_free(replica);
        store_sync_free(sync);
}

static void content(struct fixture *fixture, char *text, size_t size) {
        struct replica *replica = NULL;
        char users[2048], edges[2048];
        assert_int_equal(store_load(fixture->store, &replica), 0);
        help_users(replica, users, sizeof users);
        help_edges(replica, edges, sizeof edges);
        (void)snprintf(text, size, "%s | %s", users, edges);
        replica_free(replica);
}

/* 0 and the changes, or why not. */
static int apply(struct fixture *fixture, const struct sync_begin *begin, const char *words, uint64_t basis, bool fresh, struct store_sync_changes *changes) {
        struct replica *replica = NULL;
        struct store_sync *sync = store_sync_new();
        const struct sync_sink *sink = store_sync_sink(sync);
        store_sync_basis(sync, basis);
        int r = sink->begin(sink->userdata, begin);
        if (r == 0)
                r = send_words(sink, words, fresh);
        if (r == 0)
                r = sink->end(sink->userdata, "two");
        if (r == 0)
                r = store_sync_prepare(sync, fixture->store, changes);
        if (r == 0)
                r = store_sync_commit(sync, 2000, &replica);
        assert_true(r == 0 || *store_sync_error(sync));
        replica_free(replica);
        store_sync_free(sync);
        return r;
}

/* ---- ---- */

#define SAME "anna:1:1 bert:2:1 dora:4:1 | anna>ops bert>ops night>>ops"

static const struct {
        const char *what;
        struct sync_begin begin;
        const char *words;
        int result;
        const char *content;
} rows[] = {
        { "nothing", BEGIN, "", 0, SAME },
        { "nothing new", BEGIN, "+user:1:anna +group:a:ops =anna =bert =night =carl", 0, SAME },
        { "whom a value named all the time", BEGIN, "+user:3:carl", 0, "anna:1:1 bert:2:1 carl:3:1 dora:4:1 | anna>ops bert>ops night>>ops" },
        { "... and the group told after", BEGIN, "+user:3:carl +group:a:ops =anna =bert =carl =night", 0,
          "anna:1:1 bert:2:1 carl:3:1 dora:4:1 | anna>ops bert>ops night>>ops" },
        { "new, and the group told before", BEGIN, "+group:a:ops =anna =bert =emma =night +user:9:emma", 0,
          "anna:1:1 bert:2:1 dora:4:1 emma:9:1 | anna>ops bert>ops night>>ops" },
        { "new, and the group told after", BEGIN, "+user:9:emma +group:a:ops =anna =bert =emma =night", 0,
          "anna:1:1 bert:2:1 dora:4:1 emma:9:1 | anna>ops bert>ops emma>ops night>>ops" },
        { "... and the user told again", BEGIN, "+user:9:emma +group:a:ops =emma +user:9:emma", 0, "anna:1:1 bert:2:1 dora:4:1 emma:9:1 | emma>ops" },
        { "... made anew after that", BEGIN, "+user:9:emma +group:a:ops =emma =anna -user:9 +user:9:emma", 0, "anna:1:1 bert:2:1 dora:4:1 emma:9:1 | anna>ops" },
        { "... and the group told again", BEGIN, "+group:a:ops =emma +user:9:emma +group:a:ops =emma", 0, "anna:1:1 bert:2:1 dora:4:1 emma:9:1 | emma>ops" },
        { "a new user in a new group, told after", BEGIN, "+user:9:emma +group:c:late =emma =carl +user:3:carl", 0,
          "anna:1:1 bert:2:1 carl:3:1 dora:4:1 emma:9:1 | anna>ops bert>ops emma>late night>>ops" },
        { "a group that a value named all the time", BEGIN, "+group:c:carl", 0, SAME },
        { "a new group, and its parent told before", BEGIN, "+group:a:ops =anna =bert =late =night +group:c:late", 0, SAME },
        { "a new group, and its parent told after", BEGIN, "+group:c:late +group:a:ops =anna =bert =late =night", 0,
          "anna:1:1 bert:2:1 dora:4:1 | anna>ops bert>ops late>>ops night>>ops" },
        { "... and itself told again after that", BEGIN, "+group:c:late +group:a:ops =anna =bert =late =night +group:c:late =anna", 0,
          "anna:1:1 bert:2:1 dora:4:1 | anna>late anna>ops bert>ops late>>ops night>>ops" },
        { "moved away from a value", BEGIN, "+user:1:anna:elsewhere", 0, "anna:1:1 bert:2:1 dora:4:1 | bert>ops night>>ops" },
        { "moved to a value", BEGIN, "+user:4:dora:carl", 0, SAME },
        { "renamed in place", BEGIN, "+user:1:ann:anna", 0, "ann:1:1 bert:2:1 dora:4:1 | ann>ops bert>ops night>>ops" },
        { "two in each other's places", BEGIN, "+user:1:anna:dora +user:4:dora:anna", 0, "anna:1:1 bert:2:1 dora:4:1 | bert>ops night>>ops" },
        { "gone", BEGIN, "-user:1 -group:b", 0, "bert:2:1 dora:4:1 | bert>ops" },
        { "gone who never was", BEGIN, "-user:99 -group:99", 0, SAME },
        { "made anew", BEGIN, "-user:1 +user:9:anna", 0, "anna:9:1 bert:2:1 dora:4:1 | bert>ops night>>ops" },
        { "the last word: gone", BEGIN, "+user:3:carl -user:3", 0, SAME },
        { "the last word: here", BEGIN, "-user:1 +user:1:anna", 0, SAME },
        { "the last word: another name", BEGIN, "+user:4:x +user:4:y", 0, "anna:1:1 bert:2:1 y:4:1 | anna>ops bert>ops night>>ops" },
        { "the last word: other values", BEGIN, "+group:a:ops =dora +group:a:ops =anna", 0, "anna:1:1 bert:2:1 dora:4:1 | anna>ops" },
        { "the last word: as it was", BEGIN, "-user:1 !user:1", 0, SAME },
        { "present as it came", BEGIN, "+user:4:x !user:4", 0, "anna:1:1 bert:2:1 x:4:1 | anna>ops bert>ops night>>ops" },
        { "a value twice", BEGIN, "+group:a:ops =dora =dora", 0, "anna:1:1 bert:2:1 dora:4:1 | dora>ops" },
        { "itself", BEGIN, "+group:a:ops =ops", 0, "anna:1:1 bert:2:1 dora:4:1 | " },
        { "a user and a group change places", BEGIN, "+group:b:night:anna +user:1:anna:night", 0, "anna:1:1 bert:2:1 dora:4:1 | bert>ops" },
        { "... and the group that has them is told, too", BEGIN, "+group:b:night:anna +user:1:anna:night +group:a:ops =anna =bert =night =carl", 0,
          "anna:1:1 bert:2:1 dora:4:1 | bert>ops" },
        { "gone, and the group told", BEGIN, "+group:a:ops =anna =bert =dora =night -user:1", 0, "bert:2:1 dora:4:1 | bert>ops dora>ops night>>ops" },
        { "... after it", BEGIN, "-user:1 +group:a:ops =anna =bert =dora =night", 0, "bert:2:1 dora:4:1 | bert>ops dora>ops night>>ops" },
        { "made anew, and the group told", BEGIN, "+group:a:ops =anna =bert =night -user:1 +user:9:anna", 0, "anna:9:1 bert:2:1 dora:4:1 | bert>ops night>>ops" },
        { "moved, and the group told before", BEGIN, "+group:a:ops =anna =bert =night +user:1:anna:away", 0, "anna:1:1 bert:2:1 dora:4:1 | bert>ops night>>ops" },
        { "moved, and the group told after", BEGIN, "+user:1:anna:away +group:a:ops =away =bert =night", 0, SAME },
        { "a child moved, and the group told before", BEGIN, "+group:a:ops =anna =bert =night +group:b:night:away", 0, "anna:1:1 bert:2:1 dora:4:1 | anna>ops bert>ops" },
        { "twice moved, and the group told in between", BEGIN, "+user:1:anna:x +group:a:ops =x =bert =night +user:1:anna:y", 0,
          "anna:1:1 bert:2:1 dora:4:1 | bert>ops night>>ops" },
        { "for a moment where a value was, and another one comes", BEGIN, "+user:4:dora:carl +user:4:dora:y +user:9:new:carl", 0,
          "anna:1:1 bert:2:1 dora:4:1 new:9:1 | anna>ops bert>ops night>>ops" },
        { "a user becomes a group", BEGIN, "-user:1 +group:1:annas:anna", 0, "bert:2:1 dora:4:1 | bert>ops night>>ops" },
        { "a sweep", { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "one", .sweep_users = true }, "!user:1 +user:3:carl", 0,
          "anna:1:1 carl:3:1 | anna>ops night>>ops" },
        { "a sweep of groups", { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "one", .sweep_groups = true }, "!group:b", 0,
          "anna:1:1 bert:2:1 dora:4:1 | " },
        { "a sweep that names a stranger", { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "one", .sweep_users = true },
          "!user:1 !user:2 !user:4 !user:9", -ESTALE, NULL },
        { "a stranger who was left out", { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "one", .sweep_users = true, .unknown_ok = true },
          "!user:1 !user:2 !user:4 !user:9", 0, SAME },
        { "from elsewhere", { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "two" }, "", -ESTALE, NULL },
        { "flat now", { .delta = true, .references = SYNC_REFERENCES_DN, .from = "one" }, "", -ESTALE, NULL },
        { "by name now", { .delta = true, .references = SYNC_REFERENCES_NAME, .from = "one" }, "", -ESTALE, NULL },
        { "two of one DN", BEGIN, "+user:9:x:anna", -ESTALE, NULL },
        { "a user and a group of one DN", BEGIN, "+group:9:x:anna", -ESTALE, NULL },
        { "two new ones of one DN", BEGIN, "+user:8:x:new +user:9:y:new", -ESTALE, NULL },
};

static void cases(void **state) {
        struct fixture *fixture = *state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct store_sync_changes changes;
                char before[512], after[512], cookie[SYNC_COOKIE_MAX + 1];
                uint64_t full_s;
                bool unsettled;
                fill(fixture, "one");
                content(fixture, before, sizeof before);
                int r = apply(fixture, &rows[i].begin, rows[i].words, 7, false, &changes);
                content(fixture, after, sizeof after);
                if (r != rows[i].result || strcmp(after, rows[i].content ? rows[i].content : before) != 0)
                        fail_msg("%s: %d, %s", rows[i].what, r, after);
                assert_int_equal(store_cookie(fixture->store, 7, cookie, &full_s, &unsettled), 0);
                assert_string_equal(cookie, r == 0 ? "two" : "one");
                assert_int_equal(full_s, 1000);
        }
}

/* A cookie is worth nothing by other settings, after a run without one, and in a store that has had no complete replica. */
static void other_settings(void **state) {
        struct fixture *fixture = *state;
        struct store_sync_changes changes;
        char cookie[SYNC_COOKIE_MAX + 1];
        uint64_t full_s;
        bool unsettled;
        const struct sync_begin begin = BEGIN;
        assert_int_equal(apply(fixture, &begin, "", 7, false, &changes), -ESTALE);
        fill(fixture, "one");
        assert_int_equal(apply(fixture, &begin, "", 8, false, &changes), -ESTALE);
        assert_int_equal(store_cookie(fixture->store, 8, cookie, &full_s, &unsettled), 0);
        assert_string_equal(cookie, "");
        assert_int_equal(apply(fixture, &begin, "", 7, false, &changes), 0);
        fill(fixture, "");
        assert_int_equal(apply(fixture, &begin, "", 7, false, &changes), -ESTALE);
        fill(fixture, "one");
        assert_int_equal(apply(fixture, &begin, "", 7, false, &changes), 0);
}

/* Where values follow their entries: what moved unseen is never guessed at. */
static void linked(void **state) {
        struct fixture *fixture = *state;
        static const struct { const char *what, *words; bool fresh; int result; const char *content; } cases_of[] = {
                { "moved: the memberships come along", "+user:1:anna:elsewhere +group:b:night:there", false, 0, SAME },
                { "gone with its memberships, and another in its place", "-user:1 +user:9:anna", true, 0, "anna:9:1 bert:2:1 dora:4:1 | bert>ops night>>ops" },
                { "new and fresh", "+user:9:emma", true, 0, "anna:1:1 bert:2:1 dora:4:1 emma:9:1 | anna>ops bert>ops night>>ops" },
                { "new from elsewhere", "+user:9:emma", false, -ESTALE, NULL },
                { "a group from elsewhere", "+group:9:all", false, -ESTALE, NULL },
                { "fresh where a value named another one", "+user:9:carl", true, -ESTALE, NULL },
                { "moved to where a value named another one", "+user:4:dora:carl", false, -ESTALE, NULL },
                { "fresh, and the group has said so", "+user:9:carl +group:a:ops =carl", true, 0, "anna:1:1 bert:2:1 carl:9:1 dora:4:1 | carl>ops" },
                { "known to be there", "+user:1:anna", false, 0, SAME },
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases_of); i++) {
                struct store_sync_changes changes;
                char before[512], after[512];
                struct sync_begin begin = BEGIN;
                begin.linked = true;
                fill(fixture, "one");
                content(fixture, before, sizeof before);
                int r = apply(fixture, &begin, cases_of[i].words, 7, cases_of[i].fresh, &changes);
                content(fixture, after, sizeof after);
                if (r != cases_of[i].result || strcmp(after, cases_of[i].content ? cases_of[i].content : before) != 0)
                        fail_msg("%s: %d, %s", cases_of[i].what, r, after);
        }
}

/* D5: an entry is lost when neither its id nor its name is there; memberships where both sides stay. */
static void losses(void **state) {
        struct fixture *fixture = *state;
        static const struct { const char *words; struct store_sync_changes wanted; } cases_of[] = {
                { "", { .users = 3, .groups = 2, .old_users = 3, .old_groups = 2 } },
                { "-user:1", { .content = true, .users = 2, .groups = 2, .old_users = 3, .old_groups = 2, .lost_users = 1 } },
                { "-user:1 +user:9:Anna", { .content = true, .users = 3, .groups = 2, .old_users = 3, .old_groups = 2 } },
                { "+user:1:ann:anna", { .content = true, .users = 3, .groups = 2, .old_users = 3, .old_groups = 2 } },
                { "-group:a", { .content = true, .users = 3, .groups = 1, .old_users = 3, .old_groups = 2, .lost_groups = 1 } },
                { "+group:a:ops =anna", { .content = true, .users = 3, .groups = 2, .old_users = 3, .old_groups = 2, .old_memberships = 3, .lost_memberships = 2 } },
                { "+user:1:anna:away", { .content = true, .users = 3, .groups = 2, .old_users = 3, .old_groups = 2, .old_memberships = 3, .lost_memberships = 1 } },
                { "+user:9:new", { .content = true, .users = 4, .groups = 2, .old_users = 3, .old_groups = 2 } },
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases_of); i++) {
                struct store_sync_changes changes, wanted = cases_of[i].wanted;
                const struct sync_begin begin = BEGIN;
                fill(fixture, "one");
                assert_int_equal(apply(fixture, &begin, cases_of[i].words, 7, false, &changes), 0);
                if (changes.content != wanted.content || changes.users != wanted.users || changes.groups != wanted.groups || changes.old_users != wanted.old_users ||
                    changes.old_groups != wanted.old_groups || changes.lost_users != wanted.lost_users || changes.lost_groups != wanted.lost_groups ||
                    changes.lost_memberships != wanted.lost_memberships || (wanted.lost_memberships > 0 && changes.old_memberships != wanted.old_memberships) ||
                    !changes.delta || !changes.had_replica)
                        fail_msg("\"%s\": users %u of %u, groups %u of %u, lost %u %u %llu of %llu", cases_of[i].words, changes.users, changes.old_users, changes.groups,
                                 changes.old_groups, changes.lost_users, changes.lost_groups, (unsigned long long)changes.lost_memberships,
                                 (unsigned long long)changes.old_memberships);
        }
}

/* What can be followed row by row is not loaded: users and who is in which group; not what groups are, and are in. */
static void touched(void **state) {
        struct fixture *fixture = *state;
        static const struct { const char *words; bool content, loaded; } cases_of[] = {
                { "", false, false }, { "+user:1:anna", false, false }, { "+user:4:x", true, false }, { "-user:1", true, false }, { "+user:9:carl", true, false },
                { "+group:a:ops =anna =bert =night", false, false }, { "+group:a:ops =anna =night =dora", true, false }, { "+group:a:ops =anna =bert", true, true },
                { "+group:a:others =anna =bert =night", true, true }, { "+group:z:new", true, true }, { "-group:a", true, true },
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases_of); i++) {
                struct store_sync_changes changes;
                struct replica *replica = NULL;
                const struct sync_begin begin = BEGIN;
                teardown(state);
                setup(state);
                fixture = *state;
                fill(fixture, "one");
                struct store_sync *sync = store_sync_new();
                const struct sync_sink *sink = store_sync_sink(sync);
                store_sync_basis(sync, 7);
                assert_int_equal(sink->begin(sink->userdata, &begin) | send_words(sink, cases_of[i].words, false) | sink->end(sink->userdata, "two"), 0);
                assert_int_equal(store_sync_prepare(sync, fixture->store, &changes), 0);
                assert_int_equal(store_sync_commit(sync, 2000, &replica), 0);
                if (changes.content != cases_of[i].content || (replica != NULL) != cases_of[i].loaded)
                        fail_msg("\"%s\": content %d, loaded %d", cases_of[i].words, changes.content, replica != NULL);
                replica_free(replica);
                store_sync_free(sync);
        }
}

/* More than are looked up one by one: 40 users of one group go, move, and come back. */
static void many(void **state) {
        struct fixture *fixture = *state;
        struct store_sync_changes changes;
        char words[4096], group_words[4096], wanted[4200], is[4200];
        const struct sync_begin begin = BEGIN, on = { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = "two" };
        fill(fixture, "one");
        size_t used = 0;
        for (unsigned i = 10; i < 50; i++)
                used += (size_t)snprintf(words + used, sizeof words - used, "+user:%u:u%u ", i, i);
        const char *group = group_words;
        size_t from = used;
        used += (size_t)snprintf(words + used, sizeof words - used, "+group:c:many");
        for (unsigned i = 10; i < 50; i++)
                used += (size_t)snprintf(words + used, sizeof words - used, " =u%u", i);
        assert_true(used < sizeof words);
        memcpy(group_words, words + from, used - from + 1);
        assert_int_equal(apply(fixture, &begin, words, 7, false, &changes), 0);
        content(fixture, wanted, sizeof wanted);
        assert_non_null(strstr(wanted, "u49>many"));
        for (unsigned round = 0; round < 3; round++) {
                used = 0;
                for (unsigned i = 10; i < 50; i++)
                        used += (size_t)snprintf(words + used, sizeof words - used, "%suser:%u:u%u%s%.*u ", round == 0 ? "-" : "+", i, i, round == 1 ? ":away" : "",
                                                 round == 1 ? 1 : 0, round == 1 ? i : 0);
                /* Who has come back is nobody's member before the group says so. */
                assert_int_equal(apply(fixture, &on, words, 7, false, &changes), 0);
                assert_true(changes.unsettled);
                if (round == 2)
                        assert_int_equal(apply(fixture, &on, group, 7, false, &changes), 0);
                content(fixture, is, sizeof is);
                if (round == 2)
                        assert_string_equal(is, wanted);
                else
                        assert_null(strstr(is, ">many"));
        }
}

/* A value that names nobody any more leaves something open until a full run, whoever asks. */
static void left_open(void **state) {
        struct fixture *fixture = *state;
        static const struct { const char *words; bool unsettled; } steps[] = {
                { "+user:1:anna:away +user:9:new", true }, { "+user:9:new:newer", true }, { "", true }, { NULL, false }, { "+user:9:new", false }, { "-user:1", true },
                { NULL, false }, { "+user:1:anna:away +group:a:ops =away =bert =night", false }, { "+group:a:ops =away =bert =night -user:1", true },
                { NULL, false }, { "+group:a:ops =anna =bert =night +group:b:night:far", true }, { NULL, false }, { "+user:3:carl -user:3", true },
                { NULL, false }, { "+user:3:carl", true }, { "+group:a:ops =anna =bert =carl =night", true }, { NULL, false }, { "+group:c:carl", true },
                { NULL, false }, { "+user:4:dora:carl", true }, { NULL, false }, { "+group:a:ops =anna =emma +user:9:emma", true },
                { NULL, false }, { "+user:9:emma +group:a:ops =anna =emma", false },
        };
        fill(fixture, "one");
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                struct store_sync_changes changes = { 0 };
                char from[SYNC_COOKIE_MAX + 1];
                uint64_t full_s;
                bool is;
                assert_int_equal(store_cookie(fixture->store, 7, from, &full_s, &is), 0);
                const struct sync_begin begin = { .delta = true, .references = SYNC_REFERENCES_DN, .nested = true, .from = from };
                if (steps[i].words)
                        assert_int_equal(apply(fixture, &begin, steps[i].words, 7, false, &changes), 0);
                else
                        fill(fixture, "two");
                assert_int_equal(store_cookie(fixture->store, 7, from, &full_s, &is), 0);
                store_close(fixture->store);
                assert_int_equal(store_open(fixture->folder, "corp", DIRECTORY_LDAP, STORE_READ_WRITE, &fixture->store), 0);
                bool again = false;
                assert_int_equal(store_cookie(fixture->store, 8, from, &full_s, &again), 0);
                if (changes.unsettled != steps[i].unsettled || is != steps[i].unsettled || again != is)
                        fail_msg("step %zu: %d %d %d", i, changes.unsettled, is, again);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(cases, setup, teardown), cmocka_unit_test_setup_teardown(other_settings, setup, teardown),
                cmocka_unit_test_setup_teardown(linked, setup, teardown), cmocka_unit_test_setup_teardown(left_open, setup, teardown),
                cmocka_unit_test_setup_teardown(losses, setup, teardown),
                cmocka_unit_test_setup_teardown(touched, setup, teardown), cmocka_unit_test_setup_teardown(many, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
