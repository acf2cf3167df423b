/* A file that holds one secret: the password of a directory's own account. Root's alone, one line.
 * Relies on: base/secret.
 * Must never: read one that others can read or write; follow a link; keep or print what it read beyond the caller's secret. */
#pragma once

#include "base/secret.h"

/* The file's one line, without its end, into *secret, which the caller wipes. 0, or a negative errno that secret_file_problem puts into words: -EPERM (not
 * root's alone), -EINVAL (no regular file), -ELOOP (a link), -ENODATA (empty), -EBADMSG (more lines, or a NUL byte), -EMSGSIZE (too long), or
 * that of open or read. The secret is then not to be used. */
int secret_file_read(const char *path, struct secret *secret);

/* What is wrong with the file, after its name and a colon. Static storage, or strerror's. */
const char *secret_file_problem(int error);
