/* Random worlds: memberships, the gate and the login of the rules against the naive model, and the properties that must hold in each (M1 to
 * M6, M9, L4, N2, D6).
 * Relies on: made_world, login_run, naive.
 * Must never: take a seed that it does not print. Arguments: the number of worlds; or MULTIDIR_WORLDS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "login_run.h"
#include "made_world.h"
#include "rules/gate.h"

static long world_count = 100000;

/* The names as bits; fails unless they are in folded order, each once, and known. */
static unsigned bits_of(const char **names, size_t count, const char *const *known, int known_count) {
        unsigned bits = 0;
        for (size_t i = 0; i < count; i++) {
                int k = 0;
                while (k < known_count && !text_same_name(names[i], known[k]))
                        k++;
                assert_true(k < known_count);
                assert_true(bits >> k == 0);
                bits |= 1u << k;
        }
        free(names);
        return bits;
}

static unsigned groups_of(const struct made_world *made, int user) {
        const char **names;
        size_t count;
        assert_int_equal(world_groups_of_user(&made->world, user_names[user], &names, &count), 0);
        return bits_of(names, count, group_names, GROUP_NAMES);
}

static unsigned members_of(const struct made_world *made, int group) {
        const char **names;
        size_t count;
        assert_int_equal(world_members_of_group(&made->world, group_names[group], &names, &count), 0);
        return bits_of(names, count, user_names, USER_NAMES);
}

/* The position of a directory in the order. */
static int position_of(const struct made_world *made, size_t directory) {
        for (size_t i = 0; i < made->application.mapping_count; i++)
                if (made->mappings[i].directory == directory)
                        return (int)i;
        return -1;
}

/* L4, asked as the keeper asks it. */
static bool access_of(const struct made_world *made, int user) {
        uint32_t entry, scratch[NAIVE_GROUPS] = { 0 }, groups[NAIVE_GROUPS];
        bool gate[NAIVE_GROUPS + 1];
        size_t owner = world_owner_of_user(&made->world, user_names[user], &entry);
        if (owner == SETTINGS_NONE || made->replicas[owner]->users[entry].ambiguous)
                return false;
        const struct mapping_settings *mapping = &made->mappings[position_of(made, owner)];
        const struct direct_groups *direct = &made->direct[owner];
        gate_groups(mapping, made->replicas[owner], gate);
        size_t count = membership_in_directory(made->closures[owner], direct->groups + direct->first[entry],
                                               direct->first[entry + 1] - direct->first[entry], scratch, 7, groups);
        return gate_check(mapping, gate, groups, count) == REASON_OK;
}

static void compare_owners(const struct made_world *made, const struct naive_world *naive) {
        uint32_t entry;
        for (int u = 0; u < USER_NAMES; u++) {
                size_t owner = world_owner_of_user(&made->world, user_names[u], &entry);
                assert_int_equal(owner == SETTINGS_NONE ? -1 : position_of(made, owner), naive_owner(naive, false, u));
        }
        for (int g = 0; g < GROUP_NAMES; g++) {
                size_t owner = world_owner_of_group(&made->world, group_names[g], &entry);
                assert_int_equal(owner == SETTINGS_NONE ? -1 : position_of(made, owner), naive_owner(naive, true, g));
        }
}

/* Both readings are the naive model's, and each the inverse of the other (M5). */
static void compare_memberships(const struct made_world *made, const struct naive_world *naive, unsigned *groups, bool *access) {
        unsigned inverse[USER_NAMES] = { 0 };
        for (int u = 0; u < USER_NAMES; u++) {
                groups[u] = groups_of(made, u);
                access[u] = access_of(made, u);
                assert_int_equal(groups[u], naive_groups_of(naive, u));
                assert_int_equal(access[u], naive_access(naive, u));
        }
        for (int g = 0; g < GROUP_NAMES; g++) {
                unsigned members = members_of(made, g);
                assert_int_equal(members, naive_members_of(naive, g));
                for (int u = 0; u < USER_NAMES; u++)
                        inverse[u] |= (members >> u & 1) << g;
        }
        assert_memory_equal(inverse, groups, sizeof inverse);
}

/* Masking never adds access: without a directory below a user's owner, the user has the same access; non-aggregating, also the same groups;
 * aggregating, no more (but for names that the directory had twice: it owned them, so they were nobody's, N2). */
static void masked_copies_add_nothing(struct made_world *made, const unsigned *groups, const bool *access, struct random *random) {
        size_t position = (size_t)random_below(random, (int)made->application.mapping_count);
        size_t off = made->mappings[position].directory;
        uint32_t entry;
        if (!made->directories[off].active || !made->replicas[off])
                return;
        unsigned owned = 0;
        for (int g = 0; g < GROUP_NAMES; g++)
                owned |= world_owner_of_group(&made->world, group_names[g], &entry) == off ? 1u << g : 0;
        made->directories[off].active = false;
        for (int u = 0; u < USER_NAMES; u++) {
                size_t owner = world_owner_of_user(&made->world, user_names[u], &entry);
                if (owner == SETTINGS_NONE || position_of(made, owner) > (int)position)
                        continue; /* this user's owner may have been the one that is gone */
                unsigned now = groups_of(made, u);
                assert_int_equal(access_of(made, u), access[u]);
                if (made->application.membership == NON_AGGREGATING)
                        assert_int_equal(now, groups[u]);
                else
                        assert_int_equal(now & ~groups[u] & ~owned, 0);
        }
        made->directories[off].active = true;
}

/* The login over this world's replicas; directories without one are asked live. */
static void compare_logins(const struct naive_world *naive, struct random *random) {
        for (int u = 0; u < USER_NAMES; u++) {
                int owner = naive_owner(naive, false, u);
                struct naive_login in = { .count = naive->count, .name = "ok", .password = random_of(random, "ggn", 3),
                        .is_host = random_one_in(random, 2), .allow_other_owner = random_one_in(random, 3),
                        .published_same = owner >= 0 && (naive_groups_of(naive, u) != 0 || random_one_in(random, 2)),
                        .published_other = random_one_in(random, 2) };
                for (int i = 0; i < naive->count; i++) {
                        const struct naive_directory *d = &naive->directory[i];
                        struct naive_world alone = { .count = 1, .directory = { *d } };
                        alone.directory[0].on = true;
                        bool has = naive_owner(&alone, false, u) == 0, active = random_one_in(random, 2);
                        in.directory[i] = (struct naive_login_directory){ .on = d->on, .next = d->next,
                                .replica = !d->replica ? '-' : has ? random_of(random, "hhH", 3) : random_of(random, "llL", 3),
                                .live = random_of(random, "yn?", 3), .check = random_of(random, "rrrrwmxgd?", 10),
                                .gate = d->allow_all ? 'a' : d->allow_groups == 0 ? '-' : naive_access(&alone, u) ? 'i' : 'o',
                                .replica_active = active, .live_active = active, .check_active = active };
                }
                login_compare(&in, naive->aggregating ? AGGREGATING : NON_AGGREGATING, "random world");
        }
}

static void random_worlds(void **state) {
        struct random random = { .state = random_seed() };
        long related = 0;
        for (long i = 0; i < world_count; i++) {
                struct naive_world naive;
                struct made_world made;
                unsigned groups[USER_NAMES];
                bool access[USER_NAMES];
                random_world(&random, &naive);
                made_world_init(&made, &naive, &random);
                compare_owners(&made, &naive);
                compare_memberships(&made, &naive, groups, access);
                masked_copies_add_nothing(&made, groups, access, &random);
                compare_logins(&naive, &random);
                for (int u = 0; u < USER_NAMES; u++)
                        related += __builtin_popcount(groups[u]);
                made_world_done(&made);
        }
        printf("%ld worlds, %ld memberships\n", world_count, related);
        assert_true(related > world_count); /* worlds in which nothing happens prove nothing */
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(random_worlds) };
        const char *count = argc > 1 ? argv[1] : getenv("MULTIDIR_WORLDS");
        if (count)
                world_count = strtol(count, NULL, 10);
        return cmocka_run_group_tests_name("M", tests, NULL, NULL);
}
