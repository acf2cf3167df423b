/* Setting a password at the server (U2): by its owner, who knows the old one, or by the service account.
 * Relies on: ldap/session, ldap/outcome, ldap/ad_password.
 * Must never: change another entry's than the one that was meant; send a password over a line that others can read; stay bound as a user; try twice
 * what may have been done. */
#include <errno.h>
#include <ldap.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "directory/ldap/ad_password.h"
#include "directory/ldap/kind.h"
#include "directory/ldap/outcome.h"
#include "directory/ldap/whose.h"
#include "directory/ldap/words.h"

/* One change. */
struct setting {
        struct directory *directory;
        const struct secret *old, *new; /* old: NULL: by the service account */
        const char *dn, *entry_id;
        uint64_t deadline_ms;
        struct link *link;
        struct sbuf *why;
};

static struct berval value_of(const struct secret *secret) {
        /* libldap only reads it. */
        return (struct berval){ .bv_len = secret->len, .bv_val = (char *)(uintptr_t)secret->bytes };
}

/* The server is to say which rule of its policy a new password breaks. */
static LDAPControl **policy_control(void) {
        static char oid[] = LDAP_CONTROL_PASSWORDPOLICYREQUEST;
        static LDAPControl policy = { .ldctl_oid = oid };
        static LDAPControl *controls[] = { &policy, NULL };
        return controls;
}

/* RFC 3062. */
static int send_extended(const struct setting *setting, int *id) {
        struct berval dn = { .bv_len = strlen(setting->dn), .bv_val = (char *)(uintptr_t)setting->dn };
        struct berval old = setting->old ? value_of(setting->old) : (struct berval){ 0 }, new = value_of(setting->new);
        int code = ldap_passwd(setting->link->ld, &dn, setting->old ? &old : NULL, &new, policy_control(), NULL, id);
        return code == LDAP_SUCCESS ? 0 : -ECONNRESET;
}

/* One modification of one attribute: the old value taken away and the new one added, or the new one in place of whatever is there. */
static int send_modify(const struct setting *setting, const char *attribute, struct berval *old, struct berval *new, int *id) {
        struct berval *old_values[] = { old, NULL }, *new_values[] = { new, NULL };
        char *name = (char *)(uintptr_t)attribute;
        LDAPMod take = { .mod_op = LDAP_MOD_DELETE | LDAP_MOD_BVALUES, .mod_type = name, .mod_vals.modv_bvals = old_values };
        LDAPMod add = { .mod_op = (old ? LDAP_MOD_ADD : LDAP_MOD_REPLACE) | LDAP_MOD_BVALUES, .mod_type = name, .mod_vals.modv_bvals = new_values };
        LDAPMod *both[] = { &take, &add, NULL }, *one[] = { &add, NULL };
        int code = ldap_modify_ext(setting->link->ld, setting->dn, old ? both : one, policy_control(), NULL, id);
        return code == LDAP_SUCCESS ? 0 : -ECONNRESET;
}

static int send_unicode(const struct setting *setting, int *id) {
        _cleanup_(ad_password_done) struct ad_password old = { 0 }, new = { 0 };
        if ((setting->old && ad_password_make(setting->old, &old) < 0) || ad_password_make(setting->new, &new) < 0)
                return -EILSEQ;
        struct berval old_value = { old.len, old.bytes }, new_value = { new.len, new.bytes };
        return send_modify(setting, "unicodePwd", setting->old ? &old_value : NULL, &new_value, id);
}

static int send_plain(const struct setting *setting, bool with_old, int *id) {
        const char *attribute = setting->directory->ldap->user_password;
        struct berval old = setting->old ? value_of(setting->old) : (struct berval){ 0 }, new = value_of(setting->new);
        return send_modify(setting, attribute[0] ? attribute : "userPassword", with_old && setting->old ? &old : NULL, &new, id);
}

enum way { WAY_EXTENDED = 0, WAY_UNICODE, WAY_REPLACE, WAY_TAKE_AND_ADD };

static int send_change(const struct setting *setting, enum way way, int *id) {
        switch (way) {
        case WAY_UNICODE: return send_unicode(setting, id);
        case WAY_REPLACE: return send_plain(setting, false, id);
        case WAY_TAKE_AND_ADD: return send_plain(setting, true, id);
        case WAY_EXTENDED:
        default: return send_extended(setting, id);
        }
}

/* Sends it and waits. From here on a silence means that nobody knows. */
static enum password_set try_way(const struct setting *setting, enum way way, struct bind_answer *answer) {
        int id = -1, r = send_change(setting, way, &id);
        if (r == -EILSEQ) {
                sbuf_add(setting->why, "the server takes no password that is not UTF-8");
                return PASSWORD_SET_REJECTED;
        }
        if (r == 0)
                r = link_answer(setting->link, id, setting->deadline_ms, answer);
        if (r == 0)
                return change_outcome(setting->directory->ldap, answer);
        log_warning("directory %s: no answer to a password change: %s", setting->directory->settings->name, strerror(-r));
        return PASSWORD_SET_UNKNOWN;
}

static enum way first_way(const struct ldap_settings *ldap) {
        if (ldap->active_directory)
                return WAY_UNICODE;
        return text_same_name(ldap->preset, "edirectory") ? WAY_TAKE_AND_ADD : WAY_EXTENDED;
}

static enum password_set change(const struct setting *setting) {
        const struct ldap_settings *ldap = setting->directory->ldap;
        struct bind_answer answer = { .ppolicy = PP_noError };
        enum way way = first_way(ldap);
        enum password_set set = try_way(setting, way, &answer);
        /* What a server says that has no such operation (RFC 4511, 4.12): so nothing was done. */
        if (way == WAY_EXTENDED && set == PASSWORD_SET_UNAVAILABLE && answer.code == LDAP_PROTOCOL_ERROR)
                set = try_way(setting, WAY_REPLACE, &answer);
        if (set == PASSWORD_SET_REJECTED && setting->why->len == 0)
                change_words(ldap, &answer, setting->why);
        if (set != PASSWORD_SET_DONE && set != PASSWORD_SET_UNKNOWN) {
                _cleanup_sbuf_ struct sbuf said = { 0 };
                link_describe(&said, answer.code, answer.text);
                log_notice("directory %s: the server does not set a password: %s", setting->directory->settings->name, sbuf_text(&said));
        }
        return set;
}

/* The owner's own connection. */
static enum password_set bind_owner(const struct setting *setting) {
        struct bind_answer answer;
        int r = link_bind(setting->link, setting->dn, setting->old, setting->deadline_ms, &answer);
        if (r < 0) {
                log_warning("directory %s: no answer to a user's bind: %s", setting->directory->settings->name, strerror(-r));
                return PASSWORD_SET_UNAVAILABLE;
        }
        switch (bind_outcome(setting->directory->ldap, &answer)) {
        case CHECK_RIGHT:
        case CHECK_MUST_CHANGE: return PASSWORD_SET_DONE;
        case CHECK_WRONG: return PASSWORD_SET_WRONG;
        case CHECK_EXPIRED: return PASSWORD_SET_EXPIRED;
        case CHECK_NOT_FOUND: return PASSWORD_SET_NOT_FOUND;
        case CHECK_DENIED: return PASSWORD_SET_LOCKED;
        case CHECK_UNAVAILABLE:
        default: return PASSWORD_SET_UNAVAILABLE;
        }
}

/* The line's own word on whose DN it is. A user may not be allowed to read the own entry, least of all with a password that has expired; the service's account
 * has just read it. */
static enum password_set compare(const struct setting *setting, bool by_service) {
        switch (whose_entry(setting->directory, setting->link, setting->dn, setting->entry_id, setting->deadline_ms)) {
        case WHOSE_SAME: return PASSWORD_SET_DONE;
        case WHOSE_UNWILLING:
        case WHOSE_HIDDEN: return by_service ? PASSWORD_SET_UNAVAILABLE : PASSWORD_SET_DONE;
        case WHOSE_OTHERS: return PASSWORD_SET_NOT_FOUND;
        case WHOSE_UNTOLD:
        case WHOSE_LOST:
        default: return PASSWORD_SET_UNAVAILABLE;
        }
}

/* A line for this one change: nobody else's question may come after it as somebody who is bound here. */
static enum password_set on_own_link(struct setting *setting) {
        struct directory *directory = setting->directory;
        _cleanup_sbuf_ struct sbuf why = { 0 };
        _cleanup_(link_closep) struct link *link = NULL;
        /* Active Directory lets nobody bind whose password has expired, but takes the old and the new one from any account. */
        bool by_service = !setting->old || directory->ldap->active_directory;
        const struct session_want want = { LINK_MESSAGE_SMALL, by_service };
        int r = by_service && !directory->ldap->bind_dn[0] ? -EACCES
                : session_connect_reader(&directory->session, &want, setting->deadline_ms, &link, &why);
        if (r == 0 && (!link->may_send_secrets || (directory->ldap->active_directory && !ldap_tls_inplace(link->ld)))) {
                sbuf_printf(&why, "%s: the connection is not encrypted: no password is sent", link->server);
                r = -EPERM;
        }
        if (r < 0) {
                log_warning("directory %s: cannot set a password: %s", directory->settings->name, why.len > 0 ? sbuf_text(&why) : "there is no bind_dn");
                return r == -EACCES && !directory->ldap->bind_dn[0] ? PASSWORD_SET_DENIED : PASSWORD_SET_UNAVAILABLE;
        }
        setting->link = link;
        enum password_set set = by_service ? PASSWORD_SET_DONE : bind_owner(setting);
        if (set == PASSWORD_SET_DONE)
                set = compare(setting, by_service);
        if (set != PASSWORD_SET_DONE)
                return set;
        session_stay(&directory->session);
        return change(setting);
}

enum password_set ldap_kind_set_password(struct directory *directory, const char *user, const struct secret *old, const struct secret *new,
                                         uint64_t deadline_ms, struct directory_entry *entry, struct sbuf *why) {
        /* An empty new one would have the server make one up. */
        if (new->len == 0 || secret_has_nul(new) || !directory->settings->writes_passwords)
                return PASSWORD_SET_UNAVAILABLE;
        if (old && (old->len == 0 || secret_has_nul(old)))
                return PASSWORD_SET_WRONG;
        switch (ldap_kind_confirm(directory, user, deadline_ms, entry)) {
        case PRESENCE_FOUND: break;
        case PRESENCE_NOT_FOUND: return PASSWORD_SET_NOT_FOUND;
        case PRESENCE_UNAVAILABLE:
        default: return PASSWORD_SET_UNAVAILABLE;
        }
        struct setting setting = { .directory = directory, .old = old, .new = new, .dn = entry->dn, .entry_id = entry->entry_id, .deadline_ms = deadline_ms, .why = why };
        return on_own_link(&setting);
}
