/* What holds entries, as a count and a sum; see ldap/feed.h. As a text: "count sum time", the time "-" where none of them has one.
 * Relies on: ldap/entry, base/hash.
 * Must never: keep them: there may be many, and they are asked for every few seconds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "directory/ldap/feed.h"

#define CREATED "createTimestamp"
#define TEXT_MAX 64u

void feed_holders_attributes(const struct ldap_settings *settings, struct entry_attributes *attributes) {
        *attributes = (struct entry_attributes){ .names = { settings->external_id, CREATED, "modifyTimestamp" }, .count = 3 };
}

static void write_text(uint64_t count, uint64_t sum, const char *time, char text[TEXT_MAX]) {
        (void)snprintf(text, TEXT_MAX, "%" PRIu64 " %016" PRIx64 " %s", count, sum, time[0] ? time : "-");
}

void feed_holders_begin(struct feed_holders *holders, const struct ldap_settings *settings, const struct sync_cookie *before) {
        *holders = (struct feed_holders){ .id_name = settings->external_id };
        /* Whatever else the text says is compared as a text. */
        if (before->len >= READ_TIME_TEXT)
                (void)reading_time_text(&(struct berval){ .bv_len = READ_TIME_TEXT - 1, .bv_val = (char *)(uintptr_t)before->bytes + before->len - (READ_TIME_TEXT - 1) },
                                        holders->since);
}

/* "": it has none that can be read. */
static void time_of(const struct ldap_entry *entry, char time[READ_TIME_TEXT]) {
        const struct ldap_attribute *created = entry_find(entry, CREATED);
        time[0] = 0;
        if (created && created->count == 1)
                (void)reading_time_text(&created->values[0], time);
}

void feed_holders_add(struct feed_holders *holders, const struct ldap_entry *entry) {
        const struct ldap_attribute *id = entry_find(entry, holders->id_name);
        char created[READ_TIME_TEXT];
        uint64_t hash = id && id->count > 0 ? hash_bytes(id->values[0].bv_val, id->values[0].bv_len, HASH_K2) : HASH_K2;
        hash = hash_bytes(entry->dn.bv_val, entry->dn.bv_len, hash);
        time_of(entry, created);
        holders->count++;
        holders->sum += hash;
        if (strcmp(created, holders->newest) > 0)
                memcpy(holders->newest, created, sizeof created);
        if (!holders->since[0] || strcmp(created, holders->since) <= 0) {
                holders->old_count++;
                holders->old_sum += hash;
        } else if (!reading_is_unmoved(entry)) {
                holders->moved = true;
        }
}

bool feed_holders_end(const struct feed_holders *holders, struct sync_cookie *cookie) {
        char before[TEXT_MAX], now[TEXT_MAX];
        write_text(holders->old_count, holders->old_sum, holders->since, before);
        write_text(holders->count, holders->sum, holders->newest, now);
        bool same = !holders->moved && cookie->len == strlen(before) && memcmp(cookie->bytes, before, cookie->len) == 0;
        feed_cookie_set_text(cookie, now);
        return same;
}
