/* nsswitch.conf as text: our word put in, our word taken out, every other byte left as it is.
 * Relies on: libc.
 * Must never: open a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Puts "multidir" after "files" (or "compat") in the lines passwd:, group: and, where there is one, initgroups:. A passwd: or group: line that
 * is missing stands for "files" in glibc and is added. *changed: whether anything was. text is the file's, without a NUL inside.
 * *out: malloc'ed. 0 or -ENOMEM. */
int nsswitch_insert(const char *text, char **out, bool *changed);
/* Takes every word "multidir" (with the blanks before it) out of those lines. */
int nsswitch_remove(const char *text, char **out, bool *changed);
