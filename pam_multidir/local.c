/* Whether a name is a local account; see local.h. */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Where the scan stands in a line: how much of the name has matched, or that this line is not it. */
struct scan { const char *name; size_t matched; bool other, started; };

/* Takes one byte of the file. True when a line of the name is complete up to its first colon. */
static bool scan_byte(struct scan *scan, char c) {
        if (c == '\n') {
                *scan = (struct scan) { .name = scan->name };
                return false;
        }
        if (scan->other || (!scan->started && (c == ' ' || c == '\t')))
                return false; /* libc passes over blanks before a name, so they must not hide one here */
        scan->started = true;
        if (c == ':' && scan->matched > 0 && scan->name[scan->matched] == 0)
                return true;
        if (c != ':' && scan->name[scan->matched] != 0 && text_fold_byte(scan->name[scan->matched]) == text_fold_byte(c))
                scan->matched++;
        else
                scan->other = true;
        return false;
}

int local_has_name(const char *path, const char *name) {
        struct scan scan = { .name = name };
        char chunk[4096];
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        for (;;) {
                ssize_t n = read(fd, chunk, sizeof chunk);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return 0;
                for (ssize_t i = 0; i < n; i++)
                        if (scan_byte(&scan, chunk[i]))
                                return 1;
        }
}
