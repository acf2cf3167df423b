/* Entries of a delta; see ldap/read.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "directory/ldap/active.h" /* and ldap/read.h */
#include "directory/ldap/computed.h"
#include "model/sync_key.h"

static int tell_gone(struct reading *reading, enum sync_kind kind, const struct ldap_entry *entry, const char *gone_id, struct entry_text *text) {
        const char *id = gone_id ? gone_id : entry_id(&reading->context, entry, text);
        if (!id)
                return reading_complain(reading, entry, -EINVAL, "it has neither a name nor an external_id that can be read");
        return reading_sink_error(reading, reading->sink->gone(reading->sink->userdata, kind, id));
}

/* Nobody could name it before: what names it now has changed since, too. */
static bool is_fresh(const struct reading *reading, const struct ldap_entry *entry) {
        const struct ldap_attribute *attribute = reading->fresh_usn > 0 ? entry_find(entry, READ_USN_CREATED) : NULL;
        char digits[24];
        uint64_t number;
        if (!attribute || attribute->count != 1 || attribute->values[0].bv_len >= sizeof digits)
                return false;
        memcpy(digits, attribute->values[0].bv_val, attribute->values[0].bv_len);
        digits[attribute->values[0].bv_len] = 0;
        return text_to_u64(digits, UINT64_MAX, &number) == 0 && number > reading->fresh_usn;
}

/* Deleted and restored since: its groups may have lost it, or have it again, and are not told of. */
static bool is_restored(const struct reading *reading, const struct ldap_entry *entry) {
        const struct ldap_attribute *metadata = reading->fresh_usn > 0 ? entry_find(entry, READ_METADATA) : NULL;
        struct active_stamp stamp;
        return metadata && metadata->count == 1 && active_stamp_of(&metadata->values[0], ACTIVE_IS_DELETED, &stamp) == 0 && stamp.usn > reading->fresh_usn;
}

int reading_delta_user(struct reading *reading, const struct ldap_entry *entry, const char *gone_id) {
        struct entry_user *mapped = &reading->user;
        const char *why;
        reading_note_time(reading, entry);
        enum entry_verdict verdict = reading_map_user(reading, entry, &why);
        if (verdict == ENTRY_BROKEN)
                return reading_complain(reading, entry, -EINVAL, why);
        if (verdict != ENTRY_OK) {
                (void)reading_skip_nameless(reading, entry);
                return tell_gone(reading, SYNC_KIND_USER, entry, gone_id, &mapped->text);
        }
        if (is_restored(reading, entry))
                return -ESTALE;
        reading->stateless += mapped->state_unknown;
        mapped->user.fresh = is_fresh(reading, entry);
        return reading_sink_error(reading, reading->sink->user(reading->sink->userdata, &mapped->user));
}

/* The values of one entry's member attribute, or of a part of it; *next: where the rest begins, 0: there is none. */
static int tell_references(struct reading *reading, const struct ldap_entry *entry, uint32_t *next) {
        const struct ldap_attribute *attribute;
        const struct sync_sink *sink = reading->sink;
        char key[SYNC_KEY_MAX + 1];
        struct range range;
        size_t position = 0;
        int r = 0;
        *next = 0;
        while (r == 0 && (attribute = entry_find_ranged(entry, reading->directory->ldap->group_member, &position, &range))) {
                for (size_t i = 0; i < attribute->count && r == 0; i++) {
                        const struct berval *value = &attribute->values[i];
                        int none = reading->members.by_name ? sync_key_name(value->bv_val, value->bv_len, key, NULL)
                                                            : sync_key_dn(value->bv_val, value->bv_len, key, NULL);
                        r = none == 0 ? sink->reference(sink->userdata, key) : 0;
                }
                if (!range.last)
                        *next = range.to + 1;
        }
        return reading_sink_error(reading, r);
}

struct piece { struct reading *reading; uint32_t from; };

static int take_piece(void *userdata, const struct ldap_entry *entry) {
        struct piece *piece = userdata;
        uint32_t next;
        int r = tell_references(piece->reading, entry, &next);
        if (r == 0 && next > 0 && next <= piece->from)
                return reading_complain(piece->reading, entry, -EPROTO, "the server repeats a part of its members");
        piece->from = next;
        return r;
}

/* Right away: the values of one group must not be told after another group. libldap keeps what else comes for whoever waits for it. */
static int tell_rest(struct reading *reading, const struct ldap_entry *entry, uint32_t from) {
        const struct ldap_settings *ldap = reading->directory->ldap;
        char name[128], dn[SYNC_DN_MAX + 1];
        const char *const attributes[] = { name, NULL };
        struct piece piece = { reading, from };
        int r = 0;
        if (entry->dn.bv_len >= sizeof dn)
                return reading_complain(reading, entry, -EMSGSIZE, "its name is too long");
        memcpy(dn, entry->dn.bv_val, entry->dn.bv_len);
        dn[entry->dn.bv_len] = 0;
        const struct search search = {
                .base = dn, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = attributes, .silence_ms = READ_SILENCE_MS,
                .domain_scope = ldap->active_directory, .entry = take_piece, .userdata = &piece,
        };
        while (r == 0 && piece.from > 0) {
                uint32_t before = piece.from;
                entry_range_attribute(ldap->group_member, before, name, sizeof name);
                r = reading_search(reading, &search, "members");
                if (r == 0 && piece.from == before)
                        r = reading_complain(reading, entry, -EPROTO, "its members could not be read to their end");
        }
        return r;
}

int reading_delta_group(struct reading *reading, const struct ldap_entry *entry, const char *gone_id) {
        struct entry_group *mapped = &reading->group;
        const char *why;
        uint32_t next = 0;
        reading_note_time(reading, entry);
        enum entry_verdict verdict = entry_map_group(&reading->context, entry, mapped, &why);
        if (verdict == ENTRY_BROKEN)
                return reading_complain(reading, entry, -EINVAL, why);
        if (verdict != ENTRY_OK) {
                (void)reading_skip_nameless(reading, entry);
                return tell_gone(reading, SYNC_KIND_GROUP, entry, gone_id, &mapped->text);
        }
        if (is_restored(reading, entry) || (reading->shows_computed && computed_members(entry)))
                return -ESTALE;
        mapped->group.fresh = is_fresh(reading, entry);
        int r = reading_sink_error(reading, reading->sink->group(reading->sink->userdata, &mapped->group));
        if (r == 0)
                r = tell_references(reading, entry, &next);
        return r == 0 && next > 0 ? tell_rest(reading, entry, next) : r;
}
