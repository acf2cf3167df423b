/* Bind answers; see ldap/outcome.h. */
#include "directory/ldap/outcome.h"

#include <ldap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Active Directory's sub-codes, hexadecimal, in "…, data 52e, …". They say more than "wrong" only beside a right password; 775 always. */
static const struct {
        unsigned long code;
        enum password_result result;
} ad_codes[] = {
        { 0x525, CHECK_NOT_FOUND },
        { 0x52e, CHECK_WRONG },
        { 0x530, CHECK_DENIED },  /* not at this hour */
        { 0x531, CHECK_DENIED },  /* not from here */
        { 0x532, CHECK_MUST_CHANGE }, /* whoever may search can change it, knowing the old one */
        { 0x533, CHECK_DENIED },  /* disabled */
        { 0x568, CHECK_DENIED },
        { 0x701, CHECK_DENIED },  /* the account has expired */
        { 0x773, CHECK_MUST_CHANGE },
        { 0x775, CHECK_DENIED },  /* locked */
};

static enum password_result ad_outcome(const char *text) {
        const char *data = strstr(text, "data ");
        unsigned long code = data ? strtoul(data + strlen("data "), NULL, 16) : 0x52e;
        for (size_t i = 0; i < ARRAY_SIZE(ad_codes); i++)
                if (ad_codes[i].code == code)
                        return ad_codes[i].result;
        return CHECK_DENIED;
}

/* Whoever is let in with an expired password may change it. */
static enum password_result expired(const struct bind_answer *answer) {
        return answer->code == LDAP_SUCCESS ? CHECK_MUST_CHANGE : CHECK_EXPIRED;
}

/* eDirectory says it in words, whatever the result: "NDS error: login lockout (-197)". */
static enum password_result edirectory_outcome(const struct bind_answer *answer) {
        if (strstr(answer->text, "(-222)") || strstr(answer->text, "(-223)"))
                return expired(answer);
        if (answer->code == LDAP_SUCCESS)
                return CHECK_RIGHT;
        if (strstr(answer->text, "(-601)"))
                return CHECK_NOT_FOUND;
        return strstr(answer->text, "(-669)") || answer->code == LDAP_INVALID_CREDENTIALS ? CHECK_WRONG : CHECK_DENIED;
}

/* The policy control of servers that have one. A grace login is a right password that has expired. */
static enum password_result policy_outcome(const struct bind_answer *answer, enum password_result without) {
        if (answer->ppolicy == PP_accountLocked)
                return CHECK_DENIED;
        if (answer->ppolicy == PP_passwordExpired || answer->ppolicy == PP_changeAfterReset)
                return expired(answer);
        if (answer->netscape_expired || (answer->code == LDAP_SUCCESS && answer->grace >= 0))
                return expired(answer);
        return without;
}

enum password_result bind_outcome(const struct ldap_settings *settings, const struct bind_answer *answer) {
        bool edirectory = text_same_name(settings->preset, "edirectory");
        switch (answer->code) {
        case LDAP_SUCCESS:
                return edirectory ? edirectory_outcome(answer) : policy_outcome(answer, CHECK_RIGHT);
        case LDAP_INVALID_CREDENTIALS:
                return settings->active_directory ? ad_outcome(answer->text) :
                       edirectory ? edirectory_outcome(answer) : policy_outcome(answer, CHECK_WRONG);
        case LDAP_INAPPROPRIATE_AUTH: /* the entry has no password */
                return CHECK_WRONG;
        case LDAP_CONSTRAINT_VIOLATION:
        case LDAP_UNWILLING_TO_PERFORM:
        case LDAP_INSUFFICIENT_ACCESS:
                return CHECK_DENIED;
        case LDAP_NO_SUCH_OBJECT:
        case LDAP_INVALID_DN_SYNTAX:
                return CHECK_NOT_FOUND;
        default:
                return CHECK_UNAVAILABLE;
        }
}

struct password_notice bind_notice(const struct bind_answer *answer) {
        if (answer->code != LDAP_SUCCESS)
                return (struct password_notice){ 0 };
        return (struct password_notice){ .expires_s = answer->expires_s, .grace = answer->grace >= 0,
                                         .grace_left = answer->grace >= 0 ? (uint32_t)answer->grace : 0 };
}

/* Active Directory tells a wrong old password from a bad new one in words only: "00000056: …", "0000052D: …". */
static bool is_wrong_old(const struct ldap_settings *settings, const struct bind_answer *answer) {
        return settings->active_directory && strstr(answer->text, "00000056") != NULL;
}

enum password_set change_outcome(const struct ldap_settings *settings, const struct bind_answer *answer) {
        switch (answer->code) {
        case LDAP_SUCCESS:
                return PASSWORD_SET_DONE;
        case LDAP_INVALID_CREDENTIALS:
                return PASSWORD_SET_WRONG;
        case LDAP_CONSTRAINT_VIOLATION:
                return is_wrong_old(settings, answer) ? PASSWORD_SET_WRONG : PASSWORD_SET_REJECTED;
        case LDAP_UNWILLING_TO_PERFORM:
                return PASSWORD_SET_REJECTED;
        case LDAP_INSUFFICIENT_ACCESS:
        case LDAP_STRONG_AUTH_REQUIRED:
        case LDAP_CONFIDENTIALITY_REQUIRED:
                return PASSWORD_SET_DENIED;
        case LDAP_NO_SUCH_OBJECT:
                return PASSWORD_SET_NOT_FOUND;
        default:
                return PASSWORD_SET_UNAVAILABLE;
        }
}

void change_words(const struct ldap_settings *settings, const struct bind_answer *answer, struct sbuf *words) {
        static const char samba[] = "check_password_restrictions: ";
        const char *said = strstr(answer->text, samba);
        if (said)
                sbuf_add(words, said + strlen(samba));
        else if (settings->active_directory && answer->code == LDAP_CONSTRAINT_VIOLATION)
                sbuf_add(words, "it does not meet the domain's rules for length, complexity, history or age");
        else if (answer->ppolicy != PP_noError)
                sbuf_add(words, ldap_passwordpolicy_err2txt((LDAPPasswordPolicyError)answer->ppolicy));
        else
                sbuf_add(words, answer->text[0] ? answer->text : ldap_err2string(answer->code));
}
