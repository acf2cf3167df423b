/* What an administrator may say of an entry: which attributes by their names (U3, `--attribute`), and which texts in the others; see ldap/change.h.
 * Must never: let one through, by whatever name, that a key of the settings, a login or the server's own rules hang on: those have options and permissions
 * of their own (P4). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "directory/ldap/change.h"
#include "model/name.h"

/* RFC 4519, RFC 4524: one attribute, two names; the first is the one that settings use. */
static const char *const aliases[][2] = {
        { "uid", "userid" }, { "cn", "commonName" }, { "sn", "surname" }, { "givenName", "gn" }, { "mail", "rfc822Mailbox" },
        { "dc", "domainComponent" }, { "ou", "organizationalUnitName" }, { "o", "organizationName" }, { "uid", "uniqueID" /* eDirectory's */ },
};

/* What is the system's, a password's, a key's, a certificate's, Kerberos', or of rights, whatever the settings say. */
static const char *const reserved[] = {
        "objectClass", "uid", "uidNumber", "gidNumber", "homeDirectory", "loginShell", "unixHomeDirectory", "memberUid",
        "sshPublicKey", "nsSshPublicKey", "authorizedKeys", "userCertificate", "userPKCS12", "altSecurityIdentities",
        "userPassword", "unicodePwd", "dBCSPwd", "authPassword", "authAuthority", "unixUserPassword", "servicePrincipalName", "supplementalCredentials",
        "sAMAccountName", "userPrincipalName", "userAccountControl", "accountExpires", "lockoutTime", "userWorkstations", "logonHours", "userParameters",
        "msDS-KeyCredentialLink", "msDS-AllowedToDelegateTo", "msDS-AllowedToActOnBehalfOfOtherIdentity", "msDS-SupportedEncryptionTypes",
        "sIDHistory", "primaryGroupID", "objectSid", "objectGUID", "nTSecurityDescriptor", "adminCount",
        "loginDisabled", "loginExpirationTime", "loginAllowedTimeMap", "loginGraceLimit", "loginGraceRemaining", "loginMaximumSimultaneous", "equivalentToMe", "securityEquals",
        "memberOf", "isMemberOf", "groupMembership", "aci", "acl", "entryUUID", "ipaUniqueID", "GUID",
        "authzTo", "authzFrom", "saslAuthzTo", "saslAuthzFrom", "host", "authorizedService", "inetUserStatus", "mS-DS-ConsistencyGuid",
};
static const char *const reserved_starts[] = { "krb", "samba", "ipa", "pwd", "password", "shadow", "nsAccount", "nsRole", "nsUniqueId", "ds-", "oath", "sas" };

static bool same(const char *a, const char *b) {
        return strcasecmp(a, b) == 0;
}

static const char *first_name(const char *attribute) {
        for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
                if (same(aliases[i][1], attribute))
                        return aliases[i][0];
        return attribute;
}

bool attribute_is_taken(const struct ldap_settings *ldap, const char *attribute) {
        const char *const of_settings[] = {
                ldap->user_name, ldap->user_rdn, ldap->user_display_name, ldap->user_email, ldap->user_password, ldap->user_member_of,
                ldap->user_uid, ldap->user_gid, ldap->user_home, ldap->user_shell, ldap->user_ssh_keys, ldap->user_sid, ldap->user_primary_group_id,
                ldap->external_id,
        };
        const char *name = first_name(attribute);
        for (size_t i = 0; i < ARRAY_SIZE(of_settings); i++)
                if (of_settings[i][0] && same(first_name(of_settings[i]), name))
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
                if (same(reserved[i], name))
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(reserved_starts); i++)
                if (strncasecmp(reserved_starts[i], name, strlen(reserved_starts[i])) == 0)
                        return true;
        return false;
}

/* No options and no OIDs: they would be further names of the same. */
static bool is_attribute(const char *text) {
        size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
        return len > 0 && !text[len] && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
}

bool attribute_mods(struct changing *changing, int op, struct mods *mods) {
        const struct directory_change *change = changing->change;
        for (size_t i = 0; i < change->attribute_count; i++) {
                char attribute[128];
                size_t len = strcspn(change->attributes[i], "=");
                const char *value = change->attributes[i] + len + (change->attributes[i][len] == '=');
                (void)snprintf(attribute, sizeof attribute, "%.*s", len < sizeof attribute ? (int)len : 0, change->attributes[i]);
                if (!is_attribute(attribute) || attribute_is_taken(changing->directory->ldap, attribute)) {
                        outcome_refuse(changing->result, REASON_POLICY_REJECTED,
                                       "--attribute %s: it is no attribute's name, or one that has a meaning of its own, and is not set this way",
                                       attribute);
                        return false;
                }
                if (value[0] || op == LDAP_MOD_REPLACE)
                        mods_value(mods, op, attribute, value[0] ? value : NULL);
        }
        return true;
}

static bool is_line(struct changing *changing, const char *option, const char *text, bool path) {
        if (!text || !text[0] || (path ? path_is_publishable(text) : !text_has_control(text, strlen(text)) && text_is_utf8(text, strlen(text))))
                return true;
        outcome_refuse(changing->result, REASON_POLICY_REJECTED, path ? "%s: an absolute path without control characters, ':' or \"..\" is wanted" :
                       "%s: one line of UTF-8 without control characters is wanted", option);
        return false;
}

bool texts_are_lines(struct changing *changing) {
        const struct directory_change *change = changing->change;
        return is_line(changing, "--display-name", change->display_name, false) && is_line(changing, "--email", change->email, false) &&
               is_line(changing, "--home", change->home, true) && is_line(changing, "--shell", change->shell, true) &&
               is_line(changing, "--description", change->description, false);
}
