/* What has changed in the naming context; see ldap/active.h. Gathered before a run begins, whose beginning says whether it names all that is there instead. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "directory/ldap/active.h"

#define IDS_MAX 50000u /* more of them, and to list those that are there is no more */

struct gathering { struct reading *reading; struct active_changes *changes; };

void active_changes_done(struct active_changes *changes) {
        intern_done(&changes->ids);
        *changes = (struct active_changes){ 0 };
}

static bool is_of(const struct ldap_attribute *classes, const char *name) {
        for (size_t i = 0; classes && i < classes->count; i++)
                if (classes->values[i].bv_len == strlen(name) && strncasecmp(classes->values[i].bv_val, name, strlen(name)) == 0)
                        return true;
        return false;
}

/* What has no id that can be read is none of the replica's. */
static int take_changed(void *userdata, const struct ldap_entry *entry) {
        struct gathering *gathering = userdata;
        struct active_changes *changes = gathering->changes;
        const struct ldap_attribute *classes = entry_find(entry, "objectClass");
        const char *id = entry_id(&gathering->reading->context, entry, &gathering->reading->user.text);
        uint32_t number;
        if (!id)
                return 0;
        changes->pressing |= !is_of(classes, "computer") && !is_of(classes, "dnsNode");
        return changes->ids.count >= IDS_MAX ? -E2BIG : intern_put(&changes->ids, id, strlen(id), &number);
}

int active_gather(struct reading *reading, const struct active *active, uint64_t after, struct active_changes *changes) {
        const struct ldap_settings *ldap = reading->directory->ldap;
        const char *const attributes[] = { ldap->external_id, "objectClass", NULL };
        struct gathering gathering = { reading, changes };
        _cleanup_sbuf_ struct sbuf why = { 0 };
        char filter[48];
        (void)snprintf(filter, sizeof filter, "(uSNChanged>=%" PRIu64 ")", after + 1);
        const struct search search = {
                .base = active->context, .scope = LDAP_SCOPE_SUBTREE, .filter = filter, .attributes = attributes, .page_size = ldap->page_size,
                .control = active->deleted, .silence_ms = READ_SILENCE_MS, .domain_scope = true, .entry = take_changed, .userdata = &gathering,
        };
        int r = search_run(reading->link, &search, reading->deadline_ms, &why);
        changes->known = r == 0;
        if (r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOMEM)
                sbuf_add(reading->why, r == -ENOMEM ? "memory is out" : sbuf_text(&why));
        return r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOMEM ? r : 0;
}

int active_tell(struct reading *reading, const struct active_changes *changes) {
        const struct sync_sink *sink = reading->sink;
        char id[SYNC_ENTRY_ID_MAX + 1];
        int r = 0;
        for (uint32_t i = 0; i < changes->ids.count && r == 0; i++) {
                const struct intern_text *text = &changes->ids.texts[i];
                (void)snprintf(id, sizeof id, "%.*s", (int)text->len, text->bytes);
                r = sink->gone(sink->userdata, SYNC_KIND_USER, id);
                if (r == 0)
                        r = sink->gone(sink->userdata, SYNC_KIND_GROUP, id);
        }
        return reading_sink_error(reading, r);
}
