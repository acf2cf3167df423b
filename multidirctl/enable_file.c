/* One file of the host, changed and given back; see enable_file.h. */
#include "multidirctl/enable_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* Where the file really is: a symbolic link stays one. */
static char *real_path(const struct ctl *ctl, const char *path) {
        _cleanup_free_ char *full = ctl_path(ctl, path);
        char *real = full ? realpath(full, NULL) : NULL;
        return real ? real : full && errno == ENOENT ? TAKE_PTR(full) : NULL;
}

int enable_read(const struct ctl *ctl, const char *path, char **text, bool *exists) {
        _cleanup_free_ char *real = real_path(ctl, path), *read = NULL;
        size_t len = 0;
        if (!real)
                return errno ? -errno : -ENOMEM;
        int r = file_read(real, ENABLE_FILE_MAX, &read, &len);
        *exists = r == 0;
        if (r == -ENOENT)
                read = strdup("");
        else if (r < 0)
                return r;
        if (!read)
                return -ENOMEM;
        if (strlen(read) != len)
                return -EINVAL;
        *text = TAKE_PTR(read);
        return 0;
}

int enable_write(const struct ctl *ctl, const char *path, const char *text) {
        _cleanup_free_ char *real = real_path(ctl, path);
        struct stat st = { .st_mode = 0644 };
        if (!real)
                return errno ? -errno : -ENOMEM;
        bool existed = stat(real, &st) == 0;
        int r = file_replace(real, text, strlen(text), st.st_mode & 07777);
        if (r == 0 && existed && (st.st_uid != geteuid() || st.st_gid != getegid()) && lchown(real, st.st_uid, st.st_gid) < 0)
                r = -errno;
        return r;
}

int enable_remove(const struct ctl *ctl, const char *path) {
        _cleanup_free_ char *full = ctl_path(ctl, path);
        if (!full)
                return -ENOMEM;
        return unlink(full) < 0 && errno != ENOENT ? -errno : 0;
}

static char *kept_path(const struct ctl *ctl, const char *name, const char *what) {
        char *path;
        return asprintf(&path, "%s" ENABLE_FOLDER "/%s.%s", ctl->root, name, what) < 0 ? NULL : path;
}

static int make_folder(const struct ctl *ctl) {
        _cleanup_free_ char *parent = ctl_path(ctl, "/var/lib/multidir"), *folder = ctl_path(ctl, ENABLE_FOLDER);
        if (!parent || !folder)
                return -ENOMEM;
        if ((mkdir(parent, 0755) < 0 && errno != EEXIST) || (mkdir(folder, 0755) < 0 && errno != EEXIST))
                return -errno;
        return 0;
}

int enable_keep(const struct ctl *ctl, const char *name, const char *original, const char *enabled) {
        _cleanup_free_ char *before = kept_path(ctl, name, "original"), *after = kept_path(ctl, name, "enabled");
        int r = before && after ? make_folder(ctl) : -ENOMEM;
        if (r == 0 && original)
                r = file_replace(before, original, strlen(original), 0600);
        else if (r == 0 && unlink(before) < 0 && errno != ENOENT)
                r = -errno;
        return r == 0 ? file_replace(after, enabled, strlen(enabled), 0600) : r;
}

int enable_kept(const struct ctl *ctl, const char *name, char **original, char **enabled) {
        _cleanup_free_ char *before = kept_path(ctl, name, "original"), *after = kept_path(ctl, name, "enabled"), *text = NULL, *made = NULL;
        size_t len;
        int r = before && after ? file_read(after, ENABLE_FILE_MAX, &made, &len) : -ENOMEM;
        if (r < 0)
                return r;
        r = file_read(before, ENABLE_FILE_MAX, &text, &len);
        if (r < 0 && r != -ENOENT)
                return r;
        *original = TAKE_PTR(text);
        *enabled = TAKE_PTR(made);
        return 0;
}

void enable_forget(const struct ctl *ctl, const char *name) {
        static const char *const kinds[] = { "enabled", "original" };
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                _cleanup_free_ char *path = kept_path(ctl, name, kinds[i]);
                if (path)
                        (void)unlink(path);
        }
        _cleanup_free_ char *folder = ctl_path(ctl, ENABLE_FOLDER);
        if (folder)
                (void)rmdir(folder);
}
