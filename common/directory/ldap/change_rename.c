/* Users renamed at the server: the attribute that they are called by, the entry's own name where that is the same, and the groups that name them; see
 * ldap/change.h.
 * Must never: take away another value than the name's. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "directory/ldap/change.h"
#include "directory/ldap/words.h"
#include "model/dn.h"

#define NAMES_MAX 64
#define PRINCIPAL "userPrincipalName"

/* "new RDN,the same parent"; false: the DN is not one that this can be said of. */
static bool moved_dn(const char *dn, const char *new_rdn, struct sbuf *moved) {
        const char *comma = dn;
        while (*comma && *comma != ',')
                comma += comma[0] == '\\' && comma[1] ? 2 : 1;
        sbuf_printf(moved, "%s%s", new_rdn, comma);
        return *comma && !moved->failed && moved->len <= SYNC_DN_MAX;
}

/* Of several values in one the others would be lost with it. */
static bool is_single(const char *dn) {
        for (; *dn && *dn != ',' && *dn != '+'; dn++)
                dn += dn[0] == '\\' && dn[1];
        return *dn != '+';
}

/* The RDN follows the name where it is the name: its attribute, or one of the same value. */
static bool rdn_is_name(const struct ldap_settings *ldap, const char *dn, const char *name) {
        char value[1024];
        if (!is_single(dn))
                return false;
        int len = dn_rdn_value(dn, strlen(dn), rdn_attribute(ldap), value, sizeof value - 1);
        if (len < 0)
                return false;
        value[len] = 0;
        return text_same_name(value, name);
}

/* The other values of the attribute are aliases, which stay; of several the smallest is the name (entry.c), unless the RDN says which. Active Directory has
 * one, and takes it in its place. */
static bool name_mods(struct changing *changing, const char *dn, struct mods *mods) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const char *old = changing->change->name, *new = changing->change->new_name;
        char values[NAMES_MAX][256];
        bool found = false;
        int count = read_values(changing, dn, ldap->user_name, values, NAMES_MAX);
        for (int i = 0; i < count; i++) {
                if (text_same_name(values[i], old) || text_same_name(values[i], new)) {
                        found = found || text_same_name(values[i], old);
                        if (!ldap->active_directory)
                                mods_value(mods, LDAP_MOD_DELETE, ldap->user_name, values[i]);
                } else if (strcmp(values[i], new) < 0) {
                        char words[200];
                        words_copy(values[i], words, sizeof words);
                        outcome_refuse(changing->result, REASON_POLICY_REJECTED, "the entry has %s as a value of %s too, and would be called so: take that value away, "
                                       "or rename the entry, on the server", words, ldap->user_name);
                        return false;
                }
        }
        if (count >= 0 && !found)
                outcome_refuse(changing->result, REASON_USER_NOT_FOUND, "the server's entry has another name by now");
        mods_value(mods, ldap->active_directory ? LDAP_MOD_REPLACE : LDAP_MOD_ADD, ldap->user_name, new);
        return found;
}

/* Active Directory lets users log in by it too, and it would be the old name; one that does not say the name is somebody's own choice. */
static bool principal_mods(struct changing *changing, const char *dn, struct mods *mods) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const char *old = changing->change->name;
        _cleanup_sbuf_ struct sbuf principal = { 0 };
        char values[1][256];
        size_t len = strlen(old);
        if (!ldap->active_directory || strcasecmp(ldap->user_name, PRINCIPAL) == 0)
                return true;
        int count = read_values(changing, dn, PRINCIPAL, values, 1);
        if (count < 1 || strcspn(values[0], "@") != len || strncasecmp(values[0], old, len) != 0)
                return count >= 0;
        sbuf_printf(&principal, "%s%s", changing->change->new_name, values[0] + len);
        mods->failed = mods->failed || principal.failed;
        mods_value(mods, LDAP_MOD_REPLACE, PRINCIPAL, sbuf_text(&principal));
        return true;
}

static bool move(struct changing *changing, const char *dn, struct change_result *result) {
        _cleanup_sbuf_ struct sbuf rdn = { 0 }, moved = { 0 };
        char text[SEND_TEXT];
        rdn_write(&rdn, rdn_attribute(changing->directory->ldap), changing->change->new_name);
        bool good = moved_dn(dn, sbuf_text(&rdn), &moved);
        outcome_of(changing, good ? send_rename(changing, dn, sbuf_text(&rdn), text) : SEND_NONE, text, result);
        references_left(changing, result);
        if (result->state != CHANGE_DONE)
                return false;
        size_t left = references_change(changing, dn, sbuf_text(&moved));
        if (left > 0)
                outcome_partly(result, "the user was renamed, but %zu or more groups may still name the old entry, as the service's log says", left);
        return true;
}

/* Before anything is written: whether nobody's memberships would be taken over, of the DN that the entry moves to or of the new name. */
static bool inherits_nothing(struct changing *changing, const char *dn, bool moves) {
        _cleanup_sbuf_ struct sbuf rdn = { 0 }, moved = { 0 };
        rdn_write(&rdn, rdn_attribute(changing->directory->ldap), changing->change->new_name);
        bool good = moves && moved_dn(dn, sbuf_text(&rdn), &moved);
        return references_none(changing, good ? sbuf_text(&moved) : NULL, changing->change->new_name);
}

void change_rename_user(struct changing *changing) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const struct directory_change *change = changing->change;
        char dn[SYNC_DN_MAX + 1], text[SEND_TEXT];
        bool own_case = text_same_name(change->name, change->new_name);
        if ((!own_case && !name_is_free(changing, false, change->new_name)) || !find_user(changing, change->name, change->entry_id, dn))
                return;
        bool at_rdn = rdn_is_name(ldap, dn, change->name);
        if (!own_case && !inherits_nothing(changing, dn, at_rdn))
                return;
        if (at_rdn && strcasecmp(rdn_attribute(ldap), ldap->user_name) == 0) {
                (void)move(changing, dn, changing->result);
                return;
        }
        _cleanup_mods_ struct mods mods = { 0 };
        if (!name_mods(changing, dn, &mods) || !principal_mods(changing, dn, &mods))
                return;
        outcome_of(changing, send_modify(changing, dn, &mods, text), text, changing->result);
        if (ldap->members == LDAP_MEMBERS_NAME)
                references_left(changing, changing->result);
        struct change_result moved = { 0 };
        if (changing->result->state == CHANGE_DONE && !at_rdn && ldap->members == LDAP_MEMBERS_NAME && references_change(changing, dn, dn) > 0)
                outcome_partly(changing->result, "the user has the new name, but groups may still say the old one, as the service's log says");
        if (changing->result->state != CHANGE_DONE || !at_rdn)
                return;
        if (!move(changing, dn, &moved) || moved.state == CHANGE_PARTLY)
                outcome_partly(changing->result, "the user has the new name, but the entry's own name is the old one still, or groups say so: %.800s",
                               moved.text[0] ? moved.text : "no answer");
}
