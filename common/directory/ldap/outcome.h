/* What a server's answer to a bind says of the password.
 * Relies on: ldap/link for the answer's shape.
 * Must never: take an answer that it does not know for a right password, or for a wrong one; read the words of a server of unknown kind. */
#pragma once

#include "directory/ldap/link.h"
#include "model/ldap_settings.h"
#include "model/password.h"
#include "rules/login.h"

/* CHECK_RIGHT, CHECK_MUST_CHANGE (L7: right but expired, and the server lets its owner change it; only servers that looked at the password first say
 * so), CHECK_EXPIRED (the same, but it does not), CHECK_WRONG, CHECK_DENIED (locked, disabled, not now:
 * not by the password), CHECK_NOT_FOUND (no such entry), CHECK_UNAVAILABLE. */
enum password_result bind_outcome(const struct ldap_settings *settings, const struct bind_answer *answer);

/* L7: what a right password's answer says beyond that. */
struct password_notice bind_notice(const struct bind_answer *answer);

/* The answer to a change of a password. Never PASSWORD_SET_UNKNOWN. */
enum password_set change_outcome(const struct ldap_settings *settings, const struct bind_answer *answer);
/* For whoever chose the password: what the server's policy has against it. One sentence without its full stop, printable. */
void change_words(const struct ldap_settings *settings, const struct bind_answer *answer, struct sbuf *words);
