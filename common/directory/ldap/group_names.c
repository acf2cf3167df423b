/* Whose the names of groups are; see ldap/group_names.h. A delegated directory has no replica that would know of two entries of one name. */
#include "directory/ldap/group_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "directory/ldap/words.h"

enum { NAMES_AT_ONCE = 50 }; /* some servers refuse filters of hundreds of components */

struct naming {
        const struct directory *directory;
        struct found_group *groups;
        size_t count;
        struct entry_group *mapped; /* scratch */
};

static void naming_done(struct naming *naming) {
        free(naming->mapped);
}

/* An entry without a usable id has the name, too. The server compares as its schema says; what is the same name is decided here (N1). */
static int take_namesake(void *userdata, const struct ldap_entry *entry) {
        struct naming *naming = userdata;
        const struct entry_context context = { naming->directory->ldap, naming->directory->settings->ids, 0 };
        const char *why;
        enum entry_verdict verdict = entry_map_group(&context, entry, naming->mapped, &why);
        const struct sync_group *found = &naming->mapped->group;
        for (size_t i = 0; verdict != ENTRY_NAMELESS && found->name && i < naming->count; i++) {
                struct found_group *group = &naming->groups[i];
                if (!text_same_name(found->name, group->name))
                        continue;
                bool is_it = verdict == ENTRY_OK && strcmp(found->entry_id, group->entry_id) == 0;
                group->is_named = group->is_named || is_it;
                if (!is_it && !group->twin && !(group->twin = strndup(entry->dn.bv_val, entry->dn.bv_len)))
                        return -ENOMEM;
        }
        return 0;
}

static int ask_some(struct directory *directory, struct naming *naming, uint64_t deadline_ms, struct sbuf *why) {
        _cleanup_sbuf_ struct sbuf filter = { 0 };
        struct entry_attributes attributes;
        entry_group_attributes(directory->ldap, false, &attributes);
        sbuf_printf(&filter, "(&%s(|", sbuf_text(&directory->group_filter));
        for (size_t i = 0; i < naming->count; i++)
                filter_equals(&filter, directory->ldap->group_name, naming->groups[i].name, strlen(naming->groups[i].name));
        sbuf_add(&filter, "))");
        if (filter.failed)
                return -ENOMEM;
        const struct search search = {
                .base = sbuf_text(&directory->group_base), .scope = LDAP_SCOPE_SUBTREE, .filter = sbuf_text(&filter), .attributes = attributes.names,
                .page_size = directory->ldap->page_size, .domain_scope = directory->ldap->active_directory, .entry = take_namesake, .userdata = naming,
        };
        return session_search(&directory->session, &search, NULL, deadline_ms, why);
}

int group_names_ask(struct directory *directory, struct found_group *groups, size_t count, uint64_t deadline_ms, struct sbuf *why) {
        _cleanup_(naming_done) struct naming naming = { .directory = directory, .mapped = malloc(sizeof *naming.mapped) };
        int r = naming.mapped ? 0 : -ENOMEM;
        for (size_t from = 0; r == 0 && from < count; from += NAMES_AT_ONCE) {
                naming.groups = groups + from;
                naming.count = count - from < NAMES_AT_ONCE ? count - from : NAMES_AT_ONCE;
                r = ask_some(directory, &naming, deadline_ms, why);
        }
        return r;
}
