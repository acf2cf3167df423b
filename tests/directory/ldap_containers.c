/* What holds entries, looked at twice (D5): whether each that there was is where it was, so that a delta may follow, or everything is to be read.
 * Relies on: cmocka.
 * Must never: need a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "directory/ldap/feed.h"

#define HELD_MAX 4

/* id NULL: the end of a list; "": it has none. Times NULL: it has none; two of them, with a blank between: two values. */
struct held { const char *id, *dn, *created, *modified; };

static const struct ldap_settings settings = { .external_id = "entryUUID" };

#define OLD "20240101000000Z"
#define NEWEST "20240301120000Z"
#define LATER "20240301120001Z"
#define LAST "20250101000000Z"
#define PEOPLE { "1", "ou=people,dc=x", OLD, OLD }
#define GROUPS { "2", "ou=groups,dc=x", NEWEST, NEWEST }

static const struct { const char *name; struct held before[HELD_MAX], now[HELD_MAX]; bool same; } rows[] = {
        { "nothing, still nothing", { { 0 } }, { { 0 } }, true },
        { "all as they were", { PEOPLE, GROUPS }, { PEOPLE, GROUPS }, true },
        { "in another order", { PEOPLE, GROUPS }, { GROUPS, PEOPLE }, true },
        { "changed in place: it is where it was", { PEOPLE, GROUPS }, { { "1", "ou=people,dc=x", OLD, LAST }, GROUPS }, true },
        { "renamed", { PEOPLE, GROUPS }, { { "1", "ou=persons,dc=x", OLD, LAST }, GROUPS }, false },
        { "gone, or out of the base", { PEOPLE, GROUPS }, { GROUPS }, false },
        { "the newest is gone", { PEOPLE, GROUPS }, { PEOPLE }, false },
        { "all are gone", { PEOPLE, GROUPS }, { { 0 } }, false },
        { "another entry under the DN", { PEOPLE, GROUPS }, { { "3", "ou=people,dc=x", LATER, LATER }, GROUPS }, false },
        { "two that changed places", { PEOPLE, GROUPS }, { { "2", "ou=people,dc=x", NEWEST, LAST }, { "1", "ou=groups,dc=x", OLD, LAST } }, false },
        { "one more, never moved", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", LATER, LATER } }, true },
        { "two more", { PEOPLE }, { { "4", "ou=b,dc=x", LAST, LAST }, PEOPLE, { "3", "ou=a,dc=x", LATER, LATER } }, true },
        { "one more, changed since: it may have been elsewhere", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", LATER, LAST } }, false },
        { "one more, and nobody says whether it was changed", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", LATER, NULL } }, false },
        { "one more, of the second in which the newest was made", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", NEWEST, NEWEST } }, false },
        { "one more, older: it has come from elsewhere", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", OLD, OLD } }, false },
        { "one more, without a time", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", NULL, NULL } }, false },
        { "one more, whose time cannot be read", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", "tomorrow at noon", "tomorrow at noon" } }, false },
        { "one more, with two times", { PEOPLE, GROUPS }, { PEOPLE, GROUPS, { "3", "ou=new,dc=x", LATER " " LAST, LATER } }, false },
        { "one more, where there was one with two times", { { "1", "ou=a", OLD " " OLD, OLD } }, { { "1", "ou=a", OLD " " OLD, OLD }, { "2", "ou=b", LATER, LATER } }, false },
        { "one more for one that is gone", { PEOPLE, GROUPS }, { PEOPLE, { "3", "ou=new,dc=x", LATER, LATER } }, false },
        { "no times at all, all as they were", { { "1", "ou=a", NULL, NULL }, { "2", "ou=b", NULL, NULL } }, { { "2", "ou=b", NULL, NULL }, { "1", "ou=a", NULL, NULL } }, true },
        { "no times at all, one more", { { "1", "ou=a", NULL, NULL } }, { { "1", "ou=a", NULL, NULL }, { "2", "ou=b", NULL, NULL } }, false },
        { "no times before, one more that has one", { { "1", "ou=a", NULL, NULL } }, { { "1", "ou=a", NULL, NULL }, { "2", "ou=b", OLD, OLD } }, false },
        { "there was nothing, and now there is", { { 0 } }, { PEOPLE }, false },
        { "no ids, all as they were", { { "", "ou=a", OLD, OLD } }, { { "", "ou=a", OLD, OLD } }, true },
        { "no ids, renamed", { { "", "ou=a", OLD, OLD } }, { { "", "ou=b", OLD, OLD } }, false },
};

static void add_value(struct ldap_entry *entry, struct berval values[2], const char *name, const char *value) {
        size_t first = value ? strcspn(value, " ") : 0;
        bool two = value && value[first] && strlen(value) > 2 * READ_TIME_TEXT;
        if (!value)
                return;
        values[0] = (struct berval){ two ? first : strlen(value), (char *)(uintptr_t)value };
        values[1] = (struct berval){ two ? strlen(value + first + 1) : 0, (char *)(uintptr_t)(value + first + two) };
        entry->attributes[entry->count++] = (struct ldap_attribute){ { strlen(name), (char *)(uintptr_t)name }, values, two ? 2 : 1 };
}

/* Whether it is as the cookie says; the cookie is the next one's. */
static bool look(const struct held *held, struct sync_cookie *cookie) {
        struct feed_holders holders;
        feed_holders_begin(&holders, &settings, cookie);
        for (size_t i = 0; i < HELD_MAX && held[i].id; i++) {
                struct ldap_entry entry = { .dn = { strlen(held[i].dn), (char *)(uintptr_t)held[i].dn } };
                struct berval values[3][2];
                add_value(&entry, values[0], "entryUUID", held[i].id[0] ? held[i].id : NULL);
                add_value(&entry, values[1], "createTimestamp", held[i].created);
                add_value(&entry, values[2], "modifyTimestamp", held[i].modified);
                feed_holders_add(&holders, &entry);
        }
        return feed_holders_end(&holders, cookie);
}

static void looked_at_twice(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct sync_cookie cookie = { 0 };
                if (look(rows[i].before, &cookie))
                        fail_msg("%s: the first look has nothing to compare with", rows[i].name);
                if (look(rows[i].now, &cookie) != rows[i].same)
                        fail_msg("%s: %s", rows[i].name, rows[i].same ? "everything would be read for nothing" : "nobody would notice");
                /* Whatever it was, the third look begins with what there is. */
                if (!look(rows[i].now, &cookie))
                        fail_msg("%s: the cookie is not what there is now", rows[i].name);
        }
}

/* What an earlier version, or another server's data, left there is nothing to go on from. */
static void other_cookies(void **state) {
        static const char *const texts[] = { "x", "2", "2 0000000000000000 20240301120000", "2 0000000000000000 -", "20240301120000", "\xff\xff\xff\xff" };
        static const struct held now[] = { PEOPLE, GROUPS, { 0 } };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct sync_cookie cookie = { 0 };
                feed_cookie_set_text(&cookie, texts[i]);
                if (look(now, &cookie))
                        fail_msg("%s is taken for a cookie", texts[i]);
                assert_true(look(now, &cookie));
        }
}

/* Cut anywhere, or another count or sum. */
static void every_byte_counts(void **state) {
        static const struct held now[] = { PEOPLE, GROUPS, { 0 } };
        struct sync_cookie good = { 0 };
        (void)look(now, &good);
        for (size_t i = 0; i < good.len; i++) {
                struct sync_cookie cookie = good;
                cookie.len = i;
                assert_false(look(now, &cookie));
                cookie = good;
                cookie.bytes[i] ^= 1;
                assert_true(i + READ_TIME_TEXT > good.len || !look(now, &cookie));
        }
}

static void what_is_asked_for(void **state) {
        struct entry_attributes attributes;
        feed_holders_attributes(&settings, &attributes);
        assert_int_equal(attributes.count, 3);
        assert_string_equal(attributes.names[0], "entryUUID");
        assert_string_equal(attributes.names[1], "createTimestamp");
        assert_string_equal(attributes.names[2], "modifyTimestamp");
        assert_null(attributes.names[3]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(looked_at_twice), cmocka_unit_test(other_cookies), cmocka_unit_test(every_byte_counts), cmocka_unit_test(what_is_asked_for),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
