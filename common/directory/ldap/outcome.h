/* What a server's answer to a bind says of the password.
 * Relies on: ldap/link for the answer's shape.
 * Must never: take an answer that it does not know for a right password, or for a wrong one; read the words of a server of unknown kind. */
#pragma once

#include "directory/ldap/link.h"
#include "model/ldap_settings.h"
#include "rules/login.h"

/* CHECK_RIGHT, CHECK_EXPIRED (L7: only servers that looked at the password first say so), CHECK_WRONG, CHECK_DENIED (locked, disabled, not now:
 * not by the password), CHECK_NOT_FOUND (no such entry), CHECK_UNAVAILABLE. */
enum password_result bind_outcome(const struct ldap_settings *settings, const struct bind_answer *answer);
