/* Which attributes an entry is asked for, and whether an account is active; see ldap/entry.h. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"
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

/* generalizedTime "YYYYMMDDHHMMSS…Z" to the second (a zone other than Z is at most a day off, which does not matter here). False: it is none. */
static bool to_time(const struct berval *value, uint64_t *seconds) {
        static const unsigned char widths[] = { 4, 2, 2, 2, 2, 2 };
        uint64_t fields[ARRAY_SIZE(widths)] = { 0 };
        size_t at = 0;
        for (size_t f = 0; f < ARRAY_SIZE(widths); f++) {
                for (size_t i = 0; i < widths[f]; i++, at++) {
                        if (at >= value->bv_len || value->bv_val[at] < '0' || value->bv_val[at] > '9')
                                return false;
                        fields[f] = fields[f] * 10 + (uint64_t)(value->bv_val[at] - '0');
                }
        }
        if (fields[0] < 1970 || fields[1] < 1 || fields[1] > 12 || fields[2] < 1)
                *seconds = 0;
        else
                *seconds = days_from_civil(fields[0], fields[1], fields[2]) * DAY_S + fields[3] * 3600 + fields[4] * 60 + fields[5];
        return true;
}

/* Flags that are no number say nothing good. */
static bool uac_active(const struct berval *value, uint64_t now_s) {
        uint64_t flags;
        return to_number(value, &flags) && !(flags & UAC_DISABLED);
}

/* 0 and 2^63-1: never. */
static bool filetime_active(const struct berval *value, uint64_t now_s) {
        uint64_t time;
        return !to_number(value, &time) || time == 0 || time >= INT64_MAX || time / FILETIME_PER_S > now_s + FILETIME_EPOCH_S;
}

static bool not_true(const struct berval *value, uint64_t now_s) {
        return !is_word(value, "TRUE");
}

/* A time is a lock-out that passes; this one is an administrator's. */
static bool not_locked_for_ever(const struct berval *value, uint64_t now_s) {
        return !is_word(value, "000001010000Z");
}

/* Days since 1970, the first on which the account is closed; below 0: never. */
static bool shadow_active(const struct berval *value, uint64_t now_s) {
        uint64_t day;
        return !to_number(value, &day) || now_s / DAY_S < day;
}

static bool time_ahead(const struct berval *value, uint64_t now_s) {
        uint64_t time;
        return !to_time(value, &time) || now_s < time;
}

static bool not_disabled_user(const struct berval *value, uint64_t now_s) {
        return !memmem(value->bv_val, value->bv_len, ";DisabledUser;", strlen(";DisabledUser;"));
}

static const struct {
        const char *attribute;
        bool (*active)(const struct berval *value, uint64_t now_s);
} signs[] = {
        { USER_ACCOUNT_CONTROL, uac_active },
        { "accountExpires", filetime_active },
        { "nsAccountLock", not_true },
        { "pwdAccountLockedTime", not_locked_for_ever },
        { "loginDisabled", not_true },
        { "loginExpirationTime", time_ahead },
        { "shadowExpire", shadow_active },
        { "ds-pwp-account-disabled", not_true },
        { "authAuthority", not_disabled_user },
};

bool entry_is_active(const struct ldap_entry *entry, uint64_t now_s) {
        for (size_t s = 0; s < ARRAY_SIZE(signs); s++) {
                const struct ldap_attribute *attribute = entry_find(entry, signs[s].attribute);
                for (size_t v = 0; attribute && v < attribute->count; v++)
                        if (!signs[s].active(&attribute->values[v], now_s))
                                return false;
        }
        return true;
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
        entry_range_attribute(settings->group_member, 0, attributes->member_range, sizeof attributes->member_range);
        add_name(attributes, settings->active_directory ? attributes->member_range : settings->group_member);
}
