/* Passwords as Active Directory takes them: the value of unicodePwd.
 * Relies on: base/secret, base/text.
 * Must never: leave a copy behind. */
#pragma once

#include <stddef.h>

#include "base/secret.h"

#define AD_PASSWORD_MAX (2 * (SECRET_MAX + 2)) /* no byte of UTF-8 becomes more than two of UTF-16 */

/* The bytes of an attribute's value; wipe them with ad_password_done. */
struct ad_password { size_t len; char bytes[AD_PASSWORD_MAX]; };

/* The password between quotation marks, in UTF-16, little-endian. 0, or -EILSEQ: it is no UTF-8. */
int ad_password_make(const struct secret *password, struct ad_password *value);
void ad_password_done(struct ad_password *value);
