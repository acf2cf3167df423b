/* Groups that name an entry whose DN is another one now, or nobody's: the next entry of that DN must not have its memberships. Servers that see to it
 * themselves have left nothing to do; see ldap/change.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "directory/ldap/change.h"
#include "directory/ldap/words.h"

#define GROUPS_MAX 100000
#define GROUPS_SHOWN 3

struct reference { char *group, *values; }; /* a group's DN; what it says, one per line */
struct references {
        const struct ldap_settings *ldap;
        const char *value;               /* a DN or, where groups have names, a name */
        struct reference *list;
        size_t count, size;
};

static bool by_name(const struct changing *changing) {
        return changing->directory->ldap->members != LDAP_MEMBERS_DN;
}

static void references_done(struct references *references) {
        for (size_t i = 0; i < references->count; i++) {
                free(references->list[i].group);
                free(references->list[i].values);
        }
        free(references->list);
        references->list = NULL;
        references->count = references->size = 0;
}
#define _cleanup_references_ __attribute__((cleanup(references_done)))

static void restart(void *userdata) {
        references_done(userdata);
}

static bool is_the_name(const struct berval *value, const char *name) {
        size_t i = 0;
        while (i < value->bv_len && name[i] && text_fold_byte(value->bv_val[i]) == text_fold_byte(name[i]))
                i++;
        return i == value->bv_len && !name[i];
}

/* Names in each spelling that means the user (N1); a DN's are the server's to compare. None: as it was asked for. */
static char *values_in(const struct references *references, const struct ldap_entry *entry) {
        _cleanup_sbuf_ struct sbuf values = { 0 };
        const struct ldap_attribute *attribute = references->ldap->members == LDAP_MEMBERS_DN ? NULL : entry_find(entry, references->ldap->group_member);
        for (size_t i = 0; attribute && i < attribute->count; i++) {
                if (!is_the_name(&attribute->values[i], references->value))
                        continue;
                sbuf_add_bytes(&values, attribute->values[i].bv_val, attribute->values[i].bv_len);
                sbuf_add(&values, "\n");
        }
        return values.failed ? NULL : strdup(values.len > 0 ? sbuf_text(&values) : references->value);
}

static int take_group(void *userdata, const struct ldap_entry *entry) {
        struct references *references = userdata;
        if (references->count == references->size) {
                size_t size = references->size > 0 ? 2 * references->size : 16;
                struct reference *list = size <= GROUPS_MAX ? reallocarray(references->list, size, sizeof *list) : NULL;
                if (!list)
                        return -ENOMEM;
                references->list = list;
                references->size = size;
        }
        struct reference *reference = &references->list[references->count++];
        *reference = (struct reference){ strndup(entry->dn.bv_val, entry->dn.bv_len), values_in(references, entry) };
        return reference->group && reference->values ? 0 : -ENOMEM;
}

/* memberUid's own rule tells cases apart, and whose name it is does not; what a server makes of a rule that it does not know is no match. */
static void write_filter(struct sbuf *filter, const struct changing *changing, const char *value) {
        const char *attribute = changing->directory->ldap->group_member;
        sbuf_printf(filter, "(&%s", sbuf_text(&changing->directory->group_filter));
        if (by_name(changing)) {
                _cleanup_sbuf_ struct sbuf any_case = { 0 };
                sbuf_printf(&any_case, "%s:caseIgnoreIA5Match:", attribute);
                sbuf_add(filter, "(|");
                filter_equals(filter, attribute, value, strlen(value));
                filter_equals(filter, any_case.failed ? attribute : sbuf_text(&any_case), value, strlen(value));
                sbuf_add(filter, ")");
        } else {
                filter_equals(filter, attribute, value, strlen(value));
        }
        sbuf_add(filter, ")");
}

/* 0; or negative errno, and *why. */
static int find_references(struct changing *changing, const char *value, uint64_t deadline_ms, struct references *references, struct sbuf *why) {
        struct directory *directory = changing->directory;
        const struct ldap_settings *ldap = directory->ldap;
        _cleanup_sbuf_ struct sbuf filter = { 0 };
        const char *names[] = { ldap->group_name, by_name(changing) ? ldap->group_member : NULL, NULL };
        *references = (struct references){ .ldap = ldap, .value = value };
        write_filter(&filter, changing, value);
        const struct search search = {
                .base = sbuf_text(&directory->group_base), .scope = LDAP_SCOPE_SUBTREE, .filter = sbuf_text(&filter), .attributes = names,
                .page_size = ldap->page_size, .domain_scope = ldap->active_directory, .entry = take_group, .userdata = references,
        };
        int r = filter.failed ? -ENOMEM : session_search(&directory->session, &search, restart, deadline_ms, why);
        if (r < 0)
                log_warning("directory %s: the groups that name an entry cannot be looked up: %s", directory->settings->name, sbuf_text(why));
        return r;
}

bool references_none(struct changing *changing, const char *dn, const char *name) {
        const char *value = by_name(changing) ? name : dn;
        _cleanup_references_ struct references references = { 0 };
        _cleanup_sbuf_ struct sbuf why = { 0 }, groups = { 0 };
        char words[200];
        if (!value || changing->directory->ldap->active_directory)
                return true; /* its links follow their entries: there are none to nobody */
        if (find_references(changing, value, changing->found_by_ms, &references, &why) < 0) {
                outcome_refuse(changing->result, REASON_UNAVAILABLE, "the server cannot be asked for groups that name it already: %.800s", sbuf_text(&why));
                return false;
        }
        if (references.count == 0)
                return true;
        for (size_t i = 0; i < references.count && i < GROUPS_SHOWN; i++) {
                words_copy(references.list[i].group, words, sizeof words);
                sbuf_printf(&groups, "%s%s", i > 0 ? "; " : "", words);
        }
        words_copy(value, words, sizeof words);
        outcome_refuse(changing->result, REASON_POLICY_REJECTED, "nobody is %s at the server yet, but %zu of its groups name it as a member, left over from "
                       "another entry, and would hand their rights on: take that value away on the server first (%s)", words, references.count, sbuf_text(&groups));
        return false;
}

void references_left(const struct changing *changing, struct change_result *result) {
        if (result->state != CHANGE_UNKNOWN || changing->directory->ldap->active_directory)
                return;
        (void)snprintf(result->text, sizeof result->text, "the server did not answer, and groups there may still name the old entry");
        log_warning("directory %s: no answer to the removal or the renaming of %s: groups there may still name the old entry",
                    changing->directory->settings->name, changing->change->name);
}

/* 16: the server was faster. 20: the new value was there beside the old one. 65: nobody is left, which some classes do not let a group be. */
static bool change_group(struct changing *changing, const struct reference *reference, const char *new) {
        const char *attribute = changing->directory->ldap->group_member;
        char text[SEND_TEXT];
        for (int tries = 0; tries < 2; tries++) {
                _cleanup_mods_ struct mods mods = { 0 };
                if (by_name(changing))
                        mods_lines(&mods, LDAP_MOD_DELETE, attribute, reference->values);
                else
                        mods_value(&mods, LDAP_MOD_DELETE, attribute, reference->values);
                if (new)
                        mods_value(&mods, LDAP_MOD_ADD, attribute, new);
                int code = send_modify(changing, reference->group, &mods, text);
                if (code == LDAP_SUCCESS || code == LDAP_NO_SUCH_ATTRIBUTE || code == LDAP_NO_SUCH_OBJECT)
                        return true;
                if (code == LDAP_TYPE_OR_VALUE_EXISTS && new)
                        new = NULL;
                else if (code == LDAP_OBJECT_CLASS_VIOLATION && !new)
                        new = MEMBER_NOBODY;
                else
                        return false;
        }
        return false;
}

size_t references_change(struct changing *changing, const char *old_dn, const char *new_dn) {
        _cleanup_references_ struct references references = { 0 };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        size_t left = 0;
        const char *old = by_name(changing) ? changing->change->name : old_dn, *new = by_name(changing) && new_dn ? changing->change->new_name : new_dn;
        if (changing->directory->ldap->active_directory)
                return 0; /* its links follow their entries */
        if (find_references(changing, old, changing->deadline_ms, &references, &why) < 0)
                left = 1;
        for (size_t i = 0; i < references.count; i++)
                left += !change_group(changing, &references.list[i], new);
        return left;
}

char *reference_values(struct changing *changing, const char *group, const char *member) {
        _cleanup_references_ struct references references = { .ldap = changing->directory->ldap, .value = member };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        const char *names[] = { references.ldap->group_member, NULL };
        const struct search search = { .base = group, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = names, .size_limit = 1,
                                       .entry = take_group, .userdata = &references };
        int r = session_search(&changing->directory->session, &search, restart, changing->found_by_ms, &why);
        if (r == 0 && references.count == 1)
                return TAKE_PTR(references.list[0].values);
        outcome_refuse(changing->result, REASON_UNAVAILABLE, "the server cannot be asked for the group's members: %.800s", sbuf_text(&why));
        return NULL;
}
