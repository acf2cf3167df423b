/* Users made, changed and removed at the server; see ldap/change.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "directory/ldap/change.h"
#include "directory/ldap/words.h"
#include "model/name.h"

#define CLASS "objectClass"
#define POSIX_USER "posixAccount"

const char *rdn_attribute(const struct ldap_settings *ldap) {
        return ldap->user_rdn[0] ? ldap->user_rdn : ldap->user_name;
}

static bool same(const char *a, const char *b) {
        return strcasecmp(a, b) == 0;
}

/* A person's object class stands on others, and not every server adds them by itself; posixAccount is one that goes beside a person's. */
static void put_classes(struct mods *mods, const struct ldap_settings *ldap, bool posix) {
        const char *own = ldap->user_object_class[0] ? ldap->user_object_class : "inetOrgPerson";
        bool beside = same(own, POSIX_USER), person = beside || same(own, "inetOrgPerson") || ldap->active_directory;
        _cleanup_sbuf_ struct sbuf classes = { 0 };
        sbuf_printf(&classes, "top\n%s%s", person ? "person\norganizationalPerson\n" : "", beside ? "inetOrgPerson\n" : "");
        sbuf_printf(&classes, "%s\n%s", own, posix && !beside ? POSIX_USER : "");
        mods_lines(mods, LDAP_MOD_ADD, CLASS, sbuf_text(&classes));
}

/* An attribute that is not there yet: what is called by two keys is said once, by the first. */
static void put(struct mods *mods, const char *attribute, const char *value) {
        if (attribute[0] && value && value[0] && !mods_has(mods, attribute))
                mods_value(mods, LDAP_MOD_ADD, attribute, value);
}

/* The name is what the entry is found by; the RDN must be unique, and a display name is not. sn is required of a person. */
static void put_names(struct mods *mods, const struct ldap_settings *ldap, const struct directory_change *change) {
        const char *display = change->display_name && change->display_name[0] ? change->display_name : NULL;
        const char *blank = display ? strrchr(display, ' ') : NULL;
        put(mods, ldap->user_name, change->name);
        put(mods, rdn_attribute(ldap), change->name);
        put(mods, ldap->user_display_name, display);
        put(mods, ENTRY_CN, display ? display : change->name);
        put(mods, "sn", blank && blank[1] ? blank + 1 : display ? display : change->name);
        if (blank && blank > display) {
                _cleanup_sbuf_ struct sbuf first = { 0 };
                sbuf_add_bytes(&first, display, (size_t)(blank - display));
                put(mods, ldap->user_first_name, sbuf_text(&first));
        }
}

/* The schema wants all of them, or none. */
static void put_posix(struct mods *mods, const struct changing *changing) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const struct directory_change *change = changing->change;
        char home[4096] = "";
        if (change->home && change->home[0])
                (void)snprintf(home, sizeof home, "%s", change->home);
        else if (change->has_uid)
                (void)path_expand(changing->directory->settings->home, change->name, changing->directory->settings->name, home, sizeof home);
        put(mods, ldap->user_home, home);
        put(mods, ldap->user_shell, change->shell);
        if (change->has_uid && ldap->user_uid[0])
                mods_number(mods, LDAP_MOD_ADD, ldap->user_uid, change->uid);
        if ((change->has_gid || change->has_uid) && ldap->user_gid[0])
                mods_number(mods, LDAP_MOD_ADD, ldap->user_gid, change->has_gid ? change->gid : change->uid);
        if (change->has_uid && !ldap->active_directory)
                put(mods, "uid", change->name);
}

/* An entry that could not be given its password is none that anybody asked for. */
static void set_first_password(struct changing *changing, const char *dn) {
        struct directory_entry entry = { 0 };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        char text[SEND_TEXT];
        enum password_set set = ldap_kind_set_password(changing->directory, changing->change->name, NULL, changing->password, read_by_ms(changing), &entry, &why);
        if (set == PASSWORD_SET_DONE)
                return;
        bool gone = set != PASSWORD_SET_UNKNOWN && send_delete(changing, dn, text) == LDAP_SUCCESS;
        const char *words = why.len > 0 ? sbuf_text(&why) : set == PASSWORD_SET_DENIED ? "bind_dn may not set passwords" :
                            set == PASSWORD_SET_UNKNOWN ? "no answer" : "it takes no password over this connection, or not now";
        if (gone)
                outcome_refuse(changing->result, set == PASSWORD_SET_DENIED ? REASON_PERMISSION_DENIED : set == PASSWORD_SET_REJECTED ?
                               REASON_POLICY_REJECTED : REASON_UNAVAILABLE, "the server refuses the password, and the user was not made: %s", words);
        else
                outcome_partly(changing->result, "the user was made, but has no password: %s", words);
        changing->result->by_right = gone && set == PASSWORD_SET_DENIED;
}

/* Whom the filter does not show is never published, and could not even be removed from here. */
static bool is_seen(struct changing *changing, const char *dn) {
        struct directory_entry entry = { 0 };
        char text[SEND_TEXT], filter[300];
        ldap_kind_find(changing->directory, changing->change->name, read_by_ms(changing), &entry);
        if (entry.presence != PRESENCE_NOT_FOUND)
                return true;
        words_copy(changing->directory->ldap->user_filter, filter, sizeof filter);
        if (send_delete(changing, dn, text) == LDAP_SUCCESS)
                outcome_refuse(changing->result, REASON_POLICY_REJECTED, "the new entry was not to be seen through user_filter %s, or for want of a right of bind_dn's, and "
                               "was removed again: give it what the filter asks for (--attribute), or change user_filter", filter);
        else
                outcome_partly(changing->result, "the user was made, but is not to be seen through user_filter %s, or for want of a right of bind_dn's", filter);
        return false;
}

/* Active Directory makes an account that is switched off until it has a password. */
static void switch_on(struct changing *changing, const char *dn) {
        _cleanup_mods_ struct mods mods = { 0 };
        struct change_result result;
        char text[SEND_TEXT];
        if (!active_mods(changing, dn, true, &mods)) {
                outcome_partly(changing->result, "the user was made, but is switched off: its flags cannot be read");
                return;
        }
        outcome_of(changing, send_modify(changing, dn, &mods, text), text, &result);
        if (result.state != CHANGE_DONE)
                outcome_partly(changing->result, "the user was made, but is switched off: %.900s", result.text[0] ? result.text : "no answer");
}

void change_add_user(struct changing *changing) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const struct directory_change *change = changing->change;
        _cleanup_mods_ struct mods mods = { 0 };
        _cleanup_sbuf_ struct sbuf dn = { 0 };
        char text[SEND_TEXT];
        if (!texts_are_lines(changing))
                return;
        put_classes(&mods, ldap, change->has_uid && !ldap->active_directory);
        put_names(&mods, ldap, change);
        put(&mods, ldap->user_email, change->email);
        put_posix(&mods, changing);
        if (change->ssh_keys && change->ssh_keys[0] && ldap->user_ssh_keys[0])
                mods_lines(&mods, LDAP_MOD_ADD, ldap->user_ssh_keys, change->ssh_keys);
        active_initial(changing, false, &mods);
        if (!attribute_mods(changing, LDAP_MOD_ADD, &mods) || !schema_allows(changing) || !name_is_free(changing, false, change->name))
                return;
        rdn_write(&dn, rdn_attribute(ldap), change->name);
        sbuf_printf(&dn, ",%s", sbuf_text(&changing->directory->user_base));
        if (!dn.failed && !references_none(changing, sbuf_text(&dn), change->name))
                return;
        outcome_of(changing, dn.failed ? SEND_NONE : send_add(changing, sbuf_text(&dn), &mods, text), text, changing->result);
        if (changing->result->state != CHANGE_DONE || !is_seen(changing, sbuf_text(&dn)) || !changing->password)
                return;
        set_first_password(changing, sbuf_text(&dn));
        if (changing->result->state == CHANGE_DONE && ldap->active_directory)
                switch_on(changing, sbuf_text(&dn));
}

/* A value in place of what is there; "" takes it away. False: the settings name no attribute for it. */
static bool replace(struct changing *changing, struct mods *mods, const char *key, const char *attribute, const char *value) {
        if (!value)
                return true;
        if (!attribute[0]) {
                outcome_refuse(changing->result, REASON_POLICY_REJECTED, "the directory's settings name no attribute for it (%s)", key);
                return false;
        }
        mods_lines(mods, LDAP_MOD_REPLACE, attribute, value);
        return true;
}

static bool replace_number(struct changing *changing, struct mods *mods, const char *key, const char *attribute, bool given, uint32_t number) {
        char digits[12];
        (void)snprintf(digits, sizeof digits, "%u", number);
        return replace(changing, mods, key, attribute, given ? digits : NULL);
}

void change_modify_user(struct changing *changing) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        const struct directory_change *change = changing->change;
        _cleanup_mods_ struct mods mods = { 0 };
        char dn[SYNC_DN_MAX + 1], text[SEND_TEXT];
        bool good = texts_are_lines(changing) &&
                    replace(changing, &mods, "user_display_name", ldap->user_display_name, change->display_name) &&
                    replace(changing, &mods, "user_email", ldap->user_email, change->email) &&
                    replace(changing, &mods, "user_home", ldap->user_home, change->home) &&
                    replace(changing, &mods, "user_shell", ldap->user_shell, change->shell) &&
                    replace(changing, &mods, "user_ssh_keys", ldap->user_ssh_keys, change->ssh_keys) &&
                    replace_number(changing, &mods, "user_uid", ldap->user_uid, change->has_uid, change->uid) &&
                    replace_number(changing, &mods, "user_gid", ldap->user_gid, change->has_gid, change->gid) &&
                    attribute_mods(changing, LDAP_MOD_REPLACE, &mods) && schema_allows(changing) && find_user(changing, change->name, change->entry_id, dn) &&
                    (!change->has_active || active_mods(changing, dn, change->active, &mods));
        if (!good)
                return;
        if (mods.count == 0)
                changing->result->state = CHANGE_DONE;
        else
                outcome_of(changing, send_modify(changing, dn, &mods, text), text, changing->result);
}

void change_set_password(struct changing *changing) {
        struct directory_entry entry = { 0 };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        (void)snprintf(entry.entry_id, sizeof entry.entry_id, "%.*s", SYNC_ENTRY_ID_MAX, changing->change->entry_id);
        if (!changing->password) {
                outcome_refuse(changing->result, REASON_EMPTY_PASSWORD, "there is no password");
                return;
        }
        switch (ldap_kind_set_password(changing->directory, changing->change->name, NULL, changing->password, read_by_ms(changing), &entry, &why)) {
        case PASSWORD_SET_DONE:
                changing->result->state = CHANGE_DONE;
                break;
        case PASSWORD_SET_REJECTED:
                outcome_refuse(changing->result, REASON_POLICY_REJECTED, "the server refuses the new password: %s", sbuf_text(&why));
                break;
        case PASSWORD_SET_DENIED:
                outcome_refuse(changing->result, REASON_PERMISSION_DENIED, "bind_dn may not set passwords");
                changing->result->by_right = true;
                break;
        case PASSWORD_SET_NOT_FOUND:
                outcome_refuse(changing->result, REASON_USER_NOT_FOUND, "the server has the user no more, or another one of that name");
                break;
        case PASSWORD_SET_UNKNOWN:
                changing->result->state = CHANGE_UNKNOWN;
                break;
        default:
                outcome_refuse(changing->result, REASON_UNAVAILABLE, "the server takes no password now; the old one is still valid");
        }
}

void change_remove_user(struct changing *changing) {
        const struct directory_change *change = changing->change;
        char dn[SYNC_DN_MAX + 1], text[SEND_TEXT];
        if (!find_user(changing, change->name, change->entry_id, dn))
                return;
        outcome_of(changing, send_delete(changing, dn, text), text, changing->result);
        references_left(changing, changing->result);
        size_t left = changing->result->state == CHANGE_DONE ? references_change(changing, dn, NULL) : 0;
        if (left > 0)
                outcome_partly(changing->result, "the user was removed, but %zu or more groups may still name the entry, as the service's log says", left);
}
