/* A file that holds one secret; see secret_file.h. */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The configuration was checked when it was read; the file may be another one by now. */
static int check_file(int fd) {
        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        return st.st_uid != 0 || (st.st_mode & (S_IRWXG | S_IRWXO)) ? -EPERM : 0;
}

/* One line, without its end. */
static int take_line(struct secret *secret, const char *text, size_t len) {
        if (len > 0 && text[len - 1] == '\n')
                len--;
        if (len > 0 && text[len - 1] == '\r')
                len--;
        if (len == 0)
                return -ENODATA;
        int r = secret_set(secret, text, len);
        return r == 0 && (secret_has_nul(secret) || memchr(text, '\n', len)) ? -EBADMSG : r;
}

int secret_file_read(const char *path, struct secret *secret) {
        char text[SECRET_MAX + 3]; /* an end of line, and one byte that is too many */
        size_t len = 0;
        ssize_t n;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        int r = check_file(fd);
        if (r < 0)
                return r;
        do {
                n = read(fd, text + len, sizeof text - len);
                if (n > 0)
                        len += (size_t)n;
        } while ((n > 0 && len < sizeof text) || (n < 0 && errno == EINTR));
        r = n < 0 ? -errno : len == sizeof text ? -EMSGSIZE : take_line(secret, text, len);
        explicit_bzero(text, sizeof text);
        return r;
}

const char *secret_file_problem(int error) {
        switch (error) {
        case -EPERM: return "it must be root's, and nobody else may read it";
        case -EINVAL: return "it is no regular file";
        case -ELOOP: return "it is a symbolic link, which is not followed";
        case -ENODATA: return "it is empty";
        case -EBADMSG: return "it must hold one line, without a NUL byte";
        case -EMSGSIZE: return "it is too long";
        default: return strerror(-error);
        }
}
