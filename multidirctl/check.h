/* The configuration as the command reads it, and what is legal in it but worth a word.
 * Relies on: config.
 * Must never: change a file. */
#pragma once

#include "base/sbuf.h"
#include "config/config.h"
#include "multidirctl/ctl.h"

/* Reads this host's configuration. NULL with *sources and *config set (the caller frees both), else the error object (with "errors"). */
json_t *check_read(const struct ctl *ctl, struct config_sources *sources, struct config **config, int *exit);
/* Adds a warning. */
void check_warn(json_t *warnings, const char *format, ...) _printf_(2, 3);
/* check_ldap.c: those of one directory with an LDAP server; none of another. */
void check_warn_of_ldap(json_t *warnings, const struct config *config, size_t index);
/* {"error":…, "errors":[…]} from the lines of errors; exit 8. */
json_t *check_errors(const struct sbuf *errors, int *exit);
