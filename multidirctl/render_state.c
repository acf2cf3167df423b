/* The state of the service and of directories for people; see render.h.
 * Relies on: render.h.
 * Must never: say less than the object does. */
#include "multidirctl/render.h"

/* Seconds as people say them: 3 s, 5 min, 2 h, 4 d. */
static void say_age(json_t *object, const char *key) {
        static const struct { json_int_t seconds; const char *unit; } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
        const json_t *age = json_object_get(object, key);
        if (!json_is_integer(age))
                return;
        json_int_t seconds = json_integer_value(age);
        size_t i = 0;
        while (i + 1 < ARRAY_SIZE(units) && seconds < units[i].seconds)
                i++;
        (void)json_object_set_new(object, key, json_sprintf("%" JSON_INTEGER_FORMAT " %s", seconds / units[i].seconds, units[i].unit));
}

/* Of a directory's row. */
static void say_ages(json_t *directory) {
        say_age(directory, "age");
        say_age(directory, "full_age");
}

void render_status(struct ctl *ctl, const json_t *object) {
        json_t *copy = json_deep_copy(object), *directory;
        size_t i;
        say_age(json_object_get(copy, "view"), "age");
        json_array_foreach(json_object_get(copy, "directories"), i, directory)
                say_ages(directory);
        render_object(ctl, copy ? copy : object);
        json_decref(copy);
}

void render_directory(struct ctl *ctl, const json_t *object) {
        json_t *copy = json_deep_copy(object);
        say_ages(copy);
        render_object(ctl, copy ? copy : object);
        json_decref(copy);
}
