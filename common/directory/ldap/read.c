/* A full synchronisation (D2, D5): all users, all groups, then who is a member of what.
 * Relies on: ldap/search, ldap/entry, ldap/members.
 * Must never: return 0 for a part. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "directory/ldap/dial.h"
#include "directory/ldap/kind.h"
#include "directory/ldap/members.h"
#include "directory/ldap/words.h"

#define CONNECT_MS 15000
#define SILENCE_MS 60000u         /* a server that says nothing for so long has been lost */
#define ENTRIES_MAX (UINT32_C(1) << 23)
#define PROGRESS_EVERY 500

/* A group whose members came in pieces (Active Directory): where the next one begins. */
struct rest { uint32_t group; uint32_t from; char *dn; };

struct reading {
        struct directory *directory;
        const struct sync_sink *sink;
        struct sbuf *why;
        struct entry_context context;
        struct link *link;
        uint64_t deadline_ms, seen, nameless, stateless;
        char nameless_dn[200];           /* the first of them */
        struct members members;
        struct intern user_ids, group_ids;
        struct rest *rests;
        size_t rest_count, rest_size;
        struct rest *resting;            /* the one whose next piece is being read */
        struct entry_user user;          /* scratch */
        struct entry_group group;
};

static void reading_free(struct reading *reading) {
        link_close(reading->link);
        members_done(&reading->members);
        intern_done(&reading->user_ids);
        intern_done(&reading->group_ids);
        for (size_t i = 0; i < reading->rest_count; i++)
                free(reading->rests[i].dn);
        free(reading->rests);
        free(reading);
}

static int complain(struct reading *reading, const struct ldap_entry *entry, int error, const char *text) {
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
                return complain(reading, entry, r, "memory is out");
        if (ids->count == before)
                return complain(reading, entry, -EEXIST, "another entry has the same external_id");
        return ids->count > ENTRIES_MAX ? complain(reading, entry, -E2BIG, "the directory is larger than 8 million entries") : 0;
}

/* It is left out, which somebody who misses it should be able to find out. */
static int skip_nameless(struct reading *reading, const struct ldap_entry *entry) {
        char dn[sizeof reading->nameless_dn];
        if (reading->nameless++ > 0)
                return 0;
        (void)snprintf(dn, sizeof dn, "%.*s", (int)(entry->dn.bv_len < sizeof dn ? entry->dn.bv_len : sizeof dn), entry->dn.bv_val);
        words_copy(dn, reading->nameless_dn, sizeof reading->nameless_dn);
        return 0;
}

static int verdict_error(struct reading *reading, const struct ldap_entry *entry, enum entry_verdict verdict, const char *why) {
        return verdict == ENTRY_BROKEN ? complain(reading, entry, -EINVAL, why) : skip_nameless(reading, entry);
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

static int sink_error(struct reading *reading, int r) {
        if (r < 0)
                sbuf_printf(reading->why, "the replica cannot take it: %s", strerror(-r));
        return r;
}

static int member_error(struct reading *reading, const struct ldap_entry *entry, int r) {
        if (r == -EEXIST)
                return complain(reading, entry, r, "another entry has the same DN");
        if (r == -EMSGSIZE)
                return complain(reading, entry, r, "the server gives its user_member_of in parts: leave that empty, so that group_member is read");
        return r < 0 ? complain(reading, entry, r, r == -E2BIG ? "too many memberships" : "memory is out") : 0;
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

static int take_user(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        struct entry_user *mapped = &reading->user;
        const char *why;
        count(reading);
        enum entry_verdict verdict = entry_map_user(&reading->context, entry, mapped, &why);
        if (verdict != ENTRY_OK)
                return verdict_error(reading, entry, verdict, why);
        const struct sync_user *user = &mapped->user;
        reading->stateless += mapped->state_unknown;
        uint32_t number = reading->members.user_count;
        int r = note_id(reading, &reading->user_ids, user->entry_id, entry);
        if (r < 0)
                return r;
        r = members_add_user(&reading->members, user->dn, user->name, user->gid, user->sid, mapped->primary_rid);
        if (r == 0)
                r = take_member_of(reading, number, entry);
        if (r < 0)
                return member_error(reading, entry, r);
        return sink_error(reading, reading->sink->user(reading->sink->userdata, user));
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
                for (size_t i = 0; i < attribute->count && r == 0; i++)
                        r = members_add_value(&reading->members, group, &attribute->values[i]);
                if (!range.last)
                        *next = range.to + 1;
        }
        return r;
}

static int take_group(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        struct entry_group *mapped = &reading->group;
        const char *why;
        count(reading);
        enum entry_verdict verdict = entry_map_group(&reading->context, entry, mapped, &why);
        if (verdict != ENTRY_OK)
                return verdict_error(reading, entry, verdict, why);
        uint32_t number = reading->members.group_count, next = 0;
        int r = note_id(reading, &reading->group_ids, mapped->group.entry_id, entry);
        if (r < 0)
                return r;
        r = members_add_group(&reading->members, mapped->dn, mapped->group.gid, mapped->group.sid);
        if (r == 0 && !reading->directory->ldap->user_member_of[0])
                r = take_members(reading, number, entry, &next);
        if (r == 0 && next > 0)
                r = note_rest(reading, number, next, entry);
        if (r < 0)
                return member_error(reading, entry, r);
        return sink_error(reading, reading->sink->group(reading->sink->userdata, &mapped->group));
}

static int take_rest(void *userdata, const struct ldap_entry *entry) {
        struct reading *reading = userdata;
        struct rest *rest = reading->resting;
        uint32_t next, from = rest->from;
        int r = take_members(reading, rest->group, entry, &next);
        if (r < 0)
                return member_error(reading, entry, r);
        if (next > 0 && next <= from)
                return complain(reading, entry, -EPROTO, "the server repeats a part of its members");
        rest->from = next;
        return 0;
}

static int run(struct reading *reading, const struct search *search, const char *what) {
        _cleanup_sbuf_ struct sbuf why = { 0 };
        int r = search_run(reading->link, search, reading->deadline_ms, &why);
        if (r == 0)
                return 0;
        /* The callbacks say themselves what was wrong; a search does not know who was asking. */
        if (sbuf_text(&why)[0])
                sbuf_printf(reading->why, "%s below \"%s\": %s", what, search->base, sbuf_text(&why));
        return r;
}

static int read_rest(struct reading *reading, struct rest *rest) {
        const struct ldap_settings *ldap = reading->directory->ldap;
        char name[128];
        const char *const attributes[] = { name, NULL };
        const struct search search = {
                .base = rest->dn, .scope = LDAP_SCOPE_BASE, .filter = "(objectClass=*)", .attributes = attributes, .silence_ms = SILENCE_MS,
                .domain_scope = ldap->active_directory, .entry = take_rest, .userdata = reading,
        };
        int r = 0;
        reading->resting = rest;
        while (r == 0 && rest->from > 0) {
                uint32_t from = rest->from;
                entry_range_attribute(ldap->group_member, from, name, sizeof name);
                r = run(reading, &search, "members");
                if (r == 0 && rest->from == from) {
                        sbuf_printf(reading->why, "the members of \"%s\" could not be read to their end", rest->dn);
                        r = -EPROTO;
                }
        }
        return r;
}

static int read_users(struct reading *reading) {
        const struct directory *directory = reading->directory;
        struct entry_attributes attributes;
        entry_user_attributes(directory->ldap, &attributes);
        const struct search search = {
                .base = sbuf_text(&directory->user_base), .scope = LDAP_SCOPE_SUBTREE, .filter = sbuf_text(&directory->user_filter),
                .attributes = attributes.names, .page_size = directory->ldap->page_size, .silence_ms = SILENCE_MS,
                .domain_scope = directory->ldap->active_directory, .entry = take_user, .userdata = reading,
        };
        return run(reading, &search, "users");
}

static int read_groups(struct reading *reading) {
        const struct directory *directory = reading->directory;
        struct entry_attributes attributes;
        entry_group_attributes(directory->ldap, !directory->ldap->user_member_of[0], &attributes);
        const struct search search = {
                .base = sbuf_text(&directory->group_base), .scope = LDAP_SCOPE_SUBTREE, .filter = sbuf_text(&directory->group_filter),
                .attributes = attributes.names, .page_size = directory->ldap->page_size, .silence_ms = SILENCE_MS,
                .domain_scope = directory->ldap->active_directory, .entry = take_group, .userdata = reading,
        };
        int r = directory->ldap->group_name[0] ? run(reading, &search, "groups") : 0;
        for (size_t i = 0; i < reading->rest_count && r == 0; i++)
                r = read_rest(reading, &reading->rests[i]);
        return r;
}

int ldap_kind_sync(struct directory *directory, const struct sync_sink *sink, struct sbuf *why) {
        struct reading *reading = calloc(1, sizeof *reading);
        if (!reading) {
                sbuf_add(why, "memory is out");
                return -ENOMEM;
        }
        uint64_t now = clock_monotonic_ms();
        uint64_t connect_ms = directory->sync_ms < CONNECT_MS ? directory->sync_ms : CONNECT_MS;
        reading->directory = directory;
        reading->sink = sink;
        reading->why = why;
        reading->deadline_ms = now + directory->sync_ms;
        reading->context = (struct entry_context){ directory->ldap, directory->settings->ids, clock_real_s() };
        reading->members.by_name = directory->ldap->members == LDAP_MEMBERS_NAME;
        reading->members.nested = directory->settings->nested_groups && !reading->members.by_name;
        int r = session_connect(&directory->session, &(struct session_want){ LINK_MESSAGE_LARGE, true }, now + connect_ms, &reading->link, why);
        if (r == 0)
                r = read_users(reading);
        if (r == 0)
                r = read_groups(reading);
        if (r == 0)
                r = sink_error(reading, members_deliver(&reading->members, sink));
        if (r == 0 && sink->progress)
                sink->progress(sink->userdata, reading->seen, reading->seen);
        if (r == 0)
                remark(reading);
        reading_free(reading);
        return r;
}
