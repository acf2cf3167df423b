/* What the tests of deltas share: a world that a server might have, how it changes, who is a member of what in it by a model that knows nothing of deltas; and its
 * way into a sink, as a whole and as what differs from the world before.
 * Relies on: cmocka (include it before).
 * Must never: be included by anything but tests; depend on anything but the seed. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "model/sync.h"
#include "model/sync_key.h"

/* ---- The world: what a server has ---- */

enum { USERS = 12, GROUPS = 8, VALUES = 14, NAMES = 16, SIDS = 6 };

struct entry {
        bool there;
        bool hidden;               /* a user who is not there for us, but is at the server: a filter hides it */
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
        bool silent;               /* so they do here, and nobody is told that it is so (slapd's refint); deltas are told change by change, as a watch is */
        bool hides;                /* silent: users are hidden, go unseen, and are seen again */
        struct entry users[USERS], groups[GROUPS];
        bool late;                 /* silent: the values `from` are about to be `to`, and groups may change meanwhile */
        unsigned from, to;
        unsigned next_id, seed;
};

static inline unsigned next_random(struct world *world, unsigned below) {
        world->seed = world->seed * 1103515245u + 12345u;
        return (world->seed >> 16 & 0x7fff) % below;
}

struct texts { char id[32], dn[64], name[32], sid[32], more[32]; };

/* Spelled otherwise now and then: it is one name all the same. */
static inline void user_texts(const struct entry *entry, struct texts *texts) {
        (void)snprintf(texts->id, sizeof texts->id, "u%u", entry->id);
        (void)snprintf(texts->dn, sizeof texts->dn, entry->more % 2 ? "cn=u%u,dc=x" : "CN=U%u, DC=X", entry->dn);
        (void)snprintf(texts->name, sizeof texts->name, entry->more % 3 ? "u%u" : "U%u", entry->name);
        (void)snprintf(texts->sid, sizeof texts->sid, "S-1-5-21-9-%u", entry->sid);
        if (entry->sid == 0)
                texts->sid[0] = 0;
        (void)snprintf(texts->more, sizeof texts->more, "%u", entry->more);
}

static inline void group_texts(const struct entry *entry, struct texts *texts) {
        user_texts(entry, texts);
        texts->id[0] = 'g';
        (void)snprintf(texts->dn, sizeof texts->dn, entry->more % 2 ? "cn=g%u,dc=x" : "CN=G%u, DC=X", entry->dn);
        (void)snprintf(texts->name, sizeof texts->name, "g%u", entry->name);
}

static inline struct sync_user sync_user_of(const struct entry *entry, const struct texts *texts) {
        return (struct sync_user){ .name = texts->name, .entry_id = texts->id, .dn = texts->dn, .display_name = texts->more, .primary_group_sid = texts->sid,
                                   .gid = entry->gid, .active = entry->more % 5 != 0, .fresh = true };
}

static inline struct sync_group sync_group_of(const struct entry *entry, const struct texts *texts) {
        return (struct sync_group){ .name = texts->name, .entry_id = texts->id, .dn = texts->dn, .description = texts->more, .sid = texts->sid,
                                    .gid = entry->gid, .active = true, .fresh = true };
}

/* A value's key, in the spelling that the values of this world have. */
static inline void value_key(const struct world *world, unsigned value, char key[SYNC_KEY_MAX + 1]) {
        char text[64];
        if (world->references == SYNC_REFERENCES_NAME)
                (void)snprintf(text, sizeof text, "U%u", value);
        else
                (void)snprintf(text, sizeof text, value < 100 ? "cn=u%u, dc=x" : "cn=g%u,dc=x", value < 100 ? value : value - 100);
        assert_int_equal(sync_key(world->references, text, text, key), 0);
}

/* ---- The naive model: who is where ---- */

static inline unsigned name_of(const struct world *world, const struct entry *user) {
        return world->references == SYNC_REFERENCES_NAME ? user->name : user->dn;
}

static inline bool is_derived(const struct world *world, const struct entry *user, const struct entry *group) {
        return (world->references == SYNC_REFERENCES_NAME && user->gid != 0 && user->gid == group->gid) || (user->sid != 0 && user->sid == group->sid);
}

/* The user that a value names, USERS: none. Of two with one name the first one. */
static inline size_t named_user(const struct world *world, unsigned value) {
        size_t i = 0;
        while (i < USERS && !(world->users[i].there && value < 100 && name_of(world, &world->users[i]) == value))
                i++;
        return i;
}

static inline size_t named_group(const struct world *world, unsigned value) {
        size_t i = 0;
        while (i < GROUPS && !(world->groups[i].there && world->nested && value >= 100 && world->groups[i].dn == value - 100))
                i++;
        return i;
}

static inline bool has_value(const struct entry *group, unsigned value) {
        for (size_t i = 0; i < group->value_count; i++)
                if (group->values[i] == value)
                        return true;
        return false;
}

static inline bool is_member(const struct world *world, size_t u, size_t g) {
        const struct entry *user = &world->users[u], *group = &world->groups[g];
        if (!user->there || !group->there)
                return false;
        unsigned name = name_of(world, user);
        return is_derived(world, user, group) || (has_value(group, name) && named_user(world, name) == u);
}

static inline bool is_child(const struct world *world, size_t child, size_t parent) {
        return child != parent && world->groups[child].there && world->groups[parent].there && world->nested &&
               has_value(&world->groups[parent], world->groups[child].dn + 100);
}

static inline bool is_stray(const struct world *world, const struct entry *group, unsigned value) {
        size_t u = named_user(world, value), g = named_group(world, value);
        return !(u < USERS && !is_derived(world, &world->users[u], group)) && !(g < GROUPS && &world->groups[g] != group);
}

/* ---- A full run of it ---- */

static inline void send_full(const struct world *world, const struct sync_sink *sink, const char *cookie) {
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

static inline bool same_entry(const struct world *world, const struct entry *a, const struct entry *b) {
        if (world->linked || world->silent)
                return a->id == b->id && a->version == b->version;
        return a->id == b->id && a->dn == b->dn && a->name == b->name && a->gid == b->gid && a->sid == b->sid && a->more == b->more &&
               a->value_count == b->value_count && memcmp(a->values, b->values, a->value_count * sizeof *a->values) == 0;
}

static inline const struct entry *find_id(const struct entry *entries, size_t count, unsigned id) {
        for (size_t i = 0; i < count; i++)
                if (entries[i].there && entries[i].id == id)
                        return &entries[i];
        return NULL;
}

static inline void send_group(const struct world *world, const struct sync_sink *sink, const struct entry *entry) {
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
static inline void send_changes(struct world *world, const struct world *before, const struct sync_sink *sink, bool sweep) {
        struct texts texts;
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
}

/* ---- What happens to it ---- */

static inline bool is_taken(const struct entry *entries, size_t count, unsigned dn) {
        for (size_t i = 0; i < count; i++)
                if ((entries[i].there || entries[i].hidden) && entries[i].dn == dn)
                        return true;
        return false;
}

/* A DN that nobody has: servers see to that. */
static inline unsigned free_dn(struct world *world, const struct entry *entries, size_t count) {
        unsigned dn = next_random(world, NAMES);
        while (is_taken(entries, count, dn))
                dn = (dn + 1) % (NAMES + USERS);
        return dn;
}

enum { NOBODY = 999 };

/* A value is called otherwise, or gone (NOBODY), without its group's doing. */
static inline void follow(struct world *world, unsigned from, unsigned to) {
        for (size_t g = 0; (world->linked || world->silent) && g < GROUPS; g++) {
                struct entry *group = &world->groups[g];
                for (size_t i = 0; i < group->value_count; i++) {
                        if (group->values[i] != from)
                                continue;
                        if (to == NOBODY || has_value(group, to))
                                group->values[i--] = group->values[--group->value_count];
                        else
                                group->values[i] = to;
                }
        }
}

static inline void settle(struct world *world) {
        if (world->late)
                follow(world, world->from, world->to);
        world->late = false;
}

static inline void follow_soon(struct world *world, unsigned from, unsigned to) {
        bool named = false;
        for (size_t g = 0; g < GROUPS; g++)
                named = named || (world->groups[g].there && has_value(&world->groups[g], from));
        world->late = world->silent && named && next_random(world, 2);
        world->from = from;
        world->to = to;
        if (!world->late)
                follow(world, from, to);
}

static inline void swap_users(struct world *world, struct entry *user, struct entry *other) {
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

/* Somebody who is hidden is seen again, with the values that name it; or goes, and they with it: nobody is told. */
static inline void change_hidden(struct world *world, struct entry *user) {
        user->hidden = false;
        user->there = next_random(world, 3) == 0;
        if (!user->there)
                follow(world, user->dn, NOBODY);
}

static inline void change_user(struct world *world) {
        struct entry *user = &world->users[next_random(world, USERS)];
        unsigned what = next_random(world, 8), dn = user->dn;
        settle(world);
        user->version++;
        if (user->hidden) {
                change_hidden(world, user);
        } else if (!user->there) {
                *user = (struct entry){ .id = world->next_id++, .name = next_random(world, NAMES), .gid = next_random(world, 5) };
                user->dn = free_dn(world, world->users, USERS);
                user->there = true;
        } else if (what == 0) {
                user->there = false;
                user->hidden = world->hides && next_random(world, 3) > 0;
                if (!user->hidden)
                        follow_soon(world, dn, NOBODY);
        } else if (what == 1) {
                user->dn = free_dn(world, world->users, USERS);
                follow_soon(world, dn, user->dn);
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
static inline unsigned free_sid(struct world *world) {
        unsigned sid = next_random(world, SIDS);
        for (size_t i = 0; i < GROUPS; i++)
                if (world->groups[i].there && world->groups[i].sid == sid)
                        return 0;
        return sid;
}

static inline void change_values(struct world *world, struct entry *group) {
        bool by_name = world->references == SYNC_REFERENCES_NAME;
        /* Where groups are no members, nobody follows what they are called. */
        bool is_group = !by_name && (world->nested || !world->silent) && next_random(world, 3) == 0;
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

static inline void change_group(struct world *world) {
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
