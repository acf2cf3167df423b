/* One line per event; see log.h. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"

static const char *log_name = "multidir";
static bool log_debugging;
static int log_to_terminal = -1; /* not known yet */

void log_open(const char *name, bool debug) {
        log_name = name;
        log_debugging = debug;
        log_to_terminal = isatty(STDERR_FILENO);
}

void log_line(int priority, const char *format, ...) {
        char line[2048];
        int saved = errno;
        if (priority == LOG_DEBUG && !log_debugging)
                return;
        if (log_to_terminal < 0)
                log_to_terminal = isatty(STDERR_FILENO);
        /* A terminal shows the name; the journal knows the unit and wants the priority. */
        int start = log_to_terminal ? snprintf(line, sizeof line, "%s: ", log_name)
                                          : snprintf(line, sizeof line, "<%d>%s: ", priority, log_name);
        size_t used = start > 0 && (size_t)start < sizeof line ? (size_t)start : 0;
        va_list args;
        va_start(args, format);
        int n = vsnprintf(line + used, sizeof line - used - 1, format, args);
        va_end(args);
        size_t len = n < 0 ? used : used + (size_t)n;
        if (len > sizeof line - 2)
                len = sizeof line - 2;
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
                        line[i] = '?';
        line[len] = '\n';
        (void)file_write_all(STDERR_FILENO, line, len + 1);
        errno = saved;
}
