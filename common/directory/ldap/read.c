/* Reading entries; see ldap/read.h. */
#include "directory/ldap/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/ldap/computed.h"
#include "directory/ldap/dial.h"
#include "directory/ldap/words.h"
#include "model/sync_key.h"

#define CONNECT_MS 15000
#define ENTRIES_MAX (UINT32_C(1) << 23)
#define PROGRESS_EVERY 500
#define MODIFIED "modifyTimestamp"
#define CREATED "createTimestamp" /* of what was never modified, some servers say only this */

static void forget_entries(struct reading *reading) {
        members_done(&reading->members);
        intern_done(&reading->user_ids);
        intern_done(&reading->group_ids);
        for (size_t i = 0; i < reading->rest_count; i++)
                free(reading->rests[i].dn);
        reading->rest_count = 0;
        reading->members.by_name = reading->directory->ldap->members == LDAP_MEMBERS_NAME;
        reading->members.nested = reading->directory->settings->nested_groups && !reading->members.by_name;
}

void reading_free(struct reading *reading) {
        if (!reading)
                return;
        link_close(reading->link);
        forget_entries(reading);
        free(reading->rests);
        free(reading);
}

void reading_reset(struct reading *reading) {
        forget_entries(reading);
        reading->deadline_ms = clock_monotonic_ms() + reading->directory->sync_ms;
        reading->context = (struct entry_context){ reading->directory->ldap, reading->directory->settings->ids, clock_real_s() };
        reading->seen = reading->nameless = reading->stateless = 0;
        reading->newest[0] = 0;
        reading->again = reading->dynamic = false;
}

int reading_open(struct directory *directory, const struct sync_sink *sink, struct sbuf *why, struct reading **result) {
        struct reading *reading = calloc(1, sizeof *reading);
        if (!reading) {
                sbuf_add(why, "memory is out");
                return -ENOMEM;
        }
        uint64_t connect_ms = directory->sync_ms < CONNECT_MS ? directory->sync_ms : CONNECT_MS;
        reading->directory = directory;
        reading->sink = sink;
        reading->why = why;
        reading_reset(reading);
        int r = session_connect_well(&directory->session, directory->ldap->base, clock_monotonic_ms() + connect_ms, &reading->link, why);
        if (r == 0)
                *result = reading;
        else
                reading_free(reading);
        return r;
}

int reading_complain(struct reading *reading, const struct ldap_entry *entry, int error, const char *text) {
        sbuf_printf(reading->why, "entry %.*s: %s", (int)(entry->dn.bv_len < 200 ? entry->dn.bv_len : 200), entry->dn.bv_val, text);
        return error;
}

static void count(struct reading *reading) {
        reading->seen++;
        if (reading->sink->progress && reading->seen % PROGRESS_EVERY == 0)
                reading->sink->progress(reading->sink->userdata, reading->seen, 0);
}

/* An immutable id that two entries have is none: external_id names the wrong attribute, or an entry was renamed while it was read. */
static int note_id(struct reading *reading, struct intern *ids, const char *id, const struct ldap_entry *entry) {
        uint32_t before = ids->count, number;
        int r = intern_put(ids, id, strlen(id), &number);
        if (r < 0)
                return reading_complain(reading, entry, r, "memory is out");
        if (ids->count == before)
                return reading_complain(reading, entry, -EEXIST, "another entry has the same external_id");
        return ids->count > ENTRIES_MAX ? reading_complain(reading, entry, -E2BIG, "the directory is larger than 8 million entries") : 0;
}

/* What came before the search was given up, and another one was begun, comes again. */
static bool is_known(const struct reading *reading, const struct intern *ids, const char *id) {
        return reading->again && intern_get(ids, id, strlen(id)) != INTERN_NONE;
}

static void note_time_of(struct reading *reading, const struct ldap_entry *entry, const char *name) {
        const struct ldap_attribute *attribute = entry_find(entry, name);
        for (size_t i = 0; attribute && i < attribute->count; i++) {
                char text[READ_TIME_TEXT];
                if (reading_time_text(&attribute->values[i], text) && strcmp(text, reading->newest) > 0)
                        memcpy(reading->newest, text, sizeof text);
        }
}

bool reading_time_text(const struct berval *value, char text[READ_TIME_TEXT]) {
        if (value->bv_len < READ_TIME_TEXT - 1)
                return false;
        for (size_t i = 0; i < READ_TIME_TEXT - 1; i++)
                if (value->bv_val[i] < '0' || value->bv_val[i] > '9')
                        return false;
        memcpy(text, value->bv_val, READ_TIME_TEXT - 1);
        text[READ_TIME_TEXT - 1] = 0;
        return true;
}

bool reading_is_unmoved(const struct ldap_entry *entry) {
        const struct ldap_attribute *modified = entry_find(entry, MODIFIED), *created = entry_find(entry, CREATED);
        char last[READ_TIME_TEXT], first[READ_TIME_TEXT];
        return modified && created && modified->count == 1 && created->count == 1 && reading_time_text(&modified->values[0], last) &&
               reading_time_text(&created->values[0], first) && strcmp(first, last) == 0;
}

void reading_note_time(struct reading *reading, const struct ldap_entry *entry) {
        if (!reading->times)
                return;
        note_time_of(reading, entry, MODIFIED);
        note_time_of(reading, entry, CREATED);
}

int reading_skip_nameless(struct reading *reading, const struct ldap_entry *entry) {
        char dn[sizeof reading->nameless_dn];
        if (reading->nameless++ > 0)
                return 0;
        (void)snprintf(dn, sizeof dn, "%.*s", (int)(entry->dn.bv_len < sizeof dn ? entry->dn.bv_len : sizeof dn), entry->dn.bv_val);
        words_copy(dn, reading->nameless_dn, sizeof reading->nameless_dn);
        return 0;
}

static int verdict_error(struct reading *reading, const struct ldap_entry *entry, enum entry_verdict verdict, const char *why) {
        return verdict == ENTRY_BROKEN ? reading_complain(reading, entry, -EINVAL, why) : reading_skip_nameless(reading, entry);
}

/* What is complete, but perhaps not what was meant. */
static void remark(struct reading *reading) {
        if (reading->stateless > 0)
                sbuf_printf(reading->why, "%llu users are not active, because bind_dn may not read their userAccountControl", (unsigned long long)reading->stateless);
        if (reading->nameless > 0)
                sbuf_printf(reading->why, "%s%llu entries are left out, because they have no name or one that nobody could type, such as %s",
                            reading->stateless > 0 ? "; " : "", (unsigned long long)reading->nameless, reading->nameless_dn);
        if (reading->stateless > 0 || reading->nameless > 0)
                log_warning("directory %s: %s", reading->directory->settings->name, sbuf_text(reading->why));
}

int reading_sink_error(struct reading *reading, int r) {
        if (r < 0)
                sbuf_printf(reading->why, "the replica cannot take it: %s", strerror(-r));
        return r;
}

static int member_error(struct reading *reading, const struct ldap_entry *entry, int r) {
        if (r == -EEXIST)
                return reading_complain(reading, entry, r, "another entry has the same DN");
        if (r == -EMSGSIZE)
                return reading_complain(reading, entry, r, "the server gives its user_member_of in parts: leave that empty, so that group_member is read");
        return r < 0 ? reading_complain(reading, entry, r, r == -E2BIG ? "too many memberships" : "memory is out") : 0;
}

/* A part of them would be taken for all. */
static int take_member_of(struct reading *reading, uint32_t user, const struct ldap_entry *entry) {
        const struct ldap_attribute *attribute;
        struct range range;
        size_t position = 0;
        int r = 0;
        while (r == 0 && (attribute = entry_find_ranged(entry, reading->directory->ldap->user_member_of, &position, &range))) {
                if (range.from > 0 || !range.last)
                        return -EMSGSIZE;
                for (size_t i = 0; i < attribute->count && r == 0; i++)
                        r = members_add_member_of(&reading->members, user, &attribute->values[i]);
        }
        return r;
}

int reading_full_user(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        struct entry_user *mapped = &reading->user;
        const char *why;
        count(reading);
        reading_note_time(reading, entry);
        enum entry_verdict verdict = reading_map_user(reading, entry, &why);
        if (verdict != ENTRY_OK)
                return verdict_error(reading, entry, verdict, why);
        const struct sync_user *user = &mapped->user;
        if (is_known(reading, &reading->user_ids, user->entry_id))
                return 0;
        reading->stateless += mapped->state_unknown;
        uint32_t number = reading->members.user_count;
        int r = note_id(reading, &reading->user_ids, user->entry_id, entry);
        if (r < 0)
                return r;
        r = members_add_user(&reading->members, user);
        if (r == 0)
                r = take_member_of(reading, number, entry);
        if (r < 0)
                return member_error(reading, entry, r);
        return reading_sink_error(reading, reading->sink->user(reading->sink->userdata, user));
}

static int note_rest(struct reading *reading, uint32_t group, uint32_t from, const struct ldap_entry *entry) {
        if (reading->rest_count == reading->rest_size) {
                size_t size = reading->rest_size > 0 ? reading->rest_size * 2 : 16;
                struct rest *rests = reallocarray(reading->rests, size, sizeof *rests);
                if (!rests)
                        return -ENOMEM;
                reading->rests = rests;
                reading->rest_size = size;
        }
        char *dn = strndup(entry->dn.bv_val, entry->dn.bv_len);
        if (!dn)
                return -ENOMEM;
        reading->rests[reading->rest_count++] = (struct rest){ .group = group, .from = from, .dn = dn };
        return 0;
}

/* The values of an entry's member attribute; *next: where the rest begins, 0: there is none. */
static int take_members(struct reading *reading, uint32_t group, const struct ldap_entry *entry, uint32_t *next) {
        const struct ldap_attribute *attribute;
        struct range range;
        size_t position = 0;
        int r = 0;
        *next = 0;
        while (r == 0 && (attribute = entry_find_ranged(entry, reading->directory->ldap->group_member, &position, &range))) {
                r = members_add_values(&reading->members, group, attribute->values, attribute->count);
                if (!range.last)
                        *next = range.to + 1;
        }
        return r;
}

int reading_full_group(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        struct entry_group *mapped = &reading->group;
        const char *why;
        count(reading);
        reading_note_time(reading, entry);
        enum entry_verdict verdict = entry_map_group(&reading->context, entry, mapped, &why);
        if (verdict != ENTRY_OK)
                return verdict_error(reading, entry, verdict, why);
        uint32_t number = reading->members.group_count, next = 0;
        reading->dynamic |= reading->shows_computed && computed_members(entry);
        if (is_known(reading, &reading->group_ids, mapped->group.entry_id))
                return 0;
        int r = note_id(reading, &reading->group_ids, mapped->group.entry_id, entry);
        if (r < 0)
                return r;
        r = members_add_group(&reading->members, &mapped->group);
        if (r == 0 && !reading->directory->ldap->user_member_of[0])
                r = take_members(reading, number, entry, &next);
        if (r == 0 && next > 0)
                r = note_rest(reading, number, next, entry);
        if (r < 0)
                return member_error(reading, entry, r);
        r = reading_sink_error(reading, reading->sink->group(reading->sink->userdata, &mapped->group));
        /* What users say of themselves, and the rest of long groups, is known at the end. */
        if (r < 0 || next > 0 || reading->directory->ldap->user_member_of[0])
                return r;
        return reading_sink_error(reading, members_deliver_group(&reading->members, reading->sink));
}

static int take_rest(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        struct rest *rest = reading->resting;
        uint32_t next, from = rest->from;
        int r = take_members(reading, rest->group, entry, &next);
        if (r < 0)
                return member_error(reading, entry, r);
        if (next > 0 && next <= from)
                return reading_complain(reading, entry, -EPROTO, "the server repeats a part of its members");
        rest->from = next;
        return 0;
}

int reading_search(struct reading *reading, const struct search *search, const char *what) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        int r = search_run(reading->link, search, reading->deadline_ms, &why);
        if (r == 0)
                return 0;
        /* The callbacks say themselves what was wrong; a search does not know who was asking. */
        if (sbuf_text(&why)[0])
                sbuf_printf(reading->why, "%s below \"%s\": %s", what, search->base, sbuf_text(&why));
        if (sbuf_text(&why)[0] && r == -ENOENT)
                ldap_kind_no_base(reading->directory, search->base, reading->why);
        return r;
}

static int read_rest(struct reading *reading, struct rest *rest) {
        const struct ldap_settings *ldap = reading->directory->ldap;
        char name[128];
        const char *const attributes[] = { name, NULL };
        const struct search search = {
                .base = rest->dn, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = attributes, .silence_ms = READ_SILENCE_MS,
                .domain_scope = ldap->active_directory, .entry = take_rest, .userdata = reading,
        };
        int r = 0;
        reading->resting = rest;
        while (r == 0 && rest->from > 0) {
                uint32_t from = rest->from;
                entry_range_attribute(ldap->group_member, from, name, sizeof name);
                r = reading_search(reading, &search, "members");
                if (r == 0 && rest->from == from) {
                        sbuf_printf(reading->why, "the members of \"%s\" could not be read to their end", rest->dn);
                        r = -EPROTO;
                }
        }
        return r;
}

static int read_rests(struct reading *reading) {
        int r = 0;
        for (size_t i = 0; i < reading->rest_count && r == 0; i++)
                r = read_rest(reading, &reading->rests[i]);
        return r;
}

static void add_times(const struct reading *reading, struct entry_attributes *attributes) {
        if (attributes->count + 4 > ENTRY_ATTRIBUTES_MAX)
                return;
        if (reading->fresh_usn > 0) {
                attributes->names[attributes->count++] = READ_USN_CREATED;
                attributes->names[attributes->count++] = READ_METADATA;
                attributes->names[attributes->count] = NULL;
        }
        if (!reading->times)
                return;
        attributes->names[attributes->count++] = MODIFIED;
        attributes->names[attributes->count++] = CREATED;
        attributes->names[attributes->count] = NULL;
}

void reading_user_attributes(const struct reading *reading, struct entry_attributes *attributes) {
        entry_user_attributes(reading->directory->ldap, attributes);
        add_times(reading, attributes);
}

void reading_group_attributes(const struct reading *reading, struct entry_attributes *attributes) {
        entry_group_attributes(reading->directory->ldap, !reading->directory->ldap->user_member_of[0], attributes);
        add_times(reading, attributes);
}

int reading_pages(struct reading *reading, const struct reading_pages *pages) {
        const struct directory *directory = reading->directory;
        const struct search search = {
                .base = sbuf_text(pages->groups ? &directory->group_base : &directory->user_base), .scope = LDAP_SCOPE_SUBTREE, .filter = pages->filter,
                .attributes = pages->attributes, .page_size = directory->ldap->page_size, .silence_ms = READ_SILENCE_MS,
                .domain_scope = directory->ldap->active_directory, .entry = pages->entry, .userdata = reading,
        };
        return pages->groups && !directory->ldap->group_name[0] ? 0 : reading_search(reading, &search, pages->groups ? "groups" : "users");
}

int reading_full_pages(struct reading *reading) {
        struct entry_attributes users, groups;
        reading_user_attributes(reading, &users);
        reading_group_attributes(reading, &groups);
        int r = reading_pages(reading, &(struct reading_pages){ false, sbuf_text(&reading->directory->user_filter), users.names, reading_full_user });
        if (r == 0)
                r = reading_pages(reading, &(struct reading_pages){ true, sbuf_text(&reading->directory->group_filter), groups.names, reading_full_group });
        return r;
}

int reading_begin(struct reading *reading, const struct sync_begin *wanted) {
        const struct ldap_settings *ldap = reading->directory->ldap;
        struct sync_begin begin = *wanted;
        begin.references = ldap->user_member_of[0] ? SYNC_REFERENCES_NONE : reading->members.by_name ? SYNC_REFERENCES_NAME : SYNC_REFERENCES_DN;
        begin.nested = reading->members.nested;
        begin.linked = ldap->active_directory;
        return reading->sink->begin ? reading_sink_error(reading, reading->sink->begin(reading->sink->userdata, &begin)) : 0;
}

int reading_end(struct reading *reading, const char *cookie) {
        remark(reading);
        reading->stateless = reading->nameless = 0;
        return reading->sink->end ? reading_sink_error(reading, reading->sink->end(reading->sink->userdata, cookie)) : 0;
}

int reading_full_end(struct reading *reading, char *cookie) {
        bool all = true;
        int r = read_rests(reading);
        if (r == 0)
                r = reading_sink_error(reading, members_deliver(&reading->members, reading->sink, &all));
        if (r == 0 && (!all || reading->directory->ldap->user_member_of[0]))
                cookie[0] = 0;
        if (r == 0 && reading->sink->progress)
                reading->sink->progress(reading->sink->userdata, reading->seen, reading->seen);
        return r == 0 ? reading_end(reading, cookie) : r;
}
