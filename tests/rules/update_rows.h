/* The rows of test_update.c.
 * Relies on: nothing.
 * Must never: hold a row without the rule that it proves. */
#pragma once

#include <stddef.h>

#include "naive.h"

/* request: the operation's letter (naive.h), then knobs: console, aggregating, first-writable, first-group, external-never, child (group in
 * group), unmask, password (one is set), bad-name, reserved, =PERMISSION (needs).
 * directories, in order: four facts, "user, new name, group, member", each y, n or ? (no answer); then words: -PERMISSION off at the directory,
 * ~PERMISSION off at the application, off (switched off), flat (no nesting), above, read-only-kind, or the type (internal when none):
 * ldap, delegated, crowd, jira.
 * want: as naive_update() writes it. */
struct update_row {
        const char *rule, *request;
        const char *directories[NAIVE_DIRECTORIES];
        const char *want;
};
extern const struct update_row update_rows[];
extern const size_t update_row_count;
