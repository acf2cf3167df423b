/* The compiler over random worlds: what holds of every view, and the published relation against rules/membership, asked name by name.
 * Names come from a small pool, so that directories share them, groups nest in cycles, and some names and ids are refused or local.
 *   test_compile_random [WORLDS [SEED]]
 * Relies on: compile_world (which checks M5, I4, N4 and I3 of every view it builds), rules/membership's world_* functions.
 * Must never: use a random source of the system: a failing seed must fail again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/sbuf.h"
#include "base/text.h"
#include "unit/compile_check.h"
#include "unit/compile_world.h"

static uint64_t random_state;
static uint32_t world_count = 1500, first_seed = 1;

static uint32_t below(uint32_t limit) {
        random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(random_state >> 33) % limit;
}

static bool one_in(uint32_t n) {
        return below(n) == 0;
}

enum { DIRECTORIES = 3, USERS = 9, GROUPS = 7 };

static const char *const users[USERS] = { "ann", "Bob", "cat", "dan", "eve", "root", "12", "loc", "fay" };
static const char *const groups[GROUPS] = { "ops", "Dev", "all", "sudo", "inner", "ann", "qa" };

/* A list of names that the directory has, as the script wants it. */
static void add_list(struct sbuf *script, const char *key, const char *const *names, uint32_t present, uint32_t count) {
        bool any = false;
        for (uint32_t i = 0; i < count; i++) {
                if (!(present & 1u << i) || !one_in(3))
                        continue;
                sbuf_printf(script, "%s%s%s", any ? "," : " ", any ? "" : key, names[i]);
                any = true;
        }
}

/* The chance that one of a bit set is in: about two thirds. */
static uint32_t some_of(uint32_t count) {
        uint32_t set = 0;
        for (uint32_t i = 0; i < count; i++)
                if (!one_in(3))
                        set |= 1u << i;
        return set;
}

static void add_directory_content(struct sbuf *script, char name) {
        uint32_t have_users = some_of(USERS), have_groups = some_of(GROUPS);
        for (uint32_t i = 0; i < USERS; i++)
                if (have_users & 1u << i) {
                        sbuf_printf(script, "user %c %s uid=%u gid=%u%s\n", name, users[i], 2000 + below(30), one_in(3) ? 3000 + below(12) : 0,
                                    one_in(4) ? " active=no" : "");
                        /* N2: now and then the same name once more */
                        if (one_in(20))
                                sbuf_printf(script, "user %c %c%s uid=%u entry=again\n", name, users[i][0] ^ 32, users[i] + 1, 2000 + below(30));
                }
        for (uint32_t i = 0; i < GROUPS; i++)
                if (have_groups & 1u << i) {
                        sbuf_printf(script, "group %c %s gid=%u%s", name, groups[i], 3000 + below(12), one_in(5) ? " active=no" : "");
                        add_list(script, "users=", users, have_users, USERS);
                        add_list(script, "groups=", groups, have_groups, GROUPS);
                        sbuf_add(script, "\n");
                }
}

static const char *pick(const char *a, const char *b) {
        return one_in(2) ? a : b;
}

static void random_script(struct sbuf *script) {
        for (char name = 'A'; name < 'A' + DIRECTORIES; name++)
                sbuf_printf(script, "dir %c ids=%s range=1000-9000%s%s%s%s%s%s\n", name, pick("attribute", "allocate"), one_in(8) ? " active=no" : "",
                            one_in(8) ? " complete=no" : "", one_in(2) ? " unavailable=next" : "", one_in(5) ? " nested=no" : "",
                            one_in(3) ? " case=preserve" : "", one_in(3) ? " inactive-groups=ignore" : "");
        sbuf_printf(script, "app host %s membership=%s publish=%s local=A/ops:locals\n", pick("A+,B:ops:all,C+", "C:dev,A+,B+"),
                    pick("aggregating", "non-aggregating"), one_in(4) ? "with-access" : "all");
        sbuf_printf(script, "app ssh %s other-owner=%s\n", pick("B+,A:qa", "A:all,C+"), pick("yes", "no"));
        sbuf_add(script, "passwd loc:x:2003:2003::/:/bin/sh\ngroup-file locals:x:150:\n");
        for (char name = 'A'; name < 'A' + DIRECTORIES; name++)
                add_directory_content(script, name);
        sbuf_add(script, "build\n");
}

/* The rules' own reading of the same world. */
struct model {
        struct world world;
        struct closure *closures[DIRECTORIES];
        struct direct_groups direct[DIRECTORIES];
};

static void model_init(struct model *model, const struct test_world *world) {
        const struct settings *settings = test_world_settings(world);
        const struct replica *const *replicas = test_world_replicas(world);
        *model = (struct model){ 0 };
        for (size_t i = 0; i < DIRECTORIES; i++)
                if (replicas[i]) {
                        assert_int_equal(closure_new(replicas[i], &settings->directories[i], &model->closures[i]), 0);
                        assert_int_equal(direct_groups_new(replicas[i], &model->direct[i]), 0);
                }
        model->world = (struct world){ .settings = settings, .application = &settings->applications[settings->host], .replicas = replicas,
                                       .closures = (const struct closure *const *)model->closures, .direct = model->direct };
}

static void model_done(struct model *model) {
        for (size_t i = 0; i < DIRECTORIES; i++) {
                closure_free(model->closures[i]);
                direct_groups_done(&model->direct[i]);
        }
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether a group of the view is a private one (M10): the directories' group of that name, if any, is not published then. */
static bool is_private(const struct view *view, const struct view_group *group) {
        struct view_user user;
        return view_user_by_name(view, group->name, &user) == VIEW_FOUND && user.private_group && user.gid == group->gid;
}

/* The model's names without those that the view does not publish, in the view's spelling. */
static void published_text(const struct view *view, const char **names, size_t count, bool are_users, char *out, size_t size) {
        const char **kept = calloc(count + 1, sizeof *kept);
        size_t used = 0, n = 0;
        assert_non_null(kept);
        for (size_t i = 0; i < count; i++) {
                struct view_user user;
                struct view_group group;
                if (are_users ? view_user_by_name(view, names[i], &user) == VIEW_FOUND
                              : view_group_by_name(view, names[i], &group) == VIEW_FOUND && !is_private(view, &group))
                        kept[n++] = are_users ? user.name : group.name;
        }
        qsort(kept, n, sizeof *kept, compare_texts);
        (void)snprintf(out, size, "%s", n ? "" : "-");
        for (size_t i = 0; i < n; i++)
                used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", kept[i]);
        free(kept);
}

/* M1 to M4, M9: the view's groups of a user are the model's. */
static void compare_user(const struct view *view, const struct world *world, uint32_t index) {
        struct view_user user;
        const char **names;
        size_t count;
        uint32_t entry;
        char said[1024], wanted[1024];
        assert_int_equal(view_user_at(view, index, &user), VIEW_FOUND);
        check_groups_text(view, &user, said, sizeof said);
        assert_int_equal(world_groups_of_user(world, user.name, &names, &count), 0);
        published_text(view, names, count, false, wanted, sizeof wanted);
        free(names);
        assert_string_equal(said, wanted);
        struct view_access access;
        size_t owner = world_owner_of_user(world, user.name, &entry);
        assert_int_equal(view_user_access(view, index, 0, &access), VIEW_FOUND);
        assert_string_equal(access.directory, world->settings->directories[owner].name);
        assert_string_equal(access.entry_id, replica_text(world->replicas[owner], world->replicas[owner]->users[entry].entry_id));
}

static void compare_group(const struct view *view, const struct world *world, uint32_t index) {
        struct view_group group;
        const char **names;
        size_t count;
        char said[1024], wanted[1024];
        assert_int_equal(view_group_at(view, index, &group), VIEW_FOUND);
        check_members_text(&group, said, sizeof said);
        assert_int_equal(world_members_of_group(world, group.name, &names, &count), 0);
        published_text(view, names, count, true, wanted, sizeof wanted);
        free(names);
        assert_string_equal(said, wanted);
}

static bool has_row(const struct test_world *world, enum name_kind kind, const char *name, const char *directory) {
        struct row_wish wish = { .kind = kind, .name = name, .directory = directory };
        return check_row(test_world_settings(world), test_world_result(world), &wish);
}

/* Each user and group of host's active, complete directories is published from there, or `masked` has it. */
static void all_accounted(const struct test_world *world) {
        const struct settings *settings = test_world_settings(world);
        const struct application_settings *host = &settings->applications[settings->host];
        for (size_t i = 0; i < host->mapping_count; i++) {
                const struct directory_settings *directory = &settings->directories[host->mappings[i].directory];
                const struct replica *replica = test_world_replicas(world)[host->mappings[i].directory];
                if (!replica || !directory->active)
                        continue;
                for (uint32_t u = 0; u < replica->user_count; u++) {
                        struct view_user user;
                        const char *name = replica_text(replica, replica->users[u].name);
                        assert_true(has_row(world, NAME_OF_USER, name, directory->name) ||
                                    view_user_by_name(test_world_view(world), name, &user) == VIEW_FOUND);
                }
                for (uint32_t g = 0; g < replica->group_count; g++) {
                        struct view_group group;
                        const char *name = replica_text(replica, replica->groups[g].name);
                        assert_true(has_row(world, NAME_OF_GROUP, name, directory->name) ||
                                    view_group_by_name(test_world_view(world), name, &group) == VIEW_FOUND);
                }
        }
}

static void one_world(uint32_t seed, uint64_t *published) {
        char rule[64];
        struct sbuf script = { 0 };
        random_state = seed;
        for (unsigned i = 0; i < 3; i++)
                (void)below(2);
        random_script(&script);
        /* A second world over the same registry: what was published is withheld or keeps its id (I5). */
        if (one_in(2)) {
                sbuf_add(&script, "new\n");
                random_script(&script);
        }
        (void)snprintf(rule, sizeof rule, "random world, seed %u", seed);
        struct test_world *world = test_world_new();
        struct model model;
        test_world_run(world, rule, sbuf_text(&script));
        const struct view *view = test_world_view(world);
        model_init(&model, world);
        for (uint32_t i = 0; i < view_user_count(view); i++)
                compare_user(view, &model.world, i);
        for (uint32_t i = 0; i < view_group_count(view); i++)
                compare_group(view, &model.world, i);
        all_accounted(world);
        *published += view_user_count(view) + view_group_count(view);
        model_done(&model);
        test_world_free(world);
        sbuf_done(&script);
}

static void test_random(void **state) {
        uint64_t published = 0;
        (void)state;
        for (uint32_t i = 0; i < world_count; i++)
                one_world(first_seed + i, &published);
        /* Worlds in which nothing is published would prove nothing. */
        assert_true(published > world_count * 3);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };
        if (argc > 1)
                world_count = (uint32_t)strtoul(argv[1], NULL, 10);
        if (argc > 2)
                first_seed = (uint32_t)strtoul(argv[2], NULL, 10);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
