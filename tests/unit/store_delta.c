/* Deltas: after any sequence of changes the store is what a full run of the same world makes it, strays included; worlds and changes are made at random, and
 * the worlds are resolved by a model that knows nothing of deltas. A delta that cannot be applied exactly says so, and a full run follows.
 * Relies on: cmocka, replica/store_sync, SQLite (to look at strays).
 * Must never: depend on anything but the seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sqlite3.h>

#include "model/sync_key.h"
#include "replica/store_sync.h"
#include "unit/store_help.h"

/* ---- The world: what a server has ---- */

enum { USERS = 12, GROUPS = 8, VALUES = 14, NAMES = 16, SIDS = 6 };

struct entry {
        bool there;
        unsigned id, dn, name;     /* numbers; the texts are made of them */
        uint32_t gid;
        unsigned sid;              /* a user's primary group, a group's own; 0: none */
        unsigned more;             /* what says nothing of memberships */
        unsigned values[VALUES];   /* of groups: what they name; below 100: a user's DN or name, from 100 a group's DN */
        size_t value_count;
        unsigned version;          /* how often the server would say that it has changed */
};

struct world {
        enum sync_references references;
        bool nested, linked;       /* linked: values follow their entries, and their groups are not told of */
        struct entry users[USERS], groups[GROUPS];
        unsigned next_id, seed;
};

static unsigned next_random(struct world *world, unsigned below) {
        world->seed = world->seed * 1103515245u + 12345u;
        return (world->seed >> 16 & 0x7fff) % below;
}

struct texts { char id[32], dn[64], name[32], sid[32], more[32]; };

/* Spelled otherwise now and then: it is one name all the same. */
static void user_texts(const struct entry *entry, struct texts *texts) {
        (void)snprintf(texts->id, sizeof texts->id, "u%u", entry->id);
        (void)snprintf(texts->dn, sizeof texts->dn, entry->more % 2 ? "cn=u%u,dc=x" : "CN=U%u, DC=X", entry->dn);
        (void)snprintf(texts->name, sizeof texts->name, entry->more % 3 ? "u%u" : "U%u", entry->name);
        (void)snprintf(texts->sid, sizeof texts->sid, entry->sid ? "S-1-5-21-9-%u" : "", entry->sid);
        (void)snprintf(texts->more, sizeof texts->more, "%u", entry->more);
}

static void group_texts(const struct entry *entry, struct texts *texts) {
        user_texts(entry, texts);
        texts->id[0] = 'g';
        (void)snprintf(texts->dn, sizeof texts->dn, entry->more % 2 ? "cn=g%u,dc=x" : "CN=G%u, DC=X", entry->dn);
        (void)snprintf(texts->name, sizeof texts->name, "g%u", entry->name);
}

static struct sync_user sync_user_of(const struct entry *entry, const struct texts *texts) {
        return (struct sync_user){ .name = texts->name, .entry_id = texts->id, .dn = texts->dn, .display_name = texts->more, .primary_group_sid = texts->sid,
                                   .gid = entry->gid, .active = entry->more % 5 != 0, .fresh = true };
}

static struct sync_group sync_group_of(const struct entry *entry, const struct texts *texts) {
        return (struct sync_group){ .name = texts->name, .entry_id = texts->id, .dn = texts->dn, .description = texts->more, .sid = texts->sid,
                                    .gid = entry->gid, .active = true, .fresh = true };
}

/* A value's key, in the spelling that the values of this world have. */
static void value_key(const struct world *world, unsigned value, char key[SYNC_KEY_MAX + 1]) {
        char text[64];
        if (world->references == SYNC_REFERENCES_NAME)
                (void)snprintf(text, sizeof text, "U%u", value);
        else
                (void)snprintf(text, sizeof text, value < 100 ? "cn=u%u, dc=x" : "cn=g%u,dc=x", value < 100 ? value : value - 100);
        assert_int_equal(sync_key(world->references, text, text, key), 0);
}

/* ---- The naive model: who is where ---- */

static unsigned name_of(const struct world *world, const struct entry *user) {
        return world->references == SYNC_REFERENCES_NAME ? user->name : user->dn;
}

static bool is_derived(const struct world *world, const struct entry *user, const struct entry *group) {
        return (world->references == SYNC_REFERENCES_NAME && user->gid != 0 && user->gid == group->gid) || (user->sid != 0 && user->sid == group->sid);
}

/* The user that a value names, USERS: none. Of two with one name the first one. */
static size_t named_user(const struct world *world, unsigned value) {
        size_t i = 0;
        while (i < USERS && !(world->users[i].there && value < 100 && name_of(world, &world->users[i]) == value))
                i++;
        return i;
}

static size_t named_group(const struct world *world, unsigned value) {
        size_t i = 0;
        while (i < GROUPS && !(world->groups[i].there && world->nested && value >= 100 && world->groups[i].dn == value - 100))
                i++;
        return i;
}

static bool has_value(const struct entry *group, unsigned value) {
        for (size_t i = 0; i < group->value_count; i++)
                if (group->values[i] == value)
                        return true;
        return false;
}

static bool is_member(const struct world *world, size_t u, size_t g) {
        const struct entry *user = &world->users[u], *group = &world->groups[g];
        if (!user->there || !group->there)
                return false;
        unsigned name = name_of(world, user);
        return is_derived(world, user, group) || (has_value(group, name) && named_user(world, name) == u);
}

static bool is_child(const struct world *world, size_t child, size_t parent) {
        return child != parent && world->groups[child].there && world->groups[parent].there && world->nested &&
               has_value(&world->groups[parent], world->groups[child].dn + 100);
}

static bool is_stray(const struct world *world, const struct entry *group, unsigned value) {
        size_t u = named_user(world, value), g = named_group(world, value);
        return !(u < USERS && !is_derived(world, &world->users[u], group)) && !(g < GROUPS && &world->groups[g] != group);
}

/* ---- A full run of it ---- */

static void send_full(const struct world *world, const struct sync_sink *sink, const char *cookie) {
        uint32_t users[USERS], groups[GROUPS], user_count = 0, group_count = 0;
        char key[SYNC_KEY_MAX + 1];
        struct texts texts;
        assert_int_equal(sink->begin(sink->userdata, &(struct sync_begin){ .references = world->references, .nested = world->nested, .linked = world->linked }), 0);
        for (size_t i = 0; i < USERS; i++)
                if (world->users[i].there) {
                        user_texts(&world->users[i], &texts);
                        struct sync_user user = sync_user_of(&world->users[i], &texts);
                        assert_int_equal(sink->user(sink->userdata, &user), 0);
                        users[i] = user_count++;
                }
        for (size_t i = 0; i < GROUPS; i++)
                if (world->groups[i].there) {
                        group_texts(&world->groups[i], &texts);
                        struct sync_group group = sync_group_of(&world->groups[i], &texts);
                        assert_int_equal(sink->group(sink->userdata, &group), 0);
                        groups[i] = group_count++;
                }
        for (size_t g = 0; g < GROUPS; g++)
                for (size_t u = 0; u < USERS; u++)
                        if (is_member(world, u, g))
                                assert_int_equal(sink->member(sink->userdata, users[u], groups[g]), 0);
        for (size_t g = 0; g < GROUPS; g++)
                for (size_t c = 0; c < GROUPS; c++)
                        if (is_child(world, c, g))
                                assert_int_equal(sink->child(sink->userdata, groups[c], groups[g]), 0);
        for (size_t g = 0; g < GROUPS; g++)
                for (size_t i = 0; world->groups[g].there && i < world->groups[g].value_count; i++)
                        if (is_stray(world, &world->groups[g], world->groups[g].values[i])) {
                                value_key(world, world->groups[g].values[i], key);
                                assert_int_equal(sink->stray(sink->userdata, groups[g], key), 0);
                        }
        assert_int_equal(sink->end(sink->userdata, cookie), 0);
}

/* ---- A delta from one world to the next ---- */

static bool same_entry(const struct world *world, const struct entry *a, const struct entry *b) {
        if (world->linked)
                return a->id == b->id && a->version == b->version;
        return a->id == b->id && a->dn == b->dn && a->name == b->name && a->gid == b->gid && a->sid == b->sid && a->more == b->more &&
               a->value_count == b->value_count && memcmp(a->values, b->values, a->value_count * sizeof *a->values) == 0;
}

static const struct entry *find_id(const struct entry *entries, size_t count, unsigned id) {
        for (size_t i = 0; i < count; i++)
                if (entries[i].there && entries[i].id == id)
                        return &entries[i];
        return NULL;
}

static void send_group(const struct world *world, const struct sync_sink *sink, const struct entry *entry) {
        char key[SYNC_KEY_MAX + 1];
        struct texts texts;
        group_texts(entry, &texts);
        struct sync_group group = sync_group_of(entry, &texts);
        assert_int_equal(sink->group(sink->userdata, &group), 0);
        for (size_t i = 0; i < entry->value_count; i++) {
                value_key(world, entry->values[i], key);
                assert_int_equal(sink->reference(sink->userdata, key), 0);
        }
}

/* Who changed, and now and then who did not; who is gone, in words or by a sweep. */
static void send_delta(struct world *world, const struct world *before, const struct sync_sink *sink, const char *from, const char *cookie) {
        struct texts texts;
        bool sweep = next_random(world, 3) == 0;
        const struct sync_begin begin = { .delta = true, .references = world->references, .nested = world->nested, .linked = world->linked, .from = from, .sweep_users = sweep,
                                          .sweep_groups = sweep };
        assert_int_equal(sink->begin(sink->userdata, &begin), 0);
        for (size_t i = 0; i < GROUPS; i++) {
                const struct entry *was = &before->groups[i], *is = &world->groups[i];
                if (!sweep && was->there && !find_id(world->groups, GROUPS, was->id)) {
                        group_texts(was, &texts);
                        assert_int_equal(sink->gone(sink->userdata, SYNC_KIND_GROUP, texts.id), 0);
                }
                const struct entry *former = is->there ? find_id(before->groups, GROUPS, is->id) : NULL;
                if (is->there && (!former || !same_entry(world, former, is) || next_random(world, 10) == 0)) {
                        send_group(world, sink, is);
                } else if (is->there && sweep) {
                        group_texts(is, &texts);
                        assert_int_equal(sink->present(sink->userdata, SYNC_KIND_GROUP, texts.id), 0);
                }
        }
        for (size_t i = 0; i < USERS; i++) {
                const struct entry *was = &before->users[i], *is = &world->users[i];
                if (!sweep && was->there && !find_id(world->users, USERS, was->id)) {
                        user_texts(was, &texts);
                        assert_int_equal(sink->gone(sink->userdata, SYNC_KIND_USER, texts.id), 0);
                }
                const struct entry *former = is->there ? find_id(before->users, USERS, is->id) : NULL;
                if (!is->there)
                        continue;
                user_texts(is, &texts);
                struct sync_user user = sync_user_of(is, &texts);
                if (!former || !same_entry(world, former, is) || next_random(world, 10) == 0)
                        assert_int_equal(sink->user(sink->userdata, &user), 0);
                else if (sweep)
                        assert_int_equal(sink->present(sink->userdata, SYNC_KIND_USER, texts.id), 0);
        }
        assert_int_equal(sink->end(sink->userdata, cookie), 0);
}

/* ---- What happens to it ---- */

static bool is_taken(const struct entry *entries, size_t count, unsigned dn) {
        for (size_t i = 0; i < count; i++)
                if (entries[i].there && entries[i].dn == dn)
                        return true;
        return false;
}

/* A DN that nobody has: servers see to that. */
static unsigned free_dn(struct world *world, const struct entry *entries, size_t count) {
        unsigned dn = next_random(world, NAMES);
        while (is_taken(entries, count, dn))
                dn = (dn + 1) % (NAMES + USERS);
        return dn;
}

enum { NOBODY = 999 };

/* A value is called otherwise, or gone (NOBODY), without its group's doing. */
static void follow(struct world *world, unsigned from, unsigned to) {
        for (size_t g = 0; world->linked && g < GROUPS; g++) {
                struct entry *group = &world->groups[g];
                for (size_t i = 0; i < group->value_count; i++) {
                        if (group->values[i] != from)
                                continue;
                        if (to == NOBODY)
                                group->values[i--] = group->values[--group->value_count];
                        else
                                group->values[i] = to;
                }
        }
}

static void swap_users(struct world *world, struct entry *user, struct entry *other) {
        enum { MEANWHILE = 99 };
        unsigned dn = other->dn, name = other->name;
        if (!other->there || other == user)
                return;
        follow(world, user->dn, MEANWHILE);
        follow(world, dn, user->dn);
        follow(world, MEANWHILE, dn);
        other->dn = user->dn;
        other->name = user->name;
        other->version++;
        user->dn = dn;
        user->name = name;
}

static void change_user(struct world *world) {
        struct entry *user = &world->users[next_random(world, USERS)];
        unsigned what = next_random(world, 8), dn = user->dn;
        user->version++;
        if (!user->there) {
                *user = (struct entry){ .id = world->next_id++, .name = next_random(world, NAMES), .gid = next_random(world, 5) };
                user->dn = free_dn(world, world->users, USERS);
                user->there = true;
        } else if (what == 0) {
                user->there = false;
                follow(world, dn, NOBODY);
        } else if (what == 1) {
                user->dn = free_dn(world, world->users, USERS);
                follow(world, dn, user->dn);
        } else if (what == 2)
                user->name = next_random(world, NAMES);
        else if (what == 3)
                user->gid = next_random(world, 5);
        else if (what == 4)
                user->sid = next_random(world, SIDS);
        else if (what == 5) { /* made anew in its place */
                user->id = world->next_id++;
                follow(world, dn, NOBODY);
        } else if (what == 6)
                swap_users(world, user, &world->users[next_random(world, USERS)]);
        else
                user->more = next_random(world, 30);
}

/* Two groups have one SID on no server. */
static unsigned free_sid(struct world *world) {
        unsigned sid = next_random(world, SIDS);
        for (size_t i = 0; i < GROUPS; i++)
                if (world->groups[i].there && world->groups[i].sid == sid)
                        return 0;
        return sid;
}

static void change_values(struct world *world, struct entry *group) {
        bool by_name = world->references == SYNC_REFERENCES_NAME;
        bool is_group = !by_name && next_random(world, 3) == 0;
        unsigned value = next_random(world, NAMES);
        for (size_t i = 0; i < group->value_count; i++)
                if (group->values[i] == value + (is_group ? 100 : 0)) {
                        group->values[i] = group->values[--group->value_count];
                        return;
                }
        /* What is linked is there. */
        if (group->value_count < VALUES && (!world->linked || is_taken(is_group ? world->groups : world->users, is_group ? GROUPS : USERS, value)))
                group->values[group->value_count++] = value + (is_group ? 100 : 0);
}

static void change_group(struct world *world) {
        struct entry *group = &world->groups[next_random(world, GROUPS)];
        unsigned what = next_random(world, 10), dn = group->dn;
        group->version++;
        if (!group->there) {
                *group = (struct entry){ .id = world->next_id++, .name = next_random(world, NAMES), .gid = next_random(world, 5), .sid = free_sid(world) };
                group->dn = free_dn(world, world->groups, GROUPS);
                group->there = true;
        } else if (what == 0) {
                group->there = false;
                follow(world, dn + 100, NOBODY);
        } else if (what == 1) {
                group->dn = free_dn(world, world->groups, GROUPS);
                follow(world, dn + 100, group->dn + 100);
        } else if (what == 2)
                group->gid = next_random(world, 5);
        else if (what == 3)
                group->sid = free_sid(world);
        else if (what == 4) {
                group->id = world->next_id++;
                follow(world, dn + 100, NOBODY);
        } else
                change_values(world, group);
}

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

struct fixture { char folder[64]; struct store *store; };

static int setup(void **state) {
        struct fixture *fixture = calloc(1, sizeof *fixture);
        help_folder(fixture->folder, sizeof fixture->folder);
        *state = fixture;
        return store_open(fixture->folder, "corp", DIRECTORY_LDAP, STORE_READ_WRITE, &fixture->store);
}

static int teardown(void **state) {
        struct fixture *fixture = *state;
        store_close(fixture->store);
        help_remove_folder(fixture->folder);
        free(fixture);
        return 0;
}

static uint64_t revision_of(struct store *store) {
        uint64_t revision;
        assert_int_equal(store_revision(store, &revision), 0);
        return revision;
}

/* 0, or why not; then nothing has changed. */
static int take_in(struct fixture *fixture, struct store_sync *sync, uint64_t now_s, struct store_sync_changes *changes) {
        struct replica *replica = NULL, *loaded = NULL;
        uint64_t before = revision_of(fixture->store);
        int r = store_sync_prepare(sync, fixture->store, changes);
        if (r == 0)
                r = store_sync_commit(sync, now_s, &replica);
        assert_true(r == 0 || (!replica && *store_sync_error(sync)));
        assert_int_equal(revision_of(fixture->store), before + (r == 0 && changes->content));
        if (r == 0) {
                assert_int_equal(store_load(fixture->store, &loaded), 0);
                assert_int_equal(loaded->synchronised_s, now_s);
                assert_true(replica || (changes->delta && !changes->content));
                assert_true(!replica || (replica->revision == loaded->revision && replica->synchronised_s == now_s && replica->user_count == loaded->user_count &&
                                         replica->user_edge_count == loaded->user_edge_count && replica->group_edge_count == loaded->group_edge_count));
                assert_true(changes->users == loaded->user_count && changes->groups == loaded->group_count);
        }
        replica_free(replica);
        replica_free(loaded);
        return r;
}

static void expect_cookie(struct fixture *fixture, uint64_t basis, const char *wanted) {
        char cookie[SYNC_COOKIE_MAX + 1];
        uint64_t full_s;
        assert_int_equal(store_cookie(fixture->store, basis, cookie, &full_s), 0);
        assert_string_equal(cookie, wanted);
}

static void full(struct fixture *fixture, const struct world *world, const char *cookie, struct store_sync_changes *changes) {
        struct store_sync *sync = store_sync_new();
        send_full(world, store_sync_sink(sync), cookie);
        assert_int_equal(take_in(fixture, sync, 1000, changes), 0);
        store_sync_free(sync);
        expect_cookie(fixture, 0, cookie);
}

static void expect_world(struct fixture *fixture, const struct world *world, unsigned seed, unsigned step) {
        char *is = content_of(fixture->folder, "corp", EVERYTHING), *wanted = content_of_world(world);
        if (strcmp(is, wanted) != 0) {
                (void)fprintf(stderr, "---- the store:\n%s---- the world:\n%s----\n", is, wanted);
                fail_msg("references %d, nested %d, seed %u, step %u", world->references, world->nested, seed, step);
        }
        free(is);
        free(wanted);
}

struct tally { unsigned deltas, stale, quiet; };

/* One world, changed step by step. */
static void live(struct fixture *fixture, const struct world *kind, unsigned seed, struct tally *tally) {
        struct world world = *kind;
        world.seed = seed;
        world.next_id = 1;
        struct store_sync_changes changes;
        char cookie[32], from[32] = "c0";
        for (size_t i = 0; i < 40; i++)
                (i % 2 ? change_group : change_user)(&world);
        full(fixture, &world, from, &changes);
        expect_world(fixture, &world, seed, 0);
        for (unsigned step = 1; step <= 60; step++) {
                struct world before = world;
                for (unsigned count = next_random(&world, 5); count > 0; count--)
                        (next_random(&world, 2) ? change_group : change_user)(&world);
                struct store_sync *sync = store_sync_new();
                char *visible = content_of(fixture->folder, "corp", VISIBLE);
                (void)snprintf(cookie, sizeof cookie, "c%u", step);
                send_delta(&world, &before, store_sync_sink(sync), from, cookie);
                int r = take_in(fixture, sync, 1000 + step, &changes);
                assert_true(r == 0 || r == -ESTALE);
                store_sync_free(sync);
                tally->deltas++;
                tally->stale += r == -ESTALE;
                tally->quiet += r == 0 && !changes.content;
                expect_cookie(fixture, 0, r == 0 ? cookie : from);
                if (r < 0) {
                        expect_world(fixture, &before, seed, step);
                        full(fixture, &world, cookie, &changes);
                }
                expect_world(fixture, &world, seed, step);
                memcpy(from, cookie, sizeof from);
                char *visible_now = content_of(fixture->folder, "corp", VISIBLE);
                assert_int_equal(changes.content, strcmp(visible, visible_now) != 0);
                free(visible);
                free(visible_now);
                /* A full run now and then finds nothing to do. */
                if (step % 20 == 0) {
                        full(fixture, &world, cookie, &changes);
                        assert_false(changes.content);
                }
        }
}

static void run_worlds(void **state, const struct world *kind, unsigned stale_percent) {
        const char *seeds = getenv("SEEDS");
        unsigned count = seeds ? (unsigned)strtoul(seeds, NULL, 10) : 60;
        struct tally tally = { 0 };
        for (unsigned seed = 1; seed <= count; seed++)
                live(*state, kind, seed, &tally);
        print_message("%u deltas, %u of them to be read in full, %u without content\n", tally.deltas, tally.stale, tally.quiet);
        assert_true(tally.stale * 100 <= stale_percent * tally.deltas && tally.quiet > 0);
}

static void by_dn(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .nested = true }, 0); }
static void by_dn_flat(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN }, 0); }
static void by_linked_dn(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_DN, .nested = true, .linked = true }, 5); }
static void by_name(void **state) { run_worlds(state, &(struct world){ .references = SYNC_REFERENCES_NAME }, 60); }

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(by_dn, setup, teardown), cmocka_unit_test_setup_teardown(by_dn_flat, setup, teardown),
                cmocka_unit_test_setup_teardown(by_linked_dn, setup, teardown), cmocka_unit_test_setup_teardown(by_name, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
