/* One line per event, to the journal (through standard error and its priority prefix) or to a terminal.
 * Relies on: standard error. Under systemd, SyslogLevelPrefix turns "<3>" into the priority.
 * Must never: be given a secret; control characters in arguments are written as '?'. Not for the shims. */
#pragma once

#include <stdbool.h>
#include <syslog.h>

#include "base/cleanup.h"

/* Who speaks, e.g. "multidird[keeper]"; and whether debug lines are written. Kept by reference. */
void log_open(const char *name, bool debug);

/* priority: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO or LOG_DEBUG. errno is preserved. */
void log_line(int priority, const char *format, ...) _printf_(2, 3);

#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
