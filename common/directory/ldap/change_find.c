/* The entries that a change is about, read at the server before anything is written; see ldap/change.h. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "directory/ldap/change.h"
#include "directory/ldap/words.h"

struct looking {
        struct directory *directory;
        const char *name;
        unsigned matches;
        bool broken;
        char id[SYNC_ENTRY_ID_MAX + 1], dn[SYNC_DN_MAX + 1]; /* of the first match */
        struct entry_group mapped;                           /* scratch */
};

static void restart(void *userdata) {
        struct looking *looking = userdata;
        looking->matches = 0;
        looking->broken = false;
}

uint64_t read_by_ms(const struct changing *changing) {
        uint64_t own_ms = clock_monotonic_ms() + changing->directory->login_ms;
        return !changing->written ? changing->found_by_ms : own_ms < changing->deadline_ms ? own_ms : changing->deadline_ms;
}

/* As for users (find.c): whether it is the group's name is decided as the replica would (N1). */
static int take_group(void *userdata, const struct ldap_entry *entry) {
        struct looking *looking = userdata;
        const struct entry_context context = { looking->directory->ldap, looking->directory->settings->ids, 0 };
        const char *why;
        enum entry_verdict verdict = entry_map_group(&context, entry, &looking->mapped, &why);
        const struct sync_group *group = &looking->mapped.group;
        if (verdict == ENTRY_NAMELESS || !group->name || !text_same_name(group->name, looking->name))
                return 0;
        looking->matches++;
        if (verdict != ENTRY_OK || !group->dn) {
                looking->broken = true;
                return 0;
        }
        memcpy(looking->id, group->entry_id, strlen(group->entry_id) + 1);
        memcpy(looking->dn, group->dn, strlen(group->dn) + 1);
        return 0;
}

static int look(struct changing *changing, struct looking *looking) {
        struct directory *directory = changing->directory;
        _cleanup_sbuf_ struct sbuf filter = { 0 }, why = { 0 };
        struct entry_attributes attributes;
        entry_group_attributes(directory->ldap, false, &attributes);
        sbuf_printf(&filter, "(&%s", sbuf_text(&directory->group_filter));
        filter_equals(&filter, directory->ldap->group_name, looking->name, strlen(looking->name));
        sbuf_add(&filter, ")");
        const struct search search = {
                .base = sbuf_text(&directory->group_base), .scope = LDAP_SCOPE_SUBTREE, .filter = sbuf_text(&filter), .attributes = attributes.names,
                .size_limit = 20, .domain_scope = directory->ldap->active_directory, .entry = take_group, .userdata = looking,
        };
        int r = filter.failed ? -ENOMEM : session_search(&directory->session, &search, restart, read_by_ms(changing), &why);
        if (r < 0 || looking->broken) {
                log_warning("directory %s: cannot look up a group: %s", directory->settings->name, why.len > 0 ? sbuf_text(&why) : "its entry is of no use");
                outcome_refuse(changing->result, REASON_UNAVAILABLE, "the server cannot be asked for the group: %s",
                               why.len > 0 ? sbuf_text(&why) : "its entry has no id or no usable DN");
        }
        return looking->broken ? -EPROTO : r;
}

bool find_group(struct changing *changing, const char *name, const char *id, char dn[SYNC_DN_MAX + 1]) {
        _cleanup_free_ struct looking *looking = calloc(1, sizeof *looking);
        if (!looking) {
                outcome_refuse(changing->result, REASON_UNAVAILABLE, "the service is out of memory");
                return false;
        }
        looking->directory = changing->directory;
        looking->name = name;
        if (look(changing, looking) < 0)
                return false;
        if (looking->matches != 1 || (id[0] && strcmp(looking->id, id) != 0)) {
                outcome_refuse(changing->result, REASON_GROUP_NOT_FOUND, looking->matches > 1 ? "the server has several groups of that name" : looking->matches == 1 ?
                               "the server has another group of that name by now" : "the server has the group no more");
                return false;
        }
        memcpy(dn, looking->dn, sizeof looking->dn);
        return true;
}

bool find_user(struct changing *changing, const char *name, const char *id, char dn[SYNC_DN_MAX + 1]) {
        struct directory_entry entry = { 0 };
        (void)snprintf(entry.entry_id, sizeof entry.entry_id, "%.*s", SYNC_ENTRY_ID_MAX, id);
        switch (ldap_kind_confirm(changing->directory, name, changing->found_by_ms, &entry)) {
        case PRESENCE_FOUND:
                memcpy(dn, entry.dn, sizeof entry.dn);
                return true;
        case PRESENCE_NOT_FOUND:
                outcome_refuse(changing->result, REASON_USER_NOT_FOUND, "the server has the user no more, or another one of that name");
                return false;
        case PRESENCE_UNAVAILABLE:
        default:
                outcome_refuse(changing->result, REASON_UNAVAILABLE, "the server cannot be asked for the user");
                return false;
        }
}

bool name_is_free(struct changing *changing, bool group, const char *name) {
        struct directory_entry entry = { 0 };
        _cleanup_free_ struct looking *looking = calloc(1, sizeof *looking);
        enum presence presence = PRESENCE_UNAVAILABLE;
        if (looking && group) {
                looking->directory = changing->directory;
                looking->name = name;
                if (look(changing, looking) < 0)
                        return false;
                presence = looking->matches > 0 ? PRESENCE_FOUND : PRESENCE_NOT_FOUND;
        } else if (looking) {
                ldap_kind_find(changing->directory, name, read_by_ms(changing), &entry);
                presence = entry.presence;
        }
        if (presence == PRESENCE_FOUND)
                outcome_refuse(changing->result, REASON_EXISTS, "the server has the name already");
        else if (presence != PRESENCE_NOT_FOUND)
                outcome_refuse(changing->result, REASON_UNAVAILABLE, "the server cannot be asked for the name");
        return presence == PRESENCE_NOT_FOUND;
}

bool group_is_hidden(struct changing *changing, const char *name) {
        const struct change_result before = *changing->result;
        _cleanup_free_ struct looking *looking = calloc(1, sizeof *looking);
        if (!looking)
                return false;
        looking->directory = changing->directory;
        looking->name = name;
        bool hidden = look(changing, looking) == 0 && looking->matches == 0;
        *changing->result = before;
        return hidden;
}

struct reading { const char *attribute; char (*values)[256]; int max, count; };

static int take_values(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        const struct ldap_attribute *attribute = entry_find(entry, reading->attribute);
        reading->count = 0;
        for (size_t i = 0; attribute && i < attribute->count && reading->count < reading->max; i++) {
                const struct berval *value = &attribute->values[i];
                if (value->bv_len >= sizeof *reading->values || memchr(value->bv_val, 0, value->bv_len))
                        continue;
                memcpy(reading->values[reading->count], value->bv_val, value->bv_len);
                reading->values[reading->count++][value->bv_len] = 0;
        }
        return 0;
}

int read_values(struct changing *changing, const char *dn, const char *attribute, char (*values)[256], int max) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        struct reading reading = { .attribute = attribute, .values = values, .max = max };
        const char *names[] = { attribute, NULL };
        const struct search search = { .base = dn, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = names, .size_limit = 1,
                                       .domain_scope = changing->directory->ldap->active_directory, .entry = take_values, .userdata = &reading };
        int r = session_search(&changing->directory->session, &search, NULL, read_by_ms(changing), &why);
        if (r == 0)
                return reading.count;
        outcome_refuse(changing->result, REASON_UNAVAILABLE, "the server cannot be asked for the entry: %s", sbuf_text(&why));
        return -1;
}
