/* Whole files: read with a bound, replaced atomically.
 * Relies on: openat, fsync, rename.
 * Must never: follow a symbolic link at the last part of a path, or leave a half-written file behind under the real name. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads the whole file into *text (malloc'ed, NUL-terminated; free() it) and its size in bytes into *len.
 * Returns 0, -EFBIG above max bytes, -EINVAL when it is not a regular file, or another negative errno of open or read. */
int file_read(const char *path, size_t max, char **text, size_t *len);

/* As file_read, from an open descriptor (which stays open; its offset moves). */
int file_read_fd(int fd, size_t max, char **text, size_t *len);

/* Replaces (or creates) path with bytes[0..len): temporary file beside it, fsync, mode, rename, fsync of the folder.
 * On failure path is as it was. Returns 0 or a negative errno. */
int file_replace(const char *path, const void *bytes, size_t len, mode_t mode);

/* Writes everything; retries on EINTR and short writes. 0 or a negative errno. */
int file_write_all(int fd, const void *bytes, size_t len);
