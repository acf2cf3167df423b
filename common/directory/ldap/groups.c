/* The groups of one user, asked live, for a delegated directory that imports them (D3).
 * Relies on: ldap/session, ldap/entry.
 * Must never: give a part for the whole: who is left out of a group's members loses what the group opens. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "directory/ldap/kind.h"
#include "directory/ldap/words.h"

struct asking {
        struct directory *directory;
        struct user_profile *profile;
        uint64_t deadline_ms;
        size_t used;                 /* bytes of profile->groups */
        char **dns;                  /* of the groups that were found, in that order: those they are in are asked for next */
        size_t count, size;
        struct entry_group mapped;   /* scratch */
};

static void asking_free(struct asking *asking) {
        for (size_t i = 0; asking && i < asking->count; i++)
                free(asking->dns[i]);
        if (asking)
                free(asking->dns);
        free(asking);
}
DEFINE_CLEANUP(struct asking *, asking_free)

static int keep_dn(struct asking *asking, const char *dn) {
        if (asking->count == asking->size) {
                size_t size = asking->size > 0 ? 2 * asking->size : 16;
                char **dns = reallocarray(asking->dns, size, sizeof *dns);
                if (!dns)
                        return -ENOMEM;
                asking->dns = dns;
                asking->size = size;
        }
        asking->dns[asking->count] = strdup(dn);
        return asking->dns[asking->count] ? (asking->count++, 0) : -ENOMEM;
}

/* A search that is run again, or two ways to one group, tell of it twice. Ids have no control characters: a line is an id, or it is none. */
static bool is_known(const struct asking *asking, const char *id) {
        const char *line = asking->profile->groups;
        size_t len = strlen(id);
        for (; *line; line += strcspn(line, "\n") + 1) {
                if (strncmp(line, id, len) == 0 && line[len] == '\n')
                        return true;
                for (int skip = 0; skip < 2; skip++)
                        line += strcspn(line, "\n") + 1;
        }
        return false;
}

/* Names that could not be published are nobody's groups (N3). */
static int take_group(void *userdata, const struct ldap_entry *entry) {
        struct asking *asking = userdata;
        const struct entry_context context = { asking->directory->ldap, asking->directory->settings->ids, 0 };
        const char *why;
        enum entry_verdict verdict = entry_map_group(&context, entry, &asking->mapped, &why);
        const struct sync_group *group = &asking->mapped.group;
        if (verdict != ENTRY_OK || !group->name || text_has_control(group->name, strlen(group->name)))
                return verdict == ENTRY_BROKEN ? -EINVAL : 0;
        if (text_has_control(group->entry_id, strlen(group->entry_id)))
                return -EINVAL;
        if (is_known(asking, group->entry_id))
                return 0;
        char *end = asking->profile->groups + asking->used;
        size_t room = sizeof asking->profile->groups - asking->used;
        int len = snprintf(end, room, "%s\n%u\n%s\n", group->entry_id, group->gid, group->name);
        if (len < 0 || (size_t)len >= room) {
                *end = 0;
                return -E2BIG;
        }
        asking->used += (size_t)len;
        return keep_dn(asking, asking->mapped.group.dn ? asking->mapped.group.dn : "");
}

static void ask_by_dn(const struct asking *asking, struct sbuf *filter, const char *dn) {
        filter_equals(filter, asking->directory->ldap->group_member, dn, strlen(dn));
}

/* M9 */
static void ask_by_name(const struct asking *asking, struct sbuf *filter) {
        const struct ldap_settings *ldap = asking->directory->ldap;
        char gid[12];
        int len = snprintf(gid, sizeof gid, "%u", asking->profile->gid);
        sbuf_add(filter, "(|");
        filter_equals(filter, ldap->group_member, asking->profile->name, strlen(asking->profile->name));
        if (asking->profile->gid != 0 && *ldap->group_gid)
                filter_equals(filter, ldap->group_gid, gid, (size_t)len);
        sbuf_add(filter, ")");
}

/* dn: NULL: the user, by name. */
static int ask(struct asking *asking, const char *dn) {
        struct directory *directory = asking->directory;
        _cleanup_sbuf_ struct sbuf filter = { 0 }, why = { 0 };
        struct entry_attributes attributes;
        entry_group_attributes(directory->ldap, false, &attributes);
        sbuf_printf(&filter, "(&%s", sbuf_text(&directory->group_filter));
        if (dn)
                ask_by_dn(asking, &filter, dn);
        else
                ask_by_name(asking, &filter);
        sbuf_add(&filter, ")");
        if (filter.failed)
                return -ENOMEM;
        const struct search search = {
                .base = sbuf_text(&directory->group_base), .scope = LDAP_SCOPE_SUBTREE, .filter = sbuf_text(&filter), .attributes = attributes.names,
                .page_size = directory->ldap->page_size, .domain_scope = directory->ldap->active_directory, .entry = take_group, .userdata = asking,
        };
        int r = session_search(&directory->session, &search, NULL, asking->deadline_ms, &why);
        if (r < 0)
                log_warning("directory %s: cannot read a user's groups: %s", directory->settings->name,
                            r == -E2BIG ? "they are too many" : why.len > 0 ? sbuf_text(&why) : strerror(-r));
        return r;
}

int ldap_kind_groups(struct directory *directory, const char *dn, uint64_t deadline_ms, struct user_profile *profile) {
        bool by_name = directory->ldap->members == LDAP_MEMBERS_NAME;
        _cleanup_(asking_freep) struct asking *asking = calloc(1, sizeof *asking);
        if (!asking)
                return -ENOMEM;
        *asking = (struct asking){ .directory = directory, .profile = profile, .deadline_ms = deadline_ms };
        profile->groups[0] = 0;
        int r = ask(asking, by_name ? NULL : dn);
        bool nested = directory->settings->nested_groups && !by_name;
        for (size_t i = 0; r == 0 && nested && i < asking->count; i++)
                if (asking->dns[i][0])
                        r = ask(asking, asking->dns[i]);
        profile->has_groups = r == 0;
        if (r < 0)
                profile->groups[0] = 0;
        return r;
}
