/* LDIF entries -> rows: who is a user, who a group, what a member's DN means; see import.h.
 * Relies on: import_ldif.h.
 * Must never: drop an entry silently: what is no row is counted or a bad line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "multidirctl/import.h"
#include "multidirctl/import_ldif.h"

struct people {
        struct ldif_entry *entries;
        size_t count, size;
        struct name_map by_dn;       /* normal DN -> entry */
};

static bool has_class(const struct ldif_entry *entry, const char *const *classes, size_t count) {
        const char *value;
        for (size_t n = 0; (value = ldif_value(entry, "objectclass", n)); n++)
                for (size_t i = 0; i < count; i++)
                        if (text_same_name(value, classes[i]))
                                return true;
        return false;
}

static bool is_user(const struct ldif_entry *entry) {
        static const char *const classes[] = { "inetOrgPerson", "posixAccount", "person", "organizationalPerson", "account", "user" };
        return has_class(entry, classes, ARRAY_SIZE(classes));
}

static bool is_group(const struct ldif_entry *entry) {
        static const char *const classes[] = { "groupOfNames", "groupOfUniqueNames", "posixGroup", "group", "groupOfMembers" };
        return has_class(entry, classes, ARRAY_SIZE(classes));
}

static const char *name_of(const struct ldif_entry *entry, bool user) {
        const char *uid = user ? ldif_value(entry, "uid", 0) : NULL, *account = user && !uid ? ldif_value(entry, "samaccountname", 0) : NULL;
        return uid ? uid : account ? account : ldif_value(entry, "cn", 0);
}

static bool add_entry(struct import_table *table, struct people *people, struct ldif_entry entry) {
        if (people->count == people->size) {
                size_t size = people->size ? 2 * people->size : 256;
                struct ldif_entry *entries = reallocarray(people->entries, size, sizeof *entries);
                if (!entries)
                        return false;
                people->entries = entries;
                people->size = size;
        }
        const char *dn = entry.dn ? ldif_normal_dn(&table->arena, entry.dn) : "";
        if (!dn)
                return false;
        int r = *dn ? name_map_add(&people->by_dn, dn, (uint32_t)people->count) : 0;
        if (r == -EEXIST)
                import_bad(table, entry.line, "the dn \"%.120s\" is on line %u already", entry.dn, people->entries[name_map_get(&people->by_dn, dn)].line);
        people->entries[people->count++] = entry;
        return r != -ENOMEM;
}

/* A member's DN: the entry of this file that has it, else what its first part says: uid= is a user, cn= a group. */
static const char *member_name(struct import_table *table, const struct people *people, const char *dn, bool *user) {
        const char *normal = ldif_normal_dn(&table->arena, dn), *name = NULL, *value = NULL;
        uint32_t index = normal ? name_map_get(&people->by_dn, normal) : NAME_MAP_NONE;
        if (index != NAME_MAP_NONE) {
                const struct ldif_entry *entry = &people->entries[index];
                *user = is_user(entry);
                return *user || is_group(entry) ? name_of(entry, *user) : NULL;
        }
        if (!ldif_rdn(&table->arena, dn, &name, &value))
                return NULL;
        *user = strcmp(name, "uid") == 0;
        return *user || strcmp(name, "cn") == 0 ? value : NULL;
}

static void read_dns(struct import_table *table, const struct people *people, const struct ldif_entry *entry, struct import_row *row, const char *attribute) {
        const char *dn;
        for (size_t n = 0; (dn = ldif_value(entry, attribute, n)); n++) {
                bool user = false;
                const char *name = member_name(table, people, dn, &user);
                if (!name)
                        import_bad(table, row->line, "%s: \"%.120s\" names neither a user (uid=…) nor a group (cn=…)", attribute, dn);
                else
                        import_add(table, row, user ? &row->members : &row->groups, name);
        }
}

static const struct { const char *attribute; enum import_field field; } user_attributes[] = {
        { "displayname", IMPORT_DISPLAY_NAME }, { "mail", IMPORT_EMAIL }, { "uidnumber", IMPORT_UID }, { "gidnumber", IMPORT_GID },
        { "homedirectory", IMPORT_HOME }, { "loginshell", IMPORT_SHELL },
};

/* "{CRYPT}…" is a hash that this host can check; other schemes are not, and saying nothing would lock the user out. */
static void read_password(struct import_table *table, const struct ldif_entry *entry, struct import_row *row) {
        const char *value = ldif_value(entry, "userpassword", 0), *end = value && value[0] == '{' ? strchr(value, '}') : NULL;
        if (!value)
                return;
        if (!end)
                import_set(table, row, IMPORT_PASSWORD, value);
        else if (strncasecmp(value, "{CRYPT}", 7) == 0)
                import_set(table, row, IMPORT_HASH, end + 1);
        else
                import_bad(table, row->line, "userPassword: the scheme %.*s cannot be imported; valid: {CRYPT} and plain text", (int)(end - value > 24 ? 24 : end - value + 1), value);
}

static void read_keys(struct import_table *table, const struct ldif_entry *entry, struct import_row *row) {
        _cleanup_sbuf_ struct sbuf keys = { 0 };
        const char *key;
        for (size_t n = 0; (key = ldif_value(entry, "sshpublickey", n)); n++)
                sbuf_printf(&keys, "%s%s", n ? "\n" : "", key);
        import_set(table, row, IMPORT_SSH_KEYS, sbuf_text(&keys));
}

static void read_user(struct import_table *table, const struct people *people, const struct ldif_entry *entry, struct import_row *row) {
        for (size_t i = 0; i < ARRAY_SIZE(user_attributes); i++) {
                const char *value = ldif_value(entry, user_attributes[i].attribute, 0);
                if (value)
                        import_set(table, row, user_attributes[i].field, value);
        }
        const char *full = ldif_value(entry, "cn", 0), *locked = ldif_value(entry, "nsaccountlock", 0);
        if (!row->texts[IMPORT_DISPLAY_NAME] && full && ldif_value(entry, "uid", 0))
                import_set(table, row, IMPORT_DISPLAY_NAME, full);
        if (locked && text_same_name(locked, "true"))
                import_set(table, row, IMPORT_ACTIVE, "no");
        read_password(table, entry, row);
        read_keys(table, entry, row);
        read_dns(table, people, entry, row, "memberof");
        if (row->members.count > 0)
                import_bad(table, row->line, "memberOf: \"%.80s\" is a user, not a group", row->members.items[0]);
}

static void read_group(struct import_table *table, const struct people *people, const struct ldif_entry *entry, struct import_row *row) {
        const char *description = ldif_value(entry, "description", 0), *gid = ldif_value(entry, "gidnumber", 0), *name;
        if (description)
                import_set(table, row, IMPORT_DESCRIPTION, description);
        if (gid)
                import_set(table, row, IMPORT_GID, gid);
        for (size_t n = 0; (name = ldif_value(entry, "memberuid", n)); n++)
                import_add(table, row, &row->members, name);
        read_dns(table, people, entry, row, "member");
        read_dns(table, people, entry, row, "uniquemember");
}

static void read_entry(struct import_table *table, const struct people *people, const struct ldif_entry *entry) {
        bool user = is_user(entry), wanted = table->kind == IMPORT_USERS ? user : !user && is_group(entry);
        if (entry->problem) {
                import_bad(table, entry->problem_line, "%s", entry->problem);
                return;
        }
        if (!wanted) {
                table->passed_over++;
                return;
        }
        const char *name = name_of(entry, user);
        if (!name || *name == 0) {
                import_bad(table, entry->line, "the entry has no %s", user ? "uid or cn" : "cn");
                return;
        }
        struct import_row *row = import_new_row(table, entry->line);
        if (!row)
                return;
        import_set(table, row, IMPORT_NAME, name);
        if (user)
                read_user(table, people, entry, row);
        else
                read_group(table, people, entry, row);
}

void import_ldif(struct import_table *table, const char *text, size_t len) {
        struct people people = { 0 };
        struct ldif ldif;
        struct ldif_entry entry;
        ldif_init(&ldif, text, len, &table->arena);
        while (ldif_next(&ldif, &entry) && !table->out_of_memory)
                if (!add_entry(table, &people, entry))
                        table->out_of_memory = true;
        if (ldif.out_of_memory)
                table->out_of_memory = true;
        for (size_t i = 0; i < people.count && !table->out_of_memory; i++)
                read_entry(table, &people, &people.entries[i]);
        name_map_done(&people.by_dn);
        free(people.entries);
}

bool import_is_ldif(const char *text, size_t len) {
        const char *end = text + len;
        while (text < end && (*text == '#' || *text == '\n' || *text == '\r')) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                if (!newline)
                        return false;
                text = newline + 1;
        }
        size_t left = (size_t)(end - text);
        return (left >= 3 && strncasecmp(text, "dn:", 3) == 0) || (left >= 8 && strncasecmp(text, "version:", 8) == 0);
}
