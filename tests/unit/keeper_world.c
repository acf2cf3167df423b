/* A keeper over a temporary folder; see keeper_world.h. */
#include "keeper_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>

#include "unit/keeper_publish.h"
#include "unit/merge_compare.h"

static void configure(struct keeper *keeper, const char *config) {
        struct config_source source = { .path = (char *)(uintptr_t)"multidir.conf", .text = (char *)(uintptr_t)config, .len = strlen(config) };
        struct config_sources sources = { .items = &source, .count = 1 };
        _cleanup_sbuf_ struct sbuf errors = { 0 };
        if (keeper_configure(keeper, &sources, &errors) < 0)
                fail_msg("the configuration is refused: %s", sbuf_text(&errors));
        keeper_build(keeper);
}

void keeper_world_configure(struct keeper_world *world, const char *config) {
        char *copy = strdup(config);
        free(world->config);
        world->config = copy;
        configure(world->keeper, copy);
}

static struct keeper *fresh_keeper(const struct keeper_world *world) {
        struct keeper *keeper = keeper_new(world->folder);
        assert_non_null(keeper);
        assert_int_equal(keeper_set_local(keeper, "root:x:0:0::/root:/bin/sh\nlocalguy:x:1000:1000::/:/bin/sh\n", "root:x:0:\nsudo:x:27:\nlocalgroup:x:1001:\n",
                                          "localguy:100000:65536\n", NULL), 0);
        return keeper;
}

static void start(struct keeper_world *world, const char *config) {
        world->keeper = fresh_keeper(world);
        keeper_world_configure(world, config);
        assert_int_equal(keeper_build(world->keeper), 0);
}

void keeper_world_open(struct keeper_world *world, const char *config) {
        (void)snprintf(world->folder, sizeof world->folder, "/tmp/multidir-keeper-XXXXXX");
        world->config = NULL;
        world->file = -1;
        world->alone = false;
        world->patches = 0;
        assert_non_null(mkdtemp(world->folder));
        start(world, config);
}

void keeper_world_restart(struct keeper_world *world, const char *config) {
        keeper_free(world->keeper);
        start(world, config);
}

void keeper_world_close(struct keeper_world *world) {
        keeper_free(world->keeper);
        free(world->config);
        if (world->file >= 0)
                (void)close(world->file);
        DIR *folder = opendir(world->folder);
        for (struct dirent *entry; folder && (entry = readdir(folder));)
                if (entry->d_name[0] != '.')
                        (void)unlinkat(dirfd(folder), entry->d_name, 0);
        if (folder)
                (void)closedir(folder);
        (void)rmdir(world->folder);
}

static json_t *parse(const char *text) {
        char *json = strdup(text);
        json_error_t error;
        for (char *p = json; *p; p++)
                if (*p == '\'')
                        *p = '"';
        json_t *value = json_loads(json, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
        if (!value)
                fail_msg("the test's own JSON is bad: %s: %s", text, error.text);
        free(json);
        return value;
}

/* The view that was made of the one before, and one of everybody, read from the stores. */
static void compare(const struct keeper_world *world, const char *request) {
        if (world->alone)
                return;
        struct keeper *other = fresh_keeper(world);
        configure(other, world->config);
        assert_true(other->view.base && !other->build_error[0]);
        const char *said = compare_views(&world->keeper->view, &other->view);
        if (!said)
                said = compare_rows(&world->keeper->masked, &other->masked);
        for (size_t i = 0; !said && i < world->keeper->directory_count; i++)
                if (world->keeper->replicas[i] && world->keeper->replicas[i]->user_rows)
                        said = compare_replicas(world->keeper->replicas[i], other->replicas[i]);
        if (said)
                fail_msg("%s: not as a build of everybody: %s", request, said);
        keeper_free(other);
}

json_t *keeper_world_ask(struct keeper_world *world, const char *request, int *exit) {
        json_t *json = parse(request);
        json_t *object = keeper_command(world->keeper, json, exit);
        json_decref(json);
        assert_non_null(object);
        if (keeper_build(world->keeper) < 0)
                fail_msg("%s: %s", request, world->keeper->build_error);
        if (keeper_publish(world->keeper, &world->file)) {
                world->patches++;
                compare(world, request);
        }
        return object;
}

static bool contains(const json_t *shown, const json_t *wanted) {
        const char *key;
        json_t *value;
        if (json_is_object(wanted)) {
                json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
                        if (!contains(json_object_get(shown, key), value))
                                return false;
                return json_is_object(shown);
        }
        if (!json_is_array(wanted))
                return json_equal(shown, wanted);
        if (!json_is_array(shown) || json_array_size(shown) != json_array_size(wanted))
                return false;
        for (size_t i = 0; i < json_array_size(wanted); i++)
                if (!contains(json_array_get(shown, i), json_array_get(wanted, i)))
                        return false;
        return true;
}

void keeper_world_run(struct keeper_world *world, const struct keeper_check *rows, size_t count) {
        for (size_t i = 0; i < count; i++) {
                int exit;
                json_t *object = keeper_world_ask(world, rows[i].request, &exit);
                json_t *expected = rows[i].expected ? parse(rows[i].expected) : NULL;
                bool good = exit == rows[i].exit && (!expected || contains(object, expected));
                char *shown = json_dumps(object, JSON_COMPACT);
                if (!good)
                        fail_msg("row %zu, %s: %s: exit %d %s, wanted exit %d %s", i, rows[i].rule, rows[i].request, exit, shown, rows[i].exit,
                                 rows[i].expected ? rows[i].expected : "");
                free(shown);
                json_decref(object);
                json_decref(expected);
        }
}
