/* The names that the server's own schema has for an attribute (RFC 4512, 4.2): which may be more than the standard's; see ldap/change.h.
 * Must never: let an attribute through because of what the server says: it can only say more names that are taken; nor where it says nothing. */
#include <errno.h>
#include <ldap_schema.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "directory/ldap/change.h"
#include "directory/ldap/words.h"

#define TYPE_MAX 8192 /* longer descriptions of one attribute are none */

struct schema {
        struct changing *changing;
        size_t types;                      /* that were read */
        bool known[CHANGE_ATTRIBUTES_MAX]; /* the change's attributes that the schema has */
        const char *taken;                 /* the one of them that is; NULL: none */
};

/* As it is written before the first "=", without it. */
static bool is_said(const char *attribute, const char *name) {
        size_t len = strcspn(attribute, "=");
        return strlen(name) == len && strncasecmp(attribute, name, len) == 0;
}

static void take_type(struct schema *schema, const LDAPAttributeType *type) {
        const struct directory_change *change = schema->changing->change;
        const struct ldap_settings *ldap = schema->changing->directory->ldap;
        bool taken = type->at_oid && attribute_is_taken(ldap, type->at_oid);
        for (char **name = type->at_names; name && *name; name++)
                taken = taken || attribute_is_taken(ldap, *name);
        for (char **name = type->at_names; name && *name; name++)
                for (size_t i = 0; i < change->attribute_count; i++)
                        if (is_said(change->attributes[i], *name)) {
                                schema->known[i] = true;
                                schema->taken = taken ? change->attributes[i] : schema->taken;
                        }
}

static int take_types(void *userdata, const struct ldap_entry *entry) {
        struct schema *schema = userdata;
        const struct ldap_attribute *types = entry_find(entry, "attributeTypes");
        for (size_t i = 0; types && i < types->count; i++) {
                char text[TYPE_MAX];
                const char *at;
                int code;
                size_t len = types->values[i].bv_len;
                if (len >= sizeof text || memchr(types->values[i].bv_val, 0, len))
                        continue;
                memcpy(text, types->values[i].bv_val, len);
                text[len] = 0;
                LDAPAttributeType *type = ldap_str2attributetype(text, &code, &at, LDAP_SCHEMA_ALLOW_ALL);
                schema->types += type != NULL;
                if (type)
                        take_type(schema, type);
                ldap_attributetype_free(type);
        }
        return 0;
}

/* Which name is another's nobody knows then, and P4's read-only would be open to who finds one. */
static void refuse_unread(struct changing *changing, const char *where, int error, const char *why) {
        char words[200];
        words_copy(where, words, sizeof words);
        if (error == 0 || error == -ENOENT || error == -EACCES)
                outcome_refuse(changing->result, REASON_PERMISSION_DENIED,
                               "--attribute: the server does not show bind_dn its schema, and without it nobody can tell whether this is another name of an attribute "
                               "that has a meaning of its own: give bind_dn the right to read it (%s)", words);
        else
                outcome_refuse(changing->result, REASON_UNAVAILABLE,
                               "--attribute: the server cannot be asked for its schema, and without it nobody can tell whether this is another name of an attribute "
                               "that has a meaning of its own: %.600s", why);
}

static bool refuse_attribute(struct changing *changing, const char *attribute, const char *why) {
        outcome_refuse(changing->result, REASON_POLICY_REJECTED, "--attribute %.*s: %s", (int)strcspn(attribute, "="), attribute, why);
        return false;
}

static bool judge(struct changing *changing, const struct schema *schema) {
        if (schema->taken)
                return refuse_attribute(changing, schema->taken, "by the server's schema it is another name of one that has a meaning of its own, and is not set this way");
        for (size_t i = 0; i < changing->change->attribute_count; i++)
                if (!schema->known[i])
                        return refuse_attribute(changing, changing->change->attributes[i], "its schema has no such attribute, or does not show it to bind_dn");
        return true;
}

bool schema_allows(struct changing *changing) {
        struct schema schema = { .changing = changing };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        const char *names[] = { "attributeTypes", NULL };
        char where[1][256];
        if (changing->change->attribute_count == 0 || changing->directory->ldap->active_directory)
                return true; /* Active Directory's attributes have one name each */
        int count = read_values(changing, "", "subschemaSubentry", where, 1);
        if (count <= 0) {
                if (count == 0)
                        refuse_unread(changing, "subschemaSubentry of its root DSE, and the entry that it names", 0, "");
                return false;
        }
        const struct search search = { .base = where[0], .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=subschema)", .attributes = names, .size_limit = 1,
                                       .entry = take_types, .userdata = &schema };
        int r = session_search(&changing->directory->session, &search, NULL, changing->found_by_ms, &why);
        if (r == 0 && schema.types > 0)
                return judge(changing, &schema);
        refuse_unread(changing, where[0], r, sbuf_text(&why));
        return false;
}
