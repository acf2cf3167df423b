/* Which attributes an entry is asked for, and whether an account is active; see ldap/entry.h. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "directory/ldap/computed.h"
#include "directory/ldap/entry.h"

#define USER_ACCOUNT_CONTROL "userAccountControl"
#define UAC_DISABLED 2u
#define DAY_S 86400u
#define FILETIME_EPOCH_S UINT64_C(11644473600) /* 1601-01-01 to 1970-01-01 */
#define FILETIME_PER_S 10000000u

static bool is_word(const struct berval *value, const char *word) {
        if (value->bv_len != strlen(word))
                return false;
        for (size_t i = 0; i < value->bv_len; i++)
                if (text_fold_byte(value->bv_val[i]) != text_fold_byte(word[i]))
                        return false;
        return true;
}

/* A value as a number; false if it is none. */
static bool to_number(const struct berval *value, uint64_t *number) {
        char digits[24];
        if (value->bv_len == 0 || value->bv_len >= sizeof digits)
                return false;
        memcpy(digits, value->bv_val, value->bv_len);
        digits[value->bv_len] = 0;
        return strlen(digits) == value->bv_len && text_to_u64(digits, UINT64_MAX, number) == 0;
}

static uint64_t days_from_civil(uint64_t year, uint64_t month, uint64_t day) {
        uint64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
        return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

/* Two digits at *at, at most `most`; false, and *at where it was: there are none. */
static bool two_digits(const struct berval *value, size_t *at, uint64_t most, uint64_t *number) {
        const char *bytes = value->bv_val + *at;
        if (value->bv_len - *at < 2 || bytes[0] < '0' || bytes[0] > '9' || bytes[1] < '0' || bytes[1] > '9')
                return false;
        *number = (uint64_t)(bytes[0] - '0') * 10 + (uint64_t)(bytes[1] - '0');
        *at += 2;
        return *number <= most;
}

/* What follows the digits: a fraction, then Z, or how far the zone is ahead of it. What cannot be read is Z. */
static uint64_t in_zone(const struct berval *value, size_t at, uint64_t seconds) {
        uint64_t hours, minutes = 0;
        if (at < value->bv_len && (value->bv_val[at] == '.' || value->bv_val[at] == ','))
                for (at++; at < value->bv_len && value->bv_val[at] >= '0' && value->bv_val[at] <= '9'; at++)
                        ;
        if (at >= value->bv_len || (value->bv_val[at] != '+' && value->bv_val[at] != '-'))
                return seconds;
        bool ahead = value->bv_val[at++] == '+';
        if (!two_digits(value, &at, 23, &hours))
                return seconds;
        (void)two_digits(value, &at, 59, &minutes);
        uint64_t shift = hours * 3600 + minutes * 60;
        return !ahead ? seconds + shift : seconds > shift ? seconds - shift : 0;
}

/* generalizedTime "YYYYMMDDHH[MM[SS]]…", to the second. False: it is none. */
static bool to_time(const struct berval *value, uint64_t *seconds) {
        uint64_t century, year, month, day, hour, minute = 0, second = 0;
        size_t at = 0;
        if (!two_digits(value, &at, 99, &century) || !two_digits(value, &at, 99, &year) || !two_digits(value, &at, 99, &month) ||
            !two_digits(value, &at, 99, &day) || !two_digits(value, &at, 99, &hour))
                return false;
        if (two_digits(value, &at, 99, &minute))
                (void)two_digits(value, &at, 99, &second);
        year += century * 100;
        if (year < 1970 || month < 1 || month > 12 || day < 1)
                *seconds = 0;
        else
                *seconds = in_zone(value, at, days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second);
        return true;
}

/* Flags that are no number say nothing good. */
static bool uac_active(const struct berval *value) {
        uint64_t flags;
        return to_number(value, &flags) && !(flags & UAC_DISABLED);
}

static bool not_true(const struct berval *value) {
        return !is_word(value, "TRUE");
}

/* A time is a lock-out that passes; this one is an administrator's. */
static bool not_locked_for_ever(const struct berval *value) {
        return !is_word(value, "000001010000Z");
}

static bool not_disabled_user(const struct berval *value) {
        return !memmem(value->bv_val, value->bv_len, ";DisabledUser;", strlen(";DisabledUser;"));
}

/* Ends: the first second of not being active; 0: never, 1: long ago. 0 and 2^63-1 mean never. */
static uint64_t filetime_end(const struct berval *value) {
        uint64_t time;
        if (!to_number(value, &time) || time == 0 || time >= INT64_MAX)
                return 0;
        return time / FILETIME_PER_S > FILETIME_EPOCH_S ? time / FILETIME_PER_S - FILETIME_EPOCH_S : 1;
}

/* Days since 1970, the first on which the account is closed; below 0: never. */
static uint64_t shadow_end(const struct berval *value) {
        uint64_t day;
        if (!to_number(value, &day) || day > UINT64_MAX / DAY_S)
                return 0;
        return day > 0 ? day * DAY_S : 1;
}

static uint64_t time_end(const struct berval *value) {
        uint64_t time;
        return !to_time(value, &time) ? 0 : time > 0 ? time : 1;
}

static const struct {
        const char *attribute;
        bool (*active)(const struct berval *value);
        uint64_t (*end)(const struct berval *value);
} signs[] = {
        { USER_ACCOUNT_CONTROL, uac_active, NULL },
        { "accountExpires", NULL, filetime_end },
        { "nsAccountLock", not_true, NULL },
        { "pwdAccountLockedTime", not_locked_for_ever, NULL },
        { "loginDisabled", not_true, NULL },
        { "loginExpirationTime", NULL, time_end },
        { "shadowExpire", NULL, shadow_end },
        { "ds-pwp-account-disabled", not_true, NULL },
        { "authAuthority", not_disabled_user, NULL },
};

uint64_t entry_end(const struct ldap_entry *entry) {
        uint64_t first = 0;
        for (size_t s = 0; s < ARRAY_SIZE(signs); s++) {
                const struct ldap_attribute *attribute = signs[s].end ? entry_find(entry, signs[s].attribute) : NULL;
                for (size_t v = 0; attribute && v < attribute->count; v++) {
                        uint64_t end = signs[s].end(&attribute->values[v]);
                        if (end > 0 && (first == 0 || end < first))
                                first = end;
                }
        }
        return first;
}

bool entry_is_active(const struct ldap_entry *entry, uint64_t now_s) {
        uint64_t end = entry_end(entry);
        for (size_t s = 0; s < ARRAY_SIZE(signs); s++) {
                const struct ldap_attribute *attribute = signs[s].active ? entry_find(entry, signs[s].attribute) : NULL;
                for (size_t v = 0; attribute && v < attribute->count; v++)
                        if (!signs[s].active(&attribute->values[v]))
                                return false;
        }
        return end == 0 || now_s < end;
}

bool entry_tells_state(const struct ldap_entry *entry, const struct ldap_settings *settings) {
        const struct ldap_attribute *flags = settings->active_directory ? entry_find(entry, USER_ACCOUNT_CONTROL) : NULL;
        return !settings->active_directory || (flags && flags->count > 0);
}

/* Some servers refuse a request that names an attribute twice. */
static void add_name(struct entry_attributes *attributes, const char *name) {
        for (size_t i = 0; i < attributes->count; i++)
                if (strcasecmp(attributes->names[i], name) == 0)
                        return;
        if (name[0] && attributes->count + 1 < ENTRY_ATTRIBUTES_MAX)
                attributes->names[attributes->count++] = name;
        attributes->names[attributes->count] = NULL;
}

static void add_signs(struct entry_attributes *attributes) {
        for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
                add_name(attributes, signs[i].attribute);
}

void entry_user_attributes(const struct ldap_settings *settings, struct entry_attributes *attributes) {
        const char *const named[] = {
                settings->user_name, settings->user_first_name, settings->user_last_name, settings->user_display_name, ENTRY_CN, settings->user_email,
                settings->user_member_of, settings->user_uid, settings->user_gid, settings->user_home, settings->user_shell,
                settings->user_ssh_keys, settings->user_sid, settings->user_primary_group_id, settings->external_id,
        };
        attributes->count = 0;
        for (size_t i = 0; i < ARRAY_SIZE(named); i++)
                add_name(attributes, named[i]);
        add_signs(attributes);
}

void entry_login_attributes(const struct ldap_settings *settings, struct entry_attributes *attributes) {
        attributes->count = 0;
        add_name(attributes, settings->user_name);
        add_name(attributes, settings->external_id);
        add_signs(attributes);
}

void entry_group_attributes(const struct ldap_settings *settings, bool members, struct entry_attributes *attributes) {
        const char *const named[] = { settings->group_name, settings->group_description, settings->group_gid, settings->group_sid, settings->external_id };
        attributes->count = 0;
        for (size_t i = 0; i < ARRAY_SIZE(named); i++)
                add_name(attributes, named[i]);
        if (!members || !settings->group_member[0])
                return;
        if (!settings->active_directory)
                for (size_t i = 0; computed_member_attributes[i]; i++)
                        add_name(attributes, computed_member_attributes[i]);
        entry_range_attribute(settings->group_member, 0, attributes->member_range, sizeof attributes->member_range);
        add_name(attributes, settings->active_directory ? attributes->member_range : settings->group_member);
}
