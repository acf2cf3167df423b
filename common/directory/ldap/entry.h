/* An LDAP entry to the user or group that it is, by the directory's settings. Pure.
 * Relies on: ldap/search.h for the entry's shape, ldap/range.
 * Must never: trust a length, a character or a number of the server's; take a value with a NUL in it for the text before it; read a password. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "directory/ldap/range.h"
#include "directory/ldap/search.h"
#include "model/ldap_settings.h"
#include "model/settings.h"
#include "model/sync.h"

/* The attributes to ask for: those that the settings name and those that say whether an account is active. NULL-terminated; points into the settings.
 * members: also group_member (as a range with active_directory). */
#define ENTRY_ATTRIBUTES_MAX 40
#define ENTRY_CN "cn" /* every person has one, whatever a preset calls the display name */
struct entry_attributes { const char *names[ENTRY_ATTRIBUTES_MAX]; size_t count; char member_range[128]; };
void entry_user_attributes(const struct ldap_settings *settings, struct entry_attributes *attributes);
/* Of those, what tells who a user is, and whether the account is active. */
void entry_login_attributes(const struct ldap_settings *settings, struct entry_attributes *attributes);
void entry_group_attributes(const struct ldap_settings *settings, bool members, struct entry_attributes *attributes);
/* The text of an attribute request with its values from `from` on: "member;range=1500-*". */
void entry_range_attribute(const char *name, uint32_t from, char *text, size_t size);

struct entry_context {
        const struct ldap_settings *settings;
        enum id_source ids;
        uint64_t now_s;
};

/* One entry's texts. Values that do not fit are left out whole (never cut). */
#define ENTRY_TEXT_MAX ((size_t)160 << 10)
struct entry_text { size_t used; char bytes[ENTRY_TEXT_MAX]; };

struct entry_user {
        struct sync_user user;               /* its texts live in `text` */
        uint32_t primary_rid;                /* primaryGroupID; 0: none */
        bool state_unknown;                  /* entry_tells_state() says no: not active */
        uint64_t end_s;                      /* when it ends, if it is active now; 0: it does not, or has */
        struct entry_text text;
};
struct entry_group {
        struct sync_group group;
        struct entry_text text;
};

enum entry_verdict {
        ENTRY_BROKEN = 0,  /* no usable immutable id, or no DN: the directory cannot be synchronised */
        ENTRY_OK,
        ENTRY_NAMELESS,    /* it has no name of its own, or one that nobody could type: it is nobody */
};
/* *why: for ENTRY_BROKEN, a sentence; static. */
enum entry_verdict entry_map_user(const struct entry_context *context, const struct ldap_entry *entry, struct entry_user *user, const char **why);
enum entry_verdict entry_map_group(const struct entry_context *context, const struct ldap_entry *entry, struct entry_group *group, const char **why);

/* The immutable id alone, whatever else is wrong with the entry; lives in *text. NULL: it has none that is usable. */
const char *entry_id(const struct entry_context *context, const struct ldap_entry *entry, struct entry_text *text);

/* The attribute with that name, case-insensitively, without options; NULL. */
const struct ldap_attribute *entry_find(const struct ldap_entry *entry, const char *name);
/* The next attribute with that name from *position on, with its range ("member", then "member;range=0-1499"); NULL: no more. */
const struct ldap_attribute *entry_find_ranged(const struct ldap_entry *entry, const char *name, size_t *position, struct range *range);

/* Whether the account is active, as each server says it: userAccountControl and accountExpires, nsAccountLock, pwdAccountLockedTime,
 * loginDisabled and loginExpirationTime, shadowExpire, ds-pwp-account-disabled, authAuthority. One that says "no" is enough. */
bool entry_is_active(const struct ldap_entry *entry, uint64_t now_s);
/* The first second in which it is not active any more, as accountExpires, loginExpirationTime and shadowExpire say it: the earliest of all; 0: none does.
 * It may have passed. */
uint64_t entry_end(const struct ldap_entry *entry);
/* Whether the entry says so at all: every account of Active Directory has a userAccountControl, and one that does not come cannot be read. */
bool entry_tells_state(const struct ldap_entry *entry, const struct ldap_settings *settings);

/* objectSid's bytes as "S-1-5-21-…"; the length, or -EINVAL. */
#define ENTRY_SID_MAX 184
int entry_sid_text(const struct berval *value, char text[ENTRY_SID_MAX + 1]);
