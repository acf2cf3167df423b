/* Names: which can be published, and in which spelling (rules N1 to N5).
 * Relies on: base/text.
 * Must never: allocate; truncate a name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/reason.h"
#include "model/settings.h"

enum name_kind { NAME_OF_USER, NAME_OF_GROUP };

#define NAME_LENGTH_MAX 255 /* bytes, N3 */

/* N3. REASON_OK or REASON_INVALID_NAME. *why, where given, is a static text that says what is wrong. */
enum reason name_check(enum name_kind kind, const char *name, const char **why);

/* N4, the names refused even when absent locally (base-passwd's, wheel, docker, …, systemd-*), in any case. */
bool name_is_reserved(const char *name);

/* N1. Writes the published spelling and a NUL to out[NAME_LENGTH_MAX + 1]; name must have passed name_check. */
void name_publish(enum name_case name_case, const char *name, char *out);

/* N5. Display names: control characters and ':' become blanks. Writes at most size bytes with the NUL, cut at a whole
 * UTF-8 sequence; gecos may be shortened (only names may not). Invalid UTF-8 bytes become '?'. */
void gecos_publish(const char *display_name, char *out, size_t size);

/* N5. Whether a home or shell is absolute, without control characters, ':' or ".." parts, and at most 4095 bytes. */
bool path_is_publishable(const char *path);

/* N5. Whether a text is one SSH public key line: printable, a key type first, at most 16384 bytes. */
bool ssh_key_is_publishable(const char *key, size_t len);

/* Writes template with %u -> user and %d -> directory ("%%" -> "%") to out[size]. 0, -EINVAL (another %), -ENAMETOOLONG. */
int path_expand(const char *template, const char *user, const char *directory, char *out, size_t size);
