/* One file of the host that is changed by enable and given back by disable, byte for byte.
 * Relies on: base/file.
 * Must never: leave a half-written file; overwrite what others wrote since. */
#pragma once

#include <stdbool.h>

#include "multidirctl/ctl.h"

#define ENABLE_FOLDER "/var/lib/multidir/enable"
#define ENABLE_FILE_MAX (1u << 20)

/* The file's text, malloc'ed. *exists: false with "" when there is none. 0 or a negative errno (-EINVAL: a NUL inside). A symbolic link is followed. */
int enable_read(const struct ctl *ctl, const char *path, char **text, bool *exists);
/* Writes it, where a symbolic link leads, with the mode and owner it has. */
int enable_write(const struct ctl *ctl, const char *path, const char *text);

/* Keeps what the file was before ("original") and what we made of it ("enabled"), under NAME in ENABLE_FOLDER. original NULL: there was no file. */
int enable_keep(const struct ctl *ctl, const char *name, const char *original, const char *enabled);
/* What was kept. -ENOENT: nothing. *original NULL: there was no file. Both malloc'ed. */
int enable_kept(const struct ctl *ctl, const char *name, char **original, char **enabled);
/* Forgets it. */
void enable_forget(const struct ctl *ctl, const char *name);
/* Removes the file itself (there was none before). 0 or a negative errno. */
int enable_remove(const struct ctl *ctl, const char *path);
