/* The groups of one user, asked live, for a delegated directory that imports them (D3).
 * Relies on: ldap/session, ldap/entry, ldap/group_names.
 * Must never: give a part for the whole: who is left out of a group's members loses what the group opens; give a group whose name is another's, too (N2). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "directory/ldap/group_names.h"
#include "directory/ldap/kind.h"
#include "directory/ldap/words.h"

struct asking {
        struct directory *directory;
        struct user_profile *profile;
        uint64_t deadline_ms;
        size_t used;                 /* bytes of profile->groups that those which were found take */
        struct found_group *groups;  /* in the order in which they were found: those they are in are asked for next */
        size_t count, size;
        struct entry_group mapped;   /* scratch */
};

static void found_group_done(struct found_group *group) {
        free(group->entry_id);
        free(group->name);
        free(group->dn);
        free(group->twin);
}

static void asking_free(struct asking *asking) {
        for (size_t i = 0; asking && i < asking->count; i++)
                found_group_done(&asking->groups[i]);
        if (asking)
                free(asking->groups);
        free(asking);
}
DEFINE_CLEANUP(struct asking *, asking_free)

static int keep(struct asking *asking, const struct sync_group *group) {
        if (asking->count == asking->size) {
                size_t size = asking->size > 0 ? 2 * asking->size : 16;
                struct found_group *groups = reallocarray(asking->groups, size, sizeof *groups);
                if (!groups)
                        return -ENOMEM;
                asking->groups = groups;
                asking->size = size;
        }
        struct found_group found = { .entry_id = strdup(group->entry_id), .name = strdup(group->name), .dn = strdup(group->dn ? group->dn : ""), .gid = group->gid };
        if (!found.entry_id || !found.name || !found.dn) {
                found_group_done(&found);
                return -ENOMEM;
        }
        asking->groups[asking->count++] = found;
        return 0;
}

/* A search that is run again, or two ways to one group, tell of it twice. */
static bool is_known(const struct asking *asking, const char *id) {
        for (size_t i = 0; i < asking->count; i++)
                if (strcmp(asking->groups[i].entry_id, id) == 0)
                        return true;
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
        int len = snprintf(NULL, 0, "%s\n%u\n%s\n", group->entry_id, group->gid, group->name);
        if (len < 0 || (size_t)len >= sizeof asking->profile->groups - asking->used)
                return -E2BIG;
        asking->used += (size_t)len;
        return keep(asking, group);
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

static int say(const struct asking *asking, int r, const struct sbuf *why) {
        if (r < 0)
                log_warning("directory %s: cannot read a user's groups: %s", asking->directory->settings->name,
                            r == -E2BIG ? "they are too many" : why->len > 0 ? sbuf_text(why) : strerror(-r));
        return r;
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
        return say(asking, session_search(&directory->session, &search, NULL, asking->deadline_ms, &why), &why);
}

static bool counts(const struct found_group *group) {
        return group->is_named && !group->twin;
}

/* N2: whose the names of those from `from` on are. What does not count takes part in nothing, and what it is in is not asked for. */
static int settle_names(struct asking *asking, size_t from) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        int r = group_names_ask(asking->directory, asking->groups + from, asking->count - from, asking->deadline_ms, &why);
        for (size_t i = from; r == 0 && i < asking->count; i++) {
                const struct found_group *group = &asking->groups[i];
                if (!counts(group))
                        log_warning("directory %s: group %s (%s) is nobody's: %s%s", asking->directory->settings->name, group->name, group->dn,
                                    group->twin ? group->twin : "", group->twin ? " has the same name (N2)" : "the server does not find it by its name");
        }
        return say(asking, r, &why);
}

static int write_groups(struct asking *asking) {
        struct user_profile *profile = asking->profile;
        size_t used = 0;
        for (size_t i = 0; i < asking->count; i++) {
                const struct found_group *group = &asking->groups[i];
                size_t room = sizeof profile->groups - used;
                int len = counts(group) ? snprintf(profile->groups + used, room, "%s\n%u\n%s\n", group->entry_id, group->gid, group->name) : 0;
                if (len < 0 || (size_t)len >= room)
                        return -E2BIG;
                used += (size_t)len;
        }
        return 0;
}

int ldap_kind_groups(struct directory *directory, const char *dn, uint64_t deadline_ms, struct user_profile *profile) {
        bool by_name = directory->ldap->members == LDAP_MEMBERS_NAME;
        _cleanup_(asking_freep) struct asking *asking = calloc(1, sizeof *asking);
        if (!asking)
                return -ENOMEM;
        *asking = (struct asking){ .directory = directory, .profile = profile, .deadline_ms = deadline_ms };
        profile->groups[0] = 0;
        bool nested = directory->settings->nested_groups && !by_name;
        int r = ask(asking, by_name ? NULL : dn);
        size_t settled = 0;
        while (r == 0 && settled < asking->count) {
                size_t from = settled;
                r = settle_names(asking, from);
                settled = asking->count;
                for (size_t i = from; r == 0 && nested && i < settled; i++)
                        if (counts(&asking->groups[i]) && asking->groups[i].dn[0])
                                r = ask(asking, asking->groups[i].dn);
        }
        if (r == 0)
                r = write_groups(asking);
        profile->has_groups = r == 0;
        if (r < 0)
                profile->groups[0] = 0;
        return r;
}
