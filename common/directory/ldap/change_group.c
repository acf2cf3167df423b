/* Groups and memberships at the server; see ldap/change.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "directory/ldap/change.h"
#include "directory/ldap/words.h"

#define POSIX_GROUP "posixGroup"

static void group_mods(const struct changing *changing, bool with_nobody, struct mods *mods) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const struct directory_change *change = changing->change;
        const char *own = ldap->group_object_class[0] ? ldap->group_object_class : "groupOfNames";
        bool posix = change->has_gid && !ldap->active_directory && strcasecmp(own, POSIX_GROUP) != 0;
        _cleanup_sbuf_ struct sbuf classes = { 0 };
        sbuf_printf(&classes, "top\n%s\n%s", own, posix ? POSIX_GROUP : "");
        mods_lines(mods, LDAP_MOD_ADD, "objectClass", sbuf_text(&classes));
        mods_value(mods, LDAP_MOD_ADD, ldap->group_name, change->name);
        if (ldap->active_directory && !mods_has(mods, "sAMAccountName"))
                mods_value(mods, LDAP_MOD_ADD, "sAMAccountName", change->name);
        if (change->description && change->description[0] && ldap->group_description[0])
                mods_value(mods, LDAP_MOD_ADD, ldap->group_description, change->description);
        if (change->has_gid && ldap->group_gid[0])
                mods_number(mods, LDAP_MOD_ADD, ldap->group_gid, change->gid);
        if (with_nobody)
                mods_value(mods, LDAP_MOD_ADD, ldap->group_member, MEMBER_NOBODY);
}

static int add_group(struct changing *changing, const char *dn, bool with_nobody, char text[SEND_TEXT]) {
        _cleanup_mods_ struct mods mods = { 0 };
        group_mods(changing, with_nobody, &mods);
        return send_add(changing, dn, &mods, text);
}

/* As of users (change_user.c): one that the filter does not show is in the way of its name, and can be neither used nor removed from here. */
static void take_back_unseen(struct changing *changing, const char *dn) {
        char text[SEND_TEXT], filter[300];
        if (!group_is_hidden(changing, changing->change->name))
                return;
        words_copy(changing->directory->ldap->group_filter, filter, sizeof filter);
        if (send_delete(changing, dn, text) == LDAP_SUCCESS)
                outcome_refuse(changing->result, REASON_POLICY_REJECTED, "the new group was not to be seen through group_filter %s, or for want of a right of bind_dn's, "
                               "and was removed again: make it on the server, with what the filter asks for, or change group_filter", filter);
        else
                outcome_partly(changing->result, "the group was made, but is not to be seen through group_filter %s, or for want of a right of bind_dn's", filter);
}

/* A class that wants a member gets one that is nobody: it has no DN. */
void change_add_group(struct changing *changing) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        _cleanup_sbuf_ struct sbuf dn = { 0 };
        char text[SEND_TEXT];
        if (!texts_are_lines(changing) || !name_is_free(changing, true, changing->change->name))
                return;
        rdn_write(&dn, ldap->group_name, changing->change->name);
        sbuf_printf(&dn, ",%s", sbuf_text(&changing->directory->group_base));
        if (!dn.failed && ldap->members == LDAP_MEMBERS_DN && !references_none(changing, sbuf_text(&dn), NULL))
                return;
        changing->expected = ldap->members == LDAP_MEMBERS_DN ? LDAP_OBJECT_CLASS_VIOLATION : LDAP_SUCCESS;
        int code = dn.failed ? SEND_NONE : add_group(changing, sbuf_text(&dn), false, text);
        changing->expected = LDAP_SUCCESS;
        if (code == LDAP_OBJECT_CLASS_VIOLATION && ldap->members == LDAP_MEMBERS_DN)
                code = add_group(changing, sbuf_text(&dn), true, text);
        outcome_of(changing, code, text, changing->result);
        if (changing->result->state == CHANGE_DONE)
                take_back_unseen(changing, sbuf_text(&dn));
}

void change_modify_group(struct changing *changing) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const struct directory_change *change = changing->change;
        _cleanup_mods_ struct mods mods = { 0 };
        char dn[SYNC_DN_MAX + 1], text[SEND_TEXT];
        if ((change->description && !ldap->group_description[0]) || (change->has_gid && !ldap->group_gid[0])) {
                outcome_refuse(changing->result, REASON_POLICY_REJECTED, "the directory's settings name no attribute for it (group_description, group_gid)");
                return;
        }
        if (!texts_are_lines(changing))
                return;
        if (change->description)
                mods_value(&mods, LDAP_MOD_REPLACE, ldap->group_description, change->description[0] ? change->description : NULL);
        if (change->has_gid)
                mods_number(&mods, LDAP_MOD_REPLACE, ldap->group_gid, change->gid);
        if (find_group(changing, change->name, change->entry_id, dn))
                outcome_of(changing, mods.count > 0 ? send_modify(changing, dn, &mods, text) : LDAP_SUCCESS, text, changing->result);
}

void change_remove_group(struct changing *changing) {
        const struct directory_change *change = changing->change;
        char dn[SYNC_DN_MAX + 1], text[SEND_TEXT];
        if (!find_group(changing, change->name, change->entry_id, dn))
                return;
        outcome_of(changing, send_delete(changing, dn, text), text, changing->result);
        references_left(changing, changing->result);
        /* Where members are names, they are users': groups do not nest there, and a user may be called as the group is. */
        bool nests = changing->directory->ldap->members == LDAP_MEMBERS_DN;
        size_t left = nests && changing->result->state == CHANGE_DONE ? references_change(changing, dn, NULL) : 0;
        if (left > 0)
                outcome_partly(changing->result, "the group was removed, but %zu or more groups may still name it, as the service's log says", left);
}

void change_member(struct changing *changing) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const struct directory_change *change = changing->change;
        _cleanup_mods_ struct mods mods = { 0 };
        char group[SYNC_DN_MAX + 1], member[SYNC_DN_MAX + 1], text[SEND_TEXT];
        if (!find_group(changing, change->name, change->entry_id, group) ||
            !(change->member_is_group ? find_group(changing, change->member, change->member_id, member)
                                      : find_user(changing, change->member, change->member_id, member)))
                return;
        bool adds = change->operation == CHANGE_ADD_MEMBER, names = ldap->members != LDAP_MEMBERS_DN;
        _cleanup_free_ char *spelled = names && !adds ? reference_values(changing, group, change->member) : NULL;
        if (names && !adds && !spelled)
                return;
        if (spelled)
                mods_lines(&mods, LDAP_MOD_DELETE, ldap->group_member, spelled);
        else
                mods_value(&mods, adds ? LDAP_MOD_ADD : LDAP_MOD_DELETE, ldap->group_member, names ? change->member : member);
        outcome_of(changing, send_modify(changing, group, &mods, text), text, changing->result);
}
