/* The mapper; see ldap/entry.h. */
#include "directory/ldap/entry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "model/dn.h"

#define VALUE_MAX ((size_t)4096)          /* display name, e-mail, home, shell, description */
#define NAME_MAX_KEPT ((size_t)1023)      /* longer than any name that N3 publishes */
#define KEYS_MAX ((size_t)64 << 10)
#define GUID_BYTES 16

void entry_range_attribute(const char *name, uint32_t from, char *text, size_t size) {
        (void)snprintf(text, size, "%s;range=%u-*", name, from);
}

static bool same_name(const struct berval *name, size_t len, const char *wanted) {
        for (size_t i = 0; i < len; i++)
                if (wanted[i] == 0 || text_fold_byte(name->bv_val[i]) != text_fold_byte(wanted[i]))
                        return false;
        return wanted[len] == 0;
}

const struct ldap_attribute *entry_find(const struct ldap_entry *entry, const char *name) {
        for (size_t i = 0; name[0] && i < entry->count; i++)
                if (same_name(&entry->attributes[i].name, entry->attributes[i].name.bv_len, name))
                        return &entry->attributes[i];
        return NULL;
}

const struct ldap_attribute *entry_find_ranged(const struct ldap_entry *entry, const char *name, size_t *position, struct range *range) {
        for (; name[0] && *position < entry->count; ++*position) {
                const struct ldap_attribute *attribute = &entry->attributes[*position];
                if (range_parse(attribute->name.bv_val, attribute->name.bv_len, range) == 0 && same_name(&attribute->name, range->name_len, name)) {
                        ++*position;
                        return attribute;
                }
        }
        return NULL;
}

/* A copy with a NUL behind it; NULL if it does not fit, or holds a NUL itself. */
static const char *keep(struct entry_text *text, const void *bytes, size_t len) {
        if (len >= ENTRY_TEXT_MAX - text->used || memchr(bytes, 0, len))
                return NULL;
        char *copy = text->bytes + text->used;
        memcpy(copy, bytes, len);
        copy[len] = 0;
        text->used += len + 1;
        return copy;
}

/* The value of a single-valued attribute. Of several the smallest, so that the same entry always gives the same. */
static const struct berval *value_of(const struct ldap_entry *entry, const char *name) {
        const struct ldap_attribute *attribute = entry_find(entry, name);
        const struct berval *best = NULL;
        for (size_t i = 0; attribute && i < attribute->count; i++) {
                const struct berval *value = &attribute->values[i];
                size_t common = best && best->bv_len < value->bv_len ? best->bv_len : value->bv_len;
                int order = best ? memcmp(value->bv_val, best->bv_val, common) : -1;
                if (value->bv_len > 0 && (order < 0 || (order == 0 && value->bv_len < best->bv_len)))
                        best = value;
        }
        return best;
}

static const char *text_of(const struct ldap_entry *entry, const char *name, struct entry_text *text) {
        const struct berval *value = value_of(entry, name);
        return value && value->bv_len <= VALUE_MAX ? keep(text, value->bv_val, value->bv_len) : NULL;
}

static uint32_t number_of(const struct ldap_entry *entry, const char *name) {
        const struct berval *value = value_of(entry, name);
        char digits[12];
        uint32_t number;
        if (!value || value->bv_len >= sizeof digits)
                return 0;
        memcpy(digits, value->bv_val, value->bv_len);
        digits[value->bv_len] = 0;
        return strlen(digits) == value->bv_len && text_to_u32(digits, UINT32_MAX, &number) == 0 ? number : 0;
}

/* Of several values the one that the entry is named by: the other ones are aliases, which are nobody. */
static const char *name_of(const struct ldap_entry *entry, const char *attribute_name, struct entry_text *text) {
        char rdn[NAME_MAX_KEPT + 1];
        const struct ldap_attribute *attribute = entry_find(entry, attribute_name);
        int len = attribute && attribute->count > 1 ? dn_rdn_value(entry->dn.bv_val, entry->dn.bv_len, attribute_name, rdn, sizeof rdn) : -ENOENT;
        for (size_t i = 0; len > 0 && i < attribute->count; i++)
                if (attribute->values[i].bv_len == (size_t)len && memcmp(attribute->values[i].bv_val, rdn, (size_t)len) == 0)
                        return keep(text, rdn, (size_t)len);
        const struct berval *value = value_of(entry, attribute_name);
        return value && value->bv_len <= NAME_MAX_KEPT ? keep(text, value->bv_val, value->bv_len) : NULL;
}

static bool is_plain(const struct berval *value) {
        for (size_t i = 0; i < value->bv_len; i++)
                if (value->bv_val[i] <= 0x20 || value->bv_val[i] >= 0x7f)
                        return false;
        return true;
}

/* The immutable id as text: entryUUID and the like are text; objectGUID is 16 bytes, the first three fields of which are little-endian; others are
 * written in hex. */
static const char *id_of(const struct ldap_entry *entry, const struct ldap_settings *settings, struct entry_text *text) {
        static const unsigned char guid_order[GUID_BYTES] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
        char id[2 * GUID_BYTES + 5 + 2 * SYNC_ENTRY_ID_MAX];
        const struct berval *value = value_of(entry, settings->external_id);
        if (!value)
                return NULL;
        bool guid = value->bv_len == GUID_BYTES && (settings->active_directory || !is_plain(value));
        if (!guid && is_plain(value))
                return value->bv_len <= SYNC_ENTRY_ID_MAX ? keep(text, value->bv_val, value->bv_len) : NULL;
        if (value->bv_len > SYNC_ENTRY_ID_MAX / 2)
                return NULL;
        size_t used = 0;
        for (size_t i = 0; i < value->bv_len; i++) {
                unsigned char byte = (unsigned char)value->bv_val[guid && settings->active_directory ? guid_order[i] : i];
                used += (size_t)snprintf(id + used, sizeof id - used, "%s%02x", guid && (i == 4 || i == 6 || i == 8 || i == 10) ? "-" : "", byte);
        }
        return keep(text, id, used);
}

int entry_sid_text(const struct berval *value, char text[ENTRY_SID_MAX + 1]) {
        const unsigned char *bytes = (const unsigned char *)value->bv_val;
        uint64_t authority = 0;
        if (value->bv_len < 8 || bytes[0] != 1 || bytes[1] > 15 || value->bv_len != 8u + 4u * bytes[1])
                return -EINVAL;
        for (int i = 2; i < 8; i++)
                authority = authority << 8 | bytes[i];
        size_t used = (size_t)snprintf(text, ENTRY_SID_MAX + 1, "S-1-%llu", (unsigned long long)authority);
        for (size_t i = 0; i < bytes[1]; i++) {
                const unsigned char *b = bytes + 8 + 4 * i;
                uint32_t part = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
                used += (size_t)snprintf(text + used, ENTRY_SID_MAX + 1 - used, "-%u", part);
        }
        return (int)used;
}

static const char *sid_of(const struct ldap_entry *entry, const char *name, struct entry_text *text) {
        char sid[ENTRY_SID_MAX + 1];
        const struct berval *value = value_of(entry, name);
        int len = value ? entry_sid_text(value, sid) : -EINVAL;
        return len < 0 ? NULL : keep(text, sid, (size_t)len);
}

static const char *keys_of(const struct ldap_entry *entry, const char *name, struct entry_text *text) {
        const struct ldap_attribute *attribute = entry_find(entry, name);
        size_t start = text->used, used = start;
        for (size_t i = 0; attribute && i < attribute->count; i++) {
                const char *bytes = attribute->values[i].bv_val;
                size_t len = attribute->values[i].bv_len;
                while (len > 0 && strchr(" \r\n\t", bytes[len - 1]) && bytes[len - 1])
                        len--;
                if (len == 0 || len > KEYS_MAX || memchr(bytes, 0, len) || used - start + len + 1 > KEYS_MAX || len + 2 > ENTRY_TEXT_MAX - used)
                        continue;
                if (used > start)
                        text->bytes[used++] = '\n';
                memcpy(text->bytes + used, bytes, len);
                used += len;
        }
        if (used == start)
                return NULL;
        text->bytes[used] = 0;
        text->used = used + 1;
        return text->bytes + start;
}

/* What the entry calls its person, else first and last name; accounts without these still have a cn. */
static const char *display_name_of(const struct ldap_entry *entry, const struct ldap_settings *settings, struct entry_text *text) {
        const char *display = text_of(entry, settings->user_display_name, text);
        if (display)
                return display;
        const char *first = text_of(entry, settings->user_first_name, text), *last = text_of(entry, settings->user_last_name, text);
        if (!first || !last) {
                display = text_of(entry, ENTRY_CN, text);
                return display ? display : first ? first : last;
        }
        char both[2 * VALUE_MAX + 2];
        int len = snprintf(both, sizeof both, "%s %s", first, last);
        return keep(text, both, (size_t)len);
}

/* The last number of a domain's SID; 0 for the SIDs that every host has (S-1-5-32-…). */
static uint32_t rid_of(const char *sid) {
        uint32_t rid;
        const char *dash = sid && text_starts_with(sid, "S-1-5-21-") ? strrchr(sid, '-') : NULL;
        return dash && text_to_u32(dash + 1, UINT32_MAX, &rid) == 0 ? rid : 0;
}

/* The SID of the primary group: the user's own domain, and primaryGroupID. */
static const char *primary_sid_of(const char *sid, uint32_t rid, struct entry_text *text) {
        char group[ENTRY_SID_MAX + 12];
        const char *dash = sid ? strrchr(sid, '-') : NULL;
        if (!dash || rid == 0)
                return NULL;
        int len = snprintf(group, sizeof group, "%.*s-%u", (int)(dash - sid), sid, rid);
        return len < 0 || (size_t)len >= sizeof group ? NULL : keep(text, group, (size_t)len);
}

/* The parts that users and groups have in common. */
static enum entry_verdict map_common(const struct entry_context *context, const struct ldap_entry *entry, const char *name_attribute, struct entry_text *text,
                                     const char **name, const char **id, const char **why) {
        text->used = 0;
        *why = "";
        *name = name_of(entry, name_attribute, text);
        if (!*name)
                return ENTRY_NAMELESS;
        *id = id_of(entry, context->settings, text);
        if (!*id)
                *why = "its external_id attribute is missing, cannot be read by bind_dn, or is too long to be an id";
        return *id ? ENTRY_OK : ENTRY_BROKEN;
}

static const char *dn_of(const struct ldap_entry *entry, struct entry_text *text) {
        return entry->dn.bv_len <= SYNC_DN_MAX ? keep(text, entry->dn.bv_val, entry->dn.bv_len) : NULL;
}

const char *entry_id(const struct entry_context *context, const struct ldap_entry *entry, struct entry_text *text) {
        text->used = 0;
        return id_of(entry, context->settings, text);
}

enum entry_verdict entry_map_user(const struct entry_context *context, const struct ldap_entry *entry, struct entry_user *user, const char **why) {
        const struct ldap_settings *settings = context->settings;
        struct entry_text *text = &user->text;
        user->user = (struct sync_user){ 0 };
        user->state_unknown = false;
        user->end_s = 0;
        enum entry_verdict verdict = map_common(context, entry, settings->user_name, text, &user->user.name, &user->user.entry_id, why);
        if (verdict != ENTRY_OK)
                return verdict;
        user->user.dn = dn_of(entry, text);
        user->user.display_name = display_name_of(entry, settings, text);
        user->user.email = text_of(entry, settings->user_email, text);
        user->user.home = text_of(entry, settings->user_home, text);
        user->user.shell = text_of(entry, settings->user_shell, text);
        user->user.ssh_keys = keys_of(entry, settings->user_ssh_keys, text);
        user->user.sid = sid_of(entry, settings->user_sid, text);
        user->user.uid = number_of(entry, settings->user_uid);
        user->user.gid = number_of(entry, settings->user_gid);
        user->primary_rid = number_of(entry, settings->user_primary_group_id);
        user->user.primary_group_sid = primary_sid_of(user->user.sid, user->primary_rid, text);
        /* Without a gidNumber of its own, a RID says which group is the primary one (M10): groups carry theirs in the same place. */
        if (context->ids != IDS_ATTRIBUTE && user->primary_rid != 0)
                user->user.gid = user->primary_rid;
        user->user.posix_primary = user->user.gid != 0;
        user->state_unknown = !entry_tells_state(entry, settings);
        user->user.active = !user->state_unknown && entry_is_active(entry, context->now_s);
        user->end_s = user->user.active ? entry_end(entry) : 0;
        return ENTRY_OK;
}

enum entry_verdict entry_map_group(const struct entry_context *context, const struct ldap_entry *entry, struct entry_group *group, const char **why) {
        const struct ldap_settings *settings = context->settings;
        struct entry_text *text = &group->text;
        group->group = (struct sync_group){ .active = true };
        enum entry_verdict verdict = map_common(context, entry, settings->group_name, text, &group->group.name, &group->group.entry_id, why);
        if (verdict != ENTRY_OK)
                return verdict;
        group->group.dn = dn_of(entry, text);
        group->group.description = text_of(entry, settings->group_description, text);
        group->group.sid = sid_of(entry, settings->group_sid, text);
        group->group.gid = number_of(entry, settings->group_gid);
        if (context->ids != IDS_ATTRIBUTE && settings->user_primary_group_id[0])
                group->group.gid = rid_of(group->group.sid);
        return ENTRY_OK;
}
