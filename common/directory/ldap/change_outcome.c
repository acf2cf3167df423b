/* A server's answer to a change: which reason, in which words; see ldap/change.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "directory/ldap/change.h"

static void _printf_(2, 0) say(struct change_result *result, const char *format, va_list args) {
        (void)vsnprintf(result->text, sizeof result->text, format, args);
}

void outcome_refuse(struct change_result *result, enum reason reason, const char *format, ...) {
        va_list args;
        *result = (struct change_result){ .state = CHANGE_REFUSED, .reason = reason };
        va_start(args, format);
        say(result, format, args);
        va_end(args);
}

void outcome_partly(struct change_result *result, const char *format, ...) {
        va_list args;
        *result = (struct change_result){ .state = CHANGE_PARTLY };
        va_start(args, format);
        say(result, format, args);
        va_end(args);
}

static bool is_of_member(enum entry_change operation) {
        return operation == CHANGE_ADD_MEMBER || operation == CHANGE_REMOVE_MEMBER;
}

static bool is_of_group(enum entry_change operation) {
        return is_of_member(operation) || operation == CHANGE_ADD_GROUP || operation == CHANGE_MODIFY_GROUP || operation == CHANGE_REMOVE_GROUP;
}

/* What the same code means for different changes. */
static enum reason reason_of(enum entry_change operation, int code) {
        switch (code) {
        case LDAP_INSUFFICIENT_ACCESS:
        case LDAP_STRONG_AUTH_REQUIRED:
        case LDAP_CONFIDENTIALITY_REQUIRED:
                return REASON_PERMISSION_DENIED;
        case LDAP_ALREADY_EXISTS:
                return operation == CHANGE_ADD_MEMBER ? REASON_ALREADY_A_MEMBER : REASON_EXISTS;
        case LDAP_TYPE_OR_VALUE_EXISTS:
                return operation == CHANGE_ADD_MEMBER ? REASON_ALREADY_A_MEMBER : REASON_POLICY_REJECTED;
        case LDAP_NO_SUCH_ATTRIBUTE:
                return operation == CHANGE_REMOVE_MEMBER ? REASON_NOT_A_MEMBER : REASON_POLICY_REJECTED;
        case LDAP_NO_SUCH_OBJECT:
                if (operation == CHANGE_ADD_USER || operation == CHANGE_ADD_GROUP)
                        return REASON_POLICY_REJECTED;
                return is_of_group(operation) ? REASON_GROUP_NOT_FOUND : REASON_USER_NOT_FOUND;
        case LDAP_UNWILLING_TO_PERFORM:
        case LDAP_CONSTRAINT_VIOLATION:
        case LDAP_OBJECT_CLASS_VIOLATION:
        case LDAP_NAMING_VIOLATION:
        case LDAP_NOT_ALLOWED_ON_RDN:
        case LDAP_NOT_ALLOWED_ON_NONLEAF:
        case LDAP_NO_OBJECT_CLASS_MODS:
        case LDAP_AFFECTS_MULTIPLE_DSAS:
        case LDAP_UNDEFINED_TYPE:
        case LDAP_INAPPROPRIATE_MATCHING:
        case LDAP_INVALID_SYNTAX:
        case LDAP_INVALID_DN_SYNTAX:
        case LDAP_REFERRAL:
                return REASON_POLICY_REJECTED;
        default:
                return REASON_UNAVAILABLE;
        }
}

/* What it means where the server's own words do not tell. */
static const char *hint_of(const struct changing *changing, int code) {
        enum entry_change operation = changing->change->operation;
        bool adds = operation == CHANGE_ADD_USER || operation == CHANGE_ADD_GROUP;
        if (code == LDAP_OBJECT_CLASS_VIOLATION && operation == CHANGE_REMOVE_MEMBER)
                return "; this is the group's last member, and its object class does not let it be without one";
        if (code == LDAP_OBJECT_CLASS_VIOLATION)
                return "; its schema does not allow this for the entry's object classes";
        if (code == LDAP_UNDEFINED_TYPE)
                return "; its schema has no such attribute";
        if (code == LDAP_NO_SUCH_OBJECT && adds)
                return "; the place where it would be made does not exist (user_base, group_base)";
        if (code == LDAP_REFERRAL)
                return "; it is a copy that takes no changes: the one that does belongs first in uri";
        if (code == LDAP_ALREADY_EXISTS && changing->directory->ldap->active_directory)
                return "; an entry of that DN is there, or the sAMAccountName is another one's: a user's, a group's or a computer's";
        if (code == LDAP_ALREADY_EXISTS && adds)
                return "; an entry of that DN is there, though no user or group of the name";
        return "";
}

void outcome_of(const struct changing *changing, int code, const char *text, struct change_result *result) {
        enum entry_change operation = changing->change->operation;
        _cleanup_sbuf_ struct sbuf said = { 0 };
        *result = (struct change_result){ .state = CHANGE_UNKNOWN };
        if (code == LDAP_SUCCESS) {
                result->state = CHANGE_DONE;
        } else if (code == SEND_NONE) {
                outcome_refuse(result, REASON_UNAVAILABLE, "the server could not be asked in time");
        } else if (code != SEND_LOST) {
                link_describe(&said, code, text);
                enum reason reason = reason_of(operation, code);
                outcome_refuse(result, reason, "the server refuses it: %s%s", sbuf_text(&said), hint_of(changing, code));
                result->by_right = reason == REASON_PERMISSION_DENIED;
        }
}
