/* Whether an account may be used, as each server wants it said; see ldap/change.h. entry_active.c reads the same. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "directory/ldap/change.h"
#include "model/dn.h"

#define USER_ACCOUNT_CONTROL "userAccountControl"
#define PRINCIPAL "userPrincipalName"
#define PRINCIPAL_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define UAC_DISABLED 2u
#define UAC_NORMAL 512u

/* The attribute, its value for an account that is switched off; one that is on has none. OpenLDAP's is the password policy overlay's. */
static const struct { const char *preset, *attribute, *off; } signs[] = {
        { "openldap", "pwdAccountLockedTime", "000001010000Z" },
        { "389ds", "nsAccountLock", "true" },
        { "dsee", "nsAccountLock", "true" },
        { "edirectory", "loginDisabled", "TRUE" },
        { "opends", "ds-pwp-account-disabled", "true" },
};

/* In one operation with the value that was read: who changed it meanwhile is not overruled. */
static bool flags_mods(struct changing *changing, const char *dn, bool active, struct mods *mods) {
        char values[1][256];
        uint64_t flags;
        int count = read_values(changing, dn, USER_ACCOUNT_CONTROL, values, 1);
        if (count < 0)
                return false;
        if (count == 0 || text_to_u64(values[0], UINT32_MAX, &flags) < 0) {
                outcome_refuse(changing->result, REASON_PERMISSION_DENIED, "bind_dn cannot read the account's " USER_ACCOUNT_CONTROL);
                changing->result->by_right = true;
                return false;
        }
        mods_value(mods, LDAP_MOD_DELETE, USER_ACCOUNT_CONTROL, values[0]);
        mods_number(mods, LDAP_MOD_ADD, USER_ACCOUNT_CONTROL, (uint32_t)(active ? flags & ~(uint64_t)UAC_DISABLED : flags | UAC_DISABLED));
        return true;
}

bool active_mods(struct changing *changing, const char *dn, bool active, struct mods *mods) {
        const struct ldap_settings *ldap = changing->directory->ldap;
        if (ldap->active_directory)
                return flags_mods(changing, dn, active, mods);
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
                if (!text_same_name(signs[i].preset, ldap->preset))
                        continue;
                mods_value(mods, LDAP_MOD_REPLACE, signs[i].attribute, active ? NULL : signs[i].off);
                return true;
        }
        outcome_refuse(changing->result, REASON_READ_ONLY_KIND,
                       "how a server of preset %s switches an account off is not known: make the change on the server itself", ldap->preset);
        return false;
}

bool active_principal(const char *name, const char *base, struct sbuf *principal) {
        char normal[DN_NORMAL_MAX], *at = normal;
        size_t len;
        if (dn_normal(base, strlen(base), normal, &len) < 0 || len == sizeof normal || name[strspn(name, PRINCIPAL_CHARACTERS)])
                return false;
        normal[len] = 0;
        sbuf_printf(principal, "%s@", name);
        /* The form of model/dn.c: RDNs end with 3. The domain is what the base ends with. */
        for (bool domain = false;; at++) {
                bool is_part = strncmp(at, "dc\1", 3) == 0;
                if (domain && !is_part)
                        return false;
                if (is_part)
                        sbuf_printf(principal, "%s%.*s", domain ? "." : "", (int)strcspn(at + 3, "\3"), at + 3);
                domain = is_part;
                at += strcspn(at, "\3");
                if (!*at)
                        return domain && !principal->failed && !sbuf_text(principal)[strspn(sbuf_text(principal), PRINCIPAL_CHARACTERS "@")];
        }
}

/* What it is to be called when people log in to Windows is what the domain's own tools make of it. */
static void put_principal(const struct changing *changing, struct mods *mods) {
        _cleanup_sbuf_ struct sbuf principal = { 0 };
        if (!mods_has(mods, PRINCIPAL) && active_principal(changing->change->name, changing->directory->ldap->base, &principal))
                mods_value(mods, LDAP_MOD_ADD, PRINCIPAL, sbuf_text(&principal));
}

void active_initial(const struct changing *changing, bool active, struct mods *mods) {
        if (!changing->directory->ldap->active_directory)
                return;
        /* Without it the account could be used without a password where the domain's policy allows that. */
        mods_number(mods, LDAP_MOD_ADD, USER_ACCOUNT_CONTROL, active ? UAC_NORMAL : UAC_NORMAL | UAC_DISABLED);
        put_principal(changing, mods);
}
