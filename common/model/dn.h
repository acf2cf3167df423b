/* Distinguished names in a form in which equal names are equal bytes: servers return one DN in many spellings.
 * Relies on: nothing but text.
 * Must never: allocate; take two different names for one (the form is injective after case and blanks). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DN_NORMAL_MAX 4096

/* Writes the form of RFC 4514's dn[0..len) to out[0..*out_len), which has no NUL in it and none at its end: types and values folded
 * (ASCII), escapes undone, blanks squeezed, the parts of a multi-valued RDN sorted. It is for comparing, not for reading. 0; -EINVAL: no DN (the empty one neither); -ENAMETOOLONG. */
int dn_normal(const char *dn, size_t len, char out[DN_NORMAL_MAX], size_t *out_len);

/* Finds attribute's value in the first RDN; undoes escapes into out[size]. The length, or -ENOENT. */
int dn_rdn_value(const char *dn, size_t len, const char *attribute, char *out, size_t size);
