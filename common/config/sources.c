/* multidir.conf and the files of its folder: read whole, in name order, and only if nobody else can write them.
 * Relies on: open, fstat, scandir.
 * Must never: parse. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "config/config.h"

/* root must not act on what others can write. Anybody else only reads what they may. */
static bool is_trusted(const struct stat *st, const char *path, struct sbuf *errors) {
        if (geteuid() != 0)
                return true;
        if (st->st_uid != 0)
                sbuf_printf(errors, "%s: owned by uid %u; valid: owned by root\n", path, st->st_uid);
        else if (st->st_mode & (S_IWGRP | S_IWOTH))
                sbuf_printf(errors, "%s: mode %04o lets others write it; valid: mode %s or stricter\n", path, st->st_mode & 07777,
                            S_ISDIR(st->st_mode) ? "0755" : "0644");
        else
                return true;
        return false;
}

/* Who can write the folder can put another file in the file's place. */
static bool has_trusted_folder(const char *path, struct sbuf *errors) {
        const char *slash = strrchr(path, '/');
        struct stat st;
        _cleanup_free_ char *folder = !slash ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
        return folder && (stat(folder, &st) < 0 || is_trusted(&st, folder, errors)); /* a folder that is not there: opening says so */
}

/* The folder that the path names, and the one that it leads to through symbolic links. */
static bool has_trusted_place(const char *path, struct sbuf *errors) {
        _cleanup_free_ char *real = realpath(path, NULL);
        return has_trusted_folder(path, errors) && (!real || strcmp(real, path) == 0 || has_trusted_folder(real, errors));
}

/* A symbolic link is followed: configuration management uses them, and what it leads to is checked. */
static int read_one(const char *path, struct config_sources *sources, struct sbuf *errors) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0) {
                int r = -errno;
                sbuf_printf(errors, "%s: %s\n", path, strerror(-r));
                return r;
        }
        bool placed = has_trusted_place(path, errors);
        if (!is_trusted(&st, path, errors) || !placed)
                return -EPERM;
        struct config_source source = { .path = strdup(path) };
        struct config_source *items = reallocarray(sources->items, sources->count + 1, sizeof *items);
        if (items)
                sources->items = items;
        int r = source.path && items ? file_read_fd(fd, CONFIG_TEXT_MAX, &source.text, &source.len) : -ENOMEM;
        if (r < 0) {
                sbuf_printf(errors, "%s: %s\n", path, r == -EINVAL ? "not a regular file" : r == -EFBIG ? "larger than 4 MiB" : strerror(-r));
                free(source.path);
                return r;
        }
        sources->items[sources->count++] = source;
        return 0;
}

static int is_conf(const struct dirent *entry) {
        const char *dot = strrchr(entry->d_name, '.');
        return entry->d_name[0] != '.' && dot && strcmp(dot, ".conf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(const char *folder, struct config_sources *sources, struct sbuf *errors) {
        struct dirent **entries = NULL;
        struct stat st;
        int first_error = 0;
        if (stat(folder, &st) == 0 && !is_trusted(&st, folder, errors))
                return -EPERM;
        int count = scandir(folder, &entries, is_conf, by_bytes);
        if (count < 0) {
                if (errno == ENOENT)
                        return 0;
                first_error = -errno;
                sbuf_printf(errors, "%s: %s\n", folder, strerror(-first_error));
                return first_error;
        }
        for (int i = 0; i < count; i++) {
                _cleanup_free_ char *path = NULL;
                int r = asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0 ? -ENOMEM : read_one(path, sources, errors);
                if (r < 0 && first_error == 0)
                        first_error = r;
                free(entries[i]);
        }
        free(entries);
        return first_error;
}

int config_read_sources(const char *file, const char *folder, struct config_sources *sources, struct sbuf *errors) {
        struct config_sources made = { 0 };
        int r = read_one(file, &made, errors);
        int folder_r = folder ? read_folder(folder, &made, errors) : 0;
        if (r == 0)
                r = folder_r;
        if (r < 0)
                config_sources_done(&made);
        else
                *sources = made;
        return r;
}

void config_sources_done(struct config_sources *sources) {
        for (size_t i = 0; i < sources->count; i++) {
                free(sources->items[i].path);
                free(sources->items[i].text);
        }
        free(sources->items);
        *sources = (struct config_sources){ 0 };
}
