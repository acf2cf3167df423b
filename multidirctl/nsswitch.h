/* nsswitch.conf as text: our word put in, our word taken out, every other byte left as it is.
 * Relies on: the grammar that glibc 2.36 reads: NAME, blanks or colons, then services, each with at most one [criterion…] behind it; no comment
 * behind other words; a line without its newline at the end of the file does not count.
 * Must never: open a file; change what the services that are there answer for local names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define NSSWITCH_WHY_SIZE 256

/* Puts "multidir" after "files" (or "compat") and the criteria that belong to files alone, in the lines passwd:, group: and, where there is one,
 * initgroups: (there as "[SUCCESS=continue] multidir", so that local groups and ours are both given). Where a criterion such as
 * [SUCCESS=merge] ties files to the next service, after that one. Without files, in front. A passwd: or group: line that is missing stands for
 * "files" in glibc and is added. *changed: whether anything was. text is the file's, without a NUL inside.
 * *out: malloc'ed. 0 or -ENOMEM; -EINVAL where a line has no right place (the search ends before it, or glibc itself does not read the line):
 * why then names the line and says what to do, and *out is untouched. */
int nsswitch_insert(const char *text, char **out, bool *changed, char why[NSSWITCH_WHY_SIZE]);
/* Takes every service "multidir", with what belongs to it, out of those lines. 0 or -ENOMEM. */
int nsswitch_remove(const char *text, char **out, bool *changed);
