/* Views made of the last one and a change, over random worlds and sequences of single changes: each must say just what a build of everybody says,
 * `masked` and the id registry with it; and the changed replica must be the one that its store would give.
 *   test_compile_merge [WORLDS [SEED]]
 * Relies on: merge_world, merge_compare, compile_check.
 * Must never: use a random source of the system: a failing seed must fail again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/compile_check.h"
#include "unit/merge_compare.h"
#include "unit/merge_world.h"
#include "view/merge.h"
#include "view/patch.h"

enum { STEPS = 30 };

static uint32_t world_count = 400, first_seed = 1;
static uint64_t merged, full;

/* One way of building, with a registry of its own. */
struct builder {
        struct registry *registry;
        struct compile_result result;
        struct view view; /* private, writable: view_merge changes it */
        int fd;           /* its file */
};

static void fail_at(uint32_t seed, uint32_t step, const char *change, const char *said) {
        if (said)
                fail_msg("seed %u, step %u (%s): %s", seed, step, change, said);
}

static void map(int fd, struct view *view) {
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        void *base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        assert_true(base != MAP_FAILED);
        *view = (struct view){ .base = base, .size = (size_t)st.st_size };
}

/* Both taken. */
static void replace(struct builder *builder, struct compile_result *result, int fd) {
        const char *what;
        compile_result_done(&builder->result);
        builder->result = *result;
        view_close(&builder->view);
        if (builder->fd > 0)
                (void)close(builder->fd);
        builder->fd = fd;
        map(fd, &builder->view);
        if (view_verify(&builder->view, &what) < 0)
                fail_msg("the view is damaged: %s", what);
}

/* As the installer: the former file, copied and patched. */
static int patched(const struct builder *builder, int patch_fd) {
        struct view base, patch_file;
        struct view_patch patch;
        int fd = memfd_create("patched", MFD_CLOEXEC);
        map(builder->fd, &base);
        map(patch_fd, &patch_file);
        assert_int_equal(pwrite(fd, base.base, base.size, 0), base.size);
        assert_int_equal(view_patch_parse(patch_file.base, patch_file.size, &patch), 0);
        assert_int_equal(patch.header->file_size, base.size);
        assert_int_equal(view_patch_apply(&patch, fd), 0);
        view_close(&base);
        view_close(&patch_file);
        return fd;
}

static struct compile_input input_of(struct merge_world *world, struct replica *const *replicas, struct registry *registry, uint32_t step) {
        return (struct compile_input){ .settings = &world->settings, .replicas = (const struct replica *const *)replicas, .local = world->local,
                                       .registry = registry, .generation = step + 1, .built_s = step + 1 };
}

static void build_full(struct builder *builder, struct merge_world *world, struct replica *const *replicas, uint32_t step) {
        struct compile_result result = { 0 };
        struct compile_input input = input_of(world, replicas, builder->registry, step);
        int fd = memfd_create("full", MFD_CLOEXEC);
        assert_int_equal(compile_view(&input, fd, &result), 0);
        replace(builder, &result, fd);
}

static void names_of(const struct merge_change *change, struct name_map *names) {
        for (size_t i = 0; i < change->name_count; i++)
                (void)name_map_add(names, change->names[i], 0);
}

/* 0, or -EAGAIN: in full, please. */
static int build_part(struct builder *builder, struct merge_world *world, struct replica *const *replicas, const struct name_map *names, uint32_t step) {
        struct replica *parts[MERGE_DIRECTORIES] = { NULL };
        struct compile_result result = { 0 };
        struct compile_base base = { .view = &builder->view, .result = &builder->result, .names = names };
        struct compile_input input = input_of(world, parts, builder->registry, step);
        struct view part = { 0 };
        input.base = &base;
        int r = 0, part_fd = memfd_create("part", MFD_CLOEXEC), fd = memfd_create("patch", MFD_CLOEXEC);
        for (size_t i = 0; r == 0 && i < MERGE_DIRECTORIES; i++)
                r = replicas[i] ? replica_part(replicas[i], names, &parts[i]) : 0;
        if (r == 0)
                r = compile_view(&input, part_fd, &result);
        if (r == 0)
                r = view_open_fd(part_fd, &part);
        if (r == 0)
                r = view_merge(&builder->view, &part, names, fd);
        if (r == 0) {
                struct compile_result joined = builder->result;
                builder->result = (struct compile_result){ 0 };
                int next = patched(builder, fd);
                struct view file;
                map(next, &file);
                assert_memory_equal(file.base, builder->view.base, file.size); /* no change is left out of the patch */
                view_close(&file);
                assert_int_equal(compile_join(&joined, &result, names), 0);
                replace(builder, &joined, next);
        } else {
                const char *what;
                assert_int_equal(r, -11);
                assert_int_equal(view_verify(&builder->view, &what), 0); /* it is as it was */
                registry_revert(builder->registry);
        }
        (void)close(fd);
        view_close(&part);
        (void)close(part_fd);
        compile_result_done(&result);
        for (size_t i = 0; i < MERGE_DIRECTORIES; i++)
                replica_free(parts[i]);
        return r;
}

/* An administrator's word for somebody who waits for it. */
static bool accept_somebody(struct builder *a, struct builder *b) {
        for (size_t i = 0; i < a->result.row_count; i++)
                if (a->result.rows[i].reason == REASON_ID_CONFLICT && merge_below(3) == 0) {
                        assert_int_equal(registry_accept(a->registry, a->result.rows[i].kind, a->result.rows[i].name), 0);
                        assert_int_equal(registry_accept(b->registry, a->result.rows[i].kind, a->result.rows[i].name), 0);
                        return true;
                }
        return false;
}

static void one_step(uint32_t seed, uint32_t step, struct merge_world *world, struct replica **replicas, struct builder *quick, struct builder *whole) {
        struct merge_change change = { .groups = true, .what = "accept" };
        struct replica *fresh[MERGE_DIRECTORIES];
        struct name_map names = { 0 };
        if (merge_below(20) != 0 || !accept_somebody(quick, whole))
                merge_world_change(world, replicas, &change);
        names_of(&change, &names);
        for (size_t i = 0; i < MERGE_DIRECTORIES; i++) {
                fresh[i] = merge_world_replica(world, i);
                if (!change.groups)
                        fail_at(seed, step, change.what, compare_replicas(replicas[i], fresh[i]));
        }
        build_full(whole, world, fresh, step);
        if (!change.groups && build_part(quick, world, replicas, &names, step) == 0) {
                merged++;
        } else {
                build_full(quick, world, fresh, step);
                full++;
        }
        fail_at(seed, step, change.what, compare_views(&quick->view, &whole->view));
        fail_at(seed, step, change.what, compare_rows(&quick->result, &whole->result));
        fail_at(seed, step, change.what, compare_pending(quick->registry, whole->registry));
        fail_at(seed, step, change.what, check_any_view(&quick->view, world->local));
        registry_saved(quick->registry);
        registry_saved(whole->registry);
        for (size_t i = 0; i < MERGE_DIRECTORIES; i++) {
                replica_free(change.groups ? replicas[i] : fresh[i]);
                if (change.groups)
                        replicas[i] = fresh[i];
        }
        name_map_done(&names);
}

static void builder_done(struct builder *builder) {
        compile_result_done(&builder->result);
        view_close(&builder->view);
        (void)close(builder->fd);
        registry_free(builder->registry);
}

static void one_world(uint32_t seed) {
        struct merge_world world;
        struct replica *replicas[MERGE_DIRECTORIES];
        struct builder quick = { .registry = registry_new() }, whole = { .registry = registry_new() };
        merge_seed(seed);
        merge_world_make(&world);
        for (size_t i = 0; i < MERGE_DIRECTORIES; i++)
                replicas[i] = merge_world_replica(&world, i);
        build_full(&quick, &world, replicas, 0);
        build_full(&whole, &world, replicas, 0);
        registry_saved(quick.registry);
        registry_saved(whole.registry);
        for (uint32_t step = 1; step <= STEPS; step++)
                one_step(seed, step, &world, replicas, &quick, &whole);
        builder_done(&quick);
        builder_done(&whole);
        for (size_t i = 0; i < MERGE_DIRECTORIES; i++)
                replica_free(replicas[i]);
        merge_world_done(&world);
}

static void test_merge(void **state) {
        (void)state;
        for (uint32_t i = 0; i < world_count; i++)
                one_world(first_seed + i);
        printf("# %llu views made of the last one, %llu in full\n", (unsigned long long)merged, (unsigned long long)full);
        /* Were all of them made in full, this would prove nothing. */
        assert_true(merged > (uint64_t)world_count * STEPS / 4);
}

enum { CROWD = 1500, CROWD_NAMES = 3000, CROWD_GROUPS = 40, CROWD_STEPS = 500 };

static struct replica *crowd_make(void) {
        struct replica *replica = replica_new();
        replica->user_rows = calloc(CROWD, sizeof *replica->user_rows);
        replica->group_rows = calloc(CROWD_GROUPS, sizeof *replica->group_rows);
        for (uint32_t g = 0; g < CROWD_GROUPS; g++) {
                char name[16];
                uint32_t index;
                struct replica_group group = { .gid = 50000 + g, .active = true };
                (void)snprintf(name, sizeof name, "g%u", g);
                assert_int_equal(replica_add_text(replica, name, &group.name), 0);
                group.entry_id = group.name;
                assert_int_equal(replica_add_group(replica, &group, &index), 0);
                replica->group_rows[g] = g + 1;
        }
        for (uint32_t u = 0; u < CROWD; u++) {
                char name[16];
                uint32_t index;
                struct replica_user user = { .uid = 2000 + u, .active = true };
                (void)snprintf(name, sizeof name, "u%u", u);
                assert_int_equal(replica_add_text(replica, name, &user.name), 0);
                user.entry_id = user.name;
                assert_int_equal(replica_add_user(replica, &user, &index), 0);
                replica->user_rows[u] = u + 1;
                for (uint32_t g = 0; g < CROWD_GROUPS; g++)
                        if (merge_below(4) == 0)
                                assert_int_equal(replica_add_user_edge(replica, u, g), 0);
        }
        replica->synchronised_s = 1;
        assert_int_equal(replica_finish(replica), 0);
        return replica;
}

/* Some user of the pool comes, goes, or changes a text or a group; row and name belong together. */
static void crowd_change(struct replica *replica, char name[16]) {
        uint32_t u = merge_below(CROWD_NAMES);
        int64_t row = (int64_t)u + 1;
        (void)snprintf(name, 16, "u%u", u);
        bool there = replica_row_index(replica->user_rows, replica->user_count, row) != REPLICA_NONE;
        struct replica_person person = { .name = name, .entry_id = name, .home = merge_below(2) ? "/srv/a-rather-long-place-to-live-at" : "", .uid = 2000 + u, .active = true };
        if (there && merge_below(3) == 0) {
                assert_int_equal(replica_drop_person(replica, row), 0);
                return;
        }
        if (!there || merge_below(2) == 0)
                assert_int_equal(replica_put_person(replica, row, &person), 0);
        for (uint32_t i = 0; i < 6; i++)
                assert_int_equal(replica_set_member(replica, row, 1 + merge_below(CROWD_GROUPS), merge_below(2)), 0);
}

/* Enough users that buckets run over and records find no room where they were: entries must move up, records away, and the rest stay found. */
static void test_crowd(void **state) {
        struct merge_world world = { .entries = 0 };
        struct replica *replicas[MERGE_DIRECTORIES] = { NULL };
        struct builder quick = { .registry = registry_new() }, whole = { .registry = registry_new() };
        uint32_t made = 0;
        (void)state;
        merge_seed(7);
        world.directory_settings[0] = (struct directory_settings){ .name = "A", .type = DIRECTORY_LDAP, .active = true, .ids = IDS_ATTRIBUTE, .min_id = 1000,
                                                                   .home = "/home/%u", .shell = "/bin/sh" };
        world.mappings[0][0] = (struct mapping_settings){ .allow_all = true };
        world.applications[0] = (struct application_settings){ .name = "host", .profile = "crowd", .mappings = world.mappings[0], .mapping_count = 1 };
        world.settings = (struct settings){ .directories = world.directory_settings, .directory_count = 1, .applications = world.applications, .application_count = 1 };
        assert_int_equal(local_accounts_new("root:x:0:0::/:/bin/sh\n", "root:x:0:\n", NULL, NULL, &world.local), 0);
        replicas[0] = crowd_make();
        build_full(&quick, &world, replicas, 0);
        registry_saved(quick.registry);
        for (uint32_t step = 1; step <= CROWD_STEPS; step++) {
                char name[16];
                struct name_map names = { 0 };
                crowd_change(replicas[0], name);
                assert_int_equal(name_map_add(&names, name, 0), 0);
                if (build_part(&quick, &world, replicas, &names, step) == 0)
                        made++;
                else
                        build_full(&quick, &world, replicas, step);
                registry_saved(quick.registry);
                name_map_done(&names);
                if (step % 50 != 0)
                        continue;
                build_full(&whole, &world, replicas, step);
                registry_saved(whole.registry);
                fail_at(7, step, "crowd", compare_views(&quick.view, &whole.view));
        }
        assert_true(made > CROWD_STEPS * 3 / 4);
        builder_done(&quick);
        builder_done(&whole);
        replica_free(replicas[0]);
        local_accounts_free(world.local);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_merge), cmocka_unit_test(test_crowd) };
        if (argc > 1)
                world_count = (uint32_t)strtoul(argv[1], NULL, 10);
        if (argc > 2)
                first_seed = (uint32_t)strtoul(argv[2], NULL, 10);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
