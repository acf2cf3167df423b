/* Groups that name an entry whose DN is another one now, or nobody's: the next entry of that DN must not have its memberships. Servers that see to it
 * themselves have left nothing to do; see ldap/change.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "directory/ldap/change.h"
#include "directory/ldap/words.h"

#define GROUPS_MAX 100000

struct groups { char **dns; size_t count, size; };

static void groups_done(struct groups *groups) {
        for (size_t i = 0; i < groups->count; i++)
                free(groups->dns[i]);
        free(groups->dns);
        *groups = (struct groups){ 0 };
}

static void restart(void *userdata) {
        groups_done(userdata);
}

static int take_group(void *userdata, const struct ldap_entry *entry) {
        struct groups *groups = userdata;
        if (groups->count == groups->size) {
                size_t size = groups->size > 0 ? 2 * groups->size : 16;
                char **dns = size <= GROUPS_MAX ? reallocarray(groups->dns, size, sizeof *dns) : NULL;
                if (!dns)
                        return -ENOMEM;
                groups->dns = dns;
                groups->size = size;
        }
        groups->dns[groups->count] = strndup(entry->dn.bv_val, entry->dn.bv_len);
        return groups->dns[groups->count] ? (groups->count++, 0) : -ENOMEM;
}

static int find_groups(struct changing *changing, const char *dn, struct groups *groups) {
        struct directory *directory = changing->directory;
        const struct ldap_settings *ldap = directory->ldap;
        _cleanup_sbuf_ struct sbuf filter = { 0 }, why = { 0 };
        const char *names[] = { ldap->group_name, NULL };
        sbuf_printf(&filter, "(&%s", sbuf_text(&directory->group_filter));
        filter_equals(&filter, ldap->group_member, dn, strlen(dn));
        sbuf_add(&filter, ")");
        const struct search search = {
                .base = sbuf_text(&directory->group_base), .scope = LDAP_SCOPE_SUBTREE, .filter = sbuf_text(&filter), .attributes = names,
                .page_size = ldap->page_size, .domain_scope = ldap->active_directory, .entry = take_group, .userdata = groups,
        };
        int r = filter.failed ? -ENOMEM : session_search(&directory->session, &search, restart, changing->deadline_ms, &why);
        if (r < 0)
                log_warning("directory %s: the groups of an entry that was changed cannot be looked up: %s", directory->settings->name, sbuf_text(&why));
        return r;
}

/* 16: the server was faster. 20: the new value was there beside the old one. 65: nobody is left, which some classes do not let a group be. */
static bool change_group(struct changing *changing, const char *group, const char *old_dn, const char *new_dn) {
        const char *attribute = changing->directory->ldap->group_member;
        char text[SEND_TEXT];
        for (int tries = 0; tries < 2; tries++) {
                _cleanup_mods_ struct mods mods = { 0 };
                mods_value(&mods, LDAP_MOD_DELETE, attribute, old_dn);
                if (new_dn)
                        mods_value(&mods, LDAP_MOD_ADD, attribute, new_dn);
                int code = send_modify(changing, group, &mods, text);
                if (code == LDAP_SUCCESS || code == LDAP_NO_SUCH_ATTRIBUTE || code == LDAP_NO_SUCH_OBJECT)
                        return true;
                if (code == LDAP_TYPE_OR_VALUE_EXISTS && new_dn)
                        new_dn = NULL;
                else if (code == LDAP_OBJECT_CLASS_VIOLATION && !new_dn)
                        new_dn = MEMBER_NOBODY;
                else
                        return false;
        }
        return false;
}

size_t references_change(struct changing *changing, const char *old_dn, const char *new_dn) {
        struct groups groups = { 0 };
        size_t left = 0;
        bool by_name = changing->directory->ldap->members != LDAP_MEMBERS_DN;
        const char *old = by_name ? changing->change->name : old_dn, *new = by_name && new_dn ? changing->change->new_name : new_dn;
        if (changing->directory->ldap->active_directory)
                return 0; /* its links follow their entries */
        if (find_groups(changing, old, &groups) < 0)
                left = 1;
        for (size_t i = 0; i < groups.count; i++)
                left += !change_group(changing, groups.dns[i], old, new);
        groups_done(&groups);
        return left;
}
