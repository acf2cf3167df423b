/* Random worlds and changes; see merge_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/merge_world.h"

static uint64_t random_state;

void merge_seed(uint64_t seed) {
        random_state = seed;
        for (unsigned i = 0; i < 3; i++)
                (void)merge_below(2);
}

uint32_t merge_below(uint32_t limit) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(random_state >> 33) % limit;
}

static bool one_in(uint32_t n) {
        return merge_below(n) == 0;
}

static const char *const user_names[] = { "ann", "Bob", "bob", "cat", "dan", "eve", "root", "12", "loc", "fay", "gus", "hal", "ops", "Ann", "a-rather-long-name-it-is" };
static const char *const group_names[] = { "ops", "Dev", "all", "sudo", "inner", "ann", "qa", "dev", "fay" };

static uint32_t some_id(void) {
        return one_in(10) ? 0 : one_in(10) ? 2003 : 2000 + merge_below(16);
}

static void make_user(struct merge_world *world, struct made_directory *directory, struct made_user *user) {
        *user = (struct made_user){ .row = directory->next_row++, .uid = some_id(), .gid = one_in(3) ? some_id() : 0, .active = !one_in(6),
                                    .posix_primary = one_in(2), .groups = merge_below(1u << MERGE_GROUPS) & merge_below(1u << MERGE_GROUPS) };
        (void)snprintf(user->name, sizeof user->name, "%.23s", user_names[merge_below(sizeof user_names / sizeof *user_names)]);
        (void)snprintf(user->entry_id, sizeof user->entry_id, "entry-%u", ++world->entries);
        (void)snprintf(user->sid, sizeof user->sid, one_in(8) ? "S-1-5" : "S-1-5-21-1-2-3-%u", 1000 + merge_below(12));
        (void)snprintf(user->home, sizeof user->home, "%s", one_in(3) ? "/srv/x" : one_in(3) ? "not-absolute" : "");
        (void)snprintf(user->gecos, sizeof user->gecos, "%s", one_in(3) ? "Some Body" : "");
        (void)snprintf(user->keys, sizeof user->keys, "%s", one_in(4) ? "ssh-ed25519 AAAA x\nno key" : "");
}

static void make_group(struct merge_world *world, struct made_group *group) {
        *group = (struct made_group){ .gid = some_id(), .active = !one_in(6), .parents = one_in(2) ? 1u << merge_below(MERGE_GROUPS) : 0 };
        (void)snprintf(group->name, sizeof group->name, "%s", group_names[merge_below(sizeof group_names / sizeof *group_names)]);
        (void)snprintf(group->entry_id, sizeof group->entry_id, "entry-%u", ++world->entries);
        (void)snprintf(group->sid, sizeof group->sid, "S-1-5-21-1-2-3-%u", 1000 + merge_below(20));
}

static void make_directory(struct merge_world *world, size_t index) {
        static const char *const names[MERGE_DIRECTORIES] = { "A", "B", "C" };
        struct made_directory *directory = &world->directories[index];
        struct directory_settings *settings = &world->directory_settings[index];
        uint32_t kind = merge_below(5);
        *settings = (struct directory_settings){
                .name = names[index], .type = DIRECTORY_LDAP, .active = !one_in(10), .nested_groups = !one_in(5),
                .ids = kind < 2 ? IDS_ATTRIBUTE : kind < 4 ? IDS_ALLOCATE : IDS_SID, .min_id = 1000,
                .on_unavailable = one_in(2) ? ON_UNAVAILABLE_NEXT : ON_UNAVAILABLE_STOP, .home = "/home/%u", .shell = "/bin/sh",
                .primary_group = one_in(3) ? "ops" : NULL, .name_case = one_in(3) ? NAME_CASE_PRESERVE : NAME_CASE_LOWER,
                .ignore_inactive_groups = one_in(3),
        };
        /* Ranges so small that ids meet, and now and then run out. */
        settings->has_id_range = settings->ids != IDS_SID;
        settings->id_range_first = 2000;
        settings->id_range_last = one_in(6) ? 2008 : one_in(2) ? 2100 : 9000;
        *directory = (struct made_directory){ .complete = !one_in(10), .next_row = 1, .user_count = 3 + merge_below(6), .group_count = 2 + merge_below(MERGE_GROUPS - 1) };
        for (uint32_t i = 0; i < directory->user_count; i++)
                make_user(world, directory, &directory->users[i]);
        for (uint32_t i = 0; i < directory->group_count; i++)
                make_group(world, &directory->groups[i]);
}

static void make_application(struct merge_world *world, size_t index, const char *name) {
        static const char *const gates[] = { "ops", "dev" };
        struct application_settings *application = &world->applications[index];
        uint32_t first = merge_below(MERGE_DIRECTORIES);
        *application = (struct application_settings){ .name = name, .profile = "crowd", .mappings = world->mappings[index], .mapping_count = 2 + merge_below(2),
                .membership = one_in(2) ? AGGREGATING : NON_AGGREGATING, .publish = one_in(4) ? PUBLISH_WITH_ACCESS : PUBLISH_ALL,
                .allow_other_owner = one_in(2) };
        for (uint32_t i = 0; i < MERGE_DIRECTORIES; i++)
                world->mappings[index][i] = (struct mapping_settings){ .directory = (first + i) % MERGE_DIRECTORIES, .allow_all = one_in(2),
                                                                       .allow_groups = gates, .allow_group_count = 1 + merge_below(2) };
}

void merge_world_make(struct merge_world *world) {
        *world = (struct merge_world){ .entries = 0 };
        for (size_t i = 0; i < MERGE_DIRECTORIES; i++)
                make_directory(world, i);
        make_application(world, 0, "host");
        make_application(world, 1, "ssh");
        world->local_group = (struct local_group_settings){ .directory = world->mappings[0][0].directory, .group = "ops", .local = "locals" };
        world->applications[0].local_groups = &world->local_group;
        world->applications[0].local_group_count = 1;
        world->settings = (struct settings){ .directories = world->directory_settings, .directory_count = MERGE_DIRECTORIES,
                                             .applications = world->applications, .application_count = 2, .host = 0 };
        assert_int_equal(local_accounts_new("root:x:0:0::/:/bin/sh\nloc:x:2003:2003::/:/bin/sh\n", "locals:x:150:\n", NULL, NULL, &world->local), 0);
}

void merge_world_done(struct merge_world *world) {
        local_accounts_free(world->local);
}

static text_ref text(struct replica *replica, const char *words) {
        text_ref ref = 0;
        assert_int_equal(replica_add_text(replica, words, &ref), 0);
        return ref;
}

static void add_user(struct replica *replica, const struct made_directory *directory, const struct made_user *made) {
        uint32_t index;
        struct replica_user user = { .name = text(replica, made->name), .entry_id = text(replica, made->entry_id), .display_name = text(replica, made->gecos),
                .home = text(replica, made->home), .ssh_keys = text(replica, made->keys), .sid = text(replica, made->sid), .uid = made->uid,
                .gid = made->gid, .active = made->active, .posix_primary = made->posix_primary };
        assert_int_equal(replica_add_user(replica, &user, &index), 0);
        replica->user_rows[index] = made->row;
        for (uint32_t g = 0; g < directory->group_count; g++)
                if (made->groups & 1u << g)
                        assert_int_equal(replica_add_user_edge(replica, index, g), 0);
}

struct replica *merge_world_replica(const struct merge_world *world, size_t index) {
        const struct made_directory *directory = &world->directories[index];
        struct replica *replica = directory->complete ? replica_new() : NULL;
        if (!replica)
                return NULL;
        replica->user_rows = calloc(directory->user_count + 1, sizeof *replica->user_rows);
        replica->group_rows = calloc(directory->group_count + 1, sizeof *replica->group_rows);
        assert_true(replica->user_rows && replica->group_rows);
        for (uint32_t g = 0; g < directory->group_count; g++) {
                uint32_t number;
                const struct made_group *made = &directory->groups[g];
                struct replica_group group = { .name = text(replica, made->name), .entry_id = text(replica, made->entry_id), .sid = text(replica, made->sid),
                                               .gid = made->gid, .active = made->active };
                assert_int_equal(replica_add_group(replica, &group, &number), 0);
                replica->group_rows[g] = g + 1;
                for (uint32_t p = 0; p < directory->group_count; p++)
                        if (made->parents & 1u << p)
                                assert_int_equal(replica_add_group_edge(replica, g, p), 0);
        }
        for (uint32_t u = 0; u < directory->user_count; u++)
                add_user(replica, directory, &directory->users[u]);
        replica->synchronised_s = 1;
        assert_int_equal(replica_finish(replica), 0);
        return replica;
}

static void name_it(struct merge_change *change, const char *name) {
        if (change->name_count < MERGE_NAMES)
                (void)snprintf(change->names[change->name_count++], sizeof change->names[0], "%s", name);
}

static void put(struct replica *replica, const struct made_user *made) {
        struct replica_person person = { .name = made->name, .entry_id = made->entry_id, .display_name = made->gecos, .email = "", .home = made->home,
                .shell = "", .ssh_keys = made->keys, .sid = made->sid, .uid = made->uid, .gid = made->gid, .active = made->active,
                .posix_primary = made->posix_primary };
        if (replica)
                assert_int_equal(replica_put_person(replica, made->row, &person), 0);
}

static void put_groups(struct replica *replica, const struct made_directory *directory, const struct made_user *made) {
        for (uint32_t g = 0; replica && g < directory->group_count; g++)
                assert_int_equal(replica_set_member(replica, made->row, g + 1, made->groups & 1u << g), 0);
}

static void change_user(struct merge_world *world, struct made_directory *directory, struct made_user *user, struct merge_change *change) {
        struct made_user other;
        make_user(world, directory, &other);
        switch (merge_below(7)) {
        case 0: change->what = "rename"; memcpy(user->name, other.name, sizeof user->name); break;
        case 1: change->what = "uid"; user->uid = other.uid; memcpy(user->sid, other.sid, sizeof user->sid); break;
        case 2: change->what = "gid"; user->gid = other.gid; user->posix_primary = other.posix_primary; break;
        case 3: change->what = "texts"; memcpy(user->home, other.home, sizeof user->home); memcpy(user->gecos, other.gecos, sizeof user->gecos); break;
        case 4: change->what = "keys"; memcpy(user->keys, other.keys, sizeof user->keys); break;
        case 5: change->what = "active"; user->active = !user->active; break;
        default: change->what = "member"; user->groups ^= 1u << merge_below(directory->group_count); break;
        }
}

/* Groups are not told of user by user: the caller makes the replica anew. */
static void change_group(struct merge_world *world, struct made_directory *directory, struct merge_change *change) {
        struct made_group *group = &directory->groups[merge_below(directory->group_count)], other;
        make_group(world, &other);
        change->groups = true;
        change->what = "group";
        switch (merge_below(4)) {
        case 0: memcpy(group->name, other.name, sizeof group->name); break;
        case 1: group->gid = other.gid; break;
        case 2: group->active = !group->active; break;
        default: group->parents = other.parents; break;
        }
}

void merge_world_change(struct merge_world *world, struct replica *const *replicas, struct merge_change *change) {
        size_t index = merge_below(MERGE_DIRECTORIES);
        struct made_directory *directory = &world->directories[index];
        struct replica *replica = replicas[index];
        struct made_user *user = &directory->users[directory->user_count ? merge_below(directory->user_count) : 0];
        *change = (struct merge_change){ .directory = index };
        if (one_in(25)) {
                change_group(world, directory, change);
        } else if (directory->user_count < 2 || (directory->user_count < MERGE_USERS && one_in(5))) {
                change->what = "add";
                user = &directory->users[directory->user_count++];
                make_user(world, directory, user);
                name_it(change, user->name);
                put(replica, user);
                put_groups(replica, directory, user);
        } else if (one_in(5)) {
                change->what = "remove";
                name_it(change, user->name);
                if (replica)
                        assert_int_equal(replica_drop_person(replica, user->row), 0);
                memmove(user, user + 1, (size_t)(&directory->users[--directory->user_count] - user) * sizeof *user);
        } else {
                name_it(change, user->name);
                change_user(world, directory, user, change);
                name_it(change, user->name);
                put(replica, user);
                put_groups(replica, directory, user);
        }
}
