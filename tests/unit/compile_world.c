/* The script language of compile_world.h.
 * Relies on: compile_world.h's promises.
 * Must never: repair a world: what the script says is what is compiled. */
#include "unit/compile_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sbuf.h"
#include "base/text.h"
#include "unit/compile_check.h"
#include "unit/compile_parse.h"

struct test_world {
        struct parsed parsed;
        struct registry *registry;
        struct replica *replicas[WORLD_DIRECTORIES];
        const struct replica *complete[WORLD_DIRECTORIES];
        struct local_accounts *local;
        struct compile_result result;
        struct view view;
        uint64_t generation;
        const char *rule, *line;
};

static void forget_build(struct test_world *world) {
        for (size_t i = 0; i < WORLD_DIRECTORIES; i++) {
                replica_free(world->replicas[i]);
                world->replicas[i] = NULL;
        }
        local_accounts_free(world->local);
        world->local = NULL;
        compile_result_done(&world->result);
        if (world->view.base)
                view_close(&world->view);
        world->view = (struct view){ 0 };
}

struct test_world *test_world_new(void) {
        struct test_world *world = calloc(1, sizeof *world);
        assert_non_null(world);
        world->registry = registry_new();
        assert_non_null(world->registry);
        parsed_reset(&world->parsed);
        return world;
}

void test_world_free(struct test_world *world) {
        forget_build(world);
        parsed_done(&world->parsed);
        registry_free(world->registry);
        free(world);
}

const struct view *test_world_view(const struct test_world *world) {
        return &world->view;
}

const struct settings *test_world_settings(const struct test_world *world) {
        return &world->parsed.settings;
}

const struct replica *const *test_world_replicas(const struct test_world *world) {
        return world->complete;
}

const struct compile_result *test_world_result(const struct test_world *world) {
        return &world->result;
}

static void fail_line(const struct test_world *world, const char *what) {
        fail_msg("%s: \"%s\": %s", world->rule, world->line, what);
}

static int compile_now(struct test_world *world, int fd) {
        forget_build(world);
        parsed_finish(&world->parsed);
        for (size_t i = 0; i < world->parsed.settings.directory_count; i++) {
                world->replicas[i] = parsed_replica(&world->parsed, i);
                world->complete[i] = world->parsed.directories[i].complete ? world->replicas[i] : NULL;
        }
        assert_int_equal(local_accounts_new(sbuf_text(&world->parsed.passwd), sbuf_text(&world->parsed.group), sbuf_text(&world->parsed.subuid), NULL,
                                            &world->local), 0);
        struct compile_input input = {
                .settings = &world->parsed.settings, .replicas = world->complete, .local = world->local, .registry = world->registry,
                .generation = ++world->generation, .built_s = 1,
        };
        return compile_view(&input, fd, &world->result);
}

static void do_build(struct test_world *world) {
        int fd = memfd_create("view", MFD_CLOEXEC);
        const char *what = "";
        assert_true(fd >= 0);
        if (compile_now(world, fd) != 0)
                fail_line(world, "compile_view failed");
        assert_int_equal(view_open_fd(fd, &world->view), 0);
        close(fd);
        if (view_verify(&world->view, &what) != 0)
                fail_line(world, what);
        const char *broken = check_any_view(&world->view, world->local);
        if (broken)
                fail_line(world, broken);
        registry_saved(world->registry);
}

static void do_masked(struct test_world *world, char **words, size_t count) {
        bool user = strcmp(words[1], "user") == 0, note = strcmp(words[0], "note") == 0;
        struct view_user published_user;
        struct view_group published_group;
        enum view_answer answer = user ? view_user_by_name(&world->view, words[2], &published_user)
                                       : view_group_by_name(&world->view, words[2], &published_group);
        if (answer != (note ? VIEW_FOUND : VIEW_NOT_FOUND))
                fail_line(world, note ? "not published" : "published");
        struct row_wish wish = {
                .kind = user ? NAME_OF_USER : NAME_OF_GROUP, .name = words[2], .reason = note ? "ok" : count > 3 ? words[3] : NULL,
                .winner = count > 4 ? words[4] : NULL,
        };
        if (wish.reason && !check_row(&world->parsed.settings, &world->result, &wish))
                fail_line(world, "masked has no such row");
}

static void do_row(struct test_world *world, char **words, size_t count) {
        struct row_wish wish = {
                .kind = strcmp(words[1], "user") == 0 ? NAME_OF_USER : NAME_OF_GROUP, .name = words[2], .directory = words[3],
                .reason = words[4], .winner = count > 5 ? words[5] : NULL,
        };
        if (!check_row(&world->parsed.settings, &world->result, &wish))
                fail_line(world, "masked has no such row");
}

static void do_expect(struct test_world *world, char **words, size_t count) {
        char said[512];
        bool right = strcmp(words[0], "is") == 0    ? check_user(&world->view, words + 1, count - 1, said, sizeof said)
                     : strcmp(words[0], "has") == 0 ? check_group(&world->view, words + 1, count - 1, said, sizeof said)
                                                    : check_access(&world->view, words + 1, count - 1, said, sizeof said);
        if (!right)
                fail_line(world, said);
}

static void do_line(struct test_world *world, char **words, size_t count) {
        if (strcmp(words[0], "build") == 0)
                do_build(world);
        else if (strcmp(words[0], "new") == 0)
                parsed_reset(&world->parsed);
        else if (strcmp(words[0], "accept") == 0)
                assert_int_equal(registry_accept(world->registry, strcmp(words[1], "user") == 0 ? NAME_OF_USER : NAME_OF_GROUP, words[2]), 0);
        else if (strcmp(words[0], "is") == 0 || strcmp(words[0], "has") == 0 || strcmp(words[0], "access") == 0)
                do_expect(world, words, count);
        else if (strcmp(words[0], "no") == 0 || strcmp(words[0], "note") == 0)
                do_masked(world, words, count);
        else if (strcmp(words[0], "row") == 0)
                do_row(world, words, count);
        else if (!parsed_line(&world->parsed, words, count))
                fail_line(world, "no such line in the script language");
}

void test_world_run(struct test_world *world, const char *rule, const char *script) {
        char *copy = strdup(script), *rest = copy, *line;
        assert_non_null(copy);
        world->rule = rule;
        while ((line = strsep(&rest, "\n"))) {
                char *shown = strdup(line), *words[WORLD_WORDS];
                assert_non_null(shown);
                world->line = shown;
                size_t count = parsed_words(line, words);
                if (count > 0)
                        do_line(world, words, count);
                free(shown);
        }
        free(copy);
}
