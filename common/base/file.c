/* Whole files; see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sbuf.h"

int file_read_fd(int fd, size_t max, char **text, size_t *len) {
        _cleanup_sbuf_ struct sbuf buf = { 0 };
        char chunk[64 * 1024];
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        for (;;) {
                ssize_t n = read(fd, chunk, sizeof chunk);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if ((size_t)n > max - buf.len)
                        return -EFBIG;
                sbuf_add_bytes(&buf, chunk, (size_t)n);
        }
        size_t total = buf.len;
        char *all = sbuf_take(&buf);
        if (!all)
                return -ENOMEM;
        *text = all;
        *len = total;
        return 0;
}

int file_read(const char *path, size_t max, char **text, size_t *len) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        return file_read_fd(fd, max, text, len);
}

int file_write_all(int fd, const void *bytes, size_t len) {
        const char *p = bytes;
        while (len > 0) {
                ssize_t n = write(fd, p, len);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                len -= (size_t)n;
        }
        return 0;
}

/* The folder of path, opened, so that a rename in it can be synced. */
static int sync_folder(const char *path) {
        _cleanup_free_ char *folder = strdup(path);
        if (!folder)
                return -ENOMEM;
        char *slash = strrchr(folder, '/');
        if (slash)
                slash[slash == folder ? 1 : 0] = 0;
        _cleanup_close_ int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fsync(fd) < 0 ? -errno : 0;
}

int file_replace(const char *path, const void *bytes, size_t len, mode_t mode) {
        _cleanup_free_ char *temporary = NULL;
        if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
                return -ENOMEM;
        _cleanup_close_ int fd = mkostemp(temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int r = file_write_all(fd, bytes, len);
        if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0))
                r = -errno;
        if (r < 0) {
                (void)unlink(temporary);
                return r;
        }
        return sync_folder(path);
}
