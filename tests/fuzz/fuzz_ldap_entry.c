/* An LDAP entry as a server may send it: any DN, any attributes, any values. The mapper, the range option, the DNs and the memberships.
 * Relies on: directory/ldap/entry, range, dn, members.
 * Must never: need a server. Input: records between 0x1e, the fields of each between 0x1f; the first is the DN, the others an attribute's name and values. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/dn.h"
#include "directory/ldap/entry.h"
#include "directory/ldap/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUES_MAX 256

static const struct ldap_settings schemas[] = {
        { .preset = "active-directory", .user_name = "sAMAccountName", .user_first_name = "givenName", .user_last_name = "sn", .user_display_name = "displayName",
          .user_email = "mail", .user_password = "", .user_member_of = "memberOf", .user_uid = "uidNumber", .user_gid = "gidNumber",
          .user_home = "unixHomeDirectory", .user_shell = "loginShell", .user_ssh_keys = "altSecurityIdentities", .user_sid = "objectSid",
          .user_primary_group_id = "primaryGroupID", .group_name = "cn", .group_description = "description", .group_member = "member", .group_gid = "gidNumber",
          .group_sid = "objectSid", .external_id = "objectGUID", .active_directory = true },
        { .preset = "posix", .user_name = "uid", .user_first_name = "givenName", .user_last_name = "sn", .user_display_name = "cn", .user_email = "mail",
          .user_password = "", .user_member_of = "", .user_uid = "uidNumber", .user_gid = "gidNumber", .user_home = "homeDirectory", .user_shell = "loginShell",
          .user_ssh_keys = "sshPublicKey", .user_sid = "", .user_primary_group_id = "", .group_name = "cn", .group_description = "description",
          .group_member = "memberUid", .group_gid = "gidNumber", .group_sid = "", .external_id = "entryUUID", .members = LDAP_MEMBERS_NAME },
};

/* A field up to the next separator. False: the input is at its end. */
static bool field(const uint8_t **at, const uint8_t *end, struct berval *value, bool *last) {
        const uint8_t *from = *at;
        if (from > end)
                return false;
        while (*at < end && **at != 0x1e && **at != 0x1f)
                ++*at;
        *value = (struct berval){ (size_t)(*at - from), (char *)(uintptr_t)from };
        *last = *at == end || **at == 0x1e;
        ++*at;
        return true;
}

static void parse(const uint8_t *data, size_t size, struct ldap_entry *entry, struct berval *values) {
        const uint8_t *at = data, *end = data + size;
        size_t used = 0;
        bool last = false;
        entry->count = 0;
        if (!field(&at, end, &entry->dn, &last))
                return;
        while (entry->count < LDAP_ATTRIBUTES_MAX && used < VALUES_MAX) {
                struct ldap_attribute *attribute = &entry->attributes[entry->count];
                *attribute = (struct ldap_attribute){ .values = &values[used] };
                if (!field(&at, end, &attribute->name, &last))
                        return;
                while (!last && used < VALUES_MAX && field(&at, end, &values[used], &last)) {
                        used++;
                        attribute->count++;
                }
                entry->count++;
        }
}

static void check_text(const char *text, size_t max, const struct entry_text *in) {
        if (!text)
                return;
        if (text < in->bytes || text >= in->bytes + in->used || strlen(text) > max)
                abort();
}

static int pair(void *userdata, uint32_t from, uint32_t to) {
        uint64_t *last = userdata, now = (uint64_t)to << 32 | from;
        if (from > 1 || to > 1 || (*last != UINT64_MAX && now <= *last))
                abort();
        *last = now;
        return 0;
}
static int child(void *userdata, uint32_t from, uint32_t to) {
        if (from == to || from > 1 || to > 1)
                abort();
        return 0;
}

static int stray(void *userdata, uint32_t group, const char *key) {
        if (group > 1 || !key[0] || strlen(key) > SYNC_KEY_MAX)
                abort();
        return 0;
}

static struct entry_user user;
static struct entry_group group;

static void run(const struct ldap_settings *settings, const struct ldap_entry *entry) {
        const struct entry_context context = { settings, settings->active_directory ? IDS_SID : IDS_ATTRIBUTE, 1700000000 };
        struct members members = { .by_name = settings->members == LDAP_MEMBERS_NAME, .nested = true };
        const struct ldap_attribute *attribute;
        const char *why;
        struct range range;
        size_t position = 0;
        uint64_t last = UINT64_MAX;
        const struct sync_sink sink = { .member = pair, .child = child, .stray = stray, .userdata = &last };
        bool at_once = entry->count % 2 == 1, all;
        if (entry_map_user(&context, entry, &user, &why) == ENTRY_OK) {
                const struct sync_user *u = &user.user;
                if (!u->name[0] || !u->entry_id[0])
                        abort();
                check_text(u->name, 1023, &user.text);
                check_text(u->entry_id, SYNC_ENTRY_ID_MAX, &user.text);
                check_text(u->dn, SYNC_DN_MAX, &user.text);
                check_text(u->ssh_keys, 64u << 10, &user.text);
                check_text(u->sid, ENTRY_SID_MAX, &user.text);
                check_text(u->home, 4096, &user.text);
                (void)members_add_user(&members, u);
                const struct ldap_attribute *member_of = entry_find(entry, settings->user_member_of);
                for (size_t i = 0; member_of && i < member_of->count; i++)
                        (void)members_add_member_of(&members, 0, &member_of->values[i]);
        }
        if (entry_map_group(&context, entry, &group, &why) == ENTRY_OK) {
                check_text(group.group.description, 4096, &group.text);
                (void)members_add_group(&members, &group.group);
                while (at_once && (attribute = entry_find_ranged(entry, settings->group_member, &position, &range)))
                        (void)members_add_values(&members, 0, attribute->values, attribute->count);
                if (at_once && members_deliver_group(&members, &sink) < 0)
                        abort();
                (void)members_add_group(&members, &(struct sync_group){ .dn = "cn=other", .gid = group.group.gid });
        }
        while ((attribute = entry_find_ranged(entry, settings->group_member, &position, &range)))
                for (size_t i = 0; i < attribute->count; i++)
                        (void)members_add_values(&members, (uint32_t)i % 2, &attribute->values[i], 1);
        if (members_deliver(&members, &sink, &all) < 0 || !all)
                abort();
        members_done(&members);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct ldap_entry entry;
        static struct berval values[VALUES_MAX];
        /* A copy of the exact size: whoever reads past it is seen. */
        uint8_t *copy = malloc(size > 0 ? size : 1);
        if (!copy)
                return 0;
        if (size > 0)
                memcpy(copy, data, size);
        parse(copy, size, &entry, values);
        for (size_t i = 0; i < entry.count; i++) {
                struct range range;
                const struct berval *name = &entry.attributes[i].name;
                int r = range_parse(name->bv_val, name->bv_len, &range);
                if (r == 0 && (range.name_len == 0 || range.name_len > name->bv_len || (!range.last && range.to < range.from)))
                        abort();
        }
        for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
                run(&schemas[i], &entry);
        free(copy);
        return 0;
}
