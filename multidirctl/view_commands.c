/* view list, ssh-keys: read from the view files, as anybody can; see view_commands.h. */
#include "multidirctl/view_commands.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static int by_number(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
        return x < y ? -1 : x > y;
}

int views_list(const struct ctl *ctl, uint64_t **generations, size_t *count) {
        _cleanup_free_ char *folder = ctl_path(ctl, VIEWS_FOLDER);
        _cleanup_free_ uint64_t *list = NULL;
        size_t n = 0, size = 0;
        int r = 0;
        DIR *dir = folder ? opendir(folder) : NULL;
        if (!dir)
                return folder ? -errno : -ENOMEM;
        for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
                uint64_t number;
                if (text_to_u64(entry->d_name, INT64_MAX, &number) < 0)
                        continue;
                if (n == size) {
                        size = size ? 2 * size : 16;
                        uint64_t *more = reallocarray(list, size, sizeof *more);
                        r = more ? 0 : -ENOMEM;
                        list = more ? more : list;
                }
                if (r == 0 && list)
                        list[n++] = number;
        }
        (void)closedir(dir);
        if (r < 0)
                return r;
        if (n > 1)
                qsort(list, n, sizeof *list, by_number);
        *generations = TAKE_PTR(list);
        *count = n;
        return 0;
}

int views_open(const struct ctl *ctl, uint64_t generation, struct view *view) {
        _cleanup_free_ char *path = NULL;
        if (asprintf(&path, "%s" VIEWS_FOLDER "/%ju", ctl->root, (uintmax_t)generation) < 0)
                return -ENOMEM;
        return view_open(path, view);
}

int views_open_current(const struct ctl *ctl, struct view *view) {
        _cleanup_free_ char *path = ctl_path(ctl, VIEW_PATH);
        return path ? view_open(path, view) : -ENOMEM;
}

static json_t *time_text(uint64_t seconds) {
        char text[32];
        time_t t = (time_t)seconds;
        struct tm tm;
        if (!gmtime_r(&t, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return json_null();
        return json_string(text);
}

static json_t *view_row(const struct ctl *ctl, uint64_t generation, uint64_t current) {
        struct view view;
        const char *what = "";
        int r = views_open(ctl, generation, &view);
        if (r < 0)
                return json_pack("{s:I, s:s}", "generation", (json_int_t)generation, "state", r == -EPROTONOSUPPORT ? "another version" : "damaged");
        bool good = view_verify(&view, &what) == 0;
        json_t *row = json_pack("{s:I, s:o, s:i, s:i, s:b, s:s}", "generation", (json_int_t)generation, "built", time_text(view_built_s(&view)),
                                "users", (int)view_user_count(&view), "groups", (int)view_group_count(&view),
                                "current", generation == current, "state", good ? "ok" : "damaged");
        view_close(&view);
        return row;
}

json_t *view_list_run(struct ctl *ctl, const json_t *fields, int *exit) {
        _cleanup_free_ uint64_t *list = NULL;
        size_t count = 0;
        struct view view;
        uint64_t current = UINT64_MAX;
        int r = views_list(ctl, &list, &count);
        if (r < 0 && r != -ENOENT)
                return ctl_error(exit, EXIT_UNAVAILABLE, "unavailable", VIEWS_FOLDER ": %s", strerror(-r));
        if (views_open_current(ctl, &view) == 0) {
                current = view_generation(&view);
                view_close(&view);
        }
        json_t *rows = json_array();
        for (size_t i = 0; rows && list && i < count; i++)
                (void)json_array_append_new(rows, view_row(ctl, list[i], current));
        *exit = EXIT_DONE;
        return rows ? json_pack("{s:o}", "views", rows) : NULL;
}

static json_t *key_lines(const char *keys, size_t len) {
        json_t *lines = json_array();
        for (size_t at = 0; lines && at < len;) {
                const char *end = memchr(keys + at, '\n', len - at);
                size_t n = end ? (size_t)(end - keys) - at : len - at;
                json_t *line = n > 0 ? json_stringn(keys + at, n) : NULL;
                if (line)
                        (void)json_array_append_new(lines, line);
                at += n + 1;
        }
        return lines;
}

/* For sshd, as nobody: a user who is not published, or has no key, is an empty answer and exit 0. */
json_t *ssh_keys_run(struct ctl *ctl, const json_t *fields, int *exit) {
        struct view view;
        struct view_user user;
        const char *keys = "";
        size_t len = 0;
        int r = views_open_current(ctl, &view);
        if (r < 0)
                return ctl_error(exit, EXIT_NO_SERVICE, "unavailable", "there is no view to read (" VIEW_PATH ": %s)", strerror(-r));
        if (view_user_by_name(&view, ctl_field(fields, "user"), &user) != VIEW_FOUND ||
            view_user_keys(&view, user.index, &keys, &len) != VIEW_FOUND)
                len = 0;
        json_t *lines = key_lines(keys, len);
        view_close(&view);
        *exit = EXIT_DONE;
        return lines ? json_pack("{s:o}", "keys", lines) : NULL;
}
