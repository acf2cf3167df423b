/* See made_world.h. */
#include "made_world.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

const char *const user_names[USER_NAMES] = { "ann", "bob", "cyd", "dan", "eve" };
const char *const group_names[GROUP_NAMES] = { "admins", "builders", "coders", "drivers", "editors", "fixers" };

/* `count` entries with names out of `names`: all different, but for one in 24 that are drawn blindly (N2). */
static void random_entries(struct random *random, struct naive_entry *entries, int count, int names, bool numbers) {
        bool taken[8] = { false };
        for (int i = 0; i < count; i++) {
                int name = random_below(random, names);
                while (taken[name] && !random_one_in(random, 24))
                        name = (name + 1) % names;
                taken[name] = true;
                entries[i] = (struct naive_entry){ .name = name, .active = !random_one_in(random, 4) };
                if (numbers)
                        entries[i].gid = random_below(random, 4);
        }
}

static void random_directory(struct random *random, struct naive_directory *d) {
        bool numbers = random_one_in(random, 6); /* M9 */
        int sparse = 2 + random_below(random, 4);
        *d = (struct naive_directory){
                .on = !random_one_in(random, 10), .replica = !random_one_in(random, 12), .next = random_one_in(random, 2),
                .nested = !random_one_in(random, 5), .ignore_inactive = random_one_in(random, 3), .allow_all = random_one_in(random, 3),
                .allow_groups = random_one_in(random, 4) ? 0 : (unsigned)random_below(random, 1 << GROUP_NAMES),
                .users = random_below(random, NAIVE_USERS + 1), .groups = random_below(random, NAIVE_GROUPS + 1),
        };
        random_entries(random, d->user, d->users, USER_NAMES, numbers);
        random_entries(random, d->group, d->groups, GROUP_NAMES, numbers);
        for (int g = 0; g < d->groups; g++) {
                for (int u = 0; u < d->users; u++)
                        d->direct[u][g] = random_one_in(random, sparse);
                for (int p = 0; p < d->groups; p++)
                        d->nest[g][p] = random_one_in(random, sparse + 1);
        }
}

void random_world(struct random *random, struct naive_world *world) {
        *world = (struct naive_world){ .aggregating = random_one_in(random, 2), .count = 1 + random_below(random, NAIVE_DIRECTORIES) };
        for (int i = 0; i < world->count; i++)
                random_directory(random, &world->directory[i]);
}

static text_ref spell(struct replica *replica, const char *name, struct random *random) {
        char spelled[32];
        text_ref ref = 0;
        uint64_t upper = random_one_in(random, 3) ? random_next(random) : 0;
        size_t i = 0;
        for (; name[i]; i++)
                spelled[i] = upper >> i & 1 ? (char)toupper(name[i]) : name[i];
        spelled[i] = 0;
        assert_int_equal(replica_add_text(replica, spelled, &ref), 0);
        return ref;
}

static struct replica *make_replica(const struct naive_directory *d, struct random *random) {
        struct replica *replica = replica_new();
        uint32_t index;
        assert_non_null(replica);
        for (int u = 0; u < d->users; u++) {
                struct replica_user user = { .name = spell(replica, user_names[d->user[u].name], random), .active = d->user[u].active,
                        .gid = (uint32_t)d->user[u].gid, .posix_primary = d->user[u].gid != 0 };
                assert_int_equal(replica_add_user(replica, &user, &index), 0);
        }
        for (int g = 0; g < d->groups; g++) {
                struct replica_group group = { .name = spell(replica, group_names[d->group[g].name], random), .active = d->group[g].active,
                        .gid = (uint32_t)d->group[g].gid };
                assert_int_equal(replica_add_group(replica, &group, &index), 0);
        }
        for (uint32_t g = 0; g < (uint32_t)d->groups; g++) {
                for (uint32_t u = 0; u < (uint32_t)d->users; u++)
                        if (d->direct[u][g])
                                assert_int_equal(replica_add_user_edge(replica, u, g), 0);
                for (uint32_t p = 0; p < (uint32_t)d->groups; p++)
                        if (d->nest[g][p])
                                assert_int_equal(replica_add_group_edge(replica, g, p), 0);
        }
        assert_int_equal(replica_finish(replica), 0);
        return replica;
}

static void make_directory(struct made_world *made, const struct naive_directory *d, size_t position, size_t at, struct random *random) {
        static const size_t rooms[] = { 0, 3, 9, 1000 };
        struct directory_settings *settings = &made->directories[at];
        *settings = (struct directory_settings){ .name = "d", .type = DIRECTORY_LDAP, .active = d->on, .nested_groups = d->nested,
                .on_unavailable = d->next ? ON_UNAVAILABLE_NEXT : ON_UNAVAILABLE_STOP, .ignore_inactive_groups = d->ignore_inactive };
        struct mapping_settings *mapping = &made->mappings[position];
        *mapping = (struct mapping_settings){ .directory = (uint32_t)at, .allow_all = d->allow_all, .allow_groups = made->allow[position] };
        for (int g = 0; g < GROUP_NAMES; g++)
                if (d->allow_groups >> g & 1)
                        made->allow[position][mapping->allow_group_count++] = group_names[g];
        if (!d->replica)
                return;
        made->replicas[at] = make_replica(d, random);
        assert_int_equal(closure_new_bounded(made->replicas[at], settings, rooms[random_below(random, 4)], &made->closures[at]), 0);
        assert_int_equal(direct_groups_new(made->replicas[at], &made->direct[at]), 0);
}

void made_world_init(struct made_world *made, const struct naive_world *naive, struct random *random) {
        memset(made, 0, sizeof *made);
        int shift = random_below(random, naive->count);
        for (int i = 0; i < naive->count; i++)
                make_directory(made, &naive->directory[i], (size_t)i, (size_t)((i + shift) % naive->count), random);
        made->application = (struct application_settings){ .mappings = made->mappings, .mapping_count = (size_t)naive->count,
                .membership = naive->aggregating ? AGGREGATING : NON_AGGREGATING };
        made->settings = (struct settings){ .directories = made->directories, .directory_count = (size_t)naive->count,
                .applications = &made->application, .application_count = 1 };
        made->world = (struct world){ .settings = &made->settings, .application = &made->application,
                .replicas = (const struct replica *const *)made->replicas, .closures = (const struct closure *const *)made->closures,
                .direct = made->direct };
}

void made_world_done(struct made_world *made) {
        for (int i = 0; i < NAIVE_DIRECTORIES; i++) {
                replica_free(made->replicas[i]);
                closure_free(made->closures[i]);
                direct_groups_done(&made->direct[i]);
        }
}
