/* What is written to a server, built from typed values: lists of attributes with their values, and the names of new entries.
 * Relies on: libldap's LDAPMod, base/arena.
 * Must never: put a value into a DN unescaped. There is no other place that writes a DN with a value in it. */
#pragma once

#include <ldap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/sbuf.h"

/* Zeroed memory is an empty list. After a failed call `failed` stays set (memory, or more than fit), and mods_list() gives NULL. */
#define MODS_MAX 96
struct mods {
        LDAPMod *list[MODS_MAX + 1];
        size_t count;
        struct arena arena;
        bool failed;
};
void mods_done(struct mods *mods);
#define _cleanup_mods_ __attribute__((cleanup(mods_done)))

/* One attribute with one value. op: LDAP_MOD_ADD, LDAP_MOD_DELETE or LDAP_MOD_REPLACE. value NULL: with none (DELETE, REPLACE: the attribute goes
 * away). Texts are copied. */
void mods_value(struct mods *mods, int op, const char *attribute, const char *value);
/* One attribute with several: the lines of text that are not empty; with none of them as NULL. */
void mods_lines(struct mods *mods, int op, const char *attribute, const char *lines);
void mods_number(struct mods *mods, int op, const char *attribute, uint32_t number);
/* Whether the attribute, in any case, is in the list already. */
bool mods_has(const struct mods *mods, const char *attribute);
/* For ldap_add_ext, ldap_modify_ext; NULL when failed. Owned by mods. */
LDAPMod **mods_list(struct mods *mods);

/* "attribute=value", the value escaped (RFC 4514) so that every server reads it back: what is special, blanks at the ends, control characters and
 * bytes that are no ASCII as \xx. */
void rdn_write(struct sbuf *dn, const char *attribute, const char *value);
