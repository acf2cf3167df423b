/* What the parts of a change at the server share (change*.c).
 * Relies on: ldap/kind, ldap/mods, model/change.
 * Must never: be included elsewhere. */
#pragma once

#include "directory/ldap/kind.h"
#include "directory/ldap/mods.h"
#include "model/change.h"

/* One change under way. */
struct changing {
        struct directory *directory;
        const struct directory_change *change;
        const struct secret *password;   /* NULL: none is set */
        uint64_t deadline_ms;            /* of all of it */
        uint64_t found_by_ms;            /* of what is read before anything is written: nobody need wait longer for a server that hangs */
        int expected;                    /* a refusal that another try follows upon, and no word in the log; LDAP_SUCCESS: none is */
        bool written;                    /* something was sent that changes an entry (change_send.c) */
        struct change_result *result;
};

/* change_send.c: one request as bind_dn, at the server that was read, and its answer. LDAP_SUCCESS, another code of the server's with its words in
 * text[256]; or SEND_LOST: nobody knows whether it is done; or SEND_NONE: nothing was sent. */
#define SEND_LOST (-1)
#define SEND_NONE (-2)
#define SEND_TEXT 256
int send_add(struct changing *changing, const char *dn, struct mods *mods, char text[SEND_TEXT]);
int send_modify(struct changing *changing, const char *dn, struct mods *mods, char text[SEND_TEXT]);
int send_delete(struct changing *changing, const char *dn, char text[SEND_TEXT]);
/* Below the same parent; the old value goes away. */
int send_rename(struct changing *changing, const char *dn, const char *new_rdn, char text[SEND_TEXT]);

/* change_outcome.c: the result of a request by its code; what the whole change comes to if this was all of it. */
void outcome_of(const struct changing *changing, int code, const char *text, struct change_result *result);
void _printf_(3, 4) outcome_refuse(struct change_result *result, enum reason reason, const char *format, ...);
/* The entry is changed, but something that belongs to it is not. */
void _printf_(2, 3) outcome_partly(struct change_result *result, const char *format, ...);

/* change_find.c: when what is to be read now must have been. Once something is written it has time of its own: a server that is slow is no reason to leave
 * a change half done. */
uint64_t read_by_ms(const struct changing *changing);
/* Where the entry of that name and id is now; id "": of that name (one that this host has just made). FOUND: dn is set. Else the
 * result is set too. */
bool find_user(struct changing *changing, const char *name, const char *id, char dn[SYNC_DN_MAX + 1]);
bool find_group(struct changing *changing, const char *name, const char *id, char dn[SYNC_DN_MAX + 1]);
/* Whether nobody at the server has the name: else the result is set. */
bool name_is_free(struct changing *changing, bool group, const char *name);
/* Whether the server, which has just made the group, answers that there is none of the name; false too where it cannot be asked. The result stays. */
bool group_is_hidden(struct changing *changing, const char *name);
/* The values of an attribute of the entry, NUL-terminated ones only, up to size - 1 bytes each; the number that there are, up to max; or -1, and the
 * result is set. */
int read_values(struct changing *changing, const char *dn, const char *attribute, char (*values)[256], int max);

/* change_references.c: members' values that say old_dn (of directories whose groups have names: the change's name), in all groups: from now on new_dn
 * (new_name), or gone (NULL). 0, or how many could not be changed (some of
 * them at least). */
size_t references_change(struct changing *changing, const char *old_dn, const char *new_dn);
/* Whether no group names, as a member, who is to have the DN (of directories whose groups have names: the name; NULL: it stays as it was) and has it not
 * yet: else, or if that cannot be told, the result is set. */
bool references_none(struct changing *changing, const char *dn, const char *name);
/* Says, with a result of UNKNOWN of a removal or a rename, what may be left. */
void references_left(const struct changing *changing, struct change_result *result);
/* The member's name as the group at that DN spells it, one spelling per line; as it is given where the group does not have it. For free(); NULL: the
 * result is set. */
char *reference_values(struct changing *changing, const char *group, const char *member);
/* An empty value, where a group's class does not let it be without one. */
#define MEMBER_NOBODY ""

/* change_active.c: adds what switches the account on or off; false: the result says why it cannot be said there. */
bool active_mods(struct changing *changing, const char *dn, bool active, struct mods *mods);
/* ... for an account that is made; at Active Directory, also what it is called as a principal, unless that is there. */
void active_initial(const struct changing *changing, bool active, struct mods *mods);
/* "name@domain", the domain being the dc parts that the base ends with; false: there are none, or the name cannot be one of a principal. */
bool active_principal(const char *name, const char *base, struct sbuf *principal);

/* change_attributes.c: whether an attribute, by any of its names, has a meaning of its own: one of the settings', a login's or the server's. */
bool attribute_is_taken(const struct ldap_settings *ldap, const char *attribute);
/* Adds the change's attributes (U3), which must be plain names that are not taken; false: the result says which is not. */
bool attribute_mods(struct changing *changing, int op, struct mods *mods);

/* change_schema.c: whether the server's schema has each of them, and none of them under a name that is taken, too. Else the result is set: REJECTED; where
 * bind_dn is not shown the schema, PERMISSION_DENIED; where the server cannot be asked, UNAVAILABLE. */
bool schema_allows(struct changing *changing);

/* Whether display name, e-mail, home, shell and description are what N5 publishes: one line each, the paths absolute; else the result says which is not. */
bool texts_are_lines(struct changing *changing);

/* change_user.c, change_rename.c, change_group.c */
/* What a user's entry is named by. */
const char *rdn_attribute(const struct ldap_settings *ldap);
void change_add_user(struct changing *changing);
void change_modify_user(struct changing *changing);
void change_rename_user(struct changing *changing);
void change_set_password(struct changing *changing);
void change_remove_user(struct changing *changing);
void change_add_group(struct changing *changing);
void change_modify_group(struct changing *changing);
void change_remove_group(struct changing *changing);
void change_member(struct changing *changing);
